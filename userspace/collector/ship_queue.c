// SPDX-License-Identifier: MIT
#include "ship_queue.h"

#include <stdlib.h>

void hadal_ship_queue_init(struct hadal_ship_queue *queue, size_t max_bytes, size_t max_count)
{
	*queue = (struct hadal_ship_queue){ .max_bytes = max_bytes, .max_count = max_count };
	queue->last_request = &queue->first_request;
	queue->last_batch = &queue->first_batch;
}

static size_t batch_bytes(const struct hadal_ship_inbox_entry *entry)
{
	return sizeof(*entry) + hadal_batch_counts(entry->batch).bytes;
}

static size_t request_bytes(const struct hadal_ship_request *request)
{
	return sizeof(*request) + request->size;
}

static void charge(struct hadal_ship_queue *queue, size_t bytes)
{
	queue->bytes += bytes;
	queue->count++;
}

static void discharge(struct hadal_ship_queue *queue, size_t bytes)
{
	queue->bytes -= bytes;
	queue->count--;
}

void hadal_ship_queue_add_batch(struct hadal_ship_queue *queue, struct hadal_ship_inbox_entry *entry)
{
	entry->next = NULL;
	*queue->last_batch = entry;
	queue->last_batch = &entry->next;
	charge(queue, batch_bytes(entry));
}

void hadal_ship_queue_add_request(struct hadal_ship_queue *queue, struct hadal_ship_request *request)
{
	request->next = NULL;
	*queue->last_request = request;
	queue->last_request = &request->next;
	charge(queue, request_bytes(request));
}

struct hadal_ship_inbox_entry *hadal_ship_queue_take_batch(struct hadal_ship_queue *queue)
{
	struct hadal_ship_inbox_entry *entry = queue->first_batch;

	if (!entry)
		return NULL;
	queue->first_batch = entry->next;
	if (!queue->first_batch)
		queue->last_batch = &queue->first_batch;
	return entry;
}

struct hadal_ship_request *hadal_ship_queue_take_request(struct hadal_ship_queue *queue)
{
	struct hadal_ship_request *request = queue->first_request;

	if (!request)
		return NULL;
	queue->first_request = request->next;
	if (!queue->first_request)
		queue->last_request = &queue->first_request;
	return request;
}

void hadal_ship_queue_put_back(struct hadal_ship_queue *queue, struct hadal_ship_request *request)
{
	request->next = queue->first_request;
	queue->first_request = request;
	if (!request->next)
		queue->last_request = &request->next;
}

void hadal_ship_queue_release_batch(struct hadal_ship_queue *queue, struct hadal_ship_inbox_entry *entry)
{
	discharge(queue, batch_bytes(entry));
	hadal_batch_free(entry->batch);
	free(entry);
}

void hadal_ship_queue_release_request(struct hadal_ship_queue *queue, struct hadal_ship_request *request)
{
	discharge(queue, request_bytes(request));
	free(request->body);
	free(request);
}

/* Requests were made of batches submitted earlier than those that wait as batches. */
static bool drop_oldest(struct hadal_ship_queue *queue, struct hadal_ship_items *dropped)
{
	struct hadal_ship_request *request = hadal_ship_queue_take_request(queue);
	struct hadal_ship_inbox_entry *entry;
	struct hadal_batch_counts counts;

	if (request) {
		dropped->count[request->signal] += request->items;
		hadal_ship_queue_release_request(queue, request);
		return true;
	}
	entry = hadal_ship_queue_take_batch(queue);
	if (!entry)
		return false;
	counts = hadal_batch_counts(entry->batch);
	dropped->count[HADAL_SIGNAL_METRICS] += counts.points;
	dropped->count[HADAL_SIGNAL_LOGS] += counts.records;
	hadal_ship_queue_release_batch(queue, entry);
	return true;
}

struct hadal_ship_items hadal_ship_queue_trim(struct hadal_ship_queue *queue)
{
	struct hadal_ship_items dropped = { 0 };

	while (queue->bytes > queue->max_bytes || queue->count > queue->max_count)
		if (!drop_oldest(queue, &dropped))
			break;
	return dropped;
}

struct hadal_ship_items hadal_ship_queue_drop_all(struct hadal_ship_queue *queue)
{
	struct hadal_ship_items dropped = { 0 };

	while (drop_oldest(queue, &dropped))
		;
	return dropped;
}

void hadal_ship_queue_free(struct hadal_ship_queue *queue)
{
	hadal_ship_queue_drop_all(queue);
}
