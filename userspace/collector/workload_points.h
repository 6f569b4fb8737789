/* SPDX-License-Identifier: MIT */
/*
 * The limit of points: which workloads have series of their own, and which add
 * up in those of the workload `other` (points_plan.h). A workload's size is its
 * share of the CPU time and of the memory that all containers used lately, and
 * of what all edges moved, the three added up.
 *
 * What a workload has counted is in one series and no other: its growth goes
 * to its own from the time it is told, to `other`'s until then and again from
 * the time it no longer is. Limits, and what its containers are made of, are
 * told of those alone that have series of their own.
 */
#ifndef HADALD_WORKLOAD_POINTS_H
#define HADALD_WORKLOAD_POINTS_H

#include "edge_table.h"
#include "workload.h"

/* What is to be kept to. */
struct points_limit {
	unsigned int points;	/* of the batch */
	unsigned int taken;	/* of these, what is in it besides workloads and edges */
	uint64_t wall;		/* ns since the epoch, the interval's end */
	bool full;		/* the profile */
};

/*
 * Decides, when an interval is added up and edges are weighed, who is told in
 * its batch. Edges that want it have a quarter of what is not taken. Returns how
 * many points workloads have in the batch.
 */
unsigned int workloads_plan(struct workloads *workloads, const struct edge_table *edges,
			    const struct points_limit *limit);

/* After the batch: who came and who left have done so. */
void workloads_planned(struct workloads *workloads);

/* Whether it has series of its own in this interval's batch; that they end in it counts too. */
bool workload_is_told(const struct workload *workload);

/* Whether its series end in this interval's batch. */
bool workload_has_ended(const struct workload *workload);

/* How many points of an interval tell @workload, by what is shipped of it. @full: the profile. */
unsigned int workload_points(const struct workload *workload, bool full);

#endif
