/* SPDX-License-Identifier: MIT */
/*
 * AWS's signature, version 4, of a request that libcurl is to send.
 *
 * libcurl signs itself, but by this host's clock alone: 7.88 sends an X-Amz-Date of
 * ours beside its own, twice the same, and signs a header without a value wrongly.
 */
#ifndef HADALD_AWS_SIGV4_H
#define HADALD_AWS_SIGV4_H

#include <curl/curl.h>
#include <stddef.h>
#include <time.h>

#include "aws_credentials.h"

/* Strings are borrowed. */
struct aws_signing {
	const char *method;		/* "POST" */
	const char *url;		/* with scheme; without a query, a user or a password */
	const char *region, *service;	/* "eu-west-1", "monitoring" */
	const struct aws_credentials *credentials;
	const void *body;
	size_t size;			/* of the body, bytes */
	time_t now;			/* s since 1970, as AWS has it */
};

/**
 * aws_sign() - sign a request, its body and all headers of a list
 * @headers: lines as libcurl takes them; Host, X-Amz-Date, X-Amz-Security-Token and
 * Authorization are appended, and must not be in it. Whatever is returned, it is
 * the caller's to free.
 *
 * A header that is to be changed on its way, or that libcurl adds itself, is not to be
 * in the list, or not signed.
 *
 * Return: 0; -EINVAL: a URL or a header that cannot be signed; -ENOMEM.
 */
int aws_sign(const struct aws_signing *signing, struct curl_slist **headers);

#endif
