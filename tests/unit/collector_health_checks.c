/* SPDX-License-Identifier: MIT */
/*
 * Health checks are told apart.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model_fixture.h"

/* Made by the runtime, outside, and moved into the container of web. */
static const struct actor check = { 2001, 600, 12, NS_WEB, 20, CGROUP_WEB, "/usr/bin/curl" };

static void enter(struct world *world, const struct actor *actor)
{
	struct actor outside = *actor;

	outside.cgroup = CGROUP_SESSION;
	record_fork(&world->recorder, &outside);
	record_exec(&world->recorder, actor);
}

/* Over loopback, to web; ends after @time ns. */
static void asks_over_loopback(struct world *world, uint64_t number, const struct actor *actor, uint64_t bytes,
			       uint64_t time)
{
	struct talk talk = talk_begin(world, number, actor, &web, "127.0.0.1:40000", "127.0.0.1:8080");

	talk_transfer(&talk, 100, bytes);
	world->recorder.time += time;
	talk_end(world, &talk);
}

/* Over all edges: of none the number matters. */
static uint64_t checks_of(const struct world *world, uint8_t role)
{
	uint64_t checks = 0;

	for (const struct edge *edge = world->model->edges.table; edge; edge = edge->hh.next) {
		if (edge->key.role == role)
			checks += edge->values.health_checks;
	}
	return checks;
}

static void a_health_command_is_told_apart(void **state)
{
	struct actor child = check;
	const struct edge *edge;
	struct world world;

	(void)state;
	world_open_named(&world, NULL);
	enter(&world, &check);
	asks_over_loopback(&world, 1, &check, 1000, MILLISECOND);
	/* sh -c "curl ..." */
	child.tgid++;
	child.ns_tgid++;
	child.parent = check.tgid;
	record_fork(&world.recorder, &child);
	record_exec(&world.recorder, &child);
	asks_over_loopback(&world, 2, &child, 1000, MILLISECOND);
	interval(&world);
	assert_int_equal(checks_of(&world, HADAL_TCP_CLIENT), 2);
	assert_int_equal(checks_of(&world, HADAL_TCP_SERVER), 2);
	for (edge = world.model->edges.table; edge; edge = edge->hh.next) {
		assert_int_equal(edge->values.opened, 0);
		assert_int_equal(edge->values.acked + edge->values.received + edge->values.segments_sent, 0);
		assert_null(edge->values.connect);
	}

	/* long, large, or by the container's own making: traffic */
	asks_over_loopback(&world, 3, &check, 1000, 2 * SECOND);
	asks_over_loopback(&world, 4, &check, 5000, MILLISECOND);
	asks_over_loopback(&world, 5, &web, 1000, MILLISECOND);
	interval(&world);
	assert_int_equal(checks_of(&world, HADAL_TCP_CLIENT), 2);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "web", 8080), 3, 300, 7000);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_SERVER, "web", 8080), 3, 7000, 300);
	world_close(&world);
}

/* Whoever looks while it goes on changes nothing of that. */
static void a_check_that_is_looked_at_is_one_still(void **state)
{
	struct world world;
	struct talk talk;

	(void)state;
	world_open_named(&world, NULL);
	enter(&world, &check);
	talk = talk_begin(&world, 1, &check, &web, "127.0.0.1:40000", "127.0.0.1:8080");
	model_refresh(world.model, world.recorder.time, wall_at(&world));
	talk_transfer(&talk, 100, 1000);
	talk_end(&world, &talk);
	interval(&world);
	assert_int_equal(checks_of(&world, HADAL_TCP_CLIENT), 1);
	assert_int_equal(checks_of(&world, HADAL_TCP_SERVER), 1);
	world_close(&world);
}

/* A container's first process is made outside as well, and what it forks is its own. */
static void first_processes_do_not_enter(void **state)
{
	struct actor first = web, worker = web, shared = check;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	enter(&world, &first);
	worker.tgid = 1101;
	worker.parent = first.tgid;
	worker.ns_tgid = 2;
	record_fork(&world.recorder, &worker);
	record_exec(&world.recorder, &worker);
	asks_over_loopback(&world, 1, &first, 1000, MILLISECOND);
	asks_over_loopback(&world, 2, &worker, 1000, MILLISECOND);
	/* of another container in the same pid namespace nobody knows who is first */
	shared.cgroup = CGROUP_API;
	enter(&world, &shared);
	asks_over_loopback(&world, 3, &shared, 1000, MILLISECOND);
	interval_with(&world, true);
	assert_int_equal(checks_of(&world, HADAL_TCP_CLIENT) + checks_of(&world, HADAL_TCP_SERVER), 0);
	world_close(&world);
}

static void balancers_check(void **state)
{
	struct network balancer;
	struct model_config config = { .balancers = &balancer, .balancer_count = 1 };
	struct world world;
	struct end end;

	(void)state;
	assert_int_equal(network_parse("10.2.0.0/24", &balancer), 0);
	world_open_named(&world, &config);
	for (uint64_t id = 1; id <= 3; id++) {
		end = end_of(id, 500 + id, HADAL_TCP_SERVER, &web, "172.17.0.2:8080",
			     id == 3 ? "10.3.0.9:50000" : "10.2.0.9:50000");
		record_accepted(&world.recorder, &end);
		end.counters.acked = 200;
		end.counters.received = 100;
		/* one that carries requests is kept */
		world.recorder.time += id == 2 ? 2 * SECOND : MILLISECOND;
		record_closed(&world.recorder, &end, TCP_LAST_ACK, 0);
	}
	interval(&world);
	assert_int_equal(checks_of(&world, HADAL_TCP_SERVER), 1);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_SERVER, "10.0.0.0/8", 8080), 2, 400, 200);
	/* and one that breaks is no check */
	end = end_of(9, 509, HADAL_TCP_SERVER, &web, "172.17.0.2:8080", "10.2.0.9:50000");
	record_accepted(&world.recorder, &end);
	record_ending(&world.recorder, &end, HADAL_TCP_ENDING_TIMED_OUT, ETIMEDOUT);
	interval(&world);
	assert_int_equal(checks_of(&world, HADAL_TCP_SERVER), 1);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_health_command_is_told_apart),
		cmocka_unit_test(a_check_that_is_looked_at_is_one_still),
		cmocka_unit_test(first_processes_do_not_enter),
		cmocka_unit_test(balancers_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
