// SPDX-License-Identifier: MIT
#include "telemetry.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"

enum {
	/* The range that OpenTelemetry's data model and its receivers know. */
	SCALE_MIN = -10,
	SCALE_MAX = 20,
};

static int fail(struct hadal_batch *batch, int error)
{
	if (!batch->error)
		batch->error = error;
	return error;
}

static int refuse(struct hadal_batch *batch, int error)
{
	batch->counts.refused++;
	return fail(batch, error);
}

static void *alloc(struct hadal_batch *batch, size_t size)
{
	int error = 0;
	void *memory = hadal_arena_alloc(&batch->arena, size, &error);

	if (!memory)
		fail(batch, error);
	return memory;
}

/* What stands there is anything. */
static void *take(struct hadal_batch *batch, size_t size)
{
	int error = 0;
	void *memory = hadal_arena_take(&batch->arena, size, &error);

	if (!memory)
		fail(batch, error);
	return memory;
}

static void *copy(struct hadal_batch *batch, const void *from, size_t size)
{
	void *to = take(batch, size);

	if (to && size)
		memcpy(to, from, size);
	return to;
}

/* Batches and resources */

static void init_resource(struct hadal_resource *resource, struct hadal_batch *batch)
{
	resource->batch = batch;
	resource->last_metric = &resource->first_metric;
	resource->last_log = &resource->first_log;
}

static void init_metric(struct hadal_metric *metric, struct hadal_batch *batch)
{
	metric->batch = batch;
	metric->last = &metric->first;
}

struct hadal_batch *hadal_batch_new(size_t limit)
{
	struct hadal_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->arena.limit = limit ? limit : HADAL_BATCH_BYTES;
	batch->scratch.limit = SIZE_MAX;
	batch->last = &batch->first;
	batch->sets.last = &batch->sets.first;
	init_resource(&batch->failed_resource, batch);
	init_metric(&batch->failed_metric, batch);
	return batch;
}

void hadal_batch_free(struct hadal_batch *batch)
{
	if (!batch)
		return;
	free(batch->texts.slots);
	free(batch->sets.slots);
	hadal_arena_free(&batch->scratch);
	hadal_arena_free(&batch->arena);
	free(batch);
}

struct hadal_batch_counts hadal_batch_counts(const struct hadal_batch *batch)
{
	struct hadal_batch_counts counts = batch->counts;

	counts.bytes = sizeof(*batch) + batch->arena.taken;
	return counts;
}

int hadal_batch_error(const struct hadal_batch *batch)
{
	return batch->error;
}

struct hadal_resource *hadal_batch_resource(struct hadal_batch *batch,
					    const struct hadal_attributes *attributes)
{
	struct hadal_resource *resource;

	if (attributes == &batch->failed_attributes)
		return &batch->failed_resource;
	resource = alloc(batch, sizeof(*resource));
	if (!resource)
		return &batch->failed_resource;
	init_resource(resource, batch);
	resource->attributes = attributes;
	*batch->last = resource;
	batch->last = &resource->next;
	batch->count++;
	return resource;
}

/* Metrics */

static bool same_name(const struct hadal_metric_info *a, const struct hadal_metric_info *b)
{
	return a == b || !strcmp(a->name, b->name);
}

static struct hadal_metric *find_metric(struct hadal_resource *resource, const struct hadal_metric_info *info)
{
	struct hadal_metric *metric = resource->first_metric;

	while (metric && !same_name(metric->info, info))
		metric = metric->next;
	return metric;
}

/* Makes a text of the batch's; NULL stays NULL. Returns whether there was room. */
static bool make_text(struct hadal_batch *batch, const char *string, const char **text)
{
	*text = string ? hadal_batch_text(batch, string) : NULL;
	return *text || !string;
}

/* Made with the metric, so that a batch that is full can still be written. */
static bool name_metric(struct hadal_metric *metric)
{
	const struct hadal_metric_info *info = metric->info;

	return make_text(metric->batch, info->name, &metric->name) &&
	       make_text(metric->batch, info->unit, &metric->unit) &&
	       make_text(metric->batch, info->description, &metric->description);
}

static struct hadal_metric *new_metric(struct hadal_resource *resource, const struct hadal_metric_info *info)
{
	struct hadal_metric *metric = alloc(resource->batch, sizeof(*metric));

	if (!metric)
		return &resource->batch->failed_metric;
	init_metric(metric, resource->batch);
	metric->info = info;
	return metric;
}

static void add_metric(struct hadal_resource *resource, struct hadal_metric *metric)
{
	*resource->last_metric = metric;
	resource->last_metric = &metric->next;
	resource->metric_count++;
}

