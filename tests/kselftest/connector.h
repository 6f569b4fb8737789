/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own record of processes: the process connector. It tells of
 * threads too; exits are told per thread, after wait() may have returned.
 */
#ifndef KSELFTEST_CONNECTOR_H
#define KSELFTEST_CONNECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "load_process.h"

enum connector_what { CONNECTOR_FORK, CONNECTOR_EXEC, CONNECTOR_EXIT };

struct connector_event {
	enum connector_what what;
	pid_t tid;
	pid_t tgid;
	pid_t parent_tgid;	/* FORK */
	unsigned int exit_code;	/* EXIT */
};

struct connector {
	int fd;
	struct connector_event *events;
	size_t count;
	size_t capacity;
};

/* Listens from now on; skips the test where the kernel has no connector. */
void connector_open(struct connector *connector);

/* Takes what has come; asserts that nothing was lost. */
void connector_drain(struct connector *connector);
void connector_close(struct connector *connector);

/* Events of one kind that are of whole processes: a thread that is no leader is left out. */
size_t connector_count(const struct connector *connector, enum connector_what what, pid_t tgid);

/* Waits until it has told of the end of each of them. */
void connector_wait_exits(struct connector *connector, const struct process_done *processes,
			  size_t count);

#endif
