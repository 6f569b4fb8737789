// SPDX-License-Identifier: MIT
/*
 * Drives hadald's shipping from the outside: reads JSON lines, ships what they
 * say, and tells what became of it. A test writes the lines and compares with
 * what real receivers then hold.
 *
 *	ship_driver NAME=VALUE...	names as in struct hadal_ship_config and struct
 *					hadal_shipper_config, delta for increments, and
 *					deadline_ms for the stop at the end; sink for
 *					the name of another sink, of which what
 *					follows then is
 *
 * Lines:
 *	{"resource": {ATTRIBUTES}, "metrics": [METRIC...], "logs": [RECORD...]}
 *		METRIC: {"name", "unit", "kind", "points": [POINT...]}
 *		POINT: {"attributes", "start", "time", VALUE}, times in ns as text
 *		VALUE: {"int": "TEXT"}, {"double"}, {"end": true}, or a histogram
 *		RECORD: {"event", "time", "observed", "severity", "body", "attributes"}
 *		ATTRIBUTES: {KEY: text, number with a fraction, whole number, bool,
 *		[text...] or {"hex": "bytes of a string"}}
 *	{"submit": true}	hand the batch over
 *	{"settle": true}	wait until nothing waits any more, for the first sink
 *	{"stats": true}		print the counters as a line of JSON
 *	{"sinks": ["NAME=VALUE", ...]}	these sinks from now on, as a reload has it; those of the
 *				same name go on where they were
 * The counters are those of the first sink; "sinks" has those of all.
 * At the end of input the shipper is stopped and the last counters are printed,
 * with "stopped": what hadal_shipper_stop() returned.
 */
#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "arena.h"
#include "ship.h"
#include "sink.h"

enum {
	METRICS_MAX = 64,
	HEADERS_MAX = 8,
	SINKS_MAX = 4,
	OPTIONS_MAX = 64,
	LIST_MAX = 2048,
	PATIENCE_MS = 600 * 1000,	/* where an option does not say: the machine may be a slow one */
};

/* What a line needs until the batch has copied it. */
static struct hadal_arena scratch = { .limit = SIZE_MAX };

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "ship_driver: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
	exit(2);
}

/* Reading JSON */

static json_object *field(json_object *object, const char *name)
{
	return json_object_object_get(object, name);
}

static const char *text(json_object *object, const char *name)
{
	return json_object_get_string(field(object, name));
}

static uint64_t number(json_object *object, const char *name)
{
	const char *value = text(object, name);

	return value ? strtoull(value, NULL, 10) : 0;
}

static double real(json_object *object, const char *name)
{
	return json_object_get_double(field(object, name));
}

static void *take(size_t size)
{
	int error;
	void *memory = hadal_arena_alloc(&scratch, size, &error);

	if (!memory)
		die("no memory", NULL);
	return memory;
}

/* Attributes */

static char *from_hex(const char *hex)
{
	char *bytes = take(strlen(hex) / 2 + 1);

	for (size_t i = 0; hex[2 * i]; i++) {
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			die("not hexadecimal", hex);
		bytes[i] = (char)byte;
	}
	return bytes;
}

static struct hadal_telemetry_attribute read_array(const char *key, json_object *value)
{
	const size_t count = json_object_array_length(value);
	const char **list = take(count * sizeof(*list));

	for (size_t i = 0; i < count; i++)
		list[i] = json_object_get_string(json_object_array_get_idx(value, i));
	return hadal_strings(key, list, count);
}

static struct hadal_telemetry_attribute read_attribute(const char *key, json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
		return hadal_string(key, json_object_get_string(value));
	case json_type_int:
		return hadal_int(key, json_object_get_int64(value));
	case json_type_double:
		return hadal_double(key, json_object_get_double(value));
	case json_type_boolean:
		return hadal_bool(key, json_object_get_boolean(value));
	case json_type_array:
		return read_array(key, value);
	case json_type_object:
		return hadal_string(key, from_hex(text(value, "hex")));
	default:
		return hadal_string(key, NULL);
	}
}

