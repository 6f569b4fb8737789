/* SPDX-License-Identifier: MIT */
/*
 * What several workloads have used, and how their processes ended, as one.
 */
#ifndef HADALD_WORKLOAD_SUMS_H
#define HADALD_WORKLOAD_SUMS_H

#include "workload.h"

/* What @workload has of its own. */
void sums_of(const struct workload *workload, struct workload_sums *sums);

/* Adds by how much the counters of @now are more than those of @before (NULL: 0). */
void sums_add_growth(struct workload_sums *sums, const struct workload_sums *now, const struct workload_sums *before);

/* Before gauges are added: they begin with 0. */
void sums_begin_gauges(struct workload_sums *sums);

/*
 * Adds how many containers run and what they use now. What they may use at most is left
 * out: a sum would be no limit of anybody, and least of all of those that have none.
 */
void sums_add_gauges(struct workload_sums *sums, const struct workload_sums *now);

/* Takes over the gauges of @now, which are of the same workload. */
void sums_take_gauges(struct workload_sums *sums, const struct workload_sums *now);

#endif
