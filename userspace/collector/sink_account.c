// SPDX-License-Identifier: MIT
#include "sink_own.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	LOG_INTERVAL_MS = 60 * 1000,
};

/* ---- messages ---- */

void sink_say(struct hadal_sink *sink, enum hadal_ship_log_level level, const char *format, ...)
{
	char message[768];
	va_list arguments;
	int length;

	if (!sink->host.log)
		return;
	length = snprintf(message, sizeof(message), "%s: ", sink->config.name);
	va_start(arguments, format);
	vsnprintf(message + length, sizeof(message) - (size_t)length, format, arguments);
	va_end(arguments);
	pthread_mutex_unlock(&sink->lock);
	sink->host.log(sink->host.log_context, level, message);
	pthread_mutex_lock(&sink->lock);
}

bool sink_due(struct limit *limit, uint64_t *items)
{
	const uint64_t now = now_ms();

	limit->items += *items;
	if (now < limit->next_ms)
		return false;
	limit->next_ms = now + LOG_INTERVAL_MS;
	*items = limit->items;
	limit->items = 0;
	return true;
}

void sink_note_error(struct hadal_sink *sink, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sink->stats.last_error, sizeof(sink->stats.last_error), format, arguments);
	va_end(arguments);
	sink->stats.last_error_time = wall_ns();
}

/* ---- accounts ---- */

void hadal_sink_produced(struct hadal_sink *sink, const uint64_t *items)
{
	pthread_mutex_lock(&sink->lock);
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		sink->stats.signal[i].submitted += items[i];
		sink->stats.signal[i].waiting += items[i];
	}
	pthread_mutex_unlock(&sink->lock);
}

static uint64_t *counter_of_miss(struct hadal_ship_signal_stats *stats, enum hadal_sink_miss why)
{
	switch (why) {
	case HADAL_SINK_MISS_FULL:
		return &stats->dropped_full;
	case HADAL_SINK_MISS_OVERSIZE:
		return &stats->dropped_oversize;
	case HADAL_SINK_MISS_SERIES:
		return &stats->dropped_series;
	case HADAL_SINK_MISS_STOP:
		return &stats->dropped_stop;
	case HADAL_SINK_MISS_FAILED:
		break;
	}
	return &stats->dropped_failed;
}

void hadal_sink_missed(struct hadal_sink *sink, const uint64_t *items, enum hadal_sink_miss why)
{
	pthread_mutex_lock(&sink->lock);
	for (int i = 0; i < HADAL_SIGNALS; i++)
		sink_settle(sink, (enum hadal_signal)i, items[i], counter_of_miss(sink_account(sink, (enum hadal_signal)i), why));
	pthread_mutex_unlock(&sink->lock);
}

/* What waits of a record that was not taken yet. */
static uint64_t rest_of(const struct hadal_sink *sink, const struct hadal_spool_entry *entry, int signal)
{
	const uint64_t settled = entry->sequence == sink->begun.sequence ? sink->begun.settled[signal] : 0;

	return settled < entry->items[signal] ? entry->items[signal] - settled : 0;
}

void hadal_sink_lost(struct hadal_sink *sink, const struct hadal_spool_entry *entry, enum hadal_spool_loss why)
{
	uint64_t items = 0;

	pthread_mutex_lock(&sink->lock);
	if (entry->sequence >= sink->next) {
		for (int i = 0; i < HADAL_SIGNALS; i++) {
			struct hadal_ship_signal_stats *stats = sink_account(sink, (enum hadal_signal)i);
			const uint64_t rest = rest_of(sink, entry, i);

			sink_settle(sink, (enum hadal_signal)i, rest,
				    why == HADAL_SPOOL_OLD ? &stats->dropped_old : &stats->dropped_full);
			items += rest;
		}
		sink->lost = entry->sequence;
		/* Of those in memory it is the oldest; on disk older ones may wait. */
		if (hadal_spool_first(sink->host.spool, sink->next) >= entry->sequence)
			sink->next = entry->sequence + 1;
	}
	if (items)
		sink_note_error(sink, "the oldest was dropped: %s", why == HADAL_SPOOL_OLD ?
			   "it waited too long" : "the queue is full");
	if (items && sink_due(&sink->full_limit, &items))
		sink_say(sink, HADAL_SHIP_WARNING, "%s: %llu points and records, the oldest, were dropped",
			 why == HADAL_SPOOL_OLD ? "the spool's age is reached" : "the queue is full", (unsigned long long)items);
	pthread_mutex_unlock(&sink->lock);
}

void sink_drop_damaged(struct hadal_sink *sink, const char *wrong)
{
	uint64_t items = 0;

	pthread_mutex_lock(&sink->lock);
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		sink_settle(sink, (enum hadal_signal)i, sink->entry.items[i] - sink->state.settled[i],
		       &sink_account(sink, (enum hadal_signal)i)->dropped_damaged);
		items += sink->entry.items[i];
	}
	sink_note_error(sink, "a record of the spool cannot be read: %s", wrong);
	if (sink_due(&sink->damaged_limit, &items))
		sink_say(sink, HADAL_SHIP_ERROR, "%llu points or records in the spool can no longer be read: %s",
			 (unsigned long long)items, wrong);
	pthread_mutex_unlock(&sink->lock);
}

void hadal_sink_stats(struct hadal_sink *sink, struct hadal_sink_stats *stats)
{
	pthread_mutex_lock(&sink->lock);
	*stats = sink->stats;
	pthread_mutex_unlock(&sink->lock);
	if (sink->kind->count)
		sink->kind->count(sink->impl, stats);
}

/* What is in hand of a record that the spool has dropped meanwhile, by a bound. */
static void add_vanished(const struct hadal_sink *sink, uint64_t *items)
{
	if (hadal_spool_first(sink->host.spool, sink->state.position) == sink->state.position)
		return;
	for (const struct hadal_sink_request *request = sink->requests; request; request = request->next)
		items[request->signal] += request->items;
}

/* What is in memory alone ends with the process. */
static bool drop_unsaved(struct hadal_sink *sink)
{
	uint64_t unsaved[HADAL_SIGNALS] = { 0 }, sum = 0;

	hadal_spool_unsaved(sink->host.spool, sink->state.position, unsaved);
	add_vanished(sink, unsaved);
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		struct hadal_ship_signal_stats *stats = &sink->stats.signal[i];
		const uint64_t items = unsaved[i] < stats->waiting ? unsaved[i] : stats->waiting;

		sink_settle(sink, (enum hadal_signal)i, items, &stats->dropped_stop);
		sum += items;
	}
	return sum;
}

bool hadal_sink_settle(struct hadal_sink *sink, struct hadal_sink_stats *stats)
{
	bool dropped;

	/* It could not be if the directory came back but now. */
	sink_write_state(sink, true);
	pthread_mutex_lock(&sink->lock);
	dropped = drop_unsaved(sink);
	*stats = sink->stats;
	pthread_mutex_unlock(&sink->lock);
	return !dropped;
}
