/* SPDX-License-Identifier: MIT */
#ifndef HADAL_CLI_SUPPORT_H
#define HADAL_CLI_SUPPORT_H

#include <stdio.h>

#include "host.h"

/**
 * support_write() - write the archive of a host
 * @path: of the archive, which must not exist
 * @list: gets a line for each file in it
 *
 * Return: 0 or -errno.
 */
int support_write(const struct host *host, const char *path, FILE *list);

#endif
