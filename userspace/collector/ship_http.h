/* SPDX-License-Identifier: MIT */
/* Posts requests with libcurl, over a connection that is kept. */
#ifndef HADAL_SHIP_HTTP_H
#define HADAL_SHIP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ship.h"
#include "ship_endpoint.h"
#include "sink.h"

struct hadal_http;

struct hadal_http_answer {
	bool abandoned;		/* patience ended it */
	int curl_code;		/* CURLcode; the rest is valid when it is CURLE_OK */
	char trouble[256];	/* why there was no answer */
	long status;
	bool protobuf;		/* of the body, by its Content-Type */
	int64_t date;		/* s since 1970, when the receiver says that it answered; 0: it does not */
	char retry_after[64];	/* the header's value; empty when there is none */
	uint8_t *body;		/* from malloc */
	size_t size;
};

/**
 * hadal_http_new() - get ready to post as @config says
 * @config: not needed afterwards
 *
 * Return: 0; -ENOMEM.
 */
int hadal_http_new(const struct hadal_ship_config *config, struct hadal_http **http);

void hadal_http_free(struct hadal_http *http);

/** hadal_http_wake() - have a running hadal_http_post() ask for its patience; any thread may. */
void hadal_http_wake(struct hadal_http *http);

/**
 * hadal_http_post() - post one request and take the answer
 * @patience: asked again and again how many more milliseconds to wait; 0 ends it
 * @answer: what came of it, for hadal_http_answer_clear()
 */
void hadal_http_post(struct hadal_http *http, const struct hadal_endpoint *endpoint,
		     const struct hadal_sink_request *request,
		     unsigned int (*patience)(void *context), void *context,
		     struct hadal_http_answer *answer);

void hadal_http_answer_clear(struct hadal_http_answer *answer);

#endif
