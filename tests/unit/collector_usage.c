/* SPDX-License-Identifier: MIT */
/*
 * What containers and tasks use, as it is added up by workload, and as it is shipped.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batch.h"
#include "export_usage.h"
#include "model_fixture.h"

#define PATH_TASK	"/ecstasks.slice/ecstasks-" TASK_WEB ".slice"
#define PATH_WEB	PATH_TASK "/docker-" ID_WEB ".scope"
#define PATH_DB		"/system.slice/docker-" ID_DB ".scope"

enum { CGROUP_BELOW = 301, CGROUP_AGAIN };

/* The cgroups of the host, as their files tell. */
struct files {
	struct usage task, web, db;
	bool gone;	/* that of web */
	int bad;
	unsigned int reads;	/* of web */
};

static int read_files(void *context, const char *path, struct usage *usage)
{
	struct files *files = context;

	if (strcmp(path, PATH_TASK) == 0) {
		*usage = files->task;
	} else if (strcmp(path, PATH_DB) == 0) {
		*usage = files->db;
	} else if (strcmp(path, PATH_WEB) == 0) {
		files->reads++;
		if (files->gone)
			return -ENOENT;
		*usage = files->web;
	} else {
		return -ENOENT;
	}
	return files->bad;
}

static void open_world(struct world *world, struct files *files)
{
	struct model_config config = { .read_usage = read_files, .usage_context = files };

	world_open(world, &config);
}

static void start_web(struct world *world)
{
	cgroup_told(world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	record_fork(&world->recorder, &web);
	record_exec(&world->recorder, &web);
	answer(world, ID_WEB, "ecs-web-1-web-0a", TASK_WEB, "web-family", "web", NULL);
}

static void open_web(struct world *world, struct files *files)
{
	open_world(world, files);
	start_web(world);
}

static const struct workload_usage *usage_of(const struct world *world, const char *namespace, const char *name)
{
	const struct workload *workload = find_workload(world, namespace, name);

	assert_non_null(workload);
	assert_non_null(workload->usage);
	return workload->usage;
}

static const struct usage_sum *web_usage(const struct world *world)
{
	return &usage_of(world, "prod", "web")->containers;
}

static void expect(const struct usage_sum *sum, enum usage_value value, uint64_t number)
{
	if (sum->total.value[value] != number)
		fail_msg("value %d is %llu and not %llu", (int)value, (unsigned long long)sum->total.value[value],
			 (unsigned long long)number);
}

/* ---- counters ---- */

static void one_that_was_made_counts_from_its_beginning(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_web(&world, &files);
	usage_set(&files.web, USAGE_CPU_USER, 3 * SECOND);
	usage_set(&files.web, USAGE_CPU_THROTTLED, SECOND);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, 3 * SECOND);
	expect(web_usage(&world), USAGE_CPU_THROTTLED, SECOND);
	expect(web_usage(&world), USAGE_STARTED, 1);
	usage_set(&files.web, USAGE_CPU_USER, 5 * SECOND);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, 5 * SECOND);
	expect(web_usage(&world), USAGE_CPU_THROTTLED, SECOND);
	expect(web_usage(&world), USAGE_STARTED, 1);
	world_close(&world);
}

static void one_that_was_there_counts_from_then_on(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_world(&world, &files);
	usage_set(&files.web, USAGE_CPU_USER, 1000 * SECOND);
	start_services(&world);
	answer_all(&world);
	usage_set(&files.web, USAGE_CPU_USER, 1002 * SECOND);
	/* What begins to be told later counts from then on. */
	usage_set(&files.web, USAGE_DISK_READ, 4096);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, 2 * SECOND);
	expect(web_usage(&world), USAGE_DISK_READ, 0);
	expect(web_usage(&world), USAGE_STARTED, 0);
	usage_set(&files.web, USAGE_DISK_READ, 8192);
	interval(&world);
	expect(web_usage(&world), USAGE_DISK_READ, 4096);
	world_close(&world);
}

