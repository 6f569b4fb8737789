/* SPDX-License-Identifier: MIT */
/*
 * A batch as lines of JSON, an object for each point or log record, by itself
 * whole. docs/json-lines.md says what is in one.
 */
#ifndef HADALD_JSON_LINES_H
#define HADALD_JSON_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "batch.h"
#include "ship.h"

/* Lines of consecutive points or records of the batch. */
struct json_lines {
	uint64_t first;		/* the first one's number in the batch */
	uint64_t items;		/* lines; at least 1 */
	char *text;		/* ends with a newline; from malloc; the callee's, whatever it returns */
	size_t size;
};

/** typedef json_lines_emit - takes lines; 0, or -errno: encoding ends, and they are lost */
typedef int (*json_lines_emit)(void *context, const struct json_lines *lines);

struct json_lines_result {
	uint64_t encoded;	/* points or records given to emit */
	uint64_t oversize;	/* whose line alone exceeds the bound */
	uint64_t lost;		/* not encoded because of an error */
};

/**
 * json_lines_encode() - encode @count points or records of a batch, from number @first on
 * @delta: what counters and histograms hold is what they rose by
 * @limit: bound of the lines that are handed over at a time, in bytes
 * @result: what became of each of them
 *
 * Return: 0; -ENOMEM; what @emit returned.
 */
int json_lines_encode(const struct hadal_batch *batch, enum hadal_signal signal, bool delta, uint64_t first,
		      uint64_t count, size_t limit, json_lines_emit emit, void *context,
		      struct json_lines_result *result);

#endif
