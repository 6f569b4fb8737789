// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "collector_parts.h"
#include "model.h"
#include "process_usage.h"
#include "readout.h"

void collector_sample_processes(struct collector *collector)
{
	uint64_t now = now_ns();

	if (collector->sampled && now - collector->sampled < FRESH_TIME)
		return;
	process_usage_sample(&collector->model->processes, collector->proc, READOUT_ROWS);
	collector->sampled = now;
}

/* Where none are to be told they are not looked at. */
static void detail_processes(struct collector *collector, uint64_t now, uint64_t wall)
{
	bool full = collector->estimate || collector->config.profile == CONFIG_PROFILE_FULL;
	unsigned int most = full ? (unsigned int)collector->config.processes_told : 0;

	if (most)
		collector_sample_processes(collector);
	model_detail_processes(collector->model, most, now, wall);
}

/* Nobody waits for it, so neither does it for who the host is. */
static void estimate_batch(struct collector *collector, uint64_t now, uint64_t wall)
{
	struct hadal_stats stats;
	struct export_source source = collector_export_source(collector, now, wall, &stats);

	estimate_interval(collector->estimate, &source);
	collector->estimate->nanoseconds = wall - collector->start_time;
}

/*
 * ns. Receivers that leave out some of what a resource says have one series of both then,
 * in which an end and a value at one time exclude each other.
 */
#define END_BEFORE	1000000ULL

/*
 * A resource that changes makes other series of the same counts. Those of
 * before end, and what comes from now on is counted anew.
 */
static void take_host(struct collector *collector, uint64_t now, uint64_t wall)
{
	struct export_host host;

	collector_describe_host(collector, &host);
	if (memcmp(&host, &collector->host, sizeof(host)) == 0)
		return;
	if (collector->shipper && collector->told) {
		if (collector->behind || !collector_ship_batch(collector, now, wall - END_BEFORE, true))
			return;
		model_end_series(collector->model);
		collector->renamed = true;
	}
	collector->host = host;
	collector->told = false;
}

void collector_finish_interval(struct collector *collector)
{
	uint64_t now = now_ns(), wall = wall_ns();
	enum stage before = stage_enter(&collector->stages, STAGE_AGGREGATE);

	collector->dump_since = 0;
	collector_pump_identity(collector);
	collector_update_host(collector);
	take_host(collector, now, wall);
	model_interval(collector->model, now, wall, collector->ending);
	if (collector->shipper && !collector_host_pending(collector, now)) {
		detail_processes(collector, now, wall);
		collector->behind = !collector_ship_batch(collector, now, wall, false);
		collector->told |= !collector->behind;
		collector->renamed &= collector->behind;
		if (!collector->behind)
			collector->notice_count = 0;
		if (collector->flush)
			hadal_shipper_flush(collector->shipper);
		collector->flush = false;
	}
	if (collector->estimate) {
		detail_processes(collector, now, wall);
		estimate_batch(collector, now, wall);
	}
	model_interval_done(collector->model, now);
	collector->fresh_at = now;
	collector->fresh_wall = wall;
	lag_interval(&collector->lag);
	stage_enter(&collector->stages, before);
}

void collector_begin_interval(struct collector *collector)
{
	struct source *source = collector->choice.source;
	int result;

	collector->interval_over = false;
	if (collector->dump_since)
		return;
	result = source_request_dump(source, source->counters_dump | collector->model->lost);
	if (result == -EBUSY)
		return;	/* the dump at start is not through yet: the next interval tells all */
	if (result) {
		collector_source_failed(collector, result);
		return;
	}
	collector->dump_since = now_ns();
	collector->dump_ended = false;
}

bool collector_interval_due(const struct collector *collector)
{
	return collector->dump_since &&
	       (collector->dump_ended || now_ns() - collector->dump_since > DUMP_TIME);
}
