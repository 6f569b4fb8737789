/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As much of the kernel as the ring and the table of connections need, for user
 * space. A nested writer is a signal handler of the writing thread, or a call
 * from within the clock. A thread is a CPU; the test says which.
 */
#ifndef HADAL_TESTS_KERNEL_SHIM_H
#define HADAL_TESTS_KERNEL_SHIM_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
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
#define noinline __attribute__((noinline))
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

/* ---- numbers ---- */

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define clamp(value, low, high) min(max(value, low), high)
#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

static inline unsigned int order_base_2(unsigned int number)
{
	return number > 1 ? 32 - (unsigned int)__builtin_clz(number - 1) : 0;
}

static inline u32 hash_ptr(const void *pointer, unsigned int bits)
{
	return (u32)((u64)(uintptr_t)pointer * 0x61c8864680b583ebULL >> (64 - bits));
}

/* ---- atomics ---- */

typedef struct {
	int value;
} atomic_t;

typedef struct {
	int64_t value;
} atomic64_t;

#define atomic_read(counter) READ_ONCE((counter)->value)
#define atomic_set(counter, number) WRITE_ONCE((counter)->value, number)
#define atomic_inc_return(counter) __atomic_add_fetch(&(counter)->value, 1, __ATOMIC_SEQ_CST)
#define atomic_dec(counter) ((void)__atomic_sub_fetch(&(counter)->value, 1, __ATOMIC_RELAXED))
#define atomic64_read(counter) ((u64)READ_ONCE((counter)->value))
#define atomic64_inc_return(counter) \
	((u64)__atomic_add_fetch(&(counter)->value, 1, __ATOMIC_SEQ_CST))
#define atomic64_inc(counter) ((void)__atomic_add_fetch(&(counter)->value, 1, __ATOMIC_RELAXED))

/* ---- CPUs: threads of a test, each with a number of its own ---- */

#define SHIM_CPUS 8

extern __thread unsigned int shim_cpu;

#define DEFINE_PER_CPU(type, name) type name[SHIM_CPUS]
#define per_cpu(name, cpu) ((name)[cpu])
#define this_cpu_ptr(name) (&(*(name))[shim_cpu])
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < SHIM_CPUS; (cpu)++)

/* ---- locks; nothing interrupts a thread where interrupts would be off ---- */

typedef pthread_mutex_t raw_spinlock_t;

#define DEFINE_RAW_SPINLOCK(name) raw_spinlock_t name = PTHREAD_MUTEX_INITIALIZER
#define local_irq_save(flags) ((void)((flags) = 0))
#define local_irq_restore(flags) ((void)(flags))
#define raw_spin_lock_init(lock) pthread_mutex_init(lock, NULL)
#define raw_spin_lock(lock) pthread_mutex_lock(lock)
#define raw_spin_unlock(lock) pthread_mutex_unlock(lock)
#define raw_spin_lock_irqsave(lock, flags) ((void)((flags) = 0), raw_spin_lock(lock))
#define raw_spin_unlock_irqrestore(lock, flags) ((void)(flags), raw_spin_unlock(lock))

/* ---- memory, which fails where the test wants it to ---- */

#define GFP_KERNEL 0

void *kvcalloc(size_t count, size_t size, int flags);
void kvfree(void *memory);

/* ---- a parameter: the test sets it through shim_NAME() ---- */

typedef unsigned int uint;

#define module_param(name, type, mode)	\
	type *shim_##name(void);	\
	type *shim_##name(void)		\
	{				\
		return &name;		\
	}				\
	_Static_assert(mode, "a mode")
#define MODULE_PARM_DESC(name, text) _Static_assert(sizeof(text) > 1, "a description")

/* ---- lists ---- */

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#define HLIST_HEAD(name) struct hlist_head name = { NULL }
#define INIT_HLIST_HEAD(head) ((head)->first = NULL)
#define hlist_entry(node, type, member) container_of(node, type, member)
#define hlist_entry_safe(node, type, member) \
	({ struct hlist_node *node_ = (node); node_ ? hlist_entry(node_, type, member) : NULL; })
#define hlist_for_each_entry(entry, head, member)					\
	for (entry = hlist_entry_safe((head)->first, typeof(*(entry)), member); entry;	\
	     entry = hlist_entry_safe((entry)->member.next, typeof(*(entry)), member))

static inline bool hlist_empty(const struct hlist_head *head)
{
	return !READ_ONCE(head->first);
}

static inline void hlist_add_head(struct hlist_node *node, struct hlist_head *head)
{
	struct hlist_node *first = head->first;

	node->next = first;
	if (first)
		first->pprev = &node->next;
	WRITE_ONCE(head->first, node);
	node->pprev = &head->first;
}

static inline void __hlist_del(struct hlist_node *node)
{
	WRITE_ONCE(*node->pprev, node->next);
	if (node->next)
		node->next->pprev = node->pprev;
}

static inline void hlist_del(struct hlist_node *node)
{
	__hlist_del(node);
	node->next = (void *)0x100;
	node->pprev = (void *)0x122;
}

#endif /* HADAL_TESTS_KERNEL_SHIM_H */
