/* SPDX-License-Identifier: MIT */
/*
 * Encodes a batch as requests of Prometheus' remote write 1.0: protobuf in
 * snappy's block format, none larger than a bound.
 *
 * Source: "Prometheus Remote-Write 1.0 specification".
 */
#ifndef HADALD_PROMETHEUS_WRITE_H
#define HADALD_PROMETHEUS_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "batch.h"

enum { PROMETHEUS_WRITE_BYTES = 1 << 20 };	/* bound of a request before compression that all receivers take */

/* One request, of consecutive points of the batch. */
struct prometheus_write_request {
	uint64_t first;		/* the first point's number in the batch */
	uint64_t items;		/* points; at least 1, of metadata none */
	uint64_t samples;	/* of these, and of target_info */
	uint8_t *body;		/* from malloc; the callee's, whatever it returns */
	size_t size;
	size_t raw_size;	/* before compression */
};

/** typedef prometheus_write_emit - takes a request; 0, or -errno: encoding ends, and its points are lost */
typedef int (*prometheus_write_emit)(void *context, const struct prometheus_write_request *request);

struct prometheus_write_result {
	uint64_t encoded;	/* points given to emit */
	uint64_t untold;	/* points that there was nothing to tell of: superseded within the batch, or see .conflicts */
	uint64_t conflicts;	/* of these, points of metrics whose name another type has */
	uint64_t oversize;	/* points that alone exceed the bound */
	uint64_t lost;		/* points not encoded because of an error */
};

/**
 * prometheus_write_encode() - encode @count points of a batch, from number @first on
 * @batch: of cumulative values
 * @limit: bound of a request in bytes, before compression
 * @result: what became of each of these points
 *
 * The series target_info of who a point is of goes with the first such point.
 *
 * Return: 0; -ENOMEM; what @emit returned.
 */
int prometheus_write_encode(const struct hadal_batch *batch, uint64_t first, uint64_t count, size_t limit,
			    prometheus_write_emit emit, void *context, struct prometheus_write_result *result);

/**
 * prometheus_write_metadata() - encode what the metrics of a batch are: type, help, unit
 *
 * One request without a sample, as Prometheus sends it, of some 100 bytes a
 * metric; none where the batch has no metrics. By the names of the series.
 *
 * Return: as prometheus_write_encode().
 */
int prometheus_write_metadata(const struct hadal_batch *batch, prometheus_write_emit emit, void *context);

#endif
