/* SPDX-License-Identifier: MIT */
/*
 * Small answers from services on this host: GET over TCP or a unix socket.
 */
#ifndef HADALD_HTTP_H
#define HADALD_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	HTTP_BODY_MAX = 4 << 20,	/* bytes of an answer */
	HTTP_TIMEOUT = 5000,		/* ms for one request */
};

struct http;

struct http_body {
	char *data;	/* NUL-terminated */
	size_t length;
};

/* @stop: when it becomes true a request under way ends; may be NULL. NULL: no memory. */
struct http *http_new(const atomic_bool *stop);
void http_free(struct http *http);

/**
 * http_get() - fetch one answer
 * @unix_socket: path, or NULL for TCP to the host of @url
 * @url: http only; redirections and proxies are not followed
 * @body: set, for http_body_free(), whatever the status
 *
 * Return: the HTTP status, from 100 on; -EHOSTUNREACH: there is no answer;
 * -ETIMEDOUT; -EMSGSIZE: more than HTTP_BODY_MAX; -EPROTO: not HTTP;
 * -ECANCELED: stopped; -ENOMEM. @body is then empty.
 */
int http_get(struct http *http, const char *unix_socket, const char *url, struct http_body *body);
void http_body_free(struct http_body *body);

#endif
