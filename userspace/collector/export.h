/* SPDX-License-Identifier: MIT */
/*
 * The model in OpenTelemetry's terms. docs/metrics.md lists what is told.
 */
#ifndef HADALD_EXPORT_H
#define HADALD_EXPORT_H

#include "model.h"
#include "ship.h"

/* What is the same in all that this host ships. "" where it is not known. */
struct export_host {
	char id[256];
	char name[256];
	char cloud_account[64];
	char cloud_region[64];
	char cloud_zone[64];
};

struct export_source {
	const struct export_host *host;
	struct model *model;
	const struct hadal_stats *stats;	/* of the session */
	const struct hadal_ship_stats *shipped;	/* NULL: nothing is shipped yet */
	const char *module_version;
	const char *module_state;	/* "loaded" */
	uint64_t start_time;	/* ns since the epoch, of the collector */
	uint64_t time;		/* ns since the epoch, the interval's end */
	bool full;		/* profile: with ids of containers and tasks */
	bool all;		/* as in model_interval() */
	bool ended;		/* nothing but that all series end */
	uint64_t now;		/* ns, CLOCK_MONOTONIC */
};

/*
 * The batch of the interval that model_interval() ended. Lifecycle events in
 * it are taken off the model's queue. NULL: no memory.
 */
struct hadal_batch *export_batch(const struct export_source *source);

#endif
