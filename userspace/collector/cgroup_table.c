/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "cgroup_table.h"

#define MILLISECOND 1000000ULL

void cgroups_init(struct cgroups *cgroups, unsigned int limit, uint64_t wait, struct containers *containers,
		  cgroup_path_fn path, void *path_context, struct counts *counts)
{
	*cgroups = (struct cgroups){ .limit = limit, .wait = wait, .containers = containers, .path = path,
				     .path_context = path_context, .counts = counts };
}

void cgroup_unit(const char *path, char unit[UNIT_SIZE])
{
	static const char suffix[] = ".service";
	size_t end = strlen(path), start, length;

	unit[0] = '\0';
	while (end > 0) {
		start = end;
		while (start > 0 && path[start - 1] != '/')
			start--;
		length = end - start;
		if (length >= sizeof(suffix) && length < UNIT_SIZE &&
		    memcmp(path + end - (sizeof(suffix) - 1), suffix, sizeof(suffix) - 1) == 0) {
			memcpy(unit, path + start, length);
			unit[length] = '\0';
			return;
		}
		end = start ? start - 1 : 0;
	}
}

/* Tasks have a cgroup of their own where they have limits of their own, and in the forms that tell of them. */
static void begin_usage(struct cgroups *cgroups, const struct cgroup *cgroup, const char *path, bool made, uint64_t now)
{
	const struct usage_reader *reader = &cgroups->containers->usage;
	struct container *container = cgroup->container;
	uint64_t id = cgroup->key.id;

	usage_begin(&container->usage, reader, path, container->id, id, made, now);
	if (container->task)
		usage_begin(&container->task->usage, reader, path, container->task->id, id, false, now);
}

/* @made: it is told of as it begins. */
static void cgroup_learn(struct cgroups *cgroups, struct cgroup *cgroup, const char *path, int pid, bool made,
			 uint64_t now)
{
	char container_id[HADAL_CONTAINER_ID_SIZE], task_id[HADAL_TASK_ID_SIZE];

	cgroup->known = true;
	if (!hadal_cgroup_parse(path, container_id, task_id)) {
		cgroup_unit(path, cgroup->unit);
		return;
	}
	cgroup->container = container_get(cgroups->containers, container_id, now);
	if (!cgroup->container)
		return;
	cgroup->container->references++;
	cgroup->container->removed += cgroup->removed;
	if (!cgroup->container->pid)
		cgroup->container->pid = pid;
	container_in_task(cgroups->containers, cgroup->container, task_id);
	begin_usage(cgroups, cgroup, path, made, now);
}

static void ask_path(struct cgroups *cgroups, struct cgroup *cgroup, int pid, uint64_t now)
{
	char path[HADAL_CGROUP_PATH_MAX];

	cgroup->next_attempt = now + (50 * MILLISECOND << cgroup->attempts);
	if (cgroup->attempts < 7)
		cgroup->attempts++;
	if (!cgroups->path(cgroups->path_context, cgroup->key.hierarchy, cgroup->key.id, pid, path, sizeof(path)))
		cgroup_learn(cgroups, cgroup, path, pid, false, now);
}

static void cgroup_remove(struct cgroups *cgroups, struct cgroup *cgroup)
{
	if (cgroup->removed)
		DL_DELETE(cgroups->removed, cgroup);
	if (cgroup->container) {
		cgroup->container->references--;
		cgroup->container->removed -= cgroup->removed;
	}
	HASH_DEL(cgroups->table, cgroup);
	free(cgroup);
}

/* When the table is full the longest removed makes room. */
static bool make_room(struct cgroups *cgroups)
{
	struct cgroup *cgroup;

	if (HASH_COUNT(cgroups->table) < cgroups->limit)
		return true;
	DL_FOREACH(cgroups->removed, cgroup) {
		if (cgroup->references)
			continue;
		cgroup_remove(cgroups, cgroup);
		cgroups->evicted++;
		return true;
	}
	return false;
}

static struct cgroup *cgroup_new(struct cgroups *cgroups, const struct cgroup_key *key, uint64_t now)
{
	struct cgroup *cgroup = NULL;

	if (make_room(cgroups))
		cgroup = calloc(1, sizeof(*cgroup));
	if (!cgroup)
		return NULL;
	cgroup->key = *key;
	cgroup->deadline = now + cgroups->wait;
	cgroup->unused_since = now;
	HASH_ADD(hh, cgroups->table, key, sizeof(cgroup->key), cgroup);
	if (TABLE_INSERTED(cgroup, hh))
		return cgroup;
	free(cgroup);
	return NULL;
}

static struct cgroup *cgroup_find(const struct cgroups *cgroups, uint32_t hierarchy, uint64_t id)
{
	struct cgroup_key key = { .id = id, .hierarchy = hierarchy };
	struct cgroup *cgroup;

	HASH_FIND(hh, cgroups->table, &key, sizeof(key), cgroup);
	return cgroup;
}

static struct cgroup *find_or_new(struct cgroups *cgroups, uint32_t hierarchy, uint64_t id, uint64_t now)
{
	struct cgroup_key key = { .id = id, .hierarchy = hierarchy };
	struct cgroup *cgroup = cgroup_find(cgroups, hierarchy, id);

