// SPDX-License-Identifier: MIT
#include "otlp_points.h"

#include <math.h>

#include "otlp_sets.h"

/* proto/otlp.proto; what all kinds of points have has the same number in each, or nearly. */
enum {
	POINT_START = 2,
	POINT_TIME = 3,

	NUMBER_DOUBLE = 4,
	NUMBER_INT = 6,
	NUMBER_ATTRIBUTES = 7,
	NUMBER_FLAGS = 8,

	HISTOGRAM_COUNT = 4,
	HISTOGRAM_SUM = 5,
	HISTOGRAM_COUNTS = 6,
	HISTOGRAM_BOUNDS = 7,
	HISTOGRAM_ATTRIBUTES = 9,
	HISTOGRAM_FLAGS = 10,
	HISTOGRAM_MIN = 11,
	HISTOGRAM_MAX = 12,

	EXPONENTIAL_ATTRIBUTES = 1,
	EXPONENTIAL_COUNT = 4,
	EXPONENTIAL_SUM = 5,
	EXPONENTIAL_SCALE = 6,
	EXPONENTIAL_ZERO_COUNT = 7,
	EXPONENTIAL_POSITIVE = 8,
	EXPONENTIAL_FLAGS = 10,
	EXPONENTIAL_MIN = 12,
	EXPONENTIAL_MAX = 13,
	EXPONENTIAL_ZERO_THRESHOLD = 14,

	BUCKETS_OFFSET = 1,
	BUCKETS_COUNTS = 2,

	LOG_TIME = 1,
	LOG_SEVERITY = 2,
	LOG_BODY = 5,
	LOG_ATTRIBUTES = 6,
	LOG_OBSERVED = 11,
	LOG_NAME = 12,

	VALUE_STRING = 1,	/* of AnyValue */

	NO_RECORDED_VALUE = 1,	/* of a point's flags */
};

static void put_times(struct hadal_wire *wire, const struct hadal_point *at)
{
	/* A start of 0 is one that is not known, which is what leaving it out says. */
	if (at->start_time)
		hadal_wire_put_fixed64(wire, POINT_START, at->start_time);
	hadal_wire_put_fixed64(wire, POINT_TIME, at->time);
}

static void put_number(struct hadal_wire *wire, struct hadal_batch *batch, const struct hadal_batch_point *point)
{
	put_times(wire, &point->at);
	if (point->at.no_recorded_value)
		hadal_wire_put_varint(wire, NUMBER_FLAGS, NO_RECORDED_VALUE);
	else if (point->type == HADAL_POINT_INT)
		hadal_wire_put_fixed64(wire, NUMBER_INT, (uint64_t)point->integer);
	else
		hadal_wire_put_double(wire, NUMBER_DOUBLE, point->real);
	hadal_otlp_put_set(wire, batch, point->at.attributes, NUMBER_ATTRIBUTES);
}

static uint64_t total(const uint64_t *counts, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += counts[i];
	return sum;
}

static void put_extreme(struct hadal_wire *wire, unsigned int field, bool known, double value)
{
	if (known && !isnan(value))
		hadal_wire_put_double(wire, field, value);
}

static void put_explicit(struct hadal_wire *wire, const struct hadal_histogram_value *value)
{
	const size_t buckets = value->bound_count + 1;
	const uint64_t count = total(value->counts, buckets);
	size_t list;

	hadal_wire_put_fixed64(wire, HISTOGRAM_COUNT, count);
	hadal_wire_put_double(wire, HISTOGRAM_SUM, value->sum);
	list = hadal_wire_open(wire, HISTOGRAM_COUNTS);
	for (size_t i = 0; i < buckets; i++)
		hadal_wire_fixed64(wire, value->counts[i]);
	hadal_wire_close(wire, list);
	if (value->bound_count) {
		list = hadal_wire_open(wire, HISTOGRAM_BOUNDS);
		for (size_t i = 0; i < value->bound_count; i++)
			hadal_wire_double(wire, value->bounds[i]);
		hadal_wire_close(wire, list);
	}
	put_extreme(wire, HISTOGRAM_MIN, value->has_extremes && count, value->min);
	put_extreme(wire, HISTOGRAM_MAX, value->has_extremes && count, value->max);
}

