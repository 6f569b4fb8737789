/* SPDX-License-Identifier: MIT */
/*
 * A batch as it lies in the spool: the form's version in a byte, the size of
 * what follows before compression, a varint, and that: spool_form.h, compressed
 * as DEFLATE has it (RFC 1951).
 */
#ifndef HADAL_SPOOL_BATCH_H
#define HADAL_SPOOL_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "telemetry.h"

/**
 * hadal_spool_pack() - make a record's data of a batch
 * @data: set to what was made, from malloc
 *
 * Return: 0; -EFBIG: more than a record may have; -ENOMEM.
 */
int hadal_spool_pack(const struct hadal_batch *batch, uint8_t **data, size_t *size);

/**
 * hadal_spool_unpack() - make a batch of a record's data
 * @batch: set to it, for hadal_batch_free(); NULL on failure; of @data it needs nothing
 * @wrong: set to what is wrong, in words, when there is an error
 *
 * Return: 0; -EBADMSG: it is not what hadal_spool_pack() makes; -ENOMEM.
 */
int hadal_spool_unpack(const uint8_t *data, size_t size, struct hadal_batch **batch, const char **wrong);

#endif
