/* SPDX-License-Identifier: MIT */
/*
 * One ring, seen from the reader's side. The memory may come from a session's
 * mapping or from a test.
 */
#ifndef LIBHADAL_RING_H
#define LIBHADAL_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "validate.h"

struct ring {
	const struct hadal_ring_producer *producer;
	struct hadal_ring_consumer *consumer;
	const uint8_t *data;	/* 2 * data_size bytes, the second half the first again */
	uint32_t data_size;
	uint32_t cpu;
	uint32_t lane;

	uint32_t position;	/* of the next record to hand out */
	uint32_t released;	/* what the module was told */
	uint32_t committed;	/* position up to which records are whole */
	uint32_t committed_sequence;	/* of the record that will stand there */
	uint64_t safe;		/* ns: all records up to this time are committed */

	const struct hadal_record *head;	/* validated, at position; NULL: none, or not looked at */
	uint64_t head_time;	/* ns; never below that of the record before */
	bool head_is_old;	/* was seen in an earlier round than this */

	uint32_t next_sequence;	/* expected */
	bool sequence_known;	/* false until the first record of a ring that was read before */
	bool gap_known;		/* gap holds all since the last LOST */
	uint64_t gap;		/* numbers missed since the last LOST */

	const char *fault;	/* why this ring is left alone */
	bool fault_told;

	uint64_t records;
	uint64_t bytes;		/* of those that were released */
	uint64_t lost_by_gap;
	uint64_t lost[HADAL_CLASS_SLOTS];
	uint64_t lost_unexplained;
	uint64_t time_steps_back;
};

/*
 * Reads on from where consumer->position says that a reader was. data_size: a
 * power of two.
 */
void ring_init(struct ring *ring, const struct hadal_ring_producer *producer,
	       struct hadal_ring_consumer *consumer, const void *data, uint32_t data_size,
	       uint32_t cpu, uint32_t lane);

/*
 * Looks for new records. reading: ns, a clock reading taken before the call.
 * Moves safe up to reading unless a writer is in the middle of a record.
 * Returns whether it did. A fault sets ring->fault.
 */
bool ring_refresh(struct ring *ring, uint64_t reading);

/* Why the record at position, whatever is wrong with it, can't be handed out; or NULL. */
const char *ring_record_fault(const struct ring *ring, const struct hadal_record *record,
			      uint32_t available);

/* Validates the record at position and sets head, or fault. */
void ring_look(struct ring *ring);

/* Hands out head. What stands behind it is not looked at. */
const struct hadal_record *ring_take(struct ring *ring);

/* So much was handed out that the writer should get it back. */
static inline bool ring_holds_quarter(const struct ring *ring)
{
	return ring->position - ring->released >= ring->data_size / 4;
}

/*
 * Of an event, of a type that is known, in its ring, with the next number, and nothing
 * is wrong with it: what nearly every record is. Of any other ring_look() tells.
 */
static inline bool ring_finds_plain(const struct ring *ring, const struct hadal_record *record,
				    uint32_t available)
{
	const struct record_shape *shape;

	if (record->type >= RECORD_SHAPES)
		return false;
	shape = &record_shapes[record->type];
	/* Of a type that is not known the class is that of no event, too. */
	return shape->record_class != HADAL_CLASS_CONTROL &&
	       record->record_class == shape->record_class && record->size >= shape->size &&
	       record->size <= available && record->size % 8 == 0 && record->cpu == ring->cpu &&
	       record->lane == ring->lane && record->sequence == ring->next_sequence &&
	       !body_fault(record, shape->body);
}

/*
 * Hands out the record behind the last that was taken, if it is plain, and older than
 * end (ns). NULL: it is not, or there is none, or what was handed out is to be given
 * back first. Head is not looked at.
 */
static inline const struct hadal_record *ring_take_next(struct ring *ring, uint64_t end)
{
	uint32_t available = ring->committed - ring->position;
	const struct hadal_record *record;

	if (unlikely(!available || ring_holds_quarter(ring)))
		return NULL;
	record = (const void *)(ring->data + (ring->position & (ring->data_size - 1)));
	if (unlikely(!ring_finds_plain(ring, record, available) ||
		     record->time < ring->head_time || record->time >= end))
		return NULL;
	ring->head_time = record->time;
	ring->position += record->size;
	ring->next_sequence++;
	ring->records++;
	return record;
}

/* Gives all that was handed out back to the writer. */
void ring_release(struct ring *ring);

/* Numbers missing behind the last record, when all records are handed out. */
uint32_t ring_lost_at_end(const struct ring *ring);

#endif
