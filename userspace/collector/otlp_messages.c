// SPDX-License-Identifier: MIT
#include "otlp_messages.h"

/* Attributes */

/* A set in the form that messages want; made once, however many points use it. */
struct wire_set {
	size_t count;
	Otlp__KeyValue **list;
};

struct wire_attribute {
	Otlp__KeyValue pair;
	Otlp__AnyValue value;
};

static char *shared(const char *string)
{
	return (char *)(uintptr_t)string;
}

static void set_string(Otlp__AnyValue *value, const char *string)
{
	otlp__any_value__init(value);
	value->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	value->string_value = shared(string);
}

static Otlp__ArrayValue *make_array(struct hadal_arena *arena, const struct hadal_telemetry_attribute *attribute, int *error)
{
	const size_t count = attribute->strings.count;
	Otlp__ArrayValue *array = hadal_arena_alloc(arena, sizeof(*array), error);
	Otlp__AnyValue *values = hadal_arena_alloc(arena, count * sizeof(*values), error);
	Otlp__AnyValue **list = hadal_arena_alloc(arena, count * sizeof(*list), error);

	if (!array || !values || !list)
		return NULL;
	otlp__array_value__init(array);
	for (size_t i = 0; i < count; i++) {
		set_string(&values[i], attribute->strings.list[i]);
		list[i] = &values[i];
	}
	array->n_values = count;
	array->values = list;
	return array;
}

static void set_value(struct hadal_arena *arena, Otlp__AnyValue *value, const struct hadal_telemetry_attribute *attribute,
		      int *error)
{
	otlp__any_value__init(value);
	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		set_string(value, attribute->string);
		break;
	case HADAL_VALUE_INT:
		value->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
		value->int_value = attribute->integer;
		break;
	case HADAL_VALUE_DOUBLE:
		value->value_case = OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
		value->double_value = attribute->real;
		break;
	case HADAL_VALUE_BOOL:
		value->value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
		value->bool_value = attribute->boolean;
		break;
	case HADAL_VALUE_STRINGS:
		value->value_case = OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
		value->array_value = make_array(arena, attribute, error);
		break;
	}
}

static struct wire_set *make_wire(struct hadal_arena *arena, const struct hadal_attributes *set, int *error)
{
	struct wire_set *wire = hadal_arena_alloc(arena, sizeof(*wire), error);
	struct wire_attribute *made = hadal_arena_alloc(arena, set->count * sizeof(*made), error);
	int failed = 0;

	if (!wire || !made)
		return NULL;
	wire->list = hadal_arena_alloc(arena, set->count * sizeof(*wire->list), error);
	if (!wire->list)
		return NULL;
	for (size_t i = 0; i < set->count; i++) {
		otlp__key_value__init(&made[i].pair);
		made[i].pair.key = shared(set->list[i].key);
		made[i].pair.value = &made[i].value;
		set_value(arena, &made[i].value, &set->list[i], &failed);
		wire->list[i] = &made[i].pair;
	}
	wire->count = set->count;
	if (failed) {
		*error = failed;
		return NULL;
	}
	return wire;
}

static int wire_attributes(struct hadal_arena *arena, const struct hadal_attributes *set,
			   size_t *count, Otlp__KeyValue ***list, int *error)
{
	static const struct wire_set none;
	const struct wire_set *wire = &none;

	if (set && set->count) {
		/* The batch is the shipper's by now, and its sets' cache with it. */
		struct hadal_attributes *own = (struct hadal_attributes *)(uintptr_t)set;

		if (!own->wire)
			own->wire = make_wire(arena, set, error);
		if (!own->wire)
			return *error;
		wire = own->wire;
	}
	*count = wire->count;
	*list = wire->list;
	return 0;
}

/* Resource and scope */

Otlp__Resource *hadal_otlp_resource(struct hadal_arena *arena, struct hadal_resource *resource, int *error)
{
	Otlp__Resource *message = resource->wire;

	if (message)
		return message;
	message = hadal_arena_alloc(arena, sizeof(*message), error);
	if (!message)
		return NULL;
	otlp__resource__init(message);
	if (wire_attributes(arena, resource->attributes, &message->n_attributes, &message->attributes, error))
		return NULL;
	resource->wire = message;
	return message;
}

Otlp__InstrumentationScope *hadal_otlp_scope(void)
{
	static char name[] = "hadald";
	static char version[] = HADAL_VERSION;
	static Otlp__InstrumentationScope scope = {
		.base = PROTOBUF_C_MESSAGE_INIT(&otlp__instrumentation_scope__descriptor),
		.name = name,
		.version = version,
	};

	return &scope;
}

/* Metrics */

union data {
	Otlp__Gauge gauge;
	Otlp__Sum sum;
	Otlp__Histogram histogram;
	Otlp__ExponentialHistogram exponential;
};

