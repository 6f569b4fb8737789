/* SPDX-License-Identifier: MIT */
/*
 * Waiting for what must happen: a loop asks patience_left() each time around;
 * it pauses a little and says false once far more time has gone than even an
 * emulated machine needs, so that what never happens is a failure and no hang.
 */
#ifndef KSELFTEST_PATIENCE_H
#define KSELFTEST_PATIENCE_H

#include <stdbool.h>
#include <time.h>

#include "harness.h"

#define PATIENCE_SECONDS	180

struct patience {
	time_t end;	/* s, CLOCK_MONOTONIC */
};

static inline time_t patience_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static inline struct patience patience_begin(void)
{
	return (struct patience){ .end = patience_now() + PATIENCE_SECONDS * harness_slowness() };
}

static inline bool patience_left(const struct patience *patience)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	nanosleep(&pause, NULL);
	return patience_now() < patience->end;
}

#endif
