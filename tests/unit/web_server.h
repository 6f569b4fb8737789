/* SPDX-License-Identifier: MIT */
/*
 * A small HTTP server in a thread, for tests of what asks one: on a loopback
 * port and on a unix socket, with answers by path.
 */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include <stddef.h>

enum web_behaviour {
	WEB_ANSWER,
	WEB_SILENCE,	/* take the request and say nothing */
	WEB_GARBAGE,	/* bytes that are not HTTP */
	WEB_CUT,	/* end in the middle of the body */
	WEB_ENDLESS,	/* a body without end */
};

struct web_page {
	const char *path;
	int status;
	const char *body;
	enum web_behaviour behaviour;
};

struct web_server;

/* @pages: NULL-path-terminated, borrowed, may be changed while it runs. Aborts when it can't. */
struct web_server *web_start(struct web_page *pages);
void web_stop(struct web_server *server);

/* "http://127.0.0.1:PORT" */
const char *web_url(const struct web_server *server);
const char *web_socket(const struct web_server *server);

/* Requests that came for @path. */
unsigned int web_requests(struct web_server *server, const char *path);

#endif
