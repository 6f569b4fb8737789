/* SPDX-License-Identifier: MIT */
#include "export_processes.h"
#include "export_self.h"
#include "model_tables.h"

static const struct hadal_metric_info
	lag_info = { "hadal.collector.lag", "s", "Age of the oldest record when the rings were read, at most",
		     HADAL_GAUGE },
	entries_info = { "hadal.collector.table.entries", "{entry}", "Entries of a table of the collector",
			 HADAL_UP_DOWN_COUNTER },
	limit_info = { "hadal.collector.table.limit", "{entry}", "Entries that a table of the collector may have",
		       HADAL_UP_DOWN_COUNTER },
	evicted_info = { "hadal.collector.table.evicted", "{entry}",
			 "Entries that a table of the collector dropped before their time, to have room for others",
			 HADAL_COUNTER },
	folded_info = { "hadal.collector.table.folded", "{entry}",
			"Entries of a table without series of their own: they add up in the workload other",
			HADAL_UP_DOWN_COUNTER },
	stage_info = { "hadal.collector.stage.time", "s", "Time that the collector spent, by what it did",
		       HADAL_COUNTER };

/* Where points go. */
struct place {
	struct hadal_batch *batch;
	struct hadal_resource *resource;
	struct hadal_point point;
};

/* @key: of an attribute with the value @text; NULL: none. */
static struct hadal_point point_with(const struct place *place, const char *key, const char *text)
{
	struct hadal_point point = place->point;

	point.attributes = key ? HADAL_ATTRIBUTES(place->batch, hadal_string(key, text)) : NULL;
	return point;
}

static void put(const struct place *place, const struct hadal_metric_info *info, const char *key, const char *text,
		uint64_t value)
{
	struct hadal_point point = point_with(place, key, text);

	hadal_metric_add_int(hadal_resource_metric(place->resource, info), &point, (int64_t)value);
}

/* @ns: told in seconds. */
static void put_time(const struct place *place, const struct hadal_metric_info *info, const char *key,
		     const char *text, uint64_t ns)
{
	struct hadal_point point = point_with(place, key, text);

	if (info->kind == HADAL_GAUGE)
		point.start_time = 0;
	hadal_metric_add_double(hadal_resource_metric(place->resource, info), &point, (double)ns / 1e9);
}

static void put_usage(const struct place *place, const struct self_usage *usage)
{
	put_time(place, &export_process_cpu, "cpu.mode", "user", usage->cpu_user);
	put_time(place, &export_process_cpu, "cpu.mode", "system", usage->cpu_system);
	if (usage->memory)
		put(place, &export_process_memory, NULL, NULL, usage->memory);
}

static void put_tables(const struct place *place, const struct model *model)
{
	for (unsigned int i = 0; i < MODEL_TABLES; i++) {
		struct model_table_use table = model_table_use(model, (enum model_table)i);

		put(place, &entries_info, "hadal.collector.table", table.name, table.entries);
		put(place, &limit_info, "hadal.collector.table", table.name, table.limit);
		put(place, &evicted_info, "hadal.collector.table", table.name, table.evicted);
	}
}

static void put_stages(const struct place *place, const struct stages *stages, const struct hadal_ship_stats *shipped)
{
	for (unsigned int i = 0; i < STAGES; i++) {
		const char *name = stage_name((enum stage)i);

		if (name)
			put_time(place, &stage_info, "hadal.collector.stage", name, stages->time[i]);
	}
	if (!shipped)
		return;
	put_time(place, &stage_info, "hadal.collector.stage", "encode", hadal_ship_encode_time(shipped));
	put_time(place, &stage_info, "hadal.collector.stage", "send", hadal_ship_send_time(shipped));
}

void export_self(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
		 const struct self *self, const struct model *model, const struct hadal_ship_stats *shipped,
		 bool full)
{
	struct place place = { .batch = batch, .resource = resource, .point = *point };

	put_usage(&place, &self->usage);
	put_time(&place, &lag_info, NULL, NULL, self->lag);
	if (!full)
		return;
	put_tables(&place, model);
	put_stages(&place, &self->stages, shipped);
}

void export_folded(struct hadal_batch *batch, struct hadal_resource *resource, const struct hadal_point *point,
		   const struct model *model)
{
	static const enum model_table tables[EXPORT_FOLDED_POINTS] = { TABLE_WORKLOADS, TABLE_EDGES };
	const struct place place = { .batch = batch, .resource = resource, .point = *point };

	for (unsigned int i = 0; i < EXPORT_FOLDED_POINTS; i++) {
		struct model_table_use table = model_table_use(model, tables[i]);

		put(&place, &folded_info, "hadal.collector.table", table.name, table.folded);
	}
}
