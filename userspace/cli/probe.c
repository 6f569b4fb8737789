/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "auth.h"
#include "clock.h"
#include "query.h"
#include "ship_endpoint.h"
#include "ship_http.h"

enum {
	TIMEOUT_MS = 5000,	/* of one request */
	AUTH_PAUSE_MS = 100,
};

#define MS	1000000ULL

/* An empty message of protobuf has no bytes; snappy makes one of none. */
static const uint8_t nothing[1];

static unsigned int wait_on(void *context)
{
	(void)context;
	return TIMEOUT_MS;
}

static bool has_credential(const struct hadal_ship_config *ship)
{
	for (size_t i = 0; i < ship->header_count; i++)
		if (hadal_header_is_credential(ship->headers[i].name))
			return true;
	return ship->token || ship->auth;
}

static void note_answer(const struct hadal_http_answer *answer, struct probe *probe)
{
	probe->outcome = answer->curl_code == CURLE_OK ? PROBE_ANSWERED :
			 answer->curl_code == CURLE_LOGIN_DENIED ? PROBE_DENIED : PROBE_FAILED;
	probe->curl_code = answer->curl_code;
	probe->status = answer->status;
	snprintf(probe->trouble, sizeof(probe->trouble), "%s", answer->trouble);
	probe->dated = answer->date != 0;
	probe->ahead = answer->date - (int64_t)time(NULL);
}

/* Credentials of AWS come after a while. */
static void post(struct hadal_http *http, const struct hadal_endpoint *endpoint,
		 const struct hadal_sink_request *request, struct probe *probe)
{
	uint64_t limit = clock_ns(CLOCK_MONOTONIC) + TIMEOUT_MS * MS;
	struct hadal_http_answer answer;

	for (;;) {
		hadal_http_post(http, endpoint, request, wait_on, NULL, &answer);
		note_answer(&answer, probe);
		hadal_http_answer_clear(&answer);
		if (probe->outcome != PROBE_DENIED || clock_ns(CLOCK_MONOTONIC) >= limit)
			return;
		query_wait(AUTH_PAUSE_MS * MS);
	}
}

static void ask(const struct hadal_ship_config *ship, enum hadal_signal signal, bool snappy, struct probe *probe)
{
	const struct hadal_sink_request request = {
		.signal = signal, .id = "hadal-doctor", .body = (uint8_t *)(uintptr_t)nothing, .size = snappy,
	};
	struct hadal_endpoint endpoint;
	struct hadal_http *http;

	*probe = (struct probe){ .outcome = PROBE_UNSENT };
	if (hadal_endpoint_init(&endpoint, ship, signal, probe->trouble, sizeof(probe->trouble)))
		return;
	snprintf(probe->shown, sizeof(probe->shown), "%s", endpoint.shown);
	if (endpoint.plain && (has_credential(ship) || endpoint.has_userinfo)) {
		snprintf(probe->trouble, sizeof(probe->trouble), "a credential is not sent over plain http to another host");
	} else if (!hadal_http_new(ship, &http)) {
		post(http, &endpoint, &request, probe);
		hadal_http_free(http);
	} else {
		snprintf(probe->trouble, sizeof(probe->trouble), "no memory");
	}
	hadal_endpoint_free(&endpoint);
}

static bool is_well(const struct probe *probe)
{
	return probe->outcome == PROBE_ANSWERED && probe->status >= 200 && probe->status < 300;
}

/* Its address is used as it is, and nothing but metrics goes there. */
static void ask_remote_write(struct hadal_ship_config *ship, struct probe *probe)
{
	if (!ship->signal_endpoint[HADAL_SIGNAL_METRICS])
		ship->signal_endpoint[HADAL_SIGNAL_METRICS] = ship->endpoint;
	ship->signal_off[HADAL_SIGNAL_METRICS] = false;
	ship->no_compression = false;
	ship->content_encoding = "snappy";
	ask(ship, HADAL_SIGNAL_METRICS, true, probe);
}

static void ask_otlp(struct hadal_ship_config *ship, struct probe *probe)
{
	ship->no_compression = true;
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		if (ship->signal_off[i])
			continue;
		ask(ship, (enum hadal_signal)i, false, probe);
		if (!is_well(probe))
			return;
	}
}

void probe_receiver(const struct hadal_sink_config *sink, const struct config *own, struct probe *probe)
{
	struct hadal_ship_config ship = sink->ship;

	*probe = (struct probe){ .outcome = PROBE_UNSENT, .trouble = "no memory" };
	if (auth_open(own, &ship.auth))
		return;
	ship.timeout_ms = TIMEOUT_MS;
	if (!strcmp(sink->kind, "remote_write"))
		ask_remote_write(&ship, probe);
	else
		ask_otlp(&ship, probe);
	hadal_ship_auth_release(ship.auth);
}