static void what_falls_is_not_counted(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_web(&world, &files);
	usage_set(&files.web, USAGE_DISK_READ, 5000);
	interval(&world);
	usage_set(&files.web, USAGE_DISK_READ, 1000);
	interval(&world);
	expect(web_usage(&world), USAGE_DISK_READ, 5000);
	assert_int_equal(counted(&world, COUNT_COUNTER_WENT_BACK), 1);
	usage_set(&files.web, USAGE_DISK_READ, 1500);
	interval(&world);
	expect(web_usage(&world), USAGE_DISK_READ, 5500);
	world_close(&world);
}

/* A file that can't be read for once. */
static void what_is_not_told_for_once_counts_on(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_web(&world, &files);
	usage_set(&files.web, USAGE_CPU_USER, 5 * SECOND);
	interval(&world);
	files.web.known = 0;
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, 5 * SECOND);
	usage_set(&files.web, USAGE_CPU_USER, 7 * SECOND);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, 7 * SECOND);
	world_close(&world);
}

static void it_waits_for_its_name(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_world(&world, &files);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	record_fork(&world.recorder, &web);
	usage_set(&files.web, USAGE_CPU_USER, SECOND);
	interval(&world);
	assert_null(world.model->workloads.table);
	usage_set(&files.web, USAGE_CPU_USER, 2 * SECOND);
	interval(&world);
	answer(&world, ID_WEB, "ecs-web-1-web-0a", TASK_WEB, "web-family", "web", NULL);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, 2 * SECOND);
	world_close(&world);
}

static void bad_files_are_counted(void **state)
{
	struct files files = { .bad = 2 };
	struct world world;

	(void)state;
	open_web(&world, &files);
	interval(&world);
	/* Of web and of its task, which was read when it was seen first too. */
	assert_int_equal(counted(&world, COUNT_USAGE_BAD), 6);
	world_close(&world);
}

/* ---- the end of a container ---- */

static void it_is_read_when_its_first_process_ends(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_web(&world, &files);
	usage_set(&files.web, USAGE_CPU_USER, SECOND);
	usage_set(&files.web, USAGE_DISK_WRITTEN, 1 << 20);
	record_exit_used(&world.recorder, &web, 9 * SECOND, 0);
	files.gone = true;
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, SECOND);
	expect(web_usage(&world), USAGE_DISK_WRITTEN, 1 << 20);
	assert_int_equal(web_usage(&world)->live, 0);
	assert_int_equal(counted(&world, COUNT_USAGE_MISSED), 0);
	world_close(&world);
}

/* Read once more before its cgroup goes: nothing was missed, unless somebody has run in it since. */
static void the_last_reading_stays_the_last(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	for (unsigned int missed = 0; missed < 2; missed++) {
		open_world(&world, &files);
		start_web(&world);
		usage_set(&files.web, USAGE_CPU_USER, SECOND);
		record_exit(&world.recorder, &web, 0, 0);
		usage_set(&files.web, USAGE_CPU_USER, SECOND + missed);
		interval(&world);
		cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
		interval(&world);
		assert_int_equal(counted(&world, COUNT_USAGE_MISSED), missed);
		world_close(&world);
	}
}

/* Two processes, of which the records of one come when the cgroup is gone already. */
static void what_was_not_read_in_time_its_processes_tell(void **state)
{
	struct actor child = web;
	struct files files = { 0 };
	struct world world;

	(void)state;
	child.tgid = 1101;
	child.ns_tgid = 7;
	open_web(&world, &files);
	record_fork(&world.recorder, &child);
	usage_set(&files.web, USAGE_CPU_USER, SECOND);
	usage_set(&files.web, USAGE_CPU_SYSTEM, SECOND);
	interval(&world);
	files.gone = true;
	world.recorder.time += SECOND;
	record_exit_used(&world.recorder, &web, 3 * SECOND, SECOND);
	record_exit_used(&world.recorder, &child, 3 * SECOND, SECOND);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	interval(&world);
	/* Of 8 s, 2 s had been read; the rest is split as the processes tell. */
	expect(web_usage(&world), USAGE_CPU_USER, SECOND + 6 * SECOND * 3 / 4);
	expect(web_usage(&world), USAGE_CPU_SYSTEM, SECOND + 6 * SECOND / 4);
	assert_int_equal(counted(&world, COUNT_USAGE_MISSED), 1);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, SECOND + 6 * SECOND * 3 / 4);
	world_close(&world);
}

