/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "points_plan.h"

enum {
	LARGER = 2,		/* times: what is as much larger than another may take its place */
};

bool points_plan_open(struct points_plan *plan, size_t most)
{
	*plan = (struct points_plan){ .list = calloc(most + 1, sizeof(*plan->list)) };
	return plan->list;
}

void points_plan_close(struct points_plan *plan)
{
	free(plan->list);
}

void points_plan_add(struct points_plan *plan, void *of, enum points_state *state, bool *late, uint64_t size,
		     unsigned int points)
{
	plan->list[plan->count] = (struct points_candidate){
		.of = of, .state = state, .late = late, .before = *state, .size = size, .points = points,
		.order = plan->count,
	};
	plan->count++;
	plan->told += *state == POINTS_TOLD;
}

static int by_size(const void *a, const void *b)
{
	const struct points_candidate *left = a, *right = b;
	bool left_told = left->before == POINTS_TOLD, right_told = right->before == POINTS_TOLD;

	if (left_told != right_told)
		return left_told ? -1 : 1;
	if (left->size != right->size)
		return left->size < right->size ? 1 : -1;
	return left->order < right->order ? -1 : 1;
}

void points_plan_sort(struct points_plan *plan)
{
	qsort(plan->list, plan->count, sizeof(*plan->list), by_size);
}

static bool all_fit(const struct points_plan *plan, unsigned int others)
{
	unsigned long points = others;

	for (size_t i = 0; i < plan->count; i++) {
		if (points_is_folded(*plan->list[i].state))
			return false;
		points += plan->list[i].points;
	}
	return points <= plan->room;
}

bool points_plan_tell_all(struct points_plan *plan, unsigned int others)
{
	if (!all_fit(plan, others))
		return false;
	for (size_t i = 0; i < plan->count; i++)
		*plan->list[i].state = POINTS_TOLD;
	return true;
}

/* An eighth of the room is for what those that are told may still come to. */
static unsigned int room_to_take(const struct points_plan *plan)
{
	unsigned int room = plan->room > plan->reserve ? plan->room - plan->reserve : 0;

	return room - room / 8;
}

/* In the order of their size: where one finds no room, no smaller one does. */
void points_plan_take_in(struct points_plan *plan)
{
	unsigned int most = room_to_take(plan);
	bool full = false;

	for (size_t i = 0; i < plan->told; i++)
		plan->used += plan->list[i].points;
	for (size_t i = plan->told; i < plan->count; i++) {
		const struct points_candidate *candidate = &plan->list[i];

		full |= plan->used + candidate->points > most;
		if (!full)
			plan->used += candidate->points;
		if (*candidate->state == POINTS_FOLDED && !full)
			*candidate->state = POINTS_RISING;
		else if (*candidate->state == POINTS_NEW)
			*candidate->state = full ? POINTS_FOLDED : POINTS_TOLD;
		plan->settling |= *candidate->state == POINTS_RISING;
	}
}

/*
 * What is beyond the limit all the same, for those that are told have come to more
 * points, is told in a later batch: what adds up is then still in it. The smallest first.
 */
static void put_off(struct points_plan *plan, unsigned int others)
{
	for (size_t i = plan->count; i-- && plan->used + others > plan->room;) {
		const struct points_candidate *candidate = &plan->list[i];

		if (*candidate->state != POINTS_TOLD)
			continue;
		*candidate->late = true;
		plan->used -= candidate->points;
	}
}

/* The smallest that is told, before @end of the list; NULL: none. */
static const struct points_candidate *smallest_told(const struct points_plan *plan, size_t *end)
{
	while (*end) {
		const struct points_candidate *candidate = &plan->list[--*end];

		if (!*candidate->late)
			return candidate;
	}
	return NULL;
}

/* It is told once more now, and its end in the next batch: there is room for others then. */
static unsigned int leave(const struct points_candidate *candidate)
{
	*candidate->state = POINTS_LEAVING;
	return candidate->points;
}

/* For those that have become larger than some that are told. @end: as above. */
static void make_room_for_larger(const struct points_plan *plan, size_t *end)
{
	for (size_t i = plan->told; i < plan->count; i++) {
		const struct points_candidate *larger = &plan->list[i], *candidate;
		size_t before = *end;

		if (*larger->state != POINTS_FOLDED)
			continue;
		candidate = smallest_told(plan, end);
		if (!candidate || larger->size / LARGER <= candidate->size) {
			*end = before;
			return;
		}
		leave(candidate);
	}
}

/* What little is left for growth, or less than nothing, is made an eighth again. */
static void make_room(struct points_plan *plan)
{
	unsigned int most = room_to_take(plan), used = plan->used;
	const struct points_candidate *candidate;
	size_t end = plan->told;
	bool late = end && *plan->list[end - 1].late;

	if (plan->settling)
		return;
	if (!late && used <= most + most / 16) {
		make_room_for_larger(plan, &end);
		return;
	}
	while (used > most && (candidate = smallest_told(plan, &end)))
		used -= leave(candidate);
}

void points_plan_fit(struct points_plan *plan, unsigned int others)
{
	put_off(plan, others);
	make_room(plan);
}

unsigned int points_plan_folded(const struct points_plan *plan, unsigned int *folded)
{
	unsigned int points = 0;

	*folded = 0;
	for (size_t i = 0; i < plan->count; i++) {
		if (!points_is_folded(*plan->list[i].state))
			continue;
		points += plan->list[i].points;
		++*folded;
	}
	return points;
}
