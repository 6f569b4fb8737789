/* SPDX-License-Identifier: MIT */
/*
 * The sink of kind "otlp": OTLP/HTTP, protobuf, gzip.
 *
 * Sources: OTLP specification, "OTLP/HTTP"; OpenTelemetry protocol exporter
 * specification, "Endpoint URLs for OTLP/HTTP".
 */
#ifndef HADAL_SINK_OTLP_H
#define HADAL_SINK_OTLP_H

#include "sink.h"

extern const struct hadal_sink_kind hadal_sink_otlp;

#endif
