/* SPDX-License-Identifier: MIT */
/*
 * Cgroups of the unified hierarchy without the module: those that are met, and
 * now and then all that there are.
 */
#ifndef HADALD_DEGRADED_CGROUPS_H
#define HADALD_DEGRADED_CGROUPS_H

#include "record_queue.h"
#include "table.h"

struct told_cgroup;

struct degraded_cgroups {
	struct told_cgroup *table;	/* whose path has been told */
	struct record_queue *queue;
	unsigned int limit;
	uint32_t walk;			/* number of the last walk that began */
	bool walked;			/* one has ended: what is met for the first time is new */
	char **pending;			/* directories of it that are to be read: paths below the mount */
	size_t pending_count, pending_room;
	uint64_t found;			/* records of this walk */
	const char *mount;		/* NULL: there is no unified hierarchy */
};

void degraded_cgroups_init(struct degraded_cgroups *cgroups, unsigned int limit, struct record_queue *queue);
void degraded_cgroups_free(struct degraded_cgroups *cgroups);

/* A process is in it: tells its path if that has not been told. */
void degraded_cgroups_meet(struct degraded_cgroups *cgroups, uint64_t id, const char *path, uint64_t now);

/* Tells all there are: begun, and then directory by directory. */
void degraded_cgroups_walk(struct degraded_cgroups *cgroups, uint64_t now);
/* Reads up to @count directories. Returns whether more are to be read. */
bool degraded_cgroups_step(struct degraded_cgroups *cgroups, unsigned int count, uint64_t now);

#endif
