/* SPDX-License-Identifier: MIT */
/* Checks a shipper's configuration and fills in its defaults. */
#ifndef HADAL_SHIP_CONFIG_H
#define HADAL_SHIP_CONFIG_H

#include "ship.h"
#include "ship_endpoint.h"

/**
 * hadal_ship_config_resolve() - check @config and work out the endpoints
 * @resolved: gets @config with defaults in place of zeros; shares its strings
 * @endpoints: HADAL_SIGNALS of them, for hadal_endpoint_free() after success
 * @part: set to what is wrong, when something is
 *
 * Return: as hadal_shipper_new().
 */
int hadal_ship_config_resolve(const struct hadal_ship_config *config, struct hadal_ship_config *resolved,
			      struct hadal_endpoint *endpoints, enum hadal_ship_part *part, char *error,
			      size_t error_size);

#endif
