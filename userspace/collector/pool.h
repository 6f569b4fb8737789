/* SPDX-License-Identifier: MIT */
/*
 * Memory for things of one size that come and go with each record: the last that
 * was given back is the next that is handed out, and is in the cache still. It
 * holds no more than were in use at once, which the table's bound limits.
 */
#ifndef HADALD_POOL_H
#define HADALD_POOL_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Under a sanitizer each is malloc's own: it would not see what is used after it was given back. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_KEEPS 0
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define POOL_KEEPS 0
#endif
#ifndef POOL_KEEPS
#define POOL_KEEPS 1
#endif

struct pool_free {
	struct pool_free *next;
};

/* All zero: an empty one. */
struct pool {
	struct pool_free *free;
};

/* @size bytes of zeros, the same size for all of a pool; NULL: no memory. */
static inline void *pool_get(struct pool *pool, size_t size)
{
	struct pool_free *taken = pool->free;

	if (!taken)
		return calloc(1, size);
	pool->free = taken->next;
	return memset(taken, 0, size);
}

static inline void pool_put(struct pool *pool, void *given)
{
	struct pool_free *entry = given;

	if (!POOL_KEEPS) {
		free(given);
		return;
	}
	entry->next = pool->free;
	pool->free = entry;
}

static inline void pool_clear(struct pool *pool)
{
	struct pool_free *entry;

	while ((entry = pool->free)) {
		pool->free = entry->next;
		free(entry);
	}
}

#endif
