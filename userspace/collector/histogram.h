/* SPDX-License-Identifier: MIT */
/*
 * Histograms of durations, in one of two forms that never change their
 * buckets: exponential with scale 2, or explicit with ten bounds.
 */
#ifndef HADALD_HISTOGRAM_H
#define HADALD_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum histogram_form {
	HISTOGRAM_EXPONENTIAL,
	HISTOGRAM_EXPLICIT,
};

enum {
	HISTOGRAM_SCALE = 2,
	HISTOGRAM_OFFSET = -67,		/* the lowest bucket begins at 2^(-67/4) s, 9.1 us */
	HISTOGRAM_BUCKETS = 99,		/* the highest ends at 2^(32/4) s, 256 s */
	HISTOGRAM_BOUNDS = 10,
};

extern const double histogram_bounds[HISTOGRAM_BOUNDS];	/* seconds */

struct histogram {
	enum histogram_form form;
	uint64_t counts[HISTOGRAM_BUCKETS];	/* explicit: the first HISTOGRAM_BOUNDS + 1 */
	uint64_t zero_count;	/* exponential: values at or below histogram_floor() */
	double sum, min, max;	/* seconds */
	uint64_t count;
};

/* Seconds: the upper end of what counts as zero in the exponential form. */
double histogram_floor(void);

/* @seconds at or above 0; what exceeds the highest bucket counts in it. */
void histogram_record(struct histogram *histogram, double seconds);

/* Adds @from to @to; both of one form. */
void histogram_merge(struct histogram *to, const struct histogram *from);

#endif
