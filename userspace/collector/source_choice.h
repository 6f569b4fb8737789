/* SPDX-License-Identifier: MIT */
/*
 * Which source there is now: the module as soon as it can be had, what the
 * kernel tells without it until then.
 */
#ifndef HADALD_SOURCE_CHOICE_H
#define HADALD_SOURCE_CHOICE_H

#include "source.h"

struct source_choice {
	const struct config *config;
	struct counts *counts;
	struct source *source;		/* never NULL once there was one */
	struct hadal_stats past;	/* of the sources before it */
	bool degraded;			/* it is not the module */
	uint64_t since;			/* ns, CLOCK_MONOTONIC: when it became so */
	uint64_t retry;			/* ns, CLOCK_MONOTONIC: when the module is tried next */
	uint64_t wait;			/* ns: between tries */
};

/*
 * All return 0 or -errno, and say in the log what they did and why it is not
 * the module. Without the module @choice->source is what can be had without.
 */

/* At the start. @config, @counts: borrowed. */
int source_choose(struct source_choice *choice, const struct config *config, struct counts *counts, uint64_t now);

/* The module's session is lost, by @error: closes it if there is something to go on with. */
int source_fall_back(struct source_choice *choice, int error, uint64_t now);

/* Of all sources since the start: counters that are shipped must not fall. @choice->source->error if it fails. */
int source_choice_stats(const struct source_choice *choice, struct hadal_stats *stats);

/* Whether it is time to look for the module, and it seems to be there. */
bool source_may_return(struct source_choice *choice, uint64_t now);

/* Returns whether the module is the source from now on; the old one is closed then. */
bool source_return(struct source_choice *choice, uint64_t now);

#endif
