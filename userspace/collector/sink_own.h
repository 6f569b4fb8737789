/* SPDX-License-Identifier: MIT */
/*
 * A sink, as its parts see it: its account (sink_account.c), where it is (sink_place.c),
 * a record's requests (sink_requests.c), its thread (sink_thread.c), its beginning and
 * end (sink_life.c). Others have sink_thread.h.
 *
 * What is under the lock and what is the thread's own is said in the structure.
 * The lock is not held while reading, converting, encoding, sending or logging.
 */
#ifndef HADAL_SINK_OWN_H
#define HADAL_SINK_OWN_H

#include <pthread.h>

#include "clock.h"
#include "series.h"
#include "sink_state.h"
#include "sink_thread.h"
#include "spool_batch.h"

/* One kind of trouble, told at most once an interval. */
struct limit {
	uint64_t next_ms;
	uint64_t items;		/* since it was told last */
};

/* Of one signal of the record in hand, what is in no request, and was counted when these were made. */
struct counted {
	uint64_t off, series, oversize, failed, taken;
};

struct hadal_sink {
	struct hadal_sink_config config;
	const struct hadal_sink_kind *kind;
	struct hadal_sink_host host;
	void *impl;
	bool takes[HADAL_SIGNALS];
	unsigned int backoff_first_ms, backoff_max_ms;
	pthread_t thread;
	bool started;

	/* the thread's own */
	struct hadal_series_table *series;	/* NULL: it takes increments */
	struct hadal_spool_entry entry;		/* of the record in hand */
	struct hadal_batch *batch;		/* of that; NULL: none is in hand */
	struct hadal_sink_request *requests;	/* of that, not settled yet */
	struct hadal_sink_state state;
	bool state_dirty;			/* it is not on disk */
	uint64_t state_next_ms;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct hadal_sink_stats stats;
	uint64_t next;			/* number of the record to be taken next; what is below is taken or lost */
	uint64_t lost;			/* number of the record that was lost last */
	struct {
		uint64_t sequence, settled[HADAL_SIGNALS];
	} begun;			/* the record of which a part was settled in another life, or by another sink of the name */
	uint64_t available;		/* number behind that of the last record there is */
	uint64_t position;		/* of the first that is needed after a restart */
	struct counted counted[HADAL_SIGNALS];
	unsigned int failures;		/* attempts that failed in a row */
	uint64_t next_ms;		/* no attempt before */
	uint64_t asked_ms;		/* the same, as the receiver asks; 0: it does not */
	bool stopping, reopen;
	bool giving_way;		/* stopping, and another goes on: nothing more is begun */
	uint64_t deadline_ms;		/* when stopping */
	struct limit full_limit, rejected_limit, oversize_limit, encode_limit, damaged_limit, state_limit;
};

/* ---- its account, under the lock ---- */

static inline struct hadal_ship_signal_stats *sink_account(struct hadal_sink *sink, enum hadal_signal signal)
{
	return &sink->stats.signal[signal];
}

/* @items no longer wait: they go to @to, a counter of the same account. */
static inline void sink_settle(struct hadal_sink *sink, enum hadal_signal signal, uint64_t items, uint64_t *to)
{
	sink_account(sink, signal)->waiting -= items;
	*to += items;
}

/* Logs; the lock is held on entry and on return, not during the call. */
__attribute__((format(printf, 3, 4)))
void sink_say(struct hadal_sink *sink, enum hadal_ship_log_level level, const char *format, ...);

/* Whether to tell now; *items becomes how many there are to tell of. */
bool sink_due(struct limit *limit, uint64_t *items);

/* What is shown as the last error, from now on. */
__attribute__((format(printf, 2, 3)))
void sink_note_error(struct hadal_sink *sink, const char *format, ...);

/* ---- where it is; by its thread, without the lock ---- */

/* What is to be on disk: that all below @position is settled. False: no memory, and it is what it was. */
bool sink_note_state(struct hadal_sink *sink, uint64_t position);

/* Writes it down, if it is not, and @now or if it is time to. */
void sink_write_state(struct hadal_sink *sink, bool now);

/* When to look after the state again, which is not on disk; without files that is when there may be some. */
uint64_t sink_state_due_ms(const struct hadal_sink *sink);

/* ---- the record in hand; by its thread, without the lock ---- */

/* Of the record taken: its batch and requests, in the form that the sink takes. @data: sink->entry.size bytes. */
void sink_open_record(struct hadal_sink *sink, const uint8_t *data);

/* The record taken cannot be read: what of it was not settled is counted as damaged. @wrong: in words. */
void sink_drop_damaged(struct hadal_sink *sink, const char *wrong);

/* Makes the first request two, for a receiver that found it too large; false: it is too small for that. */
bool sink_halve(struct hadal_sink *sink);

void sink_remove_request(struct hadal_sink_request **place);

void sink_put_record_away(struct hadal_sink *sink);

#endif
