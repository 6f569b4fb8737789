// SPDX-License-Identifier: MIT
#include "series.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "buckets.h"
#include "table.h"

#define TAKEN_BACK	10.0	/* s: a fall by more is a beginning */

enum holds {
	HOLDS_INT,
	HOLDS_DOUBLE,
	HOLDS_BUCKETS,
	HOLDS_START,		/* of an up-down counter: nothing adds up */
};

struct series {
	UT_hash_handle hh;
	struct hadal_key key;
	uint64_t start_time;
	uint64_t time;		/* of the point before */
	uint64_t round;		/* of that point */
	enum holds holds;
	union {
		int64_t integer;
		double real;
		struct hadal_buckets buckets;
	};
};

struct hadal_series_table {
	struct series *series;
	size_t limit;
	uint64_t round;		/* batches seen */
	struct series *found;	/* of the point before; NULL: none, or it is gone */
};

/* ---- who is who ---- */

static struct hadal_key hash_series(struct hadal_key resource, struct hadal_key metric, const struct hadal_attributes *attributes)
{
	const struct hadal_key parts[] = { resource, metric, hadal_attributes_key(attributes) };

	return hadal_key_of_bytes(parts, sizeof(parts), 0);
}

/* ---- the table ---- */

struct hadal_series_table *hadal_series_new(size_t limit)
{
	struct hadal_series_table *table = calloc(1, sizeof(*table));

	if (table)
		table->limit = limit ? limit : HADAL_SERIES_MAX;
	return table;
}

static void forget(struct hadal_series_table *table, struct series *series)
{
	if (table->found == series)
		table->found = NULL;
	HASH_DEL(table->series, series);
	if (series->holds == HOLDS_BUCKETS)
		hadal_buckets_free(&series->buckets);
	free(series);
}

static void forget_all(struct hadal_series_table *table)
{
	struct series *series, *next;

	HASH_ITER(hh, table->series, series, next)
		forget(table, series);
}

void hadal_series_free(struct hadal_series_table *table)
{
	if (!table)
		return;
	forget_all(table);
	free(table);
}

size_t hadal_series_count(const struct hadal_series_table *table)
{
	return HASH_COUNT(table->series);
}

static bool is_of_key(const struct series *series, const struct hadal_key *key)
{
	return series && series->key.low == key->low && series->key.high == key->high;
}

/*
 * Points come in the order of the batch before, and series were made in that of the first. A look
 * at the next one is mostly all, and what is then read lies behind what was read for the point before.
 */
static struct series *find(struct hadal_series_table *table, const struct hadal_key *key)
{
	struct series *series = table->found ? table->found->hh.next : table->series;

	if (!is_of_key(series, key))
		HASH_FIND(hh, table->series, key, sizeof(*key), series);
	if (series)
		table->found = series;
	return series;
}

static struct series *add(struct hadal_series_table *table, const struct hadal_key *key, enum holds holds)
{
	struct series *series;

	if (HASH_COUNT(table->series) >= table->limit)
		return NULL;
	series = calloc(1, sizeof(*series));
	if (!series)
		return NULL;
	series->key = *key;
	series->holds = holds;
	if (holds == HOLDS_BUCKETS)
		series->buckets.min = series->buckets.max = NAN;
	HASH_ADD(hh, table->series, key, sizeof(series->key), series);
	if (TABLE_INSERTED(series, hh))
		return series;
	free(series);
	return NULL;
}

static void forget_unseen(struct hadal_series_table *table)
{
	struct series *series, *next;

	HASH_ITER(hh, table->series, series, next) {
		if (table->round - series->round >= HADAL_SERIES_ROUNDS)
			forget(table, series);
	}
}

static enum holds holds_of(const struct hadal_metric *metric, const struct hadal_batch_point *point)
{
	if (metric->info->kind == HADAL_UP_DOWN_COUNTER)
		return HOLDS_START;
	switch (point->type) {
	case HADAL_POINT_INT:
		return HOLDS_INT;
	case HADAL_POINT_DOUBLE:
		return HOLDS_DOUBLE;
	case HADAL_POINT_HISTOGRAM:
	case HADAL_POINT_EXPONENTIAL_HISTOGRAM:
		break;
	}
	return HOLDS_BUCKETS;
}

/* Sets what has added up to nothing. */
static void restart(struct series *series, uint64_t start_time)
{
	series->start_time = start_time;
	if (series->holds != HOLDS_BUCKETS) {
		series->integer = 0;	/* and of a double the same bits */
		return;
	}
	hadal_buckets_free(&series->buckets);
	series->buckets.min = series->buckets.max = NAN;
}

