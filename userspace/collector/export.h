/* SPDX-License-Identifier: MIT */
/*
 * The model in OpenTelemetry's terms. docs/metrics.md lists what is told.
 */
#ifndef HADALD_EXPORT_H
#define HADALD_EXPORT_H

#include "host_usage.h"
#include "model.h"
#include "notice.h"
#include "self.h"
#include "ship.h"

/* What is the same in all that this host ships. "" where it is not known. */
struct export_host {
	char id[256];
	char name[256];
	char cloud_account[64];
	char cloud_region[64];
	char cloud_zone[64];
	char instance[32];	/* of EC2; id is it, unless it is configured */
	char type[64];
	char image[64];
};

struct export_source {
	const struct export_host *host;
	const struct host_usage *usage;	/* NULL: not known */
	const struct self *self;	/* what hadald uses; NULL: not known */
	struct model *model;
	const struct hadal_stats *stats;	/* of the session */
	const struct hadal_ship_stats *shipped;	/* NULL: nothing is shipped yet */
	const struct notice *notices;	/* of the host's end, that are to be told */
	unsigned int notice_count;
	const char *module_version;	/* "": there is none */
	const char *module_state;	/* "loaded", or why it is not: docs/metrics.md */
	const char *ended_version, *ended_state;	/* what was told before, if that was another; NULL: it was not */
	uint64_t start_time;	/* ns since the epoch, of the collector */
	uint64_t time;		/* ns since the epoch, the interval's end */
	unsigned int points;	/* most in the batch, POINTS_UNLIMITED for none; 0: nothing is decided, all workloads and edges are told */
	bool full;		/* profile: with ids of containers and tasks */
	bool builds;		/* programs are asked for theirs */
	bool all;		/* as in model_interval(): it is the last interval */
	bool ended;		/* nothing but that all series end */
	bool renamed;		/* what hadald has counted of itself so far was told under another description of the host */
	bool keep_events;	/* they stay in the queue, to be told once more */
	uint64_t now;		/* ns, CLOCK_MONOTONIC */
};

/*
 * The batch of the interval that model_interval() ended. Lifecycle events in
 * it are taken off the model's queue, unless they are to be kept. NULL: no memory.
 */
struct hadal_batch *export_batch(const struct export_source *source);

#endif