static void of_one_that_was_there_they_do_not_tell(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_world(&world, &files);
	usage_set(&files.web, USAGE_CPU_USER, SECOND);
	record_existing(&world.recorder, &web);
	answer_all(&world);
	interval(&world);
	files.gone = true;
	world.recorder.time += SECOND;
	record_exit_used(&world.recorder, &web, 50 * SECOND, SECOND);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, 0);
	assert_int_equal(counted(&world, COUNT_USAGE_MISSED), 1);
	world_close(&world);
}

static void many_ends_make_few_readings(void **state)
{
	struct actor inner = web;
	struct files files = { 0 };
	struct world world;
	unsigned int reads;

	(void)state;
	open_web(&world, &files);
	interval(&world);
	reads = files.reads;
	for (unsigned int i = 0; i < 1000; i++) {
		inner.tgid = 2000 + i;
		record_fork(&world.recorder, &inner);
		record_exit(&world.recorder, &inner, 0, 0);
	}
	assert_true(files.reads - reads <= 1);
	world_close(&world);
}

static void a_start_anew_counts_on(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_web(&world, &files);
	usage_set(&files.web, USAGE_CPU_USER, 3 * SECOND);
	record_exit(&world.recorder, &web, 0, 0);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	usage_set(&files.web, USAGE_CPU_USER, SECOND);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_MKDIR, 0, CGROUP_AGAIN, PATH_WEB, 0);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, 4 * SECOND);
	expect(web_usage(&world), USAGE_STARTED, 2);
	expect(web_usage(&world), USAGE_RESTARTED, 1);
	assert_int_equal(web_usage(&world)->live, 1);
	assert_int_equal(counted(&world, COUNT_COUNTER_WENT_BACK), 0);
	world_close(&world);
}

/* That it was made again was not seen: what it has used until it is found is not counted. */
static void a_start_anew_that_was_not_seen_counts_from_then_on(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_web(&world, &files);
	usage_set(&files.web, USAGE_CPU_USER, 3 * SECOND);
	record_exit(&world.recorder, &web, 0, 0);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	usage_set(&files.web, USAGE_CPU_USER, 50 * SECOND);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_EXISTING, 0, CGROUP_AGAIN, PATH_WEB, 0);
	usage_set(&files.web, USAGE_CPU_USER, 51 * SECOND);
	interval(&world);
	expect(web_usage(&world), USAGE_CPU_USER, 4 * SECOND);
	expect(web_usage(&world), USAGE_STARTED, 1);
	assert_int_equal(web_usage(&world)->live, 1);
	assert_int_equal(counted(&world, COUNT_COUNTER_WENT_BACK), 0);
	world_close(&world);
}

/* A container that has cgroups of its own in it, as with systemd. */
static void what_is_below_is_no_start(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_web(&world, &files);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_MKDIR, 0, CGROUP_BELOW, PATH_WEB "/init.scope", 0);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_RMDIR, 0, CGROUP_BELOW, NULL, 0);
	interval(&world);
	expect(web_usage(&world), USAGE_STARTED, 1);
	assert_int_equal(web_usage(&world)->live, 1);
	world_close(&world);
}

/* ---- what is used now ---- */

