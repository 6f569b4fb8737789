/* SPDX-License-Identifier: MIT */
/*
 * Who did something: processes, cgroups, and the names that come for them.
 */
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model_fixture.h"

/* What a container does is held back until it has a name. */
static void identity_may_come_late(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	answer(&world, ID_API, "ecs-api-1-api-0b", TASK_API, "api-family", "api", "172.17.0.3");
	answer(&world, ID_DB, "db", NULL, NULL, NULL, "172.17.0.4");
	web_calls_api(&world, 1, 10, 20);
	interval(&world);
	assert_null(world.model->edges.table);
	web_calls_api(&world, 2, 10, 20);
	interval(&world);
	assert_null(world.model->edges.table);
	answer(&world, ID_WEB, "ecs-web-1-web-0a", TASK_WEB, "web-family", "web", "172.17.0.2");
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), 2, 20, 40);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080), 2, 40, 20);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 2);
	world_close(&world);
}

/* No source answers: after the deadline it is called what its executable is called. */
static void identity_may_never_come(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	web_calls_api(&world, 1, 10, 20);
	for (int i = 0; i < 4; i++)
		interval(&world);
	expect_traffic(the_edge(&world, "web-server", HADAL_TCP_CLIENT, "api", 8080), 1, 10, 20);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "web-server", 8080), 1, 20, 10);
	assert_true(counted(&world, COUNT_IDENTITY_LATE) > 0);
	world_close(&world);
}

/* At the end there is no later: what is known must do. */
static void last_interval_waits_for_nothing(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	web_calls_api(&world, 1, 10, 20);
	interval_with(&world, true);
	expect_traffic(the_edge(&world, "web-server", HADAL_TCP_CLIENT, "api", 8080), 1, 10, 20);
	world_close(&world);
}

/* A task that is no service's is called by its family. */
static void families_name_tasks_without_service(void **state)
{
	const struct edge *edge;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	answer(&world, ID_WEB, "ecs-batch-1-web-0a", TASK_WEB, "batch", "", "172.17.0.2");
	answer(&world, ID_API, "ecs-api-1-api-0b", TASK_API, "api-family", "api", "172.17.0.3");
	answer(&world, ID_DB, "db", NULL, NULL, NULL, "172.17.0.4");
	web_calls_api(&world, 1, 10, 20);
	interval(&world);
	edge = the_edge(&world, "batch", HADAL_TCP_CLIENT, "api", 8080);
	assert_string_equal(edge->key.workload->namespace, "prod");
	world_close(&world);
}

static void cgroups_unknown_at_first(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world.cgroups_hidden = true;
	start_services(&world);
	web_calls_api(&world, 1, 10, 20);
	interval(&world);
	assert_null(world.model->edges.table);
	world.cgroups_hidden = false;
	interval(&world);
	answer_all(&world);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), 1, 10, 20);
	world_close(&world);
}

static const struct cgroup *known_cgroup(const struct world *world, uint32_t hierarchy, uint64_t id)
{
	const struct cgroup *cgroup;

	for (cgroup = world->model->cgroups.table; cgroup; cgroup = cgroup->hh.next) {
		if (cgroup->key.hierarchy == hierarchy && cgroup->key.id == id)
			return cgroup;
	}
	return NULL;
}

/* Gone before anybody could ask for its path: the module has told it. */
static void containers_of_a_blink_have_a_name(void **state)
{
	struct world world;
	struct talk talk;

	(void)state;
	world_open(&world, NULL);
	world.cgroups_hidden = true;
	cgroup_told(&world, HADAL_RECORD_CGROUP_EXISTING, CGROUP_API);
	record_existing(&world.recorder, &api);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	record_fork(&world.recorder, &web);
	record_exec(&world.recorder, &web);
	talk = talk_begin(&world, 1, &web, &api, "172.17.0.2:40000", "172.17.0.3:8080");
	talk_transfer(&talk, 10, 20);
	record_exit(&world.recorder, &web, 0, 0);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	talk_end(&world, &talk);
	answer_all(&world);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), 1, 10, 20);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080), 1, 20, 10);
	world_close(&world);
}

static void cgroups_stay_until_removed(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	world.cgroups_hidden = true;
	cgroup_told(&world, HADAL_RECORD_CGROUP_EXISTING, CGROUP_WEB);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_API);
	cgroup_told(&world, HADAL_RECORD_CGROUP_EXISTING, CGROUP_API);
	intervals(&world, 100);
	assert_non_null(known_cgroup(&world, 0, CGROUP_WEB)->container);
	assert_int_equal(known_cgroup(&world, 0, CGROUP_API)->container->references, 1);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_GONE);
	intervals(&world, 29);
	assert_non_null(known_cgroup(&world, 0, CGROUP_WEB));
	intervals(&world, 2);
	assert_null(known_cgroup(&world, 0, CGROUP_WEB));
	assert_null(known_cgroup(&world, 0, CGROUP_GONE));
	assert_non_null(known_cgroup(&world, 0, CGROUP_API));
	assert_int_equal(counted(&world, COUNT_CGROUP_UNKNOWN), 0);
	world_close(&world);
}

