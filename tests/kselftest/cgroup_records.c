// SPDX-License-Identifier: MIT
/* Cgroups that are made, removed and dumped: once each, with their paths. */
#include <errno.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroups.h"
#include "harness.h"
#include "host.h"
#include "patience.h"
#include "recorder.h"

#define MANY	300
#define PAGE	4096	/* bytes: the smallest ring */

FIXTURE(cgroups) {
	struct recorder recorder;
	struct hadal_config config;
	struct cgroup top;
};

FIXTURE_SETUP(cgroups)
{
	self->recorder.session.fd = -1;
	session_defaults(&self->config);
	self->config.classes = HADAL_CLASS_BIT(HADAL_CLASS_CGROUP);
	cgroup_make(&self->top, "hadal-records");
}

FIXTURE_TEARDOWN(cgroups)
{
	recorder_close(&self->recorder);
	rmdir(self->top.path);
}

struct wanted {
	uint16_t type;
	uint64_t id;	/* 0: any */
};

static const struct hadal_record_cgroup *as_cgroup(const struct hadal_record *record)
{
	return (const void *)record;
}

static bool is_wanted(const struct hadal_record *record, const void *context)
{
	const struct wanted *wanted = context;

	return record->type == wanted->type &&
	       (!wanted->id || as_cgroup(record)->cgroup_id == wanted->id);
}

static size_t count(const struct cgroups *self, uint16_t type, uint64_t id)
{
	const struct wanted wanted = { type, id };

	return recorder_count(&self->recorder, is_wanted, &wanted);
}

/* The only one, which must be. */
static const struct hadal_record_cgroup *the_record(const struct cgroups *self, uint16_t type,
						    uint64_t id)
{
	const struct wanted wanted = { type, id };
	size_t cursor = 0;

	ASSERT_EQ(1, count(self, type, id));
	return as_cgroup(recorder_find(&self->recorder, &cursor, is_wanted, &wanted));
}

static void check_path(const struct hadal_record_cgroup *record, const char *path)
{
	const char *seen = (const char *)record + record->path_offset;

	EXPECT_EQ(strlen(path), record->path_len);
	EXPECT_TRUE(!strncmp(path, seen, record->path_len));
	EXPECT_EQ(0, record->flags);
}

static void make_below(unsigned int number, struct cgroup *group)
{
	char name[64];

	snprintf(name, sizeof(name), "hadal-records/%u", number);
	cgroup_make(group, name);
}

TEST_F(cgroups, made_and_removed)
{
	const struct hadal_record_cgroup *made, *removed;
	struct cgroup group;

	recorder_begin(&self->recorder, &self->config);
	make_below(7, &group);
	cgroup_remove(&group);
	recorder_end(&self->recorder);
	made = the_record(self, HADAL_RECORD_CGROUP_MKDIR, group.id);
	removed = the_record(self, HADAL_RECORD_CGROUP_RMDIR, group.id);
	check_path(made, "/hadal-records/7");
	check_path(removed, "");
	EXPECT_EQ(2, made->level);
	EXPECT_EQ(2, removed->level);
	EXPECT_EQ(0, made->hierarchy);
	EXPECT_EQ(0, removed->hierarchy);
	EXPECT_LT(made->header.time, removed->header.time);
}

TEST_F(cgroups, each_of_many)
{
	struct cgroup groups[MANY];
	unsigned int i;

	recorder_begin(&self->recorder, &self->config);
	for (i = 0; i < MANY; i++)
		make_below(i, &groups[i]);
	for (i = 0; i < MANY; i++)
		cgroup_remove(&groups[i]);
	recorder_end(&self->recorder);
	recorder_check_counts(&self->recorder);
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_MKDIR, groups[i].id));
		EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_RMDIR, groups[i].id));
	}
}

