/* SPDX-License-Identifier: MIT */
#include <hadal/names.h>
#include <stdio.h>

#include "export_notice.h"

void export_notice(struct hadal_batch *batch, struct hadal_resource *resource, const struct notice *notice,
		   uint64_t time)
{
	static const char *const sources[NOTICE_SOURCES] = {
		[NOTICE_SPOT] = "spot",
		[NOTICE_AUTO_SCALING] = "autoscaling",
	};
	struct hadal_telemetry_attribute list[3] = {
		hadal_string(HADAL_ATTR_HOST_INTERRUPTION_SOURCE, sources[notice->source]),
		hadal_string(HADAL_ATTR_HOST_INTERRUPTION_ACTION, notice->action),
	};
	struct hadal_log_record record = {
		.event_name = HADAL_EVENT_HOST_INTERRUPTION, .time = time, .observed_time = time,
		.severity = HADAL_SEVERITY_WARN,
	};
	char text[32] = "";
	struct tm fields;
	size_t count = 2;

	if (notice->time && gmtime_r(&notice->time, &fields) &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &fields))
		list[count++] = hadal_string(HADAL_ATTR_HOST_INTERRUPTION_TIME, text);
	record.attributes = hadal_batch_attributes(batch, list, count);
	hadal_resource_log(resource, &record);
}
