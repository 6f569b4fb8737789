// SPDX-License-Identifier: MIT
/* What any thread may ask of the records in the spool, and read. */
#include "spool_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Under the lock. */
static struct memory_record *find_memory(const struct hadal_spool *spool, uint64_t sequence)
{
	struct memory_record *record = spool->first_memory;

	while (record && record->record.entry.sequence < sequence)
		record = record->next;
	return record;
}

static int copy_memory(const struct memory_record *from, struct hadal_spool_record *record)
{
	record->entry = from->record.entry;
	record->data = malloc(record->entry.size ? record->entry.size : 1);
	if (!record->data)
		return -ENOMEM;
	memcpy(record->data, from->record.data, record->entry.size);
	return 0;
}

static void let_go(struct hadal_spool *spool, struct spool_segment *segment)
{
	bool free_it;

	pthread_mutex_lock(&spool->lock);
	free_it = !--segment->readers && segment->gone;
	pthread_mutex_unlock(&spool->lock);
	if (free_it)
		spool_segment_free(segment);
}

int hadal_spool_read(struct hadal_spool *spool, uint64_t sequence, struct hadal_spool_record *record)
{
	const struct memory_record *memory;
	struct spool_segment *segment;
	struct spool_slot slot = { 0 };
	int ret = -ENOENT;

	*record = (struct hadal_spool_record){ 0 };
	pthread_mutex_lock(&spool->lock);
	for (segment = spool->first; segment; segment = segment->next) {
		const struct spool_slot *found = spool_segment_find(segment, sequence);

		if (!found)
			continue;
		slot = *found;
		segment->readers++;
		break;
	}
	memory = segment ? NULL : find_memory(spool, sequence);
	if (memory)
		ret = copy_memory(memory, record);
	pthread_mutex_unlock(&spool->lock);
	if (!segment)
		return ret;
	record->entry = slot.entry;
	ret = spool_segment_read(segment, &slot, &record->data);
	let_go(spool, segment);
	return ret;
}

uint64_t hadal_spool_first(struct hadal_spool *spool, uint64_t sequence)
{
	const struct spool_slot *slot = NULL;
	const struct memory_record *memory;
	uint64_t first;

	pthread_mutex_lock(&spool->lock);
	for (const struct spool_segment *segment = spool->first; segment && !slot; segment = segment->next)
		slot = spool_segment_find(segment, sequence);
	memory = slot ? NULL : find_memory(spool, sequence);
	first = slot ? slot->entry.sequence : memory ? memory->record.entry.sequence : UINT64_MAX;
	pthread_mutex_unlock(&spool->lock);
	return first;
}

static void add_items(uint64_t *items, const struct hadal_spool_entry *entry)
{
	for (int i = 0; i < HADAL_SIGNALS; i++)
		items[i] += entry->items[i];
}

void hadal_spool_waiting(struct hadal_spool *spool, uint64_t sequence, uint64_t *items)
{
	pthread_mutex_lock(&spool->lock);
	for (const struct spool_segment *segment = spool->first; segment; segment = segment->next) {
		for (size_t i = 0; i < segment->count; i++) {
			if (segment->slots[i].entry.sequence >= sequence)
				add_items(items, &segment->slots[i].entry);
		}
	}
	for (struct memory_record *record = find_memory(spool, sequence); record; record = record->next)
		add_items(items, &record->record.entry);
	pthread_mutex_unlock(&spool->lock);
}

void hadal_spool_unsaved(struct hadal_spool *spool, uint64_t sequence, uint64_t *items)
{
	pthread_mutex_lock(&spool->lock);
	for (struct memory_record *record = find_memory(spool, sequence); record; record = record->next)
		add_items(items, &record->record.entry);
	pthread_mutex_unlock(&spool->lock);
}

void hadal_spool_release(struct hadal_spool *spool, uint64_t sequence)
{
	pthread_mutex_lock(&spool->lock);
	if (sequence > spool->released)
		spool->released = sequence;
	pthread_mutex_unlock(&spool->lock);
}
