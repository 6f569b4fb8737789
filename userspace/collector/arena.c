// SPDX-License-Identifier: MIT
#include "arena.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 64 << 10 };

struct hadal_arena_chunk {
	struct hadal_arena_chunk *next;
	size_t used;
	size_t size;
	alignas(max_align_t) unsigned char data[];
};

static void *take(struct hadal_arena_chunk *chunk, size_t size)
{
	void *memory;

	if (!chunk || chunk->size - chunk->used < size)
		return NULL;
	memory = chunk->data + chunk->used;
	chunk->used += size;
	return memory;
}

/* Near the bound a chunk is as small as what is asked for. */
static size_t chunk_size(const struct hadal_arena *arena, size_t size)
{
	const size_t header = sizeof(struct hadal_arena_chunk);
	const size_t left = arena->limit - arena->taken;

	if (size > left || left - size < header)
		return 0;
	if (size < CHUNK_BYTES - header)
		return left < CHUNK_BYTES ? left : CHUNK_BYTES;
	return size + header;
}

static struct hadal_arena_chunk *grow(struct hadal_arena *arena, size_t size, int *error)
{
	const size_t bytes = chunk_size(arena, size);
	struct hadal_arena_chunk *chunk;

	if (!bytes) {
		*error = -ENOSPC;
		return NULL;
	}
	chunk = malloc(bytes);
	if (!chunk) {
		*error = -ENOMEM;
		return NULL;
	}
	chunk->used = 0;
	chunk->size = bytes - sizeof(*chunk);
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->taken += bytes;
	return chunk;
}

void *hadal_arena_take(struct hadal_arena *arena, size_t size, int *error)
{
	const size_t mask = alignof(max_align_t) - 1;
	void *memory;

	if (size > arena->limit) {
		*error = -ENOSPC;
		return NULL;
	}
	size = (size + mask) & ~mask;
	memory = take(arena->chunks, size);
	if (!memory)
		memory = take(grow(arena, size, error), size);
	return memory;
}

void *hadal_arena_alloc(struct hadal_arena *arena, size_t size, int *error)
{
	void *memory = hadal_arena_take(arena, size, error);

	return memory ? memset(memory, 0, size) : NULL;
}

void hadal_arena_free(struct hadal_arena *arena)
{
	while (arena->chunks) {
		struct hadal_arena_chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
	arena->taken = 0;
}
