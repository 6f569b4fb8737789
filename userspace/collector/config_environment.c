// SPDX-License-Identifier: MIT
/* What the environment sets of the configuration. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_keys.h"
#include "config_parts.h"
#include "config_values.h"

/* In milliseconds, as OpenTelemetry's environment variables have durations. */
static void timeout_from_environment(struct config *config)
{
	const char *value = getenv("OTEL_EXPORTER_OTLP_TIMEOUT");

	if (!value || !*value)
		return;
	if (config_number(value, false, &config->timeout) || config->timeout < 1 || config->timeout > 600000)
		config_wrong(config, "environment: OTEL_EXPORTER_OTLP_TIMEOUT", NULL,
			     "'%s' is not a number of milliseconds between 1 and 600000", value);
}

void config_read_environment(struct config *config)
{
	char origin[128];
	const char *name, *value;

	for (size_t i = 0; config_key(i); i++) {
		name = config_environment(i);
		value = name ? getenv(name) : NULL;
		if (!value || !*value)
			continue;
		snprintf(origin, sizeof(origin), "environment: %s", name);
		config_set(config, origin, config_option_at(i), value);
	}
	timeout_from_environment(config);
	value = getenv("AWS_EC2_METADATA_DISABLED");
	if (value && strcasecmp(value, "true") == 0 && config_set_ec2_metadata(config, ""))
		config_wrong(config, "environment: AWS_EC2_METADATA_DISABLED", NULL, "no memory");
	value = getenv("HADAL_TOKEN");
	config->token_origin = "environment: HADAL_TOKEN";
	if (value && *value && !config_replace(&config->token, value))
		config_wrong(config, config->token_origin, NULL, "no memory");
}
