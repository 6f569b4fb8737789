/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "owner.h"

static size_t key_size(const struct owner_key *key)
{
	return offsetof(struct owner_key, executable) + strlen(key->executable);
}

static void owner_free(struct owner *owner)
{
	if (!owner)
		return;
	free(owner->exits);
	free(owner);
}

int owners_init(struct owners *owners, unsigned int limit, struct counts *counts)
{
	*owners = (struct owners){ .limit = limit, .counts = counts };
	owners->unknown = calloc(1, sizeof(*owners->unknown));
	owners->kernel = calloc(1, sizeof(*owners->kernel));
	owners->other = calloc(1, sizeof(*owners->other));
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

struct container *owner_container(const struct owner *owner)
{
	return owner && owner->cgroup ? owner->cgroup->container : NULL;
}

static const char proxy_executable[] = "docker-proxy";

bool owner_is_proxy(const struct owner *owner)
{
	return strcmp(owner->key.executable, proxy_executable) == 0 && !(owner->cgroup && owner->cgroup->container);
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

static struct owner *owner_insert(struct owners *owners, const struct owner_key *key, struct cgroup *cgroup)
{
	struct owner *owner = NULL;

	if (HASH_COUNT(owners->table) < owners->limit)
		owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	memcpy(&owner->key, key, key_size(key) + 1);
	HASH_ADD(hh, owners->table, key, key_size(key), owner);
	if (!TABLE_INSERTED(owner, hh)) {
		owner_free(owner);
		return NULL;
	}
	owner->cgroup = cgroup;
	if (cgroup)
		cgroup->references++;
	return owner;
}

static void fill_key(struct owner_key *key, const struct cgroup *cgroup, const char *executable)
{
	size_t length = strnlen(executable, EXECUTABLE_SIZE - 1);

	key->cgroup = cgroup ? cgroup->key.id : 0;
	key->hierarchy = cgroup ? cgroup->key.hierarchy : 0;
	memcpy(key->executable, executable, length);
	key->executable[length] = '\0';
}

struct owner *owner_get(struct owners *owners, struct cgroup *cgroup, const char *executable)
{
	struct owner *owner;
	struct owner_key key;

	if (!executable_matters(cgroup, executable))
		executable = "";
	if (!cgroup && !*executable)
		return owner_ref(owners->unknown);
	fill_key(&key, cgroup, executable);
	HASH_FIND(hh, owners->table, &key, key_size(&key), owner);
	if (!owner)
		owner = owner_insert(owners, &key, cgroup);
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

static struct workload_name container_name(const struct container *container)
{
	const struct task_facts *task = container->task ? &container->task->facts : NULL;

	if (task && (task->service[0] || task->family[0]))
		return (struct workload_name){ task->cluster, task->service[0] ? task->service : task->family };
	if (container->facts.name[0])
		return (struct workload_name){ "", container->facts.name };
	if (container->executable[0])
		return (struct workload_name){ "", container->executable };
	return (struct workload_name){ "", WORKLOAD_UNKNOWN };
}

struct workload_name owner_name(const struct owner *owner)
{
	const struct cgroup *cgroup = owner->cgroup;

	if (owner->kernel)
		return (struct workload_name){ "", WORKLOAD_KERNEL };
	if (owner->other)
		return (struct workload_name){ "", WORKLOAD_OTHER };
	if (cgroup && cgroup->container)
		return container_name(cgroup->container);
	if (cgroup && cgroup->unit[0])
		return (struct workload_name){ "", cgroup->unit };
	return (struct workload_name){ "", owner->key.executable[0] ? owner->key.executable : WORKLOAD_UNKNOWN };
}

struct workload *container_workload(const struct container *container, struct workloads *workloads, uint64_t wall)
{
	struct workload_name name = container_name(container);
	struct workload *workload = workload_get(workloads, name.namespace, name.name, wall);

	/* The first that was seen: a resource that changes would tell its series anew. */
	if (workload && workload != workloads->other && container->task && !workload->family[0])
		memcpy(workload->family, container->task->facts.family, sizeof(workload->family));
	return workload;
}

struct workload *owner_workload(const struct owner *owner, struct workloads *workloads, uint64_t wall)
{
	struct workload_name name;

	if (owner->other)
		return workload_other(workloads, wall);
	if (!owner->kernel && owner->cgroup && owner->cgroup->container)
		return container_workload(owner->cgroup->container, workloads, wall);
	name = owner_name(owner);
	return workload_get(workloads, name.namespace, name.name, wall);
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
