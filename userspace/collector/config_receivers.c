// SPDX-License-Identifier: MIT
/* What the configuration says of where is shipped to. It needs nothing that ships. */
#include <string.h>

#include "auth.h"
#include "config_keys.h"
#include "config_parts.h"
#include "config_sinks.h"
#include "config_values.h"

bool config_has_otlp(const struct config *config)
{
	return unless_empty(config->endpoint) || unless_empty(config->metrics_endpoint) ||
	       unless_empty(config->logs_endpoint);
}

bool config_ships(const struct config *config)
{
	return config_has_otlp(config) || config->sink_count;
}

/* Of @config, what [otlp] sets. */
static void fill_ship(const struct config *config, struct hadal_ship_config *ship)
{
	const char *base = unless_empty(config->endpoint);

	*ship = (struct hadal_ship_config){
		.endpoint = base,
		.signal_endpoint = {
			[HADAL_SIGNAL_METRICS] = unless_empty(config->metrics_endpoint),
			[HADAL_SIGNAL_LOGS] = unless_empty(config->logs_endpoint),
		},
		.token = config->auth == CONFIG_AUTH_BEARER ? unless_empty(config->token) : NULL,
		.auth_name = config->auth == CONFIG_AUTH_SIGV4 ? "AWS's signature" :
			     auth_keeps_token(config) ? "the token" : NULL,
		.is_signed = config->auth == CONFIG_AUTH_SIGV4,
		.headers = config->headers,
		.header_count = config->header_count,
		.no_compression = config->no_compression,
		.ca_certificate = unless_empty(config->ca_certificate),
		.client_certificate = unless_empty(config->client_certificate),
		.client_key = unless_empty(config->client_key),
		.timeout_ms = (unsigned int)config->timeout,
	};
	for (int i = 0; i < HADAL_SIGNALS; i++)
		ship->signal_off[i] = !base && !ship->signal_endpoint[i];
}

/* Of [otlp] itself. */
void config_fill_otlp(const struct config *config, struct hadal_sink_config *sink)
{
	*sink = (struct hadal_sink_config){ .name = CONFIG_OTLP_SINK, .kind = "otlp", .delta = config->delta };
	fill_ship(config, &sink->ship);
	if (config->logs == CONFIG_LOGS_OFF)
		sink->ship.signal_off[HADAL_SIGNAL_LOGS] = true;
}

void config_fill_sink(const struct config_sink *sink, struct hadal_sink_config *to)
{
	const bool by_endpoint = strcmp(sink->kind, "otlp") == 0;

	*to = (struct hadal_sink_config){ .name = sink->name, .kind = sink->kind, .delta = sink->own->delta };
	fill_ship(sink->own, &to->ship);
	for (int i = 0; i < HADAL_SIGNALS; i++)
		to->ship.signal_off[i] = sink->off[i] || (by_endpoint && to->ship.signal_off[i]);
	memcpy(to->settings, sink->settings, sizeof(to->settings));
	to->setting_count = sink->setting_count;
}

const struct config *config_of_sink(const struct config *config, size_t index)
{
	if (!config_has_otlp(config))
		return config->sinks[index]->own;
	return index ? config->sinks[index - 1]->own : config;
}

size_t config_sinks(const struct config *config, struct hadal_sink_config *sinks)
{
	size_t count = 0;

	if (config_has_otlp(config))
		config_fill_otlp(config, &sinks[count++]);
	for (size_t i = 0; i < config->sink_count && count < HADAL_SINKS_MAX; i++) {
		config_fill_sink(config->sinks[i], &sinks[count]);
		if (config->logs == CONFIG_LOGS_OFF)
			sinks[count].ship.signal_off[HADAL_SIGNAL_LOGS] = true;
		count++;
	}
	for (size_t i = 0; i < count; i++)
		sinks[i].interval_ms = (unsigned int)config->interval * 1000;
	return count;
}

void config_share_host(struct config *config, struct config *own)
{
	if (!config_replace(&own->ec2_metadata, config->ec2_metadata) ||
	    !config_replace(&own->ec2_metadata_ipv6, config->ec2_metadata_ipv6) ||
	    (config->cloud_region && !config_replace(&own->cloud_region, config->cloud_region)))
		config_wrong(config, own->sink_name, NULL, "no memory");
}