static const struct hadal_attributes *read_attributes(struct hadal_batch *batch, json_object *object)
{
	struct hadal_telemetry_attribute list[HADAL_ATTRIBUTES_MAX];
	size_t count = 0;

	if (!object)
		return NULL;
	json_object_object_foreach(object, key, value) {
		if (count == HADAL_ATTRIBUTES_MAX)
			die("too many attributes", NULL);
		list[count++] = read_attribute(key, value);
	}
	return hadal_batch_attributes(batch, list, count);
}

/* Metrics */

static enum hadal_metric_kind read_kind(const char *name)
{
	static const char *const names[] = {
		[HADAL_COUNTER] = "counter",
		[HADAL_UP_DOWN_COUNTER] = "up_down_counter",
		[HADAL_GAUGE] = "gauge",
		[HADAL_HISTOGRAM] = "histogram",
		[HADAL_EXPONENTIAL_HISTOGRAM] = "exponential_histogram",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name && !strcmp(name, names[i]))
			return (enum hadal_metric_kind)i;
	die("no such kind", name);
	return HADAL_GAUGE;
}

/* Descriptions must outlive their batches: they are kept, one for each name. */
static const struct hadal_metric_info *read_info(json_object *metric)
{
	static struct hadal_metric_info known[METRICS_MAX];
	static size_t count;
	const char *name = text(metric, "name");

	for (size_t i = 0; i < count; i++)
		if (!strcmp(known[i].name, name))
			return &known[i];
	if (count == METRICS_MAX)
		die("too many metrics", name);
	known[count] = (struct hadal_metric_info){
		.name = strdup(name),
		.unit = strdup(text(metric, "unit") ?: ""),
		.kind = read_kind(text(metric, "kind")),
	};
	return &known[count++];
}

static size_t read_counts(json_object *array, uint64_t *counts)
{
	const size_t count = array ? json_object_array_length(array) : 0;

	if (count > LIST_MAX)
		die("too many buckets", NULL);
	for (size_t i = 0; i < count; i++)
		counts[i] = json_object_get_uint64(json_object_array_get_idx(array, i));
	return count;
}

static void add_histogram(struct hadal_metric *metric, const struct hadal_point *at, json_object *point)
{
	json_object *list = field(point, "bounds");
	double bounds[LIST_MAX];
	uint64_t counts[LIST_MAX] = { 0 };
	struct hadal_histogram_value value = {
		.bounds = bounds,
		.bound_count = list ? json_object_array_length(list) : 0,
		.counts = counts,
		.sum = real(point, "sum"),
		.min = real(point, "min"),
		.max = real(point, "max"),
		.has_extremes = field(point, "min") != NULL,
	};

	for (size_t i = 0; i < value.bound_count && i < LIST_MAX; i++)
		bounds[i] = json_object_get_double(json_object_array_get_idx(list, i));
	read_counts(field(point, "counts"), counts);
	hadal_metric_add_histogram(metric, at, &value);
}

static void add_exponential(struct hadal_metric *metric, const struct hadal_point *at, json_object *point)
{
	uint64_t counts[LIST_MAX];
	struct hadal_exponential_histogram_value value = {
		.scale = json_object_get_int(field(point, "scale")),
		.offset = json_object_get_int(field(point, "offset")),
		.counts = counts,
		.count = read_counts(field(point, "counts"), counts),
		.zero_count = number(point, "zero_count"),
		.zero_threshold = real(point, "zero_threshold"),
		.sum = real(point, "sum"),
		.min = real(point, "min"),
		.max = real(point, "max"),
		.has_extremes = field(point, "min") != NULL,
	};

	hadal_metric_add_exponential_histogram(metric, at, &value);
}

static void add_point(struct hadal_batch *batch, struct hadal_metric *metric, enum hadal_metric_kind kind,
		      json_object *point)
{
	const struct hadal_point at = {
		.attributes = read_attributes(batch, field(point, "attributes")),
		.start_time = number(point, "start"),
		.time = number(point, "time"),
		.no_recorded_value = field(point, "end") != NULL,
	};

	if (kind == HADAL_HISTOGRAM)
		add_histogram(metric, &at, point);
	else if (kind == HADAL_EXPONENTIAL_HISTOGRAM)
		add_exponential(metric, &at, point);
	else if (field(point, "double"))
		hadal_metric_add_double(metric, &at, real(point, "double"));
	else
		hadal_metric_add_int(metric, &at, (int64_t)number(point, "int"));
}

