/* SPDX-License-Identifier: MIT */
#include "containers.h"

#include <stdlib.h>

/* A power of two. Cgroups that share a slot take turns in it. */
#define SLOTS	1024

struct slot {
	uint64_t cgroup_id;	/* 0: free */
	uint32_t hierarchy;
	struct container container;
};

struct containers {
	struct slot slots[SLOTS];
};

/* What a record says of where its process runs. */
struct place {
	uint64_t cgroup_id;
	uint32_t hierarchy;
	pid_t pid;
};

struct containers *containers_create(void)
{
	return calloc(1, sizeof(struct containers));
}

void containers_destroy(struct containers *containers)
{
	free(containers);
}

static bool place_of(const struct hadal_record *record, struct place *place)
{
	const struct hadal_process *process = hadal_record_process(record);
	const struct hadal_tcp *tcp = hadal_record_tcp(record);
	const struct hadal_udp *udp = hadal_record_udp(record);
	const struct hadal_dns *dns = hadal_record_dns(record);

	if (process)
		*place = (struct place){ process->cgroup_id, process->cgroup_hierarchy,
					 (pid_t)process->tgid };
	else if (tcp)
		*place = (struct place){ tcp->cgroup_id, tcp->cgroup_hierarchy,
					 (pid_t)tcp->owner_tgid };
	else if (udp)
		*place = (struct place){ udp->cgroup_id, udp->cgroup_hierarchy,
					 (pid_t)udp->owner_tgid };
	else if (dns)
		*place = (struct place){ dns->cgroup_id, dns->cgroup_hierarchy,
					 (pid_t)dns->owner_tgid };
	else
		return false;
	return place->cgroup_id != 0;
}

/* Fibonacci hashing: cgroup ids are small and dense. */
static struct slot *slot_of(struct containers *containers, const struct place *place)
{
	uint64_t hash = (place->cgroup_id ^ (uint64_t)place->hierarchy << 56) * 0x9e3779b97f4a7c15ULL;

	return &containers->slots[hash >> 32 & (SLOTS - 1)];
}

static bool look_up(const struct place *place, struct slot *slot)
{
	char path[HADAL_CGROUP_PATH_MAX];

	if (hadal_cgroup_path(place->hierarchy, place->cgroup_id, place->pid, path, sizeof(path)) < 0)
		return false;
	hadal_cgroup_parse(path, slot->container.container_id, slot->container.task_id);
	slot->cgroup_id = place->cgroup_id;
	slot->hierarchy = place->hierarchy;
	return true;
}

const struct container *containers_find(struct containers *containers, const struct hadal_record *record)
{
	struct place place;
	struct slot *slot;

	if (!place_of(record, &place))
		return NULL;
	slot = slot_of(containers, &place);
	if ((slot->cgroup_id != place.cgroup_id || slot->hierarchy != place.hierarchy) &&
	    !look_up(&place, slot))
		return NULL;
	return slot->container.container_id[0] ? &slot->container : NULL;
}
