/* SPDX-License-Identifier: MIT */
/* Memory that is taken piece by piece and given back at once, with a bound. */
#ifndef HADAL_ARENA_H
#define HADAL_ARENA_H

#include <stddef.h>

struct hadal_arena_chunk;

struct hadal_arena {
	struct hadal_arena_chunk *chunks;
	size_t taken;	/* bytes had from malloc */
	size_t limit;	/* bound of taken */
};

/**
 * hadal_arena_take() - take @size bytes, aligned for any type; what stands there is anything
 * @error: set to -ENOMEM or -ENOSPC (the bound is reached) on failure
 *
 * Return: the memory, which lives until hadal_arena_free(); NULL on failure.
 */
void *hadal_arena_take(struct hadal_arena *arena, size_t size, int *error);

/** hadal_arena_alloc() - the same, zeroed; for what is not written whole anyway. */
void *hadal_arena_alloc(struct hadal_arena *arena, size_t size, int *error);

/** hadal_arena_free() - give everything back; the arena may be used again. */
void hadal_arena_free(struct hadal_arena *arena);

#endif
