/* SPDX-License-Identifier: MIT */
#ifndef HADAL_CLI_DECOMPRESS_H
#define HADAL_CLI_DECOMPRESS_H

#include <stddef.h>

/**
 * decompress() - undo xz, zstd or gzip, by what the first bytes say
 * @data: of @size bytes; freed and replaced by what comes out. What is of neither stays
 *
 * Return: 0; -EINVAL: damaged; -EFBIG: more than @most bytes come out; -ENOMEM. @data then is as it was.
 */
int decompress(unsigned char **data, size_t *size, size_t most);

#endif
