/* SPDX-License-Identifier: MIT */
/*
 * What listeners drop.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "model_fixture.h"

static uint64_t drops_at(struct world *world, const char *name, uint16_t port)
{
	const struct edge *edge;

	interval(world);
	edge = find_edge_of(world, FLOW_TCP, name, HADAL_TCP_SERVER, port ? "none" : "other", port);
	return edge ? edge->values.listener_dropped : 0;
}

static void drops_of_listeners_are_counted(void **state)
{
	struct world world;
	struct end listener, before;

	(void)state;
	world_open_named(&world, NULL);
	listener = end_of(1, 0, HADAL_TCP_LISTENER, &api, "0.0.0.0:8080", "0.0.0.0:0");
	listener.tcp.start_time = START + 1;
	/* what the socket dropped in an earlier life is not new */
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENING, UINT32_MAX - 1);
	assert_int_equal(drops_at(&world, "api", 8080), 0);
	listener.tcp.flags = HADAL_TCP_DUMPED;
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENING, 5);
	assert_int_equal(drops_at(&world, "api", 8080), 7);
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENING, 5);
	assert_int_equal(drops_at(&world, "api", 8080), 7);
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENER_CLOSED, 8);
	assert_int_equal(drops_at(&world, "api", 8080), 10);

	/* one that was there before */
	before = end_of(2, 0, HADAL_TCP_LISTENER, &nginx, "0.0.0.0:80", "0.0.0.0:0");
	before.tcp.flags = HADAL_TCP_DUMPED;
	record_listener(&world.recorder, &before, HADAL_RECORD_TCP_LISTENING, 100);
	assert_int_equal(drops_at(&world, "nginx.service", 80), 0);
	record_listener(&world.recorder, &before, HADAL_RECORD_TCP_LISTENING, 101);
	assert_int_equal(drops_at(&world, "nginx.service", 80), 1);
	/* what only falls is no count */
	record_listener(&world.recorder, &before, HADAL_RECORD_TCP_LISTENING, 90);
	assert_int_equal(drops_at(&world, "nginx.service", 80), 1);
	assert_int_equal(counted(&world, COUNT_COUNTER_WENT_BACK), 1);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 2);
	world_close(&world);
}

/* LISTENING was lost, or the port not chosen when it was recorded. */
static void drops_of_listeners_met_late(void **state)
{
	struct world world;
	struct end listener;

	(void)state;
	world_open_named(&world, NULL);
	listener = end_of(1, 0, HADAL_TCP_LISTENER, &api, "0.0.0.0:8080", "0.0.0.0:0");
	listener.tcp.start_time = START + 1;
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENER_CLOSED, 3);
	assert_int_equal(drops_at(&world, "api", 8080), 3);
	assert_null(world.model->listeners.table);

	/* began at a time that is not known */
	listener.tcp.id = 2;
	listener.tcp.start_time = 0;
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENER_CLOSED, 1000);
	assert_int_equal(drops_at(&world, "api", 8080), 3);

	listener = end_of(3, 0, HADAL_TCP_LISTENER, &api, "0.0.0.0:0", "0.0.0.0:0");
	listener.tcp.flags = HADAL_TCP_PORT_UNKNOWN;
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENING, 2);
	listener.tcp.flags = HADAL_TCP_DUMPED;
	listener.tcp.local_port = 8081;
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENING, 6);
	assert_int_equal(drops_at(&world, "api", 8081), 4);

	/* nobody known: not lost either */
	listener = end_of(4, 0, HADAL_TCP_LISTENER, NULL, "0.0.0.0:99", "0.0.0.0:0");
	listener.tcp.start_time = START + 1;
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENER_CLOSED, 1);
	assert_int_equal(drops_at(&world, WORKLOAD_UNKNOWN, 99), 1);
	world_close(&world);
}

/* Past the bounds they are counted in the workload's edge to other. */
static void drops_of_listeners_are_bounded(void **state)
{
	struct model_config config = { .edges_workload = 2 };
	struct world world;
	char address[64];

	(void)state;
	world_open_named(&world, &config);
	for (unsigned int i = 1; i <= 5; i++) {
		struct end listener;

		snprintf(address, sizeof(address), "0.0.0.0:%u", i);
		listener = end_of(i, 0, HADAL_TCP_LISTENER, &api, address, "0.0.0.0:0");
		record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENING, 0);
		record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENER_CLOSED, 10);
	}
	assert_int_equal(drops_at(&world, "api", 0), 30);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 3);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_of_listeners_are_counted),
		cmocka_unit_test(drops_of_listeners_met_late),
		cmocka_unit_test(drops_of_listeners_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
