/* SPDX-License-Identifier: MIT */
/*
 * hadald's configuration on the host examined, as hadald itself would have it: its files,
 * the variables of /etc/default/hadald, the token that systemd gives it; and the receivers
 * that come of it.
 */
#ifndef HADAL_CLI_COLLECTOR_SETUP_H
#define HADAL_CLI_COLLECTOR_SETUP_H

#include "config.h"
#include "host.h"
#include "probe.h"

#define COLLECTOR_ENVIRONMENT	"/etc/default/hadald"

struct receiver {
	struct hadal_sink_config sink;
	const struct config *own;	/* that sets what [otlp] does for it */
	char token_wrong[512];		/* why there is no token that is configured; "": nothing is wrong */
	bool asked;
	struct probe probe;		/* what it answered then */
};

struct collector_setup {
	struct config config;
	char wrong[512];		/* the first thing that is wrong in files or environment; "": nothing */
	unsigned int errors;
	struct receiver receivers[HADAL_SINKS_MAX];
	size_t receiver_count;
};

/* Sets variables of /etc/default/hadald in the environment of this program: what is asked goes by the same proxies. */
int collector_setup_new(const struct host *host, struct collector_setup **setup);

/* NULL is allowed. */
void collector_setup_free(struct collector_setup *setup);

/* Calls @take for each variable of /etc/default/hadald. */
void collector_environment(const struct host *host, void (*take)(void *context, const char *name, const char *value),
			   void *context);

/* Whether it sends to a receiver at all: others are asked, or write files. */
bool receiver_sends(const struct receiver *receiver);

/* Sends it an empty request, once. */
const struct probe *receiver_ask(struct receiver *receiver);

#endif
