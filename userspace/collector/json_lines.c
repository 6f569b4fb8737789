/* SPDX-License-Identifier: MIT */
#include "json_lines.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <hadal/hadal.h>
#include <hadal/names.h>

#include "decimal.h"

struct writer {
	bool delta;
	size_t limit;
	json_lines_emit emit;
	void *context;
	struct json_lines_result *result;

	uint64_t skip, left;		/* items yet to be passed over, and then to be taken */
	struct json_object *resource;	/* of the items that come */

	/* Lines that wait to be handed over. */
	char *text;
	size_t size, capacity;
	uint64_t first, items;
	int error;
};

/* ---- values ---- */

/* Takes over @value; NULL is one that there was no memory for. */
static void put(struct writer *writer, struct json_object *object, const char *key, struct json_object *value)
{
	if (value && json_object_object_add(object, key, value) == 0)
		return;
	json_object_put(value);
	writer->error = -ENOMEM;
}

static void append(struct writer *writer, struct json_object *array, struct json_object *value)
{
	if (value && json_object_array_add(array, value) == 0)
		return;
	json_object_put(value);
	writer->error = -ENOMEM;
}

static void put_text(struct writer *writer, struct json_object *object, const char *key, const char *text)
{
	if (text)
		put(writer, object, key, json_object_new_string(text));
}

/* JSON has no number that is not finite: text then. */
static struct json_object *real(double value)
{
	char text[DECIMAL_SIZE];

	decimal(value, text);
	return isfinite(value) ? json_object_new_double_s(value, text) : json_object_new_string(text);
}

static void put_time(struct writer *writer, struct json_object *object, const char *key, uint64_t time)
{
	char text[HADAL_TIMESTAMP_SIZE];

	if (!time)
		return;
	hadal_timestamp(time, text);
	put_text(writer, object, key, text);
}

static struct json_object *texts(struct writer *writer, const struct hadal_telemetry_attribute *attribute)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < attribute->strings.count; i++)
		append(writer, array, json_object_new_string(attribute->strings.list[i]));
	return array;
}

static struct json_object *value_of(struct writer *writer, const struct hadal_telemetry_attribute *attribute)
{
	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		return json_object_new_string(attribute->string);
	case HADAL_VALUE_INT:
		return json_object_new_int64(attribute->integer);
	case HADAL_VALUE_DOUBLE:
		return real(attribute->real);
	case HADAL_VALUE_BOOL:
		return json_object_new_boolean(attribute->boolean);
	case HADAL_VALUE_STRINGS:
		return texts(writer, attribute);
	}
	return NULL;
}

static struct json_object *attributes_of(struct writer *writer, const struct hadal_attributes *set)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		writer->error = -ENOMEM;
	for (size_t i = 0; object && set && i < set->count; i++)
		put(writer, object, set->list[i].key, value_of(writer, &set->list[i]));
	return object;
}

/* ---- points ---- */

static const char *const kinds[] = {
	[HADAL_COUNTER] = "counter",
	[HADAL_UP_DOWN_COUNTER] = "up_down_counter",
	[HADAL_GAUGE] = "gauge",
	[HADAL_HISTOGRAM] = "histogram",
	[HADAL_EXPONENTIAL_HISTOGRAM] = "exponential_histogram",
};

static void put_counts(struct writer *writer, struct json_object *object, const uint64_t *counts, size_t count)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < count; i++)
		append(writer, array, json_object_new_uint64(counts[i]));
	put(writer, object, "counts", array);
}

static uint64_t total(const uint64_t *counts, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += counts[i];
	return sum;
}

static void put_summary(struct writer *writer, struct json_object *object, uint64_t count, double sum,
			bool has_extremes, double min, double max)
{
	put(writer, object, "count", json_object_new_uint64(count));
	put(writer, object, "sum", real(sum));
	if (!has_extremes || !count)
		return;
	/* What is not a number is not known. */
	if (!isnan(min))
		put(writer, object, "min", real(min));
	if (!isnan(max))
		put(writer, object, "max", real(max));
}

