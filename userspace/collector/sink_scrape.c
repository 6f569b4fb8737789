/* SPDX-License-Identifier: MIT */
#include "sink_scrape.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prometheus_scrape.h"

static const char address_key[] = "address", created_key[] = "created";

/*
 * Servers that there are. Where a configuration is read anew, a sink is made before
 * the one of before goes: with the same settings they have one server, which goes
 * on with the values that it had.
 */
struct server {
	struct server *next;
	struct prometheus_scrape_config config;
	char *address;
	struct prometheus_scrape *scrape;
	unsigned int sinks;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* of the list, and of opening */
static struct server *servers;

/* Three intervals, and no less than what a receiver may be slow by. */
static unsigned int age_of(const struct hadal_sink_config *config)
{
	const unsigned int age_ms = 3 * config->interval_ms;

	return age_ms > PROMETHEUS_SCRAPE_AGE_MS ? age_ms : PROMETHEUS_SCRAPE_AGE_MS;
}

/* A port that the kernel chooses nobody would know. */
static int check_address(const struct prometheus_scrape_config *scrape, char *error, size_t error_size)
{
	const int ret = prometheus_scrape_check(scrape, error, error_size);

	if (ret || strtoul(strrchr(scrape->address, ':') + 1, NULL, 10))
		return ret;
	snprintf(error, error_size, "\"%s\": port 0 is none that can be asked", scrape->address);
	return -EINVAL;
}

static int read_settings(const struct hadal_sink_config *config, struct prometheus_scrape_config *scrape, char *error,
			 size_t error_size)
{
	const char *address = hadal_sink_setting(config, address_key);
	const char *created = hadal_sink_setting(config, created_key);

	*scrape = (struct prometheus_scrape_config){
		.address = address ? address : PROMETHEUS_SCRAPE_ADDRESS,
		.created = created && strcmp(created, "on") == 0,
		.age_ms = age_of(config),
	};
	if (created && !scrape->created && strcmp(created, "off") != 0) {
		snprintf(error, error_size, "%s: neither 'on' nor 'off'", created_key);
		return -EINVAL;
	}
	return check_address(scrape, error, error_size);
}

static int check(const struct hadal_sink_config *config, enum hadal_ship_part *part, char *error, size_t error_size)
{
	struct prometheus_scrape_config scrape;

	*part = HADAL_SHIP_PARTS;
	return read_settings(config, &scrape, error, error_size);
}

/* ---- servers ---- */

static struct server *find(const struct prometheus_scrape_config *config)
{
	struct server *server = servers;

	while (server && !(strcmp(server->address, config->address) == 0 && server->config.created == config->created))
		server = server->next;
	return server;
}

static struct server *make(const struct prometheus_scrape_config *config)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->address = strdup(config->address);
	if (!server->address) {
		free(server);
		return NULL;
	}
	server->config = *config;
	server->config.address = server->address;
	server->next = servers;
	servers = server;
	return server;
}

static void unlink_server(const struct server *server)
{
	struct server **at = &servers;

	while (*at != server)
		at = &(*at)->next;
	*at = server->next;
}

/* Of a server that there was, the interval may be another now. */
static void take_age(struct server *server, unsigned int age_ms)
{
	server->config.age_ms = age_ms;
	if (server->scrape)
		prometheus_scrape_set_age(server->scrape, age_ms);
}

/* An address that is taken, say, may be free another time: what fails here is tried again with each batch. */
static int try_to_open(struct server *server, char *error, size_t error_size)
{
	int ret = 0;

	pthread_mutex_lock(&lock);
	if (!server->scrape)
		ret = prometheus_scrape_open(&server->config, &server->scrape, error, error_size);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* ---- the sink ---- */

static int open_scrape(const struct hadal_sink_config *config, void **sink, char *error, size_t error_size)
{
	struct prometheus_scrape_config scrape;
	char trouble[256];
	struct server *server;
	int ret;

	ret = read_settings(config, &scrape, error, error_size);
	if (ret)
		return ret;
	pthread_mutex_lock(&lock);
	server = find(&scrape);
	if (!server)
		server = make(&scrape);
	if (server) {
		server->sinks++;
		take_age(server, scrape.age_ms);
	}
	pthread_mutex_unlock(&lock);
	if (!server) {
		snprintf(error, error_size, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	try_to_open(server, trouble, sizeof(trouble));
	*sink = server;
	return 0;
}

static int encode(void *sink, struct hadal_batch *batch, enum hadal_signal signal, uint64_t first, uint64_t count,
		  hadal_sink_emit emit, void *context, struct hadal_sink_encoded *result)
{
	struct server *server = sink;
	int ret = try_to_open(server, result->text, sizeof(result->text));

	(void)signal;
	(void)first;
	(void)emit;
	(void)context;
	if (!ret)
		ret = prometheus_scrape_put(server->scrape, batch);
	if (ret)
		result->failed = count;
	else
		result->taken = count;
	return ret;
}

static const char *shown(void *sink, enum hadal_signal signal)
{
	const struct server *server = sink;

	(void)signal;
	return server->address;
}

static void count(void *sink, struct hadal_sink_stats *stats)
{
	const struct server *server = sink;
	struct prometheus_scrape_counts counts = { 0 };

	pthread_mutex_lock(&lock);
	if (server->scrape)
		counts = prometheus_scrape_counts(server->scrape);
	pthread_mutex_unlock(&lock);
	stats->clients_served = counts.served;
	stats->clients_refused = counts.refused;
	stats->clients_cut = counts.cut;
}

static void close_scrape(void *sink)
{
	struct server *server = sink;
	bool last;

	if (!server)
		return;
	pthread_mutex_lock(&lock);
	last = --server->sinks == 0;
	if (last)
		unlink_server(server);
	pthread_mutex_unlock(&lock);
	if (!last)
		return;
	prometheus_scrape_close(server->scrape);
	free(server->address);
	free(server);
}

static const char *const keys[] = { address_key, created_key, NULL };

const struct hadal_sink_kind hadal_sink_scrape = {
	.name = "scrape",
	.signals = 1U << HADAL_SIGNAL_METRICS,
	.cumulative = true,
	.keys = keys,
	.check = check,
	.open = open_scrape,
	.encode = encode,
	.shown = shown,
	.count = count,
	.close = close_scrape,
};
