/* SPDX-License-Identifier: MIT */
/*
 * How processes and containers end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model_fixture.h"

static void exits_are_counted(void **state)
{
	const struct workload *workload;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	for (uint32_t i = 0; i < 12; i++) {
		struct actor child = { 3000 + i, web.tgid, 10 + i, NS_WEB, 100 + i, CGROUP_WEB, web.path };
		static const uint32_t codes[] = { 0, 1 << 8, 9, 11 | 0x80 };

		record_fork(&world.recorder, &child);
		record_exec(&world.recorder, &child);
		record_exit(&world.recorder, &child, codes[i % 4], i == 2 ? HADAL_PROCESS_OOM : 0);
	}
	interval(&world);
	assert_null(find_workload(&world, "prod", "web"));
	answer_all(&world);
	interval(&world);
	workload = find_workload(&world, "prod", "web");
	assert_non_null(workload);
	assert_int_equal(workload->exits.success, 3);
	assert_int_equal(workload->exits.failure, 3);
	assert_int_equal(workload->exits.signal[9], 3);
	assert_int_equal(workload->exits.signal[11], 3);
	assert_int_equal(workload->exits.oom_killed, 1);
	interval(&world);
	assert_int_equal(workload->exits.success, 3);
	world_close(&world);
}

static uint64_t oom_kills(struct world *world)
{
	const struct workload *workload;

	interval(world);
	workload = find_workload(world, "prod", "web");
	return workload ? workload->exits.oom_killed : 0;
}

/* When it is chosen, which may be twice, or when it ends; who shares its memory only ends. */
static void oom_kills_count_once(void **state)
{
	struct model_config config = { .lifecycle = true };
	struct actor child = { 3001, web.tgid, 17, NS_WEB, 101, CGROUP_WEB, "/bin/eater" };
	struct world world;

	(void)state;
	world_open_named(&world, &config);
	record_fork(&world.recorder, &child);
	record_oom(&world.recorder, &child);
	assert_int_equal(oom_kills(&world), 1);
	assert_int_equal(world.model->events.length, 1);
	assert_string_equal(world.model->events.events->name, "hadal.process.oom");
	assert_true(world.model->events.events->abnormal);
	record_oom(&world.recorder, &child);
	assert_int_equal(world.model->events.length, 1);
	record_exit(&world.recorder, &child, 9, HADAL_PROCESS_OOM);
	assert_int_equal(world.model->events.length, 2);
	assert_string_equal(world.model->events.events->next->name, "hadal.process.exit");
	assert_int_equal(oom_kills(&world), 1);

	/* shares the memory, or its choice was lost */
	child.tgid++;
	record_fork(&world.recorder, &child);
	record_exit(&world.recorder, &child, 9, HADAL_PROCESS_OOM);
	assert_int_equal(oom_kills(&world), 2);
	/* never heard of before */
	child.tgid++;
	record_oom(&world.recorder, &child);
	record_exit(&world.recorder, &child, 9, HADAL_PROCESS_OOM);
	assert_int_equal(oom_kills(&world), 3);
	world_close(&world);
}

/* Without room to remember that it was chosen, its end tells. */
static void oom_kills_beyond_the_table(void **state)
{
	struct model_config config = { .processes = 5 };
	struct actor child = { 3001, web.tgid, 17, NS_WEB, 101, CGROUP_WEB, "/bin/eater" };
	struct world world;

	(void)state;
	world_open(&world, &config);
	start_services(&world);
	record_oom(&world.recorder, &child);
	record_oom(&world.recorder, &child);
	record_exit(&world.recorder, &child, 9, HADAL_PROCESS_OOM);
	interval(&world);
	assert_int_equal(find_workload(&world, "", WORKLOAD_UNKNOWN)->exits.oom_killed, 1);
	assert_true(counted(&world, COUNT_PROCESSES_FULL) > 0);
	world_close(&world);
}

static unsigned int attributes_of(const struct event *event, const char *key)
{
	unsigned int found = 0;

	for (unsigned int i = 0; i < event->attribute_count; i++)
		found += strcmp(event->attributes[i].key, key) == 0;
	return found;
}

static void lifecycle_of_containers(void **state)
{
	struct redactor *redactors[2] = { NULL };

	(void)state;
	assert_int_equal(redactor_new(NULL, &redactors[1]), 0);
	for (int i = 0; i < 2; i++) {
		struct model_config config = { .lifecycle = true, .redactor = redactors[i], .events = 3 };
		struct actor child = { 3001, web.tgid, 17, NS_WEB, 101, CGROUP_WEB, "/bin/true" };
		struct world world;

		world_open(&world, &config);
		record_fork(&world.recorder, &web);
		record_exec(&world.recorder, &web);
		record_fork(&world.recorder, &child);
		record_exec(&world.recorder, &child);
		record_exit(&world.recorder, &child, 0, 0);
		assert_int_equal(world.model->events.length, 1);
		assert_string_equal(world.model->events.events->name, "hadal.process.exec");
		assert_int_equal(attributes_of(world.model->events.events, "process.executable.path"), 1);
		assert_int_equal(attributes_of(world.model->events.events, "process.command_args"), i);
		record_exit(&world.recorder, &web, 9, HADAL_PROCESS_OOM);
		assert_int_equal(world.model->events.length, 2);
		assert_true(world.model->events.events->next->abnormal);
		for (uint32_t n = 0; n < 5; n++) {
			child.tgid = 4000 + n;
			record_fork(&world.recorder, &child);
			record_exit(&world.recorder, &child, 11 | 0x80, 0);
		}
		assert_int_equal(world.model->events.length, 3);
		assert_int_equal(counted(&world, COUNT_EVENTS_FULL), 4);
		world_close(&world);
	}
	redactor_free(redactors[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exits_are_counted),
		cmocka_unit_test(oom_kills_count_once),
		cmocka_unit_test(oom_kills_beyond_the_table),
		cmocka_unit_test(lifecycle_of_containers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
