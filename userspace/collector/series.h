/* SPDX-License-Identifier: MIT */
/*
 * Turns what batches hold from totals into increments and back, in place.
 *
 * The producer has one table: hadal_series_increments() makes of the totals
 * that the model tells what was added since it told them last. Each sink that
 * wants totals has one: hadal_series_totals() adds the increments up again,
 * from where they stood in the life of hadald before, so that a restart of
 * hadald does not set a series back and its start time stays what it was.
 *
 * Gauges pass as they are. Of an up-down counter only the start time is kept.
 * A point without a recorded value ends its series: what comes under the same
 * name later is another, with a start time of its own. A series that has no
 * point in HADAL_SERIES_ROUNDS batches in a row is forgotten.
 *
 * A series is known by a hash of 128 bits (XXH3) over its resource, its
 * metric's name and its attributes, in whatever order these are. Not
 * thread-safe.
 */
#ifndef HADAL_SERIES_H
#define HADAL_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "telemetry.h"

enum {
	HADAL_SERIES_MAX = 131072,	/* default bound of a table */
	HADAL_SERIES_ROUNDS = 60,
};

struct hadal_series_table;

/** hadal_series_new() - an empty table of at most @limit series (0: HADAL_SERIES_MAX); NULL: no memory. */
struct hadal_series_table *hadal_series_new(size_t limit);

void hadal_series_free(struct hadal_series_table *table);

/** hadal_series_count() - how many series it has. */
size_t hadal_series_count(const struct hadal_series_table *table);

/**
 * hadal_series_increments() - make a batch of totals one of increments
 *
 * An increment begins where the one before ended. A total that fell, or whose
 * start time changed, began anew: all of it is new.
 *
 * Return: how many points were taken out of the batch, for which there was no
 * room in the table or no memory.
 */
uint64_t hadal_series_increments(struct hadal_series_table *table, struct hadal_batch *batch);

/** hadal_series_totals() - make a batch of increments one of totals; returns as hadal_series_increments(). */
uint64_t hadal_series_totals(struct hadal_series_table *table, struct hadal_batch *batch);

/**
 * hadal_series_save() - write a table's state
 * @bytes, @size: what is there already, from malloc; grown
 *
 * Return: 0; -ENOMEM: both are as before.
 */
int hadal_series_save(const struct hadal_series_table *table, uint8_t **bytes, size_t *size);

/**
 * hadal_series_load() - fill an empty table with what hadal_series_save() wrote
 *
 * Return: 0; -EINVAL: it is no such state; -ENOMEM. Then it is empty.
 */
int hadal_series_load(struct hadal_series_table *table, const uint8_t *bytes, size_t size);

#endif
