/* SPDX-License-Identifier: MIT */
/* Histograms of either form as one thing that can be added to and subtracted from. */
#ifndef HADAL_BUCKETS_H
#define HADAL_BUCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"

struct hadal_buckets {
	uint64_t bounds_hash;		/* of explicit bounds; 0: exponential */
	int32_t scale;			/* exponential */
	int32_t offset;			/* of counts[0], exponential; explicit: 0 */
	uint32_t count;
	uint64_t *counts;		/* from malloc, or borrowed */
	uint64_t zero_count;
	double zero_threshold;
	double sum, min, max;		/* NaN: not known */
};

/** hadal_buckets_view() - the histogram of a point that has one; its counts are borrowed, and not to be written. */
struct hadal_buckets hadal_buckets_view(const struct hadal_batch_point *point);

/** hadal_buckets_alike() - whether one can be added to the other. */
bool hadal_buckets_alike(const struct hadal_buckets *a, const struct hadal_buckets *b);

/** hadal_buckets_covers() - whether no count of @more is below that of @less: it may have become @more by adding. */
bool hadal_buckets_covers(const struct hadal_buckets *more, const struct hadal_buckets *less);

/**
 * hadal_buckets_add() - add @from to @to, both alike
 * @to: its counts are from malloc or NULL
 *
 * Return: 0; -ENOMEM: @to is as before. -E2BIG: they would have more than
 * HADAL_BUCKETS_MAX buckets.
 */
int hadal_buckets_add(struct hadal_buckets *to, const struct hadal_buckets *from);

/**
 * hadal_buckets_difference() - what was added to @before for it to become @after
 * @counts: room for after->count numbers
 *
 * An extreme that did not change is not known of what was added: NaN.
 */
struct hadal_buckets hadal_buckets_difference(const struct hadal_buckets *after, const struct hadal_buckets *before,
					      uint64_t *counts);

/**
 * hadal_buckets_put() - have @point tell @buckets, copied, instead of what it had
 * @arena: must live as long as the point
 *
 * Return: 0; -ENOMEM: @point is as before.
 */
int hadal_buckets_put(struct hadal_arena *arena, struct hadal_batch_point *point, const struct hadal_buckets *buckets);

/** hadal_buckets_free() - free the counts. */
void hadal_buckets_free(struct hadal_buckets *buckets);

#endif
