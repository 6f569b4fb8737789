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

static void cgroup_learn(struct cgroups *cgroups, struct cgroup *cgroup, const char *path, int pid, uint64_t now)
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
	if (pid)
		cgroup->container->pid = pid;
	container_in_task(cgroups->containers, cgroup->container, task_id);
}

static void ask_path(struct cgroups *cgroups, struct cgroup *cgroup, int pid, uint64_t now)
{
	char path[HADAL_CGROUP_PATH_MAX];

	cgroup->next_attempt = now + (50 * MILLISECOND << cgroup->attempts);
	if (cgroup->attempts < 7)
		cgroup->attempts++;
	if (!cgroups->path(cgroups->path_context, cgroup->key.hierarchy, cgroup->key.id, pid, path, sizeof(path)))
		cgroup_learn(cgroups, cgroup, path, pid, now);
}

static struct cgroup *cgroup_new(struct cgroups *cgroups, const struct cgroup_key *key, uint64_t now)
{
	struct cgroup *cgroup = NULL;

	if (HASH_COUNT(cgroups->table) < cgroups->limit)
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

struct cgroup *cgroup_get(struct cgroups *cgroups, uint32_t hierarchy, uint64_t id, int pid, uint64_t now)
{
	struct cgroup_key key = { .id = id, .hierarchy = hierarchy };
	struct cgroup *cgroup;

	if (!id)
		return NULL;
	HASH_FIND(hh, cgroups->table, &key, sizeof(key), cgroup);
	if (!cgroup) {
		cgroup = cgroup_new(cgroups, &key, now);
		if (!cgroup) {
			count(cgroups->counts, COUNT_CGROUPS_FULL);
			return NULL;
		}
	}
	if (cgroup_pending(cgroup, now) && now >= cgroup->next_attempt)
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

static void cgroup_remove(struct cgroups *cgroups, struct cgroup *cgroup)
{
	if (cgroup->container)
		cgroup->container->references--;
	HASH_DEL(cgroups->table, cgroup);
	free(cgroup);
}

void cgroups_sweep(struct cgroups *cgroups, uint64_t now, uint64_t age)
{
	struct cgroup *cgroup, *next;

	HASH_ITER(hh, cgroups->table, cgroup, next) {
		if (cgroup->references) {
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
