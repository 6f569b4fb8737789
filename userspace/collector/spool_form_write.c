// SPDX-License-Identifier: MIT
#include <math.h>

#include "batch.h"
#include "spool_form.h"

struct writer {
	struct hadal_wire *wire;
	uint64_t start, time;		/* of the point or record before */
	const struct hadal_histogram_value *bounds;	/* of the histogram before */
	double threshold;		/* likewise, of an exponential one; NaN: there was none */
};

/* ---- texts and sets ---- */

static void put_text(struct hadal_wire *wire, const char *text)
{
	hadal_wire_varint(wire, hadal_batch_text_of(text)->number);
}

static void put_maybe(struct hadal_wire *wire, const char *text)
{
	hadal_wire_varint(wire, text ? hadal_batch_text_of(text)->number + 1ULL : 0);
}

static void put_set(struct hadal_wire *wire, const struct hadal_attributes *set)
{
	hadal_wire_varint(wire, set ? set->number + 1ULL : 0);
}

static void put_strings(struct hadal_wire *wire, const struct hadal_telemetry_attribute *attribute)
{
	hadal_wire_varint(wire, attribute->strings.count);
	for (size_t i = 0; i < attribute->strings.count; i++)
		put_text(wire, attribute->strings.list[i]);
}

static void put_attribute(struct hadal_wire *wire, const struct hadal_telemetry_attribute *attribute)
{
	put_text(wire, attribute->key);
	hadal_wire_byte(wire, (uint8_t)attribute->type);
	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		put_text(wire, attribute->string);
		break;
	case HADAL_VALUE_INT:
		hadal_wire_varint(wire, hadal_wire_zigzag(attribute->integer));
		break;
	case HADAL_VALUE_DOUBLE:
		hadal_wire_double(wire, attribute->real);
		break;
	case HADAL_VALUE_BOOL:
		hadal_wire_byte(wire, attribute->boolean);
		break;
	case HADAL_VALUE_STRINGS:
		put_strings(wire, attribute);
		break;
	}
}

static void put_texts(struct hadal_wire *wire, const struct hadal_batch_texts *texts)
{
	hadal_wire_varint(wire, texts->count);
	for (const struct hadal_batch_text *text = texts->first; text; text = text->next) {
		hadal_wire_varint(wire, text->size);
		hadal_wire_bytes(wire, text->bytes, text->size);
	}
}

static void put_sets(struct hadal_wire *wire, const struct hadal_batch_sets *sets)
{
	hadal_wire_varint(wire, sets->count);
	for (const struct hadal_attributes *set = sets->first; set; set = set->next) {
		hadal_wire_varint(wire, set->count);
		for (size_t i = 0; i < set->count; i++)
			put_attribute(wire, &set->list[i]);
	}
}

/* ---- points ---- */

static void put_times(struct writer *writer, uint64_t start, uint64_t time)
{
	hadal_wire_varint(writer->wire, hadal_wire_zigzag((int64_t)(start - writer->start)));
	hadal_wire_varint(writer->wire, hadal_wire_zigzag((int64_t)(time - writer->time)));
	writer->start = start;
	writer->time = time;
}

/* An extreme of nothing says nothing. */
static uint8_t extremes_of(bool has, bool counted, double min, double max)
{
	return (uint8_t)((has && counted && !isnan(min) ? HADAL_SPOOL_MIN : 0) |
			 (has && counted && !isnan(max) ? HADAL_SPOOL_MAX : 0));
}

static bool any(const uint64_t *counts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (counts[i])
			return true;
	return false;
}

static bool same_bounds(const struct hadal_histogram_value *a, const struct hadal_histogram_value *b)
{
	return a && a->bound_count == b->bound_count &&
	       (a->bounds == b->bounds || !memcmp(a->bounds, b->bounds, b->bound_count * sizeof(*b->bounds)));
}

static uint8_t flags_of(const struct writer *writer, const struct hadal_batch_point *point)
{
	const uint8_t flags = (uint8_t)point->type;
	const struct hadal_exponential_histogram_value *exponential;
	const struct hadal_histogram_value *histogram;

	if (point->at.no_recorded_value)
		return flags | HADAL_SPOOL_END;
	switch (point->type) {
	case HADAL_POINT_HISTOGRAM:
		histogram = point->histogram;
		return flags | (same_bounds(writer->bounds, histogram) ? HADAL_SPOOL_SAME_BOUNDS : 0) |
		       extremes_of(histogram->has_extremes, any(histogram->counts, histogram->bound_count + 1),
				   histogram->min, histogram->max);
	case HADAL_POINT_EXPONENTIAL_HISTOGRAM:
		exponential = point->exponential;
		return flags | (exponential->zero_threshold == writer->threshold ? HADAL_SPOOL_SAME_BOUNDS : 0) |
		       extremes_of(exponential->has_extremes,
				   exponential->zero_count || any(exponential->counts, exponential->count),
				   exponential->min, exponential->max);
	case HADAL_POINT_INT:
	case HADAL_POINT_DOUBLE:
		break;
	}
	return flags;
}

