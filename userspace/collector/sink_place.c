// SPDX-License-Identifier: MIT
/*
 * Where a sink is. `state` is what goes to disk: its position, and what its series
 * had added up to before the record in hand. It is made before a record's
 * increments are added, so that it can be written at any moment until the record
 * is settled.
 */
#include "sink_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATE_MS = 1000,		/* between two writings of the state */
};

static bool has_files(const struct hadal_sink *sink)
{
	return hadal_spool_path(sink->host.spool) && hadal_spool_owns(sink->host.spool);
}

static void set_position(struct hadal_sink *sink, uint64_t position)
{
	pthread_mutex_lock(&sink->lock);
	sink->position = position;
	pthread_mutex_unlock(&sink->lock);
	if (sink->host.moved)
		sink->host.moved(sink->host.context);
}

bool sink_note_state(struct hadal_sink *sink, uint64_t position)
{
	uint8_t *series = NULL;
	size_t size = 0;

	if (sink->series && hadal_series_save(sink->series, &series, &size))
		return false;
	free(sink->state.series);
	sink->state = (struct hadal_sink_state){ .position = position, .series = series, .series_size = size };
	sink->state_dirty = true;
	/* Without files a restart knows nothing anyway. */
	if (!has_files(sink))
		set_position(sink, position);
	return true;
}

static void tell_state(struct hadal_sink *sink, int error, const char *consequence)
{
	uint64_t one = 1;

	pthread_mutex_lock(&sink->lock);
	if (sink_due(&sink->state_limit, &one))
		sink_say(sink, HADAL_SHIP_WARNING, "where it is could not be written down (%s): after a restart %s",
			 strerror(-error), consequence);
	pthread_mutex_unlock(&sink->lock);
}

static bool is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

/* @ret: what came of writing its place alone. */
static const char *consequence_of(const struct hadal_sink *sink, int ret)
{
	if (!ret)
		return "its totals would begin anew";
	if (ret == -ENOENT)
		return "it would begin with what comes then";
	return sink->series ? "its totals could fall" : "some would be sent twice";
}

/* Where there is no room for a file: what needs none. Returns 0 if that is all there is to write. */
static int write_place(struct hadal_sink *sink, int error)
{
	const int ret = hadal_sink_state_overwrite(hadal_spool_path(sink->host.spool), sink->config.name, &sink->state);

	if (!ret && !sink->series)
		return 0;
	tell_state(sink, error, consequence_of(sink, ret));
	return error;
}

void sink_write_state(struct hadal_sink *sink, bool now)
{
	int ret;

	if (!sink->state_dirty || (!now && now_ms() < sink->state_next_ms) || !has_files(sink))
		return;
	sink->state_next_ms = now_ms() + STATE_MS;
	ret = hadal_sink_state_write(hadal_spool_path(sink->host.spool), sink->config.name, &sink->state);
	if (is_full(ret))
		ret = write_place(sink, ret);
	else if (ret)
		tell_state(sink, ret, "some would be sent twice");
	sink->state_dirty = ret;
	/* On a disk that is full, what is delivered makes room: then the next attempt succeeds. */
	if (!ret || is_full(ret))
		set_position(sink, sink->state.position);
}

uint64_t sink_state_due_ms(const struct hadal_sink *sink)
{
	if (!sink->state_dirty)
		return UINT64_MAX;
	return has_files(sink) ? sink->state_next_ms : now_ms() + STATE_MS;
}

static void take_up_series(struct hadal_sink *sink)
{
	if (!sink->series || !hadal_series_load(sink->series, sink->state.series, sink->state.series_size))
		return;
	pthread_mutex_lock(&sink->lock);
	sink_say(sink, HADAL_SHIP_WARNING, "what its series had added up to is not known any more: they begin anew");
	pthread_mutex_unlock(&sink->lock);
}

/* Returns the number to begin with where there is no state. */
static uint64_t begin_without(struct hadal_sink *sink, int error)
{
	if (error == -ENOENT)
		return hadal_spool_end(sink->host.spool);
	pthread_mutex_lock(&sink->lock);
	sink_say(sink, HADAL_SHIP_WARNING,
		 "where it was could not be read (%s): it begins with the oldest that the spool has, some of it a second time",
		 error == -EBADMSG ? "the file is damaged" : strerror(-error));
	pthread_mutex_unlock(&sink->lock);
	return 0;
}

