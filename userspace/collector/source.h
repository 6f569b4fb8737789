/* SPDX-License-Identifier: MIT */
/*
 * Where records come from: the module (source_module.c), or without it what
 * the kernel tells anybody with the right to ask (source_degraded.c). What
 * either says are the same records, so the model need not know which it was.
 */
#ifndef HADALD_SOURCE_H
#define HADALD_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include <hadal/uapi.h>

#include "config.h"
#include "counts.h"

struct source;

/* All but close() return 0 or more, or -errno with the reason in source->error. */
struct source_ops {
	/* 1 and a validated record, valid until the next call; 0: none for now. */
	int (*next)(struct source *source, const struct hadal_record **record);
	/* Begins a dump of HADAL_DUMP_*, which dump_step() does. EBUSY: one is under way. */
	int (*request_dump)(struct source *source, uint32_t what);
	/* What is to be done besides, a slice a call; 1: more is to be done at once. */
	int (*step)(struct source *source);
	int (*stats)(struct source *source, struct hadal_stats *stats);
	/* No more comes behind what next() still has. */
	void (*stop)(struct source *source);
	void (*close)(struct source *source);
};

/* The first member of every source. */
struct source {
	const struct source_ops *ops;
	int fd;				/* readable when there may be records */
	const char *state;		/* hadal.module.state: "loaded", else why it is not; static */
	const char *reason;		/* for people: why it is not, and what mends it; "": it is */
	const char *limits;		/* for people: what this source can't see, or may not; "": nothing */
	const char *version;		/* of the module; "": there is none */
	uint32_t state_dump;		/* HADAL_DUMP_*: what is to be asked for when records begin to come */
	uint32_t counters_dump;		/* what at each interval */
	bool udp;			/* it tells of UDP */
	char error[512];		/* what failed last */
};

/* Why there is no session of the module. */
struct source_failure {
	int error;			/* -errno */
	bool configuration;		/* the configuration is wrong: nothing else would do */
	const char *state;		/* as in struct source */
	char reason[256];		/* likewise */
};

/**
 * source_open_module() - a session of /dev/hadal, started
 * @config: of rings, classes and filters; borrowed while the source is open
 * @source: for source_close()
 * @failure: filled when it fails
 *
 * Return: 0, or -errno as in @failure.
 */
int source_open_module(const struct config *config, struct source **source, struct source_failure *failure);

/**
 * source_open_degraded() - what the kernel tells without the module
 * @config: limits, filters by port and of loopback; borrowed while the source is open
 * @why: there is no session of the module; copied
 * @counts: of what is lost and what has no room; borrowed likewise
 * @source: for source_close()
 *
 * What is not allowed is left out, and told in source->limits.
 *
 * Return: 0; -ENOMEM, -EMFILE and the like.
 */
int source_open_degraded(const struct config *config, const struct source_failure *why, struct counts *counts,
			 struct source **source);

static inline int source_next(struct source *source, const struct hadal_record **record)
{
	return source->ops->next(source, record);
}

static inline int source_request_dump(struct source *source, uint32_t what)
{
	return source->ops->request_dump(source, what);
}

static inline int source_step(struct source *source)
{
	return source->ops->step(source);
}

static inline int source_stats(struct source *source, struct hadal_stats *stats)
{
	return source->ops->stats(source, stats);
}

static inline void source_stop(struct source *source)
{
	source->ops->stop(source);
}

/* NULL is allowed. */
static inline void source_close(struct source *source)
{
	if (source)
		source->ops->close(source);
}

#endif
