/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "config_keys.h"
#include "config_parts.h"
#include "redact.h"

static void check_redaction(struct config *config)
{
	struct redactor *redactor = NULL;
	int result = redactor_new(config->redact, &redactor);

	if (result)
		config_wrong(config, config_origin(config, "collector.redact"), "collector.redact", "%s",
			     result == -EINVAL ?
			     "not a regular expression (POSIX, extended), or one that matches the empty text" : "no memory");
	redactor_free(redactor);
}

int config_load(struct config *config, const char *path, FILE *report)
{
	config_load_files(config, path, report);
	config_read_environment(config);
	config_find_token(config);
	config_check_rings(config);
	config_check_switches(config);
	config_check_ports(config);
	config_check_addresses(config);
	check_redaction(config);
	config_check_shipping(config);
	return config->errors ? -EINVAL : 0;
}