/* What the spool has for it, from state.position on. */
static void count_waiting(struct hadal_sink *sink, uint64_t *items)
{
	hadal_spool_waiting(sink->host.spool, sink->state.position, items);
	/* What is settled of one record says nothing of another. */
	if (hadal_spool_first(sink->host.spool, sink->state.position) != sink->state.position)
		memset(sink->state.settled, 0, sizeof(sink->state.settled));
	for (int i = 0; i < HADAL_SIGNALS; i++)
		items[i] -= sink->state.settled[i] < items[i] ? sink->state.settled[i] : items[i];
	sink->begun.sequence = sink->state.position;
	memcpy(sink->begun.settled, sink->state.settled, sizeof(sink->begun.settled));
}

static void count_recovered(struct hadal_sink *sink)
{
	uint64_t items[HADAL_SIGNALS] = { 0 };

	count_waiting(sink, items);
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		struct hadal_ship_signal_stats *stats = &sink->stats.signal[i];

		stats->recovered = stats->submitted = stats->waiting = items[i];
	}
}

void hadal_sink_find_position(struct hadal_sink *sink)
{
	int ret = -ENOENT;

	if (has_files(sink))
		ret = hadal_sink_state_read(hadal_spool_path(sink->host.spool), sink->config.name, &sink->state);
	if (ret)
		sink->state.position = begin_without(sink, ret);
	else
		take_up_series(sink);
	/* What it has taken may have been lost from the spool since, by a power cut: no number is given twice. */
	hadal_spool_continue(sink->host.spool, sink->state.position);
	sink->next = sink->position = sink->state.position;
	sink->available = hadal_spool_end(sink->host.spool);
	count_recovered(sink);
	/* Its thread writes it down, first of all: here others may wait. */
	sink->state_dirty = ret;
}

/* Of @counted as many as are @missing wait again. */
static void take_back(struct hadal_ship_signal_stats *stats, uint64_t *missing, uint64_t counted, uint64_t *counter)
{
	const uint64_t items = counted < *missing ? counted : *missing;

	*counter -= items;
	*missing -= items;
	stats->waiting += items;
}

/*
 * The accounts become those of what the spool has from the place on. Less than
 * waited: some was dropped while it was in the other's hand. More: it will come
 * to things again that the other had counted already.
 */
static void reconcile(struct hadal_sink *sink, const struct counted *counted)
{
	uint64_t items[HADAL_SIGNALS] = { 0 };

	count_waiting(sink, items);
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		struct hadal_ship_signal_stats *stats = &sink->stats.signal[i];
		uint64_t missing = items[i] > stats->waiting ? items[i] - stats->waiting : 0;

		if (stats->waiting > items[i])
			sink_settle(sink, (enum hadal_signal)i, stats->waiting - items[i], &stats->dropped_full);
		take_back(stats, &missing, counted[i].off, &stats->dropped_off);
		take_back(stats, &missing, counted[i].series, &stats->dropped_series);
		take_back(stats, &missing, counted[i].oversize, &stats->dropped_oversize);
		take_back(stats, &missing, counted[i].failed, &stats->dropped_failed);
		take_back(stats, &missing, counted[i].taken, &stats->accepted);
	}
}

void hadal_sink_inherit(struct hadal_sink *sink, struct hadal_sink *from)
{
	const char *kind = sink->stats.kind;

	sink->state = from->state;
	from->state = (struct hadal_sink_state){ 0 };
	sink->state_dirty = true;
	take_up_series(sink);
	sink->stats = from->stats;
	sink->stats.kind = kind;
	sink->next = sink->position = sink->state.position;
	sink->available = hadal_spool_end(sink->host.spool);
	reconcile(sink, from->counted);
}

uint64_t hadal_sink_position(struct hadal_sink *sink)
{
	uint64_t position;

	pthread_mutex_lock(&sink->lock);
	position = sink->position;
	pthread_mutex_unlock(&sink->lock);
	return position;
}