static const Otlp__AggregationTemporality cumulative =
	OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE;

static void init_sum(Otlp__Metric *message, Otlp__Sum *sum, bool monotonic, ProtobufCMessage **points,
		     size_t count)
{
	otlp__sum__init(sum);
	sum->has_aggregation_temporality = true;
	sum->aggregation_temporality = cumulative;
	sum->has_is_monotonic = true;
	sum->is_monotonic = monotonic;
	sum->data_points = (Otlp__NumberDataPoint **)points;
	sum->n_data_points = count;
	message->data_case = OTLP__METRIC__DATA_SUM;
	message->sum = sum;
}

static void init_gauge(Otlp__Metric *message, Otlp__Gauge *gauge, ProtobufCMessage **points,
		     size_t count)
{
	otlp__gauge__init(gauge);
	gauge->data_points = (Otlp__NumberDataPoint **)points;
	gauge->n_data_points = count;
	message->data_case = OTLP__METRIC__DATA_GAUGE;
	message->gauge = gauge;
}

static void init_histogram(Otlp__Metric *message, Otlp__Histogram *histogram, ProtobufCMessage **points,
		     size_t count)
{
	otlp__histogram__init(histogram);
	histogram->has_aggregation_temporality = true;
	histogram->aggregation_temporality = cumulative;
	histogram->data_points = (Otlp__HistogramDataPoint **)points;
	histogram->n_data_points = count;
	message->data_case = OTLP__METRIC__DATA_HISTOGRAM;
	message->histogram = histogram;
}

static void init_exponential(Otlp__Metric *message, Otlp__ExponentialHistogram *histogram, ProtobufCMessage **points,
			     size_t count)
{
	otlp__exponential_histogram__init(histogram);
	histogram->has_aggregation_temporality = true;
	histogram->aggregation_temporality = cumulative;
	histogram->data_points = (Otlp__ExponentialHistogramDataPoint **)points;
	histogram->n_data_points = count;
	message->data_case = OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM;
	message->exponential_histogram = histogram;
}

struct metric_message {
	Otlp__Metric metric;
	union {
		Otlp__Gauge gauge;
		Otlp__Sum sum;
		Otlp__Histogram histogram;
		Otlp__ExponentialHistogram exponential;
	};
};

Otlp__Metric *hadal_otlp_metric(struct hadal_arena *arena, const struct hadal_metric *metric,
				ProtobufCMessage **points, size_t count, int *error)
{
	struct metric_message *made = hadal_arena_alloc(arena, sizeof(*made), error);

	if (!made)
		return NULL;
	otlp__metric__init(&made->metric);
	made->metric.name = shared(metric->info->name);
	made->metric.unit = shared(metric->info->unit);
	made->metric.description = shared(metric->info->description);
	switch (metric->info->kind) {
	case HADAL_COUNTER:
		init_sum(&made->metric, &made->sum, true, points, count);
		break;
	case HADAL_UP_DOWN_COUNTER:
		init_sum(&made->metric, &made->sum, false, points, count);
		break;
	case HADAL_GAUGE:
		init_gauge(&made->metric, &made->gauge, points, count);
		break;
	case HADAL_HISTOGRAM:
		init_histogram(&made->metric, &made->histogram, points, count);
		break;
	case HADAL_EXPONENTIAL_HISTOGRAM:
		init_exponential(&made->metric, &made->exponential, points, count);
		break;
	}
	return &made->metric;
}

/* Points */

static const uint32_t no_recorded_value = OTLP__DATA_POINT_FLAGS__DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK;

/*
 * The fields that every kind of point has, under the same names; a start of 0
 * is one that is not known, which is what leaving it out says.
 */
#define SET_COMMON(arena, message, at, error) ({                                              \
	(message)->has_start_time_unix_nano = (at)->start_time != 0;                          \
	(message)->start_time_unix_nano = (at)->start_time;                                   \
	(message)->has_time_unix_nano = true;                                                 \
	(message)->time_unix_nano = (at)->time;                                               \
	(message)->has_flags = (at)->no_recorded_value;                                       \
	(message)->flags = (at)->no_recorded_value ? no_recorded_value : 0;                   \
	wire_attributes(arena, (at)->attributes, &(message)->n_attributes,                    \
			&(message)->attributes, error);                                       \
})

static ProtobufCMessage *number_point(struct hadal_arena *arena, const struct hadal_batch_point *point, int *error)
{
	Otlp__NumberDataPoint *message = hadal_arena_alloc(arena, sizeof(*message), error);

	if (!message)
		return NULL;
	otlp__number_data_point__init(message);
	if (SET_COMMON(arena, message, &point->at, error))
		return NULL;
	if (point->at.no_recorded_value)
		return &message->base;
	if (point->type == HADAL_POINT_INT) {
		message->value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_INT;
		message->as_int = point->integer;
	} else {
		message->value_case = OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
		message->as_double = point->real;
	}
	return &message->base;
}

