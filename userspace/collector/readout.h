/* SPDX-License-Identifier: MIT */
/*
 * What hadald tells programs on this host, as JSON: flows, processes, its own
 * state. docs/operate.md lists the members.
 */
#ifndef HADALD_READOUT_H
#define HADALD_READOUT_H

#include "model.h"
#include "nat.h"
#include "ship.h"

enum {
	READOUT_ROWS = 8192,	/* flows or processes in one answer: it is made in one go */
};

/* What the collector itself knows. Borrowed. */
struct readout {
	const struct model *model;
	const struct hadal_stats *stats;	/* of the session */
	const struct hadal_ship_stats *shipped;	/* NULL: nothing is shipped */
	const struct nat_stats *nat;		/* NULL: not told */
	const char *module_version;
	const char *module_state, *degraded_reason, *source_limits;	/* as in struct source */
	uint64_t time;		/* ns since the epoch: of when the model is */
	uint64_t start_time;	/* ns since the epoch: when hadald began */
	uint64_t interval;	/* s */
	uint64_t sampled;	/* ns, CLOCK_MONOTONIC: when it was looked at what processes use; 0: never */
	uint64_t lag, lag_most;	/* ns: age of the oldest record when the rings were read, the most lately and ever */
	const struct stages *stages;	/* NULL: not told */
};

/*
 * Documents with a newline, to be freed; NULL without memory. The first needs
 * edges, the second processes that are up to date: see model_refresh().
 */
char *readout_flows(const struct readout *readout);
char *readout_processes(const struct readout *readout);
char *readout_status(const struct readout *readout);

/* {"version": ..., "error": @text}. */
char *readout_error(const char *text);

#endif
