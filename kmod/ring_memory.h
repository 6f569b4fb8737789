/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of rings: allocation, charging, mapping to user space.
 */
#ifndef HADAL_RING_MEMORY_H
#define HADAL_RING_MEMORY_H

#include <linux/mm_types.h>

#include "ring.h"

/**
 * struct hadal_ring_memory - a ring and its pages
 * @pages: producer page, then data pages twice in a row
 * @page_count: entries in @pages
 * @map: kernel mapping of @pages
 * @consumer: page that the reader writes
 */
struct hadal_ring_memory {
	struct hadal_ring ring;
	struct page **pages;
	unsigned int page_count;
	void *map;
	struct page *consumer;
};

#define HADAL_RING_SIZE_MIN	((u32)PAGE_SIZE)
#define HADAL_RING_SIZE_MAX	(1U << 27)

extern unsigned long hadal_ring_memory_max;

unsigned long hadal_ring_memory_used(void);
struct hadal_ring_memory *hadal_ring_memory_create(u32 size, u32 watermark, u32 cpu, u8 lane);
void hadal_ring_memory_destroy(struct hadal_ring_memory *memory);
int hadal_ring_memory_map_consumer(struct hadal_ring_memory *memory, struct vm_area_struct *vma);
int hadal_ring_memory_map_data(struct hadal_ring_memory *memory, struct vm_area_struct *vma);

#endif /* HADAL_RING_MEMORY_H */
