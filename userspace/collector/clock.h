/* SPDX-License-Identifier: MIT */
/*
 * The kernel's clocks.
 */
#ifndef HADALD_CLOCK_H
#define HADALD_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* CLOCK_MONOTONIC */
static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* The same in milliseconds. */
static inline uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

/* Since the epoch. */
static inline uint64_t wall_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

#endif
