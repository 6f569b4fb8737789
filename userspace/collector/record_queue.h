/* SPDX-License-Identifier: MIT */
/*
 * Records that a source without the module has made and nobody has read yet, in
 * the order in which they were made; what finds no room is lost and counted, as
 * in the module's rings.
 */
#ifndef HADALD_RECORD_QUEUE_H
#define HADALD_RECORD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hadal/uapi.h>

struct record_queue {
	unsigned char *bytes;
	size_t room;		/* bytes there are now */
	size_t limit;		/* bytes that there may be */
	size_t head, tail;	/* offsets: the next to be read, the end */
	uint64_t last_time;	/* ns, CLOCK_MONOTONIC: of the newest record */
	uint32_t sequence;
	uint32_t lost[HADAL_CLASS_SLOTS];	/* since the last LOST record */
	struct hadal_stats stats;
};

/* @limit: bytes. */
void record_queue_init(struct record_queue *queue, size_t limit);
void record_queue_free(struct record_queue *queue);

/*
 * Copies @record, and gives it its sequence, its size rounded up, and its time
 * if that is not before the one of the record in front. @size: bytes, up to
 * 64 KiB. Returns whether there was room.
 */
bool record_queue_add(struct record_queue *queue, const struct hadal_record *record, size_t size);

/* @count records of @class never came to be: a LOST record will say so. */
void record_queue_lost(struct record_queue *queue, unsigned int class, uint32_t count);

/* The next record, valid until something is added or taken; NULL: none. */
const struct hadal_record *record_queue_take(struct record_queue *queue);

#endif
