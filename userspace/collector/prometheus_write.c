/* SPDX-License-Identifier: MIT */
/*
 * A message of remote write is few kinds of fields, and the series of one point
 * differ in one or two labels: the others are encoded once, and copied. What is
 * encoded goes straight into the request.
 *
 *	WriteRequest	1: TimeSeries, repeated; 3: MetricMetadata, repeated
 *	TimeSeries	1: Label, repeated; 2: Sample, repeated
 *	Label		1: name; 2: value
 *	Sample		1: value, a double; 2: timestamp in ms, an int64
 *	MetricMetadata	1: type, a number of its own; 2: name; 4: help; 5: unit
 */
#include "prometheus_write.h"

#include <endian.h>
#include <errno.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "prometheus_buckets.h"
#include "prometheus_view.h"

enum {
	/* A field's number and how its value is laid out: 0 varint, 1 eight bytes, 2 with its length before it. */
	FIELD_1_BYTES = 1 << 3 | 2,
	FIELD_2_BYTES = 2 << 3 | 2,
	FIELD_1_FIXED = 1 << 3 | 1,
	FIELD_1_VARINT = 1 << 3 | 0,
	FIELD_2_VARINT = 2 << 3 | 0,
	FIELD_3_BYTES = 3 << 3 | 2,
	FIELD_4_BYTES = 4 << 3 | 2,
	FIELD_5_BYTES = 5 << 3 | 2,

	VARINT_MAX = 10,
	LABELS_MAX = HADAL_ATTRIBUTES_MAX + 2,	/* of a point; job and instance */
};

struct bytes {
	uint8_t *data;
	size_t size, capacity;
};

struct writer {
	struct prometheus_view view;
	size_t limit;
	prometheus_write_emit emit;
	void *context;
	struct prometheus_write_result *result;

	struct bytes request;		/* in the making */
	uint64_t first, items, samples;	/* of the request */
	struct bytes labels;		/* of the point at hand */
	int error;
};

/* The labels that the series of one point have in common, encoded. */
struct base {
	const char *family;
	const struct prometheus_labels *labels;
	size_t begin[LABELS_MAX + 1];	/* where each is, and at the end where all end */
	int64_t time;
};

/* ---- bytes ---- */

static uint8_t *make_room(struct writer *writer, struct bytes *bytes, size_t more)
{
	const size_t needed = bytes->size + more;
	uint8_t *longer;

	if (needed <= bytes->capacity)
		return bytes->data + bytes->size;
	longer = realloc(bytes->data, 2 * needed);
	if (!longer) {
		writer->error = -ENOMEM;
		return NULL;
	}
	bytes->data = longer;
	bytes->capacity = 2 * needed;
	return bytes->data + bytes->size;
}

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

static size_t varint_size(uint64_t value)
{
	size_t size = 1;

	while (value >>= 7)
		size++;
	return size;
}

static uint8_t *put_bytes(uint8_t *at, unsigned int field, const void *data, size_t size)
{
	*at++ = (uint8_t)field;
	at = put_varint(at, size);
	memcpy(at, data, size);
	return at + size;
}

/* ---- labels ---- */

static size_t label_inner_size(size_t name, size_t value)
{
	return 1 + varint_size(name) + name + 1 + varint_size(value) + value;
}

static size_t label_size(const char *name, const char *value)
{
	const size_t inner = label_inner_size(strlen(name), strlen(value));

	return 1 + varint_size(inner) + inner;
}

static uint8_t *put_label(uint8_t *at, const char *name, const char *value)
{
	const size_t name_size = strlen(name), value_size = strlen(value);

	*at++ = FIELD_1_BYTES;
	at = put_varint(at, label_inner_size(name_size, value_size));
	at = put_bytes(at, FIELD_1_BYTES, name, name_size);
	return put_bytes(at, FIELD_2_BYTES, value, value_size);
}

static void begin_base(struct writer *writer, struct base *base)
{
	const struct prometheus_labels *labels = base->labels;

	writer->labels.size = 0;
	make_room(writer, &writer->labels, 1);	/* where there are none, there are bytes yet */
	for (size_t i = 0; i < labels->count && !writer->error; i++) {
		const struct prometheus_label *label = &labels->list[i];
		uint8_t *at = make_room(writer, &writer->labels, label_size(label->name, label->value));

		if (!at)
			return;
		base->begin[i] = writer->labels.size;
		writer->labels.size += (size_t)(put_label(at, label->name, label->value) - at);
	}
	base->begin[labels->count] = writer->labels.size;
}

/* Where a label of that name has its place among those of the base: how many bytes are before it. */
static size_t place_of(const struct base *base, const char *name)
{
	size_t i = base->labels->count;

	while (i && strcmp(base->labels->list[i - 1].name, name) > 0)
		i--;
	return base->begin[i];
}

/* ---- series ---- */

/* A label that only one series has, and where it is to stand. */
struct own_label {
	const char *name, *value;
	size_t place;
};

