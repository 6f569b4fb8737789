/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "owner.h"

enum { KEY_SIZE = EXECUTABLE_SIZE + 48 };

static struct owner *owner_new(const char *key)
{
	struct owner *owner = calloc(1, sizeof(*owner));

	if (!owner)
		return NULL;
	owner->key = strdup(key);
	if (owner->key)
		return owner;
	free(owner);
	return NULL;
}

static void owner_free(struct owner *owner)
{
	if (!owner)
		return;
	free(owner->exits);
	free(owner->key);
	free(owner);
}

int owners_init(struct owners *owners, unsigned int limit, struct counts *counts)
{
	*owners = (struct owners){ .limit = limit, .counts = counts };
	owners->unknown = owner_new("unknown");
	owners->kernel = owner_new("kernel");
	owners->other = owner_new("other");
	if (!owners->unknown || !owners->kernel || !owners->other) {
		owners_free(owners);
		return -ENOMEM;
	}
	owners->kernel->kernel = true;
	owners->other->other = true;
	return 0;
}

static void owner_remove(struct owners *owners, struct owner *owner)
{
	if (owner->cgroup)
		owner->cgroup->references--;
	HASH_DEL(owners->table, owner);
	owner_free(owner);
}

void owners_free(struct owners *owners)
{
	struct owner *owner, *next;

	HASH_ITER(hh, owners->table, owner, next)
		owner_remove(owners, owner);
	owner_free(owners->unknown);
	owner_free(owners->kernel);
	owner_free(owners->other);
	owners->unknown = owners->kernel = owners->other = NULL;
}

static const char proxy_executable[] = "docker-proxy";

bool owner_is_proxy(const struct owner *owner)
{
	return strcmp(owner->executable, proxy_executable) == 0 && !(owner->cgroup && owner->cgroup->container);
}

/* In a container or unit every executable is of one workload, but for Docker's proxy. */
static bool executable_matters(const struct cgroup *cgroup, const char *executable)
{
	if (!cgroup || !cgroup->known)
		return true;
	if (cgroup->container)
		return false;
	return !cgroup->unit[0] || strcmp(executable, proxy_executable) == 0;
}

static struct owner *owner_insert(struct owners *owners, const char *key, struct cgroup *cgroup,
				  const char *executable)
{
	struct owner *owner = NULL;

	if (HASH_COUNT(owners->table) < owners->limit)
		owner = owner_new(key);
	if (!owner)
		return NULL;
	snprintf(owner->executable, sizeof(owner->executable), "%s", executable);
	HASH_ADD_KEYPTR(hh, owners->table, owner->key, strlen(owner->key), owner);
	if (!TABLE_INSERTED(owner, hh)) {
		owner_free(owner);
		return NULL;
	}
	owner->cgroup = cgroup;
	if (cgroup)
		cgroup->references++;
	return owner;
}

struct owner *owner_get(struct owners *owners, struct cgroup *cgroup, const char *executable)
{
	struct owner *owner;
	char key[KEY_SIZE];

	if (!executable_matters(cgroup, executable))
		executable = "";
	if (!cgroup && !*executable)
		return owner_ref(owners->unknown);
	snprintf(key, sizeof(key), "%" PRIu32 "/%" PRIu64 "/%.*s", cgroup ? cgroup->key.hierarchy : 0,
		 cgroup ? cgroup->key.id : 0, EXECUTABLE_SIZE - 1, executable);
	HASH_FIND_STR(owners->table, key, owner);
	if (!owner)
		owner = owner_insert(owners, key, cgroup, executable);
	if (!owner) {
		count(owners->counts, COUNT_OWNERS_FULL);
		owner = owners->unknown;
	}
	return owner_ref(owner);
}

struct owner *owner_ref(struct owner *owner)
{
	owner->references++;
	return owner;
}

void owner_put(struct owners *owners, struct owner *owner)
{
	if (!owner || --owner->references)
		return;
	if (owner != owners->unknown && owner != owners->kernel && owner != owners->other)
		owner_remove(owners, owner);
}

bool owner_pending(const struct owner *owner, uint64_t now)
{
	const struct cgroup *cgroup = owner->cgroup;

	if (!cgroup)
		return false;
	if (!cgroup->known)
		return cgroup_pending(cgroup, now);
	return cgroup->container && container_pending(cgroup->container, now);
}

struct workload *container_workload(const struct container *container, struct workloads *workloads, uint64_t wall)
{
	const struct task_facts *task = container->task ? &container->task->facts : NULL;
	struct workload *workload;

	if (task && (task->service[0] || task->family[0])) {
		workload = workload_get(workloads, task->cluster,
					task->service[0] ? task->service : task->family, wall);
		/* The first that was seen: a resource that changes would tell its series anew. */
		if (workload && workload != workloads->other && !workload->family[0])
			memcpy(workload->family, task->family, sizeof(workload->family));
		return workload;
	}
	if (container->facts.name[0])
		return workload_get(workloads, "", container->facts.name, wall);
	if (container->executable[0])
		return workload_get(workloads, "", container->executable, wall);
	return workload_get(workloads, "", WORKLOAD_UNKNOWN, wall);
}

struct workload *owner_workload(const struct owner *owner, struct workloads *workloads, uint64_t wall)
{
	const struct cgroup *cgroup = owner->cgroup;

	if (owner->kernel)
		return workload_get(workloads, "", WORKLOAD_KERNEL, wall);
	if (owner->other)
		return workload_other(workloads, wall);
	if (cgroup && cgroup->container)
		return container_workload(cgroup->container, workloads, wall);
	if (cgroup && cgroup->unit[0])
		return workload_get(workloads, "", cgroup->unit, wall);
	return workload_get(workloads, "", owner->executable[0] ? owner->executable : WORKLOAD_UNKNOWN, wall);
}

struct exits *owner_exits(struct owners *owners, struct owner *owner)
{
	if (!owner->exits) {
		owner->exits = calloc(1, sizeof(*owner->exits));
		if (!owner->exits) {
			count(owners->counts, COUNT_OWNERS_FULL);
			return NULL;
		}
		owner_ref(owner);
	}
	return owner->exits;
}

void owner_settle_exits(struct owners *owners, struct owner *owner, struct workload *workload, uint64_t wall)
{
	if (!owner->exits || !workload)
		return;
	exits_add(&workload->exits, owner->exits);
	workload->active_time = wall;
	workload->ended = false;
	free(owner->exits);
	owner->exits = NULL;
	owner_put(owners, owner);
}
