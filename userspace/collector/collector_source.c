// SPDX-License-Identifier: MIT
#include "clock.h"
#include "collector_parts.h"
#include "log.h"
#include "model.h"

#define LEAVE_TIME	(1 * SECOND)	/* the module waits no longer for a last look without it */

/* A source begins with what there is. A dump that was under way went with the one before. */
static int begin_source(struct collector *collector)
{
	int result = source_request_dump(collector->choice.source, collector->choice.source->state_dump);

	collector->interval_over |= collector->dump_since != 0;
	collector->dump_since = collector->refresh_since = 0;
	if (result)
		log_line(LOG_PRIORITY_ERROR, "%s", collector->choice.source->error);
	return result ? result : collector_watch_fd(collector, collector->choice.source->fd);
}

/* What it counts from now on is of other ids, and on top of what was counted. */
static int change_source(struct collector *collector)
{
	model_change_source(collector->model, now_ns());
	return begin_source(collector);
}

void collector_source_failed(struct collector *collector, int error)
{
	int result = error;

	if (!collector->choice.degraded && !collector->ending)
		result = source_fall_back(&collector->choice, error, now_ns());
	else
		log_line(LOG_PRIORITY_ERROR, "%s", collector->choice.source->error);
	if (!result)
		result = change_source(collector);
	if (result)
		collector_end_with(collector, result);
}

int collector_open_source(struct collector *collector)
{
	int result = source_choose(&collector->choice, &collector->config, &collector->model->counts, now_ns());

	return result ? result : begin_source(collector);
}

void collector_drain(struct collector *collector)
{
	const struct hadal_record *record;
	uint64_t now = now_ns();
	bool first = true;
	int result;

	while ((result = source_next(collector->choice.source, &record)) > 0) {
		/* Records come in order of time: the first is the oldest. */
		if (first)
			lag_note(&collector->lag, now > record->time ? now - record->time : 0);
		first = false;
		if (record->type == HADAL_RECORD_DUMP_END)
			collector->dump_ended = true;
		model_record(collector->model, record);
	}
	if (result < 0)
		collector_source_failed(collector, result);
}

void collector_drain_and_step(struct collector *collector)
{
	int result;

	do {
		collector_drain(collector);
		result = source_step(collector->choice.source);
	} while (result > 0 && !collector->failure);
	if (result < 0)
		collector_source_failed(collector, result);
	else
		collector_drain(collector);
}

/* Counts what connections have done up to now: who knows them goes. */
static void take_leave(struct collector *collector)
{
	uint64_t since = now_ns();

	collector->dump_ended = source_request_dump(collector->choice.source, collector->choice.source->counters_dump);
	while (!collector->dump_ended && !collector->failure && now_ns() - since < LEAVE_TIME)
		collector_drain_and_step(collector);
}

/* Between the last look without the module and its own first stands only its opening. */
void collector_look_for_module(struct collector *collector)
{
	int result;

	if (collector->dump_since || collector->refresh_since || !source_may_return(&collector->choice, now_ns()))
		return;
	take_leave(collector);
	if (collector->failure || !source_return(&collector->choice, now_ns()))
		return;
	result = change_source(collector);
	if (result)
		collector_end_with(collector, result);
}
