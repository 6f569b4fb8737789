// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_parts.h"
#include "config_values.h"

/* Undoes percent-encoding in place. */
static bool percent_decode(char *text)
{
	char *out = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		high = config_hex_digit(text[1]);
		low = high < 0 ? -1 : config_hex_digit(text[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high << 4 | low);
		text += 2;
	}
	*out = '\0';
	return true;
}

static void free_header(struct hadal_ship_header *header)
{
	free((char *)(uintptr_t)header->name);
	free((char *)(uintptr_t)header->value);
}

/* Those that are for just these signals. */
static void drop_headers(struct config *config, unsigned int signals)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < config->header_count; i++) {
		if (config->headers[i].signals == signals)
			free_header(&config->headers[i]);
		else
			config->headers[kept++] = config->headers[i];
	}
	config->header_count = kept;
}

static const char *add_header(struct config *config, char *text, unsigned int signals)
{
	struct hadal_ship_header *header = &config->headers[config->header_count];
	char *equals = strchr(text, '=');

	if (!equals)
		return "not a list of NAME=VALUE, with commas between";
	*equals = '\0';
	if (config->header_count == CONFIG_HEADERS)
		return "more than 32 headers";
	text = config_trim(text);
	if (!*text)
		return "a header without a name";
	if (!percent_decode(equals + 1))
		return "a value with a broken percent-encoding";
	header->name = strdup(text);
	header->value = strdup(config_trim(equals + 1));
	header->signals = signals;
	config->header_count++;
	return header->name && header->value ? NULL : "no memory";
}

/* As in OTEL_EXPORTER_OTLP_HEADERS: name=value,..., values percent-encoded. */
static const char *set_headers_of(struct config *config, const char *value, unsigned int signals)
{
	char *copy = strdup(value), *rest = copy, *item;
	const char *fault = NULL;

	if (!copy)
		return "no memory";
	drop_headers(config, signals);
	while (!fault && (item = strsep(&rest, ","))) {
		if (*config_trim(item))
			fault = add_header(config, item, signals);
	}
	free(copy);
	return fault;
}

const char *config_set_headers(struct config *config, const char *value)
{
	return set_headers_of(config, value, 0);
}

const char *config_set_metrics_headers(struct config *config, const char *value)
{
	return set_headers_of(config, value, 1U << HADAL_SIGNAL_METRICS);
}

const char *config_set_logs_headers(struct config *config, const char *value)
{
	return set_headers_of(config, value, 1U << HADAL_SIGNAL_LOGS);
}

const char *config_set_compression(struct config *config, const char *value)
{
	if (strcmp(value, "gzip") && strcmp(value, "none"))
		return "neither 'gzip' nor 'none'";
	config->no_compression = strcmp(value, "none") == 0;
	return NULL;
}

const char *config_set_timeout(struct config *config, const char *value)
{
	uint64_t seconds;

	if (config_number(value, false, &seconds) || seconds < 1 || seconds > 600)
		return "not a number of seconds between 1 and 600";
	config->timeout = seconds * 1000;
	return NULL;
}

/* In capitals or not, as OpenTelemetry's variable has it; "lowmemory" is increments of all that Hadal counts. */
const char *config_set_temporality(struct config *config, const char *value)
{
	config->delta = strcasecmp(value, "delta") == 0 || strcasecmp(value, "lowmemory") == 0;
	return config->delta || strcasecmp(value, "cumulative") == 0 ? NULL : "neither 'cumulative' nor 'delta'";
}

void config_headers_free(struct config *config)
{
	while (config->header_count)
		free_header(&config->headers[--config->header_count]);
}
