// SPDX-License-Identifier: GPL-2.0-only
#include "ring.h"

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
	return hadal_ring_room_at(ring, READ_ONCE(ring->reserve));
}

/**
 * hadal_ring_lose() - a record that was due is lost: it takes a number and no room
 * @ring: of this CPU
 * @class: enum hadal_class, for which it is counted
 *
 * Counted first, so that what interrupts before the number is taken writes nothing
 * behind it.
 */
void hadal_ring_lose(struct hadal_ring *ring, u8 class)
{
	struct hadal_ring_counters *counters = &ring->counters[class];
	u64 old;

	local64_inc(&ring->lost_total);
	local64_inc(&counters->produced);
	local64_inc(&counters->lost);
	do {
		old = READ_ONCE(ring->reserve);
	} while (cmpxchg_local(&ring->reserve, old, hadal_ring_advance(old, 0)) != old);
}

/**
 * hadal_ring_begin_governed() - as hadal_ring_begin() where the governor drops the record
 * @ring: of this CPU
 * @class: enum hadal_class, for which it is counted as lost
 */
void hadal_ring_begin_governed(struct hadal_ring *ring, u8 class)
{
	hadal_ring_enter(ring);
	hadal_ring_lose(ring, class);
	local64_inc(&ring->counters[class].governed);
}

/*
 * Tells what was lost since the last LOST record. Only the outermost writer
 * does. The counts are read between reading the reservation and exchanging it:
 * a nested writer that lost one in between makes the exchange fail, so that
 * the counts are exactly those of the gap in front. Returns whether there was room.
 */
bool hadal_ring_tell_lost(struct hadal_ring *ring)
{
	const u32 size = sizeof(struct hadal_record_lost);
	u64 old = READ_ONCE(ring->reserve), seen, time, total;
	u64 lost[HADAL_CLASS_SLOTS], governed[HADAL_CLASS_SLOTS];
	struct hadal_record_lost *record;
	int class;

	for (;;) {
		if (hadal_ring_room_at(ring, old) < size)
			return false;
		total = local64_read(&ring->lost_total);
		for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
			lost[class] = local64_read(&ring->counters[class].lost);
			governed[class] = local64_read(&ring->counters[class].governed);
		}
		time = ktime_get_ns();
		seen = cmpxchg_local(&ring->reserve, old, hadal_ring_advance(old, size));
		if (seen == old)
			break;
		old = seen;
	}
	record = (void *)hadal_ring_start_record(ring, old, time, size, HADAL_RECORD_LOST,
						 HADAL_CLASS_CONTROL);
	for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
		record->count[class] = (u32)(lost[class] - ring->lost_reported[class]);
		ring->lost_reported[class] = lost[class];
		record->governed[class] = (u32)(governed[class] - ring->governed_reported[class]);
		ring->governed_reported[class] = governed[class];
	}
	ring->lost_total_reported = total;
	hadal_ring_count_delivered(ring, size, HADAL_CLASS_CONTROL);
	return true;
}
