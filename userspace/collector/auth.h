/* SPDX-License-Identifier: MIT */
/* What the configuration says of how requests of the shipper show who sends them. */
#ifndef HADALD_AUTH_H
#define HADALD_AUTH_H

#include "aws_chain.h"
#include "config.h"
#include "ship_auth.h"

/* Where credentials of AWS are looked for; borrows @config's strings. */
struct aws_credential_sources auth_sources(const struct config *config);

/* The region of what AWS is asked by name, where the name has none; NULL or "": the instance's. */
const char *auth_region(const struct config *config);

/* Whether the token is one that AWS keeps, and is asked for. */
bool auth_keeps_token(const struct config *config);

/**
 * auth_check() - whether what is configured can be
 * @key: set to the key that is wrong, when one is
 * @error: gets what is wrong with it
 *
 * Return: 0; -EINVAL.
 */
int auth_check(const struct config *config, const char **key, char *error, size_t error_size);

/**
 * auth_open() - get ready to show who sends
 * @auth: set, for hadal_ship_auth_release(); NULL where a header that stays as it is does, or nothing is shown
 *
 * Return: 0; -ENOMEM; -EAGAIN: no thread.
 */
int auth_open(const struct config *config, struct hadal_ship_auth **auth);

#endif