static void add_metric(struct hadal_batch *batch, struct hadal_resource *resource, json_object *object)
{
	const struct hadal_metric_info *info = read_info(object);
	struct hadal_metric *metric = hadal_resource_metric(resource, info);
	json_object *points = field(object, "points");

	for (size_t i = 0; points && i < json_object_array_length(points); i++)
		add_point(batch, metric, info->kind, json_object_array_get_idx(points, i));
}

/* Resources */

static void add_record(struct hadal_batch *batch, struct hadal_resource *resource, json_object *object)
{
	const struct hadal_log_record record = {
		.event_name = text(object, "event"),
		.time = number(object, "time"),
		.observed_time = number(object, "observed"),
		.severity = (int)number(object, "severity"),
		.body = text(object, "body"),
		.attributes = read_attributes(batch, field(object, "attributes")),
	};

	hadal_resource_log(resource, &record);
}

static void add_resource(struct hadal_batch *batch, json_object *line)
{
	const struct hadal_attributes *attributes = read_attributes(batch, field(line, "resource"));
	struct hadal_resource *resource = hadal_batch_resource(batch, attributes);
	json_object *metrics = field(line, "metrics"), *logs = field(line, "logs");

	for (size_t i = 0; metrics && i < json_object_array_length(metrics); i++)
		add_metric(batch, resource, json_object_array_get_idx(metrics, i));
	for (size_t i = 0; logs && i < json_object_array_length(logs); i++)
		add_record(batch, resource, json_object_array_get_idx(logs, i));
}

/* Counters */

static void put(json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

static json_object *signal_stats(const struct hadal_ship_signal_stats *stats)
{
	json_object *object = json_object_new_object();

	put(object, "submitted", stats->submitted);
	put(object, "recovered", stats->recovered);
	put(object, "accepted", stats->accepted);
	put(object, "rejected", stats->rejected);
	put(object, "dropped_full", stats->dropped_full);
	put(object, "dropped_old", stats->dropped_old);
	put(object, "dropped_damaged", stats->dropped_damaged);
	put(object, "dropped_series", stats->dropped_series);
	put(object, "dropped_oversize", stats->dropped_oversize);
	put(object, "dropped_failed", stats->dropped_failed);
	put(object, "dropped_stop", stats->dropped_stop);
	put(object, "dropped_off", stats->dropped_off);
	put(object, "waiting", stats->waiting);
	return object;
}

static void put_sink(json_object *object, const struct hadal_sink_stats *stats)
{
	json_object_object_add(object, "metrics", signal_stats(&stats->signal[HADAL_SIGNAL_METRICS]));
	json_object_object_add(object, "logs", signal_stats(&stats->signal[HADAL_SIGNAL_LOGS]));
	put(object, "requests", stats->requests);
	put(object, "retries", stats->retries);
	put(object, "bytes_raw", stats->bytes_raw);
	put(object, "bytes_sent", stats->bytes_sent);
	put(object, "partial", stats->partial);
	put(object, "series", stats->series);
	json_object_object_add(object, "last_error", json_object_new_string(stats->last_error));
}

static json_object *sinks_stats(const struct hadal_ship_stats *stats)
{
	json_object *sinks = json_object_new_object();

	for (size_t i = 0; i < stats->sink_count; i++) {
		json_object *sink = json_object_new_object();

		put_sink(sink, &stats->sink[i]);
		json_object_object_add(sinks, stats->sink[i].name, sink);
	}
	return sinks;
}

static void print_stats(const struct hadal_ship_stats *stats, const int *stopped)
{
	json_object *object = json_object_new_object();

	put_sink(object, &stats->sink[0]);
	json_object_object_add(object, "sinks", sinks_stats(stats));
	put(object, "batches", stats->batches);
	put(object, "refused", stats->refused);
	put(object, "truncated", stats->truncated);
	put(object, "queue_bytes", stats->queue_bytes);
	put(object, "queue_batches", stats->queue_batches);
	put(object, "disk_bytes", stats->disk_bytes);
	put(object, "disk_batches", stats->disk_batches);
	put(object, "spool_failures", stats->spool_failures);
	json_object_object_add(object, "on_disk", json_object_new_boolean(stats->on_disk));
	json_object_object_add(object, "spool_trouble", json_object_new_string(stats->spool_trouble));
	if (stopped)
		json_object_object_add(object, "stopped", json_object_new_int(*stopped));
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(object);
}

static void settle(struct hadal_shipper *shipper)
{
	static const struct timespec pause = { .tv_nsec = 2000000 };
	struct hadal_ship_stats stats;

	for (;;) {
		hadal_shipper_stats(shipper, &stats);
		if (!stats.sink[0].signal[HADAL_SIGNAL_METRICS].waiting &&
		    !stats.sink[0].signal[HADAL_SIGNAL_LOGS].waiting)
			return;
		nanosleep(&pause, NULL);
	}
}

/* Options */

struct options {
	struct hadal_shipper_config shipper;
	struct hadal_sink_config sinks[SINKS_MAX];
	struct hadal_ship_header headers[SINKS_MAX][HEADERS_MAX];
	unsigned int deadline_ms;
};

/* The sink that is being described. */
static struct hadal_sink_config *last_sink(struct options *options)
{
	return &options->sinks[options->shipper.sink_count - 1];
}

static bool set_text(const char *name, const char *value, struct options *options)
{
	struct hadal_ship_config *config = &last_sink(options)->ship;
	const struct {
		const char *name;
		const char **to;
	} known[] = {
		{ "endpoint", &config->endpoint },
		{ "metrics_endpoint", &config->signal_endpoint[HADAL_SIGNAL_METRICS] },
		{ "logs_endpoint", &config->signal_endpoint[HADAL_SIGNAL_LOGS] },
		{ "token", &config->token },
		{ "ca_certificate", &config->ca_certificate },
		{ "client_certificate", &config->client_certificate },
		{ "client_key", &config->client_key },
		{ "spool_directory", &options->shipper.spool_directory },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name))
			continue;
		*known[i].to = value;
		return true;
	}
	return false;
}

