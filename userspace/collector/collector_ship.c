// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "collector_parts.h"
#include "edge_points.h"
#include "export.h"
#include "log.h"
#include "model.h"

static void ship_says(void *context, enum hadal_ship_log_level level, const char *message)
{
	static const enum log_priority priorities[] = {
		[HADAL_SHIP_ERROR] = LOG_PRIORITY_ERROR,
		[HADAL_SHIP_WARNING] = LOG_PRIORITY_WARNING,
		[HADAL_SHIP_INFO] = LOG_PRIORITY_INFO,
	};

	(void)context;
	log_line(priorities[level], "%s", message);
}

static void let_go(struct hadal_sink_config *sinks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hadal_ship_auth_release(sinks[i].ship.auth);
}

/* What @config says of sinks, up to HADAL_SINKS_MAX of them, for let_go(). */
static int sinks_of(const struct config *config, struct hadal_sink_config *sinks, size_t *count)
{
	int result = 0;

	*count = config_sinks(config, sinks);
	for (size_t i = 0; !result && i < *count; i++) {
		result = auth_open(config_of_sink(config, i), &sinks[i].ship.auth);
		if (sinks[i].ship.auth)
			sinks[i].ship.token = NULL;
	}
	if (!result)
		return 0;
	log_line(LOG_PRIORITY_ERROR, "shipping: credentials cannot be kept: %s", strerror(-result));
	let_go(sinks, *count);
	return result;
}

int collector_start_shipper(struct collector *collector, const struct config *config)
{
	struct hadal_sink_config sinks[HADAL_SINKS_MAX];
	struct hadal_shipper_config ship = {
		.sinks = sinks,
		.spool_directory = *config->spool_directory ? config->spool_directory : NULL,
		.spool_bytes = config->spool_bytes,
		.spool_age_ms = config->spool_age * 1000,
		.queue_bytes = config->queue_bytes,
		.log = ship_says,
	};
	char error[512];
	int result = sinks_of(config, sinks, &ship.sink_count);

	if (result || !ship.sink_count)
		return result;
	result = hadal_shipper_new(&ship, &collector->shipper, error, sizeof(error));
	let_go(sinks, ship.sink_count);
	if (result)
		log_line(LOG_PRIORITY_ERROR, "shipping: %s", error);
	return result;
}

/* The spool is that of the first shipper; sinks may come and go. */
static bool writes_files(const struct collector *collector, const struct config *config)
{
	return config_sinks_write(config) ||
	       (!collector->shipper && config_ships(config) && *config->spool_directory);
}

int collector_change_shipper(struct collector *collector, const struct config *config)
{
	struct hadal_sink_config sinks[HADAL_SINKS_MAX];
	char error[512];
	size_t count;
	int result;

	if (collector->no_files && writes_files(collector, config)) {
		log_line(LOG_PRIORITY_WARNING, "shipping: the new configuration needs a restart: "
			 "the seccomp filter, set when no files were written, forbids those of it");
		return 0;
	}
	if (!collector->shipper)
		return collector_start_shipper(collector, config);
	result = sinks_of(config, sinks, &count);
	if (result)
		return result;
	result = hadal_shipper_set_sinks(collector->shipper, sinks, count, error, sizeof(error));
	let_go(sinks, count);
	if (result)
		log_line(LOG_PRIORITY_ERROR, "shipping: %s", error);
	return result;
}

static void end_told_state(const struct collector *collector, struct export_source *to)
{
	const struct source *source = collector->choice.source;

	if (!collector->told_state[0] || (strcmp(collector->told_state, source->state) == 0 &&
					  strcmp(collector->told_version, source->version) == 0))
		return;
	to->ended_state = collector->told_state;
	to->ended_version = collector->told_version;
}

static void note_told_state(struct collector *collector)
{
	const struct source *source = collector->choice.source;

	snprintf(collector->told_state, sizeof(collector->told_state), "%s", source->state);
	snprintf(collector->told_version, sizeof(collector->told_version), "%s", source->version);
}

/* Most in an interval's batch. */
static unsigned int config_points(const struct config *config)
{
	return config->profile == CONFIG_PROFILE_FULL ? POINTS_UNLIMITED : (unsigned int)config->points;
}

static const struct self *self_of(struct collector *collector)
{
	/* The stage that is under way counts up to now. */
	stage_enter(&collector->stages, collector->stages.current);
	collector->self = (struct self){
		.usage = self_usage(), .stages = collector->stages, .lag = collector->lag.now,
	};
	return &collector->self;
}

bool collector_ship_stats(const struct collector *collector, struct hadal_ship_stats *stats)
{
	if (!collector->shipper)
		return false;
	hadal_shipper_stats(collector->shipper, stats);
	return true;
}

struct export_source collector_export_source(struct collector *collector, uint64_t now, uint64_t wall,
					     struct hadal_stats *stats)
{
	const struct source *source = collector->choice.source;

	*stats = (struct hadal_stats){ 0 };
	if (source_choice_stats(&collector->choice, stats))
		log_line(LOG_PRIORITY_ERROR, "%s", source->error);
	host_usage_read(&collector->host_usage, &collector->model->counts);
	return (struct export_source){
		.host = &collector->host, .usage = &collector->host_usage, .self = self_of(collector),
		.model = collector->model, .stats = stats,
		.module_version = source->version, .module_state = source->state,
		.start_time = collector->start_time, .time = wall,
		.points = config_points(&collector->config),
		.full = collector->config.profile == CONFIG_PROFILE_FULL, .builds = collector->programs,
		.all = collector->ending, .renamed = collector->renamed, .now = now,
	};
}

bool collector_ship_batch(struct collector *collector, uint64_t now, uint64_t wall, bool ended)
{
	struct hadal_ship_stats shipped;
	struct hadal_stats stats;
	enum stage before = stage_enter(&collector->stages, STAGE_EXPORT);
	struct export_source source = collector_export_source(collector, now, wall, &stats);
	struct hadal_batch *batch;

	end_told_state(collector, &source);
	collector_ship_stats(collector, &shipped);
	source.shipped = &shipped;
	source.ended = ended;
	if (!ended && collector->config.logs != CONFIG_LOGS_OFF) {
		source.notices = collector->told_notices;
		source.notice_count = collector->notice_count;
	}
	batch = export_batch(&source);
	if (batch) {
		note_told_state(collector);
		hadal_shipper_submit(collector->shipper, batch);
	} else {
		log_line(LOG_PRIORITY_ERROR, "no memory for the interval's batch; its counts come with the next");
	}
	stage_enter(&collector->stages, before);
	return batch;
}
