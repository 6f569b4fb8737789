// SPDX-License-Identifier: MIT
/*
 * What the module shows in /sys, and the page that describes it: each file is
 * there, each is described, its mode is as stated, and it can be read.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "host.h"

#define PAGE		"docs/sysfs-class-misc-hadal"
#define PARAMETERS	"/sys/module/hadal/parameters/"
#define FILES		128	/* more than there are */

struct described {
	char path[256];
	bool is_writable;
};

FIXTURE(sysfs) {
	struct described files[FILES];
	size_t count;
};

/* From the paths of one entry to its description, which begins with (RO) or (RW). */
static void read_page(struct sysfs *self)
{
	FILE *page = fopen(PAGE, "re");
	char line[512];
	size_t begun = 0, i;

	ASSERT_TRUE(page != NULL);
	while (fgets(line, sizeof(line), page)) {
		ASSERT_LT(self->count, FILES);
		if (sscanf(line, "What: %255s", self->files[self->count].path) == 1)
			self->count++;
		if (strncmp(line, "\t\t(R", 4))
			continue;
		for (i = begun; i < self->count; i++)
			self->files[i].is_writable = line[4] == 'W';
		begun = self->count;
	}
	fclose(page);
	ASSERT_EQ(begun, self->count);
}

FIXTURE_SETUP(sysfs)
{
	read_page(self);
}

FIXTURE_TEARDOWN(sysfs)
{
	(void)self;
}

static const struct described *find(const struct sysfs *self, const char *path)
{
	size_t i;

	for (i = 0; i < self->count; i++)
		if (!strcmp(self->files[i].path, path))
			return &self->files[i];
	return NULL;
}

/* Of every device: not the module's. */
static bool is_common(const char *name)
{
	static const char *const common[] = { "dev", "power", "subsystem", "uevent" };
	size_t i;

	for (i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (!strcmp(name, common[i]))
			return true;
	return false;
}

static void check_file(const struct sysfs *self, const char *path, mode_t mode)
{
	const struct described *described = find(self, path);
	char value[256];

	if (!described) {
		harness_fail_at(__FILE__, __LINE__, false, "%s is not described", path);
		return;
	}
	EXPECT_EQ(described->is_writable ? 0644 : 0444, mode & 0777);
	EXPECT_LT(1, file_read(path, value, sizeof(value)));
}

static size_t check_directory(const struct sysfs *self, const char *directory)
{
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	struct stat status;
	char path[512];
	size_t count = 0;

	ASSERT_TRUE(entries != NULL);
	while ((entry = readdir(entries))) {
		if (entry->d_name[0] == '.' || is_common(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s%s", directory, entry->d_name);
		MUST(stat(path, &status));
		if (S_ISDIR(status.st_mode)) {
			strcat(path, "/");
			count += check_directory(self, path);
		} else {
			check_file(self, path, status.st_mode);
			count++;
		}
	}
	closedir(entries);
	return count;
}

TEST_F(sysfs, each_file_is_described)
{
	EXPECT_LT(30, check_directory(self, HADAL_SYS) + check_directory(self, PARAMETERS));
}

TEST_F(sysfs, each_described_is_there)
{
	bool is_debug = !access(HADAL_SYS "debug_probes", F_OK);
	size_t i;

	for (i = 0; i < self->count; i++) {
		if (!is_debug && strstr(self->files[i].path, "/debug_"))
			continue;
		if (access(self->files[i].path, R_OK))
			harness_fail_at(__FILE__, __LINE__, false, "%s is not there",
					self->files[i].path);
	}
}

HARNESS_MAIN
