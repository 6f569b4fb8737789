/* SPDX-License-Identifier: MIT */
/*
 * A ring in memory and a writer for it that follows the protocol of the uapi
 * header step by step, so that a test can stop between the steps.
 */
#ifndef MEMORY_RING_H
#define MEMORY_RING_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "reader.h"

struct memory_ring {
	struct hadal_ring_producer producer;
	struct hadal_ring_consumer consumer;
	uint8_t *data;	/* mapped twice in a row */
	uint32_t size;	/* bytes */
	uint32_t position;	/* of the next record, not published yet */
	uint32_t sequence;
};

/* position: where writer and reader stand at first. size: a power of two, whole pages. */
void memory_ring_create(struct memory_ring *ring, uint32_t size, uint32_t cpu, uint32_t lane,
			uint32_t position);
void memory_ring_destroy(struct memory_ring *ring);
void memory_ring_add_to(struct memory_ring *ring, struct hadal_reader *reader);

/* Room for a record that the reader has given back. */
uint32_t memory_ring_room(const struct memory_ring *ring);

/* A record of zeros but for its header, not published. */
struct hadal_record *memory_ring_append(struct memory_ring *ring, uint16_t type, uint32_t size,
					uint64_t time);
void memory_ring_publish(struct memory_ring *ring);

/* Append and publish a FORK of that pid at that time. */
void memory_ring_fork(struct memory_ring *ring, uint64_t time, uint32_t tgid);

/* A record that was due and not written. */
void memory_ring_drop(struct memory_ring *ring);

/* A LOST record that tells of count records of record_class; published. */
void memory_ring_lost(struct memory_ring *ring, uint64_t time, unsigned int record_class,
		      uint32_t count);

#endif
