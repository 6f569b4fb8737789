// SPDX-License-Identifier: MIT
#include "sink_otlp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "gzip.h"
#include "otlp_encode.h"
#include "otlp_response.h"
#include "sink_http.h"

/* ---- requests ---- */

struct making {
	struct hadal_sink_http *otlp;
	hadal_sink_emit emit;
	void *context;
	struct hadal_otlp_result result;
	struct hadal_sink_encoded *encoded;
};

static int compress(const struct hadal_sink_http *otlp, struct hadal_sink_request *request)
{
	uint8_t *raw = request->body;
	int ret;

	if (otlp->config.no_compression)
		return 0;
	ret = hadal_gzip(raw, request->size, &request->body, &request->size);
	if (!ret)
		free(raw);
	return ret;
}

static int make_request(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	struct making *making = context;
	struct hadal_sink_request *request = calloc(1, sizeof(*request));
	int ret;

	if (!request) {
		free(body);
		return -ENOMEM;
	}
	request->signal = signal;
	request->first = making->result.first;
	request->items = items;
	request->body = body;
	request->size = size;
	ret = compress(making->otlp, request);
	if (ret) {
		free(request->body);
		free(request);
		return ret;
	}
	making->encoded->bytes_raw += size;
	return making->emit(making->context, request);
}

static int encode(void *sink, struct hadal_batch *batch, enum hadal_signal signal, uint64_t first, uint64_t count,
		  hadal_sink_emit emit, void *context, struct hadal_sink_encoded *encoded)
{
	struct making making = { .otlp = sink, .emit = emit, .context = context, .encoded = encoded };
	const int ret = hadal_otlp_encode_some(batch, signal, first, count, making.otlp->config.request_bytes,
					       make_request, &making, &making.result);

	encoded->oversize = making.result.oversize;
	encoded->failed = making.result.lost;
	return ret;
}

/* ---- answers ---- */

static void note_partial(const struct hadal_http_answer *http, const struct hadal_sink_request *request,
			 struct hadal_sink_answer *answer)
{
	struct hadal_otlp_response response = { 0 };

	/* A body that is no export response says nothing against the 200 before it. */
	if (http->protobuf)
		hadal_otlp_response_parse(http->body, http->size, &response);
	answer->rejected = response.rejected < request->items ? response.rejected : request->items;
	if (answer->rejected || response.message[0])
		snprintf(answer->text, sizeof(answer->text), "%s",
			 response.message[0] ? response.message : "no reason given");
}

static void send_request(void *sink, const struct hadal_sink_request *request,
			 unsigned int (*patience)(void *context), void *context, struct hadal_sink_answer *answer)
{
	struct hadal_sink_http *otlp = sink;
	struct hadal_http_answer http;

	hadal_http_post(otlp->http, &otlp->endpoints[request->signal], request, patience, context, &http);
	hadal_sink_http_judge(otlp, &http, hadal_ship_verdict_of_status(http.status), answer);
	if (answer->verdict == HADAL_SHIP_DELIVERED)
		note_partial(&http, request, answer);
	hadal_http_answer_clear(&http);
}

/* ---- life ---- */

static void close_otlp(void *sink)
{
	struct hadal_sink_http *otlp = sink;

	if (!otlp)
		return;
	hadal_sink_http_close(otlp);
	free(otlp);
}

static int open_otlp(const struct hadal_sink_config *config, void **sink, char *error, size_t error_size)
{
	struct hadal_sink_http *otlp = calloc(1, sizeof(*otlp));
	int ret;

	if (!otlp)
		return -ENOMEM;
	ret = hadal_sink_http_open(otlp, &config->ship, error, error_size);
	if (ret)
		free(otlp);
	else
		*sink = otlp;
	return ret;
}

static bool takes(void *sink, enum hadal_signal signal)
{
	const struct hadal_sink_http *otlp = sink;

	return otlp->endpoints[signal].url;
}

static const char *shown(void *sink, enum hadal_signal signal)
{
	const struct hadal_sink_http *otlp = sink;

	return otlp->endpoints[signal].shown;
}

static void wake(void *sink)
{
	struct hadal_sink_http *otlp = sink;

	hadal_http_wake(otlp->http);
}

const struct hadal_sink_kind hadal_sink_otlp = {
	.name = "otlp",
	.signals = 1U << HADAL_SIGNAL_METRICS | 1U << HADAL_SIGNAL_LOGS,
	.check = hadal_sink_http_check,
	.open = open_otlp,
	.takes = takes,
	.encode = encode,
	.send = send_request,
	.shown = shown,
	.wake = wake,
	.close = close_otlp,
};
