// SPDX-License-Identifier: MIT
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collector_parts.h"
#include "log.h"

static bool needs_restart(const struct config *old, const struct config *new)
{
	return old->lifecycle_ring != new->lifecycle_ring || old->flow_ring != new->flow_ring ||
	       old->watermark != new->watermark || old->edges_host != new->edges_host ||
	       old->edges_workload != new->edges_workload || old->workloads != new->workloads ||
	       old->connections != new->connections || old->processes != new->processes ||
	       old->containers != new->containers || old->events != new->events ||
	       old->histograms != new->histograms || old->arguments != new->arguments || old->udp != new->udp ||
	       old->builds != new->builds || old->dns != new->dns || old->nat != new->nat ||
	       old->logs != new->logs || old->identity_wait != new->identity_wait || old->idle != new->idle ||
	       old->seccomp != new->seccomp || strcmp(old->redact ? old->redact : "", new->redact ? new->redact : "") ||
	       memcmp(old->connection_key, new->connection_key, sizeof(old->connection_key)) ||
	       strcmp(old->query_socket, new->query_socket) || old->network_count != new->network_count ||
	       memcmp(old->networks, new->networks, sizeof(old->networks)) ||
	       old->balancer_count != new->balancer_count ||
	       memcmp(old->balancers, new->balancers, sizeof(old->balancers)) ||
	       old->proxy_count != new->proxy_count ||
	       memcmp(old->proxies, new->proxies, sizeof(old->proxies)) ||
	       old->proxy_executable_count != new->proxy_executable_count ||
	       memcmp(old->proxy_executables, new->proxy_executables, sizeof(old->proxy_executables));
}

static void use_config(struct collector *collector, struct config *new)
{
	if (needs_restart(&collector->config, new))
		log_line(LOG_PRIORITY_WARNING, "what changed in the configuration counts in part only after a "
			 "restart: [module], [limits], [peers], [proxies], [query], [spool] and most of [collector]");
	collector_stop_identity(collector);
	collector_stop_notices(collector);
	config_free(&collector->config);
	collector->config = *new;
	collector_set_timer(collector);
	if (collector_start_identity(collector) || collector_start_notices(collector))
		collector_end_with(collector, -EAGAIN);
	log_line(LOG_PRIORITY_INFO, "configuration read anew");
}

static void reload(struct collector *collector)
{
	struct config new;

	if (config_load(&new, collector->path, stderr) || collector_change_shipper(collector, &new)) {
		log_line(LOG_PRIORITY_ERROR, "the new configuration is wrong; going on with the old one");
		config_free(&new);
		return;
	}
	use_config(collector, &new);
}

void collector_take_signals(struct collector *collector)
{
	struct signalfd_siginfo info;

	while (read(collector->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP && !collector->estimate)
			reload(collector);
		else
			collector->ending = true;
	}
}

int collector_open_signals(struct collector *collector)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	collector->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	return collector->signals < 0 ? -errno : 0;
}
