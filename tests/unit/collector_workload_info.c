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

/* Of the one program that is asked about, which has then settled. */
static void read_program(struct world *world, const char *build_id)
{
	struct programs *programs = &world->model->processes.programs;
	struct program_answer told = { .result = PROGRAM_READ };
	struct build_facts facts = { .gnu_id = "" };

	strcpy(facts.gnu_id, build_id);
	assert_true(programs_next(programs, &told.question));
	told.time = world->recorder.time;
	told.build = build_new(&facts);
	programs_answer(programs, &told);
	world->recorder.time += PROGRAM_SETTLE;
	programs_settle(programs, world->recorder.time, false);
}

/* It is told when it is known by which build its first program was made, or that this will not be known. */
static void a_container_tells_when_all_is_known(void **state)
{
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
	read_program(&world, "00ff");
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

static int pid_of_web(const struct world *world)
{
	return container_find(&world->model->containers, ID_WEB)->pid;
}

/* As runc does it: @stage is put into the cgroup, makes @init, of the same parent, and is gone. */
static void runc_starts(struct world *world, const struct actor *stage, const struct actor *init)
{
	record_fork_sibling(&world->recorder, stage);
	record_fork_sibling(&world->recorder, init);
	record_exit(&world->recorder, stage, 0, 0);
}

static const struct actor stage = { 2001, 1, 2001, NS_HOST, 31, CGROUP_WEB, "/usr/sbin/runc" };
static const struct actor init = { 2002, 1, 1, NS_WEB, 32, CGROUP_WEB, "/usr/bin/web-server" };

static void a_container_is_asked_about_by_what_it_runs(void **state)
{
	static const struct actor next_stage = { 2021, 1, 2021, NS_HOST, 51, CGROUP_WEB, "/usr/sbin/runc" };
	static const struct actor next_init = { 2022, 1, 1, NS_WEB, 52, CGROUP_WEB, "/usr/bin/web-server" };
	static const struct actor check = { 2010, 1, 7, NS_WEB, 41, CGROUP_WEB, "/usr/bin/curl" };
	static const struct actor sandbox = { 2011, 2002, 1, NS_WEB, 42, CGROUP_WEB, "/usr/bin/bwrap" };
	static const struct actor worker = { 2012, 2002, 8, NS_WEB, 43, CGROUP_IN_WEB, "/usr/bin/worker" };
	struct identity_answer answer = { .container_id = ID_WEB, .container = IDENTITY_UNAVAILABLE,
					  .task = IDENTITY_UNAVAILABLE };
	struct identity_request request;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	runc_starts(&world, &stage, &init);
	assert_true(containers_next_request(&world.model->containers, world.recorder.time, &request));
	assert_int_equal(request.pid, stage.tgid);
	record_exec(&world.recorder, &init);
	containers_answer(&world.model->containers, &answer, world.recorder.time);
	assert_true(containers_next_request(&world.model->containers, world.recorder.time + 2 * SECOND, &request));
	assert_int_equal(request.pid, init.tgid);
	/* Who comes later does not stand for it, be it the first of a pid namespace of its own. */
	record_fork(&world.recorder, &check);
	record_exec(&world.recorder, &check);
	record_fork(&world.recorder, &sandbox);
	record_exec(&world.recorder, &sandbox);
	record_oom(&world.recorder, &check);
	/* Nor who is the first in a cgroup below the container's, of which nobody had told. */
	record_existing(&world.recorder, &worker);
	assert_int_equal(pid_of_web(&world), init.tgid);
	/* It is started again. */
	record_exit(&world.recorder, &check, 0, 0);
	record_exit(&world.recorder, &sandbox, 0, 0);
	record_exit(&world.recorder, &init, 0, 0);
	runc_starts(&world, &next_stage, &next_init);
	record_exec(&world.recorder, &next_init);
	assert_int_equal(pid_of_web(&world), next_init.tgid);
	world_close(&world);
}

/* Its processes have the host's ids: the first that runs a program stands for it while it lives. */
static void a_container_may_have_the_hosts_pids(void **state)
{
	static const struct actor first = { 2002, 1, 2002, NS_WEB, 32, CGROUP_WEB, "/usr/bin/web-server" };
	static const struct actor check = { 2010, 1, 2010, NS_WEB, 41, CGROUP_WEB, "/usr/bin/curl" };
	struct world world;

	(void)state;
	world_open(&world, NULL);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	runc_starts(&world, &stage, &first);
	record_exec(&world.recorder, &first);
	assert_int_equal(pid_of_web(&world), first.tgid);
	record_fork(&world.recorder, &check);
	record_exec(&world.recorder, &check);
	assert_int_equal(pid_of_web(&world), first.tgid);
	world_close(&world);
}

/* A dump tells of processes in any order. */
static void a_container_that_was_there_has_its_init(void **state)
{
	static const struct actor check = { 2000, 1, 7, NS_WEB, 41, CGROUP_WEB, "/usr/bin/curl" };
	struct world world;

	(void)state;
	world_open(&world, NULL);
	cgroup_told(&world, HADAL_RECORD_CGROUP_EXISTING, CGROUP_WEB);
	record_existing(&world.recorder, &check);
	assert_int_equal(pid_of_web(&world), check.tgid);
	record_existing(&world.recorder, &init);
	assert_int_equal(pid_of_web(&world), init.tgid);
	world_close(&world);
}

static void the_build_is_that_of_what_it_runs(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	runc_starts(&world, &stage, &init);
	record_exec(&world.recorder, &init);
	say(&world, ID_WEB, "shop/web:7", "3");
	read_program(&world, "00ff");
	interval(&world);
	assert_int_equal(infos_of_web(&world)->count, 1);
	assert_string_equal(infos_of_web(&world)->list[0].facts.build_id, "00ff");
	world_close(&world);
}

/* The container's process has ended, and its id is somebody else's. */
static void the_build_is_no_strangers(void **state)
{
	static const struct actor stranger = { 2002, 1, 2002, NS_HOST, 61, CGROUP_NGINX, "/usr/sbin/nginx" };
	struct world world;

	(void)state;
	world_open(&world, NULL);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	record_fork(&world.recorder, &init);
	record_exit(&world.recorder, &init, 0, 0);
	record_fork(&world.recorder, &stranger);
	record_exec(&world.recorder, &stranger);
	say(&world, ID_WEB, "shop/web:7", "3");
	read_program(&world, "bad0");
	interval(&world);
	assert_int_equal(infos_of_web(&world)->count, 1);
	assert_string_equal(infos_of_web(&world)->list[0].facts.build_id, "");
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_images_name_has_parts),
		cmocka_unit_test(no_more_than_there_is_room_for),
		cmocka_unit_test(what_has_ended_is_forgotten),
		cmocka_unit_test(a_container_tells_when_all_is_known),
		cmocka_unit_test(a_container_is_asked_about_by_what_it_runs),
		cmocka_unit_test(a_container_may_have_the_hosts_pids),
		cmocka_unit_test(a_container_that_was_there_has_its_init),
		cmocka_unit_test(the_build_is_that_of_what_it_runs),
		cmocka_unit_test(the_build_is_no_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
