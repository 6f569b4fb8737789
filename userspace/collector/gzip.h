/* SPDX-License-Identifier: MIT */
#ifndef HADAL_GZIP_H
#define HADAL_GZIP_H

#include <stddef.h>
#include <stdint.h>

/**
 * hadal_gzip() - compress into the gzip format (RFC 1952)
 * @out: set to memory from malloc
 *
 * Return: 0; -ENOMEM.
 */
int hadal_gzip(const uint8_t *in, size_t in_size, uint8_t **out, size_t *out_size);

#endif
