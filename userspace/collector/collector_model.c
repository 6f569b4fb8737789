// SPDX-License-Identifier: MIT
#include <time.h>
#include <hadal/cgroup.h>

#include "cgroup_reader.h"
#include "clock.h"
#include "collector_parts.h"
#include "model.h"
#include "nat.h"
#include "procfs.h"

static int find_cgroup_path(void *context, uint32_t hierarchy, uint64_t id, int pid, char *path, size_t size)
{
	(void)context;
	return hadal_cgroup_path(hierarchy, id, pid, path, size);
}

static int find_executable(void *context, int pid, uint64_t start_boottime, char *path, size_t size)
{
	(void)context;
	return procfs_executable(pid, start_boottime, path, size);
}

/* The pattern was looked at with the configuration. */
int collector_open_redactor(struct collector *collector)
{
	return collector->config.arguments ? redactor_new(collector->config.redact, &collector->redactor) : 0;
}

static int find_usage(void *context, const char *path, struct usage *usage)
{
	return cgroup_reader_read(context, path, usage);
}

int collector_open_model(struct collector *collector)
{
	const struct config *config = &collector->config;
	struct model_config model = {
		.processes = (unsigned int)config->processes,
		.containers = (unsigned int)config->containers,
		.connections = (unsigned int)config->connections,
		.workloads = (unsigned int)config->workloads,
		.edges_host = (unsigned int)config->edges_host,
		.edges_workload = (unsigned int)config->edges_workload,
		.events = (unsigned int)config->events,
		.identity_wait = config->identity_wait * SECOND,
		.idle_age = config->idle * SECOND,
		.ephemeral_low = 32768,
		.ephemeral_high = 60999,
		.histograms = config->histograms,
		.lifecycle = config->logs == CONFIG_LOGS_LIFECYCLE && (config_ships(config) || collector->estimate),
		.redactor = collector->redactor,
		.networks = config->networks,
		.network_count = config->network_count,
		.balancers = config->balancers,
		.balancer_count = config->balancer_count,
		.proxies = config->proxies,
		.proxy_count = config->proxy_count,
		.proxy_executables = config->proxy_executables,
		.proxy_executable_count = config->proxy_executable_count,
		.cgroup_path = find_cgroup_path,
		.executable_path = find_executable,
		.read_usage = find_usage,
		.start_time = collector->start_time,
		.start_boottime = clock_ns(CLOCK_BOOTTIME),
	};
	int result = cgroup_reader_open(NULL, &collector->cgroups);

	if (result)
		return result;
	model.usage_context = collector->cgroups;
	if (config->nat)
		collector->nat = nat_open();
	if (collector->nat) {
		model.nat = nat_lookup;
		model.nat_context = collector->nat;
	}
	procfs_ephemeral_ports(&model.ephemeral_low, &model.ephemeral_high);
	return model_new(&model, &collector->model);
}
