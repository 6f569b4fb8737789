/* SPDX-License-Identifier: MIT */
/*
 * By what a workload is run, in OpenTelemetry's terms.
 */
#ifndef HADALD_EXPORT_INFO_H
#define HADALD_EXPORT_INFO_H

#include "telemetry.h"
#include "workload_info.h"

/* @point: its time, and whether all ends. What lives no more ends. */
void export_workload_infos(struct hadal_batch *batch, struct hadal_resource *resource,
			   const struct hadal_point *point, struct workload_infos *infos);

/* How many points that is. */
unsigned int export_workload_infos_points(const struct workload_infos *infos, bool ended);

#endif
