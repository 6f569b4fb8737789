/* SPDX-License-Identifier: MIT */
#include <math.h>

#include "histogram.h"

const double histogram_bounds[HISTOGRAM_BOUNDS] = {
	0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 10,
};

double histogram_floor(void)
{
	return exp2((double)HISTOGRAM_OFFSET / (1 << HISTOGRAM_SCALE));
}

/* What a value's four buckets between two powers of 2 begin above, the power being 1/2: 2^(-1 + i/4). */
static const double quarters[1 << HISTOGRAM_SCALE] = {
	0.5, 0.59460355750136053336, 0.70710678118654752440, 0.84089641525371454303,
};

/*
 * Bucket i of scale s holds base^i < v <= base^(i + 1), base = 2^(2^-s).
 * Source: OpenTelemetry metrics data model, "Exponential Buckets".
 */
static int exponential_index(double seconds)
{
	int exponent, index;
	double fraction = frexp(seconds, &exponent);

	index = ((exponent - 1) * (1 << HISTOGRAM_SCALE)) - 1;
	for (size_t i = 0; i < sizeof(quarters) / sizeof(quarters[0]); i++)
		index += fraction > quarters[i];
	return index - HISTOGRAM_OFFSET;
}

static void record_exponential(struct histogram *histogram, double seconds)
{
	int index;

	if (seconds <= histogram_floor()) {
		histogram->zero_count++;
		return;
	}
	index = exponential_index(seconds);
	if (index < 0)
		index = 0;
	if (index >= HISTOGRAM_BUCKETS)
		index = HISTOGRAM_BUCKETS - 1;
	histogram->counts[index]++;
}

static void record_explicit(struct histogram *histogram, double seconds)
{
	size_t i = 0;

	while (i < HISTOGRAM_BOUNDS && seconds > histogram_bounds[i])
		i++;
	histogram->counts[i]++;
}

void histogram_record(struct histogram *histogram, double seconds)
{
	if (histogram->form == HISTOGRAM_EXPONENTIAL)
		record_exponential(histogram, seconds);
	else
		record_explicit(histogram, seconds);
	if (!histogram->count || seconds < histogram->min)
		histogram->min = seconds;
	if (!histogram->count || seconds > histogram->max)
		histogram->max = seconds;
	histogram->sum += seconds;
	histogram->count++;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
	if (!from->count)
		return;
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		to->counts[i] += from->counts[i];
	to->zero_count += from->zero_count;
	if (!to->count || from->min < to->min)
		to->min = from->min;
	if (!to->count || from->max > to->max)
		to->max = from->max;
	to->sum += from->sum;
	to->count += from->count;
}
