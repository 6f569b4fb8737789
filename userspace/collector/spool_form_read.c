// SPDX-License-Identifier: MIT
/*
 * Nothing of what is read is believed: each number is looked at before it is
 * used, each count against the bytes that are left, and values are added as
 * everyone adds them, by what checks them. Depth is none, memory is the batch's,
 * which has a bound. With the first thing that is wrong reading is at its end.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "batch.h"
#include "spool_form.h"

struct reader {
	const uint8_t *at, *end;
	struct hadal_batch *batch;
	const char *wrong;		/* the first thing */
	const char **texts;		/* by number */
	/* Likewise: by what it was used last, as a metric's name by a resource, as an attribute's by a set; from 1 on. */
	uint64_t *metric_of, *attribute_of;
	size_t text_count;
	const struct hadal_attributes **sets;
	size_t set_count;
	uint64_t start, time;		/* of the point or record before */
	double bounds[HADAL_BUCKETS_MAX];	/* of the histogram before */
	size_t bound_count;
	bool has_bounds;
	double threshold;		/* likewise, of an exponential one */
};

/* ---- numbers ---- */

static void refuse(struct reader *reader, const char *wrong)
{
	if (!reader->wrong)
		reader->wrong = wrong;
	/* Whatever is read now is 0. */
	reader->at = reader->end;
}

/* Of what was to be added to the batch, and was not. */
static void refuse_added(struct reader *reader, const char *wrong)
{
	const int error = reader->batch->error;

	refuse(reader, error == -ENOSPC || error == -ENOMEM ? "more than fits into memory" : wrong);
}

static size_t left(const struct reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

static uint64_t read_long(struct reader *reader)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && reader->at < reader->end; shift += 7) {
		const uint64_t part = *reader->at & 0x7f;

		if (part << shift >> shift != part)
			break;
		value |= part << shift;
		if (!(*reader->at++ & 0x80))
			return value;
	}
	refuse(reader, "a number that has no end");
	return 0;
}

static inline uint64_t read_number(struct reader *reader)
{
	const uint8_t *at = reader->at;

	/* Most are of one byte, most others of two. */
	if (at < reader->end && at[0] < 0x80) {
		reader->at++;
		return at[0];
	}
	if (left(reader) >= 2 && at[1] < 0x80) {
		reader->at += 2;
		return (uint64_t)at[1] << 7 | (at[0] & 0x7f);
	}
	return read_long(reader);
}

static int64_t read_signed(struct reader *reader)
{
	return hadal_wire_unzigzag(read_number(reader));
}

static unsigned int read_byte(struct reader *reader)
{
	if (reader->at < reader->end)
		return *reader->at++;
	refuse(reader, "an end where there is none");
	return 0;
}

