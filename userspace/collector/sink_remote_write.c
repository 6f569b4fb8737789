/* SPDX-License-Identifier: MIT */
#include "sink_remote_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "prometheus_write.h"
#include "sink_http.h"

enum {
	STATUS_TOO_MANY = 429,
};

static const struct hadal_ship_header version_header = { .name = "X-Prometheus-Remote-Write-Version", .value = "0.1.0" };

struct sink {
	struct hadal_sink_http http;
	struct hadal_ship_header *headers;	/* those that are configured, and the one above */
	uint64_t metadata_time;			/* ns, CLOCK_MONOTONIC: before it metadata is not told again */
};

enum hadal_ship_verdict sink_remote_write_verdict(long status)
{
	if (status / 100 == 2)
		return HADAL_SHIP_DELIVERED;
	return status / 100 == 5 || status == STATUS_TOO_MANY ? HADAL_SHIP_REPEAT : HADAL_SHIP_REFUSED;
}

/* ---- requests ---- */

struct making {
	hadal_sink_emit emit;
	void *context;
	struct hadal_sink_encoded *encoded;
	uint64_t end;		/* number behind that of the last point asked for */
};

static int make_request(void *context, const struct prometheus_write_request *write)
{
	struct making *making = context;
	struct hadal_sink_request *request = calloc(1, sizeof(*request));

	if (!request) {
		free(write->body);
		return -ENOMEM;
	}
	request->signal = HADAL_SIGNAL_METRICS;
	request->first = write->first;
	request->items = write->items;
	request->body = write->body;
	request->size = write->size;
	making->encoded->bytes_raw += write->raw_size;
	return making->emit(making->context, request);
}

static int make_metadata(void *context, const struct prometheus_write_request *write)
{
	const struct making *making = context;
	struct prometheus_write_request last = *write;

	last.first = making->end;
	return make_request(context, &last);
}

/*
 * A request of its own, as Prometheus sends it: who refuses it has the samples all the same. It has no points, and
 * comes behind those of the whole batch: where these begin and end, and how much of them is settled, is the same
 * without it. Where memory is short the next batch will do.
 */
static void tell_metadata(struct sink *own, const struct hadal_batch *batch, struct making *making)
{
	const uint64_t now = now_ns();

	if (now < own->metadata_time || making->end != hadal_batch_counts(batch).points ||
	    prometheus_write_metadata(batch, make_metadata, making))
		return;
	own->metadata_time = now + SINK_REMOTE_WRITE_METADATA * 1000000000ULL;
}

static int encode(void *sink, struct hadal_batch *batch, enum hadal_signal signal, uint64_t first, uint64_t count,
		  hadal_sink_emit emit, void *context, struct hadal_sink_encoded *encoded)
{
	struct sink *own = sink;
	struct making making = { .emit = emit, .context = context, .encoded = encoded, .end = first + count };
	struct prometheus_write_result result;
	int ret;

	(void)signal;
	ret = prometheus_write_encode(batch, first, count, own->http.config.request_bytes, make_request, &making,
				      &result);
	encoded->oversize = result.oversize;
	encoded->failed = result.lost;
	encoded->taken = result.untold;
	if (!ret)
		tell_metadata(own, batch, &making);
	return ret;
}

static void send_request(void *sink, const struct hadal_sink_request *request,
			 unsigned int (*patience)(void *context), void *context, struct hadal_sink_answer *answer)
{
	struct sink *own = sink;
	struct hadal_http_answer http;

	hadal_http_post(own->http.http, &own->http.endpoints[request->signal], request, patience, context, &http);
	hadal_sink_http_judge(&own->http, &http, sink_remote_write_verdict(http.status), answer);
	hadal_http_answer_clear(&http);
}

/* ---- life ---- */

static void close_sink(void *sink)
{
	struct sink *own = sink;

	if (!own)
		return;
	hadal_sink_http_close(&own->http);
	free(own->headers);
	free(own);
}

/* The URL is used as it is, and nothing but metrics goes there. */
static struct hadal_ship_config only_metrics(const struct hadal_sink_config *config)
{
	struct hadal_ship_config ship = config->ship;

	if (!ship.signal_endpoint[HADAL_SIGNAL_METRICS])
		ship.signal_endpoint[HADAL_SIGNAL_METRICS] = ship.endpoint;
	ship.endpoint = NULL;
	ship.signal_endpoint[HADAL_SIGNAL_LOGS] = NULL;
	ship.signal_off[HADAL_SIGNAL_LOGS] = true;
	return ship;
}

static int check(const struct hadal_sink_config *config, enum hadal_ship_part *part, char *error, size_t error_size)
{
	struct hadal_sink_config own = *config;

	own.ship = only_metrics(config);
	if (!own.ship.signal_endpoint[HADAL_SIGNAL_METRICS]) {
		*part = HADAL_SHIP_PARTS;
		snprintf(error, error_size, "it has no endpoint");
		return -EINVAL;
	}
	return hadal_sink_http_check(&own, part, error, error_size);
}

/* The protocol's part of the configuration; its header is one more of those that are configured. */
static int specialize(struct sink *own, const struct hadal_sink_config *config, struct hadal_ship_config *ship)
{
	const size_t count = config->ship.header_count;

	*ship = only_metrics(config);
	ship->content_type = "application/x-protobuf";
	ship->content_encoding = "snappy";
	if (!ship->request_bytes)
		ship->request_bytes = PROMETHEUS_WRITE_BYTES;
	own->headers = calloc(count + 1, sizeof(*own->headers));
	if (!own->headers)
		return -ENOMEM;
	if (count)
		memcpy(own->headers, ship->headers, count * sizeof(*own->headers));
	own->headers[count] = version_header;
	ship->headers = own->headers;
	ship->header_count = count + 1;
	return 0;
}

static int open_sink(const struct hadal_sink_config *config, void **sink, char *error, size_t error_size)
{
	struct sink *own = calloc(1, sizeof(*own));
	struct hadal_ship_config ship;
	int ret = own ? specialize(own, config, &ship) : -ENOMEM;

	if (ret)
		snprintf(error, error_size, "%s", strerror(-ret));
	else
		ret = hadal_sink_http_open(&own->http, &ship, error, error_size);
	if (ret)
		close_sink(own);
	else
		*sink = own;
	return ret;
}

static const char *shown(void *sink, enum hadal_signal signal)
{
	const struct sink *own = sink;

	return own->http.endpoints[signal].shown;
}

static void wake(void *sink)
{
	struct sink *own = sink;

	hadal_http_wake(own->http.http);
}

const struct hadal_sink_kind hadal_sink_remote_write = {
	.name = "remote_write",
	.signals = 1U << HADAL_SIGNAL_METRICS,
	.cumulative = true,
	.check = check,
	.open = open_sink,
	.encode = encode,
	.send = send_request,
	.shown = shown,
	.wake = wake,
	.close = close_sink,
};
