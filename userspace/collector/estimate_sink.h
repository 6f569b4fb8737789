/* SPDX-License-Identifier: MIT */
/*
 * What one sink would send: its requests are made as they would be, and thrown away.
 */
#ifndef HADALD_ESTIMATE_SINK_H
#define HADALD_ESTIMATE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "sink.h"

enum { ESTIMATE_PROFILES = CONFIG_PROFILE_FULL + 1 };

/* Of one signal. */
struct estimate_sum {
	uint64_t items;		/* points, or log records */
	uint64_t samples;	/* of remote write: a histogram is several, target_info one more */
	uint64_t requests;
	uint64_t raw, sent;	/* bytes of the requests' bodies, before and after compression */
	uint64_t apart;		/* of OTLP, bytes: raw, if each point had its resource and its metric's name to itself */
};

struct estimate_profile {
	struct estimate_sum metrics;	/* of the newest interval: each has all series */
	struct estimate_sum logs;	/* of all intervals together */
	struct estimate_sum metadata;	/* of remote write: of each SINK_REMOTE_WRITE_METADATA seconds, or interval that is longer */
};

struct estimate_sink_kind;

/* All zeros but for the name, or as estimate_sink_open() made it. */
struct estimate_sink {
	char name[HADAL_SINK_NAME_SIZE];
	const struct estimate_sink_kind *kind;
	bool delta, plain;		/* increments; without compression */
	bool takes[HADAL_SIGNALS];
	size_t request_bytes;		/* bound of a request, before compression */
	struct hadal_series_table *series[ESTIMATE_PROFILES];	/* NULL: it takes increments */
	struct estimate_profile profiles[ESTIMATE_PROFILES];
};

/**
 * estimate_sink_open() - get ready for what a sink of @config would send
 *
 * Return: 0, for estimate_sink_close(); -ENOENT: its kind sends nothing of its
 * own accord; -ENOMEM.
 */
int estimate_sink_open(struct estimate_sink *sink, const struct hadal_sink_config *config);

void estimate_sink_close(struct estimate_sink *sink);

/**
 * estimate_sink_add() - add what it would send of an interval
 * @record: of the spool, as hadal_spool_pack() makes it
 *
 * Return: 0; -errno of taking it apart or encoding it.
 */
int estimate_sink_add(struct estimate_sink *sink, unsigned int profile, const uint8_t *record, size_t size);

/** estimate_sink_form() - for people: its kind and what it makes of values, such as "otlp, totals, gzip" */
void estimate_sink_form(const struct estimate_sink *sink, char *text, size_t size);

/** estimate_sink_has_samples(), estimate_sink_has_apart() - whether these are counted of its kind */
bool estimate_sink_has_samples(const struct estimate_sink *sink);
bool estimate_sink_has_apart(const struct estimate_sink *sink);

#endif
