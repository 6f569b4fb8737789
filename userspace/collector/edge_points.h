/* SPDX-License-Identifier: MIT */
/*
 * The limit of points: which edges have series of their own, and which add up
 * in those of the workload `other` (points_plan.h). The table of edges has all of
 * them in any case, and an edge's size is what it moved lately. What an edge
 * has counted is in one series and no other: its growth goes to its own from
 * the time it is told, to `other`'s until then and again from the time it no
 * longer is.
 */
#ifndef HADALD_EDGE_POINTS_H
#define HADALD_EDGE_POINTS_H

#include "edge_table.h"

/* How many points of an interval tell @edge, by what is shipped of it. */
unsigned int edge_points(const struct edge *edge);

/* What is shipped of it; it is not all that the edge has counted where that was in part counted in another. */
const struct values *edge_shipped(const struct edge *edge);

/* Whether it has series of its own in this interval's batch; that they end in it counts too. */
bool edge_is_told(const struct edge *edge);

/* Whether its series end in this interval's batch. */
bool edge_has_ended(const struct edge *edge);

/* Whether it is there for others alone. */
bool edge_is_only_shipped(const struct edge *edge);

/* When an interval is added up, before it is decided who is told: brings sizes up to date. */
void edges_weigh(struct edge_table *table);

/*
 * Then: decides who is told in the interval's batch.
 * @limit: points of the batch. @taken: of these, what is in it besides edges.
 * @wall: ns since the epoch, the interval's end.
 */
void edges_plan(struct edge_table *table, unsigned int limit, unsigned int taken, uint64_t wall);

/*
 * How many of @room points are for edges: as many as they would have, but no more
 * than @part of it where that suffices for those that end and for what adds up.
 */
unsigned int edges_share(const struct edge_table *table, unsigned int room, unsigned int part);

/* After the batch: who came and who left have done so. */
void edges_planned(struct edge_table *table);

/* Before @flow is moved to @edge: adds it to what is shipped, where that is elsewhere. */
void edge_ship_flow(struct edge_table *table, struct edge *edge, const struct flow *flow, uint64_t wall);

#endif
