/* SPDX-License-Identifier: MIT */
/*
 * Processes in detail, in OpenTelemetry's terms.
 */
#ifndef HADALD_EXPORT_PROCESSES_H
#define HADALD_EXPORT_PROCESSES_H

#include "process_detail.h"
#include "telemetry.h"

extern const struct hadal_metric_info export_process_cpu, export_process_memory;

/* Adds @detail to @batch under @resource, which is its workload's. @point: the interval's end, and whether it ends. */
void export_process(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
		    const struct process_detail *detail);

/* Likewise the rest, under that of the workload `other`. @point: its start too. */
void export_other_processes(struct hadal_resource *resource, const struct hadal_point *point,
			    const struct process_details *details);

#endif
