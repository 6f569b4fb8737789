/* SPDX-License-Identifier: MIT */
/*
 * A secret that AWS keeps: a parameter of Systems Manager's Parameter Store, or a
 * secret of Secrets Manager.
 */
#ifndef HADALD_AWS_SECRET_H
#define HADALD_AWS_SECRET_H

#include "aws_chain.h"
#include "aws_scope.h"
#include "http.h"
#include "token.h"

enum aws_secret_kind {
	AWS_SECRET_PARAMETER,
	AWS_SECRET_SECRET,
};

enum {
	AWS_SECRET_NAME_MAX = 2048,	/* bytes of a name or an ARN: both services' own bound */
	AWS_SECRET_TIMEOUT = 5000,	/* ms for one question */
};

/* Strings are borrowed. */
struct aws_secret {
	enum aws_secret_kind kind;
	const char *name;	/* or its ARN */
	const char *field;	/* of a value that is an object in JSON; NULL or "": the value itself */
	const char *region;	/* NULL or "": that of the ARN, else the instance's */
	const char *endpoint;	/* NULL or "": the region's own */
	struct aws_credential_sources sources;
};

/* Whether it can be a name or an ARN. */
bool aws_secret_is_name(const char *name);

/* Sets @region to that of an ARN; "": @name is none. */
void aws_secret_region(const char *name, char region[AWS_REGION_SIZE]);

/**
 * aws_secret_parse() - read an answer
 * @field: as of struct aws_secret
 * @token: gets the first line of the value; whoever calls wipes it
 *
 * Return: 0; -EINVAL: no answer of that kind, or one without such a value; -EFBIG: more than TOKEN_MAX.
 */
int aws_secret_parse(enum aws_secret_kind kind, const char *text, size_t length, const char *field,
		     char token[TOKEN_SIZE]);

/**
 * aws_secret_get() - ask for it, with the credentials that are to be had
 * @token: as above
 * @error: gets why it is not to be had, without the secret
 *
 * Takes at most some ten seconds. Where AWS says that it was signed at a wrong time it
 * is asked again, by AWS's clock.
 *
 * Return: 0; -EAGAIN.
 */
int aws_secret_get(struct http *http, const struct aws_secret *secret, char token[TOKEN_SIZE],
		   char error[AWS_ERROR_SIZE]);

#endif