/* ---- from totals to increments ---- */

static bool fell(const struct series *series, const struct hadal_batch_point *point)
{
	struct hadal_buckets buckets;

	switch (series->holds) {
	case HOLDS_INT:
		return point->integer < series->integer;
	case HOLDS_DOUBLE:
		/* What was told of a sum may exceed it by what rounding does. */
		return point->real < series->real - fabs(series->real) * 1e-12;
	case HOLDS_BUCKETS:
		buckets = hadal_buckets_view(point);
		return !hadal_buckets_alike(&buckets, &series->buckets) ||
		       !hadal_buckets_covers(&buckets, &series->buckets);
	case HOLDS_START:
		break;
	}
	return false;
}

static int subtract_buckets(struct series *series, struct hadal_batch_point *point, struct hadal_arena *arena)
{
	const struct hadal_buckets total = hadal_buckets_view(point);
	uint64_t counts[HADAL_BUCKETS_MAX + 1];
	const struct hadal_buckets difference = hadal_buckets_difference(&total, &series->buckets, counts);
	struct hadal_batch_point changed = *point;
	int ret = hadal_buckets_put(arena, &changed, &difference);

	if (ret)
		return ret;
	if (!series->buckets.count) {
		series->buckets.scale = total.scale;
		series->buckets.bounds_hash = total.bounds_hash;
	}
	ret = hadal_buckets_add(&series->buckets, &difference);
	if (!ret)
		*point = changed;
	return ret;
}

/*
 * The series takes what is told, not the total: so the error of rounding is made
 * good with the next increment, and does not add up.
 */
static int subtract(struct series *series, struct hadal_batch_point *point, struct hadal_arena *arena)
{
	switch (series->holds) {
	case HOLDS_INT:
		point->integer -= series->integer;
		series->integer += point->integer;
		break;
	case HOLDS_DOUBLE:
		point->real = fmax(point->real - series->real, 0);
		series->real += point->real;
		break;
	case HOLDS_BUCKETS:
		return subtract_buckets(series, point, arena);
	case HOLDS_START:
		break;
	}
	return 0;
}

/*
 * The kernel takes back a little of what it counts: of iowait, which it guesses while a CPU
 * sleeps (proc_stat(5)). That was told already, so nothing more is told until it is made up for:
 * to begin anew would tell it twice, at each such fall. A CPU that comes back may count from 0,
 * and to wait for that could be for days.
 */
static bool began_anew(const struct series *series, const struct hadal_batch_point *point)
{
	if (!fell(series, point))
		return false;
	return series->holds != HOLDS_DOUBLE || series->real - point->real > TAKEN_BACK;
}

/* What it had counted before it was first seen is not this collector's. */
static int begin_from_here(struct series *series, struct hadal_batch_point *point, struct hadal_arena *arena)
{
	const int ret = subtract(series, point, arena);

	point->at.start_time = point->at.time;
	if (series->holds == HOLDS_INT)
		point->integer = 0;
	else if (series->holds == HOLDS_DOUBLE)
		point->real = 0;
	return ret;
}

static int increment(struct series *series, struct hadal_batch_point *point, bool is_new, struct hadal_arena *arena)
{
	const uint64_t began = point->at.began ?: point->at.start_time;
	const bool before = point->at.counted_before;
	const bool anew = is_new || (before ? began_anew(series, point) :
					      began != series->start_time || fell(series, point));

	if (anew)
		restart(series, began);
	else
		point->at.start_time = series->time < point->at.time ? series->time : point->at.time;
	series->start_time = began;
	if (anew && before)
		return begin_from_here(series, point, arena);
	return subtract(series, point, arena);
}

/* ---- and back ---- */

static int add_buckets(struct series *series, struct hadal_batch_point *point, struct hadal_arena *arena)
{
	const struct hadal_buckets more = hadal_buckets_view(point);
	int ret;

	if (series->buckets.count && !hadal_buckets_alike(&series->buckets, &more))
		restart(series, point->at.start_time);
	if (!series->buckets.count) {
		series->buckets.scale = more.scale;
		series->buckets.bounds_hash = more.bounds_hash;
	}
	ret = hadal_buckets_add(&series->buckets, &more);
	return ret ? ret : hadal_buckets_put(arena, point, &series->buckets);
}

