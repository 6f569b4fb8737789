/* SPDX-License-Identifier: MIT */
/* The records of each process of a load. */
#ifndef KSELFTEST_LIVES_H
#define KSELFTEST_LIVES_H

#include <stddef.h>
#include <sys/types.h>

#include "load_process.h"
#include "recorder.h"

struct process_life {
	pid_t pid;
	unsigned int forks;
	unsigned int execs;
	unsigned int exits;
	unsigned int ooms;
	const struct hadal_record_process *fork;	/* the last of each */
	const struct hadal_record_process_exec *exec;
	const struct hadal_record_process_exit *exit;
	const struct hadal_record_process *oom;
};

/* lives[i] is of processes[i]. */
void lives_gather(const struct recorder *recorder, const struct process_done *processes,
		  size_t count, struct process_life *lives);

/* The records of one process. */
struct process_life life_of(const struct recorder *recorder, pid_t pid);

#endif
