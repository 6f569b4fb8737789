// SPDX-License-Identifier: MIT
#include "config_sinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_values.h"

static const char prefix[] = "sink ";

bool config_is_sink_section(const char *section)
{
	return strncmp(section, prefix, sizeof(prefix) - 1) == 0;
}

static struct config_sink *find(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->sink_count; i++)
		if (strcmp(config->sinks[i]->name, name) == 0)
			return config->sinks[i];
	return NULL;
}

static void free_sink(struct config_sink *sink)
{
	if (!sink)
		return;
	if (sink->own)
		config_free(sink->own);
	for (size_t i = 0; i < sink->setting_count; i++) {
		free((char *)(uintptr_t)sink->settings[i].key);
		free((char *)(uintptr_t)sink->settings[i].value);
		free(sink->setting_origin[i]);
	}
	free(sink->own);
	free(sink->name);
	free(sink->kind);
	free(sink->kind_origin);
	free(sink->origin);
	free(sink);
}

static struct config_sink *make(struct config *config, const char *name, const char *origin)
{
	struct config_sink *sink = calloc(1, sizeof(*sink));

	if (!sink)
		return NULL;
	sink->name = strdup(name);
	sink->kind = strdup("otlp");
	sink->origin = strdup(origin);
	sink->own = malloc(sizeof(*sink->own));
	if (!sink->name || !sink->kind || !sink->origin || !sink->own) {
		free(sink->own);
		sink->own = NULL;
		free_sink(sink);
		return NULL;
	}
	config_default(sink->own, config->report);
	sink->own->sink_name = sink->name;
	return sink;
}

struct config_sink *config_sink_section(struct config *config, const char *section, const char *origin, char *error,
					size_t error_size)
{
	const char *name = section + sizeof(prefix) - 1;
	struct config_sink *sink = find(config, name);

	if (sink)
		return sink;
	if (strcmp(name, CONFIG_OTLP_SINK) == 0)
		snprintf(error, error_size, "that is the name of the sink that [otlp] is");
	else if (config->sink_count == HADAL_SINKS_MAX)
		snprintf(error, error_size, "more than %d sinks", HADAL_SINKS_MAX);
	else if (!(sink = make(config, name, origin)))
		snprintf(error, error_size, "no memory");
	else
		config->sinks[config->sink_count++] = sink;
	return sink;
}

static const char *set_signals(struct config_sink *sink, const char *value)
{
	const bool all = strcmp(value, "all") == 0, metrics = strcmp(value, "metrics") == 0,
		   logs = strcmp(value, "logs") == 0;

	sink->off[HADAL_SIGNAL_METRICS] = logs;
	sink->off[HADAL_SIGNAL_LOGS] = metrics;
	return all || metrics || logs ? NULL : "none of 'all', 'metrics', 'logs'";
}

/* Which there are only shipping knows, which looks at it when all has been read. */
static const char *set_kind(struct config_sink *sink, const char *origin, const char *value)
{
	return config_replace(&sink->kind_origin, origin) && config_replace(&sink->kind, value) ? NULL : "no memory";
}

/* A later line for the same key counts. */
static size_t place_of(const struct config_sink *sink, const char *key)
{
	size_t i = 0;

	while (i < sink->setting_count && strcmp(sink->settings[i].key, key))
		i++;
	return i;
}

static const char *set_own(struct config_sink *sink, const char *origin, const char *key, const char *value)
{
	const size_t i = place_of(sink, key);
	char *key_copy = strdup(key), *value_copy = strdup(value), *origin_copy = strdup(origin);

	if (i == HADAL_SINK_SETTINGS_MAX || !key_copy || !value_copy || !origin_copy) {
		free(key_copy);
		free(value_copy);
		free(origin_copy);
		return i == HADAL_SINK_SETTINGS_MAX ? "more keys than a sink may have" : "no memory";
	}
	if (i == sink->setting_count)
		sink->setting_count++;
	free((char *)(uintptr_t)sink->settings[i].key);
	free((char *)(uintptr_t)sink->settings[i].value);
	free(sink->setting_origin[i]);
	sink->settings[i] = (struct hadal_sink_setting){ key_copy, value_copy };
	sink->setting_origin[i] = origin_copy;
	return NULL;
}

const char *config_sink_set(struct config_sink *sink, const char *origin, const char *key, const char *value)
{
	if (strcmp(key, "type") == 0)
		return set_kind(sink, origin, value);
	if (strcmp(key, "signals") == 0)
		return set_signals(sink, value);
	return set_own(sink, origin, key, value);
}

void config_sink_take_errors(struct config *config, struct config_sink *sink)
{
	sink->wrong |= sink->own->errors;
	config->errors += sink->own->errors;
	sink->own->errors = 0;
}

void config_sinks_free(struct config *config)
{
	for (size_t i = 0; i < config->sink_count; i++)
		free_sink(config->sinks[i]);
	config->sink_count = 0;
}
