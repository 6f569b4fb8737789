/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "record_queue.h"

/* Bytes. */
enum {
	ROOM_FIRST = 64 * 1024,
	ROOM_KEPT = 1024 * 1024,	/* when nothing is in it */
};

void record_queue_init(struct record_queue *queue, size_t limit)
{
	*queue = (struct record_queue){ .limit = limit };
}

void record_queue_free(struct record_queue *queue)
{
	free(queue->bytes);
	*queue = (struct record_queue){ .limit = queue->limit };
}

/* What was read makes room before the memory grows. */
static bool make_room(struct record_queue *queue, size_t size)
{
	size_t used = queue->tail - queue->head, room = queue->room ? queue->room : ROOM_FIRST;
	unsigned char *bytes;

	if (queue->head) {
		memmove(queue->bytes, queue->bytes + queue->head, used);
		queue->head = 0;
		queue->tail = used;
	}
	while (room < used + size)
		room *= 2;
	if (room == queue->room)
		return true;
	if (room > queue->limit)
		return false;
	bytes = realloc(queue->bytes, room);
	if (!bytes)
		return false;
	queue->bytes = bytes;
	queue->room = room;
	return true;
}

static bool put(struct record_queue *queue, const struct hadal_record *record, size_t size)
{
	size_t whole = (size + 7) & ~(size_t)7;
	struct hadal_record *to;

	if (queue->tail + whole > queue->room && !make_room(queue, whole))
		return false;
	to = (struct hadal_record *)(void *)(queue->bytes + queue->tail);
	memcpy(to, record, size);
	memset((unsigned char *)to + size, 0, whole - size);
	to->size = (uint32_t)whole;
	to->sequence = queue->sequence++;
	/* The reader takes order for granted, and what is read of two sockets need not have it. */
	if (to->time < queue->last_time)
		to->time = queue->last_time;
	queue->last_time = to->time;
	queue->tail += whole;
	queue->stats.class_stats[record->record_class].delivered++;
	queue->stats.class_stats[record->record_class].bytes += whole;
	return true;
}

static bool tell_lost(struct record_queue *queue, uint64_t time)
{
	struct hadal_record_lost lost = {
		.header = { .type = HADAL_RECORD_LOST, .record_class = HADAL_CLASS_CONTROL, .time = time },
	};
	uint32_t any = 0;

	for (unsigned int i = 0; i < HADAL_CLASS_SLOTS; i++) {
		lost.count[i] = queue->lost[i];
		any |= queue->lost[i];
	}
	if (!any)
		return true;
	queue->stats.class_stats[HADAL_CLASS_CONTROL].produced++;
	if (!put(queue, &lost.header, sizeof(lost))) {
		queue->stats.class_stats[HADAL_CLASS_CONTROL].produced--;
		return false;
	}
	memset(queue->lost, 0, sizeof(queue->lost));
	return true;
}

void record_queue_lost(struct record_queue *queue, unsigned int class, uint32_t count)
{
	queue->stats.class_stats[class].produced += count;
	queue->stats.class_stats[class].lost += count;
	queue->lost[class] += count;
}

bool record_queue_add(struct record_queue *queue, const struct hadal_record *record, size_t size)
{
	if (!tell_lost(queue, record->time)) {
		record_queue_lost(queue, record->record_class, 1);
		return false;
	}
	queue->stats.class_stats[record->record_class].produced++;
	if (put(queue, record, size))
		return true;
	queue->stats.class_stats[record->record_class].produced--;
	record_queue_lost(queue, record->record_class, 1);
	return false;
}

/* A dump of many connections is no reason to hold its memory until the next. */
static void give_back(struct record_queue *queue)
{
	free(queue->bytes);
	queue->bytes = NULL;
	queue->room = 0;
}

const struct hadal_record *record_queue_take(struct record_queue *queue)
{
	const struct hadal_record *record;

	if (queue->head == queue->tail) {
		queue->head = queue->tail = 0;
		if (queue->room > ROOM_KEPT)
			give_back(queue);
		return NULL;
	}
	record = (const struct hadal_record *)(const void *)(queue->bytes + queue->head);
	queue->head += record->size;
	return record;
}
