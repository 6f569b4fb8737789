/* SPDX-License-Identifier: MIT */
/*
 * What the collector has to say, in OpenTelemetry's terms and apart from any
 * wire format: a batch holds resources, a resource holds metrics with their
 * points, and log records. A sink (ship.h) takes the finished batch.
 *
 *	batch = hadal_batch_new(0);
 *	resource = hadal_batch_resource(batch, HADAL_ATTRIBUTES(batch,
 *			hadal_string("service.name", name),
 *			hadal_string("host.id", host)));
 *	edge = HADAL_ATTRIBUTES(batch,
 *			hadal_string("hadal.edge.role", "client"),
 *			hadal_int("server.port", port));
 *	point = (struct hadal_point){ .attributes = edge,
 *			.start_time = since, .time = now };
 *	hadal_metric_add_int(hadal_resource_metric(resource, &opened), &point, 42);
 *	...
 *	hadal_shipper_submit(shipper, batch);
 *
 * Everything but struct hadal_metric_info is copied into the batch's arena and
 * goes with it; one call frees it all. A batch belongs to one thread at a time.
 *
 * Nothing here need be checked call by call: what is made never is NULL. When
 * memory, a bound or an argument fails, the batch keeps the first error, and
 * everything added to what could not be made is refused and counted, so a point
 * never lands in a wrong series.
 *
 * Times are nanoseconds since the epoch. Strings end with NUL; bytes that are
 * not UTF-8 are replaced by U+FFFD, as protobuf demands of a string, and a
 * string longer than HADAL_STRING_MAX is cut and counted.
 */
#ifndef HADAL_TELEMETRY_H
#define HADAL_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HADAL_STRING_MAX = 8192,		/* bytes of one string value */
	HADAL_ATTRIBUTES_MAX = 128,		/* attributes of one set */
	HADAL_STRINGS_MAX = 1024,		/* strings of one array value */
	HADAL_BUCKETS_MAX = 1024,		/* buckets of one histogram point */
	HADAL_BATCH_BYTES = 64 << 20,		/* default bound of a batch's arena */
};

struct hadal_batch;
struct hadal_resource;
struct hadal_metric;
struct hadal_attributes;

/* Attributes */

enum hadal_value_type {
	HADAL_VALUE_STRING,
	HADAL_VALUE_INT,
	HADAL_VALUE_DOUBLE,
	HADAL_VALUE_BOOL,
	HADAL_VALUE_STRINGS,
};

struct hadal_telemetry_attribute {
	const char *key;
	enum hadal_value_type type;
	union {
		const char *string;
		int64_t integer;
		double real;
		bool boolean;
		struct {
			const char *const *list;
			size_t count;
		} strings;
	};
};

/** hadal_string() - an attribute; with a NULL value it is left out of a set. */
static inline struct hadal_telemetry_attribute hadal_string(const char *key, const char *value)
{
	return (struct hadal_telemetry_attribute){ .key = key, .type = HADAL_VALUE_STRING, .string = value };
}

static inline struct hadal_telemetry_attribute hadal_int(const char *key, int64_t value)
{
	return (struct hadal_telemetry_attribute){ .key = key, .type = HADAL_VALUE_INT, .integer = value };
}

static inline struct hadal_telemetry_attribute hadal_double(const char *key, double value)
{
	return (struct hadal_telemetry_attribute){ .key = key, .type = HADAL_VALUE_DOUBLE, .real = value };
}

static inline struct hadal_telemetry_attribute hadal_bool(const char *key, bool value)
{
	return (struct hadal_telemetry_attribute){ .key = key, .type = HADAL_VALUE_BOOL, .boolean = value };
}

/** hadal_strings() - an attribute whose value is an array of @count strings. */
static inline struct hadal_telemetry_attribute hadal_strings(const char *key, const char *const *list, size_t count)
{
	return (struct hadal_telemetry_attribute){ .key = key, .type = HADAL_VALUE_STRINGS,
					 .strings = { .list = list, .count = count } };
}

/* The batch */

