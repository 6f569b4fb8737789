/* SPDX-License-Identifier: MIT */
/*
 * Conditions that are waited for until a moment of CLOCK_MONOTONIC, which nobody sets.
 */
#ifndef HADALD_CONDITION_H
#define HADALD_CONDITION_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

static inline void condition_init(pthread_cond_t *condition)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

/* @when_ms: as now_ms(). It may end before, as any wait for a condition. */
static inline void condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t when_ms)
{
	const struct timespec when = {
		.tv_sec = (time_t)(when_ms / 1000),
		.tv_nsec = (long)(when_ms % 1000 * 1000000),
	};

	pthread_cond_timedwait(condition, lock, &when);
}

#endif
