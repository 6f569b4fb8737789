/* SPDX-License-Identifier: MIT */
/*
 * What hadald asks of Docker, the ECS agent and EC2, at one web server, for a test's
 * setup and teardown.
 */
#ifndef PLACES_H
#define PLACES_H

#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "lookup.h"
#include "web_server.h"

enum { PLACES_PAGES = 4 };

struct places {
	struct web_page pages[PLACES_PAGES + 1];	/* may be changed while it runs */
	struct web_server *server;
	struct lookup_sources list;	/* Docker and the agent */
	struct http *http;
};

/* @pages: up to PLACES_PAGES of them. */
static inline int places_up(void **state, const struct web_page *pages, size_t count)
{
	struct places *places = calloc(1, sizeof(*places));

	if (!places || count > PLACES_PAGES)
		return -1;
	memcpy(places->pages, pages, count * sizeof(*pages));
	places->server = web_start(places->pages);
	places->list = (struct lookup_sources){
		.docker_socket = web_socket(places->server),
		.ecs_introspection = web_url(places->server),
		.ecs_task_metadata = web_url(places->server),
	};
	places->http = http_new(NULL);
	*state = places;
	return places->http ? 0 : -1;
}

static inline int places_down(void **state)
{
	struct places *places = *state;

	http_free(places->http);
	web_stop(places->server);
	free(places);
	return 0;
}

#endif