/* What sums and histograms hold; up-down counters and gauges are values in both. */
enum hadal_temporality {
	HADAL_CUMULATIVE,	/* what has added up since start_time */
	HADAL_DELTA,		/* what was added from start_time to time */
};

/**
 * hadal_batch_new() - begin a batch
 * @limit: bound of its memory in bytes; 0 means HADAL_BATCH_BYTES
 *
 * Return: the batch, for hadal_batch_free() or hadal_shipper_submit(); NULL
 * when there is no memory.
 */
struct hadal_batch *hadal_batch_new(size_t limit);

/** hadal_batch_free() - free @batch (may be NULL) and all that is in it. */
void hadal_batch_free(struct hadal_batch *batch);

struct hadal_batch_counts {
	uint64_t points;	/* metric points held */
	uint64_t records;	/* log records held */
	uint64_t refused;	/* points and records that were not taken */
	uint64_t truncated;	/* strings cut at HADAL_STRING_MAX */
	size_t bytes;		/* memory taken */
};

/** hadal_batch_counts() - what @batch holds and what it did not take. */
struct hadal_batch_counts hadal_batch_counts(const struct hadal_batch *batch);

/**
 * hadal_batch_error() - the first thing that went wrong
 *
 * Return: 0; -ENOMEM; -ENOSPC: the batch's bound is reached; -E2BIG: more
 * attributes, strings or buckets than allowed; -EEXIST: a key twice in one set,
 * or one metric name with two kinds; -EINVAL: an argument that cannot be meant.
 */
int hadal_batch_error(const struct hadal_batch *batch);

/**
 * hadal_batch_attributes() - copy a set of attributes into the batch
 *
 * One set may serve any number of resources, points and records of its batch.
 * Keys must differ. A failed set is kept too: what uses it is refused.
 */
const struct hadal_attributes *hadal_batch_attributes(struct hadal_batch *batch,
						      const struct hadal_telemetry_attribute *list, size_t count);

/** hadal_batch_attributes_once() - the same for a set that hardly another will be like: none is looked for */
const struct hadal_attributes *hadal_batch_attributes_once(struct hadal_batch *batch,
							   const struct hadal_telemetry_attribute *list, size_t count);

/** hadal_batch_attributes_with() - the attributes of @set, of hadal_batch_attributes(), and one more behind them */
const struct hadal_attributes *hadal_batch_attributes_with(struct hadal_batch *batch, const struct hadal_attributes *set,
							   struct hadal_telemetry_attribute more);

#define HADAL_ATTRIBUTES(batch, ...)                                                     \
	hadal_batch_attributes(batch, (const struct hadal_telemetry_attribute[]){ __VA_ARGS__ },   \
			       sizeof((const struct hadal_telemetry_attribute[]){ __VA_ARGS__ }) / \
				       sizeof(struct hadal_telemetry_attribute))

/** hadal_batch_resource() - add a resource; @attributes may be NULL for none. */
struct hadal_resource *hadal_batch_resource(struct hadal_batch *batch,
					    const struct hadal_attributes *attributes);

/* Metrics */

enum hadal_metric_kind {
	HADAL_COUNTER,			/* monotonic sum, integers or doubles */
	HADAL_UP_DOWN_COUNTER,		/* cumulative sum that may fall, integers */
	HADAL_GAUGE,			/* integers or doubles */
	HADAL_HISTOGRAM,		/* explicit bounds */
	HADAL_EXPONENTIAL_HISTOGRAM,
};

/* Not copied: must live as long as any batch that names it. Make it static. */
struct hadal_metric_info {
	const char *name;
	const char *unit;		/* UCUM, such as "By", "s", "{connection}" */
	const char *description;
	enum hadal_metric_kind kind;
};

/** hadal_resource_metric() - the metric of that name in @resource, made at first use. */
struct hadal_metric *hadal_resource_metric(struct hadal_resource *resource,
					   const struct hadal_metric_info *info);