/* "__name__" rises before "le". */
static uint8_t *put_labels(const struct writer *writer, uint8_t *at, const struct own_label *own, size_t count)
{
	size_t done = 0;

	for (size_t i = 0; i < count; i++) {
		memcpy(at, writer->labels.data + done, own[i].place - done);
		at = put_label(at + own[i].place - done, own[i].name, own[i].value);
		done = own[i].place;
	}
	memcpy(at, writer->labels.data + done, writer->labels.size - done);
	return at + writer->labels.size - done;
}

static size_t sample_inner_size(int64_t time)
{
	return 1 + sizeof(double) + 1 + varint_size((uint64_t)time);
}

static uint8_t *put_sample(uint8_t *at, double value, int64_t time)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	bits = htole64(bits);
	*at++ = FIELD_2_BYTES;
	at = put_varint(at, sample_inner_size(time));
	*at++ = FIELD_1_FIXED;
	memcpy(at, &bits, sizeof(bits));
	at += sizeof(bits);
	*at++ = FIELD_2_VARINT;
	return put_varint(at, (uint64_t)time);
}

/* @le: the label of that name; NULL for none. */
static void add_series(struct writer *writer, const struct base *base, const char *suffix, const char *le,
		       double value)
{
	char name[PROMETHEUS_NAME_SIZE];
	const struct own_label own[] = {
		{ "__name__", name, place_of(base, "__name__") },
		{ "le", le, le ? place_of(base, "le") : 0 },
	};
	const size_t own_count = le ? 2 : 1;
	size_t size = writer->labels.size;
	uint8_t *at;

	snprintf(name, sizeof(name), "%s%s", base->family, suffix);
	for (size_t i = 0; i < own_count; i++)
		size += label_size(own[i].name, own[i].value);
	size += 2 + sample_inner_size(base->time);	/* which is short of 128 */
	at = make_room(writer, &writer->request, 1 + VARINT_MAX + size);
	if (!at)
		return;
	*at++ = FIELD_1_BYTES;
	at = put_varint(at, size);
	at = put_labels(writer, at, own, own_count);
	at = put_sample(at, value, base->time);
	writer->request.size = (size_t)(at - writer->request.data);
	writer->samples++;
}

/* ---- values ---- */

