/* SPDX-License-Identifier: MIT */
/*
 * Small answers from services on this host, over TCP or a unix socket; and signed
 * questions to those of AWS.
 */
#ifndef HADALD_HTTP_H
#define HADALD_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HTTP_BODY_MAX = 4 << 20,	/* bytes of an answer */
	HTTP_TIMEOUT = 5000,		/* ms for one request */
	HTTP_HEADERS = 4,
};

struct http;
struct aws_credentials;

struct http_body {
	char *data;	/* NUL-terminated */
	size_t length;
	int64_t date;	/* s since 1970, when the service says that it answered; 0: it does not */
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

/* By which AWS knows who asks: its signature, version 4, over @headers and the body. */
struct http_signer {
	const char *region, *service;
	const struct aws_credentials *credentials;
	int64_t clock_offset;	/* s that AWS's clock is ahead of this host's */
};

struct http_request {
	const char *unix_socket;	/* as above */
	const char *url;
	bool https;			/* @url may be of https; it also may if it is signed */
	const char *headers[HTTP_HEADERS];	/* more, whole; up to the first NULL */
	const char *post;		/* POST with this body; NULL: GET, or */
	bool put;			/* PUT, without a body */
	const struct http_signer *signer;	/* NULL: not signed */
	unsigned int timeout;		/* ms; 0: HTTP_TIMEOUT */
};

/* The same of other requests. */
int http_send(struct http *http, const struct http_request *request, struct http_body *body);
void http_body_free(struct http_body *body);

#endif