struct hadal_point {
	const struct hadal_attributes *attributes;	/* NULL for none */
	uint64_t start_time;	/* since when a sum or histogram adds up; 0 for a gauge */
	uint64_t time;		/* when the value held */
	/*
	 * The series ends here; the value given is ignored. A series of the same
	 * attributes that comes later has a later start_time.
	 */
	bool no_recorded_value;
	/*
	 * Something else counts this, and did before the collector began (since
	 * boot, say): what it counted until it was first seen is not shipped, nor
	 * what it has again after it fell.
	 */
	bool counted_before;
	/*
	 * Since when it really adds up, where the clock was set back behind that
	 * and start_time can't tell: its series is known by it. Else 0.
	 */
	uint64_t began;
};

/** hadal_point_since() - set since when @point adds up; after its time if the clock was set back. */
void hadal_point_since(struct hadal_point *point, uint64_t start_time);

/**
 * hadal_metric_add_int() - add a point to a counter, up-down counter or gauge
 *
 * Return: 0, or an error as of hadal_batch_error(), the point being refused.
 * -EINVAL: the metric is of another kind, time is 0, or the start of a sum is 0
 * or after its time, or a counter is negative.
 */
int hadal_metric_add_int(struct hadal_metric *metric, const struct hadal_point *point, int64_t value);

/** hadal_metric_add_double() - add a point to a counter or gauge; not NaN; errors as hadal_metric_add_int(). */
int hadal_metric_add_double(struct hadal_metric *metric, const struct hadal_point *point, double value);

/*
 * counts[i] is the number of values v with bounds[i - 1] < v <= bounds[i]; the
 * last is that of values over every bound, so there are bound_count + 1 counts.
 */
struct hadal_histogram_value {
	const double *bounds;		/* rising */
	size_t bound_count;
	const uint64_t *counts;
	double sum;
	double min, max;		/* taken when has_extremes and some count is not 0; NaN: that one is not known */
	bool has_extremes;
};

/*
 * counts[i] is the number of values v with base^(offset + i) < v <=
 * base^(offset + i + 1), base = 2^(2^-scale); zero_count that of values v with
 * 0 <= v <= zero_threshold. No negative values: all that is measured here is
 * a duration or a size.
 * Source: OpenTelemetry metrics data model, "ExponentialHistogram".
 */
struct hadal_exponential_histogram_value {
	int32_t scale;
	int32_t offset;
	const uint64_t *counts;
	size_t count;
	uint64_t zero_count;
	double zero_threshold;
	double sum;
	double min, max;
	bool has_extremes;
};

/** hadal_metric_add_histogram() - add a point; errors as hadal_metric_add_int(). */
int hadal_metric_add_histogram(struct hadal_metric *metric, const struct hadal_point *point,
			       const struct hadal_histogram_value *value);

/**
 * hadal_metric_add_exponential_histogram() - add a point
 *
 * Leading and trailing zero counts cost nothing on the wire: they are trimmed.
 * Errors as hadal_metric_add_int().
 */
int hadal_metric_add_exponential_histogram(struct hadal_metric *metric, const struct hadal_point *point,
					   const struct hadal_exponential_histogram_value *value);

/* Log records */

/* Severity numbers of OpenTelemetry's log data model; those in between are allowed. */
enum hadal_severity {
	HADAL_SEVERITY_TRACE = 1,
	HADAL_SEVERITY_DEBUG = 5,
	HADAL_SEVERITY_INFO = 9,
	HADAL_SEVERITY_WARN = 13,
	HADAL_SEVERITY_ERROR = 17,
	HADAL_SEVERITY_FATAL = 21,
};

struct hadal_log_record {
	const char *event_name;
	uint64_t time;			/* when it happened */
	uint64_t observed_time;		/* when the collector saw it */
	int severity;
	const char *body;		/* NULL for none */
	const struct hadal_attributes *attributes;	/* NULL for none */
};

/**
 * hadal_resource_log() - add a log record
 *
 * Return: 0, or an error as of hadal_batch_error(), the record being refused.
 * -EINVAL: no event name, observed_time 0, or a severity outside 1 to 24.
 */
int hadal_resource_log(struct hadal_resource *resource, const struct hadal_log_record *record);

#endif
