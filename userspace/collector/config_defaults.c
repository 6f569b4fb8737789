// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "config_parts.h"
#include "config_sinks.h"
#include "config_values.h"
#include "imds.h"
#include "lookup.h"
#include "query_protocol.h"

void config_default(struct config *config, FILE *report)
{
	*config = (struct config){
		.timeout = 10000, .interval = 60, .identity_wait = 30, .idle = 600, .stop_timeout = 5, .processes_told = 20,
		.queue_bytes = 64 * MIB, .spool_bytes = 256 * MIB, .spool_age = 6 * 3600,
		.lifecycle_ring = 256 * KIB, .flow_ring = MIB, .argv_max = 256,
		.degraded = true, .degraded_poll = 1,
		.filter_loopback = true,
		.dns = true,
		.builds = true,
		.nat = true,
		.ec2_notices = true,
		.points = 500, .edges_host = 2000, .edges_workload = 200, .workloads = 1000, .connections = 131072,
		.processes = 65536, .containers = 4096, .events = 1000, .report = report,
	};
	if (config_set_proxies(config, "ecs-service-connect-*") ||
	    !config_replace(&config->spool_directory, CONFIG_SPOOL_DIRECTORY) ||
	    !config_replace(&config->query_socket, QUERY_SOCKET) ||
	    !config_replace(&config->docker_socket, LOOKUP_DOCKER_SOCKET) ||
	    !config_replace(&config->ecs_introspection, LOOKUP_ECS_INTROSPECTION) ||
	    !config_replace(&config->ecs_task_metadata, LOOKUP_ECS_TASK_METADATA) ||
	    !config_replace(&config->ec2_metadata, IMDS_IPV4) || !config_replace(&config->ec2_metadata_ipv6, IMDS_IPV6))
		config_wrong(config, "defaults", NULL, "no memory");
}

void config_free(struct config *config)
{
	config_keys_free(config);
	config_sinks_free(config);
	config_headers_free(config);
	config_cgroups_free(config);
	if (config->token)
		explicit_bzero(config->token, strlen(config->token));
	free(config->token);
	free(config->token_path);
	free(config->ec2_metadata);
}