struct hadal_metric *hadal_resource_metric(struct hadal_resource *resource,
					   const struct hadal_metric_info *info)
{
	struct hadal_batch *batch = resource->batch;
	struct hadal_metric *metric;

	if (resource == &batch->failed_resource)
		return &batch->failed_metric;
	if (!info->name || !*info->name) {
		fail(batch, -EINVAL);
		return &batch->failed_metric;
	}
	metric = find_metric(resource, info);
	if (!metric) {
		metric = new_metric(resource, info);
		if (metric == &batch->failed_metric || !name_metric(metric))
			return &batch->failed_metric;
		add_metric(resource, metric);
		return metric;
	}
	if (metric->info->kind != info->kind) {
		fail(batch, -EEXIST);
		return &batch->failed_metric;
	}
	return metric;
}

struct hadal_metric *hadal_resource_metric_read(struct hadal_resource *resource, const struct hadal_metric_info *info)
{
	struct hadal_batch *batch = resource->batch;
	struct hadal_metric *metric = resource == &batch->failed_resource ? &batch->failed_metric : new_metric(resource, info);

	if (metric == &batch->failed_metric)
		return metric;
	metric->name = info->name;
	metric->unit = info->unit;
	metric->description = info->description;
	add_metric(resource, metric);
	return metric;
}

void hadal_point_since(struct hadal_point *point, uint64_t start_time)
{
	const bool after = start_time >= point->time;

	point->start_time = after ? point->time - 1 : start_time;
	point->began = after ? start_time : 0;
}

static bool valid_times(enum hadal_metric_kind kind, const struct hadal_point *point)
{
	if (!point->time)
		return false;
	if (kind == HADAL_GAUGE)
		return true;
	return point->start_time && point->start_time <= point->time;
}

/* Checks what all points have in common, and makes the point without its value. */
static int begin_point(struct hadal_metric *metric, const struct hadal_point *at, bool valid_value,
		       struct hadal_batch_point **made)
{
	struct hadal_batch *batch = metric->batch;
	struct hadal_batch_point *point;

	if (metric == &batch->failed_metric || at->attributes == &batch->failed_attributes)
		return refuse(batch, batch->error);
	if (!valid_times(metric->info->kind, at) || (!valid_value && !at->no_recorded_value))
		return refuse(batch, -EINVAL);
	point = take(batch, sizeof(*point));
	if (!point)
		return refuse(batch, batch->error);
	*point = (struct hadal_batch_point){ .at = *at };
	*made = point;
	return 0;
}

static void append_point(struct hadal_metric *metric, struct hadal_batch_point *point)
{
	*metric->last = point;
	metric->last = &point->next;
	metric->count++;
	metric->batch->counts.points++;
}

static bool of_kind(const struct hadal_metric *metric, enum hadal_metric_kind kind)
{
	return metric->info && metric->info->kind == kind;
}

int hadal_metric_add_int(struct hadal_metric *metric, const struct hadal_point *at, int64_t value)
{
	const bool kind_fits = of_kind(metric, HADAL_COUNTER) || of_kind(metric, HADAL_UP_DOWN_COUNTER) ||
			       of_kind(metric, HADAL_GAUGE);
	struct hadal_batch_point *point;
	int ret;

	if (metric->info && !kind_fits)
		return refuse(metric->batch, -EINVAL);
	ret = begin_point(metric, at, !of_kind(metric, HADAL_COUNTER) || value >= 0, &point);
	if (ret)
		return ret;
	point->type = HADAL_POINT_INT;
	point->integer = value;
	append_point(metric, point);
	return 0;
}

int hadal_metric_add_double(struct hadal_metric *metric, const struct hadal_point *at, double value)
{
	struct hadal_batch_point *point;
	int ret;

	if (metric->info && !of_kind(metric, HADAL_GAUGE) && !of_kind(metric, HADAL_COUNTER))
		return refuse(metric->batch, -EINVAL);
	ret = begin_point(metric, at, of_kind(metric, HADAL_COUNTER) ? value >= 0 : !isnan(value), &point);
	if (ret)
		return ret;
	point->type = HADAL_POINT_DOUBLE;
	point->real = value;
	append_point(metric, point);
	return 0;
}

static bool countable(const uint64_t *counts, size_t count, uint64_t total)
{
	for (size_t i = 0; i < count; i++)
		if (__builtin_add_overflow(total, counts[i], &total))
			return false;
	return true;
}

static bool rising(const double *bounds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!isfinite(bounds[i]) || (i && bounds[i] <= bounds[i - 1]))
			return false;
	return true;
}

static bool valid_extremes(bool has, double min, double max)
{
	if (!has)
		return true;
	return !isinf(min) && !isinf(max) && !(min > max);
}

static bool valid_histogram(const struct hadal_histogram_value *value)
{
	return rising(value->bounds, value->bound_count) &&
	       countable(value->counts, value->bound_count + 1, 0) && isfinite(value->sum) &&
	       valid_extremes(value->has_extremes, value->min, value->max);
}

