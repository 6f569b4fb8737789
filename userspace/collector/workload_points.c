/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "edge_points.h"
#include "export_info.h"
#include "export_usage.h"
#include "workload_points.h"
#include "workload_sums.h"

enum {
	WHOLE = 1 << 20,	/* of a size's three shares, each */
	EDGES_PART = 4,		/* a quarter of the room is for edges */
	OTHER_GAUGES = 3,	/* containers that run, their memory and that of tasks */
};

/* ---- what a workload comes to ---- */

/* A counter that has never counted is not told. */
static unsigned int point(uint64_t value)
{
	return value ? 1 : 0;
}

static unsigned int exits_points(const struct exits *exits)
{
	unsigned int points = point(exits->success) + point(exits->failure) + point(exits->oom_killed);

	for (unsigned int i = 0; i < WORKLOAD_SIGNALS; i++)
		points += point(exits->signal[i]);
	return points;
}

static unsigned int sums_points(const struct workload_sums *sums, bool full)
{
	return exits_points(&sums->exits) + (sums->used ? export_workload_usage_points(&sums->usage, full) : 0);
}

static unsigned int own_points(const struct workload *workload, bool full)
{
	return exits_points(&workload->exits) +
	       (workload->usage ? export_workload_usage_points(workload->usage, full) : 0);
}

unsigned int workload_points(const struct workload *workload, bool full)
{
	bool infos_end = workload->others || workload_has_ended(workload);

	return (workload->shipped ? sums_points(workload->shipped, full) : own_points(workload, full)) +
	       export_workload_infos_points(workload->infos, infos_end);
}

/* ---- who is told ---- */

bool workload_has_ended(const struct workload *workload)
{
	return workload->ended || workload->state == POINTS_ENDING;
}

bool workload_is_told(const struct workload *workload)
{
	switch (workload->state) {
	case POINTS_TOLD:
	case POINTS_LEAVING:
		return !workload->late && (!workload->ended || workload->begun);
	case POINTS_ENDING:
		return true;
	default:
		return false;
	}
}

/* ---- how large they are ---- */

static void weigh_usage(struct workload *workload)
{
	const struct usage_sum *of;
	uint64_t cpu, memory;

	if (!workload->usage)
		return;
	of = &workload->usage->containers;
	cpu = of->total.value[USAGE_CPU_USER] + of->total.value[USAGE_CPU_SYSTEM];
	memory = of->total.value[USAGE_MEMORY];
	workload->cpu = points_decayed(workload->cpu, cpu - workload->cpu_weighed);
	workload->cpu_weighed = cpu;
	workload->memory = points_decayed(workload->memory, memory);
}

static void weigh_traffic(struct workloads *workloads, const struct edge_table *edges)
{
	struct workload *workload;

	for (workload = workloads->table; workload; workload = workload->hh.next)
		workload->traffic = 0;
	for (const struct edge *edge = edges->table; edge; edge = edge->hh.next)
		edge->key.workload->traffic += edge->size;
}

static uint64_t share(uint64_t part, uint64_t of)
{
	return of ? (uint64_t)((double)part / (double)of * WHOLE) : 0;
}

static void weigh(struct workloads *workloads, const struct edge_table *edges)
{
	uint64_t cpu = 0, memory = 0, traffic = 0;
	struct workload *workload;

	weigh_traffic(workloads, edges);
	for (workload = workloads->table; workload; workload = workload->hh.next) {
		weigh_usage(workload);
		cpu += workload->cpu;
		memory += workload->memory;
		traffic += workload->traffic;
	}
	for (workload = workloads->table; workload; workload = workload->hh.next)
		workload->size = share(workload->cpu, cpu) + share(workload->memory, memory) +
				 share(workload->traffic, traffic);
}

/* ---- what is shipped ---- */

/* What it has counted since is in @to from now on. */
static void give(struct workload *workload, struct workload_sums *to)
{
	struct workload_sums now;

	sums_of(workload, &now);
	sums_add_growth(to, &now, workload->given);
	*workload->given = now;
}

static void ship_own(struct workload *workload)
{
	give(workload, workload->shipped);
	sums_take_gauges(workload->shipped, workload->given);
}

