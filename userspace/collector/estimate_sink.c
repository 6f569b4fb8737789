/* SPDX-License-Identifier: MIT */
#include "estimate_sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "gzip.h"
#include "json_lines.h"
#include "otlp_encode.h"
#include "prometheus_write.h"
#include "series.h"
#include "sink_json_lines.h"
#include "spool_batch.h"

/* What is taken off an encoder's hands is added to a sum. */
struct taking {
	struct estimate_sum *sum;
	bool plain;
};

struct estimate_sink_kind {
	const char *name, *compression;
	bool metrics_alone;
	size_t request_bytes;		/* if nothing is said */
	int (*encode)(const struct estimate_sink *sink, struct hadal_batch *batch, enum hadal_signal signal,
		      struct taking *taking);
};

/* ---- OTLP ---- */

static int take_otlp(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	struct taking *taking = context;
	size_t packed_size = size;
	uint8_t *packed = NULL;
	const int result = taking->plain ? 0 : hadal_gzip(body, size, &packed, &packed_size);

	(void)signal;
	free(body);
	if (result)
		return result;
	free(packed);
	taking->sum->items += items;
	taking->sum->requests++;
	taking->sum->raw += size;
	taking->sum->sent += packed_size;
	return 0;
}

static size_t value_size(const struct hadal_telemetry_attribute *attribute)
{
	size_t size = 0;

	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		return strlen(attribute->string);
	case HADAL_VALUE_BOOL:
		return 1;
	case HADAL_VALUE_INT:
	case HADAL_VALUE_DOUBLE:
		return sizeof(attribute->integer);
	case HADAL_VALUE_STRINGS:
		for (size_t i = 0; i < attribute->strings.count; i++)
			size += strlen(attribute->strings.list[i]);
		return size;
	}
	return 0;
}

static size_t attributes_size(const struct hadal_attributes *attributes)
{
	size_t size = 0;

	for (size_t i = 0; attributes && i < attributes->count; i++)
		size += strlen(attributes->list[i].key) + value_size(&attributes->list[i]);
	return size;
}

/* Bytes that points of one resource and of one metric have in common, and are in a request once. */
static uint64_t shared_bytes(const struct hadal_batch *batch)
{
	uint64_t shared = 0;

	for (const struct hadal_resource *resource = batch->first; resource; resource = resource->next) {
		const size_t size = attributes_size(resource->attributes);
		uint64_t points = 0;

		for (const struct hadal_metric *metric = resource->first_metric; metric; metric = metric->next) {
			points += metric->count;
			if (metric->count)
				shared += (metric->count - 1) * strlen(metric->info->name);
		}
		if (points)
			shared += (points - 1) * size;
	}
	return shared;
}

static int encode_otlp(const struct estimate_sink *sink, struct hadal_batch *batch, enum hadal_signal signal,
		       struct taking *taking)
{
	struct hadal_otlp_result encoded;
	const int result = hadal_otlp_encode(batch, signal, sink->request_bytes, take_otlp, taking, &encoded);

	if (signal == HADAL_SIGNAL_METRICS)
		taking->sum->apart = taking->sum->raw + shared_bytes(batch);
	return result;
}

/* ---- remote write ---- */

static int take_write(void *context, const struct prometheus_write_request *request)
{
	struct taking *taking = context;

	free(request->body);
	taking->sum->items += request->items;
	taking->sum->samples += request->samples;
	taking->sum->requests++;
	taking->sum->raw += request->raw_size;
	taking->sum->sent += request->size;
	return 0;
}

static int add_metadata(const struct hadal_batch *batch, struct estimate_sum *sum)
{
	struct taking taking = { .sum = sum };

	return prometheus_write_metadata(batch, take_write, &taking);
}

static int encode_write(const struct estimate_sink *sink, struct hadal_batch *batch, enum hadal_signal signal,
			struct taking *taking)
{
	struct prometheus_write_result encoded;

	(void)signal;
	return prometheus_write_encode(batch, 0, hadal_batch_counts(batch).points, sink->request_bytes, take_write,
				       taking, &encoded);
}

/* ---- JSON lines ---- */

static int take_lines(void *context, const struct json_lines *lines)
{
	struct taking *taking = context;

	free(lines->text);
	taking->sum->items += lines->items;
	taking->sum->requests++;
	taking->sum->raw += lines->size;
	taking->sum->sent += lines->size;
	return 0;
}

