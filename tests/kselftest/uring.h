/* SPDX-License-Identifier: MIT */
/* One accept() or recv() by io_uring, without a library. */
#ifndef KSELFTEST_URING_H
#define KSELFTEST_URING_H

#include <stdbool.h>
#include <stddef.h>

/* By a worker: a thread of the kernel does it for this process. Both skip where io_uring is switched off. */

/* Accepts on a listener and returns the descriptor. */
int uring_accept(int listener, bool by_worker);

/* Receives what waits or comes, at most size bytes; returns how many. */
size_t uring_receive(int fd, void *bytes, size_t size, bool by_worker);

#endif
