/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring: one writer CPU, nested writers, one reader in user space. No
 * dependence on the rest of the module, so that it is tested in user space too.
 *
 * Writers run on the ring's own CPU with preemption disabled. One may be
 * interrupted by another at any instruction, and that one finishes first. So
 * a compare-and-exchange without the bus lock reserves, and the outermost
 * writer publishes all that was written, as kernel/events/ring_buffer.c does.
 *
 * Sequence number and position change in one exchange: each record that was
 * due takes a number, also the one that found the ring full.
 *
 * What each record goes through is inline.
 */
#ifndef HADAL_RING_H
#define HADAL_RING_H

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/ktime.h>
#include <linux/types.h>
#include <asm/barrier.h>
#include <asm/cmpxchg.h>
#include <asm/local64.h>
#else
#include "kernel_shim.h"
#endif

#include "hadal.h"

struct hadal_ring_counters {
	local64_t produced;
	local64_t delivered;
	local64_t lost;
	local64_t governed;
	local64_t bytes;
};

/**
 * struct hadal_ring - one lane of one CPU
 * @reserve: sequence << 32 | position of what is reserved; only ever changed
 *	by this CPU, and never read back from memory that a reader maps
 * @nest: writers under way on this CPU; each interrupts the one before
 * @size: bytes of data, a power of two
 * @watermark: bytes unread that wake the reader
 * @producer: page that the reader maps read-only
 * @consumer: page that the reader writes; never trusted
 * @data: 2 * @size bytes, the second half the same memory as the first
 * @lost_reported: how much of the losses LOST records have told
 * @governed_reported: likewise of what the governor took
 * @counters: by class
 */
struct hadal_ring {
	u64 reserve;
	u32 nest;
	u32 size;
	u32 watermark;
	u32 cpu;
	u8 lane;
	struct hadal_ring_producer *producer;
	const struct hadal_ring_consumer *consumer;
	u8 *data;
	u64 lost_total_reported;
	u64 lost_reported[HADAL_CLASS_SLOTS];
	u64 governed_reported[HADAL_CLASS_SLOTS];
	local64_t lost_total;
	struct hadal_ring_counters counters[HADAL_CLASS_SLOTS];
};

void hadal_ring_init(struct hadal_ring *ring, u32 size, u32 watermark, u32 cpu, u8 lane);
u32 hadal_ring_unread(const struct hadal_ring *ring);
u32 hadal_ring_room(const struct hadal_ring *ring);
bool hadal_ring_tell_lost(struct hadal_ring *ring);
void hadal_ring_lose(struct hadal_ring *ring, u8 class);
void hadal_ring_begin_governed(struct hadal_ring *ring, u8 class);

static inline u64 hadal_ring_advance(u64 reserve, u32 bytes)
{
	u32 position = HADAL_COMMIT_POSITION(reserve) + bytes;
	u32 sequence = HADAL_COMMIT_SEQUENCE(reserve) + 1;

	return (u64)sequence << 32 | position;
}

/* What the reader says counts against itself alone: nonsense is a full ring. */
static inline u32 hadal_ring_room_at(const struct hadal_ring *ring, u64 reserve)
{
	/* Pairs with the reader's store-release: it has read what we write over. */
	u32 used = HADAL_COMMIT_POSITION(reserve) - smp_load_acquire(&ring->consumer->position);

	return used > ring->size ? 0 : ring->size - used;
}

static inline bool hadal_ring_fits(const struct hadal_ring *ring, u64 reserve, u32 size)
{
	/* As hadal_ring_room_at(). */
	u32 used = HADAL_COMMIT_POSITION(reserve) - smp_load_acquire(&ring->consumer->position);

	return (u64)used + size <= ring->size;
}

static inline u32 hadal_ring_enter(struct hadal_ring *ring)
{
	u32 nest = READ_ONCE(ring->nest) + 1;

	/* An interrupt puts nest back to what it found: no atomic needed. */
	WRITE_ONCE(ring->nest, nest);
	/* By nested ones, too: who published while the outermost put nest back cleared it. */
	WRITE_ONCE(ring->producer->busy, 1);
	/* The clock is read after this; see hadal.h on time order. */
	barrier();
	return nest;
}