/* Deeper than the kernel formats. */
TEST_F(cgroups, long_path)
{
	char name[200], path[PATH_MAX];
	const struct hadal_record_cgroup *last = NULL;
	const struct wanted made = { .type = HADAL_RECORD_CGROUP_MKDIR };
	const struct hadal_record *record;
	size_t cursor = 0;
	int depth;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	recorder_begin(&self->recorder, &self->config);
	strcpy(path, self->top.path);
	for (depth = 0; depth < 6; depth++) {
		snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", name);
		MUST(mkdir(path, 0755));
	}
	for (; depth > 0; depth--) {
		MUST(rmdir(path));
		*strrchr(path, '/') = '\0';
	}
	recorder_end(&self->recorder);
	EXPECT_EQ(6, count(self, HADAL_RECORD_CGROUP_RMDIR, 0));
	while ((record = recorder_find(&self->recorder, &cursor, is_wanted, &made)))
		last = as_cgroup(record);
	ASSERT_EQ(6, count(self, HADAL_RECORD_CGROUP_MKDIR, 0));
	EXPECT_EQ(7, last->level);
	EXPECT_EQ(HADAL_CGROUP_PATH_TRUNCATED, last->flags);
	EXPECT_LE(last->path_len, 1024);
}

TEST_F(cgroups, not_asked_for)
{
	struct cgroup group;

	self->config.classes = HADAL_CLASS_BIT(HADAL_CLASS_PROCESS);
	recorder_begin(&self->recorder, &self->config);
	make_below(0, &group);
	cgroup_remove(&group);
	recorder_end(&self->recorder);
	EXPECT_EQ(0, self->recorder.seen[HADAL_CLASS_CGROUP]);
}

/* The hooks go and come with who asks, whatever others do. */
TEST_F(cgroups, asked_for_later)
{
	struct recorder other = { .session.fd = -1 };
	struct hadal_config processes = self->config;
	struct cgroup group;

	processes.classes = HADAL_CLASS_BIT(HADAL_CLASS_PROCESS);
	recorder_begin(&other, &processes);
	recorder_begin(&self->recorder, &self->config);
	make_below(0, &group);
	cgroup_remove(&group);
	recorder_end(&self->recorder);
	make_below(1, &group);
	recorder_end(&other);
	recorder_close(&other);
	cgroup_remove(&group);
	EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_MKDIR, 0));
	EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_RMDIR, 0));
}

TEST_F(cgroups, filtered)
{
	struct cgroup inside, outside;

	self->config.cgroup_count = 1;
	self->config.cgroups[0] = self->top.id;
	recorder_begin(&self->recorder, &self->config);
	make_below(0, &inside);
	cgroup_make(&outside, "hadal-records-outside");
	recorder_dump(&self->recorder, HADAL_DUMP_CGROUPS);
	cgroup_remove(&outside);
	cgroup_remove(&inside);
	recorder_end(&self->recorder);
	recorder_check_counts(&self->recorder);
	EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_MKDIR, 0));
	EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_MKDIR, inside.id));
	EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_RMDIR, 0));
	EXPECT_EQ(2, count(self, HADAL_RECORD_CGROUP_EXISTING, 0));
	EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_EXISTING, self->top.id));
	EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_EXISTING, inside.id));
}

/* ---- dumps ---- */

static size_t directories;

static int count_directory(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)path;
	(void)status;
	(void)at;
	directories += type == FTW_D;
	return 0;
}

/* Of the whole hierarchy, its root included. */
static size_t count_directories(const struct cgroups *self)
{
	char root[PATH_MAX];

	strcpy(root, self->top.path);
	directories = 0;
	MUST(nftw(dirname(root), count_directory, 16, FTW_PHYS | FTW_MOUNT));
	return directories;
}

