/* SPDX-License-Identifier: MIT */
#include "export_info.h"

enum { ATTRIBUTES = 6 };

static const struct hadal_metric_info info_info = {
	"hadal.workload.info", "1", "1 for each revision, image and build that runs", HADAL_GAUGE,
};

static size_t add(struct hadal_telemetry_attribute *list, size_t count, const char *key, const char *text)
{
	if (*text)
		list[count++] = hadal_string(key, text);
	return count;
}

static const struct hadal_attributes *attributes_of(struct hadal_batch *batch, const struct workload_facts *facts)
{
	struct hadal_telemetry_attribute list[ATTRIBUTES];
	struct image_parts image;
	const char *tag = image.tag;
	size_t count = 0;

	image_split(facts->image, &image);
	count = add(list, count, "container.name", facts->container);
	count = add(list, count, "aws.ecs.task.revision", facts->revision);
	count = add(list, count, "container.image.name", image.name);
	if (*tag)
		list[count++] = hadal_strings("container.image.tags", &tag, 1);
	count = add(list, count, "oci.manifest.digest", image.digest);
	count = add(list, count, "process.executable.build_id.gnu", facts->build_id);
	return hadal_batch_attributes(batch, list, count);
}

/* One that no batch has had does not end. */
static bool is_told(const struct workload_info *info, bool ended)
{
	return info->told || (info->live && !ended);
}

unsigned int export_workload_infos_points(const struct workload_infos *infos, bool ended)
{
	unsigned int points = 0;

	for (unsigned int i = 0; infos && i < infos->count; i++)
		points += is_told(&infos->list[i], ended);
	return points;
}

void export_workload_infos(struct hadal_batch *batch, struct hadal_resource *resource,
			   const struct hadal_point *point, struct workload_infos *infos)
{
	for (unsigned int i = 0; i < infos->count; i++) {
		struct workload_info *info = &infos->list[i];
		struct hadal_point told = *point;

		if (!is_told(info, point->no_recorded_value))
			continue;
		told.start_time = 0;
		told.no_recorded_value |= !info->live;
		told.attributes = attributes_of(batch, &info->facts);
		hadal_metric_add_int(hadal_resource_metric(resource, &info_info), &told, 1);
		info->told = !told.no_recorded_value;
	}
}
