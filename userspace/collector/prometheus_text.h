/* SPDX-License-Identifier: MIT */
/*
 * A batch as text that Prometheus scrapes, in either format.
 *
 * Sources: OpenMetrics 1.0; Prometheus, "Exposition formats", text format 0.0.4.
 */
#ifndef HADALD_PROMETHEUS_TEXT_H
#define HADALD_PROMETHEUS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "prometheus_view.h"

enum prometheus_format {
	PROMETHEUS_FORMAT_TEXT,
	PROMETHEUS_FORMAT_OPENMETRICS,
};

/** prometheus_content_type() - the value of the header Content-Type */
const char *prometheus_content_type(enum prometheus_format format);

/**
 * prometheus_text() - what each series has now
 * @created: tell since when counters and histograms add up, which OpenMetrics alone can
 * @text: set to the text, from malloc
 * @size: set to its size in bytes
 *
 * Series that end in the batch, and points without effect, are not there.
 *
 * Return: 0; -ENOMEM.
 */
int prometheus_text(const struct prometheus_view *view, enum prometheus_format format, bool created, char **text,
		    size_t *size);

#endif