static void put_histogram(struct writer *writer, struct json_object *object, const struct hadal_histogram_value *value)
{
	struct json_object *bounds = json_object_new_array();

	put_summary(writer, object, total(value->counts, value->bound_count + 1), value->sum, value->has_extremes,
		    value->min, value->max);
	for (size_t i = 0; bounds && i < value->bound_count; i++)
		append(writer, bounds, real(value->bounds[i]));
	put(writer, object, "bounds", bounds);
	put_counts(writer, object, value->counts, value->bound_count + 1);
}

static void put_exponential(struct writer *writer, struct json_object *object,
			    const struct hadal_exponential_histogram_value *value)
{
	put_summary(writer, object, value->zero_count + total(value->counts, value->count), value->sum,
		    value->has_extremes, value->min, value->max);
	put(writer, object, "scale", json_object_new_int(value->scale));
	put(writer, object, "zero_count", json_object_new_uint64(value->zero_count));
	put(writer, object, "zero_threshold", real(value->zero_threshold));
	put(writer, object, "offset", json_object_new_int(value->offset));
	put_counts(writer, object, value->counts, value->count);
}

static void put_value(struct writer *writer, struct json_object *object, const struct hadal_batch_point *point)
{
	if (point->at.no_recorded_value) {
		put(writer, object, "ended", json_object_new_boolean(true));
		return;
	}
	switch (point->type) {
	case HADAL_POINT_INT:
		put(writer, object, "value", json_object_new_int64(point->integer));
		break;
	case HADAL_POINT_DOUBLE:
		put(writer, object, "value", real(point->real));
		break;
	case HADAL_POINT_HISTOGRAM:
		put_histogram(writer, object, point->histogram);
		break;
	case HADAL_POINT_EXPONENTIAL_HISTOGRAM:
		put_exponential(writer, object, point->exponential);
		break;
	}
}

static bool adds_up(enum hadal_metric_kind kind)
{
	return kind != HADAL_GAUGE && kind != HADAL_UP_DOWN_COUNTER;
}

static void put_point(struct writer *writer, struct json_object *object, const struct hadal_metric_info *info,
		      const struct hadal_batch_point *point)
{
	put_time(writer, object, HADAL_KEY_TIMESTAMP, point->at.time);
	put_text(writer, object, "metric", info->name);
	put_text(writer, object, "kind", kinds[info->kind]);
	put_text(writer, object, "unit", info->unit);
	if (adds_up(info->kind))
		put_text(writer, object, "temporality", writer->delta ? "delta" : "cumulative");
	put_time(writer, object, "start_timestamp", point->at.start_time);
	put_value(writer, object, point);
}

/* ---- log records ---- */

static void put_record(struct writer *writer, struct json_object *object, const struct hadal_log_record *record)
{
	put_time(writer, object, HADAL_KEY_TIMESTAMP, record->time ? record->time : record->observed_time);
	put_text(writer, object, HADAL_KEY_EVENT_NAME, record->event_name);
	put_time(writer, object, "observed_timestamp", record->observed_time);
	put(writer, object, "severity_number", json_object_new_int(record->severity));
	put_text(writer, object, "body", record->body);
}

/* ---- lines ---- */

static void hand_over(struct writer *writer)
{
	const struct json_lines lines = {
		.first = writer->first, .items = writer->items, .text = writer->text, .size = writer->size,
	};

	if (!writer->items)
		return;
	writer->text = NULL;
	writer->size = writer->capacity = 0;
	writer->items = 0;
	writer->error = writer->emit(writer->context, &lines);
	if (!writer->error)
		writer->result->encoded += lines.items;
}