static void limits_are_known_if_all_have_one(void **state)
{
	struct files files = { 0 };
	struct usage_source *second = NULL;
	struct usage_reader reader = { .read = read_files, .context = &files };
	struct usage_sum sum = { .live = 0 };
	struct world world;

	(void)state;
	open_world(&world, &files);
	reader.counts = &world.model->counts;
	start_web(&world);
	usage_set(&files.web, USAGE_MEMORY, 100);
	usage_set(&files.web, USAGE_MEMORY_LIMIT, 512);
	usage_set(&files.db, USAGE_MEMORY, 50);
	interval(&world);
	assert_true(usage_sum_knows(web_usage(&world), USAGE_MEMORY_LIMIT));
	expect(web_usage(&world), USAGE_MEMORY_LIMIT, 512);
	usage_begin(&second, &reader, PATH_DB, ID_DB, CGROUP_DB, true, START);
	assert_non_null(second);
	usage_read(second, &reader, START);
	usage_sum_begin(&sum);
	usage_sum_add(&sum, world.model->containers.table->usage);
	usage_sum_add(&sum, second);
	assert_true(usage_sum_knows(&sum, USAGE_MEMORY));
	expect(&sum, USAGE_MEMORY, 150);
	assert_false(usage_sum_knows(&sum, USAGE_MEMORY_LIMIT));
	usage_free(second);
	world_close(&world);
}

static void a_task_with_limits_tells_its_own(void **state)
{
	struct files files = { 0 };
	const struct usage_sum *tasks;
	struct world world;

	(void)state;
	open_web(&world, &files);
	interval(&world);
	tasks = &usage_of(&world, "prod", "web")->tasks;
	assert_int_equal(tasks->live, 0);
	usage_set(&files.task, USAGE_CPU_LIMIT, SECOND / 2);
	usage_set(&files.task, USAGE_CPU_THROTTLED, 0);
	interval(&world);
	usage_set(&files.task, USAGE_CPU_THROTTLED, 4 * SECOND);
	interval(&world);
	assert_int_equal(tasks->live, 1);
	expect(tasks, USAGE_CPU_LIMIT, SECOND / 2);
	expect(tasks, USAGE_CPU_THROTTLED, 4 * SECOND);
	world_close(&world);
}

/* Nobody talks to it, and it is not idle. */
static void a_workload_lives_as_long_as_its_containers(void **state)
{
	struct files files = { 0 };
	struct world world;

	(void)state;
	open_web(&world, &files);
	intervals(&world, 90);
	assert_int_equal(web_usage(&world)->live, 1);
	files.gone = true;
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	intervals(&world, 90);
	assert_null(find_workload(&world, "prod", "web"));
	world_close(&world);
}

/* Who asks between intervals makes no readings. */
static void a_refresh_reads_nothing(void **state)
{
	struct files files = { 0 };
	struct world world;
	unsigned int reads;

	(void)state;
	open_web(&world, &files);
	interval(&world);
	reads = files.reads;
	model_refresh(world.model, world.recorder.time, wall_at(&world));
	assert_int_equal(files.reads, reads);
	assert_int_equal(web_usage(&world)->live, 1);
	world_close(&world);
}

/* ---- shipping ---- */

static const struct hadal_telemetry_attribute *attribute_of(const struct hadal_batch_point *point, const char *value)
{
	const struct hadal_attributes *set = point->at.attributes;

	for (size_t i = 0; i < set->count; i++) {
		if (strcmp(set->list[i].string, value) == 0)
			return &set->list[i];
	}
	return NULL;
}

/* The point of metric @name with an attribute of that value (NULL: the first); NULL: there is none. */
static const struct hadal_batch_point *find_point(const struct hadal_batch *batch, const char *name, const char *value)
{
	const struct hadal_batch_point *point;
	const struct hadal_metric *metric;

	for (metric = batch->first->first_metric; metric; metric = metric->next) {
		if (strcmp(metric->info->name, name) != 0)
			continue;
		for (point = metric->first; point; point = point->next) {
			if (!value || attribute_of(point, value))
				return point;
		}
	}
	return NULL;
}

static const struct hadal_batch_point *the_point(const struct hadal_batch *batch, const char *name, const char *value)
{
	const struct hadal_batch_point *point = find_point(batch, name, value);

	if (!point)
		fail_msg("no point of %s, %s", name, value ? value : "");
	return point;
}

