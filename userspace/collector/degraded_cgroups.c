/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>

#include <hadal/cgroup.h>

#include "degraded_cgroups.h"

struct told_cgroup {
	UT_hash_handle hh;
	uint64_t id;
	uint32_t walk;	/* that found it last */
};

/* Alone, or beside version 1. */
static const char *find_mount(void)
{
	static const char *const mounts[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	uint64_t id;

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (hadal_cgroup_id(mounts[i], &id) == 0)
			return mounts[i];
	}
	return NULL;
}

void degraded_cgroups_init(struct degraded_cgroups *cgroups, unsigned int limit, struct record_queue *queue)
{
	*cgroups = (struct degraded_cgroups){ .limit = limit, .queue = queue, .mount = find_mount() };
}

static void forget_pending(struct degraded_cgroups *cgroups)
{
	while (cgroups->pending_count)
		free(cgroups->pending[--cgroups->pending_count]);
}

void degraded_cgroups_free(struct degraded_cgroups *cgroups)
{
	struct told_cgroup *told, *next;

	HASH_ITER(hh, cgroups->table, told, next) {
		HASH_DEL(cgroups->table, told);
		free(told);
	}
	forget_pending(cgroups);
	free(cgroups->pending);
	cgroups->pending = NULL;
}

static void tell(struct degraded_cgroups *cgroups, uint16_t type, uint64_t id, const char *path, uint64_t now)
{
	struct {
		struct hadal_record_cgroup record;
		char path[HADAL_CGROUP_PATH_MAX];
	} message = {
		.record = {
			.header = { .type = type, .record_class = HADAL_CLASS_CGROUP, .time = now },
			.cgroup_id = id, .path_offset = sizeof(struct hadal_record_cgroup),
		},
	};
	size_t length = strlen(path);

	if (length >= HADAL_CGROUP_PATH_MAX)
		return;
	message.record.path_len = (uint16_t)length;
	for (const char *at = path; (at = strchr(at, '/')) && at[1]; at++)
		message.record.level++;
	memcpy(message.path, path, length);
	record_queue_add(cgroups->queue, &message.record.header, sizeof(message.record) + length);
}

static struct told_cgroup *find_or_new(struct degraded_cgroups *cgroups, uint64_t id, bool *new)
{
	struct told_cgroup *told;

	HASH_FIND(hh, cgroups->table, &id, sizeof(id), told);
	*new = !told;
	if (told || HASH_COUNT(cgroups->table) >= cgroups->limit)
		return told;
	told = calloc(1, sizeof(*told));
	if (!told)
		return NULL;
	told->id = id;
	HASH_ADD(hh, cgroups->table, id, sizeof(told->id), told);
	if (TABLE_INSERTED(told, hh))
		return told;
	free(told);
	return NULL;
}

void degraded_cgroups_meet(struct degraded_cgroups *cgroups, uint64_t id, const char *path, uint64_t now)
{
	struct told_cgroup *told;
	bool new;

	if (!id || !*path)
		return;
	told = find_or_new(cgroups, id, &new);
	if (!told || !new)
		return;
	told->walk = cgroups->walk;
	tell(cgroups, cgroups->walked ? HADAL_RECORD_CGROUP_MKDIR : HADAL_RECORD_CGROUP_EXISTING, id, path, now);
}

/* ---- all there are ---- */

static void remember(struct degraded_cgroups *cgroups, const char *path)
{
	size_t room = cgroups->pending_room ? 2 * cgroups->pending_room : 64;
	char **pending;

	if (cgroups->pending_count >= cgroups->limit)
		return;
	if (cgroups->pending_count == cgroups->pending_room) {
		pending = reallocarray(cgroups->pending, room, sizeof(*pending));
		if (!pending)
			return;
		cgroups->pending = pending;
		cgroups->pending_room = room;
	}
	cgroups->pending[cgroups->pending_count] = strdup(path);
	if (cgroups->pending[cgroups->pending_count])
		cgroups->pending_count++;
}

static void found(struct degraded_cgroups *cgroups, uint64_t id, const char *path, uint64_t now)
{
	struct told_cgroup *told;
	bool new;

	told = find_or_new(cgroups, id, &new);
	if (told)
		told->walk = cgroups->walk;
	cgroups->found++;
	tell(cgroups, HADAL_RECORD_CGROUP_EXISTING, id, path, now);
}

static void read_directory(struct degraded_cgroups *cgroups, const char *path, uint64_t now)
{
	char name[2 * HADAL_CGROUP_PATH_MAX], below[HADAL_CGROUP_PATH_MAX];
	const struct dirent *entry;
	DIR *directory;

	snprintf(name, sizeof(name), "%s%s", cgroups->mount, path);
	directory = opendir(name);
	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) >= (int)sizeof(below))
			continue;
		found(cgroups, entry->d_ino, below, now);
		remember(cgroups, below);
	}
	closedir(directory);
}

void degraded_cgroups_walk(struct degraded_cgroups *cgroups, uint64_t now)
{
	uint64_t id;

	cgroups->walk++;
	cgroups->found = 0;
	forget_pending(cgroups);
	if (!cgroups->mount || hadal_cgroup_id(cgroups->mount, &id))
		return;
	found(cgroups, id, "/", now);
	remember(cgroups, "");
}

/* Who makes cgroups faster than they are read does not keep us for ever. */
static bool is_too_many(const struct degraded_cgroups *cgroups)
{
	return cgroups->found > cgroups->limit;
}

static void forget_gone(struct degraded_cgroups *cgroups)
{
	struct told_cgroup *told, *next;

	HASH_ITER(hh, cgroups->table, told, next) {
		if (told->walk == cgroups->walk)
			continue;
		HASH_DEL(cgroups->table, told);
		free(told);
	}
}

bool degraded_cgroups_step(struct degraded_cgroups *cgroups, unsigned int count, uint64_t now)
{
	char *path;

	while (cgroups->pending_count && count-- && !is_too_many(cgroups)) {
		path = cgroups->pending[--cgroups->pending_count];
		read_directory(cgroups, path, now);
		free(path);
	}
	if (cgroups->pending_count && !is_too_many(cgroups))
		return true;
	/* So that the dump shows as cut. */
	cgroups->found += cgroups->pending_count;
	forget_pending(cgroups);
	forget_gone(cgroups);
	cgroups->walked = true;
	return false;
}
