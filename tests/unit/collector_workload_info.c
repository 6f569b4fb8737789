/* SPDX-License-Identifier: MIT */
/*
 * By what a workload is run: revisions, images and builds, during a deploy the old and the new.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model_fixture.h"
#include "workload_info.h"

static void an_images_name_has_parts(void **state)
{
	static const struct {
		const char *image, *name, *tag, *digest;
	} cases[] = {
		{ "nginx", "nginx", "", "" },
		{ "nginx:1.25", "nginx", "1.25", "" },
		{ "registry:5000/shop/web", "registry:5000/shop/web", "", "" },
		{ "registry:5000/shop/web:7", "registry:5000/shop/web", "7", "" },
		{ "shop/web@sha256:00ff", "shop/web", "", "sha256:00ff" },
		{ "r:5000/web:7@sha256:00ff", "r:5000/web", "7", "sha256:00ff" },
		{ "sha256:00ff", "sha256", "00ff", "" },
		{ "@", "", "", "" },
		{ ":", "", "", "" },
		{ "", "", "", "" },
	};
	struct image_parts parts;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		image_split(cases[i].image, &parts);
		assert_string_equal(parts.name, cases[i].name);
		assert_string_equal(parts.tag, cases[i].tag);
		assert_string_equal(parts.digest, cases[i].digest);
	}
}

static void no_more_than_there_is_room_for(void **state)
{
	struct workload_facts facts = { .revision = "a" };
	struct workload_infos infos = { .count = 0 };

	(void)state;
	infos_begin(NULL);
	for (int i = 0; i < WORKLOAD_INFOS; i++, facts.revision[0]++)
		assert_true(infos_add(&infos, &facts));
	assert_false(infos_add(&infos, &facts));
	facts.revision[0] = 'a';
	assert_true(infos_add(&infos, &facts));
	assert_int_equal(infos.count, WORKLOAD_INFOS);
}

static void what_has_ended_is_forgotten(void **state)
{
	const struct workload_facts old = { .image = "web:1" }, new = { .image = "web:2" };
	struct workload_infos infos = { .count = 0 };

	(void)state;
	infos_add(&infos, &old);
	infos.list[0].told = true;
	infos_begin(&infos);
	infos_add(&infos, &new);
	assert_int_equal(infos.count, 2);
	assert_false(infos.list[0].live);
	infos.list[0].told = false;	/* its end is told */
	infos_begin(&infos);
	assert_int_equal(infos.count, 1);
	assert_string_equal(infos.list[0].facts.image, "web:2");
}

/* A container of TASK_WEB's service by that image. */
static void say(struct world *world, const char *id, const char *image, const char *revision)
{
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_FOUND };

	strcpy(answer.container_id, id);
	strcpy(answer.facts.image, image);
	strcpy(answer.facts.name_in_task, "web");
	strcpy(answer.facts.task.arn, "arn:aws:ecs:eu-west-1:123456789012:task/prod/" TASK_WEB);
	strcpy(answer.facts.task.revision, revision);
	strcpy(answer.facts.task.service, "web");
	strcpy(answer.facts.task.cluster, "prod");
	containers_answer(&world->model->containers, &answer, world->recorder.time);
}

static const struct workload_infos *infos_of_web(const struct world *world)
{
	const struct workload *workload = find_workload(world, "prod", "web");

	assert_non_null(workload);
	assert_non_null(workload->infos);
	return workload->infos;
}

/* It is told when it is known by which build its first program was made, or that this will not be known. */
static void a_container_tells_when_all_is_known(void **state)
{
	static const struct build_facts facts = { .gnu_id = "00ff" };
	struct program_answer told = { .result = PROGRAM_READ };
	const struct workload_info *info;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	record_fork(&world.recorder, &web);
	record_exec(&world.recorder, &web);
	say(&world, ID_WEB, "shop/web:7", "3");
	interval(&world);
	assert_null(find_workload(&world, "prod", "web"));
	assert_true(programs_next(&world.model->processes.programs, &told.question));
	told.time = world.recorder.time;
	told.build = build_new(&facts);
	programs_answer(&world.model->processes.programs, &told);
	world.recorder.time += PROGRAM_SETTLE;
	programs_settle(&world.model->processes.programs, world.recorder.time, false);
	interval(&world);
	assert_int_equal(infos_of_web(&world)->count, 1);
	info = &infos_of_web(&world)->list[0];
	assert_true(info->live);
	assert_string_equal(info->facts.image, "shop/web:7");
	assert_string_equal(info->facts.revision, "3");
	assert_string_equal(info->facts.container, "web");
	assert_string_equal(info->facts.build_id, "00ff");
	record_exit(&world.recorder, &web, 0, 0);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	interval(&world);
	assert_true(!infos_of_web(&world)->count || !infos_of_web(&world)->list[0].live);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_images_name_has_parts),
		cmocka_unit_test(no_more_than_there_is_room_for),
		cmocka_unit_test(what_has_ended_is_forgotten),
		cmocka_unit_test(a_container_tells_when_all_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
