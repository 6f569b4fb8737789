// SPDX-License-Identifier: MIT
#include "sink_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "condition.h"
#include "thread.h"

enum {
	FOREVER_MS = 24 * 3600 * 1000,
	MEMORY_WAIT_MS = 1000,		/* before it is tried again to get some */
};

/* ---- time and chance ---- */

static uint32_t random_number(void)
{
	uint32_t number = 0;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number = UINT32_MAX / 2;
	return number;
}

/* Under the lock, like the two behind it. */
static unsigned int time_left(const struct hadal_sink *sink)
{
	const uint64_t now = now_ms();

	if (!sink->stopping)
		return FOREVER_MS;
	return now < sink->deadline_ms ? (unsigned int)(sink->deadline_ms - now) : 0;
}

/* No further attempt is to be made; of what is under way time_left() tells. */
static bool is_ending(const struct hadal_sink *sink)
{
	return sink->stopping && (sink->giving_way || !time_left(sink) ||
				  (sink->requests && sink->next_ms >= sink->deadline_ms));
}

static void sleep_until(struct hadal_sink *sink, uint64_t when_ms)
{
	condition_wait_until(&sink->changed, &sink->lock, when_ms);
}

/* ---- taking a record ---- */

/*
 * Whether the record read is this sink's to take: it may have been lost meanwhile, and counted so.
 * It goes from the spool once that was told.
 */
static bool claim(struct hadal_sink *sink, const struct hadal_spool_entry *entry)
{
	bool mine;

	pthread_mutex_lock(&sink->lock);
	mine = entry->sequence >= sink->next && entry->sequence != sink->lost &&
	       hadal_spool_first(sink->host.spool, entry->sequence) == entry->sequence;
	if (mine)
		sink->next = entry->sequence + 1;
	pthread_mutex_unlock(&sink->lock);
	if (!mine)
		return false;
	sink->entry = *entry;
	/* What is settled of one record says nothing of another. */
	if (entry->sequence != sink->state.position)
		memset(sink->state.settled, 0, sizeof(sink->state.settled));
	sink->state.position = entry->sequence;
	return true;
}

/* Returns whether there may be more to do. */
static bool take_record(struct hadal_sink *sink)
{
	struct hadal_spool_record record;
	uint64_t next;
	int ret;

	pthread_mutex_lock(&sink->lock);
	next = sink->next;
	pthread_mutex_unlock(&sink->lock);
	ret = hadal_spool_read(sink->host.spool, next, &record);
	if (ret == -ENOENT || ret == -ENOMEM)
		return false;
	if (claim(sink, &record.entry)) {
		if (ret)
			sink_drop_damaged(sink, strerror(-ret));
		else
			sink_open_record(sink, record.data);
	}
	free(record.data);
	return true;
}

/* ---- what came of a request ---- */

static const char *shown(const struct hadal_sink *sink, enum hadal_signal signal)
{
	return sink->kind->shown ? sink->kind->shown(sink->impl, signal) : sink->kind->name;
}

static void note_success(struct hadal_sink *sink, enum hadal_signal signal)
{
	const unsigned int failures = sink->failures;

	sink->failures = 0;
	sink->asked_ms = 0;
	sink->stats.last_success_time = wall_ns();
	if (failures)
		sink_say(sink, HADAL_SHIP_INFO, "%s answers again after %u failed attempts", shown(sink, signal), failures);
}

/* Of no @items: a receiver that warns, or that refuses what metrics are. */
static void tell_rejected(struct hadal_sink *sink, enum hadal_signal signal, uint64_t items, const char *reason)
{
	sink_note_error(sink, "%s: %s", shown(sink, signal), reason);
	if (!sink_due(&sink->rejected_limit, &items))
		return;
	if (items)
		sink_say(sink, HADAL_SHIP_ERROR, "%s rejected %llu points or records: %s", shown(sink, signal),
			 (unsigned long long)items, reason);
	else
		sink_say(sink, HADAL_SHIP_WARNING, "%s: %s", shown(sink, signal), reason);
}

static void finish_delivered(struct hadal_sink *sink, const struct hadal_sink_request *request,
			     const struct hadal_sink_answer *answer)
{
	struct hadal_ship_signal_stats *stats = sink_account(sink, request->signal);

	sink_settle(sink, request->signal, answer->rejected, &stats->rejected);
	sink_settle(sink, request->signal, request->items - answer->rejected, &stats->accepted);
	note_success(sink, request->signal);
	if (!answer->rejected && !answer->text[0])
		return;
	sink->stats.partial++;
	tell_rejected(sink, request->signal, answer->rejected, answer->text);
}