static const struct hadal_histogram_value *copy_histogram(struct hadal_batch *batch,
							  const struct hadal_histogram_value *value)
{
	struct hadal_histogram_value *to = copy(batch, value, sizeof(*value));

	if (!to)
		return NULL;
	to->bounds = copy(batch, value->bounds, value->bound_count * sizeof(*to->bounds));
	to->counts = copy(batch, value->counts, (value->bound_count + 1) * sizeof(*to->counts));
	return to->bounds && to->counts ? to : NULL;
}

int hadal_metric_add_histogram(struct hadal_metric *metric, const struct hadal_point *at,
			       const struct hadal_histogram_value *value)
{
	struct hadal_batch_point *point;
	int ret;

	if (metric->info && !of_kind(metric, HADAL_HISTOGRAM))
		return refuse(metric->batch, -EINVAL);
	if (!at->no_recorded_value && value->bound_count >= HADAL_BUCKETS_MAX)
		return refuse(metric->batch, -E2BIG);
	ret = begin_point(metric, at, at->no_recorded_value || valid_histogram(value), &point);
	if (ret)
		return ret;
	point->type = HADAL_POINT_HISTOGRAM;
	if (!at->no_recorded_value) {
		point->histogram = copy_histogram(metric->batch, value);
		if (!point->histogram)
			return refuse(metric->batch, metric->batch->error);
	}
	append_point(metric, point);
	return 0;
}

static void trim(struct hadal_exponential_histogram_value *value)
{
	while (value->count && !value->counts[value->count - 1])
		value->count--;
	for (; value->count && !value->counts[0]; value->count--) {
		value->counts++;
		value->offset++;
	}
	if (!value->count)
		value->offset = 0;
}

static bool valid_exponential(const struct hadal_exponential_histogram_value *value)
{
	int32_t end;

	return value->scale >= SCALE_MIN && value->scale <= SCALE_MAX &&
	       !__builtin_add_overflow(value->offset, value->count, &end) &&
	       countable(value->counts, value->count, value->zero_count) && isfinite(value->sum) &&
	       isfinite(value->zero_threshold) && value->zero_threshold >= 0 &&
	       valid_extremes(value->has_extremes, value->min, value->max);
}

static const struct hadal_exponential_histogram_value *
copy_exponential(struct hadal_batch *batch, const struct hadal_exponential_histogram_value *value)
{
	struct hadal_exponential_histogram_value *to = copy(batch, value, sizeof(*value));

	if (!to)
		return NULL;
	trim(to);
	to->counts = copy(batch, to->counts, to->count * sizeof(*to->counts));
	return to->counts ? to : NULL;
}

int hadal_metric_add_exponential_histogram(struct hadal_metric *metric, const struct hadal_point *at,
					   const struct hadal_exponential_histogram_value *value)
{
	struct hadal_batch_point *point;
	int ret;

	if (metric->info && !of_kind(metric, HADAL_EXPONENTIAL_HISTOGRAM))
		return refuse(metric->batch, -EINVAL);
	if (!at->no_recorded_value && value->count > HADAL_BUCKETS_MAX)
		return refuse(metric->batch, -E2BIG);
	ret = begin_point(metric, at, at->no_recorded_value || valid_exponential(value), &point);
	if (ret)
		return ret;
	point->type = HADAL_POINT_EXPONENTIAL_HISTOGRAM;
	if (!at->no_recorded_value) {
		point->exponential = copy_exponential(metric->batch, value);
		if (!point->exponential)
			return refuse(metric->batch, metric->batch->error);
	}
	append_point(metric, point);
	return 0;
}

/* Log records */

static bool valid_record(const struct hadal_log_record *record)
{
	return record->event_name && *record->event_name && record->observed_time &&
	       record->severity >= 1 && record->severity <= 24;
}

int hadal_resource_log(struct hadal_resource *resource, const struct hadal_log_record *record)
{
	struct hadal_batch *batch = resource->batch;
	struct hadal_batch_log *log;

	if (resource == &batch->failed_resource || record->attributes == &batch->failed_attributes)
		return refuse(batch, batch->error);
	if (!valid_record(record))
		return refuse(batch, -EINVAL);
	log = take(batch, sizeof(*log));
	if (!log)
		return refuse(batch, batch->error);
	*log = (struct hadal_batch_log){ .record = *record };
	log->record.event_name = hadal_batch_text(batch, record->event_name);
	if (record->body)
		log->record.body = hadal_batch_text(batch, record->body);
	if (!log->record.event_name || (record->body && !log->record.body))
		return refuse(batch, batch->error);
	*resource->last_log = log;
	resource->last_log = &log->next;
	resource->log_count++;
	batch->counts.records++;
	return 0;
}
