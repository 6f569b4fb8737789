/* SPDX-License-Identifier: MIT */
/*
 * What hadald tells of itself: the time of its stages, how far behind it is, what
 * it uses, and how all that and its tables are shipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "batch.h"
#include "clock.h"
#include "export_self.h"
#include "model_fixture.h"
#include "model_tables.h"

static void spin(uint64_t ns)
{
	uint64_t since = now_ns();

	while (now_ns() - since < ns)
		;
}

/* Each moment belongs to one stage, also of a stage within another. */
static void time_goes_to_the_stage_that_is(void **state)
{
	struct stages stages = { .current = STAGE_IDLE };
	uint64_t sum = 0, since;
	enum stage before;

	(void)state;
	stage_enter(&stages, STAGE_RECORDS);
	since = stages.since;
	spin(2 * MILLISECOND);
	stage_enter(&stages, STAGE_AGGREGATE);
	spin(MILLISECOND);
	before = stage_enter(&stages, STAGE_EXPORT);
	assert_int_equal(before, STAGE_AGGREGATE);
	spin(3 * MILLISECOND);
	stage_enter(&stages, before);
	spin(MILLISECOND);
	assert_int_equal(stage_enter(&stages, STAGE_IDLE), STAGE_AGGREGATE);
	assert_true(stages.time[STAGE_RECORDS] >= 2 * MILLISECOND);
	assert_true(stages.time[STAGE_AGGREGATE] >= 2 * MILLISECOND);
	assert_true(stages.time[STAGE_EXPORT] >= 3 * MILLISECOND);
	assert_int_equal(stages.time[STAGE_IDENTITY] + stages.time[STAGE_QUERIES] + stages.time[STAGE_IDLE], 0);
	for (unsigned int i = 0; i < STAGES; i++)
		sum += stages.time[i];
	assert_int_equal(sum, stages.since - since);
}

static void stages_have_names(void **state)
{
	(void)state;
	assert_null(stage_name(STAGE_IDLE));
	for (unsigned int i = STAGE_IDLE + 1; i < STAGES; i++)
		assert_non_null(stage_name((enum stage)i));
}

static void lag_is_the_most_of_two_intervals(void **state)
{
	struct lag lag = { 0 };

	(void)state;
	lag_note(&lag, 5);
	lag_note(&lag, 3);
	assert_int_equal(lag_lately(&lag), 5);
	lag_interval(&lag);
	lag_note(&lag, 2);
	assert_int_equal(lag.now, 2);
	assert_int_equal(lag_lately(&lag), 5);
	lag_interval(&lag);
	assert_int_equal(lag_lately(&lag), 2);
	assert_int_equal(lag.most, 5);
}

/* Of this program, which has been running for a while. */
static void usage_is_the_kernels(void **state)
{
	struct self_usage before = self_usage(), after;

	(void)state;
	spin(50 * MILLISECOND);
	after = self_usage();
	assert_true(before.memory > 100000 && before.memory < 1ULL << 30);
	assert_true(after.cpu_user >= before.cpu_user && after.cpu_system >= before.cpu_system);
	assert_true(after.cpu_user + after.cpu_system > before.cpu_user + before.cpu_system);
}

/* Each table's use is its own: all grow by one thing of theirs. */
static void tables_are_told_with_their_bounds(void **state)
{
	static const struct model_config config = { .processes = 11, .workloads = 12, .edges_host = 13, .events = 14,
						    .lifecycle = true };
	struct world world;

	(void)state;
	world_open_named(&world, &config);
	web_calls_api(&world, 1, 10, 20);
	record_oom(&world.recorder, &api);
	interval(&world);
	for (unsigned int i = 0; i < MODEL_TABLES; i++)
		assert_true(model_table_use(world.model, (enum model_table)i).entries <=
			    model_table_use(world.model, (enum model_table)i).limit);
	assert_int_equal(model_table_use(world.model, TABLE_PROCESSES).entries,
			 HASH_COUNT(world.model->processes.table));
	assert_int_equal(model_table_use(world.model, TABLE_PROCESSES).limit, 11);
	assert_string_equal(model_table_use(world.model, TABLE_EDGES).name, "edges");
	assert_int_equal(model_table_use(world.model, TABLE_EDGES).entries, 2);
	assert_int_equal(model_table_use(world.model, TABLE_EDGES).limit, 13);
	assert_int_equal(model_table_use(world.model, TABLE_WORKLOADS).limit, 12);
	assert_int_equal(model_table_use(world.model, TABLE_EVENTS).entries, world.model->events.length);
	assert_int_equal(model_table_use(world.model, TABLE_EVENTS).limit, 14);
	assert_true(world.model->events.length > 0);
	assert_int_equal(model_table_use(world.model, TABLE_UDP_FLOWS).entries, 0);
	world_close(&world);
}