static void finish_refused(struct hadal_sink *sink, const struct hadal_sink_request *request,
			   const struct hadal_sink_answer *answer)
{
	struct hadal_ship_signal_stats *stats = sink_account(sink, request->signal);

	sink_settle(sink, request->signal, request->items, answer->unsent ? &stats->dropped_failed : &stats->rejected);
	sink->failures = 0;
	tell_rejected(sink, request->signal, request->items, answer->text);
}

static unsigned int backoff_ms(const struct hadal_sink *sink)
{
	return hadal_backoff_ms(sink->backoff_first_ms, sink->backoff_max_ms, sink->failures,
				random_number());
}

/* A receiver that asks for no wait, again and again, gets our own all the same. */
static void put_off(struct hadal_sink *sink, int64_t asked_ms)
{
	const uint64_t now = now_ms(), own_ms = now + backoff_ms(sink);

	sink->asked_ms = asked_ms < 0 ? 0 : now + (uint64_t)asked_ms;
	sink->next_ms = sink->asked_ms > own_ms ? sink->asked_ms : own_ms;
}

static void keep_for_later(struct hadal_sink *sink, struct hadal_sink_request *request,
			   const struct hadal_sink_answer *answer)
{
	request->attempts++;
	sink->failures++;
	put_off(sink, answer->retry_after_ms);
	sink_note_error(sink, "%s: %s", shown(sink, request->signal), answer->text);
	if (sink->failures == 1)
		sink_say(sink, HADAL_SHIP_WARNING, "%s: %s; will be repeated", shown(sink, request->signal), answer->text);
}

/* Requests are settled in order, so what of a record is settled are its first ones. */
static void note_settled(struct hadal_sink *sink, const struct hadal_sink_request *request)
{
	sink->state.settled[request->signal] = request->first + request->items;
	sink->state_dirty = true;
}

/* Whether @answer settles the first request, which then is no more. */
static bool finish(struct hadal_sink *sink, const struct hadal_sink_answer *answer)
{
	struct hadal_sink_request *request = sink->requests;

	if (answer->abandoned)
		return false;
	if (answer->verdict == HADAL_SHIP_REFUSED && answer->too_large && sink_halve(sink))
		return true;
	pthread_mutex_lock(&sink->lock);
	switch (answer->verdict) {
	case HADAL_SHIP_DELIVERED:
		finish_delivered(sink, request, answer);
		break;
	case HADAL_SHIP_REFUSED:
		finish_refused(sink, request, answer);
		break;
	case HADAL_SHIP_REPEAT:
		keep_for_later(sink, request, answer);
		break;
	}
	pthread_mutex_unlock(&sink->lock);
	if (answer->verdict == HADAL_SHIP_REPEAT)
		return false;
	note_settled(sink, request);
	sink_remove_request(&sink->requests);
	return true;
}

/* ---- sending ---- */

static unsigned int patience(void *context)
{
	struct hadal_sink *sink = context;
	unsigned int left;

	pthread_mutex_lock(&sink->lock);
	left = time_left(sink);
	pthread_mutex_unlock(&sink->lock);
	return left;
}

/* Waits until the first request may be sent; false: there is something else to do first, or it is the end. */
static bool may_send(struct hadal_sink *sink)
{
	const uint64_t state_ms = sink_state_due_ms(sink);
	bool may;

	pthread_mutex_lock(&sink->lock);
	while (now_ms() < sink->next_ms && now_ms() < state_ms && !sink->reopen && !is_ending(sink))
		sleep_until(sink, sink->next_ms < state_ms ? sink->next_ms : state_ms);
	may = now_ms() >= sink->next_ms && !is_ending(sink);
	pthread_mutex_unlock(&sink->lock);
	return may;
}

static void count_sent(struct hadal_sink *sink, const struct hadal_sink_request *request)
{
	pthread_mutex_lock(&sink->lock);
	sink->stats.requests++;
	sink->stats.retries += request->attempts > 0;
	sink->stats.bytes_sent += request->size;
	pthread_mutex_unlock(&sink->lock);
}

/* Sends the first request, once; false: it is time to look whether to go on. */
static bool send_first(struct hadal_sink *sink)
{
	struct hadal_sink_answer answer = { .retry_after_ms = -1 };
	uint64_t since;

	if (!may_send(sink))
		return false;
	count_sent(sink, sink->requests);
	since = now_ns();
	sink->kind->send(sink->impl, sink->requests, patience, sink, &answer);
	pthread_mutex_lock(&sink->lock);
	sink->stats.send_time += now_ns() - since;
	pthread_mutex_unlock(&sink->lock);
	return finish(sink, &answer);
}

/* ---- the thread ---- */

