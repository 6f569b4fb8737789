/* SPDX-License-Identifier: MIT */
/* Requests of the shipper with a bearer token that may become another. */
#ifndef HADALD_AUTH_BEARER_H
#define HADALD_AUTH_BEARER_H

#include "aws_secret.h"
#include "ship_auth.h"

enum {
	AUTH_LOOK_SPACING = 1000,	/* ms: whether a file has changed is not asked more often */
	AUTH_READ_SPACING = 10000,	/* ms: nor is one that has not changed read again, for a 401 */
	AUTH_ASK_SPACING = 60000,	/* ms: nor AWS asked again, for a 401 */
	AUTH_RETRY_FIRST = 2000,	/* ms, where AWS does not tell it; it doubles */
	AUTH_RETRY_MAX = 300000,
};

/**
 * auth_bearer_file() - send the token of a file
 * @guarded: as of token_read()
 *
 * Return: 0 and @auth, for its close(); -ENOMEM.
 */
int auth_bearer_file(const char *path, bool guarded, struct hadal_ship_auth **auth);

/**
 * auth_bearer_secret() - send a token that AWS keeps, which a thread of its own asks for
 *
 * Return: 0 and @auth, for its close(); -ENOMEM; -EAGAIN: no thread.
 */
int auth_bearer_secret(const struct aws_secret *secret, struct hadal_ship_auth **auth);

#endif