/* "From here on there is none": a NaN that no calculation gives. */
static double stale(void)
{
	const uint64_t bits = 0x7ff0000000000002;
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static double number_of(const struct hadal_batch_point *point)
{
	if (point->at.no_recorded_value)
		return stale();
	return point->type == HADAL_POINT_INT ? (double)point->integer : point->real;
}

static void add_histogram(struct writer *writer, const struct base *base, const struct hadal_batch_point *point)
{
	const bool ended = point->at.no_recorded_value;
	struct prometheus_buckets buckets;
	double count;

	prometheus_buckets(point, &buckets);
	count = ended ? stale() : (double)buckets.below[buckets.count];
	for (size_t i = 0; i < buckets.count; i++) {
		char bound[DECIMAL_SIZE];

		decimal(buckets.bounds[i], bound);
		add_series(writer, base, "_bucket", bound, ended ? stale() : (double)buckets.below[i]);
	}
	add_series(writer, base, "_bucket", "+Inf", count);
	add_series(writer, base, "_sum", NULL, ended ? stale() : buckets.sum);
	add_series(writer, base, "_count", NULL, count);
}

static void add_point(struct writer *writer, const struct prometheus_item *item)
{
	const struct prometheus_family *family = item->series->family;
	struct base base = { .family = family->name.family, .labels = item->series->labels, .time = item->time };

	begin_base(writer, &base);
	if (writer->error)
		return;
	if (family->name.type == PROMETHEUS_HISTOGRAM)
		add_histogram(writer, &base, item->point);
	else
		add_series(writer, &base, prometheus_suffix(family->name.type), NULL, number_of(item->point));
}

static void add_target(struct writer *writer, const struct prometheus_target *target)
{
	struct base base = { .family = prometheus_target_name.family, .labels = target->labels, .time = target->time };

	begin_base(writer, &base);
	if (!writer->error)
		add_series(writer, &base, prometheus_suffix(PROMETHEUS_INFO), NULL, target->ended ? stale() : 1);
}

/* ---- requests ---- */

static void begin_request(struct writer *writer, uint64_t first)
{
	writer->request.size = 0;
	writer->first = first;
	writer->items = 0;
	writer->samples = 0;
}

static int emit_request(struct writer *writer)
{
	struct prometheus_write_request request = {
		.first = writer->first,
		.items = writer->items,
		.samples = writer->samples,
		.size = snappy_max_compressed_length(writer->request.size),
		.raw_size = writer->request.size,
	};

	request.body = malloc(request.size);
	if (!request.body)
		return -ENOMEM;
	/* With so much room it can't fail. */
	snappy_compress((const char *)writer->request.data, writer->request.size, (char *)request.body, &request.size);
	return writer->emit(writer->context, &request);
}

static void finish_request(struct writer *writer)
{
	if (!writer->request.size) {
		writer->result->untold += writer->items;
		return;
	}
	writer->error = emit_request(writer);
	if (!writer->error)
		writer->result->encoded += writer->items;
}

/* The point with what goes with it. */
static void add_item(struct writer *writer, const struct prometheus_item *item)
{
	struct prometheus_target *target = item->target;

	if (item->superseded)
		return;
	if (target->labels && !target->written) {
		target->written = true;
		add_target(writer, target);
	}
	if (!writer->error)
		add_point(writer, item);
}

/* Whether the point of that number had room in the request. */
static bool add_number(struct writer *writer, uint64_t number)
{
	const struct prometheus_item *item = &writer->view.items[number];
	const bool written = item->target->written;
	const size_t size = writer->request.size;
	const uint64_t samples = writer->samples;

	add_item(writer, item);
	if (!writer->error && writer->request.size <= writer->limit) {
		writer->items++;
		return true;
	}
	writer->request.size = size;
	writer->samples = samples;
	item->target->written = written;
	return false;
}

/* A point that has no room is the first of the next request; there it has as much as there can be. */
static void encode(struct writer *writer, uint64_t first, uint64_t count)
{
	begin_request(writer, first);
	for (uint64_t number = first; number < first + count && !writer->error; number++) {
		if (add_number(writer, number) || writer->error)
			continue;
		if (writer->items) {
			finish_request(writer);
			begin_request(writer, number);
			if (writer->error || add_number(writer, number))
				continue;
		}
		if (!writer->error)
			writer->result->oversize++;
		begin_request(writer, number + 1);
	}
	if (!writer->error && writer->items)
		finish_request(writer);
}

int prometheus_write_encode(const struct hadal_batch *batch, uint64_t first, uint64_t count, size_t limit,
			    prometheus_write_emit emit, void *context, struct prometheus_write_result *result)
{
	struct writer writer = {
		.limit = limit,
		.emit = emit,
		.context = context,
		.result = result,
	};

	*result = (struct prometheus_write_result){ 0 };
	writer.error = prometheus_view_make(batch, &writer.view);
	if (!writer.error)
		encode(&writer, first, count);
	for (uint64_t i = first; i < first + count && i < writer.view.count; i++)
		result->conflicts += !writer.view.items[i].series;
	result->lost = count - result->encoded - result->untold - result->oversize;
	prometheus_view_free(&writer.view);
	free(writer.request.data);
	free(writer.labels.data);
	return writer.error;
}

/* ---- metadata ---- */

/* As remote write numbers them. */
static uint8_t type_number(enum prometheus_type type)
{
	enum { COUNTER = 1, GAUGE = 2, HISTOGRAM = 3, INFO = 6 };

	switch (type) {
	case PROMETHEUS_COUNTER:
		return COUNTER;
	case PROMETHEUS_HISTOGRAM:
		return HISTOGRAM;
	case PROMETHEUS_INFO:
		return INFO;
	case PROMETHEUS_GAUGE:
		break;
	}
	return GAUGE;
}

static size_t text_size(const char *text)
{
	const size_t size = strlen(text);

	return size ? 1 + varint_size(size) + size : 0;
}

static uint8_t *put_text(uint8_t *at, unsigned int field, const char *text)
{
	return *text ? put_bytes(at, field, text, strlen(text)) : at;
}

static void add_metadata(struct writer *writer, const struct prometheus_name *name, const char *help)
{
	char metric[PROMETHEUS_NAME_SIZE];
	size_t size;
	uint8_t *at;

	snprintf(metric, sizeof(metric), "%s%s", name->family, prometheus_suffix(name->type));
	size = 2 + text_size(metric) + text_size(help) + text_size(name->unit);
	at = make_room(writer, &writer->request, 1 + VARINT_MAX + size);
	if (!at)
		return;
	*at++ = FIELD_3_BYTES;
	at = put_varint(at, size);
	*at++ = FIELD_1_VARINT;
	*at++ = type_number(name->type);
	at = put_text(at, FIELD_2_BYTES, metric);
	at = put_text(at, FIELD_4_BYTES, help);
	at = put_text(at, FIELD_5_BYTES, name->unit);
	writer->request.size = (size_t)(at - writer->request.data);
}

static bool has_target_info(const struct prometheus_view *view)
{
	const struct prometheus_target *target = view->first_target;

	while (target && !target->labels)
		target = target->next;
	return target;
}

static void add_all_metadata(struct writer *writer)
{
	if (has_target_info(&writer->view))
		add_metadata(writer, &prometheus_target_name, prometheus_target_help);
	for (const struct prometheus_family *family = writer->view.first_family; family && !writer->error;
	     family = family->next)
		add_metadata(writer, &family->name, family->info->description ?: "");
}

int prometheus_write_metadata(const struct hadal_batch *batch, prometheus_write_emit emit, void *context)
{
	struct writer writer = { .emit = emit, .context = context };

	writer.error = prometheus_view_make(batch, &writer.view);
	if (!writer.error)
		add_all_metadata(&writer);
	if (!writer.error && writer.request.size)
		writer.error = emit_request(&writer);
	prometheus_view_free(&writer.view);
	free(writer.request.data);
	return writer.error;
}
