/* SPDX-License-Identifier: MIT */
#include "model_tables.h"

struct model_table_use model_table_use(const struct model *model, enum model_table table)
{
	const struct model_config *config = &model->config;
	/* Those that do not say what they evicted evict nothing: what they have no room for is not kept. */
	const struct model_table_use uses[MODEL_TABLES] = {
		[TABLE_PROCESSES] = { .name = "processes", .entries = HASH_COUNT(model->processes.table),
				      .limit = config->processes, .evicted = model->processes.evicted },
		[TABLE_CGROUPS] = { .name = "cgroups", .entries = HASH_COUNT(model->cgroups.table),
				    .limit = config->cgroups, .evicted = model->cgroups.evicted },
		[TABLE_CONTAINERS] = { .name = "containers", .entries = HASH_COUNT(model->containers.table),
				       .limit = config->containers },
		[TABLE_OWNERS] = { .name = "owners", .entries = HASH_COUNT(model->owners.table),
				   .limit = config->owners },
		[TABLE_LISTENERS] = { .name = "listeners", .entries = HASH_COUNT(model->listeners.table),
				      .limit = config->listeners },
		[TABLE_CONNECTIONS] = { .name = "connections", .entries = HASH_COUNT(model->connections.table),
					.limit = config->connections, .evicted = model->connections.evicted },
		[TABLE_UDP_FLOWS] = { .name = "udp_flows", .entries = HASH_COUNT(model->udp.table),
				      .limit = config->udp_flows, .evicted = model->udp.evicted },
		[TABLE_FLOWS] = { .name = "flows", .entries = HASH_COUNT(model->flows.table),
				  .limit = config->flows },
		[TABLE_WORKLOADS] = { .name = "workloads", .entries = HASH_COUNT(model->workloads.table),
				      .limit = config->workloads, .folded = model->workloads.folded },
		[TABLE_EDGES] = { .name = "edges", .entries = HASH_COUNT(model->edges.table),
				  .limit = config->edges_host, .folded = model->edges.folded },
		[TABLE_EVENTS] = { .name = "events", .entries = model->events.length, .limit = config->events },
		[TABLE_NAMES] = { .name = "names", .entries = model->names.addresses, .limit = DNS_NAMES_ALL,
				  .evicted = model->names.evicted },
	};

	return uses[table];
}