static void put_histogram(struct hadal_wire *wire, struct hadal_batch *batch, const struct hadal_batch_point *point)
{
	put_times(wire, &point->at);
	if (point->at.no_recorded_value) {
		hadal_wire_put_fixed64(wire, HISTOGRAM_COUNT, 0);
		hadal_wire_put_varint(wire, HISTOGRAM_FLAGS, NO_RECORDED_VALUE);
	} else {
		put_explicit(wire, point->histogram);
	}
	hadal_otlp_put_set(wire, batch, point->at.attributes, HISTOGRAM_ATTRIBUTES);
}

static void put_positive(struct hadal_wire *wire, const struct hadal_exponential_histogram_value *value)
{
	const size_t positive = hadal_wire_open(wire, EXPONENTIAL_POSITIVE);
	size_t list;

	hadal_wire_put_varint(wire, BUCKETS_OFFSET, hadal_wire_zigzag(value->offset));
	if (value->count) {
		list = hadal_wire_open(wire, BUCKETS_COUNTS);
		for (size_t i = 0; i < value->count; i++)
			hadal_wire_varint(wire, value->counts[i]);
		hadal_wire_close(wire, list);
	}
	hadal_wire_close(wire, positive);
}

static void put_scaled(struct hadal_wire *wire, const struct hadal_exponential_histogram_value *value)
{
	const uint64_t count = value->zero_count + total(value->counts, value->count);

	hadal_wire_put_fixed64(wire, EXPONENTIAL_COUNT, count);
	hadal_wire_put_double(wire, EXPONENTIAL_SUM, value->sum);
	hadal_wire_put_varint(wire, EXPONENTIAL_SCALE, hadal_wire_zigzag(value->scale));
	hadal_wire_put_fixed64(wire, EXPONENTIAL_ZERO_COUNT, value->zero_count);
	put_positive(wire, value);
	put_extreme(wire, EXPONENTIAL_MIN, value->has_extremes && count, value->min);
	put_extreme(wire, EXPONENTIAL_MAX, value->has_extremes && count, value->max);
	if (value->zero_threshold > 0)
		hadal_wire_put_double(wire, EXPONENTIAL_ZERO_THRESHOLD, value->zero_threshold);
}

static void put_exponential(struct hadal_wire *wire, struct hadal_batch *batch, const struct hadal_batch_point *point)
{
	put_times(wire, &point->at);
	if (point->at.no_recorded_value) {
		hadal_wire_put_fixed64(wire, EXPONENTIAL_COUNT, 0);
		hadal_wire_put_varint(wire, EXPONENTIAL_FLAGS, NO_RECORDED_VALUE);
	} else {
		put_scaled(wire, point->exponential);
	}
	hadal_otlp_put_set(wire, batch, point->at.attributes, EXPONENTIAL_ATTRIBUTES);
}

void hadal_otlp_put_point(struct hadal_wire *wire, struct hadal_batch *batch, const struct hadal_batch_point *point,
			  unsigned int field)
{
	const size_t opened = hadal_wire_open(wire, field);

	switch (point->type) {
	case HADAL_POINT_HISTOGRAM:
		put_histogram(wire, batch, point);
		break;
	case HADAL_POINT_EXPONENTIAL_HISTOGRAM:
		put_exponential(wire, batch, point);
		break;
	case HADAL_POINT_INT:
	case HADAL_POINT_DOUBLE:
		put_number(wire, batch, point);
		break;
	}
	hadal_wire_close(wire, opened);
}

void hadal_otlp_put_log(struct hadal_wire *wire, const struct hadal_log_record *record, unsigned int field)
{
	const size_t opened = hadal_wire_open(wire, field);

	if (record->time)
		hadal_wire_put_fixed64(wire, LOG_TIME, record->time);
	hadal_wire_put_varint(wire, LOG_SEVERITY, (uint64_t)record->severity);
	if (record->body) {
		const size_t body = hadal_wire_open(wire, LOG_BODY);

		hadal_wire_put_string(wire, VALUE_STRING, record->body);
		hadal_wire_close(wire, body);
	}
	hadal_otlp_put_set_once(wire, record->attributes, LOG_ATTRIBUTES);
	hadal_wire_put_fixed64(wire, LOG_OBSERVED, record->observed_time);
	hadal_wire_put_string(wire, LOG_NAME, record->event_name);
	hadal_wire_close(wire, opened);
}