/* From now on others add up in it. What it has counted of its own goes on. */
static bool begin_others(struct workload *workload)
{
	if (workload->others)
		return true;
	workload->shipped = calloc(1, sizeof(*workload->shipped));
	workload->given = calloc(1, sizeof(*workload->given));
	if (!workload->shipped || !workload->given) {
		free(workload->shipped);
		free(workload->given);
		workload->shipped = workload->given = NULL;
		return false;
	}
	give(workload, workload->shipped);
	if (workload->usage) {
		workload->shipped->usage.containers.told = workload->usage->containers.told;
		workload->shipped->usage.tasks.told = workload->usage->tasks.told;
	}
	workload->shipped_since = workload->start_time;
	workload->others = true;
	workload->state = POINTS_TOLD;
	return true;
}

/* The workload `other`, in which others can add up; NULL: no memory. */
static struct workload *others_of(struct workloads *workloads, uint64_t wall)
{
	struct workload *others = workload_other(workloads, wall);

	return others && begin_others(others) ? others : NULL;
}

/* What it has counted was told by nobody so far. Without memory it is told by itself. */
static void fold_new(struct workloads *workloads, struct workload *workload, uint64_t wall)
{
	workload->given = others_of(workloads, wall) ? calloc(1, sizeof(*workload->given)) : NULL;
	if (!workload->given)
		workload->state = POINTS_TOLD;
}

/* Its series begin with what this interval has brought. */
static void rise(struct workload *workload, uint64_t since)
{
	workload->shipped = calloc(1, sizeof(*workload->shipped));
	workload->state = workload->shipped ? POINTS_TOLD : POINTS_FOLDED;
	workload->shipped_since = since;
	if (workload->shipped)
		ship_own(workload);
}

static struct workload_sums *sums_new(const struct workload *workload)
{
	struct workload_sums *sums = malloc(sizeof(*sums));

	if (sums)
		sums_of(workload, sums);
	return sums;
}

/* What it has told is what ends, whatever it comes to count until then. Without memory it stays. */
static void keep_shipped(struct workload *workload)
{
	workload->state = POINTS_TOLD;
	if (!workload->shipped) {
		free(workload->given);
		workload->given = sums_new(workload);
		workload->shipped = workload->given ? sums_new(workload) : NULL;
		workload->shipped_since = workload->start_time;
	}
	if (workload->shipped)
		workload->state = POINTS_ENDING;
}

static void has_ended(struct workload *workload)
{
	free(workload->shipped);
	workload->shipped = NULL;
	workload->state = POINTS_FOLDED;
	workload->begun = false;
}

void workloads_planned(struct workloads *workloads)
{
	struct workload *workload;

	for (workload = workloads->table; workload; workload = workload->hh.next) {
		if (workload->state == POINTS_TOLD)
			workload->begun |= !workload->late;
		else if (workload->state == POINTS_LEAVING)
			keep_shipped(workload);
		else if (workload->state == POINTS_ENDING)
			has_ended(workload);
	}
}

/* ---- the plan ---- */

static struct workload *the_others(const struct workloads *workloads)
{
	return workloads->other && workloads->other->others ? workloads->other : NULL;
}

/* What was put off is in what is shipped now. */
static void begin(struct workloads *workloads)
{
	struct workload *workload;

	for (workload = workloads->table; workload; workload = workload->hh.next) {
		workload->late = false;
		if (workload->state == POINTS_TOLD && workload->shipped && !workload->others)
			ship_own(workload);
	}
	/* It may be there for those beyond the bound of workloads. */
	if (workloads->other)
		begin_others(workloads->other);
	if (the_others(workloads))
		give(workloads->other, workloads->other->shipped);
}

/* One that has nothing to tell is only a peer of others. */
static void add_candidate(struct points_plan *plan, struct workload *workload, bool full)
{
	unsigned int points = workload_points(workload, full);

	plan->settling |= workload->state == POINTS_ENDING;
	if (workload_has_ended(workload) || (workload->state == POINTS_NEW && !points))
		return;
	points_plan_add(plan, workload, &workload->state, &workload->late, workload->size, points);
}

static void add_candidates(struct points_plan *plan, struct workloads *workloads, bool full)
{
	struct workload *workload;

	for (workload = workloads->table; workload; workload = workload->hh.next) {
		if (workload != workloads->other)
			add_candidate(plan, workload, full);
	}
	points_plan_sort(plan);
}

/* What `other` would come to if all added up in it: so many points are kept for it. */
static unsigned int points_kept(const struct workloads *workloads, bool full)
{
	struct workload *others = the_others(workloads), *workload;
	struct workload_sums all = { .used = false }, now;

	if (others)
		sums_add_growth(&all, others->shipped, NULL);
	for (workload = workloads->table; workload; workload = workload->hh.next) {
		if (workload == others)
			continue;
		sums_of(workload, &now);
		sums_add_growth(&all, &now, NULL);
	}
	return sums_points(&all, full) + OTHER_GAUGES;
}