static void put_extremes(struct hadal_wire *wire, uint8_t flags, double min, double max)
{
	if (flags & HADAL_SPOOL_MIN)
		hadal_wire_double(wire, min);
	if (flags & HADAL_SPOOL_MAX)
		hadal_wire_double(wire, max);
}

static void put_counts(struct hadal_wire *wire, const uint64_t *counts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hadal_wire_varint(wire, counts[i]);
}

static void put_histogram(struct writer *writer, uint8_t flags, const struct hadal_histogram_value *value)
{
	struct hadal_wire *wire = writer->wire;

	put_extremes(wire, flags, value->min, value->max);
	if (!(flags & HADAL_SPOOL_SAME_BOUNDS)) {
		hadal_wire_varint(wire, value->bound_count);
		for (size_t i = 0; i < value->bound_count; i++)
			hadal_wire_double(wire, value->bounds[i]);
		writer->bounds = value;
	}
	put_counts(wire, value->counts, value->bound_count + 1);
	hadal_wire_double(wire, value->sum);
}

static void put_exponential(struct writer *writer, uint8_t flags,
			    const struct hadal_exponential_histogram_value *value)
{
	struct hadal_wire *wire = writer->wire;

	put_extremes(wire, flags, value->min, value->max);
	hadal_wire_varint(wire, hadal_wire_zigzag(value->scale));
	hadal_wire_varint(wire, hadal_wire_zigzag(value->offset));
	hadal_wire_varint(wire, value->count);
	put_counts(wire, value->counts, value->count);
	hadal_wire_varint(wire, value->zero_count);
	hadal_wire_double(wire, value->sum);
	if (!(flags & HADAL_SPOOL_SAME_BOUNDS))
		hadal_wire_double(wire, value->zero_threshold);
	writer->threshold = value->zero_threshold;
}

static void put_value(struct writer *writer, uint8_t flags, const struct hadal_batch_point *point)
{
	switch (point->type) {
	case HADAL_POINT_INT:
		hadal_wire_varint(writer->wire, hadal_wire_zigzag(point->integer));
		break;
	case HADAL_POINT_DOUBLE:
		hadal_wire_double(writer->wire, point->real);
		break;
	case HADAL_POINT_HISTOGRAM:
		put_histogram(writer, flags, point->histogram);
		break;
	case HADAL_POINT_EXPONENTIAL_HISTOGRAM:
		put_exponential(writer, flags, point->exponential);
		break;
	}
}

static void put_point(struct writer *writer, const struct hadal_batch_point *point)
{
	const uint8_t flags = flags_of(writer, point);

	hadal_wire_byte(writer->wire, flags);
	put_set(writer->wire, point->at.attributes);
	put_times(writer, point->at.start_time, point->at.time);
	if (!(flags & HADAL_SPOOL_END))
		put_value(writer, flags, point);
}

/* ---- resources ---- */

static void put_metric(struct writer *writer, const struct hadal_metric *metric)
{
	put_text(writer->wire, metric->name);
	put_maybe(writer->wire, metric->unit);
	put_maybe(writer->wire, metric->description);
	hadal_wire_byte(writer->wire, (uint8_t)metric->info->kind);
	hadal_wire_varint(writer->wire, metric->count);
	for (const struct hadal_batch_point *point = metric->first; point; point = point->next)
		put_point(writer, point);
}

static void put_log(struct writer *writer, const struct hadal_log_record *record)
{
	put_text(writer->wire, record->event_name);
	put_maybe(writer->wire, record->body);
	put_set(writer->wire, record->attributes);
	put_times(writer, record->time, record->observed_time);
	hadal_wire_varint(writer->wire, (uint64_t)record->severity);
}

static void put_resource(struct writer *writer, const struct hadal_resource *resource)
{
	put_set(writer->wire, resource->attributes);
	hadal_wire_varint(writer->wire, resource->metric_count);
	for (const struct hadal_metric *metric = resource->first_metric; metric; metric = metric->next)
		put_metric(writer, metric);
	hadal_wire_varint(writer->wire, resource->log_count);
	for (const struct hadal_batch_log *log = resource->first_log; log; log = log->next)
		put_log(writer, &log->record);
}

int hadal_spool_form_write(const struct hadal_batch *batch, struct hadal_wire *wire)
{
	struct writer writer = { .wire = wire, .threshold = NAN };

	hadal_wire_byte(wire, (uint8_t)batch->temporality);
	put_texts(wire, &batch->texts);
	put_sets(wire, &batch->sets);
	hadal_wire_varint(wire, batch->count);
	for (const struct hadal_resource *resource = batch->first; resource; resource = resource->next)
		put_resource(&writer, resource);
	return wire->error;
}
