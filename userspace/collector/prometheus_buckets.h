/* SPDX-License-Identifier: MIT */
/*
 * Histograms as Prometheus' classic ones: how many values are at or below each
 * bound.
 *
 * Exponential ones get ten bounds, all of them powers of 2, since these are
 * bounds of exponential buckets too, at each scale from 0 on: no bucket is split,
 * and no count is a guess.
 */
#ifndef HADALD_PROMETHEUS_BUCKETS_H
#define HADALD_PROMETHEUS_BUCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "batch.h"

enum { PROMETHEUS_BOUNDS = 10 };

/* Seconds, as exponents of 2: from 122 us, by 2 up to 977 us, by 4 up to 1 s, and 8 s. */
extern const int prometheus_exponents[PROMETHEUS_BOUNDS];

struct prometheus_buckets {
	size_t count;				/* of bounds */
	double bounds[HADAL_BUCKETS_MAX];	/* rising */
	uint64_t below[HADAL_BUCKETS_MAX + 1];	/* values at or below the bound; the last: all */
	double sum;
};

/**
 * prometheus_buckets() - of a point of either kind of histogram
 *
 * Of a point without recorded value there are the bounds alone; with explicit
 * ones they are those of histogram.h.
 */
void prometheus_buckets(const struct hadal_batch_point *point, struct prometheus_buckets *buckets);

#endif
