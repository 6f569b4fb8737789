/* SPDX-License-Identifier: MIT */
/* One accept() by io_uring, without a library. */
#ifndef KSELFTEST_URING_H
#define KSELFTEST_URING_H

#include <stdbool.h>

/*
 * Accepts on a listener and returns the descriptor. By a worker: a thread of
 * the kernel does it for this process. Skips where io_uring is switched off.
 */
int uring_accept(int listener, bool by_worker);

#endif