static bool has_to_end(struct hadal_sink *sink)
{
	bool end;

	pthread_mutex_lock(&sink->lock);
	end = is_ending(sink);
	pthread_mutex_unlock(&sink->lock);
	return end;
}

static void reopen_if_asked(struct hadal_sink *sink)
{
	bool asked;

	pthread_mutex_lock(&sink->lock);
	asked = sink->reopen;
	sink->reopen = false;
	pthread_mutex_unlock(&sink->lock);
	if (asked && sink->kind->reopen)
		sink->kind->reopen(sink->impl);
}

/* Nothing is in hand and nothing to be read: false when it is the end. */
static bool wait_for_record(struct hadal_sink *sink)
{
	const uint64_t state_ms = sink_state_due_ms(sink);
	bool on;

	pthread_mutex_lock(&sink->lock);
	on = !sink->stopping;
	if (on && sink->available > sink->next) {
		/* There is one that could not be read for want of memory. */
		sleep_until(sink, now_ms() + MEMORY_WAIT_MS);
	} else if (on && !sink->reopen) {
		if (sink->state_dirty)
			sleep_until(sink, state_ms);
		else
			pthread_cond_wait(&sink->changed, &sink->lock);
	}
	pthread_mutex_unlock(&sink->lock);
	return on;
}

/* The record in hand is done with, if there was one. False: that could not be noted for want of memory. */
static bool finish_record(struct hadal_sink *sink)
{
	if (!sink->entry.sequence)
		return true;
	sink_put_record_away(sink);
	if (!sink_note_state(sink, sink->entry.sequence + 1))
		return false;
	pthread_mutex_lock(&sink->lock);
	memset(sink->counted, 0, sizeof(sink->counted));
	pthread_mutex_unlock(&sink->lock);
	memset(&sink->entry, 0, sizeof(sink->entry));
	return true;
}

/* Sleeps until there may be memory again. */
static void wait_for_memory(struct hadal_sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	sleep_until(sink, now_ms() + MEMORY_WAIT_MS);
	pthread_mutex_unlock(&sink->lock);
}

static void *run(void *context)
{
	struct hadal_sink *sink = context;

	pthread_setname_np(pthread_self(), "hadald-sink");
	while (!has_to_end(sink)) {
		reopen_if_asked(sink);
		if (sink->requests) {
			send_first(sink);
			sink_write_state(sink, false);
			continue;
		}
		if (!finish_record(sink)) {
			wait_for_memory(sink);
			continue;
		}
		sink_write_state(sink, false);
		if (!take_record(sink) && !wait_for_record(sink))
			break;
	}
	if (!sink->requests)
		finish_record(sink);
	return NULL;
}

int hadal_sink_start(struct hadal_sink *sink)
{
	const int ret = thread_start(&sink->thread, run, sink);

	sink->started = !ret;
	return ret;
}

/* ---- from outside ---- */

void hadal_sink_arrived(struct hadal_sink *sink, uint64_t sequence)
{
	pthread_mutex_lock(&sink->lock);
	sink->available = sequence + 1;
	pthread_cond_signal(&sink->changed);
	pthread_mutex_unlock(&sink->lock);
}

/* Under the lock. Our own patience ends here; a receiver's wish to be left alone does not. */
static void end_backoff(struct hadal_sink *sink)
{
	sink->next_ms = sink->asked_ms;
	pthread_cond_signal(&sink->changed);
}

void hadal_sink_flush(struct hadal_sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	end_backoff(sink);
	pthread_mutex_unlock(&sink->lock);
}

void hadal_sink_reopen(struct hadal_sink *sink)
{
	pthread_mutex_lock(&sink->lock);
	sink->reopen = true;
	pthread_cond_signal(&sink->changed);
	pthread_mutex_unlock(&sink->lock);
}

static void stop(struct hadal_sink *sink, uint64_t deadline_ms, bool giving_way)
{
	pthread_mutex_lock(&sink->lock);
	sink->stopping = true;
	sink->giving_way = giving_way;
	sink->deadline_ms = deadline_ms;
	end_backoff(sink);
	pthread_mutex_unlock(&sink->lock);
	if (sink->kind->wake)
		sink->kind->wake(sink->impl);
}

void hadal_sink_stop(struct hadal_sink *sink, uint64_t deadline_ms)
{
	stop(sink, deadline_ms, false);
}

void hadal_sink_give_way(struct hadal_sink *sink, uint64_t deadline_ms)
{
	stop(sink, deadline_ms, true);
}

void hadal_sink_join(struct hadal_sink *sink)
{
	if (sink->started)
		pthread_join(sink->thread, NULL);
	sink->started = false;
	sink_write_state(sink, true);
}
