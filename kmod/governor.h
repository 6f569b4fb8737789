/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hooks cost, and a bound on it. One hit in HADAL_HOOK_SAMPLE is timed; the
 * period is a prime, so that hooks that come in turns are all met.
 *
 * Where a CPU has spent more than its budget in hooks within a window, records
 * are only counted for the rest of that window: they take their sequence numbers
 * and are lost, of the flow lane first, of both past twice the budget.
 */
#ifndef HADAL_GOVERNOR_H
#define HADAL_GOVERNOR_H

#include <linux/bits.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

#include "hadal.h"

#define HADAL_HOOK_SAMPLE	61

/**
 * struct hadal_governor - of one CPU
 * @left: hits until one is timed; below 0 for a moment
 * @lanes: BIT(lane) of those whose records are only counted
 * @samples: hits that were chosen to be timed
 * @time: ns in hooks, estimated from them
 * @window_start: ns, CLOCK_MONOTONIC
 * @window_time: ns in hooks since then, estimated
 * @window_samples: since then
 */
struct hadal_governor {
	s32 left;
	u32 lanes;
	u64 samples;
	u64 time;
	u64 window_start;
	u64 window_time;
	u32 window_samples;
};

DECLARE_PER_CPU(struct hadal_governor, hadal_governor);

void hadal_governor_sample(u64 began);
bool hadal_governor_holds(enum hadal_lane lane);
u64 hadal_governor_hits(void);
u64 hadal_governor_time(void);

/**
 * hadal_hook_begin() - a hook is hit; preemption is disabled
 *
 * Return: for hadal_hook_end(), which must follow.
 */
static __always_inline u64 hadal_hook_begin(void)
{
	if (likely(this_cpu_dec_return(hadal_governor.left)))
		return 0;
	/* One after the other: who sums hits up is not to miss a period. */
	this_cpu_inc(hadal_governor.samples);
	this_cpu_add(hadal_governor.left, HADAL_HOOK_SAMPLE);
	return ktime_get_ns();
}

static __always_inline void hadal_hook_end(u64 began)
{
	if (unlikely(began))
		hadal_governor_sample(began);
}

/*
 * Where a hook begins and ends: each disables preemption itself. Tracepoints of 7.x and
 * ftrace leave it as the caller had it, and the rings are for one CPU.
 */
static __always_inline u64 hadal_hook_enter(void)
{
	preempt_disable_notrace();
	return hadal_hook_begin();
}

static __always_inline void hadal_hook_leave(u64 began)
{
	hadal_hook_end(began);
	preempt_enable_notrace();
}

/* May be: hadal_governed() knows. */
static __always_inline bool hadal_may_be_governed(enum hadal_lane lane)
{
	return unlikely(this_cpu_read(hadal_governor.lanes) & BIT(lane));
}

/* Are records of this lane only counted, on this CPU and now? */
static __always_inline bool hadal_governed(enum hadal_lane lane)
{
	return hadal_may_be_governed(lane) && hadal_governor_holds(lane);
}

#endif /* HADAL_GOVERNOR_H */
