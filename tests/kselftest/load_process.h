/* SPDX-License-Identifier: MIT */
/* Processes that are forked, may exec, and end in a known way. */
#ifndef KSELFTEST_LOAD_PROCESS_H
#define KSELFTEST_LOAD_PROCESS_H

#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

enum process_kind {
	PROCESS_EXITS,			/* _exit(code) */
	PROCESS_EXECS,			/* execs the helper, which exits */
	PROCESS_VFORK_EXECS,
	PROCESS_TWO_THREADS,		/* both threads end at the same moment */
	PROCESS_EIGHT_THREADS,		/* seven wait, one calls exit_group() */
	PROCESS_EIGHT_THREADS_RACE,	/* all eight call exit_group() together */
	PROCESS_MANY_THREADS,		/* fifty threads come and go before it exits */
	PROCESS_EXECS_IN_THREAD,	/* a second thread calls exec */
	PROCESS_KILLED,			/* by signal number code */
};

/* One process of a load, and what wait4() said of it. */
struct process_done {
	enum process_kind kind;
	int code;		/* in: exit code or signal */
	pid_t pid;
	int status;
	struct rusage usage;
};

/* The static program that is executed: "exit CODE", and more, see helper.c. */
const char *helper_path(void);

/* Runs one and waits for it. */
void process_run(struct process_done *process);

/* Runs count processes of a kind, one after the other; exit codes vary. */
void processes_run(struct process_done *processes, size_t count, enum process_kind kind);

#endif
