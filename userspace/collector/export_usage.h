/* SPDX-License-Identifier: MIT */
/*
 * What is used, in OpenTelemetry's terms: of a workload's containers and tasks,
 * and of the host. docs/metrics.md lists it.
 */
#ifndef HADALD_EXPORT_USAGE_H
#define HADALD_EXPORT_USAGE_H

#include "host_usage.h"
#include "telemetry.h"
#include "usage.h"

/* @point: its times, and whether all ends. @full: the profile. */
void export_workload_usage(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
			   struct workload_usage *usage, bool full);

/* How many points that is. */
unsigned int export_workload_usage_points(const struct workload_usage *usage, bool full);

void export_host_usage(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
		       const struct host_usage *usage, bool full);

/* The metrics that these put, from 0 to NULL; *@full: in that profile alone. For the test of the page. */
const struct hadal_metric_info *export_usage_metric(size_t i, bool *full);

#endif
