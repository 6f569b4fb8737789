/* SPDX-License-Identifier: MIT */
#include <hadal/names.h>

#include "export_processes.h"

const struct hadal_metric_info
	export_process_cpu = { "process.cpu.time", "s", "CPU time used", HADAL_COUNTER },
	export_process_memory = { "process.memory.usage", "By", "Memory in use, resident", HADAL_UP_DOWN_COUNTER };

static void put(struct hadal_resource *resource, const struct hadal_point *point, uint64_t cpu_time, uint64_t memory)
{
	hadal_metric_add_double(hadal_resource_metric(resource, &export_process_cpu), point, (double)cpu_time / 1e9);
	hadal_metric_add_int(hadal_resource_metric(resource, &export_process_memory), point, (int64_t)memory);
}

void export_process(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
		    const struct process_detail *detail)
{
	struct hadal_telemetry_attribute list[3];
	struct hadal_point at = *point;
	size_t count = 0;

	list[count++] = hadal_int(HADAL_ATTR_PROCESS_PID, detail->tgid);
	list[count++] = hadal_string(HADAL_ATTR_PROCESS_EXECUTABLE_NAME, detail->executable);
	if (*detail->container)
		list[count++] = hadal_string(HADAL_ATTR_CONTAINER_ID, detail->container);
	at.attributes = hadal_batch_attributes(batch, list, count);
	hadal_point_since(&at, detail->start_time);
	at.no_recorded_value |= detail->ended;
	put(resource, &at, detail->cpu_time, detail->memory);
}

void export_other_processes(struct hadal_resource *resource, const struct hadal_point *point,
			    const struct process_details *details)
{
	struct hadal_point at = *point;

	at.no_recorded_value |= details->rest_ended;
	put(resource, &at, details->rest_cpu_time, details->rest_memory);
}
