/* SPDX-License-Identifier: MIT */
/*
 * Processes without the module: what the process connector says and /proc
 * adds, as records.
 */
#ifndef HADALD_DEGRADED_PROCESSES_H
#define HADALD_DEGRADED_PROCESSES_H

#include <dirent.h>

#include "degraded_cgroups.h"
#include "net_spaces.h"
#include "proc_connector.h"
#include "record_queue.h"

/* A process that lives, as it was last told. */
struct known_process {
	UT_hash_handle hh;
	uint32_t tgid;
	uint32_t walk;			/* that found it last */
	bool ending;			/* its first thread has ended, others had not */
	uint32_t exit_code;
	struct hadal_process process;
};

enum { PROC_CPUS = 4096 };	/* CPU numbers below this have their sequence watched */

struct degraded_processes {
	struct known_process *table;
	unsigned int limit;
	size_t argv_max;		/* bytes; 0: none are told */
	struct record_queue *queue;
	struct degraded_cgroups *cgroups;
	struct net_spaces *spaces;
	struct counts *counts;
	DIR *walking;			/* /proc; NULL: no walk is under way */
	bool walked;			/* a walk has ended: what is met for the first time is new */
	uint32_t walk;
	uint64_t found;			/* records of this walk */
	uint64_t boot_offset;		/* ns: CLOCK_BOOTTIME less CLOCK_MONOTONIC */
	bool sequenced[PROC_CPUS];	/* next_sequence is known */
	uint32_t next_sequence[PROC_CPUS];
};

void degraded_processes_free(struct degraded_processes *processes);

/* Takes over what the connector said; one message. */
void degraded_processes_event(struct degraded_processes *processes, const struct proc_event_facts *event,
			      uint64_t now);

/* Tells all there are: begun, and then up to @count a step. */
void degraded_processes_walk(struct degraded_processes *processes);
/* Returns whether more are to be read. */
bool degraded_processes_step(struct degraded_processes *processes, unsigned int count, uint64_t now);

struct known_process *degraded_processes_find(const struct degraded_processes *processes, uint32_t tgid);

/* For each namespace: which cgroup all of its processes are in. */
void degraded_processes_place(struct degraded_processes *processes);

#endif
