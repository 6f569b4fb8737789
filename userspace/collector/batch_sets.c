// SPDX-License-Identifier: MIT
#include "batch_sets.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "table.h"

enum { SLOTS_MIN = 128 };

/* A set in the making. */
struct draft {
	struct hadal_telemetry_attribute list[HADAL_ATTRIBUTES_MAX];
	size_t count;
	uint64_t hash;
};

static int fail(struct hadal_batch *batch, int error)
{
	if (!batch->error)
		batch->error = error;
	return error;
}

/* What stands there is anything. */
static void *take(struct hadal_batch *batch, size_t size)
{
	int error = 0;
	void *memory = hadal_arena_take(&batch->arena, size, &error);

	if (!memory)
		fail(batch, error);
	return memory;
}

/* ---- attributes ---- */

static int copy_strings(struct hadal_batch *batch, struct hadal_telemetry_attribute *attribute)
{
	const size_t count = attribute->strings.count;
	const char **list;

	if (count > HADAL_STRINGS_MAX)
		return fail(batch, -E2BIG);
	list = take(batch, count * sizeof(*list));
	if (!list)
		return batch->error;
	for (size_t i = 0; i < count; i++) {
		if (!attribute->strings.list[i])
			return fail(batch, -EINVAL);
		list[i] = hadal_batch_text(batch, attribute->strings.list[i]);
		if (!list[i])
			return batch->error;
	}
	attribute->strings.list = list;
	return 0;
}

static int copy_attribute(struct hadal_batch *batch, struct hadal_telemetry_attribute *to,
			  const struct hadal_telemetry_attribute *from)
{
	*to = *from;
	if (!from->key || !*from->key)
		return fail(batch, -EINVAL);
	to->key = hadal_batch_text(batch, from->key);
	if (!to->key)
		return batch->error;
	switch (from->type) {
	case HADAL_VALUE_STRING:
		to->string = hadal_batch_text(batch, from->string);
		return to->string ? 0 : batch->error;
	case HADAL_VALUE_STRINGS:
		return copy_strings(batch, to);
	case HADAL_VALUE_INT:
	case HADAL_VALUE_DOUBLE:
	case HADAL_VALUE_BOOL:
		return 0;
	}
	return fail(batch, -EINVAL);
}

/* Marks @key as one of the set that was begun last. Returns whether it was one already. */
static bool mark_key(struct hadal_batch *batch, const char *key)
{
	/* Whoever makes the set owns the batch, and with it its texts. */
	struct hadal_batch_text *text = (struct hadal_batch_text *)(uintptr_t)hadal_batch_text_of(key);
	const bool marked = text->key_of == batch->sets.drafts;

	text->key_of = batch->sets.drafts;
	return marked;
}

static bool left_out(const struct hadal_telemetry_attribute *attribute)
{
	return attribute->type == HADAL_VALUE_STRING && !attribute->string;
}

/* ---- which is which ---- */

static uint64_t hash_strings(uint64_t hash, const struct hadal_telemetry_attribute *attribute)
{
	for (size_t i = 0; i < attribute->strings.count; i++)
		hash = table_hash_step(hash, hadal_batch_text_of(attribute->strings.list[i])->number);
	return table_hash_step(hash, attribute->strings.count);
}

static uint64_t hash_value(uint64_t hash, const struct hadal_telemetry_attribute *attribute)
{
	uint64_t bits;

	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		return table_hash_step(hash, hadal_batch_text_of(attribute->string)->number);
	case HADAL_VALUE_INT:
		return table_hash_step(hash, (uint64_t)attribute->integer);
	case HADAL_VALUE_DOUBLE:
		memcpy(&bits, &attribute->real, sizeof(bits));
		return table_hash_step(hash, bits);
	case HADAL_VALUE_BOOL:
		return table_hash_step(hash, attribute->boolean);
	case HADAL_VALUE_STRINGS:
		return hash_strings(hash, attribute);
	}
	return hash;
}

/* Of this batch alone: texts by their numbers. Those before @from are in the hash already. */
static void hash_draft(struct draft *draft, size_t from)
{
	for (size_t i = from; i < draft->count; i++) {
		const struct hadal_telemetry_attribute *attribute = &draft->list[i];
		const uint64_t key = hadal_batch_text_of(attribute->key)->number;

		draft->hash = hash_value(table_hash_step(draft->hash, key << 8 | attribute->type), attribute);
	}
}

/* Its list is not zeroed: it is long, and most sets are short. */
static void begin_draft(struct hadal_batch *batch, struct draft *draft)
{
	batch->sets.drafts++;
	draft->count = 0;
	draft->hash = 1;
}

static int add_to_draft(struct hadal_batch *batch, struct draft *draft, const struct hadal_telemetry_attribute *from)
{
	struct hadal_telemetry_attribute *to = &draft->list[draft->count];
	int ret;

	if (left_out(from))
		return 0;
	if (draft->count == HADAL_ATTRIBUTES_MAX)
		return fail(batch, -E2BIG);
	ret = copy_attribute(batch, to, from);
	if (ret)
		return ret;
	if (mark_key(batch, to->key))
		return fail(batch, -EEXIST);
	draft->count++;
	return 0;
}

static bool same_value(const struct hadal_telemetry_attribute *a, const struct hadal_telemetry_attribute *b)
{
	switch (a->type) {
	case HADAL_VALUE_STRING:
		return a->string == b->string;
	case HADAL_VALUE_INT:
		return a->integer == b->integer;
	case HADAL_VALUE_DOUBLE:
		return !memcmp(&a->real, &b->real, sizeof(a->real));
	case HADAL_VALUE_BOOL:
		return a->boolean == b->boolean;
	case HADAL_VALUE_STRINGS:
		return a->strings.count == b->strings.count &&
		       !memcmp(a->strings.list, b->strings.list, a->strings.count * sizeof(*a->strings.list));
	}
	return false;
}

