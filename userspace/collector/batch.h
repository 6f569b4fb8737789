/* SPDX-License-Identifier: MIT */
/*
 * How a batch lies in memory, for the encoders; everyone else uses telemetry.h.
 * All lists are in the order of adding. A wire pointer holds what an encoder
 * made of the thing, in the batch's scratch arena.
 */
#ifndef HADAL_BATCH_H
#define HADAL_BATCH_H

#include "arena.h"
#include "telemetry.h"

struct hadal_attributes {
	struct hadal_telemetry_attribute *list;
	size_t count;
	void *wire;
};

struct hadal_batch_point {
	struct hadal_batch_point *next;
	void *wire;
	struct hadal_point at;
	enum {
		HADAL_POINT_INT,
		HADAL_POINT_DOUBLE,
		HADAL_POINT_HISTOGRAM,
		HADAL_POINT_EXPONENTIAL_HISTOGRAM,
	} type;
	union {
		int64_t integer;
		double real;
		const struct hadal_histogram_value *histogram;
		const struct hadal_exponential_histogram_value *exponential;
	};
};

struct hadal_batch_log {
	struct hadal_batch_log *next;
	void *wire;
	struct hadal_log_record record;
};

struct hadal_metric {
	struct hadal_metric *next;
	struct hadal_batch *batch;
	const struct hadal_metric_info *info;
	struct hadal_batch_point *first, **last;
	size_t count;
};

struct hadal_resource {
	struct hadal_resource *next;
	struct hadal_batch *batch;
	const struct hadal_attributes *attributes;
	struct hadal_metric *first_metric, **last_metric;
	size_t metric_count;
	struct hadal_batch_log *first_log, **last_log;
	size_t log_count;
	void *wire;
};

struct hadal_batch {
	struct hadal_arena arena;
	struct hadal_arena scratch;	/* the encoder's */
	int error;
	struct hadal_batch_counts counts;
	struct hadal_resource *first, **last;
	size_t count;

	/* Stand for what could not be made: whatever is added there is refused. */
	struct hadal_attributes failed_attributes;
	struct hadal_resource failed_resource;
	struct hadal_metric failed_metric;
};

#endif
