/* SPDX-License-Identifier: MIT */
#include <hadal/event.h>
#include <hadal/names.h>
#include <stdlib.h>
#include <string.h>

#include "edge_points.h"

enum {
	OTHER_POINTS = 64,	/* kept for the edges of `other`, of two roles and transports */
	CONNECTION_BYTES = 1024,	/* what a connection weighs, so that those that carry nothing do */
};

/* ---- what an edge comes to ---- */

/* A counter that has never counted is not told. */
static unsigned int point(uint64_t value)
{
	return value ? 1 : 0;
}

static unsigned int error_points(const struct errors *errors)
{
	uint64_t other = errors->other;
	unsigned int points = 0;

	for (unsigned int i = 0; i < errors->kinds; i++) {
		int error = errors->list[i].error;

		if (error && strcmp(hadal_error_type((uint32_t)error), HADAL_VALUE_ERROR_OTHER))
			points++;
		else
			other += errors->list[i].count;
	}
	return points + point(other);
}

unsigned int edge_points(const struct edge *edge)
{
	const struct values *values = edge_shipped(edge);
	unsigned int io = point(values->acked) + point(values->received), points;

	if (edge->key.transport == FLOW_UDP)
		return io;
	points = point(values->listener_dropped) + point(values->health_checks);
	if (edge->key.kind == PEER_NONE)
		return points;
	points += io + point(values->reset) + point(values->segments_sent) + point(values->segments_retransmitted);
	points += values->connect ? 1 : 0;
	points += values->rtt ? 1 : 0;
	/* opened and active, which always are */
	points += 2;
	return points + error_points(&values->failed) + error_points(&values->broken);
}

static uint64_t bytes_of(const struct values *values)
{
	uint64_t connections = values->opened + values->listener_dropped + values->health_checks +
			       errors_count(&values->failed);

	return values->acked + values->received + connections * CONNECTION_BYTES;
}

static void weigh(struct edge *edge)
{
	uint64_t bytes = bytes_of(&edge->values);

	edge->size = points_decayed(edge->size, bytes - edge->weighed);
	edge->weighed = bytes;
}

void edges_weigh(struct edge_table *table)
{
	for (struct edge *edge = table->table; edge; edge = edge->hh.next)
		weigh(edge);
}

/* ---- who is told ---- */

const struct values *edge_shipped(const struct edge *edge)
{
	return edge->shipped ? edge->shipped : &edge->values;
}

bool edge_is_told(const struct edge *edge)
{
	switch (edge->state) {
	case POINTS_TOLD:
	case POINTS_LEAVING:
		return edge->ended ? edge->begun : !edge->late;
	case POINTS_ENDING:
		return true;
	default:
		return false;
	}
}

bool edge_has_ended(const struct edge *edge)
{
	return edge->ended || edge->state == POINTS_ENDING;
}

bool edge_is_only_shipped(const struct edge *edge)
{
	return edge->state == POINTS_TOLD && edge->others && values_empty(&edge->values) && !edge->active;
}

/* ---- what is shipped ---- */

static struct values *values_new(const struct values *from, struct counts *counts)
{
	struct values *values = calloc(1, sizeof(*values));

	if (values)
		values_add(values, from, counts);
	return values;
}

/* From now on others add up in it. What it has counted of its own goes on. */
static bool begin_others(struct edge_table *table, struct edge *edge)
{
	if (edge->others)
		return true;
	edge->shipped = values_new(&edge->values, table->counts);
	if (!edge->shipped)
		return false;
	edge->shipped_since = edge->start_time;
	edge->shipped_active = edge->active;
	edge->others = true;
	edge->state = POINTS_TOLD;
	return true;
}

/* The edge of the workload `other` that @edge adds up in; NULL: no memory. */
static struct edge *others_of(struct edge_table *table, const struct edge *edge, uint64_t wall)
{
	struct workload *workload = workload_other(table->workloads, wall);
	struct edge *others = workload ? edge_other(table, workload, edge, wall) : NULL;

	if (!others || !begin_others(table, others))
		return NULL;
	others->active_time = wall;
	others->ended = false;
	workload->active_time = wall;
	workload->ended = false;
	return others;
}

void edge_ship_flow(struct edge_table *table, struct edge *edge, const struct flow *flow, uint64_t wall)
{
	bool nothing = !flow->active && values_empty(&flow->values);
	struct edge *others;

	if (edge->shipped && edge->state != POINTS_ENDING) {
		values_add(edge->shipped, &flow->values, table->counts);
		edge->shipped_active += flow->active;
	}
	if (!points_is_folded(edge->state) || nothing)
		return;
	others = others_of(table, edge, wall);
	if (!others) {
		count(table->counts, COUNT_EDGES_HOST_FULL);
		return;
	}
	values_add(others->shipped, &flow->values, table->counts);
	others->shipped_active += flow->active;
}

/* What it has counted was told by nobody so far. */
static void fold_new(struct edge_table *table, struct edge *edge, uint64_t wall)
{
	struct edge *others = others_of(table, edge, wall);

	if (!others || others == edge) {
		edge->state = POINTS_TOLD;
		return;
	}
	values_add(others->shipped, &edge->values, table->counts);
	others->shipped_active += edge->active;
	edge->state = POINTS_FOLDED;
}

