// SPDX-License-Identifier: MIT
#include "sink_http.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "otlp_response.h"
#include "ship_config.h"

enum {
	STATUS_TOO_LARGE = 413,
};

int hadal_sink_http_check(const struct hadal_sink_config *config, enum hadal_ship_part *part, char *error,
			  size_t error_size)
{
	struct hadal_endpoint endpoints[HADAL_SIGNALS];
	struct hadal_ship_config resolved;
	const int ret = hadal_ship_config_resolve(&config->ship, &resolved, endpoints, part, error, error_size);

	if (ret)
		return ret;
	for (int i = 0; i < HADAL_SIGNALS; i++)
		hadal_endpoint_free(&endpoints[i]);
	return 0;
}

void hadal_sink_http_close(struct hadal_sink_http *sink)
{
	for (int i = 0; i < HADAL_SIGNALS; i++)
		hadal_endpoint_free(&sink->endpoints[i]);
	hadal_http_free(sink->http);
}

int hadal_sink_http_open(struct hadal_sink_http *sink, const struct hadal_ship_config *config, char *error,
			 size_t error_size)
{
	enum hadal_ship_part part;
	int ret;

	*sink = (struct hadal_sink_http){ 0 };
	ret = hadal_ship_config_resolve(config, &sink->config, sink->endpoints, &part, error, error_size);
	if (ret) {
		*sink = (struct hadal_sink_http){ 0 };
		return ret;
	}
	ret = hadal_http_new(&sink->config, &sink->http);
	if (ret) {
		snprintf(error, error_size, "shipping cannot start: %s", strerror(-ret));
		hadal_sink_http_close(sink);
		*sink = (struct hadal_sink_http){ 0 };
	}
	return ret;
}

static void describe(const struct hadal_http_answer *http, struct hadal_sink_answer *answer)
{
	char text[160];

	if (http->curl_code) {
		snprintf(answer->text, sizeof(answer->text), "%s", http->trouble);
		return;
	}
	hadal_otlp_error_text(http->body, http->size, http->protobuf, text, sizeof(text));
	snprintf(answer->text, sizeof(answer->text), "status %ld%s%s", http->status, text[0] ? ": " : "", text);
}

static void note_wait(const struct hadal_sink_http *sink, const struct hadal_http_answer *http,
		      struct hadal_sink_answer *answer)
{
	const unsigned int max_ms = sink->config.retry_after_max_ms;
	const time_t now = http->date ?: time(NULL);

	answer->retry_after_ms = -1;
	if (!http->curl_code && http->retry_after[0])
		answer->retry_after_ms = hadal_retry_after_ms(http->retry_after, now, max_ms);
}

void hadal_sink_http_judge(const struct hadal_sink_http *sink, const struct hadal_http_answer *http,
			   enum hadal_ship_verdict verdict, struct hadal_sink_answer *answer)
{
	answer->abandoned = http->abandoned;
	answer->verdict = http->curl_code ? hadal_ship_verdict_of_transfer(http->curl_code) : verdict;
	if (answer->verdict == HADAL_SHIP_DELIVERED)
		return;
	describe(http, answer);
	note_wait(sink, http, answer);
	answer->unsent = http->curl_code;
	answer->too_large = !http->curl_code && http->status == STATUS_TOO_LARGE;
}
