// SPDX-License-Identifier: MIT
#include "sink_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ship_auth.h"

/* Each is from malloc, or NULL, in a copy. */
static void free_text(const char *text)
{
	free((char *)(uintptr_t)text);
}

static bool copy_text(const char **text)
{
	if (!*text)
		return true;
	*text = strdup(*text);
	return *text;
}

static bool copy_headers(struct hadal_ship_config *config)
{
	const struct hadal_ship_header *from = config->headers;
	struct hadal_ship_header *headers = calloc(config->header_count + 1, sizeof(*headers));
	bool whole = headers;

	config->headers = headers;
	for (size_t i = 0; headers && i < config->header_count; i++) {
		headers[i] = from[i];
		whole &= copy_text(&headers[i].name);
		whole &= copy_text(&headers[i].value);
	}
	return whole;
}

/* Goes on after what failed, so that nothing of @config is left that is another's. */
static bool copy_ship(struct hadal_ship_config *config)
{
	bool whole = copy_headers(config);

	whole &= copy_text(&config->endpoint);
	for (int i = 0; i < HADAL_SIGNALS; i++)
		whole &= copy_text(&config->signal_endpoint[i]);
	whole &= copy_text(&config->token);
	hadal_ship_auth_share(config->auth);
	whole &= copy_text(&config->ca_certificate);
	whole &= copy_text(&config->client_certificate);
	whole &= copy_text(&config->client_key);
	return whole;
}

int hadal_sink_config_copy(struct hadal_sink_config *to, const struct hadal_sink_config *from)
{
	bool whole;

	*to = *from;
	whole = copy_ship(&to->ship);
	whole &= copy_text(&to->name);
	whole &= copy_text(&to->kind);
	for (size_t i = 0; i < to->setting_count; i++) {
		whole &= copy_text(&to->settings[i].key);
		whole &= copy_text(&to->settings[i].value);
	}
	if (whole)
		return 0;
	hadal_sink_config_free(to);
	return -ENOMEM;
}

static void free_ship(struct hadal_ship_config *config)
{
	for (size_t i = 0; config->headers && i < config->header_count; i++) {
		free_text(config->headers[i].name);
		free_text(config->headers[i].value);
	}
	free((void *)(uintptr_t)config->headers);
	free_text(config->endpoint);
	for (int i = 0; i < HADAL_SIGNALS; i++)
		free_text(config->signal_endpoint[i]);
	if (config->token)
		explicit_bzero((char *)(uintptr_t)config->token, strlen(config->token));
	free_text(config->token);
	hadal_ship_auth_release(config->auth);
	free_text(config->ca_certificate);
	free_text(config->client_certificate);
	free_text(config->client_key);
}

void hadal_sink_config_free(struct hadal_sink_config *config)
{
	free_ship(&config->ship);
	free_text(config->name);
	free_text(config->kind);
	for (size_t i = 0; i < config->setting_count; i++) {
		free_text(config->settings[i].key);
		free_text(config->settings[i].value);
	}
	*config = (struct hadal_sink_config){ 0 };
}
