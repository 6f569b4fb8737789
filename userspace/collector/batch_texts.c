// SPDX-License-Identifier: MIT
#include "batch_texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "batch.h"
#include "table.h"
#include "utf8.h"

enum {
	SLOTS_MIN = 256,
	GIVEN = 128,
};

/* Keys and names are the same literals over and over: by where they stand they are found without a hash. */
struct hadal_batch_given {
	const char *from;	/* compared, and never followed */
	const char *text;
};

static uint32_t hash_bytes(const void *bytes, size_t size)
{
	return (uint32_t)XXH3_64bits(bytes, size);
}

/* Where it is, or where it would be put. */
static struct hadal_batch_text **slot_of(const struct hadal_batch_texts *texts, const void *bytes, size_t size,
					 uint32_t hash)
{
	const uint32_t mask = texts->slot_count - 1;
	uint32_t at = hash & mask;

	for (; texts->slots[at]; at = (at + 1) & mask) {
		const struct hadal_batch_text *text = texts->slots[at];

		if (text->hash == hash && text->size == size && !memcmp(text->bytes, bytes, size))
			break;
	}
	return &texts->slots[at];
}

static int make_room(struct hadal_batch_texts *texts)
{
	const uint32_t more = texts->slot_count ? 2 * texts->slot_count : SLOTS_MIN;
	struct hadal_batch_text **slots;

	if (texts->count < texts->slot_count / 2)
		return 0;
	slots = more ? calloc(more, sizeof(*slots)) : NULL;
	if (!slots)
		return -ENOMEM;
	free(texts->slots);
	texts->slots = slots;
	texts->slot_count = more;
	for (struct hadal_batch_text *text = texts->first; text; text = text->next)
		*slot_of(texts, text->bytes, text->size, text->hash) = text;
	return 0;
}

static struct hadal_batch_text *new_text(struct hadal_batch *batch, const void *bytes, size_t size, uint32_t hash)
{
	struct hadal_batch_text *text;
	int error = make_room(&batch->texts);

	text = error ? NULL : hadal_arena_take(&batch->arena, sizeof(*text) + size + 1, &error);
	if (!text) {
		if (!batch->error)
			batch->error = error;
		return NULL;
	}
	*text = (struct hadal_batch_text){ .hash = hash, .size = (uint32_t)size };
	memcpy(text->bytes, bytes, size);
	text->bytes[size] = '\0';
	return text;
}

static const char *add_text(struct hadal_batch_texts *texts, struct hadal_batch_text *text)
{
	*slot_of(texts, text->bytes, text->size, text->hash) = text;
	text->number = texts->count++;
	if (texts->last)
		texts->last->next = text;
	else
		texts->first = text;
	texts->last = text;
	return text->bytes;
}

static const char *find_text(const struct hadal_batch_texts *texts, const void *bytes, size_t size, uint32_t hash)
{
	const struct hadal_batch_text *text = texts->slot_count ? *slot_of(texts, bytes, size, hash) : NULL;

	return text ? text->bytes : NULL;
}

/* What is there is sane: of what is found no byte need be looked at. */
static const char *text_of(struct hadal_batch *batch, const char *bytes, size_t size, bool sane)
{
	const uint32_t hash = hash_bytes(bytes, size);
	const char *found = find_text(&batch->texts, bytes, size, hash);
	struct hadal_batch_text *text;

	if (found || !sane)
		return found;
	text = new_text(batch, bytes, size, hash);
	return text ? add_text(&batch->texts, text) : NULL;
}

/* Made a text if it is none yet. */
static const char *text_as(struct hadal_batch *batch, const char *from)
{
	char sane[HADAL_STRING_MAX + 1];
	const size_t size = strnlen(from, sizeof(sane));
	const char *found = size < sizeof(sane) ? text_of(batch, from, size, false) : NULL;
	bool cut = false;
	size_t sane_size;

	if (found)
		return found;
	sane_size = hadal_utf8_sane(sane, from, HADAL_STRING_MAX, &cut);
	batch->counts.truncated += cut;
	return text_of(batch, sane, sane_size, true);
}

static struct hadal_batch_given *given_from(struct hadal_batch *batch, const char *from)
{
	int error = 0;

	if (!batch->texts.given)
		batch->texts.given = hadal_arena_alloc(&batch->arena, GIVEN * sizeof(struct hadal_batch_given), &error);
	return batch->texts.given ? &batch->texts.given[table_hash_step(0, (uintptr_t)from) % GIVEN] : NULL;
}

const char *hadal_batch_text(struct hadal_batch *batch, const char *from)
{
	struct hadal_batch_given *given = given_from(batch, from);
	const char *text;

	/* Another string may stand there by now. */
	if (given && given->from == from && strcmp(given->text, from) == 0)
		return given->text;
	text = text_as(batch, from);
	if (given && text)
		*given = (struct hadal_batch_given){ from, text };
	return text;
}

const char *hadal_batch_text_read(struct hadal_batch *batch, const void *bytes, size_t size)
{
	const uint32_t hash = hash_bytes(bytes, size);
	struct hadal_batch_text *text;

	if (size > HADAL_STRING_MAX || find_text(&batch->texts, bytes, size, hash))
		return NULL;
	text = new_text(batch, bytes, size, hash);
	return text && hadal_utf8_valid(text->bytes, size) ? add_text(&batch->texts, text) : NULL;
}
