// SPDX-License-Identifier: MIT
#include "buckets.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static double extreme(bool has, double value)
{
	return has ? value : NAN;
}

static struct hadal_buckets view_explicit(const struct hadal_histogram_value *value)
{
	return (struct hadal_buckets){
		/* Never 0, which stands for the other form. */
		.bounds_hash = XXH3_64bits(value->bounds, value->bound_count * sizeof(*value->bounds)) | 1,
		.count = (uint32_t)value->bound_count + 1,
		.counts = (uint64_t *)(uintptr_t)value->counts,
		.sum = value->sum,
		.min = extreme(value->has_extremes, value->min),
		.max = extreme(value->has_extremes, value->max),
	};
}

static struct hadal_buckets view_exponential(const struct hadal_exponential_histogram_value *value)
{
	return (struct hadal_buckets){
		.scale = value->scale,
		.offset = value->offset,
		.count = (uint32_t)value->count,
		.counts = (uint64_t *)(uintptr_t)value->counts,
		.zero_count = value->zero_count,
		.zero_threshold = value->zero_threshold,
		.sum = value->sum,
		.min = extreme(value->has_extremes, value->min),
		.max = extreme(value->has_extremes, value->max),
	};
}

struct hadal_buckets hadal_buckets_view(const struct hadal_batch_point *point)
{
	return point->type == HADAL_POINT_HISTOGRAM ? view_explicit(point->histogram) :
						       view_exponential(point->exponential);
}

bool hadal_buckets_alike(const struct hadal_buckets *a, const struct hadal_buckets *b)
{
	if (a->bounds_hash || b->bounds_hash)
		return a->bounds_hash == b->bounds_hash && a->count == b->count;
	return a->scale == b->scale;
}

/* The count of the bucket that is @index of an offset of 0. */
static uint64_t count_at(const struct hadal_buckets *buckets, int64_t index)
{
	index -= buckets->offset;
	return index >= 0 && index < buckets->count ? buckets->counts[index] : 0;
}

bool hadal_buckets_covers(const struct hadal_buckets *more, const struct hadal_buckets *less)
{
	if (more->zero_count < less->zero_count)
		return false;
	for (uint32_t i = 0; i < less->count; i++)
		if (count_at(more, (int64_t)less->offset + i) < less->counts[i])
			return false;
	return true;
}

/* Makes @to reach from where either begins to where either ends. */
static int reach(struct hadal_buckets *to, const struct hadal_buckets *from)
{
	int64_t low = to->offset, high = (int64_t)to->offset + to->count;
	const int64_t from_high = (int64_t)from->offset + from->count;
	uint64_t *counts;

	if (!from->count)
		return 0;
	if (!to->count || from->offset < low)
		low = from->offset;
	if (!to->count || from_high > high)
		high = from_high;
	if (high - low > HADAL_BUCKETS_MAX)
		return -E2BIG;
	if (to->count == high - low)
		return 0;
	counts = calloc((size_t)(high - low), sizeof(*counts));
	if (!counts)
		return -ENOMEM;
	if (to->count)
		memcpy(counts + (to->offset - low), to->counts, to->count * sizeof(*counts));
	free(to->counts);
	to->counts = counts;
	to->offset = (int32_t)low;
	to->count = (uint32_t)(high - low);
	return 0;
}

int hadal_buckets_add(struct hadal_buckets *to, const struct hadal_buckets *from)
{
	const int ret = reach(to, from);

	if (ret)
		return ret;
	for (uint32_t i = 0; i < from->count; i++)
		to->counts[from->offset - to->offset + (int64_t)i] += from->counts[i];
	to->zero_count += from->zero_count;
	to->zero_threshold = fmax(to->zero_threshold, from->zero_threshold);
	to->sum += from->sum;
	to->min = fmin(to->min, from->min);	/* of a number and NaN, the number */
	to->max = fmax(to->max, from->max);
	return 0;
}

struct hadal_buckets hadal_buckets_difference(const struct hadal_buckets *after, const struct hadal_buckets *before,
					      uint64_t *counts)
{
	struct hadal_buckets difference = *after;

	difference.counts = counts;
	for (uint32_t i = 0; i < after->count; i++)
		counts[i] = after->counts[i] - count_at(before, (int64_t)after->offset + i);
	difference.zero_count -= before->zero_count;
	difference.sum -= before->sum;
	if (after->min >= before->min)
		difference.min = NAN;
	if (after->max <= before->max)
		difference.max = NAN;
	return difference;
}

static bool has_extremes(const struct hadal_buckets *buckets)
{
	return !isnan(buckets->min) || !isnan(buckets->max);
}

static uint64_t *copy_counts(struct hadal_arena *arena, const struct hadal_buckets *buckets, int *error)
{
	uint64_t *counts = hadal_arena_take(arena, buckets->count * sizeof(*counts), error);

	if (counts && buckets->count)
		memcpy(counts, buckets->counts, buckets->count * sizeof(*counts));
	return counts;
}

static int put_explicit(struct hadal_arena *arena, struct hadal_batch_point *point, const struct hadal_buckets *buckets)
{
	int error = 0;
	struct hadal_histogram_value *value = hadal_arena_take(arena, sizeof(*value), &error);

	if (!value)
		return error;
	*value = (struct hadal_histogram_value){
		.bounds = point->histogram->bounds,
		.bound_count = point->histogram->bound_count,
		.counts = copy_counts(arena, buckets, &error),
		.sum = buckets->sum,
		.min = buckets->min,
		.max = buckets->max,
		.has_extremes = has_extremes(buckets),
	};
	if (!value->counts)
		return error;
	point->histogram = value;
	return 0;
}

int hadal_buckets_put(struct hadal_arena *arena, struct hadal_batch_point *point, const struct hadal_buckets *buckets)
{
	struct hadal_exponential_histogram_value *value;
	int error = 0;

	if (point->type == HADAL_POINT_HISTOGRAM)
		return put_explicit(arena, point, buckets);
	value = hadal_arena_take(arena, sizeof(*value), &error);
	if (!value)
		return error;
	*value = (struct hadal_exponential_histogram_value){
		.scale = buckets->scale,
		.offset = buckets->offset,
		.counts = copy_counts(arena, buckets, &error),
		.count = buckets->count,
		.zero_count = buckets->zero_count,
		.zero_threshold = buckets->zero_threshold,
		.sum = buckets->sum,
		.min = buckets->min,
		.max = buckets->max,
		.has_extremes = has_extremes(buckets),
	};
	if (!value->counts)
		return error;
	point->exponential = value;
	return 0;
}

void hadal_buckets_free(struct hadal_buckets *buckets)
{
	free(buckets->counts);
	*buckets = (struct hadal_buckets){ 0 };
}
