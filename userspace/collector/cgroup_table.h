/* SPDX-License-Identifier: MIT */
/*
 * Cgroups by (hierarchy, id), with the container or systemd unit that each
 * stands for. The module tells when they come and go, and their paths; what it
 * did not tell is asked of the host. Ids are never used twice.
 */
#ifndef HADALD_CGROUP_TABLE_H
#define HADALD_CGROUP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hadal/hadal.h>

#include "container.h"
#include "counts.h"
#include "table.h"

enum { UNIT_SIZE = 256 };

/*
 * Finds the path of a cgroup, as hadal_cgroup_path(): 0, or -ENOENT when it
 * cannot be told now.
 */
typedef int (*cgroup_path_fn)(void *context, uint32_t hierarchy, uint64_t id, int pid, char *path, size_t size);

struct cgroup_key {
	uint64_t id;
	uint32_t hierarchy;
	uint32_t zero;
};

struct cgroup {
	UT_hash_handle hh;
	struct cgroup_key key;
	bool known;			/* its path has been seen */
	bool exists;			/* as the module told: it stays until the module tells that it went */
	bool removed;			/* as the module told: it goes when nobody refers to it, after a while */
	struct container *container;	/* NULL: not a container's */
	char unit[UNIT_SIZE];		/* "nginx.service"; "": not a unit's */
	unsigned int attempts;
	uint64_t next_attempt;		/* ns, CLOCK_MONOTONIC */
	uint64_t deadline;
	uint64_t unused_since;
	uint64_t seen;			/* ns, CLOCK_MONOTONIC: when the module told last that it exists */
	unsigned int references;	/* by owners */
	struct cgroup *prev, *next;	/* of the removed, the first to go in front */
};

struct cgroups {
	struct cgroup *table;
	struct cgroup *removed;
	struct containers *containers;
	cgroup_path_fn path;
	void *path_context;
	unsigned int limit;
	uint64_t wait;			/* ns to go on asking for an unknown path */
	uint32_t legacy;		/* the hierarchy of version 1 that processes are told by; 0: none seen */
	struct counts *counts;
	uint64_t evicted;	/* removed ones that made room before their time */
};

void cgroups_init(struct cgroups *cgroups, unsigned int limit, uint64_t wait, struct containers *containers,
		  cgroup_path_fn path, void *path_context, struct counts *counts);
void cgroups_free(struct cgroups *cgroups);

/* Takes over a record of a cgroup. */
void cgroups_record(struct cgroups *cgroups, const struct hadal_record_cgroup *record);

/* After a whole dump of cgroups that began at @since: what was not in it went unseen. */
void cgroups_resync(struct cgroups *cgroups, uint64_t since, uint64_t now);

/*
 * The cgroup, made at first use; its path is asked for while it is unknown and
 * there is hope. @pid: a process believed to be in it, or 0. NULL: @id is 0 or
 * the table is full.
 */
struct cgroup *cgroup_get(struct cgroups *cgroups, uint32_t hierarchy, uint64_t id, int pid, uint64_t now);

/* Whether what it stands for may still become known before its deadline. */
bool cgroup_pending(const struct cgroup *cgroup, uint64_t now);

/* Asks once more for the paths that are unknown. */
void cgroups_retry(struct cgroups *cgroups, uint64_t now);
void cgroups_sweep(struct cgroups *cgroups, uint64_t now, uint64_t age);

/* The innermost unit of type service in @path; "" when there is none. */
void cgroup_unit(const char *path, char unit[UNIT_SIZE]);

#endif
