/* SPDX-License-Identifier: MIT */
/* Encodes a batch as export requests of OTLP, none larger than a bound. */
#ifndef HADAL_OTLP_ENCODE_H
#define HADAL_OTLP_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "ship.h"
#include "telemetry.h"

struct hadal_otlp_result {
	uint64_t first;		/* of what is emitted just now: its place in the batch */
	uint64_t encoded;	/* points or records given to emit */
	uint64_t oversize;	/* points or records that alone exceed the bound */
	uint64_t lost;		/* points or records not encoded because of an error */
};

/**
 * typedef hadal_otlp_emit - takes one encoded request
 * @items: points or records in it, at least 1
 * @body: from malloc; belongs to the callee, whatever it returns
 *
 * Return: 0, or -errno: the items count as lost, and encoding ends.
 */
typedef int (*hadal_otlp_emit)(void *context, enum hadal_signal signal, uint64_t items,
			       uint8_t *body, size_t size);

/**
 * hadal_otlp_encode() - encode one signal of a batch
 * @batch: caches parts of its wire form, hence not const; not to be added to from here on
 * @limit: bound of one request in bytes
 * @result: what became of each point or record
 *
 * Order is kept. A resource, and a metric, is repeated in each request that
 * holds points of it. Nothing is emitted when there is nothing of the signal.
 *
 * Return: 0; -ENOMEM; what @emit returned.
 */
int hadal_otlp_encode(struct hadal_batch *batch, enum hadal_signal signal, size_t limit,
		      hadal_otlp_emit emit, void *context, struct hadal_otlp_result *result);

/**
 * hadal_otlp_encode_some() - the same for @count of the points or records, from @first on
 */
int hadal_otlp_encode_some(struct hadal_batch *batch, enum hadal_signal signal, uint64_t first, uint64_t count,
			   size_t limit, hadal_otlp_emit emit, void *context, struct hadal_otlp_result *result);

#endif
