/* SPDX-License-Identifier: MIT */
/*
 * How a batch lies in memory, for the encoders; everyone else uses telemetry.h.
 * All lists are in the order of adding.
 */
#ifndef HADAL_BATCH_H
#define HADAL_BATCH_H

#include "arena.h"
#include "batch_sets.h"
#include "batch_texts.h"
#include "telemetry.h"

struct hadal_batch_point {
	struct hadal_batch_point *next;
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
	struct hadal_log_record record;
};

struct hadal_metric {
	struct hadal_metric *next;
	struct hadal_batch *batch;
	const struct hadal_metric_info *info;
	const char *name, *unit, *description;	/* of it, as texts of the batch; the last two may be NULL */
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
};

struct hadal_batch {
	struct hadal_arena arena;
	struct hadal_arena scratch;	/* the encoder's */
	int error;
	enum hadal_temporality temporality;
	struct hadal_batch_counts counts;
	struct hadal_resource *first, **last;
	size_t count;
	struct hadal_batch_texts texts;
	struct hadal_batch_sets sets;

	/* Stand for what could not be made: whatever is added there is refused. */
	struct hadal_attributes failed_attributes;
	struct hadal_resource failed_resource;
	struct hadal_metric failed_metric;
};

/** hadal_resource_metric_read() - a metric of what was read: of texts, and not there yet; never NULL. */
struct hadal_metric *hadal_resource_metric_read(struct hadal_resource *resource, const struct hadal_metric_info *info);

#endif
