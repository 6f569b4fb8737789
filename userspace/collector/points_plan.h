/* SPDX-License-Identifier: MIT */
/*
 * The limit of points: who has series of its own, among things of one kind
 * (edges, workloads), and who adds up in another.
 *
 * Who is told stays told, so that series do not come and go: one that is not
 * takes its place when it is more than twice as large.
 */
#ifndef HADALD_POINTS_PLAN_H
#define HADALD_POINTS_PLAN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a profile without a limit has. */
#define POINTS_UNLIMITED	UINT_MAX

enum {
	POINTS_MEMORY = 16,	/* intervals: what counts for a size is of about so many */
};

/* Where what a thing counts is shipped. */
enum points_state {
	POINTS_NEW,		/* not decided yet */
	POINTS_TOLD,		/* in series of its own */
	POINTS_LEAVING,		/* the same, a last time */
	POINTS_ENDING,		/* these end, and what comes counts elsewhere */
	POINTS_FOLDED,		/* in those of another */
	POINTS_RISING,		/* the same, a last time */
};

struct points_candidate {
	void *of;
	enum points_state *state;	/* of it */
	bool *late;			/* of it: told, and not in this interval's batch */
	enum points_state before;	/* its state before the plan */
	uint64_t size;
	unsigned int points;		/* if it is told */
	size_t order;			/* of who are of one size */
};

struct points_plan {
	struct points_candidate *list;	/* the told first, the largest first */
	size_t count, told;	/* of these, told before */
	unsigned int room;	/* points for them and for those that others add up in */
	unsigned int reserve;	/* of these, for the latter */
	unsigned int used;
	bool settling;		/* room that was made is not free yet, or just taken */
};

/* A sum of about POINTS_MEMORY intervals, with @more of this one. */
static inline uint64_t points_decayed(uint64_t sum, uint64_t more)
{
	return sum - sum / POINTS_MEMORY + more;
}

/* Whether what it counts is counted in another. */
static inline bool points_is_folded(enum points_state state)
{
	return state == POINTS_FOLDED || state == POINTS_RISING || state == POINTS_ENDING;
}

/* @most: candidates. Returns false without memory. To be closed. */
bool points_plan_open(struct points_plan *plan, size_t most);
void points_plan_close(struct points_plan *plan);

/* None of these ends or has just left. */
void points_plan_add(struct points_plan *plan, void *of, enum points_state *state, bool *late, uint64_t size,
		     unsigned int points);
void points_plan_sort(struct points_plan *plan);

/*
 * Whether nobody adds up in another, and nobody needs to: then all are told.
 * @others: points of who was added up in.
 */
bool points_plan_tell_all(struct points_plan *plan, unsigned int others);

/*
 * Else: who is told remains so, and of the rest the largest rise, or are told if
 * they are new; a new one without room is folded.
 */
void points_plan_take_in(struct points_plan *plan);

/* Keeps to the room, of which @others are taken: who is late, and who leaves. */
void points_plan_fit(struct points_plan *plan, unsigned int others);

/* What those that are folded would be, told. *@folded: how many they are. */
unsigned int points_plan_folded(const struct points_plan *plan, unsigned int *folded);

#endif