static int total(struct series *series, struct hadal_batch_point *point, bool is_new, struct hadal_arena *arena)
{
	int ret = 0;

	/* The clock was set back behind where it all began: no receiver takes that. */
	if (is_new || point->at.time <= series->start_time)
		restart(series, point->at.start_time);
	switch (series->holds) {
	case HOLDS_INT:
		if (__builtin_add_overflow(series->integer, point->integer, &series->integer)) {
			restart(series, point->at.start_time);
			series->integer = point->integer;
		}
		point->integer = series->integer;
		break;
	case HOLDS_DOUBLE:
		series->real += point->real;
		point->real = series->real;
		break;
	case HOLDS_BUCKETS:
		ret = add_buckets(series, point, arena);
		break;
	case HOLDS_START:
		break;
	}
	point->at.start_time = series->start_time;
	return ret;
}

/* ---- batches ---- */

typedef int (*change_fn)(struct series *series, struct hadal_batch_point *point, bool is_new, struct hadal_arena *arena);

struct change {
	struct hadal_series_table *table;
	change_fn change;
	bool totals;
	struct hadal_batch *batch;
	uint64_t dropped;
};

/* Its last point has the start time that the others had. */
static void end_series(struct change *change, struct series *series, struct hadal_batch_point *point)
{
	if (!series)
		return;
	if (change->totals && series->start_time <= point->at.time)
		point->at.start_time = series->start_time;
	forget(change->table, series);
}

static int change_point(struct change *change, struct hadal_key resource, struct hadal_key name, const struct hadal_metric *metric,
			struct hadal_batch_point *point)
{
	const struct hadal_key key = hash_series(resource, name, point->at.attributes);
	struct series *series = find(change->table, &key);
	const enum holds holds = holds_of(metric, point);
	bool is_new;
	int ret;

	if (point->at.no_recorded_value) {
		end_series(change, series, point);
		return 0;
	}
	if (series && series->holds != holds) {
		forget(change->table, series);
		series = NULL;
	}
	is_new = !series;
	if (is_new)
		series = add(change->table, &key, holds);
	if (!series)
		return -ENOMEM;
	ret = change->change(series, point, is_new, &change->batch->scratch);
	if (ret) {
		/* What it had is not to be told of as if it were whole. */
		forget(change->table, series);
		return ret;
	}
	series->time = point->at.time;
	series->round = change->table->round;
	return 0;
}

static void change_metric(struct change *change, struct hadal_key resource, struct hadal_metric *metric)
{
	struct hadal_key name;

	if (metric->info->kind == HADAL_GAUGE)
		return;
	name = hadal_key_of_bytes(metric->info->name, strlen(metric->info->name), 0);
	metric->last = &metric->first;
	for (struct hadal_batch_point *point = metric->first; point; point = point->next) {
		if (!change_point(change, resource, name, metric, point)) {
			*metric->last = point;
			metric->last = &point->next;
			continue;
		}
		metric->count--;
		change->batch->counts.points--;
		change->dropped++;
	}
	*metric->last = NULL;
}

static uint64_t change_batch(struct change *change)
{
	change->table->round++;
	for (struct hadal_resource *resource = change->batch->first; resource; resource = resource->next) {
		const struct hadal_key key = hadal_attributes_key(resource->attributes);

		for (struct hadal_metric *metric = resource->first_metric; metric; metric = metric->next)
			change_metric(change, key, metric);
	}
	forget_unseen(change->table);
	return change->dropped;
}

uint64_t hadal_series_increments(struct hadal_series_table *table, struct hadal_batch *batch)
{
	struct change change = { .table = table, .change = increment, .batch = batch };

	batch->temporality = HADAL_DELTA;
	return change_batch(&change);
}

uint64_t hadal_series_totals(struct hadal_series_table *table, struct hadal_batch *batch)
{
	struct change change = { .table = table, .change = total, .totals = true, .batch = batch };

	batch->temporality = HADAL_CUMULATIVE;
	return change_batch(&change);
}

/* ---- state ---- */

/* As it is written: in the byte order of the host, which no state leaves. */
struct saved_series {
	struct hadal_key key;
	uint64_t start_time, time;
	uint32_t age;		/* rounds since it had a point */
	uint32_t holds;
	union {
		int64_t integer;
		double real;
		struct {
			uint64_t bounds_hash;
			int32_t scale, offset;
			uint32_t count, zero;
			uint64_t zero_count;
			double zero_threshold, sum, min, max;
		} buckets;
	};
};	/* behind it: buckets.count numbers of 64 bits */

static size_t saved_size(const struct series *series)
{
	return sizeof(struct saved_series) +
	       (series->holds == HOLDS_BUCKETS ? series->buckets.count * sizeof(uint64_t) : 0);
}

