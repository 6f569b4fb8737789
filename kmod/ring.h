/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ring: one writer CPU, nested writers, one reader in user space. No
 * dependence on the rest of the module, so that it is tested in user space too.
 */
#ifndef HADAL_RING_H
#define HADAL_RING_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <asm/local64.h>
#else
#include "kernel_shim.h"
#endif

#include "hadal.h"

struct hadal_ring_counters {
	local64_t produced;
	local64_t delivered;
	local64_t lost;
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
	local64_t lost_total;
	struct hadal_ring_counters counters[HADAL_CLASS_SLOTS];
};

void hadal_ring_init(struct hadal_ring *ring, u32 size, u32 watermark, u32 cpu, u8 lane);
struct hadal_record *hadal_ring_begin(struct hadal_ring *ring, u32 size, u16 type, u8 class);
bool hadal_ring_end(struct hadal_ring *ring);
u32 hadal_ring_unread(const struct hadal_ring *ring);
u32 hadal_ring_room(const struct hadal_ring *ring);

#endif /* HADAL_RING_H */
