/* SPDX-License-Identifier: MIT */
/*
 * What /proc/PID/stat says; a pure function on what was read.
 */
#ifndef HADALD_PROCESS_STAT_H
#define HADALD_PROCESS_STAT_H

#include <stddef.h>
#include <stdint.h>

enum { PROCESS_STAT_SIZE = 4096 };	/* bytes; such a line is much shorter */

struct process_stat {
	char name[16];		/* of its first thread, as the kernel cuts it */
	char state;		/* 'R', 'S', 'Z', ... */
	uint64_t parent;
	uint64_t flags;		/* the kernel's PF_ */
	uint64_t threads;
	uint64_t user, system;	/* ticks of CPU time */
	uint64_t started;	/* ticks since boot */
	uint64_t pages;		/* resident */
};

/*
 * What /proc/PID/stat says, whose whole content is @text of @length bytes.
 * Returns 0; -EBADMSG: it is not of its form.
 */
int process_stat_parse(const char *text, size_t length, struct process_stat *stat);

/*
 * Where in the process's memory its environment is: addresses, as that has them. Returns 0; -EBADMSG: @text is not
 * of its form; -EACCES: the kernel does not tell it to who may not look at the process; or there is none.
 */
int process_stat_environment(const char *text, size_t length, uint64_t *start, uint64_t *end);

#endif