/* That of the first that finds none ends in a later batch. Returns the points of those that end in this one. */
static unsigned int keep_ends_to(struct workloads *workloads, bool full, unsigned int room)
{
	unsigned int points = 0;
	struct workload *workload;

	for (workload = workloads->table; workload; workload = workload->hh.next) {
		if (!workload_is_told(workload) || !workload_has_ended(workload) || workload->others)
			continue;
		points += workload_points(workload, full);
		if (points <= room || workload->state == POINTS_ENDING)
			continue;
		points -= workload_points(workload, full);
		workload->ended = false;
		workload->late = true;
	}
	return points;
}

static unsigned int room_for(const struct edge_table *edges, const struct points_limit *limit)
{
	unsigned int room = limit->points > limit->taken ? limit->points - limit->taken : 0;

	return room - edges_share(edges, room, room / EDGES_PART);
}

static void fold_or_rise(const struct points_plan *plan, struct workloads *workloads, uint64_t wall)
{
	for (size_t i = plan->told; i < plan->count; i++) {
		struct workload *workload = plan->list[i].of;

		if (plan->list[i].before == POINTS_NEW && workload->state == POINTS_FOLDED)
			fold_new(workloads, workload, wall);
		else if (workload->state == POINTS_RISING)
			rise(workload, workloads->planned);
	}
}

static void choose(struct points_plan *plan, struct workloads *workloads, uint64_t wall)
{
	points_plan_take_in(plan);
	fold_or_rise(plan, workloads, wall);
	points_plan_fit(plan, plan->reserve);
	workloads->counts->value[COUNT_POINTS_FOLDED] += points_plan_folded(plan, &workloads->folded);
}

/* `other` lives as long as one that adds up in it. */
static bool others_are_needed(const struct workloads *workloads)
{
	for (const struct workload *workload = workloads->table; workload; workload = workload->hh.next) {
		if (points_is_folded(workload->state) && !workload->ended)
			return true;
	}
	return false;
}

/* Those without series of their own, and `other` itself, as they are now. */
static void add_up(struct workloads *workloads, struct workload *others)
{
	struct workload *workload;

	sums_begin_gauges(others->shipped);
	sums_add_gauges(others->shipped, others->given);
	for (workload = workloads->table; workload; workload = workload->hh.next) {
		if (!points_is_folded(workload->state))
			continue;
		give(workload, others->shipped);
		sums_add_gauges(others->shipped, workload->given);
	}
}

static void add_up_others(struct workloads *workloads, uint64_t wall)
{
	bool needed = others_are_needed(workloads);
	struct workload *others = needed ? others_of(workloads, wall) : the_others(workloads);

	if (!others)
		return;
	add_up(workloads, others);
	if (!needed)
		return;
	others->active_time = wall;
	others->ended = false;
}

static unsigned int points_told(const struct workloads *workloads, bool full)
{
	unsigned int points = 0;

	for (const struct workload *workload = workloads->table; workload; workload = workload->hh.next) {
		if (workload_is_told(workload))
			points += workload_points(workload, full);
	}
	return points;
}

unsigned int workloads_plan(struct workloads *workloads, const struct edge_table *edges,
			    const struct points_limit *limit)
{
	unsigned int room = room_for(edges, limit), others, ends;
	struct points_plan plan;

	weigh(workloads, edges);
	begin(workloads);
	workloads->folded = 0;
	others = the_others(workloads) ? workload_points(the_others(workloads), limit->full) : 0;
	if (!points_plan_open(&plan, HASH_COUNT(workloads->table)))
		return points_told(workloads, limit->full);
	add_candidates(&plan, workloads, limit->full);
	plan.reserve = points_kept(workloads, limit->full);
	ends = keep_ends_to(workloads, limit->full, room > plan.reserve ? room - plan.reserve : 0);
	plan.room = room > ends ? room - ends : 0;
	if (!points_plan_tell_all(&plan, plan.settling ? plan.reserve : others))
		choose(&plan, workloads, limit->wall);
	points_plan_close(&plan);
	add_up_others(workloads, limit->wall);
	workloads->planned = limit->wall;
	return points_told(workloads, limit->full);
}
