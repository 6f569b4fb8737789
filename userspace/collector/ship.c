// SPDX-License-Identifier: MIT
/*
 * The thread that spools takes the batches that were submitted, one by one: from
 * totals to increments, from a batch to bytes, into the spool. It alone changes
 * the list of sinks, under the lock; so it reads that without.
 *
 * A sink's account is told of what is submitted at once, and of what does not
 * come of it later: what is submitted is at every moment somewhere in it.
 */
#include "ship.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "condition.h"
#include "series.h"
#include "sink_state.h"
#include "sink_thread.h"
#include "spool_batch.h"
#include "thread.h"

enum {
	QUEUE_BYTES = 64 << 20,
	QUEUE_BATCHES = 1024,
	SPOOL_BYTES = 256 << 20,
	SPOOL_BYTES_MIN = 1 << 20,
	SPOOL_AGE_MS = 6 * 3600 * 1000,
	TICK_MS = 250,
	SAY_MS = 60 * 1000,	/* between two messages of one kind */
	ANSWER_MS = 2000,	/* that an exchange of sinks waits for answers that are under way */
};

struct inbox_entry {
	struct inbox_entry *next;
	struct hadal_batch *batch;
	size_t bytes;
	uint64_t items[HADAL_SIGNALS];
};

/* Sinks that are to take the place of those there are. */
struct exchange {
	struct hadal_sink *sinks[HADAL_SINKS_MAX];
	size_t count;
};

struct hadal_shipper {
	struct hadal_spool *spool;
	struct hadal_series_table *series;	/* the thread's own */
	size_t queue_bytes, queue_batches;
	void (*log)(void *context, enum hadal_ship_log_level level, const char *message);
	void *log_context;
	pthread_t thread;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct inbox_entry *first, **last;
	size_t inbox_bytes, inbox_count;
	struct hadal_sink *sinks[HADAL_SINKS_MAX];
	size_t sink_count;
	struct exchange *exchange;		/* NULL: none is asked for */
	uint64_t batches, refused, truncated;
	uint64_t unsubmitted_ms;		/* not before is it told again that a batch could not be taken */
	bool stopping;
};

__attribute__((format(printf, 3, 4)))
static void say(struct hadal_shipper *shipper, enum hadal_ship_log_level level, const char *format, ...)
{
	char message[512];
	va_list arguments;

	if (!shipper->log)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	shipper->log(shipper->log_context, level, message);
}

/* ---- what the spool tells ---- */

static void spool_lost(void *context, const struct hadal_spool_entry *entry, enum hadal_spool_loss why)
{
	struct hadal_shipper *shipper = context;

	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_lost(shipper->sinks[i], entry, why);
}

static void spool_says(void *context, enum hadal_ship_log_level level, const char *message)
{
	struct hadal_shipper *shipper = context;

	if (shipper->log)
		shipper->log(shipper->log_context, level, message);
}

/*
 * A record may be one that nobody needs any more. Without the lock, for which no sink waits: a
 * signal that is missed is made up for by the next tick.
 */
static void sink_moved(void *context)
{
	struct hadal_shipper *shipper = context;

	pthread_cond_signal(&shipper->changed);
}

static void release(struct hadal_shipper *shipper)
{
	uint64_t needed = UINT64_MAX;

	for (size_t i = 0; i < shipper->sink_count; i++) {
		const uint64_t position = hadal_sink_position(shipper->sinks[i]);

		needed = position < needed ? position : needed;
	}
	hadal_spool_release(shipper->spool, shipper->sink_count ? needed : hadal_spool_end(shipper->spool));
}

/* ---- what is submitted ---- */

static void count_items(struct hadal_batch_counts counts, uint64_t *items)
{
	items[HADAL_SIGNAL_METRICS] = counts.points;
	items[HADAL_SIGNAL_LOGS] = counts.records;
}

/* Under the lock, or by the thread. */
static void tell_missed(struct hadal_shipper *shipper, const uint64_t *items, enum hadal_sink_miss why)
{
	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_missed(shipper->sinks[i], items, why);
}

/* Under the lock. */
static struct inbox_entry *detach_first(struct hadal_shipper *shipper)
{
	struct inbox_entry *entry = shipper->first;

	if (!entry)
		return NULL;
	shipper->first = entry->next;
	if (!shipper->first)
		shipper->last = &shipper->first;
	shipper->inbox_bytes -= entry->bytes;
	shipper->inbox_count--;
	return entry;
}

static void free_entry(struct inbox_entry *entry)
{
	hadal_batch_free(entry->batch);
	free(entry);
}

