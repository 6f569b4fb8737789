/* SPDX-License-Identifier: MIT */
/*
 * Sections [sink NAME] of the configuration. What [otlp] takes they take too, and
 * a configuration of their own keeps it; the rest is here.
 */
#ifndef HADALD_CONFIG_SINKS_H
#define HADALD_CONFIG_SINKS_H

#include "config.h"

#define CONFIG_OTLP_SINK	"otlp"	/* name of the sink that [otlp] is */

/* Whether a section is one of these. */
bool config_is_sink_section(const char *section);

/* The sink of that section, made at first use; NULL and @error: there can't be. */
struct config_sink *config_sink_section(struct config *config, const char *section, const char *origin, char *error,
					size_t error_size);

/*
 * Sets a key that [otlp] doesn't know. Returns NULL, or what is wrong: static text. Of
 * which type a sink may be, and what such a one takes, is looked at in config_ship.c.
 */
const char *config_sink_set(struct config_sink *sink, const char *origin, const char *key, const char *value);

/* What is wrong with a sink is wrong with the whole. */
void config_sink_take_errors(struct config *config, struct config_sink *sink);

void config_sinks_free(struct config *config);

#endif