/* What a dump found while it went says nothing, and a cut path not what it is the path of. */
static void cgroups_not_quite_told(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_EXISTING, 0, CGROUP_WEB, cgroup_paths[CGROUP_WEB],
		      HADAL_CGROUP_REMOVED);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_EXISTING, 0, CGROUP_NGINX, "/system.slice/ng.service",
		      HADAL_CGROUP_PATH_TRUNCATED);
	assert_null(world.model->cgroups.table);
	record_existing(&world.recorder, &nginx);
	assert_string_equal(known_cgroup(&world, 0, CGROUP_NGINX)->unit, "nginx.service");
	world_close(&world);
}

static void cgroups_are_bounded(void **state)
{
	struct model_config config = { .cgroups = 2 };
	struct world world;

	(void)state;
	world_open(&world, &config);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	record_fork(&world.recorder, &web);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_API);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_DB);
	assert_int_equal(counted(&world, COUNT_CGROUPS_FULL), 1);
	/* of the removed only that which nobody refers to makes room */
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_API);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_DB);
	assert_int_equal(counted(&world, COUNT_CGROUPS_FULL), 1);
	assert_non_null(known_cgroup(&world, 0, CGROUP_WEB));
	assert_null(known_cgroup(&world, 0, CGROUP_API));
	assert_non_null(known_cgroup(&world, 0, CGROUP_DB));
	world_close(&world);
}

/* Of version 1 each controller has a hierarchy; dumps hold none of these. */
static void hierarchies_of_version_1(void **state)
{
	enum { MEMORY = 4, CPU = 7 };
	struct cgroup *cgroup;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_MKDIR, MEMORY, 50, "/docker/" ID_DB, 0);
	assert_null(known_cgroup(&world, MEMORY, 50));
	assert_null(cgroup_get(&world.model->cgroups, MEMORY, 0, 0, world.recorder.time));
	cgroup = cgroup_get(&world.model->cgroups, MEMORY, 49, 0, world.recorder.time);
	assert_false(cgroup->known);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_MKDIR, CPU, 51, "/docker/" ID_WEB, 0);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_MKDIR, MEMORY, 51, "/docker/" ID_DB, 0);
	assert_null(known_cgroup(&world, CPU, 51));
	assert_string_equal(known_cgroup(&world, MEMORY, 51)->container->id, ID_DB);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_CGROUPS);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_CGROUPS);
	assert_false(known_cgroup(&world, MEMORY, 51)->removed);
	world_close(&world);
}

static void units_and_executables_are_workloads(void **state)
{
	struct world world;
	struct talk talk;

	(void)state;
	world_open_named(&world, NULL);
	talk = talk_begin(&world, 1, &shell, &nginx, "127.0.0.1:40000", "127.0.0.1:80");
	talk_transfer(&talk, 1, 2);
	talk_end(&world, &talk);
	interval(&world);
	expect_traffic(the_edge(&world, "curl", HADAL_TCP_CLIENT, "nginx.service", 80), 1, 1, 2);
	expect_traffic(the_edge(&world, "nginx.service", HADAL_TCP_SERVER, "curl", 80), 1, 2, 1);
	world_close(&world);
}

/* Sockets close after their process has ended. */
static void dead_processes_own_their_sockets(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	world_open_named(&world, NULL);
	record_exit(&world.recorder, &shell, 0, 0);
	world.recorder.time += 5 * SECOND;
	model_tick(world.model, world.recorder.time);
	end = end_of(1, 5, HADAL_TCP_CLIENT, &shell, "10.0.0.5:40000", "8.8.8.8:443");
	end.tcp.start_time = START + 1;
	end.counters.acked = 9;
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	interval(&world);
	expect_traffic(the_edge(&world, "curl", HADAL_TCP_CLIENT, "internet", 443), 1, 9, 0);
	world.recorder.time += 60 * SECOND;
	model_tick(world.model, world.recorder.time);
	assert_null(process_find(&world.model->processes, shell.tgid, shell.start));
	world_close(&world);
}

static void lose(struct world *world, unsigned int class)
{
	struct hadal_record_lost lost = {
		.header = { .size = sizeof(lost), .type = HADAL_RECORD_LOST, .time = world->recorder.time++ },
	};

	lost.count[class] = 1;
	model_record(world->model, &lost.header);
}

