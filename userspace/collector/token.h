/* SPDX-License-Identifier: MIT */
/* The file that holds the token by which receivers know this host. */
#ifndef HADALD_TOKEN_H
#define HADALD_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum {
	TOKEN_MAX = 4096,	/* bytes */
	TOKEN_SIZE = TOKEN_MAX + 1,
};

/**
 * token_read() - read a token file
 * @guarded: who may read it is the business of who made it; else its mode is 0600 or less
 * @token: gets its first line; whoever calls wipes it
 * @status: gets what tells whether it is another file by now, for token_changed()
 * @error: gets what is wrong, the path in front
 *
 * Return: 0; -errno; -EACCES: others may read it; -EINVAL: no file, or no token in it; -EFBIG.
 */
int token_read(const char *path, bool guarded, char token[TOKEN_SIZE], struct stat *status, char *error,
	       size_t error_size);

/* Whether @path is another file than token_read() read, or was written to. What is gone has not changed. */
bool token_changed(const char *path, const struct stat *before);

/* Whether it is of characters that a bearer token may have, and not empty: RFC 6750, 2.1. */
bool token_usable(const char *token);

#endif
