/* SPDX-License-Identifier: MIT */
/*
 * Every acquire and release of the rings, and what it pairs with.
 */
#ifndef LIBHADAL_BARRIER_H
#define LIBHADAL_BARRIER_H

#include <stdint.h>

#include <hadal/uapi.h>

/*
 * Pairs with the module's store-release of busy = 0 when a writer leaves: who
 * reads 0 here sees in the commit loaded after it all that this writer and
 * those before it published.
 */
static inline uint32_t load_busy(const struct hadal_ring_producer *producer)
{
	return __atomic_load_n(&producer->busy, __ATOMIC_ACQUIRE);
}

/*
 * Pairs with the module's store-release of commit, which follows the stores of
 * the records: they are read whole up to the position loaded here.
 */
static inline uint64_t load_commit(const struct hadal_ring_producer *producer)
{
	return __atomic_load_n(&producer->commit, __ATOMIC_ACQUIRE);
}

/*
 * Pairs with the module's load of position before it writes: all loads of
 * records before the position are done when it may write over them.
 */
static inline void store_position(struct hadal_ring_consumer *consumer, uint32_t position)
{
	__atomic_store_n(&consumer->position, position, __ATOMIC_RELEASE);
}

/* Between two looks at a busy writer. */
static inline void relax(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield" ::: "memory");
#endif
}

#endif
