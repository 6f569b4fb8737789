// SPDX-License-Identifier: GPL-2.0-only
#include <linux/irqflags.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>

#include "governor.h"

#define WINDOW		(100 * NSEC_PER_MSEC)

/*
 * What took longer was interrupted, or its virtual CPU was: a single one must
 * not use up a budget. No hook takes as long.
 */
#define SAMPLE_MAX	(20 * NSEC_PER_USEC)

/* Fewer say nothing of a window. */
#define SAMPLES_LEAST	8

static unsigned int hook_budget = 10;
module_param(hook_budget, uint, 0644);
MODULE_PARM_DESC(hook_budget, "per cent of a CPU's time that hooks may take before records are only counted; 0: no bound");

DEFINE_PER_CPU(struct hadal_governor, hadal_governor) = { .left = HADAL_HOOK_SAMPLE };

static bool window_is_over(const struct hadal_governor *governor, u64 now)
{
	return now - governor->window_start >= WINDOW;
}

static void begin_window(struct hadal_governor *governor, u64 now)
{
	governor->window_start = now;
	governor->window_time = 0;
	governor->window_samples = 0;
	WRITE_ONCE(governor->lanes, 0);
}

static void judge(struct hadal_governor *governor)
{
	u64 budget = div_u64((u64)WINDOW * min(READ_ONCE(hook_budget), 100U), 100);

	if (!budget || governor->window_samples < SAMPLES_LEAST)
		return;
	if (governor->window_time > 2 * budget)
		WRITE_ONCE(governor->lanes, BIT(HADAL_LANE_FLOW) | BIT(HADAL_LANE_LIFECYCLE));
	else if (governor->window_time > budget)
		WRITE_ONCE(governor->lanes, BIT(HADAL_LANE_FLOW));
}

/* @began: what hadal_hook_begin() read from the clock. */
void hadal_governor_sample(u64 began)
{
	struct hadal_governor *governor = this_cpu_ptr(&hadal_governor);
	u64 now = ktime_get_ns(), spent = min_t(u64, now - began, SAMPLE_MAX) * HADAL_HOOK_SAMPLE;
	unsigned long flags;

	/* A hook that interrupts this one may be timed too. */
	local_irq_save(flags);
	WRITE_ONCE(governor->time, governor->time + spent);
	if (window_is_over(governor, now))
		begin_window(governor, now);
	governor->window_time += spent;
	governor->window_samples++;
	judge(governor);
	local_irq_restore(flags);
}

/* For hadal_governed(): a window ends though no hit is timed, and a bound is lifted at once. */
bool hadal_governor_holds(enum hadal_lane lane)
{
	struct hadal_governor *governor = this_cpu_ptr(&hadal_governor);
	u64 now = ktime_get_ns();
	unsigned long flags;
	bool holds;

	local_irq_save(flags);
	if (window_is_over(governor, now) || !READ_ONCE(hook_budget))
		begin_window(governor, now);
	holds = governor->lanes & BIT(lane);
	local_irq_restore(flags);
	return holds;
}

/* Of all CPUs since the module was loaded. */
u64 hadal_governor_hits(void)
{
	const struct hadal_governor *governor;
	u64 hits = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		governor = per_cpu_ptr(&hadal_governor, cpu);
		hits += READ_ONCE(governor->samples) * HADAL_HOOK_SAMPLE + HADAL_HOOK_SAMPLE -
			READ_ONCE(governor->left);
	}
	return hits;
}

/* ns, of all CPUs since the module was loaded; estimated. */
u64 hadal_governor_time(void)
{
	u64 time = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		time += READ_ONCE(per_cpu_ptr(&hadal_governor, cpu)->time);
	return time;
}
