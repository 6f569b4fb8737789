/* SPDX-License-Identifier: MIT */
/*
 * What OpenTelemetry's names are called in Prometheus.
 * Source: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".
 */
#ifndef HADALD_PROMETHEUS_NAMES_H
#define HADALD_PROMETHEUS_NAMES_H

#include <stddef.h>

#include "telemetry.h"

enum {
	PROMETHEUS_NAME_SIZE = 256,	/* bytes of a name with its NUL; longer ones are cut */
	PROMETHEUS_UNIT_SIZE = 64,
};

enum prometheus_type {
	PROMETHEUS_COUNTER,
	PROMETHEUS_GAUGE,
	PROMETHEUS_HISTOGRAM,
	PROMETHEUS_INFO,	/* target_info alone */
};

struct prometheus_name {
	/* Of the family. Series of a counter have "_total" behind it, a histogram's "_bucket", "_sum", "_count". */
	char family[PROMETHEUS_NAME_SIZE];
	char unit[PROMETHEUS_UNIT_SIZE];	/* what the family's name ends with; else empty */
	enum prometheus_type type;
};

/* Of the family that has the one series target_info. */
extern const struct prometheus_name prometheus_target_name;
extern const char prometheus_target_help[];

/** prometheus_suffix() - what a series that is no histogram's has behind the family's name */
const char *prometheus_suffix(enum prometheus_type type);

/** prometheus_name() - what a metric is called, with its unit in words */
void prometheus_name(const struct hadal_metric_info *info, struct prometheus_name *name);

/**
 * prometheus_label_name() - what an attribute is called
 * @key: the attribute's
 * @to: gets the name, cut to @size with its NUL; at least 2 bytes
 *
 * Names that Prometheus has a meaning for (job, instance, le, and what begins
 * with "_") are not given to attributes: these get "exported_" or "key" in front.
 */
void prometheus_label_name(const char *key, char *to, size_t size);

#endif
