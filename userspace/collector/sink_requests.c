// SPDX-License-Identifier: MIT
/* From a record of the spool to requests. */
#include "sink_own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	HALVED_BYTES_MIN = 16 << 10,	/* a smaller request is not made two because it is too large */
};

static void free_requests(struct hadal_sink *sink)
{
	while (sink->requests) {
		struct hadal_sink_request *request = sink->requests;

		sink->requests = request->next;
		free(request->body);
		free(request);
	}
}

void sink_put_record_away(struct hadal_sink *sink)
{
	free_requests(sink);
	hadal_batch_free(sink->batch);
	sink->batch = NULL;
}

struct making {
	struct hadal_sink *sink;
	struct hadal_sink_request **last;
};

/* The same for the same data, whenever and however often it is made. */
static void name_request(const struct hadal_sink *sink, struct hadal_sink_request *request)
{
	static const char signals[HADAL_SIGNALS] = { [HADAL_SIGNAL_METRICS] = 'm', [HADAL_SIGNAL_LOGS] = 'l' };
	char run[2 * HADAL_SPOOL_RUN_SIZE + 1];

	for (int i = 0; i < HADAL_SPOOL_RUN_SIZE; i++)
		sprintf(run + 2 * i, "%02x", sink->entry.run[i]);
	snprintf(request->id, sizeof(request->id), "%s-%llu-%c%llu+%llu", run,
		 (unsigned long long)sink->entry.sequence, signals[request->signal],
		 (unsigned long long)request->first, (unsigned long long)request->items);
}

static int take_request(void *context, struct hadal_sink_request *request)
{
	struct making *making = context;

	name_request(making->sink, request);
	request->next = *making->last;
	*making->last = request;
	making->last = &request->next;
	return 0;
}

/* Under the lock. */
static void tell_not_encoded(struct hadal_sink *sink, const struct hadal_sink_encoded *encoded, int error)
{
	const char *why = encoded->text[0] ? encoded->text : strerror(-error);
	uint64_t failed = encoded->failed;

	sink_note_error(sink, "encoding failed: %s", why);
	if (failed && sink_due(&sink->encode_limit, &failed))
		sink_say(sink, HADAL_SHIP_ERROR, "%llu points or records could not be encoded and were dropped: %s",
			 (unsigned long long)failed, why);
}

static void count_encoded(struct hadal_sink *sink, enum hadal_signal signal, const struct hadal_sink_encoded *encoded,
			  int error)
{
	struct hadal_ship_signal_stats *stats = sink_account(sink, signal);
	uint64_t oversize = encoded->oversize;

	sink->stats.bytes_raw += encoded->bytes_raw;
	sink_settle(sink, signal, encoded->oversize, &stats->dropped_oversize);
	sink_settle(sink, signal, encoded->failed, &stats->dropped_failed);
	sink_settle(sink, signal, encoded->taken, &stats->accepted);
	sink->counted[signal].oversize += encoded->oversize;
	sink->counted[signal].failed += encoded->failed;
	sink->counted[signal].taken += encoded->taken;
	if (encoded->taken)
		sink->stats.last_success_time = wall_ns();
	if (error)
		tell_not_encoded(sink, encoded, error);
	if (oversize && sink_due(&sink->oversize_limit, &oversize))
		sink_say(sink, HADAL_SHIP_WARNING, "%llu points or records alone exceed a request's %zu bytes and were dropped",
			 (unsigned long long)oversize, sink->config.ship.request_bytes ?: (size_t)HADAL_REQUEST_BYTES);
}

/* Makes requests of @count items from @first on, in front of what is behind *@place; adds to @sum what was not emitted. */
static int make_requests(struct hadal_sink *sink, enum hadal_signal signal, uint64_t first, uint64_t count,
			 struct hadal_sink_request **place, struct hadal_sink_encoded *sum)
{
	struct making making = { .sink = sink, .last = place };
	struct hadal_sink_encoded encoded = { 0 };
	const uint64_t since = now_ns();
	int ret;

	ret = sink->kind->encode(sink->impl, sink->batch, signal, first, count, take_request, &making, &encoded);
	sum->oversize += encoded.oversize;
	sum->failed += encoded.failed;
	sum->taken += encoded.taken;
	sum->bytes_raw += encoded.bytes_raw;
	if (ret)
		memcpy(sum->text, encoded.text, sizeof(sum->text));
	pthread_mutex_lock(&sink->lock);
	sink->stats.encode_time += now_ns() - since;
	pthread_mutex_unlock(&sink->lock);
	return ret;
}

void sink_remove_request(struct hadal_sink_request **place)
{
	struct hadal_sink_request *request = *place;

	*place = request->next;
	free(request->body);
	free(request);
}

