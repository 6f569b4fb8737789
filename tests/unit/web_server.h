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
	WEB_HELD,	/* answer once web_release() was called */
	WEB_GARBAGE,	/* bytes that are not HTTP */
	WEB_CUT,	/* end in the middle of the body */
	WEB_ENDLESS,	/* a body without end */
	WEB_TOKENS,	/* IMDS of version 2: a token for who says how long it is to live, else 400 */
	WEB_DATED,	/* no body: @body is the header Date */
	WEB_GUARDED,	/* and what it guards, for who has WEB_TOKEN, else 401 */
};

#define WEB_TOKEN	"AQAEAL-uJ3dYTg=="

/* @path of PUT and POST: with "PUT " or "POST " in front. */

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

/* Lets one answer go that is held, or will be. */
void web_release(struct web_server *server);

/* Copies the last POST, head and body as they came; "" if there was none. */
void web_posted(struct web_server *server, char *request, size_t size);

/* The same of the last request of any kind. */
void web_last(struct web_server *server, char *request, size_t size);

#endif