static double read_double(struct reader *reader)
{
	uint64_t bits = 0;
	double value;

	if (left(reader) < sizeof(bits)) {
		refuse(reader, "an end within a number");
		return 0;
	}
	for (unsigned int i = 0; i < sizeof(bits); i++)
		bits |= (uint64_t)reader->at[i] << 8 * i;
	reader->at += sizeof(bits);
	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Of things of at least @least bytes each. */
static size_t read_count(struct reader *reader, size_t least, size_t limit)
{
	const uint64_t count = read_number(reader);

	if (count <= limit && count <= left(reader) / least)
		return (size_t)count;
	refuse(reader, "a count of more than there is");
	return 0;
}

static int32_t read_small(struct reader *reader)
{
	const int64_t value = read_signed(reader);

	if (value == (int32_t)value)
		return (int32_t)value;
	refuse(reader, "a scale or an offset that is none");
	return 0;
}

static void *take(struct reader *reader, size_t size)
{
	int error = 0;
	void *memory = hadal_arena_alloc(&reader->batch->arena, size, &error);

	if (memory)
		return memory;
	if (!reader->batch->error)
		reader->batch->error = error;
	refuse_added(reader, "");
	return NULL;
}

/* ---- texts and sets ---- */

static const char *text_at(struct reader *reader, uint64_t number)
{
	if (number < reader->text_count)
		return reader->texts[number];
	refuse(reader, "a text that there is not");
	return "";
}

static const char *read_text(struct reader *reader)
{
	return text_at(reader, read_number(reader));
}

static const char *read_maybe(struct reader *reader)
{
	const uint64_t number = read_number(reader);

	return number ? text_at(reader, number - 1) : NULL;
}

static const struct hadal_attributes *read_set_number(struct reader *reader)
{
	const uint64_t number = read_number(reader);

	if (number <= reader->set_count)
		return number ? reader->sets[number - 1] : NULL;
	refuse(reader, "a set of attributes that there is not");
	return NULL;
}

static void read_texts(struct reader *reader)
{
	const size_t count = read_count(reader, 1, SIZE_MAX);

	reader->texts = take(reader, count * sizeof(*reader->texts));
	reader->metric_of = take(reader, count * sizeof(*reader->metric_of));
	reader->attribute_of = take(reader, count * sizeof(*reader->attribute_of));
	while (!reader->wrong && reader->text_count < count) {
		const size_t size = read_count(reader, 1, HADAL_STRING_MAX);
		const char *text = reader->wrong ? NULL : hadal_batch_text_read(reader->batch, reader->at, size);

		if (!text) {
			refuse_added(reader, "a text that is not UTF-8, or there twice");
			return;
		}
		reader->at += size;
		reader->texts[reader->text_count++] = text;
	}
}

static struct hadal_telemetry_attribute read_strings(struct reader *reader, const char *key)
{
	const size_t count = read_count(reader, 1, HADAL_STRINGS_MAX);
	const char **list = take(reader, count * sizeof(*list));

	for (size_t i = 0; list && i < count; i++)
		list[i] = read_text(reader);
	return hadal_strings(key, list, count);
}

static const char *read_key(struct reader *reader)
{
	const uint64_t number = read_number(reader), set = reader->set_count + 1;
	const char *key = text_at(reader, number);

	if (reader->wrong)
		return key;
	if (!*key || reader->attribute_of[number] == set)
		refuse(reader, "an attribute without a name, or one that is there twice");
	reader->attribute_of[number] = set;
	return key;
}

static struct hadal_telemetry_attribute read_attribute(struct reader *reader)
{
	const char *key = read_key(reader);

	switch (read_byte(reader)) {
	case HADAL_VALUE_STRING:
		return hadal_string(key, read_text(reader));
	case HADAL_VALUE_INT:
		return hadal_int(key, read_signed(reader));
	case HADAL_VALUE_DOUBLE:
		return hadal_double(key, read_double(reader));
	case HADAL_VALUE_BOOL:
		return hadal_bool(key, read_byte(reader) != 0);
	case HADAL_VALUE_STRINGS:
		return read_strings(reader, key);
	default:
		refuse(reader, "an attribute of no known type");
		return hadal_bool(key, false);
	}
}

static const struct hadal_attributes *read_set(struct reader *reader)
{
	struct hadal_telemetry_attribute list[HADAL_ATTRIBUTES_MAX];
	const size_t count = read_count(reader, 3, HADAL_ATTRIBUTES_MAX);
	const struct hadal_attributes *set;

	for (size_t i = 0; i < count && !reader->wrong; i++)
		list[i] = read_attribute(reader);
	if (reader->wrong)
		return NULL;
	set = hadal_batch_attributes_read(reader->batch, list, count);
	if (!set)
		refuse_added(reader, "a set of attributes that no batch has");
	return set;
}

static void read_sets(struct reader *reader)
{
	const size_t count = read_count(reader, 1, SIZE_MAX);

	reader->sets = take(reader, count * sizeof(*reader->sets));
	while (!reader->wrong && reader->set_count < count) {
		const struct hadal_attributes *set = read_set(reader);

		reader->sets[reader->set_count++] = set;
	}
}

/* ---- points ---- */

static void read_times(struct reader *reader)
{
	reader->start += (uint64_t)read_signed(reader);
	reader->time += (uint64_t)read_signed(reader);
}

/* What is not told is not known. */
static void read_extremes(struct reader *reader, unsigned int flags, double *min, double *max)
{
	*min = flags & HADAL_SPOOL_MIN ? read_double(reader) : (double)NAN;
	*max = flags & HADAL_SPOOL_MAX ? read_double(reader) : (double)NAN;
}

static void read_counts(struct reader *reader, uint64_t *counts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		counts[i] = read_number(reader);
}

static void read_bounds(struct reader *reader)
{
	reader->bound_count = read_count(reader, sizeof(double), HADAL_BUCKETS_MAX - 1);
	for (size_t i = 0; i < reader->bound_count; i++)
		reader->bounds[i] = read_double(reader);
	reader->has_bounds = true;
}

static void read_histogram(struct reader *reader, struct hadal_metric *metric, const struct hadal_point *at,
			   unsigned int flags)
{
	struct hadal_histogram_value value = { .has_extremes = (flags & (HADAL_SPOOL_MIN | HADAL_SPOOL_MAX)) != 0 };
	uint64_t counts[HADAL_BUCKETS_MAX];

	read_extremes(reader, flags, &value.min, &value.max);
	if (!(flags & HADAL_SPOOL_SAME_BOUNDS))
		read_bounds(reader);
	if (!reader->has_bounds)
		refuse(reader, "the bounds of a histogram before the first");
	read_counts(reader, counts, reader->bound_count + 1);
	value.sum = read_double(reader);
	value.bounds = reader->bounds;
	value.bound_count = reader->bound_count;
	value.counts = counts;
	if (!reader->wrong)
		hadal_metric_add_histogram(metric, at, &value);
}

static void read_exponential(struct reader *reader, struct hadal_metric *metric, const struct hadal_point *at,
			     unsigned int flags)
{
	struct hadal_exponential_histogram_value value = {
		.has_extremes = (flags & (HADAL_SPOOL_MIN | HADAL_SPOOL_MAX)) != 0,
	};
	uint64_t counts[HADAL_BUCKETS_MAX];

	read_extremes(reader, flags, &value.min, &value.max);
	value.scale = read_small(reader);
	value.offset = read_small(reader);
	value.count = read_count(reader, 1, HADAL_BUCKETS_MAX);
	read_counts(reader, counts, value.count);
	value.counts = counts;
	value.zero_count = read_number(reader);
	value.sum = read_double(reader);
	if (!(flags & HADAL_SPOOL_SAME_BOUNDS))
		reader->threshold = read_double(reader);
	value.zero_threshold = reader->threshold;
	if (!reader->wrong)
		hadal_metric_add_exponential_histogram(metric, at, &value);
}

static void read_integer(struct reader *reader, struct hadal_metric *metric, const struct hadal_point *at)
{
	const int64_t value = read_signed(reader);

	if (!reader->wrong)
		hadal_metric_add_int(metric, at, value);
}

static void read_real(struct reader *reader, struct hadal_metric *metric, const struct hadal_point *at)
{
	const double value = read_double(reader);

	if (!reader->wrong)
		hadal_metric_add_double(metric, at, value);
}

static void read_value(struct reader *reader, struct hadal_metric *metric, const struct hadal_point *at,
		       unsigned int flags)
{
	switch (flags & HADAL_SPOOL_TYPE) {
	case HADAL_POINT_INT:
		read_integer(reader, metric, at);
		break;
	case HADAL_POINT_DOUBLE:
		read_real(reader, metric, at);
		break;
	case HADAL_POINT_HISTOGRAM:
		read_histogram(reader, metric, at, flags);
		break;
	case HADAL_POINT_EXPONENTIAL_HISTOGRAM:
		read_exponential(reader, metric, at, flags);
		break;
	}
}

static void add_end(struct hadal_metric *metric, const struct hadal_point *at, unsigned int flags)
{
	static const struct hadal_exponential_histogram_value no_exponential;
	static const struct hadal_histogram_value no_histogram;

	switch (flags & HADAL_SPOOL_TYPE) {
	case HADAL_POINT_INT:
		hadal_metric_add_int(metric, at, 0);
		break;
	case HADAL_POINT_DOUBLE:
		hadal_metric_add_double(metric, at, 0);
		break;
	case HADAL_POINT_HISTOGRAM:
		hadal_metric_add_histogram(metric, at, &no_histogram);
		break;
	case HADAL_POINT_EXPONENTIAL_HISTOGRAM:
		hadal_metric_add_exponential_histogram(metric, at, &no_exponential);
		break;
	}
}

static void read_point(struct reader *reader, struct hadal_metric *metric)
{
	const unsigned int flags = read_byte(reader);
	struct hadal_point at = {
		.attributes = read_set_number(reader),
		.no_recorded_value = (flags & HADAL_SPOOL_END) != 0,
	};

	read_times(reader);
	at.start_time = reader->start;
	at.time = reader->time;
	if (flags & ~(unsigned int)HADAL_SPOOL_FLAGS)
		refuse(reader, "a point of no known form");
	if (reader->wrong)
		return;
	if (at.no_recorded_value)
		add_end(metric, &at, flags);
	else
		read_value(reader, metric, &at, flags);
	if (reader->batch->error)
		refuse_added(reader, "a point that no metric has");
}

/* ---- resources ---- */

static const char *read_name(struct reader *reader)
{
	const uint64_t number = read_number(reader), resource = reader->batch->count;
	const char *name = text_at(reader, number);

	if (reader->wrong)
		return name;
	if (reader->metric_of[number] == resource)
		refuse(reader, "a metric that is there twice");
	reader->metric_of[number] = resource;
	return name;
}

static void read_metric(struct reader *reader, struct hadal_resource *resource)
{
	const char *name = read_name(reader), *unit = read_maybe(reader), *description = read_maybe(reader);
	const unsigned int kind = read_byte(reader);
	const size_t count = read_count(reader, 4, SIZE_MAX);
	struct hadal_metric_info *info = take(reader, sizeof(*info));
	struct hadal_metric *metric;

	if (kind > HADAL_EXPONENTIAL_HISTOGRAM || !*name)
		refuse(reader, "a metric of no known kind, or without a name");
	if (reader->wrong)
		return;
	*info = (struct hadal_metric_info){
		.name = name, .unit = unit, .description = description, .kind = (enum hadal_metric_kind)kind,
	};
	metric = hadal_resource_metric_read(resource, info);
	for (size_t i = 0; i < count && !reader->wrong; i++)
		read_point(reader, metric);
}

static void read_log(struct reader *reader, struct hadal_resource *resource)
{
	struct hadal_log_record record = {
		.event_name = read_text(reader),
		.body = read_maybe(reader),
		.attributes = read_set_number(reader),
	};
	uint64_t severity;

	read_times(reader);
	record.time = reader->start;
	record.observed_time = reader->time;
	severity = read_number(reader);
	if (severity > HADAL_SEVERITY_FATAL + 3)
		refuse(reader, "a log record of no known severity");
	record.severity = (int)severity;
	if (!reader->wrong && hadal_resource_log(resource, &record))
		refuse_added(reader, "a log record without a name or a time");
}

static void read_resource(struct reader *reader)
{
	const struct hadal_attributes *set = read_set_number(reader);
	struct hadal_resource *resource = hadal_batch_resource(reader->batch, set);
	size_t count = read_count(reader, 5, SIZE_MAX);

	for (; count && !reader->wrong; count--)
		read_metric(reader, resource);
	count = read_count(reader, 6, SIZE_MAX);
	for (; count && !reader->wrong; count--)
		read_log(reader, resource);
}

static void read_batch(struct reader *reader)
{
	unsigned int temporality;
	size_t count;

	temporality = read_byte(reader);
	if (temporality > HADAL_DELTA)
		refuse(reader, "no known temporality");
	reader->batch->temporality = (enum hadal_temporality)temporality;
	read_texts(reader);
	read_sets(reader);
	count = read_count(reader, 3, SIZE_MAX);
	for (; count && !reader->wrong; count--)
		read_resource(reader);
	if (!reader->wrong && left(reader))
		refuse(reader, "more behind the end");
}

int hadal_spool_form_read(const uint8_t *bytes, size_t size, struct hadal_batch **batch, const char **wrong)
{
	struct reader reader = { .at = bytes, .end = bytes + size, .threshold = NAN,
				 .batch = hadal_batch_new(HADAL_SPOOL_BATCH_BYTES) };
	int error = -ENOMEM;

	if (reader.batch) {
		read_batch(&reader);
		/* A resource that did not fit is known by the batch's error alone. */
		if (reader.batch->error)
			refuse_added(&reader, "what no batch holds");
		error = reader.batch->error;
	}
	*batch = reader.batch;
	if (reader.batch && !reader.wrong)
		return 0;
	hadal_batch_free(reader.batch);
	*batch = NULL;
	*wrong = reader.wrong ? reader.wrong : "no memory to read it";
	return error == -ENOMEM ? error : -EBADMSG;
}
