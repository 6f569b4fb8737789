/* SPDX-License-Identifier: MIT */
/* Prometheus' remote write 1.0 (prometheus_write.h) as a sink. */
#ifndef HADALD_SINK_REMOTE_WRITE_H
#define HADALD_SINK_REMOTE_WRITE_H

#include "sink.h"

extern const struct hadal_sink_kind hadal_sink_remote_write;

/* Between two tellings of what metrics are, at most: receivers forget it, those of Mimir's kind after 10 minutes. */
enum { SINK_REMOTE_WRITE_METADATA = 300 };	/* s */

/**
 * sink_remote_write_verdict() - by the HTTP status
 *
 * Source: remote write 1.0, "Retries & Backoff": 5xx must be repeated, 4xx must
 * not, 429 may. What is none of these and not 2xx either is no receiver of it.
 */
enum hadal_ship_verdict sink_remote_write_verdict(long status);

#endif