/* Totals that are dropped here lose no increments: the next batch's are the larger. */
static void trim_inbox(struct hadal_shipper *shipper)
{
	while (shipper->inbox_bytes > shipper->queue_bytes || shipper->inbox_count > shipper->queue_batches) {
		struct inbox_entry *entry = detach_first(shipper);

		tell_missed(shipper, entry->items, HADAL_SINK_MISS_FULL);
		free_entry(entry);
	}
}

static void append_entry(struct hadal_shipper *shipper, struct inbox_entry *entry)
{
	*shipper->last = entry;
	shipper->last = &entry->next;
	shipper->inbox_bytes += entry->bytes;
	shipper->inbox_count++;
	trim_inbox(shipper);
	pthread_cond_signal(&shipper->changed);
}

/* Under the lock. Whether it is to be told that a batch could not be taken. */
static bool may_tell_unsubmitted(struct hadal_shipper *shipper)
{
	const uint64_t now = now_ms();

	if (now < shipper->unsubmitted_ms)
		return false;
	shipper->unsubmitted_ms = now + SAY_MS;
	return true;
}

static void tell_unsubmitted(struct hadal_shipper *shipper, struct hadal_batch_counts counts, int error)
{
	if (error == -ENOBUFS)
		say(shipper, HADAL_SHIP_ERROR,
		    "a batch of %zu bytes is larger than half of otlp.queue, which is %zu: its %llu points and %llu log records are dropped",
		    counts.bytes, shipper->queue_bytes, (unsigned long long)counts.points, (unsigned long long)counts.records);
	else
		say(shipper, HADAL_SHIP_ERROR, "a batch could not be taken: %s", strerror(-error));
}

int hadal_shipper_submit(struct hadal_shipper *shipper, struct hadal_batch *batch)
{
	const struct hadal_batch_counts counts = hadal_batch_counts(batch);
	struct inbox_entry *entry = calloc(1, sizeof(*entry));
	uint64_t items[HADAL_SIGNALS];
	int ret = entry ? 0 : -ENOMEM;
	bool tell;

	count_items(counts, items);
	pthread_mutex_lock(&shipper->lock);
	shipper->batches++;
	shipper->refused += counts.refused;
	shipper->truncated += counts.truncated;
	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_produced(shipper->sinks[i], items);
	if (!ret && counts.bytes > shipper->queue_bytes)
		ret = -ENOBUFS;
	if (ret) {
		tell_missed(shipper, items, ret == -ENOBUFS ? HADAL_SINK_MISS_OVERSIZE : HADAL_SINK_MISS_FAILED);
	} else {
		*entry = (struct inbox_entry){ .batch = batch, .bytes = counts.bytes };
		memcpy(entry->items, items, sizeof(items));
		append_entry(shipper, entry);
	}
	tell = ret && may_tell_unsubmitted(shipper);
	pthread_mutex_unlock(&shipper->lock);
	if (tell)
		tell_unsubmitted(shipper, counts, ret);
	if (ret) {
		free(entry);
		hadal_batch_free(batch);
	}
	return ret;
}

/* ---- into the spool ---- */

static void to_increments(struct hadal_shipper *shipper, struct inbox_entry *entry)
{
	const uint64_t dropped[HADAL_SIGNALS] = {
		[HADAL_SIGNAL_METRICS] = hadal_series_increments(shipper->series, entry->batch),
	};

	entry->items[HADAL_SIGNAL_METRICS] -= dropped[HADAL_SIGNAL_METRICS];
	if (dropped[HADAL_SIGNAL_METRICS])
		tell_missed(shipper, dropped, HADAL_SINK_MISS_SERIES);
}

static int append_batch(struct hadal_shipper *shipper, struct inbox_entry *entry, uint64_t *sequence)
{
	uint8_t *data;
	size_t size;
	int ret = hadal_spool_pack(entry->batch, &data, &size);

	if (ret)
		return ret;
	ret = hadal_spool_append(shipper->spool, entry->items, data, size, sequence);
	free(data);
	return ret;
}

static bool is_empty(const struct inbox_entry *entry)
{
	for (int i = 0; i < HADAL_SIGNALS; i++)
		if (entry->items[i])
			return false;
	return true;
}

