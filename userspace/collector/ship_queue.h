/* SPDX-License-Identifier: MIT */
/*
 * What waits to be shipped: batches as they were submitted, and the requests
 * that were made of older ones, encoded and compressed. Bounded in bytes and in
 * number, both kinds taken together; over the bound the oldest goes, except what
 * was taken out just then, to be encoded or sent. A request holds all that its
 * delivery needs, so it could as well come from a disk.
 *
 * Not thread-safe: the shipper has the lock.
 */
#ifndef HADAL_SHIP_QUEUE_H
#define HADAL_SHIP_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include "ship.h"

enum { HADAL_BATCH_ID_SIZE = 64 };

struct hadal_ship_request {
	struct hadal_ship_request *next;
	enum hadal_signal signal;
	uint64_t items;			/* points or records */
	char id[HADAL_BATCH_ID_SIZE];	/* Hadal-Batch-Id */
	uint8_t *body;			/* from malloc */
	size_t size;
	unsigned int attempts;		/* that failed */
};

struct hadal_ship_inbox_entry {
	struct hadal_ship_inbox_entry *next;
	struct hadal_batch *batch;
};

struct hadal_ship_queue {
	struct hadal_ship_request *first_request, **last_request;
	struct hadal_ship_inbox_entry *first_batch, **last_batch;
	size_t bytes, count;		/* of both, and of what was taken out and is still held */
	size_t max_bytes, max_count;
};

/* Items of each signal. */
struct hadal_ship_items {
	uint64_t count[HADAL_SIGNALS];
};

void hadal_ship_queue_init(struct hadal_ship_queue *queue, size_t max_bytes, size_t max_count);

/** hadal_ship_queue_free() - free all that waits. */
void hadal_ship_queue_free(struct hadal_ship_queue *queue);

/** hadal_ship_queue_add_batch() - append @entry, whose batch becomes the queue's. */
void hadal_ship_queue_add_batch(struct hadal_ship_queue *queue, struct hadal_ship_inbox_entry *entry);

/** hadal_ship_queue_add_request() - append @request behind the other requests. */
void hadal_ship_queue_add_request(struct hadal_ship_queue *queue, struct hadal_ship_request *request);

/**
 * hadal_ship_queue_take_batch() - take the oldest batch out; NULL when there is none
 *
 * It still counts against the bounds until hadal_ship_queue_release_batch().
 */
struct hadal_ship_inbox_entry *hadal_ship_queue_take_batch(struct hadal_ship_queue *queue);

/** hadal_ship_queue_take_request() - take the oldest request out, likewise. */
struct hadal_ship_request *hadal_ship_queue_take_request(struct hadal_ship_queue *queue);

/** hadal_ship_queue_put_back() - @request, taken before, is the oldest again. */
void hadal_ship_queue_put_back(struct hadal_ship_queue *queue, struct hadal_ship_request *request);

/** hadal_ship_queue_release_batch() - free what was taken out. */
void hadal_ship_queue_release_batch(struct hadal_ship_queue *queue, struct hadal_ship_inbox_entry *entry);
void hadal_ship_queue_release_request(struct hadal_ship_queue *queue, struct hadal_ship_request *request);

/**
 * hadal_ship_queue_trim() - drop the oldest until the bounds are kept
 *
 * What was taken out is not dropped.
 *
 * Return: the points and records dropped.
 */
struct hadal_ship_items hadal_ship_queue_trim(struct hadal_ship_queue *queue);

/** hadal_ship_queue_drop_all() - drop everything that waits; returns it counted. */
struct hadal_ship_items hadal_ship_queue_drop_all(struct hadal_ship_queue *queue);

#endif
