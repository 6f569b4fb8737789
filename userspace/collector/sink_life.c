// SPDX-License-Identifier: MIT
/* Beginning and end of a sink, and what can be said of it before: whether it can be. */
#include "sink_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "condition.h"
#include "sink_config.h"

enum {
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_MAX_MS = 30 * 1000,
};

static int check_name(const char *name, char *error, size_t error_size)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (*name && strlen(name) < HADAL_SINK_NAME_SIZE && !name[strspn(name, allowed)])
		return 0;
	snprintf(error, error_size, "'%.64s' is no name of a sink: letters, digits, - and _, up to %d of them", name,
		 HADAL_SINK_NAME_SIZE - 1);
	return -EINVAL;
}

static bool knows_key(const struct hadal_sink_kind *kind, const char *key)
{
	for (const char *const *known = kind->keys; known && *known; known++)
		if (!strcmp(*known, key))
			return true;
	return false;
}

static int check_keys(const struct hadal_sink_config *config, const struct hadal_sink_kind *kind, char *error,
		      size_t error_size)
{
	for (size_t i = 0; i < config->setting_count; i++) {
		if (knows_key(kind, config->settings[i].key))
			continue;
		snprintf(error, error_size, "a sink of type %s has no key '%.64s'", kind->name, config->settings[i].key);
		return -EINVAL;
	}
	return 0;
}

int hadal_sink_check(const struct hadal_sink_config *config, enum hadal_ship_part *part, char *error,
		     size_t error_size)
{
	const struct hadal_sink_kind *kind = hadal_sink_kind(config->kind);
	int ret = check_name(config->name, error, error_size);

	*part = HADAL_SHIP_PARTS;
	if (!ret && !kind) {
		snprintf(error, error_size, "there is no type of sink '%.64s'", config->kind);
		ret = -EINVAL;
	}
	if (!ret && config->delta && kind->cumulative) {
		snprintf(error, error_size, "a sink of type %s takes totals, not increments", kind->name);
		ret = -EINVAL;
	}
	if (!ret)
		ret = check_keys(config, kind, error, error_size);
	if (!ret && kind->check)
		ret = kind->check(config, part, error, error_size);
	return ret;
}

static void find_signals(struct hadal_sink *sink)
{
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		sink->takes[i] = sink->kind->signals & 1U << i && !sink->config.ship.signal_off[i];
		if (sink->takes[i] && sink->kind->takes)
			sink->takes[i] = sink->kind->takes(sink->impl, (enum hadal_signal)i);
	}
}

static int open_sink(struct hadal_sink *sink, char *error, size_t error_size)
{
	int ret = hadal_sink_config_copy(&sink->config, &sink->config);

	if (ret) {
		snprintf(error, error_size, "no memory");
		return ret;
	}
	if (!sink->config.delta) {
		sink->series = hadal_series_new(0);
		if (!sink->series) {
			snprintf(error, error_size, "no memory");
			return -ENOMEM;
		}
	}
	return sink->kind->open(&sink->config, &sink->impl, error, error_size);
}

int hadal_sink_new(const struct hadal_sink_config *config, const struct hadal_sink_host *host,
		   struct hadal_sink **sink, char *error, size_t error_size)
{
	enum hadal_ship_part part;
	struct hadal_sink *made;
	int ret = hadal_sink_check(config, &part, error, error_size);

	if (ret)
		return ret;
	made = calloc(1, sizeof(*made));
	if (!made) {
		snprintf(error, error_size, "no memory");
		return -ENOMEM;
	}
	pthread_mutex_init(&made->lock, NULL);
	condition_init(&made->changed);
	made->config = *config;
	made->kind = hadal_sink_kind(config->kind);
	made->host = *host;
	made->backoff_first_ms = config->ship.backoff_first_ms ?: BACKOFF_FIRST_MS;
	made->backoff_max_ms = config->ship.backoff_max_ms ?: BACKOFF_MAX_MS;
	ret = open_sink(made, error, error_size);
	if (ret) {
		hadal_sink_free(made);
		return ret;
	}
	find_signals(made);
	snprintf(made->stats.name, sizeof(made->stats.name), "%s", made->config.name);
	made->stats.kind = made->kind->name;
	*sink = made;
	return 0;
}

void hadal_sink_free(struct hadal_sink *sink)
{
	if (!sink)
		return;
	sink_put_record_away(sink);
	if (sink->impl)
		sink->kind->close(sink->impl);
	hadal_series_free(sink->series);
	free(sink->state.series);
	hadal_sink_config_free(&sink->config);
	pthread_cond_destroy(&sink->changed);
	pthread_mutex_destroy(&sink->lock);
	free(sink);
}

const char *hadal_sink_name(const struct hadal_sink *sink)
{
	return sink->config.name;
}
