/* SPDX-License-Identifier: MIT */
/* Forked children of a test, and how the two talk. */
#ifndef KSELFTEST_CHILDREN_H
#define KSELFTEST_CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

/* Runs body in a fork, which ends with status 0 unless a check in it fails. */
pid_t child_start(void (*body)(void *argument), void *argument);

/* Waits and asserts that no check in the child failed. */
void child_finish(pid_t pid);

/* Both ways, messages kept apart: a SOCK_SEQPACKET pair. */
struct channel {
	int parent;	/* the end that the parent uses */
	int child;
};

void channel_open(struct channel *channel);
void channel_close(struct channel *channel);

/* One message of exactly that size. */
void message_send(int fd, const void *message, size_t size);
void message_receive(int fd, void *message, size_t size);

/* A message without content, to say that a step is done. */
void signal_send(int fd);
void signal_receive(int fd);

/* A descriptor by SCM_RIGHTS. */
void descriptor_send(int fd, int descriptor);
int descriptor_receive(int fd);

/* Binds this process to one CPU. */
void run_on_cpu(unsigned int cpu);

#endif