/* Makes the request at @place two, of its halves. */
static int split(struct hadal_sink *sink, struct hadal_sink_request **place, struct hadal_sink_encoded *sum)
{
	const struct hadal_sink_request request = **place;
	const uint64_t half = request.items / 2;
	int ret, second;

	sink_remove_request(place);
	ret = make_requests(sink, request.signal, request.first, half, place, sum);
	while (*place && (*place)->signal == request.signal && (*place)->first < request.first + half)
		place = &(*place)->next;
	second = make_requests(sink, request.signal, request.first + half, request.items - half, place, sum);
	return ret ?: second;
}

/* As what it was too large for may take its halves. */
bool sink_halve(struct hadal_sink *sink)
{
	const enum hadal_signal signal = sink->requests->signal;
	struct hadal_sink_encoded encoded = { 0 };
	int ret;

	if (sink->requests->items < 2 || sink->requests->size < HALVED_BYTES_MIN)
		return false;
	ret = split(sink, &sink->requests, &encoded);
	pthread_mutex_lock(&sink->lock);
	count_encoded(sink, signal, &encoded, ret);
	pthread_mutex_unlock(&sink->lock);
	return true;
}

/*
 * Of the requests from @place on those that are settled. One of which a part is
 * settled was too large for the receiver, and is made two as it was then: what
 * is sent again is in the same requests, with the same ids.
 */
static int pass_over_settled(struct hadal_sink *sink, uint64_t settled, struct hadal_sink_request **place,
			     struct hadal_sink_encoded *sum)
{
	int ret = 0;

	while (*place && (*place)->first < settled) {
		if ((*place)->first + (*place)->items <= settled)
			sink_remove_request(place);
		else
			ret = split(sink, place, sum) ?: ret;
	}
	return ret;
}

/* @missing items are in no request; what else was not emitted had been counted when it was settled. */
static void leave_out_settled(struct hadal_sink_encoded *encoded, uint64_t missing)
{
	if (encoded->oversize > missing)
		encoded->oversize = missing;
	encoded->failed = missing - encoded->oversize;
}

static uint64_t items_in(const struct hadal_sink_request *request)
{
	uint64_t items = 0;

	for (; request; request = request->next)
		items += request->items;
	return items;
}

/* The whole of a record is encoded even if some of it is settled: where requests end depends on where they begin. */
static void encode_items(struct hadal_sink *sink, enum hadal_signal signal, uint64_t items, uint64_t settled)
{
	struct hadal_sink_request **last = &sink->requests;
	struct hadal_sink_encoded encoded = { 0 };
	int ret;

	while (*last)
		last = &(*last)->next;
	ret = make_requests(sink, signal, 0, items, last, &encoded);
	if (settled) {
		ret = pass_over_settled(sink, settled, last, &encoded) ?: ret;
		leave_out_settled(&encoded, items - settled - items_in(*last));
	}
	pthread_mutex_lock(&sink->lock);
	count_encoded(sink, signal, &encoded, ret);
	pthread_mutex_unlock(&sink->lock);
}

static void encode_signal(struct hadal_sink *sink, enum hadal_signal signal)
{
	const struct hadal_batch_counts counts = hadal_batch_counts(sink->batch);
	const uint64_t items = signal == HADAL_SIGNAL_METRICS ? counts.points : counts.records;
	const uint64_t settled = sink->state.settled[signal] < items ? sink->state.settled[signal] : items;

	if (sink->takes[signal]) {
		encode_items(sink, signal, items, settled);
		return;
	}
	pthread_mutex_lock(&sink->lock);
	sink_settle(sink, signal, items - settled, &sink_account(sink, signal)->dropped_off);
	sink->counted[signal].off += items - settled;
	pthread_mutex_unlock(&sink->lock);
}

static void count_totals(struct hadal_sink *sink, uint64_t dropped)
{
	pthread_mutex_lock(&sink->lock);
	sink->counted[HADAL_SIGNAL_METRICS].series = dropped;
	sink->stats.series = sink->series ? hadal_series_count(sink->series) : 0;
	sink_settle(sink, HADAL_SIGNAL_METRICS, dropped, &sink_account(sink, HADAL_SIGNAL_METRICS)->dropped_series);
	pthread_mutex_unlock(&sink->lock);
}

void sink_open_record(struct hadal_sink *sink, const uint8_t *data)
{
	const char *wrong;

	if (hadal_spool_unpack(data, sink->entry.size, &sink->batch, &wrong)) {
		sink_drop_damaged(sink, wrong);
		return;
	}
	count_totals(sink, sink->series ? hadal_series_totals(sink->series, sink->batch) : 0);
	for (int signal = 0; signal < HADAL_SIGNALS; signal++)
		encode_signal(sink, (enum hadal_signal)signal);
}
