/* SPDX-License-Identifier: MIT */
/* What sinks have in common that post requests: where to, by what, and what an answer means. */
#ifndef HADAL_SINK_HTTP_H
#define HADAL_SINK_HTTP_H

#include "ship_endpoint.h"
#include "ship_http.h"
#include "sink.h"

struct hadal_sink_http {
	struct hadal_ship_config config;	/* with its defaults */
	struct hadal_endpoint endpoints[HADAL_SIGNALS];
	struct hadal_http *http;
};

/** hadal_sink_http_check() - as the function of a kind */
int hadal_sink_http_check(const struct hadal_sink_config *config, enum hadal_ship_part *part, char *error,
			  size_t error_size);

/**
 * hadal_sink_http_open() - get ready to post as @config says
 * @config: borrowed
 *
 * Return: 0, for hadal_sink_http_close(); as hadal_shipper_new(), and @error. Then it is all zeros.
 */
int hadal_sink_http_open(struct hadal_sink_http *sink, const struct hadal_ship_config *config, char *error,
			 size_t error_size);

/** hadal_sink_http_close() - what was opened; all zeros may be closed too */
void hadal_sink_http_close(struct hadal_sink_http *sink);

/**
 * hadal_sink_http_judge() - what came of a request that was not delivered, or that had no answer
 * @verdict: by the status, where there is one
 * @answer: filled
 */
void hadal_sink_http_judge(const struct hadal_sink_http *sink, const struct hadal_http_answer *http,
			   enum hadal_ship_verdict verdict, struct hadal_sink_answer *answer);

#endif
