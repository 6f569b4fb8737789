/* SPDX-License-Identifier: MIT */
#include "prometheus_buckets.h"

#include <math.h>
#include <string.h>

#include "histogram.h"

const int prometheus_exponents[PROMETHEUS_BOUNDS] = { -13, -12, -11, -10, -8, -6, -4, -2, 0, 3 };

static void set_bounds(struct prometheus_buckets *buckets, const double *bounds, size_t count)
{
	buckets->count = count;
	memcpy(buckets->bounds, bounds, count * sizeof(*bounds));
}

/* From how many are in each bucket to how many are at or below its bound. */
static void add_up(struct prometheus_buckets *buckets)
{
	for (size_t i = 1; i <= buckets->count; i++)
		buckets->below[i] += buckets->below[i - 1];
}

static void fill_explicit(const struct hadal_histogram_value *value, struct prometheus_buckets *buckets)
{
	set_bounds(buckets, value->bounds, value->bound_count);
	memcpy(buckets->below, value->counts, (value->bound_count + 1) * sizeof(*value->counts));
	buckets->sum = value->sum;
}

/* The smallest exponent of 2 that is at or above the upper end of bucket @index: 2^((index + 1) / 2^scale). */
static int64_t end_of(int64_t index, int32_t scale)
{
	const int64_t end = index + 1;

	if (scale <= 0)
		return end * ((int64_t)1 << -scale);
	return (end >> scale) + ((end & (((int64_t)1 << scale) - 1)) != 0);
}

static size_t bucket_of_end(int64_t exponent)
{
	size_t i = 0;

	while (i < PROMETHEUS_BOUNDS && prometheus_exponents[i] < exponent)
		i++;
	return i;
}

static size_t bucket_of_value(double value)
{
	size_t i = 0;

	while (i < PROMETHEUS_BOUNDS && ldexp(1, prometheus_exponents[i]) < value)
		i++;
	return i;
}

static void set_powers(struct prometheus_buckets *buckets)
{
	buckets->count = PROMETHEUS_BOUNDS;
	for (size_t i = 0; i < PROMETHEUS_BOUNDS; i++)
		buckets->bounds[i] = ldexp(1, prometheus_exponents[i]);
}

static void fill_exponential(const struct hadal_exponential_histogram_value *value,
			     struct prometheus_buckets *buckets)
{
	memset(buckets->below, 0, (PROMETHEUS_BOUNDS + 1) * sizeof(buckets->below[0]));
	buckets->below[bucket_of_value(value->zero_threshold)] = value->zero_count;
	for (size_t i = 0; i < value->count; i++)
		buckets->below[bucket_of_end(end_of(value->offset + (int64_t)i, value->scale))] += value->counts[i];
	buckets->sum = value->sum;
}

void prometheus_buckets(const struct hadal_batch_point *point, struct prometheus_buckets *buckets)
{
	const bool explicit_bounds = point->type == HADAL_POINT_HISTOGRAM;

	if (!explicit_bounds)
		set_powers(buckets);
	else if (point->at.no_recorded_value)
		set_bounds(buckets, histogram_bounds, HISTOGRAM_BOUNDS);
	if (point->at.no_recorded_value)
		return;
	if (explicit_bounds)
		fill_explicit(point->histogram, buckets);
	else
		fill_exponential(point->exponential, buckets);
	add_up(buckets);
}
