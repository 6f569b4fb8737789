// SPDX-License-Identifier: MIT
#include "clock.h"
#include "collector_parts.h"
#include "log.h"
#include "model.h"
#include "nat.h"
#include "query_protocol.h"
#include "query_server.h"
#include "readout.h"

static char *answer_status(const struct collector *collector, struct readout *readout)
{
	const struct source *source = collector->choice.source;
	struct hadal_ship_stats shipped;
	struct hadal_stats stats = { 0 };
	struct nat_stats nat;

	source_choice_stats(&collector->choice, &stats);
	readout->stats = &stats;
	readout->nat = &nat;
	nat_stats(collector->nat, &nat);
	readout->module_state = source->state;
	readout->degraded_reason = source->reason;
	readout->source_limits = source->limits;
	if (collector_ship_stats(collector, &shipped))
		readout->shipped = &shipped;
	return readout_status(readout);
}

static char *answer_processes(struct collector *collector, struct readout *readout)
{
	collector_sample_processes(collector);
	readout->sampled = collector->sampled;
	return readout_processes(readout);
}

/* "VERSION WORD"; see query_protocol.h. */
static char *answer_query(void *context, const char *request, bool fresh)
{
	struct collector *collector = context;
	struct readout readout = {
		.model = collector->model, .module_version = collector->choice.source->version, .time = wall_ns(),
		.start_time = collector->start_time, .interval = collector->config.interval,
		.lag = lag_lately(&collector->lag), .lag_most = collector->lag.most, .stages = &collector->stages,
	};
	enum query_request asked = query_parse(request);

	if (asked == QUERY_REQUEST_STATUS)
		return answer_status(collector, &readout);
	fresh |= now_ns() - collector->fresh_at < FRESH_TIME;
	readout.time = collector->fresh_wall;
	switch (asked) {
	case QUERY_REQUEST_FLOWS:
		return fresh ? readout_flows(&readout) : NULL;
	case QUERY_REQUEST_PROCESSES:
		return fresh ? answer_processes(collector, &readout) : NULL;
	case QUERY_REQUEST_MALFORMED:
		return readout_error("not of the form VERSION WORD");
	case QUERY_REQUEST_VERSION:
		return readout_error("this hadald speaks version 1 alone");
	default:
		return readout_error("not one of flows, processes, status");
	}
}

void collector_open_queries(struct collector *collector)
{
	const char *path = collector->config.query_socket;
	char error[512];

	if (*path && query_server_open(path, "hadal", answer_query, collector, &collector->model->counts,
				       &collector->queries, error, sizeof(error)))
		log_line(LOG_PRIORITY_WARNING, "%s; 'hadal flows', 'ps' and 'top' find nobody to ask", error);
}

/* Where a dump is under way already, what is known without must do. */
static void begin_refresh(struct collector *collector)
{
	if (collector->refresh_since || collector->dump_since)
		return;
	collector->refresh_since = now_ns();
	collector->dump_ended = source_request_dump(collector->choice.source, collector->choice.source->counters_dump);
}

static void finish_refresh(struct collector *collector)
{
	uint64_t now = now_ns(), wall = wall_ns();

	collector->refresh_since = 0;
	collector_update_host(collector);
	model_refresh(collector->model, now, wall);
	collector->fresh_at = now;
	collector->fresh_wall = wall;
}

void collector_serve_queries(struct collector *collector)
{
	if (!collector->queries)
		return;
	query_server_turn(collector->queries, now_ns());
	if (collector->refresh_since &&
	    (collector->dump_ended || now_ns() - collector->refresh_since > DUMP_TIME))
		finish_refresh(collector);
	if (!query_server_waits(collector->queries))
		return;
	if (now_ns() - collector->fresh_at < FRESH_TIME)
		query_server_fresh(collector->queries, now_ns());
	else
		begin_refresh(collector);
}