static uint8_t *save_one(const struct hadal_series_table *table, const struct series *series, uint8_t *to)
{
	const struct hadal_buckets *buckets = &series->buckets;
	struct saved_series saved;

	memset(&saved, 0, sizeof(saved));
	saved.key = series->key;
	saved.start_time = series->start_time;
	saved.time = series->time;
	saved.age = (uint32_t)(table->round - series->round);
	saved.holds = (uint32_t)series->holds;
	if (series->holds == HOLDS_DOUBLE) {
		saved.real = series->real;
	} else if (series->holds == HOLDS_INT) {
		saved.integer = series->integer;
	} else if (series->holds == HOLDS_BUCKETS) {
		saved.buckets.bounds_hash = buckets->bounds_hash;
		saved.buckets.scale = buckets->scale;
		saved.buckets.offset = buckets->offset;
		saved.buckets.count = buckets->count;
		saved.buckets.zero_count = buckets->zero_count;
		saved.buckets.zero_threshold = buckets->zero_threshold;
		saved.buckets.sum = buckets->sum;
		saved.buckets.min = buckets->min;
		saved.buckets.max = buckets->max;
		if (buckets->count)
			memcpy(to + sizeof(saved), buckets->counts, buckets->count * sizeof(uint64_t));
	}
	memcpy(to, &saved, sizeof(saved));
	return to + saved_size(series);
}

int hadal_series_save(const struct hadal_series_table *table, uint8_t **bytes, size_t *size)
{
	const struct series *series;
	size_t more = 0;
	uint8_t *longer, *to;

	for (series = table->series; series; series = series->hh.next)
		more += saved_size(series);
	if (!more)
		return 0;
	longer = realloc(*bytes, *size + more);
	if (!longer)
		return -ENOMEM;
	to = longer + *size;
	for (series = table->series; series; series = series->hh.next)
		to = save_one(table, series, to);
	*bytes = longer;
	*size += more;
	return 0;
}

static int load_buckets(struct series *series, const struct saved_series *saved, const uint8_t *counts)
{
	struct hadal_buckets *buckets = &series->buckets;

	*buckets = (struct hadal_buckets){
		.bounds_hash = saved->buckets.bounds_hash,
		.scale = saved->buckets.scale,
		.offset = saved->buckets.offset,
		.zero_count = saved->buckets.zero_count,
		.zero_threshold = saved->buckets.zero_threshold,
		.sum = saved->buckets.sum,
		.min = saved->buckets.min,
		.max = saved->buckets.max,
	};
	if (!saved->buckets.count)
		return 0;
	buckets->counts = malloc(saved->buckets.count * sizeof(*buckets->counts));
	if (!buckets->counts)
		return -ENOMEM;
	memcpy(buckets->counts, counts, saved->buckets.count * sizeof(*buckets->counts));
	buckets->count = saved->buckets.count;
	return 0;
}

/* Returns the bytes that it took, or -errno. */
static ssize_t load_one(struct hadal_series_table *table, const uint8_t *bytes, size_t size)
{
	struct saved_series saved;
	struct series *series;
	size_t counts = 0;

	if (size < sizeof(saved))
		return -EINVAL;
	memcpy(&saved, bytes, sizeof(saved));
	if (saved.holds > HOLDS_START || saved.age > HADAL_SERIES_ROUNDS)
		return -EINVAL;
	if (saved.holds == HOLDS_BUCKETS)
		counts = saved.buckets.count;
	if (counts > HADAL_BUCKETS_MAX || counts * sizeof(uint64_t) > size - sizeof(saved) || find(table, &saved.key))
		return -EINVAL;
	series = add(table, &saved.key, (enum holds)saved.holds);
	if (!series)
		return -ENOMEM;
	series->start_time = saved.start_time;
	series->time = saved.time;
	series->round = table->round - saved.age;
	if (saved.holds == HOLDS_DOUBLE)
		series->real = saved.real;
	else if (saved.holds == HOLDS_INT)
		series->integer = saved.integer;
	else if (saved.holds == HOLDS_BUCKETS && load_buckets(series, &saved, bytes + sizeof(saved)))
		return -ENOMEM;
	return (ssize_t)(sizeof(saved) + counts * sizeof(uint64_t));
}

int hadal_series_load(struct hadal_series_table *table, const uint8_t *bytes, size_t size)
{
	table->round = HADAL_SERIES_ROUNDS;
	while (size) {
		const ssize_t taken = load_one(table, bytes, size);

		if (taken < 0) {
			forget_all(table);
			return (int)taken;
		}
		bytes += taken;
		size -= (size_t)taken;
	}
	return 0;
}
