/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <uthash.h>

#include "batch.h"
#include "series_receiver.h"

enum { NAME_SIZE = 1024 };

struct received_series {
	UT_hash_handle hh;
	char name[NAME_SIZE];	/* metric, attributes of the service and of the point */
	uint64_t start;
	int64_t value;
	uint64_t grown;		/* in all its lives */
	uint64_t batch;		/* that it was in last */
	bool open;		/* it has not ended */
};

static void add_value(char *name, const struct hadal_telemetry_attribute *attribute)
{
	size_t length = strlen(name);

	if (attribute->type == HADAL_VALUE_STRING)
		snprintf(name + length, NAME_SIZE - length, "|%s=%s", attribute->key, attribute->string);
	else if (attribute->type == HADAL_VALUE_INT)
		snprintf(name + length, NAME_SIZE - length, "|%s=%lld", attribute->key, (long long)attribute->integer);
}

static void add_service(char *name, const struct hadal_attributes *set)
{
	for (size_t i = 0; set && i < set->count; i++) {
		if (strncmp(set->list[i].key, "service.", 8) == 0)
			add_value(name, &set->list[i]);
	}
}

static struct received_series *series_of(struct receiver *receiver, const struct hadal_resource *resource,
					 const struct hadal_metric *metric, const struct hadal_point *at)
{
	struct received_series *series;
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s", metric->info->name);
	add_service(name, resource->attributes);
	for (size_t i = 0; at->attributes && i < at->attributes->count; i++)
		add_value(name, &at->attributes->list[i]);
	HASH_FIND_STR(receiver->table, name, series);
	if (series)
		return series;
	series = calloc(1, sizeof(*series));
	assert_non_null(series);
	strcpy(series->name, name);
	HASH_ADD_STR(receiver->table, name, series);
	return series;
}

static bool is_of_workload(const struct received_series *series)
{
	return !strstr(series->name, "|service.name=hadald");
}

static int64_t value_of(const struct hadal_batch_point *point)
{
	return point->type == HADAL_POINT_DOUBLE ? llround(point->real * 1e9) : point->integer;
}

static void end(struct receiver *receiver, struct received_series *series)
{
	if (!series->open)
		fail_msg("%s ended, and had not begun", series->name);
	series->open = false;
	receiver->ended += is_of_workload(series);
}

/* A counter with a start that was before would count twice. */
static void begin(struct receiver *receiver, struct received_series *series, const struct hadal_metric *metric,
		  const struct hadal_point *at)
{
	if (metric->info->kind == HADAL_COUNTER && at->start_time <= series->start)
		fail_msg("%s began again, when it had begun before", series->name);
	receiver->begun += is_of_workload(series);
	series->open = true;
	series->start = at->start_time;
	series->value = 0;
}

static void grow(struct received_series *series, int64_t value)
{
	if (value < series->value)
		fail_msg("%s fell", series->name);
	series->grown += (uint64_t)(value - series->value);
}

static void take_point(struct receiver *receiver, const struct hadal_resource *resource,
		       const struct hadal_metric *metric, const struct hadal_batch_point *point)
{
	struct received_series *series = series_of(receiver, resource, metric, &point->at);

	if (series->batch == receiver->batches)
		fail_msg("%s is twice in a batch", series->name);
	series->batch = receiver->batches;
	if (point->at.no_recorded_value) {
		end(receiver, series);
		return;
	}
	if (!series->open)
		begin(receiver, series, metric, &point->at);
	if (series->start != point->at.start_time)
		fail_msg("%s has another start, and did not end", series->name);
	if (metric->info->kind == HADAL_COUNTER)
		grow(series, value_of(point));
	series->value = value_of(point);
}

void receiver_take(struct receiver *receiver, const struct hadal_batch *batch)
{
	const struct hadal_resource *resource;
	const struct hadal_metric *metric;
	const struct hadal_batch_point *point;

	receiver->batches++;
	for (resource = batch->first; resource; resource = resource->next) {
		for (metric = resource->first_metric; metric; metric = metric->next) {
			if (metric->info->kind > HADAL_GAUGE)
				continue;
			for (point = metric->first; point; point = point->next)
				take_point(receiver, resource, metric, point);
		}
	}
}

void receiver_free(struct receiver *receiver)
{
	struct received_series *series, *next;

	HASH_ITER(hh, receiver->table, series, next) {
		HASH_DEL(receiver->table, series);
		free(series);
	}
}

static bool is_named(const struct received_series *series, const char *metric, const char *part)
{
	size_t length = strlen(metric);

	return strncmp(series->name, metric, length) == 0 && series->name[length] == '|' && strstr(series->name, part);
}

uint64_t receiver_grown(const struct receiver *receiver, const char *metric, const char *part)
{
	uint64_t grown = 0;

	for (const struct received_series *series = receiver->table; series; series = series->hh.next) {
		if (is_named(series, metric, part))
			grown += series->grown;
	}
	return grown;
}

int64_t receiver_now(const struct receiver *receiver, const char *metric, const char *part)
{
	int64_t now = 0;

	for (const struct received_series *series = receiver->table; series; series = series->hh.next) {
		if (series->open && series->batch == receiver->batches && is_named(series, metric, part))
			now += series->value;
	}
	return now;
}

unsigned int receiver_open(const struct receiver *receiver, const char *metric, const char *part)
{
	unsigned int open = 0;

	for (const struct received_series *series = receiver->table; series; series = series->hh.next)
		open += series->open && is_named(series, metric, part);
	return open;
}
