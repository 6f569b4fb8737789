// SPDX-License-Identifier: MIT
#include <string.h>

#include "config_keys.h"
#include "config_parts.h"
#include "config_values.h"

const char *config_set_connection_key(struct config *config, const char *value)
{
	if (strlen(value) != 2 * sizeof(config->connection_key))
		return "not 32 hexadecimal digits";
	for (size_t i = 0; i < sizeof(config->connection_key); i++) {
		int high = config_hex_digit(value[2 * i]), low = config_hex_digit(value[2 * i + 1]);

		if (high < 0 || low < 0)
			return "not 32 hexadecimal digits";
		config->connection_key[i] = (uint8_t)(high << 4 | low);
	}
	config->has_connection_key = true;
	return NULL;
}

static bool power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

void config_check_rings(struct config *config)
{
	uint64_t smaller = config->flow_ring < config->lifecycle_ring ? config->flow_ring : config->lifecycle_ring;

	if (!power_of_two(config->lifecycle_ring))
		config_wrong(config, config_origin(config, "module.lifecycle_ring"), "module.lifecycle_ring",
			     "not a power of two");
	if (!power_of_two(config->flow_ring))
		config_wrong(config, config_origin(config, "module.flow_ring"), "module.flow_ring", "not a power of two");
	if (config->watermark > smaller)
		config_wrong(config, config_origin(config, "module.watermark"), "module.watermark",
			     "above the smaller of the two rings");
	if (config->arguments && config->argv_max > config->lifecycle_ring / 4)
		config_wrong(config, config_origin(config, "module.argv_max"), "module.argv_max",
			     "above a quarter of module.lifecycle_ring");
}