static void expect_real(const struct hadal_batch *batch, const char *name, const char *value, double number)
{
	const struct hadal_batch_point *point = the_point(batch, name, value);

	assert_int_equal(point->type, HADAL_POINT_DOUBLE);
	assert_true(point->real > number - 1e-9 && point->real < number + 1e-9);
}

static void expect_integer(const struct hadal_batch *batch, const char *name, const char *value, int64_t number)
{
	const struct hadal_batch_point *point = the_point(batch, name, value);

	assert_int_equal(point->type, HADAL_POINT_INT);
	assert_int_equal(point->integer, number);
}

static struct hadal_batch *batch_of(struct workload_usage *usage, const struct host_usage *host, bool full)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *resource = hadal_batch_resource(batch, NULL);
	const struct hadal_point times = { .start_time = EPOCH, .time = EPOCH + 60 * SECOND };

	if (usage)
		export_workload_usage(batch, resource, &times, usage, full);
	if (host)
		export_host_usage(batch, resource, &times, host, full);
	assert_int_equal(hadal_batch_error(batch), 0);
	assert_int_equal(hadal_batch_counts(batch).refused, 0);
	return batch;
}

static void gauge(struct usage_sum *sum, enum usage_value value, uint64_t number)
{
	sum->total.value[value] = number;
	sum->holders[value] = sum->live;
}

static void what_a_workload_uses_is_told(void **state)
{
	struct workload_usage usage = { .containers = { .live = 2 } };
	struct hadal_batch *batch;

	(void)state;
	usage_set(&usage.containers.total, USAGE_CPU_USER, 1500 * MILLISECOND);
	usage_set(&usage.containers.total, USAGE_CPU_SYSTEM, 0);
	usage_set(&usage.containers.total, USAGE_CPU_THROTTLED, 250 * MILLISECOND);
	usage_set(&usage.containers.total, USAGE_MEMORY_OOM_KILLS, 3);
	usage_set(&usage.containers.total, USAGE_IO_FULL, 2 * SECOND);
	gauge(&usage.containers, USAGE_MEMORY, 4096);
	gauge(&usage.containers, USAGE_MEMORY_LIMIT, 8192);
	gauge(&usage.containers, USAGE_CPU_LIMIT, SECOND / 4);
	batch = batch_of(&usage, NULL, false);
	expect_integer(batch, "hadal.container.active", NULL, 2);
	expect_real(batch, "container.cpu.time", "user", 1.5);
	assert_null(find_point(batch, "container.cpu.time", "system"));
	expect_real(batch, "hadal.container.cpu.throttled", NULL, 0.25);
	expect_real(batch, "hadal.container.cpu.limit", NULL, 0.25);
	expect_integer(batch, "container.memory.usage", NULL, 4096);
	expect_integer(batch, "hadal.container.memory.limit", NULL, 8192);
	assert_null(find_point(batch, "hadal.container.memory.event", NULL));
	assert_null(find_point(batch, "hadal.container.pressure", NULL));
	assert_null(find_point(batch, "hadal.task.memory.limit", NULL));
	hadal_batch_free(batch);
	batch = batch_of(&usage, NULL, true);
	expect_integer(batch, "hadal.container.memory.event", "oom_kill", 3);
	expect_real(batch, "hadal.container.pressure", "full", 2);
	hadal_batch_free(batch);
}

static void a_gauge_that_is_known_no_more_ends_once(void **state)
{
	struct workload_usage usage = { .containers = { .live = 1 } };
	struct hadal_batch *batch;

	(void)state;
	gauge(&usage.containers, USAGE_MEMORY, 4096);
	batch = batch_of(&usage, NULL, false);
	assert_false(the_point(batch, "container.memory.usage", NULL)->at.no_recorded_value);
	hadal_batch_free(batch);
	usage.containers.live = 0;
	batch = batch_of(&usage, NULL, false);
	assert_true(the_point(batch, "container.memory.usage", NULL)->at.no_recorded_value);
	expect_integer(batch, "hadal.container.active", NULL, 0);
	hadal_batch_free(batch);
	batch = batch_of(&usage, NULL, false);
	assert_null(find_point(batch, "container.memory.usage", NULL));
	hadal_batch_free(batch);
}