static bool has_room(struct writer *writer, size_t more)
{
	const size_t needed = writer->size + more;
	char *longer;

	if (needed <= writer->capacity)
		return true;
	longer = realloc(writer->text, 2 * needed);
	if (!longer) {
		writer->error = -ENOMEM;
		return false;
	}
	writer->text = longer;
	writer->capacity = 2 * needed;
	return true;
}

static void add_line(struct writer *writer, uint64_t number, const char *line, size_t length)
{
	if (length + 1 > writer->limit) {
		hand_over(writer);
		if (!writer->error)
			writer->result->oversize++;
		return;
	}
	if (writer->size + length + 1 > writer->limit)
		hand_over(writer);
	if (writer->error || !has_room(writer, length + 1))
		return;
	if (!writer->items)
		writer->first = number;
	memcpy(writer->text + writer->size, line, length);
	writer->text[writer->size + length] = '\n';
	writer->size += length + 1;
	writer->items++;
}

/* What both kinds of lines end with; then the line is made of it. */
static void finish_line(struct writer *writer, uint64_t number, struct json_object *object,
			const struct hadal_attributes *attributes)
{
	const char *line;
	size_t length;

	put(writer, object, "resource", json_object_get(writer->resource));
	put(writer, object, "attributes", attributes_of(writer, attributes));
	if (writer->error)
		return;
	line = json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
						 &length);
	if (line)
		add_line(writer, number, line, length);
	else
		writer->error = -ENOMEM;
}

static struct json_object *begin_line(struct writer *writer)
{
	struct json_object *object = json_object_new_object();

	if (!object)
		writer->error = -ENOMEM;
	return object;
}

/* Whether the next item is one of those that are wanted. */
static bool enter(struct writer *writer)
{
	if (writer->skip) {
		writer->skip--;
		return false;
	}
	if (!writer->left)
		return false;
	writer->left--;
	return true;
}

static void add_metric(struct writer *writer, const struct hadal_metric *metric, uint64_t *number)
{
	for (const struct hadal_batch_point *point = metric->first; point && !writer->error; point = point->next) {
		const uint64_t own = (*number)++;
		struct json_object *object = enter(writer) ? begin_line(writer) : NULL;

		if (!object)
			continue;
		put_point(writer, object, metric->info, point);
		finish_line(writer, own, object, point->at.attributes);
		json_object_put(object);
	}
}

static void add_logs(struct writer *writer, const struct hadal_resource *resource, uint64_t *number)
{
	for (const struct hadal_batch_log *log = resource->first_log; log && !writer->error; log = log->next) {
		const uint64_t own = (*number)++;
		struct json_object *object = enter(writer) ? begin_line(writer) : NULL;

		if (!object)
			continue;
		put_record(writer, object, &log->record);
		finish_line(writer, own, object, log->record.attributes);
		json_object_put(object);
	}
}

static void add_resource(struct writer *writer, enum hadal_signal signal, const struct hadal_resource *resource,
			 uint64_t *number)
{
	writer->resource = attributes_of(writer, resource->attributes);
	if (signal == HADAL_SIGNAL_LOGS)
		add_logs(writer, resource, number);
	else
		for (const struct hadal_metric *metric = resource->first_metric; metric; metric = metric->next)
			add_metric(writer, metric, number);
	json_object_put(writer->resource);
}

int json_lines_encode(const struct hadal_batch *batch, enum hadal_signal signal, bool delta, uint64_t first,
		      uint64_t count, size_t limit, json_lines_emit emit, void *context,
		      struct json_lines_result *result)
{
	struct writer writer = {
		.delta = delta,
		.limit = limit,
		.emit = emit,
		.context = context,
		.result = result,
		.skip = first,
		.left = count,
	};
	uint64_t number = 0;

	*result = (struct json_lines_result){ 0 };
	for (const struct hadal_resource *r = batch->first; r && writer.left && !writer.error; r = r->next)
		add_resource(&writer, signal, r, &number);
	if (!writer.error)
		hand_over(&writer);
	free(writer.text);
	result->lost = count - result->encoded - result->oversize;
	return writer.error;
}
