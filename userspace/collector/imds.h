/* SPDX-License-Identifier: MIT */
/*
 * The instance metadata service of EC2, version 2: what an instance is. Version 1,
 * by which who makes a process fetch a URL learns it too, is not spoken.
 */
#ifndef HADALD_IMDS_H
#define HADALD_IMDS_H

#include "ecs.h"
#include "http.h"

#define IMDS_IPV4	"http://169.254.169.254"
#define IMDS_IPV6	"http://[fd00:ec2::254]"

enum {
	IMDS_TOKEN_SIZE = 512,	/* bytes, with NUL */
	IMDS_TIMEOUT = 1000,	/* ms for one request: it is a hop away, or not there */
	IMDS_SESSION = 3600,	/* s that the token of a session is good; it is used for half of them */
};

/**
 * imds_parse_token() - whether @text can be sent as a header's value
 *
 * Return: 0 and @token; -EINVAL: empty, too long or not printable.
 */
int imds_parse_token(const char *text, size_t length, char token[IMDS_TOKEN_SIZE]);

/**
 * imds_parse_document() - read an instance identity document
 *
 * Return: 0; -EINVAL: it is none: other clouds have services at the same address.
 */
int imds_parse_document(const char *text, size_t length, struct instance_facts *facts);

/**
 * imds_get() - fetch what is at a path, with a token of its own
 * @base: such as IMDS_IPV4
 * @body: set, for http_body_free(), whatever is returned
 *
 * Return: FOUND: the status was 200; NOT_FOUND: no such service is there, or none
 * that may be asked; UNAVAILABLE: it has no time now, or nothing at that path.
 */
enum identity_result imds_get(struct http *http, const char *base, const char *path, struct http_body *body);

/* A token for many requests, of one thread. Begins as zeros. */
struct imds_session {
	char token[IMDS_TOKEN_SIZE];	/* "": none */
	uint64_t got;			/* ns, CLOCK_MONOTONIC */
	bool answered;			/* there was one, so there is such a service, if it is silent now */
};

/* The same as imds_get() with the token of a session, which is got when there is none that is good. */
enum identity_result imds_session_get(struct http *http, const char *base, const char *path,
				      struct imds_session *session, struct http_body *body);

/**
 * imds_instance() - ask what this instance is
 * @base: such as IMDS_IPV4
 * @facts: all but the cluster are set, if it is found
 *
 * Return: NOT_FOUND: no such service is there, or none that may be asked;
 * UNAVAILABLE: it has no time now, or answers nonsense.
 */
enum identity_result imds_instance(struct http *http, const char *base, struct instance_facts *facts);

#endif
