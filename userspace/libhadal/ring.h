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

	const struct hadal_record *head;	/* validated, at position; NULL: none */
	uint64_t head_time;	/* ns; never below that of the record before */
	bool head_is_old;	/* was seen in an earlier round than this */

	uint32_t next_sequence;	/* expected */
	bool sequence_known;	/* false until the first record of a ring that was read before */
	bool gap_known;		/* gap holds all since the last LOST */
	uint64_t gap;		/* numbers missed since the last LOST */

	const char *fault;	/* why this ring is left alone */
	bool fault_told;

	uint64_t records;
	uint64_t bytes;
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

/* For ring_take(). */
void ring_count_lost(struct ring *ring, const struct hadal_record *record);

static inline const char *ring_foreign_fault(const struct ring *ring,
					     const struct hadal_record *record)
{
	if (record->cpu != ring->cpu || record->lane != ring->lane)
		return "a record of another ring";
	if (ring->sequence_known && record->sequence - ring->next_sequence > INT32_MAX)
		return "the sequence stepped back";
	return NULL;
}

/* Validates the record at position and sets head, or fault. */
static inline void ring_look(struct ring *ring)
{
	uint32_t available = ring->committed - ring->position;
	const struct hadal_record *record;
	const char *fault;

	ring->head = NULL;
	ring->head_is_old = false;
	if (!available)
		return;
	record = (const void *)(ring->data + (ring->position & (ring->data_size - 1)));
	fault = record_fault(record, available);
	if (!fault)
		fault = ring_foreign_fault(ring, record);
	if (fault) {
		ring->fault = fault;
		return;
	}
	if (record->time < ring->head_time)
		ring->time_steps_back++;
	else
		ring->head_time = record->time;
	ring->head = record;
}

static inline void ring_count(struct ring *ring, const struct hadal_record *record)
{
	uint32_t missed = ring->sequence_known ? record->sequence - ring->next_sequence : 0;

	ring->next_sequence = record->sequence + 1;
	ring->sequence_known = true;
	ring->gap += missed;
	ring->lost_by_gap += missed;
	ring->records++;
	ring->bytes += record->size;
	if (record->type == HADAL_RECORD_LOST)
		ring_count_lost(ring, record);
}

/* Hands out head: counts it and moves to the next. */
static inline const struct hadal_record *ring_take(struct ring *ring)
{
	const struct hadal_record *record = ring->head;

	ring_count(ring, record);
	ring->position += record->size;
	ring_look(ring);
	return record;
}

/* Gives all that was handed out back to the writer. */
void ring_release(struct ring *ring);

/* Numbers missing behind the last record, when all records are handed out. */
uint32_t ring_lost_at_end(const struct ring *ring);

#endif
