// SPDX-License-Identifier: MIT
/*
 * A request is written for a window of the batch's items (points or records, in
 * order). One that turns out too large is not sent: its window is halved, as
 * often as it takes. Most batches fit at once, so sizes need no estimating.
 *
 * Written by hand, and not by protobuf-c as answers are read: what it asks for,
 * a tree of messages that is measured and then packed, took most of the time.
 * The tests read what is written here by protobuf-c.
 */
#include "otlp_encode.h"

#include <errno.h>
#include <stdlib.h>

#include "otlp_points.h"
#include "otlp_sets.h"

/* proto/otlp.proto; requests, resources and scopes have the same numbers for both signals. */
enum {
	REQUEST_RESOURCE = 1,
	FRAME_RESOURCE = 1,	/* of ResourceMetrics, ResourceLogs */
	FRAME_SCOPE = 2,
	RESOURCE_ATTRIBUTES = 1,
	SCOPE_SELF = 1,		/* of ScopeMetrics, ScopeLogs */
	SCOPE_ITEM = 2,
	SCOPE_NAME = 1,		/* of InstrumentationScope */
	SCOPE_VERSION = 2,

	METRIC_NAME = 1,
	METRIC_DESCRIPTION = 2,
	METRIC_UNIT = 3,
	METRIC_GAUGE = 5,
	METRIC_SUM = 7,
	METRIC_HISTOGRAM = 9,
	METRIC_EXPONENTIAL = 10,

	DATA_POINT = 1,		/* of Sum, Gauge, Histogram, ExponentialHistogram */
	DATA_TEMPORALITY = 2,
	SUM_MONOTONIC = 3,

	TEMPORALITY_DELTA = 1,
	TEMPORALITY_CUMULATIVE = 2,

	OPEN_MAX = 16,		/* messages within each other, and more */

	/* What one of each takes, often: room beyond what is written costs nothing, but to grow is to copy. */
	POINT_BYTES = 256,
	RECORD_BYTES = 1024,
};

struct encoder {
	struct hadal_batch *batch;
	enum hadal_signal signal;
	size_t limit;
	hadal_otlp_emit emit;
	void *context;
	struct hadal_otlp_result *result;
	struct hadal_wire wire;		/* of the window under way */
};

/* What of the window is yet to be passed over, and then to be taken. */
struct window {
	size_t skip;
	size_t take;
};

/*
 * Beyond the bound whatever comes of what is open, whose lengths may take a byte
 * less than was left for each: what more there is need not be written.
 */
