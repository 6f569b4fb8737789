/* SPDX-License-Identifier: MIT */
/*
 * Processes, the living and for a while the dead: their sockets close after
 * they have ended.
 */
#ifndef HADALD_PROCESS_TABLE_H
#define HADALD_PROCESS_TABLE_H

#include <hadal/hadal.h>

#include "owner.h"

/*
 * Finds the path of the file that process @pid, which began at
 * @start_boottime (ns), runs: 0 or -errno. -ESRCH: it is gone.
 */
typedef int (*executable_path_fn)(void *context, int pid, uint64_t start_boottime, char *path, size_t size);

struct process_key {
	uint64_t start_boottime;
	uint32_t tgid;
	uint32_t zero;
};

struct process {
	UT_hash_handle hh;		/* by key */
	UT_hash_handle hh_tgid;		/* the living, by key.tgid */
	struct process_key key;
	struct owner *owner;
	uint64_t cgroup_id;
	uint32_t cgroup_hierarchy;
	uint32_t ns_tgid;		/* 0: not known */
	uint32_t net_ns;
	char executable[EXECUTABLE_SIZE];	/* base name */
	bool dead;
	bool oom_killed;		/* and counted as such */
	uint64_t seen;			/* ns, CLOCK_MONOTONIC: time of its last record */
	uint64_t died;			/* ns, CLOCK_MONOTONIC */
	struct process *prev, *next;	/* of the dead, the first to go in front */
};

struct process_table {
	struct process *table;
	struct process *by_tgid;
	struct process *dead;
	struct owners *owners;
	struct cgroups *cgroups;
	executable_path_fn path;
	void *path_context;
	unsigned int limit;
	struct counts *counts;
};

void process_table_init(struct process_table *table, unsigned int limit, struct owners *owners,
			struct cgroups *cgroups, executable_path_fn path, void *path_context,
			struct counts *counts);
void process_table_free(struct process_table *table);

/*
 * Takes over a process record (FORK, EXEC, EXIT, EXISTING, OOM). Returns the
 * process, valid until the next call; NULL when the table is full.
 */
struct process *process_record(struct process_table *table, const struct hadal_record *record);

struct process *process_find(const struct process_table *table, uint32_t tgid, uint64_t start_boottime);
struct process *process_find_living(const struct process_table *table, uint32_t tgid);

/* After a whole dump that began at @since: who was not in it has ended unseen. */
void process_table_resync(struct process_table *table, uint64_t since, uint64_t now);

/* Forgets those who died more than @age ns before @now. */
void process_table_sweep(struct process_table *table, uint64_t now, uint64_t age);

#endif