static int encode_lines(const struct estimate_sink *sink, struct hadal_batch *batch, enum hadal_signal signal,
			struct taking *taking)
{
	const struct hadal_batch_counts counts = hadal_batch_counts(batch);
	struct json_lines_result encoded;

	return json_lines_encode(batch, signal, sink->delta, 0,
				 signal == HADAL_SIGNAL_METRICS ? counts.points : counts.records, sink->request_bytes,
				 take_lines, taking, &encoded);
}

/* ---- the sink ---- */

static const struct estimate_sink_kind kinds[] = {
	{ .name = "otlp", .compression = "gzip", .request_bytes = HADAL_REQUEST_BYTES, .encode = encode_otlp },
	{ .name = "remote_write", .compression = "snappy", .metrics_alone = true,
	  .request_bytes = PROMETHEUS_WRITE_BYTES, .encode = encode_write },
	{ .name = "json_lines", .request_bytes = SINK_JSON_LINES_CHUNK, .encode = encode_lines },
};

static const struct estimate_sink_kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	return NULL;
}

static bool takes(const struct estimate_sink *sink, const struct hadal_sink_config *config, enum hadal_signal signal)
{
	const struct hadal_ship_config *ship = &config->ship;

	if (ship->signal_off[signal] || (sink->kind->metrics_alone && signal != HADAL_SIGNAL_METRICS))
		return false;
	return strcmp(sink->kind->name, "otlp") != 0 || ship->endpoint || ship->signal_endpoint[signal];
}

int estimate_sink_open(struct estimate_sink *sink, const struct hadal_sink_config *config)
{
	*sink = (struct estimate_sink){ .kind = kind_of(config->kind), .delta = config->delta };
	if (!sink->kind)
		return -ENOENT;
	snprintf(sink->name, sizeof(sink->name), "%s", config->name);
	sink->plain = !sink->kind->compression || config->ship.no_compression;
	sink->request_bytes = config->ship.request_bytes ?: sink->kind->request_bytes;
	for (int i = 0; i < HADAL_SIGNALS; i++)
		sink->takes[i] = takes(sink, config, (enum hadal_signal)i);
	for (unsigned int i = 0; i < ESTIMATE_PROFILES && !sink->delta; i++) {
		sink->series[i] = hadal_series_new(0);
		if (!sink->series[i]) {
			estimate_sink_close(sink);
			return -ENOMEM;
		}
	}
	return 0;
}

void estimate_sink_close(struct estimate_sink *sink)
{
	for (unsigned int i = 0; i < ESTIMATE_PROFILES; i++) {
		hadal_series_free(sink->series[i]);
		sink->series[i] = NULL;
	}
}

static int add_signal(struct estimate_sink *sink, struct hadal_batch *batch, enum hadal_signal signal,
		      struct estimate_sum *sum)
{
	struct taking taking = { .sum = sum, .plain = sink->plain };

	return sink->takes[signal] ? sink->kind->encode(sink, batch, signal, &taking) : 0;
}

int estimate_sink_add(struct estimate_sink *sink, unsigned int profile, const uint8_t *record, size_t size)
{
	struct estimate_profile *to = &sink->profiles[profile];
	struct hadal_batch *batch;
	const char *wrong;
	int result = hadal_spool_unpack(record, size, &batch, &wrong), logs;

	if (result)
		return result;
	if (sink->series[profile])
		hadal_series_totals(sink->series[profile], batch);
	to->metrics = (struct estimate_sum){ 0 };
	to->metadata = (struct estimate_sum){ 0 };
	result = add_signal(sink, batch, HADAL_SIGNAL_METRICS, &to->metrics);
	if (!result && sink->kind->encode == encode_write)
		result = add_metadata(batch, &to->metadata);
	logs = add_signal(sink, batch, HADAL_SIGNAL_LOGS, &to->logs);
	hadal_batch_free(batch);
	return result ?: logs;
}

void estimate_sink_form(const struct estimate_sink *sink, char *text, size_t size)
{
	snprintf(text, size, "%s, %s, %s", sink->kind->name, sink->delta ? "increments" : "totals",
		 sink->plain ? "not compressed" : sink->kind->compression);
}

bool estimate_sink_has_samples(const struct estimate_sink *sink)
{
	return sink->kind->encode == encode_write;
}

bool estimate_sink_has_apart(const struct estimate_sink *sink)
{
	return sink->kind->encode == encode_otlp;
}