static void spool_entry(struct hadal_shipper *shipper, struct inbox_entry *entry)
{
	uint64_t sequence;
	int ret;

	to_increments(shipper, entry);
	if (!shipper->sink_count || is_empty(entry))
		return;
	ret = append_batch(shipper, entry, &sequence);
	if (ret) {
		say(shipper, HADAL_SHIP_ERROR, "a batch could not be spooled: %s", strerror(-ret));
		tell_missed(shipper, entry->items, ret == -ENOMEM ? HADAL_SINK_MISS_FAILED : HADAL_SINK_MISS_OVERSIZE);
		return;
	}
	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_arrived(shipper->sinks[i], sequence);
}

/* Under the lock, which it leaves for the work. Returns whether there was any. */
static bool spool_first(struct hadal_shipper *shipper)
{
	struct inbox_entry *entry = detach_first(shipper);

	if (!entry)
		return false;
	pthread_mutex_unlock(&shipper->lock);
	spool_entry(shipper, entry);
	free_entry(entry);
	pthread_mutex_lock(&shipper->lock);
	return true;
}

/* ---- other sinks ---- */

static struct hadal_sink *find_sink(struct hadal_sink *const *sinks, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(hadal_sink_name(sinks[i]), name))
			return sinks[i];
	return NULL;
}

static bool is_sink(void *context, const char *name)
{
	const struct hadal_shipper *shipper = context;

	return find_sink(shipper->sinks, shipper->sink_count, name);
}

static void tell_forgotten(void *context, const char *name)
{
	say(context, HADAL_SHIP_INFO, "there is no sink %s any more: what waited for it is dropped", name);
}

static void forget_others(struct hadal_shipper *shipper)
{
	if (hadal_spool_path(shipper->spool) && hadal_spool_owns(shipper->spool))
		hadal_sink_state_forget(hadal_spool_path(shipper->spool), is_sink, tell_forgotten, shipper);
}

static int start_sinks(struct hadal_shipper *shipper)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < shipper->sink_count; i++)
		ret = hadal_sink_start(shipper->sinks[i]);
	return ret;
}

static void take_places(struct hadal_shipper *shipper, struct exchange *exchange)
{
	for (size_t i = 0; i < exchange->count; i++) {
		struct hadal_sink *sink = exchange->sinks[i];
		struct hadal_sink *before = find_sink(shipper->sinks, shipper->sink_count, hadal_sink_name(sink));

		if (before)
			hadal_sink_inherit(sink, before);
		else
			hadal_sink_find_position(sink);
	}
}

static void free_sinks(struct hadal_sink **sinks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hadal_sink_free(sinks[i]);
}

/*
 * Under the lock, which it leaves for all that may take long: who submits waits for it.
 * The old ones' threads end first, each when it has the answer that it waits for; what
 * was submitted to them is in the spool then, for those that take their places.
 */
static void exchange_sinks(struct hadal_shipper *shipper, struct exchange *exchange)
{
	struct exchange old = { .count = shipper->sink_count };
	const uint64_t deadline = now_ms() + ANSWER_MS;

	pthread_mutex_unlock(&shipper->lock);
	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_give_way(shipper->sinks[i], deadline);
	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_join(shipper->sinks[i]);
	pthread_mutex_lock(&shipper->lock);
	while (spool_first(shipper))
		;
	take_places(shipper, exchange);
	memcpy(old.sinks, shipper->sinks, sizeof(old.sinks));
	memcpy(shipper->sinks, exchange->sinks, sizeof(shipper->sinks));
	shipper->sink_count = exchange->count;
	pthread_mutex_unlock(&shipper->lock);
	free(exchange);
	free_sinks(old.sinks, old.count);
	forget_others(shipper);
	if (start_sinks(shipper))
		say(shipper, HADAL_SHIP_ERROR, "no thread for a sink: what is for it waits");
	pthread_mutex_lock(&shipper->lock);
}

/* ---- the thread ---- */

static void tick(struct hadal_shipper *shipper)
{
	pthread_mutex_unlock(&shipper->lock);
	release(shipper);
	hadal_spool_tick(shipper->spool);
	pthread_mutex_lock(&shipper->lock);
}

static void *run(void *context)
{
	struct hadal_shipper *shipper = context;

	pthread_setname_np(pthread_self(), "hadald-spool");
	pthread_mutex_lock(&shipper->lock);
	for (;;) {
		tick(shipper);
		if (spool_first(shipper))
			continue;
		if (shipper->exchange) {
			struct exchange *exchange = shipper->exchange;

			shipper->exchange = NULL;
			exchange_sinks(shipper, exchange);
			continue;
		}
		if (shipper->stopping)
			break;
		condition_wait_until(&shipper->changed, &shipper->lock, now_ms() + TICK_MS);
	}
	pthread_mutex_unlock(&shipper->lock);
	return NULL;
}

