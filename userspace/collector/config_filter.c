// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "config_parts.h"
#include "config_values.h"

#define DAY_MS	86400000ULL

void config_cgroups_free(struct config *config)
{
	while (config->filter_cgroup_count)
		free(config->filter_cgroups[--config->filter_cgroup_count]);
}

static const char *add_cgroup(void *context, const char *path)
{
	struct config *config = context;

	if (path[0] != '/')
		return "not a list of paths that begin with /, as in /proc/PID/cgroup";
	if (config->filter_cgroup_count == CONFIG_CGROUPS)
		return "more than 16 cgroups";
	config->filter_cgroups[config->filter_cgroup_count] = strdup(path);
	if (!config->filter_cgroups[config->filter_cgroup_count])
		return "no memory";
	config->filter_cgroup_count++;
	return NULL;
}

const char *config_set_cgroups(struct config *config, const char *value)
{
	config_cgroups_free(config);
	return config_each_item(value, add_cgroup, config);
}

static const char *take_ports(const char *value, struct hadal_port_range *ports, uint32_t *count)
{
	int result;

	*count = 0;
	if (!*value)
		return NULL;
	result = hadal_port_ranges(value, ports, count);
	if (!result)
		return NULL;
	return result == -E2BIG ? "more than 16 ports or ranges" : "not a list of ports such as 80, 443, 8000-8099";
}

const char *config_set_ports(struct config *config, const char *value)
{
	return take_ports(value, config->filter_ports, &config->filter_port_count);
}

const char *config_set_not_ports(struct config *config, const char *value)
{
	return take_ports(value, config->filter_not_ports, &config->filter_not_port_count);
}

const char *config_set_min_duration(struct config *config, const char *value)
{
	uint64_t milliseconds;

	if (config_number(value, false, &milliseconds) || milliseconds > DAY_MS)
		return "not a number of milliseconds of at most a day";
	config->filter_min_duration = milliseconds * 1000000;
	return NULL;
}

void config_check_ports(struct config *config)
{
	if (config->filter_port_count && config->filter_not_port_count)
		config_wrong(config, config_origin(config, "filter.not_ports"), "filter.not_ports",
			     "not together with filter.ports");
}
