/* SPDX-License-Identifier: MIT */
/* The address that Prometheus scrapes (prometheus_scrape.h) as a sink: it keeps the last batch that it got. */
#ifndef HADALD_SINK_SCRAPE_H
#define HADALD_SINK_SCRAPE_H

#include "sink.h"

/* Settings: "address", "ADDRESS:PORT"; "created", "on" or "off". */
extern const struct hadal_sink_kind hadal_sink_scrape;

#endif
