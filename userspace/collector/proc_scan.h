/* SPDX-License-Identifier: MIT */
/*
 * What /proc tells of a process, as a record has it.
 */
#ifndef HADALD_PROC_SCAN_H
#define HADALD_PROC_SCAN_H

#include <stdbool.h>

#include <hadal/cgroup.h>
#include <hadal/uapi.h>

enum proc_scan_depth {
	PROC_SCAN_BRIEF,	/* name, parent, start, cgroup: what a fork changes */
	PROC_SCAN_ALL,		/* and ids, namespaces */
};

struct proc_found {
	struct hadal_process process;	/* start_boottime in whole clock ticks; 0 where BRIEF does not tell */
	char cgroup_path[HADAL_CGROUP_PATH_MAX];	/* v2; "": not known */
	unsigned int threads;
	bool zombie;			/* it has ended, and nobody has asked how */
};

/*
 * Returns 0; -ESRCH: there is no such process. What else may not be read of it
 * stays 0.
 */
int proc_scan(int pid, enum proc_scan_depth depth, struct proc_found *found);

/*
 * The path of the file that @pid runs and its arguments, each with its NUL, up
 * to @size bytes: their lengths go to @path_length and @length. What cannot be
 * read is empty.
 */
void proc_scan_program(int pid, char *path, size_t path_size, size_t *path_length, char *arguments, size_t size,
		       size_t *length);

/*
 * The next process of an open /proc: its id; 0: that was all. @proc: of
 * opendir("/proc"), a DIR; threads are not in it.
 */
int proc_scan_next(void *proc);

#endif
