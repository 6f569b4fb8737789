// SPDX-License-Identifier: MIT
/*
 * A request is built for a window of the batch's items (points or records, in
 * order). One that turns out too large is not sent: its window is halved, as
 * often as it takes. Most batches fit at once, so sizes need no estimating.
 * What stays the same from window to window (attributes, resources, points) is
 * made once, in the batch's scratch arena; the frame around it is made anew, in
 * an arena of its own.
 */
#include "otlp_encode.h"

#include <errno.h>
#include <stdlib.h>

#include "otlp_messages.h"

struct encoder {
	struct hadal_batch *batch;
	enum hadal_signal signal;
	size_t limit;
	hadal_otlp_emit emit;
	void *context;
	struct hadal_otlp_result *result;
	struct hadal_arena frames;
	int error;
};

/* What of the window is yet to be passed over, and then to be taken. */
struct window {
	size_t skip;
	size_t take;
};

static void *make(struct encoder *encoder, size_t size)
{
	return hadal_arena_alloc(&encoder->frames, size, &encoder->error);
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

static ProtobufCMessage *point_message(struct encoder *encoder, struct hadal_batch_point *point)
{
	if (!point->wire)
		point->wire = hadal_otlp_point(&encoder->batch->scratch, point, &encoder->error);
	return point->wire;
}

static ProtobufCMessage **point_list(struct encoder *encoder, const struct hadal_metric *metric, size_t skip,
				     size_t count)
{
	ProtobufCMessage **list = make(encoder, count * sizeof(*list));
	struct hadal_batch_point *point = metric->first;

	while (skip--)
		point = point->next;
	for (size_t i = 0; i < count && !encoder->error; i++, point = point->next)
		list[i] = point_message(encoder, point);
	return list;
}

static void add_metric(struct encoder *encoder, Otlp__ScopeMetrics *scope, const struct hadal_metric *metric,
		       struct window *window)
{
	size_t skip;
	const size_t count = enter(window, metric->count, &skip);
	ProtobufCMessage **points;

	if (!count)
		return;
	points = point_list(encoder, metric, skip, count);
	if (encoder->error)
		return;
	scope->metrics[scope->n_metrics++] =
		hadal_otlp_metric(&encoder->frames, metric, points, count, &encoder->error);
}

struct resource_metrics {
	Otlp__ResourceMetrics message;
	Otlp__ScopeMetrics scope;
	Otlp__ScopeMetrics *scopes[1];
	Otlp__Metric *metrics[];
};

static void add_resource_metrics(struct encoder *encoder, Otlp__ExportMetricsServiceRequest *request,
				 struct hadal_resource *resource, struct window *window)
{
	struct resource_metrics *made =
		make(encoder, sizeof(*made) + resource->metric_count * sizeof(*made->metrics));

	if (!made)
		return;
	otlp__resource_metrics__init(&made->message);
	otlp__scope_metrics__init(&made->scope);
	made->scope.scope = hadal_otlp_scope();
	made->scope.metrics = made->metrics;
	for (struct hadal_metric *metric = resource->first_metric; metric && !encoder->error; metric = metric->next)
		add_metric(encoder, &made->scope, metric, window);
	if (!made->scope.n_metrics)
		return;
	made->scopes[0] = &made->scope;
	made->message.scope_metrics = made->scopes;
	made->message.n_scope_metrics = 1;
	made->message.resource = hadal_otlp_resource(&encoder->batch->scratch, resource, &encoder->error);
	request->resource_metrics[request->n_resource_metrics++] = &made->message;
}

static ProtobufCMessage *metrics_request(struct encoder *encoder, struct window window)
{
	Otlp__ExportMetricsServiceRequest *request = make(encoder, sizeof(*request));
	Otlp__ResourceMetrics **list = make(encoder, encoder->batch->count * sizeof(*list));

	if (!request || !list)
		return NULL;
	otlp__export_metrics_service_request__init(request);
	request->resource_metrics = list;
	for (struct hadal_resource *r = encoder->batch->first; r && !encoder->error && window.take; r = r->next)
		add_resource_metrics(encoder, request, r, &window);
	return &request->base;
}

/* Logs */

static Otlp__LogRecord *record_message(struct encoder *encoder, struct hadal_batch_log *log)
{
	if (!log->wire)
		log->wire = hadal_otlp_log_record(&encoder->batch->scratch, log, &encoder->error);
	return log->wire;
}

static void add_records(struct encoder *encoder, Otlp__ScopeLogs *scope, const struct hadal_resource *resource,
			size_t skip, size_t count)
{
	struct hadal_batch_log *log = resource->first_log;

	while (skip--)
		log = log->next;
	for (; scope->n_log_records < count && !encoder->error; log = log->next)
		scope->log_records[scope->n_log_records++] = record_message(encoder, log);
}

struct resource_logs {
	Otlp__ResourceLogs message;
	Otlp__ScopeLogs scope;
	Otlp__ScopeLogs *scopes[1];
	Otlp__LogRecord *records[];
};

static void add_resource_logs(struct encoder *encoder, Otlp__ExportLogsServiceRequest *request,
			      struct hadal_resource *resource, struct window *window)
{
	size_t skip;
	const size_t count = enter(window, resource->log_count, &skip);
	struct resource_logs *made;

	if (!count)
		return;
	made = make(encoder, sizeof(*made) + count * sizeof(*made->records));
	if (!made)
		return;
	otlp__resource_logs__init(&made->message);
	otlp__scope_logs__init(&made->scope);
	made->scope.scope = hadal_otlp_scope();
	made->scope.log_records = made->records;
	add_records(encoder, &made->scope, resource, skip, count);
	made->scopes[0] = &made->scope;
	made->message.scope_logs = made->scopes;
	made->message.n_scope_logs = 1;
	made->message.resource = hadal_otlp_resource(&encoder->batch->scratch, resource, &encoder->error);
	request->resource_logs[request->n_resource_logs++] = &made->message;
}

static ProtobufCMessage *logs_request(struct encoder *encoder, struct window window)
{
	Otlp__ExportLogsServiceRequest *request = make(encoder, sizeof(*request));
	Otlp__ResourceLogs **list = make(encoder, encoder->batch->count * sizeof(*list));

	if (!request || !list)
		return NULL;
	otlp__export_logs_service_request__init(request);
	request->resource_logs = list;
	for (struct hadal_resource *r = encoder->batch->first; r && !encoder->error && window.take; r = r->next)
		add_resource_logs(encoder, request, r, &window);
	return &request->base;
}

/* Both */

static int emit(struct encoder *encoder, const ProtobufCMessage *request, size_t size, size_t items)
{
	uint8_t *body = malloc(size);

	if (!body)
		return -ENOMEM;
	protobuf_c_message_pack(request, body);
	return encoder->emit(encoder->context, encoder->signal, items, body, size);
}

static int encode_window(struct encoder *encoder, struct window window)
{
	const size_t half = window.take / 2;
	const ProtobufCMessage *request;
	size_t size;
	int ret = 0;

	request = encoder->signal == HADAL_SIGNAL_METRICS ? metrics_request(encoder, window) :
							    logs_request(encoder, window);
	if (encoder->error) {
		hadal_arena_free(&encoder->frames);
		return encoder->error;
	}
	size = protobuf_c_message_get_packed_size(request);
	if (size <= encoder->limit) {
		ret = emit(encoder, request, size, window.take);
		encoder->result->encoded += ret ? 0 : window.take;
	}
	hadal_arena_free(&encoder->frames);
	if (size <= encoder->limit)
		return ret;
	if (window.take == 1) {
		encoder->result->oversize++;
		return 0;
	}
	ret = encode_window(encoder, (struct window){ window.skip, half });
	if (ret)
		return ret;
	return encode_window(encoder, (struct window){ window.skip + half, window.take - half });
}

int hadal_otlp_encode(struct hadal_batch *batch, enum hadal_signal signal, size_t limit,
		      hadal_otlp_emit emit_request, void *context, struct hadal_otlp_result *result)
{
	const uint64_t items = signal == HADAL_SIGNAL_METRICS ? batch->counts.points : batch->counts.records;
	struct encoder encoder = {
		.batch = batch,
		.signal = signal,
		.limit = limit,
		.emit = emit_request,
		.context = context,
		.result = result,
		.frames = { .limit = SIZE_MAX },
	};
	int ret = 0;

	*result = (struct hadal_otlp_result){ 0 };
	if (items)
		ret = encode_window(&encoder, (struct window){ 0, items });
	result->lost = items - result->encoded - result->oversize;
	return ret;
}