static bool set_number(const char *name, const char *value, struct options *options)
{
	struct hadal_ship_config *config = &last_sink(options)->ship;
	struct hadal_shipper_config *shipper = &options->shipper;
	const unsigned long parsed = strtoul(value, NULL, 10);
	const struct {
		const char *name;
		size_t *size;
		unsigned int *count;
	} known[] = {
		{ "queue_bytes", &shipper->queue_bytes, NULL },
		{ "queue_batches", &shipper->queue_batches, NULL },
		{ "spool_bytes", &shipper->spool_bytes, NULL },
		{ "spool_age_ms", &shipper->spool_age_ms, NULL },
		{ "spool_sync_ms", NULL, &shipper->spool_sync_ms },
		{ "spool_retry_ms", NULL, &shipper->spool_retry_ms },
		{ "series", &shipper->series, NULL },
		{ "request_bytes", &config->request_bytes, NULL },
		{ "timeout_ms", NULL, &config->timeout_ms },
		{ "backoff_first_ms", NULL, &config->backoff_first_ms },
		{ "backoff_max_ms", NULL, &config->backoff_max_ms },
		{ "retry_after_max_ms", NULL, &config->retry_after_max_ms },
		{ "deadline_ms", NULL, &options->deadline_ms },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(name, known[i].name))
			continue;
		if (known[i].size)
			*known[i].size = parsed;
		else
			*known[i].count = (unsigned int)parsed;
		return true;
	}
	return false;
}

static void add_sink(struct options *options, const char *name)
{
	const size_t i = options->shipper.sink_count++;

	if (i == SINKS_MAX)
		die("too many sinks", name);
	options->sinks[i] = (struct hadal_sink_config){ .name = name, .kind = "otlp" };
	options->sinks[i].ship.headers = options->headers[i];
	options->sinks[i].ship.timeout_ms = PATIENCE_MS;
}

static bool add_header(struct options *options, char *value)
{
	struct hadal_ship_config *config = &last_sink(options)->ship;
	struct hadal_ship_header *headers = options->headers[options->shipper.sink_count - 1];

	if (config->header_count == HEADERS_MAX)
		return false;
	headers[config->header_count].name = strsep(&value, ":");
	headers[config->header_count++].value = value ?: "";
	return true;
}