static bool too_large(const struct encoder *encoder)
{
	return encoder->wire.size > encoder->limit && encoder->wire.size - encoder->limit > OPEN_MAX;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many of @available items come into the window, behind how many that don't. */
static size_t enter(struct window *window, size_t available, size_t *skipped)
{
	size_t taken;

	*skipped = min_size(window->skip, available);
	taken = min_size(window->take, available - *skipped);
	window->skip -= *skipped;
	window->take -= taken;
	return taken;
}

/* Metrics */

static unsigned int data_field(enum hadal_metric_kind kind)
{
	switch (kind) {
	case HADAL_GAUGE:
		return METRIC_GAUGE;
	case HADAL_HISTOGRAM:
		return METRIC_HISTOGRAM;
	case HADAL_EXPONENTIAL_HISTOGRAM:
		return METRIC_EXPONENTIAL;
	case HADAL_COUNTER:
	case HADAL_UP_DOWN_COUNTER:
		break;
	}
	return METRIC_SUM;
}

/* As OTLP's delta preference has it, only what can but rise is told in increments. */
static unsigned int temporality_of(const struct hadal_metric *metric)
{
	return metric->batch->temporality == HADAL_DELTA && metric->info->kind != HADAL_UP_DOWN_COUNTER ?
	       TEMPORALITY_DELTA : TEMPORALITY_CUMULATIVE;
}

/* What a Sum or its like says besides its points. */
static void put_manner(struct hadal_wire *wire, const struct hadal_metric *metric)
{
	const enum hadal_metric_kind kind = metric->info->kind;

	if (kind == HADAL_GAUGE)
		return;
	hadal_wire_put_varint(wire, DATA_TEMPORALITY, temporality_of(metric));
	if (kind == HADAL_COUNTER || kind == HADAL_UP_DOWN_COUNTER)
		hadal_wire_put_varint(wire, SUM_MONOTONIC, kind == HADAL_COUNTER);
}

static void put_metric(struct encoder *encoder, const struct hadal_metric *metric, size_t skip, size_t count)
{
	struct hadal_wire *wire = &encoder->wire;
	const size_t opened = hadal_wire_open(wire, SCOPE_ITEM);
	const struct hadal_batch_point *point = metric->first;
	size_t data;

	hadal_wire_put_string(wire, METRIC_NAME, metric->info->name);
	hadal_wire_put_string(wire, METRIC_DESCRIPTION, metric->info->description);
	hadal_wire_put_string(wire, METRIC_UNIT, metric->info->unit);
	data = hadal_wire_open(wire, data_field(metric->info->kind));
	while (skip--)
		point = point->next;
	for (; count && !too_large(encoder); count--, point = point->next)
		hadal_otlp_put_point(wire, encoder->batch, point, DATA_POINT);
	put_manner(wire, metric);
	hadal_wire_close(wire, data);
	hadal_wire_close(wire, opened);
}

/* Both */

/* What of a resource is under way. */
struct frame {
	size_t resource, scope;
};

static struct frame open_frame(struct encoder *encoder, const struct hadal_resource *resource)
{
	struct hadal_wire *wire = &encoder->wire;
	struct frame frame = { .resource = hadal_wire_open(wire, REQUEST_RESOURCE) };
	size_t inner = hadal_wire_open(wire, FRAME_RESOURCE);

	hadal_otlp_put_set(wire, encoder->batch, resource->attributes, RESOURCE_ATTRIBUTES);
	hadal_wire_close(wire, inner);
	frame.scope = hadal_wire_open(wire, FRAME_SCOPE);
	/* The scope that all of this collector's telemetry has. */
	inner = hadal_wire_open(wire, SCOPE_SELF);
	hadal_wire_put_string(wire, SCOPE_NAME, "hadald");
	hadal_wire_put_string(wire, SCOPE_VERSION, HADAL_VERSION);
	hadal_wire_close(wire, inner);
	return frame;
}

static void close_frame(struct encoder *encoder, struct frame frame)
{
	hadal_wire_close(&encoder->wire, frame.scope);
	hadal_wire_close(&encoder->wire, frame.resource);
}

static void put_metrics(struct encoder *encoder, const struct hadal_resource *resource, struct window *window)
{
	struct frame frame = { 0 };
	bool opened = false;

	for (const struct hadal_metric *metric = resource->first_metric; metric; metric = metric->next) {
		size_t skip;
		const size_t count = enter(window, metric->count, &skip);

		if (!count)
			continue;
		if (!opened)
			frame = open_frame(encoder, resource);
		opened = true;
		put_metric(encoder, metric, skip, count);
	}
	if (opened)
		close_frame(encoder, frame);
}

static void put_logs(struct encoder *encoder, const struct hadal_resource *resource, struct window *window)
{
	const struct hadal_batch_log *log = resource->first_log;
	size_t skip, count = enter(window, resource->log_count, &skip);
	struct frame frame;

	if (!count)
		return;
	frame = open_frame(encoder, resource);
	while (skip--)
		log = log->next;
	for (; count && !too_large(encoder); count--, log = log->next)
		hadal_otlp_put_log(&encoder->wire, &log->record, SCOPE_ITEM);
	close_frame(encoder, frame);
}

/* What exceeds the bound need not be whole: nothing is sent of it. */
static void put_request(struct encoder *encoder, struct window window)
{
	for (struct hadal_resource *r = encoder->batch->first; r && window.take && !too_large(encoder); r = r->next) {
		if (encoder->signal == HADAL_SIGNAL_METRICS)
			put_metrics(encoder, r, &window);
		else
			put_logs(encoder, r, &window);
	}
}

/* Gives the request away. */
static int emit(struct encoder *encoder, struct window window)
{
	const struct hadal_wire wire = encoder->wire;
	uint8_t *exact = realloc(wire.bytes, wire.size);
	int ret;

	encoder->wire = (struct hadal_wire){ 0 };
	encoder->result->first = window.skip;
	ret = encoder->emit(encoder->context, encoder->signal, window.take, exact ? exact : wire.bytes, wire.size);
	encoder->result->encoded += ret ? 0 : window.take;
	return ret;
}

static void make_room(struct encoder *encoder, size_t items)
{
	const size_t each = encoder->signal == HADAL_SIGNAL_METRICS ? POINT_BYTES : RECORD_BYTES;

	hadal_wire_reserve(&encoder->wire, items < encoder->limit / each ? items * each : encoder->limit);
}

static int encode_window(struct encoder *encoder, struct window window)
{
	const size_t half = window.take / 2;
	int ret;

	encoder->wire.size = 0;
	make_room(encoder, window.take);
	put_request(encoder, window);
	if (encoder->wire.error)
		return encoder->wire.error;
	if (encoder->wire.size <= encoder->limit)
		return emit(encoder, window);
	if (window.take == 1) {
		encoder->result->oversize++;
		return 0;
	}
	ret = encode_window(encoder, (struct window){ window.skip, half });
	if (ret)
		return ret;
	return encode_window(encoder, (struct window){ window.skip + half, window.take - half });
}

int hadal_otlp_encode_some(struct hadal_batch *batch, enum hadal_signal signal, uint64_t first, uint64_t count,
			   size_t limit, hadal_otlp_emit emit_request, void *context, struct hadal_otlp_result *result)
{
	struct encoder encoder = {
		.batch = batch,
		.signal = signal,
		.limit = limit,
		.emit = emit_request,
		.context = context,
		.result = result,
	};
	int ret = 0;

	*result = (struct hadal_otlp_result){ 0 };
	if (count)
		ret = encode_window(&encoder, (struct window){ first, count });
	free(encoder.wire.bytes);
	result->lost = count - result->encoded - result->oversize;
	return ret;
}

int hadal_otlp_encode(struct hadal_batch *batch, enum hadal_signal signal, size_t limit,
		      hadal_otlp_emit emit_request, void *context, struct hadal_otlp_result *result)
{
	const uint64_t items = signal == HADAL_SIGNAL_METRICS ? batch->counts.points : batch->counts.records;

	return hadal_otlp_encode_some(batch, signal, 0, items, limit, emit_request, context, result);
}
