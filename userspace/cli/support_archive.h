/* SPDX-License-Identifier: MIT */
/*
 * Writes a tar archive (ustar, gzip) of small texts.
 */
#ifndef HADAL_CLI_SUPPORT_ARCHIVE_H
#define HADAL_CLI_SUPPORT_ARCHIVE_H

#include <stddef.h>

struct archive;

/* Makes file @path, which must not exist, for its owner alone. Returns 0 or -errno. */
int archive_open(const char *path, struct archive **archive);

/* @name: up to 99 bytes. Returns 0 or -errno; what went wrong once archive_close() tells again. */
int archive_add(struct archive *archive, const char *name, const void *content, size_t size);

/* Returns 0, or -errno: the file is not whole then. */
int archive_close(struct archive *archive);

#endif