static bool set_other(const char *name, char *value, struct options *options)
{
	struct hadal_sink_config *sink = last_sink(options);

	if (!strcmp(name, "sink"))
		add_sink(options, value);
	else if (!strcmp(name, "delta"))
		sink->delta = true;
	else if (!strcmp(name, "no_compression"))
		sink->ship.no_compression = true;
	else if (!strcmp(name, "metrics_off"))
		sink->ship.signal_off[HADAL_SIGNAL_METRICS] = true;
	else if (!strcmp(name, "logs_off"))
		sink->ship.signal_off[HADAL_SIGNAL_LOGS] = true;
	else
		return !strcmp(name, "header") && add_header(options, value);
	return true;
}

/* What they say points into @arguments. */
static void read_options(struct options *options, char **arguments)
{
	options->deadline_ms = PATIENCE_MS;
	options->shipper.sinks = options->sinks;
	add_sink(options, "first");
	for (; *arguments; arguments++) {
		char *value = *arguments;
		const char *name = strsep(&value, "=");

		value = value ?: *arguments + strlen(*arguments);
		if (!set_text(name, value, options) && !set_number(name, value, options) &&
		    !set_other(name, value, options))
			die("no such option", name);
	}
}

/* Lines */

static struct hadal_batch *new_batch(void)
{
	struct hadal_batch *batch = hadal_batch_new(0);

	if (!batch)
		die("no memory", NULL);
	return batch;
}

static void exchange_sinks(struct hadal_shipper *shipper, json_object *list)
{
	const size_t count = json_object_array_length(list);
	char *arguments[OPTIONS_MAX + 1] = { NULL };
	struct options options = { 0 };
	char error[256] = "";

	if (count > OPTIONS_MAX)
		die("too many options", NULL);
	for (size_t i = 0; i < count; i++) {
		const char *option = json_object_get_string(json_object_array_get_idx(list, i));

		arguments[i] = strcpy(take(strlen(option) + 1), option);
	}
	read_options(&options, arguments);
	if (hadal_shipper_set_sinks(shipper, options.sinks, options.shipper.sink_count, error, sizeof(error)))
		die("other sinks", error);
}

static void obey(struct hadal_shipper *shipper, struct hadal_batch **batch, json_object *line)
{
	struct hadal_ship_stats stats;

	if (field(line, "submit")) {
		const int ret = hadal_shipper_submit(shipper, *batch);

		if (ret)
			fprintf(stderr, "submit: %s\n", strerror(-ret));
		*batch = new_batch();
	} else if (field(line, "sinks")) {
		exchange_sinks(shipper, field(line, "sinks"));
	} else if (field(line, "settle")) {
		settle(shipper);
	} else if (field(line, "stats")) {
		hadal_shipper_stats(shipper, &stats);
		print_stats(&stats, NULL);
	} else {
		add_resource(*batch, line);
	}
}

static void obey_all(struct hadal_shipper *shipper)
{
	struct hadal_batch *batch = new_batch();
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		json_object *object = json_tokener_parse(line);

		if (!object)
			die("not JSON", line);
		obey(shipper, &batch, object);
		json_object_put(object);
		hadal_arena_free(&scratch);
	}
	free(line);
	hadal_batch_free(batch);
}

static void log_line(void *context, enum hadal_ship_log_level level, const char *message)
{
	static const char *const names[] = {
		[HADAL_SHIP_ERROR] = "error",
		[HADAL_SHIP_WARNING] = "warning",
		[HADAL_SHIP_INFO] = "info",
	};

	(void)context;
	fprintf(stderr, "%s: %s\n", names[level], message);
}

int main(int argc, char **argv)
{
	static struct options options = { .shipper = { .log = log_line } };
	struct hadal_ship_stats stats;
	struct hadal_shipper *shipper;
	char error[256] = "";
	int ret;

	(void)argc;
	read_options(&options, argv + 1);
	ret = hadal_shipper_new(&options.shipper, &shipper, error, sizeof(error));
	if (ret)
		die(error, strerror(-ret));
	obey_all(shipper);
	ret = hadal_shipper_stop(shipper, options.deadline_ms, &stats);
	print_stats(&stats, &ret);
	return 0;
}