/* ---- life ---- */

static int make_sinks(struct hadal_shipper *shipper, const struct hadal_sink_config *configs, size_t count,
		      struct exchange *made, char *error, size_t error_size)
{
	const struct hadal_sink_host host = {
		.spool = shipper->spool, .log = shipper->log, .log_context = shipper->log_context,
		.moved = sink_moved, .context = shipper,
	};
	int ret = 0;

	*made = (struct exchange){ 0 };
	if (count > HADAL_SINKS_MAX) {
		snprintf(error, error_size, "%zu sinks are more than %d", count, HADAL_SINKS_MAX);
		return -E2BIG;
	}
	for (size_t i = 0; !ret && i < count; i++) {
		if (find_sink(made->sinks, made->count, configs[i].name)) {
			snprintf(error, error_size, "two sinks are named %s", configs[i].name);
			ret = -EEXIST;
			break;
		}
		ret = hadal_sink_new(&configs[i], &host, &made->sinks[i], error, error_size);
		made->count += !ret;
	}
	if (ret)
		free_sinks(made->sinks, made->count);
	return ret;
}

int hadal_shipper_set_sinks(struct hadal_shipper *shipper, const struct hadal_sink_config *sinks, size_t count,
			    char *error, size_t error_size)
{
	struct exchange *exchange = calloc(1, sizeof(*exchange)), *unused;
	int ret;

	if (!exchange) {
		snprintf(error, error_size, "no memory");
		return -ENOMEM;
	}
	ret = make_sinks(shipper, sinks, count, exchange, error, error_size);
	if (ret) {
		free(exchange);
		return ret;
	}
	pthread_mutex_lock(&shipper->lock);
	unused = shipper->exchange;
	shipper->exchange = exchange;
	pthread_cond_signal(&shipper->changed);
	pthread_mutex_unlock(&shipper->lock);
	if (unused)
		free_sinks(unused->sinks, unused->count);
	free(unused);
	return 0;
}

static void free_shipper(struct hadal_shipper *shipper)
{
	while (shipper->first)
		free_entry(detach_first(shipper));
	if (shipper->exchange)
		free_sinks(shipper->exchange->sinks, shipper->exchange->count);
	free(shipper->exchange);
	free_sinks(shipper->sinks, shipper->sink_count);
	hadal_series_free(shipper->series);
	hadal_spool_close(shipper->spool);
	pthread_cond_destroy(&shipper->changed);
	pthread_mutex_destroy(&shipper->lock);
	free(shipper);
}

static int open_spool(struct hadal_shipper *shipper, const struct hadal_shipper_config *config)
{
	const struct hadal_spool_config spool = {
		.directory = config->spool_directory,
		.bytes = config->spool_bytes ?: SPOOL_BYTES,
		.age_ms = config->spool_age_ms ?: SPOOL_AGE_MS,
		.memory_bytes = shipper->queue_bytes,
		.memory_records = shipper->queue_batches,
		.sync_ms = config->spool_sync_ms,
		.retry_ms = config->spool_retry_ms,
		.lost = spool_lost,
		.say = spool_says,
		.context = shipper,
	};

	return hadal_spool_open(&spool, &shipper->spool);
}

static int open_all(struct hadal_shipper *shipper, const struct hadal_shipper_config *config, char *error,
		    size_t error_size)
{
	struct exchange made;
	int ret = 0;

	shipper->series = hadal_series_new(config->series);
	if (!shipper->series)
		ret = -ENOMEM;
	if (!ret)
		ret = open_spool(shipper, config);
	if (ret) {
		snprintf(error, error_size, "shipping cannot start: %s", strerror(-ret));
		return ret;
	}
	ret = make_sinks(shipper, config->sinks, config->sink_count, &made, error, error_size);
	if (ret)
		return ret;
	memcpy(shipper->sinks, made.sinks, sizeof(shipper->sinks));
	shipper->sink_count = made.count;
	for (size_t i = 0; i < made.count; i++)
		hadal_sink_find_position(made.sinks[i]);
	forget_others(shipper);
	return 0;
}

/* What is in memory alone would end with the process. */
static void save(struct hadal_shipper *shipper)
{
	release(shipper);
	hadal_spool_flush(shipper->spool);
}

