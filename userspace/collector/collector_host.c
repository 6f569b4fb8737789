// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "collector_parts.h"
#include "identity.h"
#include "model.h"
#include "procfs.h"

void collector_update_host(struct collector *collector)
{
	static struct address addresses[PEERS_HOST_ADDRESSES];
	unsigned int count = interface_addresses(addresses, PEERS_HOST_ADDRESSES);

	peers_set_host(&collector->model->peers, addresses, count, procfs_net_ns());
}

/* What came first stays. */
static void offer(char *to, size_t size, const char *text)
{
	if (!*to && text)
		snprintf(to, size, "%s", text);
}

#define OFFER(to, text) offer(to, sizeof(to), text)

/* Tasks know the zone that the instance is in. */
static void learn_zone(const struct collector *collector, struct export_host *host)
{
	const struct task *task;

	for (task = collector->model->containers.tasks; task; task = task->hh.next)
		OFFER(host->cloud_zone, task->facts.zone);
}

/* Configured facts before found ones; what was known once stays known, whoever is silent now. */
void collector_describe_host(const struct collector *collector, struct export_host *host)
{
	const struct config *config = &collector->config;
	struct instance_facts instance;
	char machine[33], name[256] = "";

	*host = (struct export_host){ 0 };
	machine_id(machine);
	if (gethostname(name, sizeof(name) - 1))
		name[0] = '\0';
	OFFER(host->name, config->host_name);
	OFFER(host->name, name);
	OFFER(host->id, config->host_id);
	OFFER(host->cloud_account, config->cloud_account);
	OFFER(host->cloud_region, config->cloud_region);
	OFFER(host->cloud_zone, config->cloud_zone);
	if (collector->identity && identity_instance(collector->identity, &instance)) {
		OFFER(host->cloud_account, instance.account);
		OFFER(host->cloud_region, instance.region);
		OFFER(host->cloud_zone, instance.zone);
		OFFER(host->instance, instance.instance);
		OFFER(host->type, instance.type);
		OFFER(host->image, instance.image);
	}
	learn_zone(collector, host);
	OFFER(host->cloud_account, collector->host.cloud_account);
	OFFER(host->cloud_region, collector->host.cloud_region);
	OFFER(host->cloud_zone, collector->host.cloud_zone);
	OFFER(host->instance, collector->host.instance);
	OFFER(host->type, collector->host.type);
	OFFER(host->image, collector->host.image);
	OFFER(host->id, host->instance);
	OFFER(host->id, machine);
	OFFER(host->id, name);
}

bool collector_host_pending(const struct collector *collector, uint64_t now)
{
	const struct export_host *host = &collector->host;
	const struct container *container;

	if (collector->ending || now >= collector->host_deadline)
		return false;
	if ((!host->cloud_account[0] || !host->cloud_region[0] || !host->instance[0]) &&
	    collector->identity && identity_instance_pending(collector->identity))
		return true;
	for (container = collector->model->containers.table; container; container = container->hh.next) {
		if (!host->cloud_zone[0] && container->task && container_pending(container, now))
			return true;
	}
	return false;
}
