/* SPDX-License-Identifier: MIT */
#include "workload_sums.h"

/* Gauges that can be added up over workloads. */
#define ADDED_UP	(1U << USAGE_MEMORY | 1U << USAGE_MEMORY_WORKING_SET | 1U << USAGE_THREADS)

void sums_of(const struct workload *workload, struct workload_sums *sums)
{
	*sums = (struct workload_sums){ .exits = workload->exits, .used = workload->usage };
	if (workload->usage)
		sums->usage = *workload->usage;
}

/* ---- counters ---- */

static void grow_exits(struct exits *to, const struct exits *now, const struct exits *before)
{
	to->success += now->success - before->success;
	to->failure += now->failure - before->failure;
	to->oom_killed += now->oom_killed - before->oom_killed;
	for (unsigned int i = 0; i < WORKLOAD_SIGNALS; i++)
		to->signal[i] += now->signal[i] - before->signal[i];
}

static void grow_usage(struct usage *to, const struct usage *now, const struct usage *before)
{
	for (enum usage_value i = 0; i < USAGE_COUNTERS; i++) {
		if (usage_knows(now, i))
			usage_set(to, i, to->value[i] + now->value[i] - before->value[i]);
	}
}

void sums_add_growth(struct workload_sums *sums, const struct workload_sums *now, const struct workload_sums *before)
{
	static const struct workload_sums nothing;

	if (!before)
		before = &nothing;
	grow_exits(&sums->exits, &now->exits, &before->exits);
	grow_usage(&sums->usage.containers.total, &now->usage.containers.total, &before->usage.containers.total);
	grow_usage(&sums->usage.tasks.total, &now->usage.tasks.total, &before->usage.tasks.total);
	sums->used |= now->used;
}

/* ---- gauges ---- */

void sums_begin_gauges(struct workload_sums *sums)
{
	usage_sum_begin(&sums->usage.containers);
	usage_sum_begin(&sums->usage.tasks);
}

static void add_gauges(struct usage_sum *to, const struct usage_sum *from)
{
	to->live += from->live;
	for (enum usage_value i = USAGE_COUNTERS; i < USAGE_VALUES; i++) {
		if (!(ADDED_UP >> i & 1))
			continue;
		to->total.value[i] += from->total.value[i];
		to->holders[i] += from->holders[i];
	}
}

void sums_add_gauges(struct workload_sums *sums, const struct workload_sums *now)
{
	add_gauges(&sums->usage.containers, &now->usage.containers);
	add_gauges(&sums->usage.tasks, &now->usage.tasks);
}

static void take_gauges(struct usage_sum *to, const struct usage_sum *from)
{
	to->live = from->live;
	for (enum usage_value i = USAGE_COUNTERS; i < USAGE_VALUES; i++) {
		to->total.value[i] = from->total.value[i];
		to->holders[i] = from->holders[i];
	}
}

void sums_take_gauges(struct workload_sums *sums, const struct workload_sums *now)
{
	take_gauges(&sums->usage.containers, &now->usage.containers);
	take_gauges(&sums->usage.tasks, &now->usage.tasks);
}