/* All of them end; what is in the spool stays. No thread spools any more. */
static bool end_sinks(struct hadal_shipper *shipper, uint64_t deadline_ms, struct hadal_ship_stats *stats)
{
	bool whole = true;

	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_stop(shipper->sinks[i], deadline_ms);
	/* Also before they have had their time, within which the process may be killed. */
	save(shipper);
	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_join(shipper->sinks[i]);
	save(shipper);
	for (size_t i = 0; i < shipper->sink_count; i++)
		whole &= hadal_sink_settle(shipper->sinks[i], &stats->sink[i]);
	return whole;
}

static int start(struct hadal_shipper *shipper, const struct hadal_shipper_config *config, char *error,
		 size_t error_size)
{
	struct hadal_ship_stats unused;
	int ret = open_all(shipper, config, error, error_size);

	if (ret)
		return ret;
	ret = start_sinks(shipper);
	if (!ret)
		ret = thread_start(&shipper->thread, run, shipper);
	if (ret) {
		snprintf(error, error_size, "shipping cannot start: %s", strerror(-ret));
		end_sinks(shipper, 0, &unused);
	}
	return ret;
}

int hadal_shipper_new(const struct hadal_shipper_config *config, struct hadal_shipper **shipper,
		      char *error, size_t error_size)
{
	struct hadal_shipper *made;
	int ret;

	if (config->spool_bytes && config->spool_bytes < SPOOL_BYTES_MIN) {
		snprintf(error, error_size, "the spool's bound is %llu bytes: it must be at least %d",
			 (unsigned long long)config->spool_bytes, SPOOL_BYTES_MIN);
		return -EINVAL;
	}
	made = calloc(1, sizeof(*made));
	if (!made) {
		snprintf(error, error_size, "no memory");
		return -ENOMEM;
	}
	pthread_mutex_init(&made->lock, NULL);
	condition_init(&made->changed);
	made->last = &made->first;
	/* Half for what comes, half for what has come and finds no disk. */
	made->queue_bytes = (config->queue_bytes ?: QUEUE_BYTES) / 2;
	made->queue_batches = config->queue_batches ?: QUEUE_BATCHES;
	made->log = config->log;
	made->log_context = config->log_context;
	ret = start(made, config, error, error_size);
	if (ret)
		free_shipper(made);
	else
		*shipper = made;
	return ret;
}

void hadal_shipper_flush(struct hadal_shipper *shipper)
{
	pthread_mutex_lock(&shipper->lock);
	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_flush(shipper->sinks[i]);
	pthread_mutex_unlock(&shipper->lock);
}

static void copy_stats(struct hadal_shipper *shipper, struct hadal_ship_stats *stats)
{
	struct hadal_spool_stats spool;

	hadal_spool_stats(shipper->spool, &spool);
	stats->sink_count = shipper->sink_count;
	stats->batches = shipper->batches;
	stats->refused = shipper->refused;
	stats->truncated = shipper->truncated;
	stats->queue_bytes = shipper->inbox_bytes + spool.memory_bytes;
	stats->queue_batches = shipper->inbox_count + spool.memory_records;
	stats->disk_bytes = spool.disk_bytes;
	stats->disk_batches = spool.disk_records;
	stats->oldest_ms = spool.oldest_age_ms;
	stats->spool_failures = spool.failures;
	stats->on_disk = spool.on_disk;
	snprintf(stats->spool_trouble, sizeof(stats->spool_trouble), "%s", spool.trouble);
}

void hadal_shipper_stats(struct hadal_shipper *shipper, struct hadal_ship_stats *stats)
{
	*stats = (struct hadal_ship_stats){ 0 };
	pthread_mutex_lock(&shipper->lock);
	copy_stats(shipper, stats);
	for (size_t i = 0; i < shipper->sink_count; i++)
		hadal_sink_stats(shipper->sinks[i], &stats->sink[i]);
	pthread_mutex_unlock(&shipper->lock);
}

int hadal_shipper_stop(struct hadal_shipper *shipper, unsigned int deadline_ms,
		       struct hadal_ship_stats *stats)
{
	struct hadal_ship_stats last = { 0 };
	uint64_t deadline;
	bool whole;

	if (!shipper)
		return 0;
	deadline = now_ms() + deadline_ms;
	pthread_mutex_lock(&shipper->lock);
	shipper->stopping = true;
	pthread_cond_signal(&shipper->changed);
	pthread_mutex_unlock(&shipper->lock);
	pthread_join(shipper->thread, NULL);
	whole = end_sinks(shipper, deadline, &last);
	release(shipper);
	hadal_spool_tick(shipper->spool);
	copy_stats(shipper, &last);
	if (stats)
		*stats = last;
	free_shipper(shipper);
	return whole ? 0 : -ETIMEDOUT;
}