/* ---- what is shipped ---- */

static const struct self some = {
	.usage = { .cpu_user = 1500 * MILLISECOND, .cpu_system = 250 * MILLISECOND, .memory = 123456 },
	.stages.time = { [STAGE_IDLE] = 9 * SECOND, [STAGE_RECORDS] = 2 * SECOND, [STAGE_QUERIES] = SECOND },
	.lag = 75 * MILLISECOND,
};
static const struct hadal_ship_stats shipped = {
	.sink_count = 2,
	.sink = { { .encode_time = SECOND / 2, .send_time = SECOND }, { .send_time = 3 * SECOND } },
};

static struct hadal_batch *export(const struct world *world, const struct hadal_ship_stats *stats, bool full)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *resource = hadal_batch_resource(batch, NULL);
	struct hadal_point point = { .start_time = EPOCH, .time = EPOCH + SECOND };

	export_self(batch, resource, &point, &some, world->model, stats, full);
	assert_int_equal(hadal_batch_error(batch), 0);
	assert_int_equal(hadal_batch_counts(batch).refused, 0);
	return batch;
}

/* @value: of the one attribute; NULL: it has none. */
static const struct hadal_batch_point *point_of(const struct hadal_batch *batch, const char *name, const char *value)
{
	const struct hadal_metric *metric = batch->first->first_metric;
	const struct hadal_batch_point *point;

	while (metric && strcmp(metric->info->name, name))
		metric = metric->next;
	for (point = metric ? metric->first : NULL; point; point = point->next) {
		if (value ? strcmp(point->at.attributes->list[0].string, value) == 0 : !point->at.attributes)
			return point;
	}
	return NULL;
}

static double time_of(const struct hadal_batch *batch, const char *name, const char *value)
{
	const struct hadal_batch_point *point = point_of(batch, name, value);

	assert_non_null(point);
	return point->real;
}

static void the_usual_profile_has_few_points(void **state)
{
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	batch = export(&world, &shipped, false);
	assert_int_equal(hadal_batch_counts(batch).points, 4);
	assert_true(time_of(batch, "process.cpu.time", "user") == 1.5);
	assert_true(time_of(batch, "process.cpu.time", "system") == 0.25);
	assert_true(time_of(batch, "hadal.collector.lag", NULL) == 0.075);
	assert_int_equal(point_of(batch, "process.memory.usage", NULL)->integer, 123456);
	hadal_batch_free(batch);
	world_close(&world);
}

static void the_full_one_has_tables_and_stages(void **state)
{
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open_named(&world, NULL);
	batch = export(&world, &shipped, true);
	assert_int_equal(hadal_batch_counts(batch).points, 4 + 3 * MODEL_TABLES + STAGES - 1 + 2);
	assert_int_equal(point_of(batch, "hadal.collector.table.entries", "processes")->integer,
			 HASH_COUNT(world.model->processes.table));
	assert_int_equal(point_of(batch, "hadal.collector.table.limit", "edges")->integer, 2000);
	assert_true(time_of(batch, "hadal.collector.stage.time", "records") == 2);
	assert_true(time_of(batch, "hadal.collector.stage.time", "queries") == 1);
	assert_true(time_of(batch, "hadal.collector.stage.time", "encode") == 0.5);
	assert_true(time_of(batch, "hadal.collector.stage.time", "send") == 4);
	hadal_batch_free(batch);
	batch = export(&world, NULL, true);
	assert_null(point_of(batch, "hadal.collector.stage.time", "send"));
	hadal_batch_free(batch);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_goes_to_the_stage_that_is),
		cmocka_unit_test(stages_have_names),
		cmocka_unit_test(lag_is_the_most_of_two_intervals),
		cmocka_unit_test(usage_is_the_kernels),
		cmocka_unit_test(tables_are_told_with_their_bounds),
		cmocka_unit_test(the_usual_profile_has_few_points),
		cmocka_unit_test(the_full_one_has_tables_and_stages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
