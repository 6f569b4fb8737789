/* SPDX-License-Identifier: MIT */
/*
 * The kernel's process connector: a message for each fork, exec and exit, of
 * threads too.
 */
#ifndef HADALD_PROC_CONNECTOR_H
#define HADALD_PROC_CONNECTOR_H

#include <stddef.h>
#include <stdint.h>

enum proc_event_kind {
	PROC_OTHER,	/* nothing of use */
	PROC_FORKED,	/* a process, not a thread */
	PROC_EXECED,
	PROC_EXITED,	/* a process's first thread */
	PROC_THREAD_EXITED,	/* another */
};

struct proc_event_facts {
	enum proc_event_kind kind;
	uint64_t time;		/* ns, CLOCK_MONOTONIC */
	uint32_t cpu;
	uint32_t sequence;	/* of that CPU's messages */
	int tgid;
	int parent_tgid;	/* of FORKED */
	uint32_t exit_code;	/* of exits, as wait() has it */
};

/*
 * Subscribes. Returns a socket that does not wait, or -errno. EPERM: needs
 * CAP_NET_ADMIN in the first user namespace. EPROTONOSUPPORT, ENOENT,
 * ECONNREFUSED: the kernel has none.
 */
int proc_connector_open(void);

/*
 * One message of @length bytes. Returns 0; -EBADMSG: it is none of the
 * connector, or not whole, and @facts is not touched.
 */
int proc_connector_parse(const void *bytes, size_t length, struct proc_event_facts *facts);

#endif
