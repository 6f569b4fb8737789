/* SPDX-License-Identifier: MIT */
/*
 * A receiver that reads each batch as one would that knows nothing but series, and
 * holds them to their rules: one point of a series in a batch, no counter falls, what has
 * ended was there, and begins again later than it was.
 */
#ifndef SERIES_RECEIVER_H
#define SERIES_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "telemetry.h"

struct received_series;

struct receiver {
	struct received_series *table;
	uint64_t batches;
	uint64_t begun, ended;	/* series of workloads */
};

/* Histograms are passed over. */
void receiver_take(struct receiver *receiver, const struct hadal_batch *batch);
void receiver_free(struct receiver *receiver);

/* By how much series of @metric grew in all, of those with @part in their names. Seconds in ns. */
uint64_t receiver_grown(const struct receiver *receiver, const char *metric, const char *part);

/* What such series of another kind than counters were in the last batch. */
int64_t receiver_now(const struct receiver *receiver, const char *metric, const char *part);

/* How many such series have begun and not ended. */
unsigned int receiver_open(const struct receiver *receiver, const char *metric, const char *part);

#endif
