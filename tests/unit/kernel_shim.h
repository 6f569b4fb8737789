/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel as the ring needs, for user space. A nested writer is
 * a signal handler of the writing thread, or a call from within the clock.
 */
#ifndef HADAL_TESTS_KERNEL_SHIM_H
#define HADAL_TESTS_KERNEL_SHIM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

typedef struct {
	u64 value;
} local64_t;

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, value) __atomic_store_n(&(x), value, __ATOMIC_RELAXED)
#define smp_load_acquire(p) __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, value) __atomic_store_n(p, value, __ATOMIC_RELEASE)

static inline u64 local64_read(const local64_t *counter)
{
	return READ_ONCE(counter->value);
}

static inline void local64_add(u64 amount, local64_t *counter)
{
	__atomic_fetch_add(&counter->value, amount, __ATOMIC_RELAXED);
}

static inline void local64_inc(local64_t *counter)
{
	local64_add(1, counter);
}

static inline u64 cmpxchg_local(u64 *place, u64 old, u64 new)
{
	__atomic_compare_exchange_n(place, &old, new, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return old;
}

/* The test's clock, in ns. */
u64 ktime_get_ns(void);

#endif /* HADAL_TESTS_KERNEL_SHIM_H */
