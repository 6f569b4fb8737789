/* SPDX-License-Identifier: MIT */
/*
 * The address that Prometheus scrapes: HTTP, by GNU libmicrohttpd, in a thread of
 * its own. It serves what was put there last. There are so many clients at a time,
 * each has so much time, and a connection serves one request.
 */
#ifndef HADALD_PROMETHEUS_SCRAPE_H
#define HADALD_PROMETHEUS_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch.h"

#define PROMETHEUS_SCRAPE_ADDRESS	"127.0.0.1:9464"	/* the port of OpenTelemetry's own exporters */
#define PROMETHEUS_SCRAPE_PATH		"/metrics"

enum {
	PROMETHEUS_SCRAPE_CLIENTS = 16,
	PROMETHEUS_SCRAPE_REQUEST_BYTES = 16 << 10,	/* of a request's line and headers */
	PROMETHEUS_SCRAPE_TIME_MS = 30000,		/* from connecting to the answer's end */
	PROMETHEUS_SCRAPE_AGE_MS = 300000,
};

/* Copied. */
struct prometheus_scrape_config {
	const char *address;	/* "ADDRESS:PORT", IPv6 in brackets; NULL: PROMETHEUS_SCRAPE_ADDRESS */
	bool created;		/* tell since when counters add up, to who takes OpenMetrics */
	unsigned int time_ms;	/* of a client; 0: PROMETHEUS_SCRAPE_TIME_MS */
	unsigned int age_ms;	/* values that are older are not served; 0: PROMETHEUS_SCRAPE_AGE_MS */
};

struct prometheus_scrape;

struct prometheus_scrape_counts {
	uint64_t served;	/* answers with values */
	uint64_t refused;	/* other answers: no such path or method, nothing to serve */
	uint64_t cut;		/* clients whose time was up */
};

/**
 * prometheus_scrape_check() - look at a configuration, and start nothing
 *
 * Return: 0; -EINVAL: the address is none, and @error says so.
 */
int prometheus_scrape_check(const struct prometheus_scrape_config *config, char *error, size_t error_size);

/**
 * prometheus_scrape_open() - listen and start the thread
 * @scrape: set to it, for prometheus_scrape_close()
 * @error: gets what is wrong
 *
 * Return: 0; -EINVAL: the address is none; -EADDRINUSE or another -errno; -ENOMEM.
 */
int prometheus_scrape_open(const struct prometheus_scrape_config *config, struct prometheus_scrape **scrape,
			   char *error, size_t error_size);

/**
 * prometheus_scrape_put() - serve these values from now on
 * @batch: of cumulative values; the caller's. One without points changes nothing
 *
 * Any thread may, one at a time. Return: 0; -ENOMEM: the old ones are served on.
 */
int prometheus_scrape_put(struct prometheus_scrape *scrape, const struct hadal_batch *batch);

/* As in the configuration, from now on. */
void prometheus_scrape_set_age(struct prometheus_scrape *scrape, unsigned int age_ms);

struct prometheus_scrape_counts prometheus_scrape_counts(struct prometheus_scrape *scrape);

/* The port that it listens at, where port 0 let the kernel choose. */
unsigned int prometheus_scrape_port(const struct prometheus_scrape *scrape);

/* Ends the thread and cuts what clients there are; @scrape may be NULL. */
void prometheus_scrape_close(struct prometheus_scrape *scrape);

#endif
