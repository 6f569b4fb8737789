// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "ring_memory.h"

unsigned long hadal_ring_memory_max = 256UL << 20;
module_param_named(ring_memory_max, hadal_ring_memory_max, ulong, 0644);
MODULE_PARM_DESC(ring_memory_max, "bytes that the rings of all sessions may take together");

static atomic_long_t ring_memory_used;

/* Bytes of all rings, the pages for positions included. */
unsigned long hadal_ring_memory_used(void)
{
	return atomic_long_read(&ring_memory_used);
}

static unsigned long footprint(u32 size)
{
	return size + 2 * PAGE_SIZE;
}

static bool charge(u32 size)
{
	if (atomic_long_add_return(footprint(size), &ring_memory_used) <=
	    READ_ONCE(hadal_ring_memory_max))
		return true;
	atomic_long_sub(footprint(size), &ring_memory_used);
	return false;
}

static struct page *ring_page(int node)
{
	return alloc_pages_node(node, GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN, 0);
}

static void free_pages_of(struct hadal_ring_memory *memory, unsigned int data_pages)
{
	unsigned int i;

	for (i = 0; i < 1 + data_pages; i++)
		if (memory->pages[i])
			__free_page(memory->pages[i]);
	if (memory->consumer)
		__free_page(memory->consumer);
}

static int alloc_pages_of(struct hadal_ring_memory *memory, unsigned int data_pages, int node)
{
	unsigned int i;

	for (i = 0; i < 1 + data_pages; i++) {
		memory->pages[i] = ring_page(node);
		if (!memory->pages[i])
			return -ENOMEM;
		if (i > 0)
			memory->pages[i + data_pages] = memory->pages[i];
	}
	memory->consumer = ring_page(node);
	return memory->consumer ? 0 : -ENOMEM;
}

/**
 * hadal_ring_memory_create() - make a ring, empty
 * @size: bytes of data, a power of two of at least a page
 * @watermark: bytes
 * @cpu: number of the CPU
 * @lane: enum hadal_lane
 *
 * May sleep. Charged to the caller's memory cgroup and to ring_memory_max.
 *
 * Return: the ring, freed with hadal_ring_memory_destroy(); ERR_PTR(-ENOSPC)
 * over ring_memory_max, -ENOMEM.
 */
struct hadal_ring_memory *hadal_ring_memory_create(u32 size, u32 watermark, u32 cpu, u8 lane)
{
	unsigned int data_pages = size >> PAGE_SHIFT;
	int node = cpu_to_node(cpu), error = -ENOMEM;
	struct hadal_ring_memory *memory;

	if (!charge(size))
		return ERR_PTR(-ENOSPC);
	memory = kzalloc_node(sizeof(*memory), GFP_KERNEL_ACCOUNT, node);
	if (!memory)
		goto uncharge;
	memory->page_count = 1 + 2 * data_pages;
	memory->pages = kvcalloc(memory->page_count, sizeof(*memory->pages), GFP_KERNEL_ACCOUNT);
	if (!memory->pages)
		goto free_memory;
	error = alloc_pages_of(memory, data_pages, node);
	if (error)
		goto free_pages;
	error = -ENOMEM;
	memory->map = vmap(memory->pages, memory->page_count, VM_MAP, PAGE_KERNEL);
	if (!memory->map)
		goto free_pages;

	memory->ring.producer = memory->map;
	memory->ring.data = memory->map + PAGE_SIZE;
	memory->ring.consumer = page_address(memory->consumer);
	hadal_ring_init(&memory->ring, size, watermark, cpu, lane);
	return memory;

free_pages:
	free_pages_of(memory, data_pages);
	kvfree(memory->pages);
free_memory:
	kfree(memory);
uncharge:
	atomic_long_sub(footprint(size), &ring_memory_used);
	return ERR_PTR(error);
}

/* No writer may be under way. Pages that are still mapped live on until unmapped. */
void hadal_ring_memory_destroy(struct hadal_ring_memory *memory)
{
	u32 size;

	if (!memory)
		return;
	size = memory->ring.size;
	vunmap(memory->map);
	free_pages_of(memory, size >> PAGE_SHIFT);
	kvfree(memory->pages);
	kfree(memory);
	atomic_long_sub(footprint(size), &ring_memory_used);
}

static int check_length(struct vm_area_struct *vma, unsigned int pages)
{
	if (!(vma->vm_flags & VM_SHARED) || vma_pages(vma) != pages)
		return -EINVAL;
	return 0;
}

int hadal_ring_memory_map_consumer(struct hadal_ring_memory *memory, struct vm_area_struct *vma)
{
	int error = check_length(vma, 1);

	if (error)
		return error;
	hadal_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC);
	return vm_map_pages_zero(vma, &memory->consumer, 1);
}

/* Read-only for good: mprotect() can't make it writable. */
int hadal_ring_memory_map_data(struct hadal_ring_memory *memory, struct vm_area_struct *vma)
{
	int error = check_length(vma, memory->page_count);

	if (error)
		return error;
	if (vma->vm_flags & VM_WRITE)
		return -EPERM;
	hadal_vm_flags_mod(vma, VM_DONTEXPAND | VM_DONTDUMP, VM_MAYEXEC | VM_MAYWRITE);
	return vm_map_pages_zero(vma, memory->pages, memory->page_count);
}
