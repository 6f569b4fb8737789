/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "source_choice.h"

#define SECOND		1000000000ULL
#define RETRY_FIRST	(2 * SECOND)	/* to look whether there is a device costs nothing */
#define RETRY_MOST	(600 * SECOND)
#define STEADY		(600 * SECOND)	/* a session that lasted so long was a good one */

/* ---- counters ---- */

static void add_stats(struct hadal_stats *to, const struct hadal_stats *from)
{
	for (unsigned int i = 0; i < HADAL_CLASS_SLOTS; i++) {
		to->class_stats[i].produced += from->class_stats[i].produced;
		to->class_stats[i].delivered += from->class_stats[i].delivered;
		to->class_stats[i].lost += from->class_stats[i].lost;
		to->class_stats[i].bytes += from->class_stats[i].bytes;
		to->filtered[i] += from->filtered[i];
		to->governed[i] += from->governed[i];
	}
}

int source_choice_stats(const struct source_choice *choice, struct hadal_stats *stats)
{
	int result;

	*stats = (struct hadal_stats){ 0 };
	result = source_stats(choice->source, stats);
	add_stats(stats, &choice->past);
	return result;
}

/* ---- the choice ---- */

static void replace_source(struct source_choice *choice, struct source *source, uint64_t now)
{
	struct hadal_stats last;

	if (choice->source) {
		source_choice_stats(choice, &last);
		choice->past = last;
		source_close(choice->source);
	}
	choice->source = source;
	choice->since = now;
}

/* What would be told beyond them is not to be told. */
static const char *filter_in_the_way(const struct config *config)
{
	if (config->filter_cgroup_count)
		return "filter.cgroups";
	return config->filter_min_duration ? "filter.min_duration" : NULL;
}

static int degrade(struct source_choice *choice, const struct source_failure *failure, uint64_t now)
{
	const char *filter = filter_in_the_way(choice->config);
	struct source *source;
	int result;

	log_line(LOG_PRIORITY_ERROR, "%s", failure->reason);
	if (failure->configuration || !choice->config->degraded)
		return failure->error;
	if (filter) {
		log_line(LOG_PRIORITY_ERROR, "%s cannot be kept without the module", filter);
		return failure->error;
	}
	result = source_open_degraded(choice->config, failure, choice->counts, &source);
	if (result) {
		log_line(LOG_PRIORITY_ERROR, "going on without the module: %s", strerror(-result));
		return result;
	}
	replace_source(choice, source, now);
	choice->degraded = true;
	choice->retry = now + choice->wait;
	log_line(LOG_PRIORITY_WARNING, "degraded: going on without the module, by the process connector and sock_diag; "
		 "short connections may have no owner, and there is no UDP or DNS");
	return 0;
}

int source_choose(struct source_choice *choice, const struct config *config, struct counts *counts, uint64_t now)
{
	struct source_failure failure;

	*choice = (struct source_choice){ .config = config, .counts = counts, .since = now, .wait = RETRY_FIRST };
	if (!source_open_module(config, &choice->source, &failure))
		return 0;
	return degrade(choice, &failure, now);
}

int source_fall_back(struct source_choice *choice, int error, uint64_t now)
{
	struct source_failure failure = { .error = error, .state = "failed" };

	snprintf(failure.reason, sizeof(failure.reason), "%.*s", (int)sizeof(failure.reason) - 1,
		 choice->source->error);
	choice->wait = now - choice->since >= STEADY || choice->wait < RETRY_FIRST ? RETRY_FIRST : 2 * choice->wait;
	if (choice->wait > RETRY_MOST)
		choice->wait = RETRY_MOST;
	return degrade(choice, &failure, now);
}

bool source_may_return(struct source_choice *choice, uint64_t now)
{
	const char *device = choice->config->device ? choice->config->device : HADAL_DEVICE_PATH;

	if (!choice->degraded || now < choice->retry)
		return false;
	choice->retry = now + choice->wait;
	return access(device, R_OK | W_OK) == 0;
}

bool source_return(struct source_choice *choice, uint64_t now)
{
	struct source_failure failure;
	struct source *module;

	if (source_open_module(choice->config, &module, &failure)) {
		/* Each further time half as often: it is there, and does not do. */
		choice->wait = 2 * choice->wait < RETRY_MOST ? 2 * choice->wait : RETRY_MOST;
		choice->retry = now + choice->wait;
		log_line(LOG_PRIORITY_WARNING, "still degraded: %s", failure.reason);
		return false;
	}
	replace_source(choice, module, now);
	choice->degraded = false;
	log_line(LOG_PRIORITY_INFO, "module %s is there: no longer degraded", module->version);
	return true;
}