static uint64_t total(const uint64_t *counts, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += counts[i];
	return sum;
}

static void fill_histogram(Otlp__HistogramDataPoint *message, const struct hadal_histogram_value *value)
{
	message->count = total(value->counts, value->bound_count + 1);
	message->has_sum = true;
	message->sum = value->sum;
	message->has_min = message->has_max = value->has_extremes && message->count;
	message->min = value->min;
	message->max = value->max;
	message->n_explicit_bounds = value->bound_count;
	message->explicit_bounds = (double *)(uintptr_t)value->bounds;
	message->n_bucket_counts = value->bound_count + 1;
	message->bucket_counts = (uint64_t *)(uintptr_t)value->counts;
}

static ProtobufCMessage *histogram_point(struct hadal_arena *arena, const struct hadal_batch_point *point, int *error)
{
	Otlp__HistogramDataPoint *message = hadal_arena_alloc(arena, sizeof(*message), error);

	if (!message)
		return NULL;
	otlp__histogram_data_point__init(message);
	if (SET_COMMON(arena, message, &point->at, error))
		return NULL;
	message->has_count = true;
	if (!point->at.no_recorded_value)
		fill_histogram(message, point->histogram);
	return &message->base;
}

struct exponential_message {
	Otlp__ExponentialHistogramDataPoint point;
	Otlp__ExponentialHistogramDataPoint__Buckets positive;
};

static void fill_exponential(struct exponential_message *message,
			     const struct hadal_exponential_histogram_value *value)
{
	Otlp__ExponentialHistogramDataPoint *point = &message->point;

	point->count = value->zero_count + total(value->counts, value->count);
	point->has_sum = true;
	point->sum = value->sum;
	point->has_scale = true;
	point->scale = value->scale;
	point->has_zero_count = true;
	point->zero_count = value->zero_count;
	point->has_zero_threshold = value->zero_threshold > 0;
	point->zero_threshold = value->zero_threshold;
	point->has_min = point->has_max = value->has_extremes && point->count;
	point->min = value->min;
	point->max = value->max;
	otlp__exponential_histogram_data_point__buckets__init(&message->positive);
	message->positive.has_offset = true;
	message->positive.offset = value->offset;
	message->positive.n_bucket_counts = value->count;
	message->positive.bucket_counts = (uint64_t *)(uintptr_t)value->counts;
	point->positive = &message->positive;
}

static ProtobufCMessage *exponential_point(struct hadal_arena *arena, const struct hadal_batch_point *point,
					   int *error)
{
	struct exponential_message *message = hadal_arena_alloc(arena, sizeof(*message), error);

	if (!message)
		return NULL;
	otlp__exponential_histogram_data_point__init(&message->point);
	if (SET_COMMON(arena, &message->point, &point->at, error))
		return NULL;
	message->point.has_count = true;
	if (!point->at.no_recorded_value)
		fill_exponential(message, point->exponential);
	return &message->point.base;
}

ProtobufCMessage *hadal_otlp_point(struct hadal_arena *arena, const struct hadal_batch_point *point, int *error)
{
	switch (point->type) {
	case HADAL_POINT_HISTOGRAM:
		return histogram_point(arena, point, error);
	case HADAL_POINT_EXPONENTIAL_HISTOGRAM:
		return exponential_point(arena, point, error);
	case HADAL_POINT_INT:
	case HADAL_POINT_DOUBLE:
		break;
	}
	return number_point(arena, point, error);
}

/* Log records */

struct log_message {
	Otlp__LogRecord record;
	Otlp__AnyValue body;
};

Otlp__LogRecord *hadal_otlp_log_record(struct hadal_arena *arena, const struct hadal_batch_log *log, int *error)
{
	const struct hadal_log_record *record = &log->record;
	struct log_message *message = hadal_arena_alloc(arena, sizeof(*message), error);

	if (!message)
		return NULL;
	otlp__log_record__init(&message->record);
	if (wire_attributes(arena, record->attributes, &message->record.n_attributes,
			    &message->record.attributes, error))
		return NULL;
	message->record.has_time_unix_nano = record->time != 0;
	message->record.time_unix_nano = record->time;
	message->record.has_observed_time_unix_nano = true;
	message->record.observed_time_unix_nano = record->observed_time;
	message->record.has_severity_number = true;
	message->record.severity_number = record->severity;
	message->record.event_name = shared(record->event_name);
	if (record->body) {
		set_string(&message->body, record->body);
		message->record.body = &message->body;
	}
	return &message->record;
}