/* RMDIR was lost, or MKDIR: likewise. */
static void lost_cgroups_are_noticed(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_WEB);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_API);
	lose(&world, HADAL_CLASS_CGROUP);
	assert_int_equal(world.model->lost, HADAL_DUMP_CGROUPS);

	/* a dump that lost records itself says nothing */
	record_dump(&world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_CGROUPS);
	world.recorder.dumped += 2;
	record_dump(&world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_CGROUPS);
	assert_int_equal(world.model->lost, HADAL_DUMP_CGROUPS);
	assert_false(known_cgroup(&world, 0, CGROUP_WEB)->removed);

	record_dump(&world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_CGROUPS);
	cgroup_told(&world, HADAL_RECORD_CGROUP_EXISTING, CGROUP_API);
	cgroup_told(&world, HADAL_RECORD_CGROUP_EXISTING, CGROUP_DB);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_CGROUPS);
	assert_int_equal(world.model->lost, 0);
	assert_true(known_cgroup(&world, 0, CGROUP_WEB)->removed);
	assert_false(known_cgroup(&world, 0, CGROUP_API)->removed);
	assert_non_null(known_cgroup(&world, 0, CGROUP_DB));
	world_close(&world);
}

/* What is lost while a dump is made may be of what that has told already: the next tells. */
static void losses_during_a_dump_are_for_the_next(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_PROCESSES);
	record_existing(&world.recorder, &web);
	lose(&world, HADAL_CLASS_PROCESS);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_PROCESSES);
	assert_int_equal(world.model->lost, HADAL_DUMP_PROCESSES);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_PROCESSES);
	record_existing(&world.recorder, &web);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_PROCESSES);
	assert_int_equal(world.model->lost, 0);
	world_close(&world);
}

/* An exit was lost: the dump that follows tells who is left. */
static void lost_processes_are_noticed(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	assert_int_equal(world.model->lost, 0);
	lose(&world, HADAL_CLASS_PROCESS);
	assert_int_equal(world.model->lost, HADAL_DUMP_PROCESSES);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_PROCESSES);
	record_existing(&world.recorder, &web);
	record_existing(&world.recorder, &api);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_PROCESSES);
	assert_int_equal(world.model->lost, 0);
	assert_non_null(process_find_living(&world.model->processes, web.tgid));
	assert_null(process_find_living(&world.model->processes, nginx.tgid));
	assert_non_null(process_find(&world.model->processes, nginx.tgid, nginx.start));
	world_close(&world);
}

/* A dump found it while it ended. Its number may be another's by now, who lives. */
static void ended_processes_were_never_said(void **state)
{
	const struct actor before = { web.tgid, 1, 1, NS_HOST, 2, CGROUP_NGINX, "/usr/bin/before" };
	struct world world;

	(void)state;
	world_open(&world, NULL);
	record_existing(&world.recorder, &web);
	record_ended(&world.recorder, &before);
	assert_null(process_find(&world.model->processes, before.tgid, before.start));
	assert_true(process_find_living(&world.model->processes, web.tgid)->key.start_boottime == web.start);
	world_close(&world);
}

static void units_of_paths(void **state)
{
	static const struct {
		const char *path, *unit;
	} cases[] = {
		{ "/system.slice/nginx.service", "nginx.service" },
		{ "/system.slice/nginx.service/worker", "nginx.service" },
		{ "/user.slice/user-1.slice/user@1.service/app.slice/x.service", "x.service" },
		{ "/user.slice/user-1.slice/session-1.scope", "" },
		{ "/", "" }, { "", "" }, { "/.service", "" }, { "/init.scope", "" },
	};
	char unit[UNIT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cgroup_unit(cases[i].path, unit);
		assert_string_equal(unit, cases[i].unit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_may_come_late),
		cmocka_unit_test(identity_may_never_come),
		cmocka_unit_test(last_interval_waits_for_nothing),
		cmocka_unit_test(families_name_tasks_without_service),
		cmocka_unit_test(cgroups_unknown_at_first),
		cmocka_unit_test(containers_of_a_blink_have_a_name),
		cmocka_unit_test(cgroups_stay_until_removed),
		cmocka_unit_test(cgroups_not_quite_told),
		cmocka_unit_test(cgroups_are_bounded),
		cmocka_unit_test(hierarchies_of_version_1),
		cmocka_unit_test(units_and_executables_are_workloads),
		cmocka_unit_test(dead_processes_own_their_sockets),
		cmocka_unit_test(lost_cgroups_are_noticed),
		cmocka_unit_test(lost_processes_are_noticed),
		cmocka_unit_test(losses_during_a_dump_are_for_the_next),
		cmocka_unit_test(ended_processes_were_never_said),
		cmocka_unit_test(units_of_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
