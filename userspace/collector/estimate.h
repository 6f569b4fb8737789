/* SPDX-License-Identifier: MIT */
/*
 * What shipping would cost: batches are made as they would be, for each profile,
 * go the way through the spool's form, are encoded and compressed for each sink,
 * and thrown away.
 */
#ifndef HADALD_ESTIMATE_H
#define HADALD_ESTIMATE_H

#include <stdint.h>
#include <stdio.h>

#include "config.h"
#include "estimate_sink.h"
#include "export.h"

struct estimate {
	unsigned int points;		/* most in an interval of profile services; 0: as many as there are */
	struct estimate_sink *sinks;
	size_t sink_count;
	struct hadal_series_table *increments[ESTIMATE_PROFILES];
	uint64_t nanoseconds;		/* that were looked at */
	int error;			/* the first -errno of an interval that is not in it */
};

/**
 * estimate_open() - get ready for what the sinks of @config would send
 *
 * Where there is none it is those that there could be: OTLP of totals and of
 * increments, remote write and JSON lines. One that sends nothing of its own
 * accord, as an address that is scraped, has no lines.
 *
 * Return: 0, for estimate_close(); -ENOMEM.
 */
int estimate_open(struct estimate *estimate, const struct config *config);

void estimate_close(struct estimate *estimate);

/**
 * estimate_interval() - add what an interval would ship
 * @source: as for export_batch(), of which full, points, shipped and keep_events are not looked at, and self may be NULL
 *
 * Lifecycle events are taken off the model's queue.
 */
void estimate_interval(struct estimate *estimate, const struct export_source *source);

/**
 * estimate_capture() - the same of all that a capture holds
 * @path: of the capture
 * @error: gets what is wrong
 *
 * Return: 0; -EINVAL: it is no capture, or damaged; -errno.
 */
int estimate_capture(struct estimate *estimate, const char *path, char *error, size_t error_size);

/*
 * A table of each sink for people: each profile at the interval that it is meant
 * for, and what @config has if it is another.
 */
void estimate_print(const struct estimate *estimate, const struct config *config, FILE *out);

#endif