static bool same_list(const struct hadal_attributes *set, const struct draft *draft)
{
	if (set->count != draft->count)
		return false;
	for (size_t i = 0; i < set->count; i++) {
		const struct hadal_telemetry_attribute *a = &set->list[i], *b = &draft->list[i];

		if (a->key != b->key || a->type != b->type || !same_value(a, b))
			return false;
	}
	return true;
}

/* ---- the table ---- */

static const struct hadal_attributes *find(const struct hadal_batch_sets *sets, const struct draft *draft)
{
	const uint32_t mask = sets->slot_count - 1;

	for (uint32_t at = (uint32_t)draft->hash & mask; sets->slot_count && sets->slots[at]; at = (at + 1) & mask)
		if (sets->slots[at]->hash == draft->hash && same_list(sets->slots[at], draft))
			return sets->slots[at];
	return NULL;
}

static void put(struct hadal_batch_sets *sets, struct hadal_attributes *set)
{
	const uint32_t mask = sets->slot_count - 1;
	uint32_t at = (uint32_t)set->hash & mask;

	while (sets->slots[at])
		at = (at + 1) & mask;
	sets->slots[at] = set;
	sets->taken++;
}

static int make_room(struct hadal_batch_sets *sets)
{
	const uint32_t more = sets->slot_count ? 2 * sets->slot_count : SLOTS_MIN;
	struct hadal_attributes **slots;

	if (sets->taken < sets->slot_count / 2)
		return 0;
	slots = more ? calloc(more, sizeof(struct hadal_attributes *)) : NULL;
	if (!slots)
		return -ENOMEM;
	free(sets->slots);
	sets->slots = slots;
	sets->slot_count = more;
	sets->taken = 0;
	for (struct hadal_attributes *set = sets->first; set; set = set->next)
		if (set->hash)
			put(sets, set);
	return 0;
}

static struct hadal_attributes *add(struct hadal_batch *batch, const struct hadal_telemetry_attribute *list, size_t count)
{
	struct hadal_attributes *set = take(batch, sizeof(*set));
	struct hadal_telemetry_attribute *own = take(batch, count * sizeof(*own));

	if (!set || !own)
		return NULL;
	memcpy(own, list, count * sizeof(*own));
	*set = (struct hadal_attributes){ .list = own, .count = count, .number = batch->sets.count++ };
	*batch->sets.last = set;
	batch->sets.last = &set->next;
	return set;
}

static const struct hadal_attributes *set_of(struct hadal_batch *batch, const struct draft *draft)
{
	const struct hadal_attributes *found = find(&batch->sets, draft);
	struct hadal_attributes *set;

	if (found)
		return found;
	if (make_room(&batch->sets)) {
		fail(batch, -ENOMEM);
		return &batch->failed_attributes;
	}
	set = add(batch, draft->list, draft->count);
	if (!set)
		return &batch->failed_attributes;
	set->hash = draft->hash;
	put(&batch->sets, set);
	return set;
}

static int fill_draft(struct hadal_batch *batch, struct draft *draft, const struct hadal_telemetry_attribute *list,
		      size_t count)
{
	begin_draft(batch, draft);
	for (size_t i = 0; i < count; i++)
		if (add_to_draft(batch, draft, &list[i]))
			return batch->error;
	return 0;
}

const struct hadal_attributes *hadal_batch_attributes(struct hadal_batch *batch,
						      const struct hadal_telemetry_attribute *list, size_t count)
{
	struct draft draft;

	if (fill_draft(batch, &draft, list, count))
		return &batch->failed_attributes;
	hash_draft(&draft, 0);
	return set_of(batch, &draft);
}

const struct hadal_attributes *hadal_batch_attributes_once(struct hadal_batch *batch,
							   const struct hadal_telemetry_attribute *list, size_t count)
{
	const struct hadal_attributes *set = NULL;
	struct draft draft;

	if (!fill_draft(batch, &draft, list, count))
		set = add(batch, draft.list, draft.count);
	return set ? set : &batch->failed_attributes;
}

const struct hadal_attributes *hadal_batch_attributes_with(struct hadal_batch *batch, const struct hadal_attributes *set,
							   struct hadal_telemetry_attribute more)
{
	struct draft draft;

	if (set == &batch->failed_attributes)
		return set;
	begin_draft(batch, &draft);
	for (size_t i = 0; i < set->count; i++)
		mark_key(batch, set->list[i].key);
	memcpy(draft.list, set->list, set->count * sizeof(set->list[0]));
	draft.count = set->count;
	draft.hash = set->hash;
	if (add_to_draft(batch, &draft, &more))
		return &batch->failed_attributes;
	hash_draft(&draft, set->count);
	return set_of(batch, &draft);
}

/* It is not looked for again: what reads it has its number. */
const struct hadal_attributes *hadal_batch_attributes_read(struct hadal_batch *batch,
							   const struct hadal_telemetry_attribute *list, size_t count)
{
	return add(batch, list, count);
}

struct hadal_key hadal_attributes_key(const struct hadal_attributes *set)
{
	/* Whoever asks owns the batch, and with it what its sets keep. */
	struct hadal_attributes *own = (struct hadal_attributes *)(uintptr_t)set;

	if (!set)
		return (struct hadal_key){ 0 };
	if (!own->has_key) {
		own->key = hadal_key_of_attributes(set->list, set->count);
		own->has_key = true;
	}
	return own->key;
}