	if (!cgroup)
		cgroup = cgroup_new(cgroups, &key, now);
	if (!cgroup)
		count(cgroups->counts, COUNT_CGROUPS_FULL);
	return cgroup;
}

struct cgroup *cgroup_get(struct cgroups *cgroups, uint32_t hierarchy, uint64_t id, int pid, uint64_t now)
{
	struct cgroup *cgroup;

	if (!id)
		return NULL;
	if (hierarchy)
		cgroups->legacy = hierarchy;
	cgroup = find_or_new(cgroups, hierarchy, id, now);
	if (cgroup && cgroup_pending(cgroup, now) && now >= cgroup->next_attempt)
		ask_path(cgroups, cgroup, pid, now);
	return cgroup;
}

bool cgroup_pending(const struct cgroup *cgroup, uint64_t now)
{
	return !cgroup->known && now < cgroup->deadline;
}

void cgroups_retry(struct cgroups *cgroups, uint64_t now)
{
	struct cgroup *cgroup, *next;

	HASH_ITER(hh, cgroups->table, cgroup, next) {
		if (cgroup_pending(cgroup, now))
			ask_path(cgroups, cgroup, 0, now);
	}
}

/* ---- what the module tells ---- */

static void cgroup_exists(struct cgroups *cgroups, const struct hadal_record_cgroup *record)
{
	struct hadal_text text = hadal_record_cgroup_path(record);
	uint64_t now = record->header.time;
	char path[HADAL_CGROUP_PATH_MAX];
	struct cgroup *cgroup = find_or_new(cgroups, record->hierarchy, record->cgroup_id, now);

	if (!cgroup || cgroup->removed)
		return;
	cgroup->exists = true;
	cgroup->seen = now;
	if (cgroup->known)
		return;
	memcpy(path, text.data, text.length);
	path[text.length] = '\0';
	cgroup_learn(cgroups, cgroup, path, 0, record->header.type == HADAL_RECORD_CGROUP_MKDIR, now);
}

static void cgroup_went(struct cgroups *cgroups, struct cgroup *cgroup, uint64_t now)
{
	if (cgroup->removed)
		return;
	cgroup->exists = false;
	cgroup->removed = true;
	cgroup->unused_since = now;
	DL_APPEND(cgroups->removed, cgroup);
	if (cgroup->container) {
		cgroup->container->removed++;
		usage_end(cgroup->container->usage, &cgroups->containers->usage, cgroup->key.id);
	}
}

/* Every controller of version 1 has its hierarchy: only that by which processes are told is of use. */
static bool is_of_use(const struct cgroups *cgroups, const struct hadal_record_cgroup *record)
{
	return record->hierarchy == 0 || record->hierarchy == cgroups->legacy;
}

/* Found by a dump while it went, or with a path that may be cut: the host knows better, if asked. */
static bool says_enough(const struct hadal_record_cgroup *record)
{
	return !(record->flags & (HADAL_CGROUP_REMOVED | HADAL_CGROUP_PATH_TRUNCATED)) &&
	       record->path_len < HADAL_CGROUP_PATH_MAX;
}

void cgroups_record(struct cgroups *cgroups, const struct hadal_record_cgroup *record)
{
	struct cgroup *cgroup;

	if (!is_of_use(cgroups, record))
		return;
	if (record->header.type != HADAL_RECORD_CGROUP_RMDIR) {
		if (says_enough(record))
			cgroup_exists(cgroups, record);
		return;
	}
	cgroup = cgroup_find(cgroups, record->hierarchy, record->cgroup_id);
	if (cgroup)
		cgroup_went(cgroups, cgroup, record->header.time);
}

/* Dumps hold the unified hierarchy alone: what of version 1 went unseen is not known, and goes when unused. */
void cgroups_resync(struct cgroups *cgroups, uint64_t since, uint64_t now)
{
	struct cgroup *cgroup, *next;

	HASH_ITER(hh, cgroups->table, cgroup, next) {
		if (!cgroup->exists || cgroup->seen >= since)
			continue;
		if (cgroup->key.hierarchy)
			cgroup->exists = false;
		else
			cgroup_went(cgroups, cgroup, now);
	}
}

/* ---- time ---- */

void cgroups_sweep(struct cgroups *cgroups, uint64_t now, uint64_t age)
{
	struct cgroup *cgroup, *next;

	HASH_ITER(hh, cgroups->table, cgroup, next) {
		if (cgroup->references || cgroup->exists) {
			cgroup->unused_since = now;
		} else if (now - cgroup->unused_since >= age) {
			if (!cgroup->known)
				count(cgroups->counts, COUNT_CGROUP_UNKNOWN);
			cgroup_remove(cgroups, cgroup);
		}
	}
}

void cgroups_free(struct cgroups *cgroups)
{
	struct cgroup *cgroup, *next;

	HASH_ITER(hh, cgroups->table, cgroup, next)
		cgroup_remove(cgroups, cgroup);
}