TEST_F(cgroups, existing)
{
	const struct hadal_record_cgroup *top;
	uint64_t records;

	recorder_begin(&self->recorder, &self->config);
	records = recorder_dump(&self->recorder, HADAL_DUMP_CGROUPS);
	recorder_end(&self->recorder);
	EXPECT_EQ(count_directories(self), records);
	EXPECT_EQ(records, count(self, HADAL_RECORD_CGROUP_EXISTING, 0));
	top = the_record(self, HADAL_RECORD_CGROUP_EXISTING, self->top.id);
	check_path(top, "/hadal-records");
	EXPECT_EQ(1, top->level);
	EXPECT_EQ(0, top->hierarchy);
	check_path(the_record(self, HADAL_RECORD_CGROUP_EXISTING, 1), "/");
}

/* More than the session's ring holds at once. */
static void begin_with_many(struct cgroups *self, struct cgroup *groups)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		make_below(i, &groups[i]);
	self->config.lifecycle_ring_size = PAGE;
	recorder_begin(&self->recorder, &self->config);
}

/* Each once, and none lost. */
TEST_F(cgroups, existing_in_slices)
{
	struct cgroup groups[MANY];
	unsigned int i;

	begin_with_many(self, groups);
	recorder_dump(&self->recorder, HADAL_DUMP_CGROUPS);
	recorder_end(&self->recorder);
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_EXISTING, groups[i].id));
		cgroup_remove(&groups[i]);
	}
}

static uint32_t dump_slice(struct cgroups *self)
{
	struct hadal_dump dump = { .size = sizeof(dump), .what = HADAL_DUMP_CGROUPS };

	ASSERT_EQ(0, session_dump(&self->recorder.session, &dump));
	return dump.state;
}

/* What the dump stands at goes away: it finds the rest all the same. */
TEST_F(cgroups, removed_while_dumped)
{
	struct cgroup groups[MANY], last;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		make_below(i, &groups[i]);
	self->config.lifecycle_ring_size = PAGE;
	recorder_begin(&self->recorder, &self->config);
	ASSERT_EQ(HADAL_DUMP_MORE, dump_slice(self));
	for (i = 0; i < MANY; i++) {
		recorder_drain(&self->recorder);
		cgroup_remove(&groups[i]);
	}
	cgroup_make(&last, "hadal-records-last");
	recorder_drain(&self->recorder);
	while (dump_slice(self) == HADAL_DUMP_MORE)
		recorder_drain(&self->recorder);
	recorder_end(&self->recorder);
	EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_EXISTING, last.id));
	for (i = 0; i < MANY; i++) {
		EXPECT_EQ(1, count(self, HADAL_RECORD_CGROUP_RMDIR, groups[i].id));
		EXPECT_GE(1, count(self, HADAL_RECORD_CGROUP_EXISTING, groups[i].id));
	}
	cgroup_remove(&last);
}

static unsigned int dying(const struct cgroups *self)
{
	static const char label[] = "nr_dying_descendants ";
	char path[PATH_MAX + 16], text[1024], *at;

	snprintf(path, sizeof(path), "%s/cgroup.stat", self->top.path);
	file_read(path, text, sizeof(text));
	at = strstr(text, label);
	ASSERT_TRUE(at != NULL);
	return (unsigned int)strtoul(at + strlen(label), NULL, 10);
}

/* A dump that is not finished holds none back when its session stops. */
TEST_F(cgroups, abandoned_dump)
{
	struct patience patience = patience_begin();
	struct cgroup groups[MANY];
	unsigned int i;

	begin_with_many(self, groups);
	do {
		recorder_drain(&self->recorder);
		ASSERT_EQ(HADAL_DUMP_MORE, dump_slice(self));
	} while (!count(self, HADAL_RECORD_CGROUP_EXISTING, groups[MANY / 2].id));
	recorder_end(&self->recorder);
	for (i = 0; i < MANY; i++)
		cgroup_remove(&groups[i]);
	while (dying(self) && patience_left(&patience))
		;
	EXPECT_EQ(0, dying(self));
}

HARNESS_MAIN
