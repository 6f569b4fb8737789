/* SPDX-License-Identifier: MIT */
/*
 * Processes, the living and for a while the dead: their sockets close after
 * they have ended.
 */
#ifndef HADALD_PROCESS_TABLE_H
#define HADALD_PROCESS_TABLE_H

#include <hadal/hadal.h>

#include "owner.h"
#include "pool.h"
#include "program.h"

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
	char comm[HADAL_COMM_LEN];	/* by its last record */
	bool entered;			/* from outside, into a container that runs; or was forked by one */
	bool dead;
	bool oom_killed;		/* and counted as such */
	bool kernel;			/* a kernel thread */
	bool indirect;			/* its last record was not the module's: key has its start by /proc */
	bool exit_known;		/* exit_code is */
	uint32_t exit_code;		/* as wait() tells it */
	uint32_t parent_tgid;		/* when its last record came */
	uint32_t uid;
	uint32_t active;		/* live connections; connections_count_by_process() sets it */
	uint64_t opened;		/* connections, as its workload counts them */
	uint64_t sent, received;	/* bytes, likewise */
	bool sampled;			/* it is known what it uses: */
	uint64_t cpu_time;		/* ns; at its end what it was told with */
	uint64_t memory;		/* bytes, resident */
	uint64_t cpu_counted;		/* ns: of cpu_time, what is in a series */
	uint64_t cpu_growth;		/* ns: what came in the interval that is added up */
	bool cpu_based;			/* cpu_counted has what is not to be counted */
	bool ranked;			/* among those that use most */
	struct process_detail *detail;	/* its series; NULL: it has none */
	uint64_t seen;			/* ns, CLOCK_MONOTONIC: time of its last record */
	uint64_t died;			/* ns, CLOCK_MONOTONIC */
	struct process *prev, *next;	/* of the dead, the first to go in front */
	struct program *program;	/* what it runs; NULL: not known, or of the kernel */
	struct process *program_prev, *program_next;	/* of all that run it */
};

struct proxies;
struct process_details;	/* process_detail.h */

struct process_table {
	const struct proxies *proxies;	/* told what runs in containers; NULL: nobody is */
	struct process_details *details;	/* told who is forgotten */
	struct process *table;
	struct process *by_tgid;
	struct process *dead;
	struct pool pool;
	struct programs programs;
	struct owners *owners;
	struct cgroups *cgroups;
	executable_path_fn path;
	void *path_context;
	unsigned int limit;
	struct counts *counts;
	uint64_t evicted;	/* dead that made room before their time */
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
