// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writers run on the ring's own CPU with preemption disabled. One may be
 * interrupted by another at any instruction, and that one finishes first. So
 * a compare-and-exchange without the bus lock reserves, and the outermost
 * writer publishes all that was written, as kernel/events/ring_buffer.c does.
 *
 * Sequence number and position change in one exchange: each record that was
 * due takes a number, also the one that found the ring full.
 */
#include "ring.h"

#ifdef __KERNEL__
#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/ktime.h>
#include <asm/barrier.h>
#include <asm/cmpxchg.h>
#endif

static inline u64 advance(u64 reserve, u32 bytes)
{
	u32 position = HADAL_COMMIT_POSITION(reserve) + bytes;
	u32 sequence = HADAL_COMMIT_SEQUENCE(reserve) + 1;

	return (u64)sequence << 32 | position;
}

/* What the reader says counts against itself alone: nonsense is a full ring. */
static inline u32 room_at(const struct hadal_ring *ring, u64 reserve)
{
	/* Pairs with the reader's store-release: it has read what we write over. */
	u32 used = HADAL_COMMIT_POSITION(reserve) - smp_load_acquire(&ring->consumer->position);

	return used > ring->size ? 0 : ring->size - used;
}

/**
 * hadal_ring_init() - set up all but the memory pointers
 * @ring: zeroed, but for its memory pointers
 * @size: bytes of data, a power of two
 * @watermark: bytes
 * @cpu: number of the CPU
 * @lane: enum hadal_lane
 */
void hadal_ring_init(struct hadal_ring *ring, u32 size, u32 watermark, u32 cpu, u8 lane)
{
	ring->size = size;
	ring->watermark = watermark;
	ring->cpu = cpu;
	ring->lane = lane;
	ring->producer->data_size = size;
	ring->producer->cpu = cpu;
	ring->producer->lane = lane;
}

/* Bytes between the published position and the reader's. */
u32 hadal_ring_unread(const struct hadal_ring *ring)
{
	return HADAL_COMMIT_POSITION(READ_ONCE(ring->producer->commit)) -
	       READ_ONCE(ring->consumer->position);
}

/* Bytes that can be written now. */
u32 hadal_ring_room(const struct hadal_ring *ring)
{
	return room_at(ring, READ_ONCE(ring->reserve));
}

static void enter(struct hadal_ring *ring)
{
	/* An interrupt puts nest back to what it found: no atomic needed. */
	WRITE_ONCE(ring->nest, READ_ONCE(ring->nest) + 1);
	if (ring->nest == 1)
		WRITE_ONCE(ring->producer->busy, 1);
	/* The clock is read after this; see hadal.h on time order. */
	barrier();
}

static void leave(struct hadal_ring *ring)
{
	u64 reserve;

	barrier();
	if (ring->nest > 1) {
		WRITE_ONCE(ring->nest, ring->nest - 1);
		return;
	}
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
}

static struct hadal_record *start_record(struct hadal_ring *ring, u64 reserve, u64 time,
					 u32 size, u16 type, u8 class)
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

static void count_delivered(struct hadal_ring *ring, u32 size, u8 class)
{
	struct hadal_ring_counters *counters = &ring->counters[class];

	local64_inc(&counters->produced);
	local64_inc(&counters->delivered);
	local64_add(size, &counters->bytes);
}

static void count_lost(struct hadal_ring *ring, u8 class)
{
	struct hadal_ring_counters *counters = &ring->counters[class];

	local64_inc(&counters->produced);
	local64_inc(&counters->lost);
	local64_inc(&ring->lost_total);
}

/*
 * Tells what was lost since the last LOST record. Only the outermost writer
 * does. The counts are read between reading the reservation and exchanging it:
 * a nested writer that lost one in between makes the exchange fail, so that
 * the counts are exactly those of the gap in front.
 */
static void tell_lost(struct hadal_ring *ring)
{
	const u32 size = sizeof(struct hadal_record_lost);
	u64 old = READ_ONCE(ring->reserve), seen, time, total;
	u64 lost[HADAL_CLASS_SLOTS];
	struct hadal_record_lost *record;
	int class;

	for (;;) {
		if (room_at(ring, old) < size)
			return;
		total = local64_read(&ring->lost_total);
		for (class = 0; class < HADAL_CLASS_SLOTS; class++)
			lost[class] = local64_read(&ring->counters[class].lost);
		time = ktime_get_ns();
		seen = cmpxchg_local(&ring->reserve, old, advance(old, size));
		if (seen == old)
			break;
		old = seen;
	}
	record = (void *)start_record(ring, old, time, size, HADAL_RECORD_LOST,
				      HADAL_CLASS_CONTROL);
	for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
		record->count[class] = (u32)(lost[class] - ring->lost_reported[class]);
		ring->lost_reported[class] = lost[class];
	}
	ring->lost_total_reported = total;
	count_delivered(ring, size, HADAL_CLASS_CONTROL);
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
struct hadal_record *hadal_ring_begin(struct hadal_ring *ring, u32 size, u16 type, u8 class)
{
	u64 old, new, seen, time;
	bool fits;

	enter(ring);
	if (ring->nest == 1 &&
	    unlikely((u64)local64_read(&ring->lost_total) != ring->lost_total_reported))
		tell_lost(ring);

	old = READ_ONCE(ring->reserve);
	for (;;) {
		fits = room_at(ring, old) >= size;
		/* Between load and exchange: nested writers keep time order. */
		time = ktime_get_ns();
		new = advance(old, fits ? size : 0);
		seen = cmpxchg_local(&ring->reserve, old, new);
		if (likely(seen == old))
			break;
		old = seen;
	}
	if (unlikely(!fits)) {
		count_lost(ring, class);
		return NULL;
	}
	count_delivered(ring, size, class);
	return start_record(ring, old, time, size, type, class);
}

/**
 * hadal_ring_end() - the record is written, or was none
 * @ring: of the last hadal_ring_begin()
 *
 * Return: true if as much is unread as should wake the reader.
 */
bool hadal_ring_end(struct hadal_ring *ring)
{
	leave(ring);
	return hadal_ring_unread(ring) >= ring->watermark;
}