static void drop_shipped(struct edge *edge)
{
	if (edge->shipped)
		values_clear(edge->shipped);
	free(edge->shipped);
	edge->shipped = NULL;
	edge->shipped_active = 0;
}

/* From now on it has series of its own. */
static void rise(struct edge_table *table, struct edge *edge)
{
	edge->shipped = calloc(1, sizeof(*edge->shipped));
	edge->state = edge->shipped ? POINTS_TOLD : POINTS_FOLDED;
	edge->shipped_since = table->planned;
}

/* What it has told is what ends, whatever it comes to count until then. */
static void keep_shipped(struct edge_table *table, struct edge *edge)
{
	edge->state = POINTS_ENDING;
	if (edge->shipped)
		return;
	edge->shipped = values_new(&edge->values, table->counts);
	edge->shipped_since = edge->start_time;
}

void edges_planned(struct edge_table *table)
{
	for (struct edge *edge = table->table; edge; edge = edge->hh.next) {
		switch (edge->state) {
		case POINTS_TOLD:
			edge->begun |= !edge->late;
			break;
		case POINTS_LEAVING:
			keep_shipped(table, edge);
			break;
		case POINTS_ENDING:
			drop_shipped(edge);
			edge->state = POINTS_FOLDED;
			edge->begun = false;
			break;
		case POINTS_RISING:
			rise(table, edge);
			break;
		default:
			break;
		}
	}
}

/* ---- the plan ---- */

/* Points of those that end in this batch. */
static unsigned int points_of_ends(const struct edge_table *table)
{
	unsigned int points = 0;

	for (const struct edge *edge = table->table; edge; edge = edge->hh.next) {
		if (edge_is_told(edge) && edge_has_ended(edge))
			points += edge_points(edge);
	}
	return points;
}

static unsigned int points_of_others(const struct edge_table *table)
{
	unsigned int points = 0;

	for (const struct edge *edge = table->table; edge; edge = edge->hh.next) {
		if (edge->others && !edge->ended)
			points += edge_points(edge);
	}
	return points;
}

static unsigned int points_of_all(const struct edge_table *table)
{
	unsigned int points = 0;

	for (const struct edge *edge = table->table; edge; edge = edge->hh.next)
		points += edge_points(edge);
	return points;
}

/* Points are kept for the edges of `other`, as soon as any may add up there. */
static unsigned int points_kept(unsigned int others)
{
	return others > OTHER_POINTS ? others : OTHER_POINTS;
}

static unsigned int smaller(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

unsigned int edges_share(const struct edge_table *table, unsigned int room, unsigned int part)
{
	unsigned int least = points_of_ends(table) + points_kept(points_of_others(table));

	return smaller(smaller(points_of_all(table), room), part > least ? part : least);
}

static void add_candidate(struct points_plan *plan, struct edge_table *table, struct edge *edge)
{
	edge->late = false;
	if (edge_is_others(table, edge))
		begin_others(table, edge);
	plan->settling |= edge->state == POINTS_ENDING;
	if (edge->others || edge->ended || edge->state == POINTS_ENDING)
		return;
	points_plan_add(plan, edge, &edge->state, &edge->late, edge->size, edge_points(edge));
}

static void add_candidates(struct points_plan *plan, struct edge_table *table)
{
	for (struct edge *edge = table->table; edge; edge = edge->hh.next)
		add_candidate(plan, table, edge);
	points_plan_sort(plan);
}

static void fold_those_without_room(const struct points_plan *plan, struct edge_table *table, uint64_t wall)
{
	for (size_t i = plan->told; i < plan->count; i++) {
		struct edge *edge = plan->list[i].of;

		if (plan->list[i].before == POINTS_NEW && edge->state == POINTS_FOLDED)
			fold_new(table, edge, wall);
	}
}

static void choose(struct points_plan *plan, struct edge_table *table, uint64_t wall)
{
	points_plan_take_in(plan);
	fold_those_without_room(plan, table, wall);
	points_plan_fit(plan, points_of_others(table));
	table->counts->value[COUNT_POINTS_FOLDED] += points_plan_folded(plan, &table->folded);
}

/* Of what ends, what finds no room beside @others ends in a later batch. Returns the points of the rest. */
static unsigned int keep_ends_to(struct edge_table *table, unsigned int room, unsigned int others)
{
	unsigned int points = points_of_ends(table);

	for (struct edge *edge = table->table; edge && points + others > room; edge = edge->hh.next) {
		if (!edge->ended || !edge_is_told(edge) || edge->state == POINTS_ENDING || edge->others)
			continue;
		points -= edge_points(edge);
		edge->ended = false;
		edge->late = true;
	}
	return points;
}

void edges_plan(struct edge_table *table, unsigned int limit, unsigned int taken, uint64_t wall)
{
	unsigned int room = limit > taken ? limit - taken : 0, others = points_of_others(table);
	struct points_plan plan;

	table->planned = wall;
	table->folded = 0;
	if (!points_plan_open(&plan, HASH_COUNT(table->table)))
		return;
	add_candidates(&plan, table);
	plan.room = room - smaller(room, keep_ends_to(table, room, others));
	plan.reserve = points_kept(others);
	if (!points_plan_tell_all(&plan, others))
		choose(&plan, table, wall);
	points_plan_close(&plan);
}