static void what_the_host_uses_is_told(void **state)
{
	struct host_usage host = {
		.known = 1U << HOST_STAT | 1U << HOST_MEMINFO | 1U << HOST_LOADAVG | 1U << HOST_UPTIME,
		.cpus = 4, .load = { 1.5, 2, 3 }, .uptime = 77.25, .boot_time = EPOCH - 77 * SECOND,
		.cpu = { [HOST_CPU_USER] = 700, [HOST_CPU_INTERRUPT] = 100, [HOST_CPU_SOFT_INTERRUPT] = 50 },
		.memory = { [HOST_MEMORY_TOTAL] = 1000, [HOST_MEMORY_FREE] = 100, [HOST_MEMORY_BUFFERS] = 20,
			    [HOST_MEMORY_CACHED] = 300, [HOST_MEMORY_RECLAIMABLE] = 30, [HOST_MEMORY_AVAILABLE] = 400 },
	};
	struct hadal_batch *batch;

	(void)state;
	usage_set(&host.pressure, USAGE_MEMORY_FULL, SECOND / 2);
	batch = batch_of(NULL, &host, false);
	expect_real(batch, "system.cpu.time", "user", 7);
	expect_real(batch, "system.cpu.time", "interrupt", 1.5);
	assert_int_equal(the_point(batch, "system.cpu.time", "user")->at.start_time, host.boot_time);
	expect_integer(batch, "system.cpu.logical.count", NULL, 4);
	expect_integer(batch, "system.memory.usage", "used", 550);
	expect_integer(batch, "system.memory.usage", "cached", 330);
	expect_integer(batch, "system.memory.limit", NULL, 1000);
	expect_integer(batch, "system.memory.linux.available", NULL, 400);
	expect_real(batch, "system.cpu.load_average.1m", NULL, 1.5);
	assert_null(find_point(batch, "system.cpu.load_average.15m", NULL));
	expect_real(batch, "system.uptime", NULL, 77.25);
	expect_real(batch, "hadal.system.pressure", "full", 0.5);
	hadal_batch_free(batch);
	host.known = 0;
	batch = batch_of(NULL, &host, true);
	assert_null(find_point(batch, "system.cpu.time", NULL));
	assert_null(find_point(batch, "system.memory.limit", NULL));
	hadal_batch_free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_was_made_counts_from_its_beginning),
		cmocka_unit_test(one_that_was_there_counts_from_then_on),
		cmocka_unit_test(what_falls_is_not_counted),
		cmocka_unit_test(what_is_not_told_for_once_counts_on),
		cmocka_unit_test(it_waits_for_its_name),
		cmocka_unit_test(bad_files_are_counted),
		cmocka_unit_test(it_is_read_when_its_first_process_ends),
		cmocka_unit_test(the_last_reading_stays_the_last),
		cmocka_unit_test(what_was_not_read_in_time_its_processes_tell),
		cmocka_unit_test(of_one_that_was_there_they_do_not_tell),
		cmocka_unit_test(many_ends_make_few_readings),
		cmocka_unit_test(a_start_anew_counts_on),
		cmocka_unit_test(a_start_anew_that_was_not_seen_counts_from_then_on),
		cmocka_unit_test(what_is_below_is_no_start),
		cmocka_unit_test(limits_are_known_if_all_have_one),
		cmocka_unit_test(a_task_with_limits_tells_its_own),
		cmocka_unit_test(a_workload_lives_as_long_as_its_containers),
		cmocka_unit_test(a_refresh_reads_nothing),
		cmocka_unit_test(what_a_workload_uses_is_told),
		cmocka_unit_test(a_gauge_that_is_known_no_more_ends_once),
		cmocka_unit_test(what_the_host_uses_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
