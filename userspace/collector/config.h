/* SPDX-License-Identifier: MIT */
/*
 * hadald's configuration: /etc/hadal/hadald.conf, then hadald.d/ in the same
 * place, then the environment; what comes later counts. docs/configuration.md
 * lists every key.
 */
#ifndef HADALD_CONFIG_H
#define HADALD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <hadal/hadal.h>

#include "address.h"
#include "histogram.h"
#include "ship.h"

#define CONFIG_DEFAULT_PATH	"/etc/hadal/hadald.conf"

enum {
	CONFIG_KEY_SIZE = 16,		/* bytes of the secret of connection keys */
	CONFIG_HEADERS = 32,
	CONFIG_NETWORKS = 48,
	CONFIG_OPTIONS = 64,
	CONFIG_CGROUPS = HADAL_FILTER_CGROUPS,
};

enum config_logs {
	CONFIG_LOGS_LIFECYCLE,
	CONFIG_LOGS_OFF,
};

enum config_profile {
	CONFIG_PROFILE_SERVICES,
	CONFIG_PROFILE_FULL,
};

/* Strings are the configuration's own; NULL: not set. */
struct config {
	char *endpoint, *metrics_endpoint, *logs_endpoint;
	char *token, *token_file;
	const char *token_origin, *token_key;	/* where the token was found; borrowed */
	struct hadal_ship_header headers[CONFIG_HEADERS];
	unsigned int header_count;
	bool no_compression;
	uint64_t timeout;		/* ms for one request */
	uint64_t queue_bytes;
	char *ca_certificate, *client_certificate, *client_key;

	uint64_t interval;		/* s */
	unsigned int logs;		/* enum config_logs */
	unsigned int profile;		/* enum config_profile */
	unsigned int histograms;	/* enum histogram_form */
	bool arguments;
	bool udp;
	uint64_t identity_wait;		/* s */
	uint64_t idle;			/* s */
	uint64_t stop_timeout;		/* s */

	char *device;
	uint64_t lifecycle_ring, flow_ring, watermark, argv_max;	/* bytes */
	uint8_t connection_key[CONFIG_KEY_SIZE];
	bool has_connection_key;

	char *filter_cgroups[CONFIG_CGROUPS];	/* paths */
	unsigned int filter_cgroup_count;
	struct hadal_port_range filter_ports[HADAL_FILTER_PORTS];
	struct hadal_port_range filter_not_ports[HADAL_FILTER_PORTS];
	uint32_t filter_port_count, filter_not_port_count;	/* one of them is 0 */
	bool filter_loopback;			/* connections over loopback are recorded */
	uint64_t filter_min_duration;		/* ns */

	uint64_t edges_host, edges_workload, workloads, connections, processes, containers, events;

	char *docker_socket;		/* "" switches it off, like the next two */
	char *ecs_introspection, *ecs_task_metadata;

	char *host_id, *host_name, *cloud_account, *cloud_region, *cloud_zone;

	struct network networks[CONFIG_NETWORKS];
	unsigned int network_count;

	char *origin[CONFIG_OPTIONS];	/* "FILE:LINE" where an option was set */
	unsigned int errors;
	FILE *report;			/* where errors are told; borrowed */
};

/**
 * config_load() - read the configuration
 * @config: filled; for config_free() whatever is returned
 * @path: of the file; NULL means CONFIG_DEFAULT_PATH, which may be missing
 * @report: gets a line for each thing that is wrong
 *
 * Every line of every file is read, however many are wrong.
 *
 * Return: 0; -EINVAL: something was wrong and has been told.
 */
int config_load(struct config *config, const char *path, FILE *report);
void config_free(struct config *config);

/* Keys by number, "section.name"; NULL behind the last. Static. */
const char *config_key(size_t index);

/* The environment variable that sets the key of that number; NULL: none. */
const char *config_environment(size_t index);

/* Whether anything is to leave the host. */
bool config_ships(const struct config *config);

/* The shipper's part of it; borrows @config's strings. */
void config_ship(const struct config *config, struct hadal_ship_config *ship);

#endif
