// SPDX-License-Identifier: MIT
/*
 * Whether it can be shipped with what is configured. Here alone the configuration needs
 * the shipper: who only reads it does not link with that.
 */
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "config_keys.h"
#include "config_parts.h"
#include "config_sinks.h"
#include "config_values.h"
#include "sink_thread.h"

bool config_sinks_write(const struct config *config)
{
	for (size_t i = 0; i < config->sink_count; i++) {
		const struct hadal_sink_kind *kind = hadal_sink_kind(config->sinks[i]->kind);

		if (kind && kind->files)
			return true;
	}
	return false;
}

/* Which header it is the message says. */
static const char *key_of_headers(const struct config *config)
{
	unsigned int signals = config->header_count ? config->headers[0].signals : 0;

	for (unsigned int i = 0; i < config->header_count; i++) {
		if (config->headers[i].signals != signals)
			return "otlp.headers";
	}
	if (!signals)
		return "otlp.headers";
	return signals & 1U << HADAL_SIGNAL_METRICS ? "otlp.metrics_headers" : "otlp.logs_headers";
}

/* The key to which a part of the shipper's configuration goes back. */
static const char *key_of_part(const struct config *config, enum hadal_ship_part part)
{
	switch (part) {
	case HADAL_SHIP_PART_BOUNDS:
		return "otlp.queue";
	case HADAL_SHIP_PART_TOKEN:
		return config->token_key;
	case HADAL_SHIP_PART_HEADERS:
		return key_of_headers(config);
	case HADAL_SHIP_PART_CA_CERTIFICATE:
		return "otlp.ca_certificate";
	case HADAL_SHIP_PART_CLIENT_CERTIFICATE:
		return "otlp.client_certificate";
	case HADAL_SHIP_PART_CLIENT_KEY:
		return "otlp.client_key";
	case HADAL_SHIP_PART_ENDPOINT:
		return unless_empty(config->metrics_endpoint) ? "otlp.metrics_endpoint" : "otlp.endpoint";
	default:
		return unless_empty(config->logs_endpoint) ? "otlp.logs_endpoint" : "otlp.endpoint";
	}
}

static void check_otlp(struct config *config, const struct hadal_sink_config *sink)
{
	enum hadal_ship_part part;
	char error[512] = "no memory";
	const char *key;

	if (auth_check(config, &key, error, sizeof(error))) {
		config_wrong(config, config_origin(config, key), key, "%s", error);
		return;
	}
	if (!hadal_sink_check(sink, &part, error, sizeof(error)))
		return;
	key = key_of_part(config, part);
	config_wrong(config, part == HADAL_SHIP_PART_TOKEN ? config->token_origin : config_origin(config, key), key,
		     "%s", error);
}

static void check_kind(struct config *config, struct config_sink *sink, const char *key)
{
	if (hadal_sink_kind(sink->kind))
		return;
	sink->wrong = true;
	config_wrong(config, sink->kind_origin, key, "type: there is no such type of sink");
}

static void check_sink(struct config *config, struct config_sink *sink)
{
	struct hadal_sink_config ship;
	enum hadal_ship_part part;
	char error[512] = "no memory", key[64];
	const char *of_auth;

	config_share_host(config, sink->own);
	config_find_token(sink->own);
	config_fill_sink(sink, &ship);
	config_check_api_endpoint(sink->own, "otlp.token_endpoint", sink->own->token_endpoint);
	config_sink_take_errors(config, sink);
	snprintf(key, sizeof(key), "sink %s", sink->name);
	check_kind(config, sink, key);
	if (ship.ship.signal_off[HADAL_SIGNAL_METRICS] && ship.ship.signal_off[HADAL_SIGNAL_LOGS])
		config_wrong(config, sink->origin, key, "it has no endpoint");
	if (sink->wrong)
		return;
	if (auth_check(sink->own, &of_auth, error, sizeof(error))) {
		config_wrong(sink->own, config_origin(sink->own, of_auth), of_auth, "%s", error);
		config_sink_take_errors(config, sink);
		return;
	}
	if (!hadal_sink_check(&ship, &part, error, sizeof(error)))
		return;
	if (part < HADAL_SHIP_PARTS) {
		check_otlp(sink->own, &ship);
		config_sink_take_errors(config, sink);
		return;
	}
	config_wrong(config, sink->origin, key, "%s", error);
}

void config_check_shipping(struct config *config)
{
	struct hadal_sink_config sink;

	if (config_has_otlp(config)) {
		config_fill_otlp(config, &sink);
		check_otlp(config, &sink);
	}
	for (size_t i = 0; i < config->sink_count; i++)
		check_sink(config, config->sinks[i]);
	if (config_has_otlp(config) && config->sink_count == HADAL_SINKS_MAX)
		config_wrong(config, config->sinks[HADAL_SINKS_MAX - 1]->origin, NULL,
			     "[otlp] and %d more sinks are more than %d", HADAL_SINKS_MAX, HADAL_SINKS_MAX);
}
