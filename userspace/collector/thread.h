/* SPDX-License-Identifier: MIT */
/* Threads beside the event loop, which alone takes signals. */
#ifndef HADALD_THREAD_H
#define HADALD_THREAD_H

#include <pthread.h>

/* Starts one that gets no signal. Returns 0, or -errno, and @thread is not set. */
int thread_start(pthread_t *thread, void *(*run)(void *context), void *context);

#endif