/* Publishes all that was reserved; returns what. */
static inline u64 hadal_ring_publish(struct hadal_ring *ring)
{
	u64 reserve;

	for (;;) {
		reserve = READ_ONCE(ring->reserve);
		/* Pairs with the reader's load-acquire of commit. */
		smp_store_release(&ring->producer->commit, reserve);
		barrier();
		WRITE_ONCE(ring->nest, 0);
		barrier();
		/* A writer that came before nest was 0 did not publish. */
		if (likely(reserve == READ_ONCE(ring->reserve)))
			break;
		WRITE_ONCE(ring->nest, 1);
		barrier();
	}
	/* Pairs with the reader's load-acquire of busy. */
	smp_store_release(&ring->producer->busy, 0);
	return reserve;
}

static inline struct hadal_record *hadal_ring_start_record(struct hadal_ring *ring, u64 reserve,
							   u64 time, u32 size, u16 type, u8 class)
{
	struct hadal_record *record;

	record = (void *)(ring->data + (HADAL_COMMIT_POSITION(reserve) & (ring->size - 1)));
	record->size = size;
	record->type = type;
	record->record_class = class;
	record->lane = ring->lane;
	record->time = time;
	record->sequence = HADAL_COMMIT_SEQUENCE(reserve);
	record->cpu = ring->cpu;
	return record;
}

static inline void hadal_ring_count_delivered(struct hadal_ring *ring, u32 size, u8 class)
{
	struct hadal_ring_counters *counters = &ring->counters[class];

	local64_inc(&counters->produced);
	local64_inc(&counters->delivered);
	local64_add(size, &counters->bytes);
}

/*
 * Nothing may stand behind a gap but the LOST that tells it. The outermost writer
 * tells; one that has interrupted it, or finds no room for LOST, is lost as well.
 */
static inline bool hadal_ring_has_untold(const struct hadal_ring *ring)
{
	return (u64)local64_read(&ring->lost_total) != ring->lost_total_reported;
}

/**
 * hadal_ring_begin() - reserve a record
 * @ring: of this CPU
 * @size: bytes, a multiple of 8, at most the ring's size
 * @type: enum hadal_record_type
 * @class: enum hadal_class
 *
 * Preemption must be disabled, on the ring's CPU; no NMI. Whatever it returns,
 * hadal_ring_end() must follow.
 *
 * Return: the record with its header filled in, or NULL: full, counted as lost.
 */
static inline struct hadal_record *hadal_ring_begin(struct hadal_ring *ring, u32 size, u16 type,
						    u8 class)
{
	u32 nest = hadal_ring_enter(ring);
	u64 old, time;

	for (;;) {
		old = READ_ONCE(ring->reserve);
		if (unlikely(hadal_ring_has_untold(ring))) {
			if (nest == 1 && hadal_ring_tell_lost(ring))
				continue;
			break;
		}
		if (unlikely(!hadal_ring_fits(ring, old, size)))
			break;
		/* Between load and exchange: nested writers keep time order. */
		time = ktime_get_ns();
		if (unlikely(cmpxchg_local(&ring->reserve, old, hadal_ring_advance(old, size)) != old))
			continue;
		hadal_ring_count_delivered(ring, size, class);
		return hadal_ring_start_record(ring, old, time, size, type, class);
	}
	hadal_ring_lose(ring, class);
	return NULL;
}

/**
 * hadal_ring_end() - the record is written, or was none
 * @ring: of the last hadal_ring_begin()
 *
 * Return: true if as much is unread as should wake the reader. A nested writer
 * leaves that to the outermost, which publishes.
 */
static inline bool hadal_ring_end(struct hadal_ring *ring)
{
	u32 nest = READ_ONCE(ring->nest);
	u64 published;

	barrier();
	if (unlikely(nest > 1)) {
		WRITE_ONCE(ring->nest, nest - 1);
		return false;
	}
	published = hadal_ring_publish(ring);
	return HADAL_COMMIT_POSITION(published) - READ_ONCE(ring->consumer->position) >=
	       ring->watermark;
}

#endif /* HADAL_RING_H */
