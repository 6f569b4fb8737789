/* SPDX-License-Identifier: MIT */
/*
 * The collector's model: records of connections in, edges and workloads out.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model_fixture.h"

static void both_ends_are_named(void **state)
{
	const struct edge *client, *server;
	struct world world;

	(void)state;
	world_open_named(&world, NULL);
	for (uint64_t i = 1; i <= 10; i++)
		web_calls_api(&world, i, 100 + i, 1000 + i);
	interval(&world);

	client = the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080);
	server = the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080);
	expect_traffic(client, 10, 1055, 10055);
	expect_traffic(server, 10, 10055, 1055);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 2);
	assert_int_equal(client->active, 0);
	assert_int_equal(client->values.segments_sent, 50);
	assert_int_equal(client->values.connect->count, 10);
	assert_int_equal(client->values.rtt->count, 10);
	assert_true(client->values.rtt->sum > 0.0024 && client->values.rtt->sum < 0.0026);
	assert_string_equal(client->key.workload->namespace, "prod");
	assert_string_equal(client->key.workload->family, "web-family");
	assert_int_equal(HASH_COUNT(world.model->connections.table), 0);
	world_close(&world);
}

/* The accept may be recorded long after the client has closed. */
static void pairs_in_any_order(void **state)
{
	struct world world;
	struct end client, server;

	(void)state;
	world_open_named(&world, NULL);
	/* addresses that no container has: the key alone can tell */
	client = end_of(1, 77, HADAL_TCP_CLIENT, &web, "192.168.9.9:1000", "10.9.9.9:9000");
	server = end_of(2, 77, HADAL_TCP_SERVER, &api, "192.168.1.1:8080", "10.8.8.8:1000");
	client.counters.acked = 5;
	server.counters.received = 5;
	record_established(&world.recorder, &client, 0);
	record_closed(&world.recorder, &client, TCP_FIN_WAIT2, 0);
	model_tick(world.model, world.recorder.time + SECOND);
	record_accepted(&world.recorder, &server);
	record_closed(&world.recorder, &server, TCP_LAST_ACK, 0);
	interval(&world);
	/* the port is that which the server really has */
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), 1, 5, 0);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080), 1, 0, 5);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 2);
	world_close(&world);
}

static void long_connections_count_by_interval(void **state)
{
	const struct edge *edge;
	struct world world;
	struct talk talk;

	(void)state;
	world_open_named(&world, NULL);
	talk = talk_begin(&world, 1, &web, &db, "172.17.0.2:40000", "172.17.0.4:5432");
	talk_transfer(&talk, 10, 20);
	record_snapshot(&world.recorder, &talk.client);
	interval(&world);
	edge = the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432);
	expect_traffic(edge, 1, 10, 20);
	assert_int_equal(edge->active, 1);

	talk_transfer(&talk, 7, 8);
	record_snapshot(&world.recorder, &talk.client);
	interval(&world);
	expect_traffic(edge, 1, 17, 28);
	assert_int_equal(edge->values.rtt->count, 2);

	/* idle: nothing is counted, and no RTT is told again */
	record_snapshot(&world.recorder, &talk.client);
	interval(&world);
	expect_traffic(edge, 1, 17, 28);
	assert_int_equal(edge->values.rtt->count, 2);

	talk_transfer(&talk, 1, 1);
	talk_end(&world, &talk);
	interval(&world);
	expect_traffic(edge, 1, 18, 29);
	assert_int_equal(edge->active, 0);
	expect_traffic(the_edge(&world, "db", HADAL_TCP_SERVER, "web", 5432), 1, 29, 18);
	world_close(&world);
}

/* What was transferred before the collector looked is not new. */
static void dumped_connections_have_a_baseline(void **state)
{
	const struct edge *edge;
	struct world world;
	struct end end;

	(void)state;
	world_open_named(&world, NULL);
	end = end_of(1, 55, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "172.17.0.4:5432");
	end.tcp.flags = HADAL_TCP_DUMPED;
	end.counters.acked = 1000000;
	end.counters.segments_out = 700;
	record_dump(&world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS);
	record_snapshot(&world.recorder, &end);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS);
	interval(&world);
	edge = the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432);
	expect_traffic(edge, 0, 0, 0);
	assert_int_equal(edge->active, 1);

	end.counters.acked += 42;
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	interval(&world);
	expect_traffic(edge, 0, 42, 0);
	assert_int_equal(edge->values.segments_sent, 0);

	/* not even the dump had it: what it did cannot be told apart */
	end.tcp.id = 2;
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	end.tcp.id = 0;
	end.tcp.flags = HADAL_TCP_NO_OPEN_SEEN;
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	interval(&world);
	expect_traffic(edge, 0, 42, 0);
	assert_int_equal(counted(&world, COUNT_BASELINE_MISSING), 2);
	world_close(&world);
}

/* In use when it was dumped, it has no key at first: addresses alone do not tell who is behind NAT. */
static void keys_may_come_later(void **state)
{
	struct world world;
	struct end client, server;

	(void)state;
	world_open_named(&world, NULL);
	client = end_of(1, 0, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "198.51.100.7:80");
	server = end_of(2, 0, HADAL_TCP_SERVER, &db, "172.17.0.4:5432", "198.51.100.9:50000");
	client.tcp.flags = server.tcp.flags = HADAL_TCP_DUMPED;
	record_snapshot(&world.recorder, &client);
	record_snapshot(&world.recorder, &server);
	client.tcp.key = server.tcp.key = 55;
	client.counters.acked = 42;
	record_snapshot(&world.recorder, &client);
	record_snapshot(&world.recorder, &server);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432), 0, 42, 0);
	world_close(&world);
}

/* ESTABLISHED was lost: CLOSED has all that counts. */
static void lost_openings_are_made_good(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	world_open_named(&world, NULL);
	end = end_of(1, 55, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "172.17.0.4:5432");
	end.tcp.start_time = START + 1;
	end.counters.acked = 33;
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432), 1, 33, 0);
	world_close(&world);
}

/* CLOSED was lost: the second dump without it ends the connection. */
static void lost_closings_are_noticed(void **state)
{
	const struct edge *edge;
	struct world world;
	struct talk talk;

	(void)state;
	world_open_named(&world, NULL);
	talk = talk_begin(&world, 1, &web, &db, "172.17.0.2:40000", "172.17.0.4:5432");
	for (int i = 0; i < 2; i++) {
		interval(&world);
		edge = the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432);
		assert_int_equal(edge->active, 1);
		record_dump(&world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_CONNECTIONS);
		record_snapshot(&world.recorder, &talk.server);
		record_dump(&world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_CONNECTIONS);
	}
	interval(&world);
	assert_int_equal(edge->active, 0);
	assert_int_equal(counted(&world, COUNT_CLOSE_NOT_SEEN), 1);
	assert_int_equal(the_edge(&world, "db", HADAL_TCP_SERVER, "web", 5432)->active, 1);
	world_close(&world);
}

/*
 * Records of a dump were lost: what they did not name lives on, or its close
 * would count all of it once more.
 */
static void dumps_with_losses_end_nothing(void **state)
{
	struct world world;
	struct talk talk;

	(void)state;
	world_open_named(&world, NULL);
	talk = talk_begin(&world, 1, &web, &db, "172.17.0.2:40000", "172.17.0.4:5432");
	talk_transfer(&talk, 10, 20);
	for (int i = 0; i < 3; i++) {
		record_dump(&world.recorder, HADAL_RECORD_DUMP_START,
			    HADAL_DUMP_CONNECTIONS | HADAL_DUMP_PROCESSES);
		world.recorder.dumped += 2;
		record_dump(&world.recorder, HADAL_RECORD_DUMP_END,
			    HADAL_DUMP_CONNECTIONS | HADAL_DUMP_PROCESSES);
		interval(&world);
	}
	assert_int_equal(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432)->active, 1);
	assert_int_equal(counted(&world, COUNT_CLOSE_NOT_SEEN), 0);
	assert_non_null(process_find_living(&world.model->processes, web.tgid));
	talk_end(&world, &talk);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432), 1, 10, 20);
	world_close(&world);
}

static void unaccepted_connections_are_the_listeners(void **state)
{
	struct world world;
	struct end listener, end, client;

	(void)state;
	world_open_named(&world, NULL);
	listener = end_of(1, 0, HADAL_TCP_LISTENER, &api, "0.0.0.0:8080", "0.0.0.0:0");
	record_listening(&world.recorder, &listener);

	client = end_of(2, 99, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "172.17.0.3:8080");
	end = end_of(3, 99, HADAL_TCP_SERVER, NULL, "172.17.0.3:8080", "172.17.0.2:40000");
	end.tcp.net_ns = NS_API;
	end.tcp.start_time = START + 1;
	end.tcp.flags = HADAL_TCP_NOT_ACCEPTED;
	end.counters.received = 12;
	record_established(&world.recorder, &client, 0);
	record_closed(&world.recorder, &end, TCP_ESTABLISHED, ECONNRESET);
	/* accepted after all: known by its id, not counted again */
	end = end_of(3, 99, HADAL_TCP_SERVER, &api, "172.17.0.3:8080", "172.17.0.2:40000");
	end.tcp.flags = HADAL_TCP_ACCEPTED_AFTER_CLOSE;
	record_accepted(&world.recorder, &end);
	interval(&world);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080), 1, 0, 12);
	assert_int_equal(the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080)->values.reset, 1);

	/* and when that comes too late */
	record_accepted(&world.recorder, &end);
	interval(&world);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080), 1, 0, 12);
	assert_int_equal(counted(&world, COUNT_ACCEPT_TOO_LATE), 1);
	world_close(&world);
}

/* listen() without bind(): the port is chosen after the record, and told by the next dump. */
static void listeners_may_get_their_port_later(void **state)
{
	struct world world;
	struct end listener, end;

	(void)state;
	world_open_named(&world, NULL);
	listener = end_of(1, 0, HADAL_TCP_LISTENER, &nginx, "0.0.0.0:0", "0.0.0.0:0");
	listener.tcp.flags = HADAL_TCP_PORT_UNKNOWN;
	record_listening(&world.recorder, &listener);
	listener.tcp.flags = HADAL_TCP_DUMPED;
	listener.tcp.local_port = 7070;
	record_listening(&world.recorder, &listener);
	end = end_of(2, 9, HADAL_TCP_CLIENT, &shell, "127.0.0.1:41000", "127.0.0.1:7070");
	record_failed(&world.recorder, &end, ECONNRESET);
	interval(&world);
	assert_non_null(the_edge(&world, "curl", HADAL_TCP_CLIENT, "nginx.service", 7070));
	record_listener_closed(&world.recorder, &listener);
	assert_null(world.model->listeners.table);
	assert_null(world.model->listeners.ports);
	world_close(&world);
}

/* The kernel counts segments in 32 bits. */
static void segment_counters_wrap(void **state)
{
	struct world world;
	struct talk talk;

	(void)state;
	world_open_named(&world, NULL);
	talk = talk_begin(&world, 1, &web, &db, "172.17.0.2:40000", "172.17.0.4:5432");
	talk.client.counters.segments_out = UINT32_MAX - 9;
	record_snapshot(&world.recorder, &talk.client);
	interval(&world);
	talk.client.counters.segments_out = 90;
	record_snapshot(&world.recorder, &talk.client);
	interval(&world);
	assert_true(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432)->values.segments_sent ==
		    UINT32_MAX + UINT64_C(91));
	assert_int_equal(counted(&world, COUNT_COUNTER_WENT_BACK), 0);

	/* what only falls is no wrap */
	talk.client.counters.segments_out = 80;
	record_snapshot(&world.recorder, &talk.client);
	interval(&world);
	assert_int_equal(counted(&world, COUNT_COUNTER_WENT_BACK), 1);
	world_close(&world);
}

/* A deploy may give a service another family; its series go on. */
static void families_do_not_split_services(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	answer(&world, ID_WEB, "ecs-a", TASK_WEB, "old", "web", "172.17.0.2");
	answer(&world, ID_API, "ecs-b", TASK_API, "new", "web", "172.17.0.3");
	answer(&world, ID_DB, "db", NULL, NULL, NULL, "172.17.0.4");
	for (uint64_t i = 1; i < 4; i++) {
		struct talk talk = talk_begin(&world, 2 * i, &web, &db, "172.17.0.2:40000", "172.17.0.4:5432");

		talk_end(&world, &talk);
		interval(&world);
		assert_string_equal(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432)->key.workload->family, "old");
		talk = talk_begin(&world, 2 * i + 1, &api, &db, "172.17.0.3:40000", "172.17.0.4:5432");
		talk_end(&world, &talk);
		interval(&world);
		assert_string_equal(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432)->key.workload->family, "old");
	}
	world_close(&world);
}

static void failures_carry_their_error(void **state)
{
	const struct edge *edge;
	struct world world;
	struct end end;

	(void)state;
	world_open_named(&world, NULL);
	end = end_of(1, 0, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "172.17.0.3:9");
	for (int i = 0; i < 3; i++)
		record_failed(&world.recorder, &end, ECONNREFUSED);
	record_failed(&world.recorder, &end, ETIMEDOUT);
	interval(&world);
	edge = the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 9);
	assert_int_equal(edge->values.opened, 0);
	assert_int_equal(edge->values.failed.kinds, 2);
	assert_int_equal(edge->values.failed.list[0].error, ECONNREFUSED);
	assert_int_equal(edge->values.failed.list[0].count, 3);
	assert_int_equal(edge->values.failed.list[1].error, ETIMEDOUT);
	assert_int_equal(edge->values.failed.list[1].count, 1);
	world_close(&world);
}

static void more_errors_than_kinds(void **state)
{
	struct errors errors = { 0 };
	struct counts counts = { 0 };
	uint64_t sum = 0;

	(void)state;
	for (int error = 1; error <= 20; error++)
		errors_add(&errors, error, 1, &counts);
	for (unsigned int i = 0; i < errors.kinds; i++)
		sum += errors.list[i].count;
	assert_int_equal(errors.kinds, VALUES_ERRORS);
	assert_int_equal(sum + errors.other, 20);
	assert_int_equal(counts.value[COUNT_ERRORS_FULL], 20 - VALUES_ERRORS);
}

static struct end web_opens_to_db(struct world *world, uint64_t number)
{
	struct end end = end_of(number, number, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000",
				"172.17.0.4:5432");

	record_established(&world->recorder, &end, 0);
	return end;
}

static void expect_resets(struct world *world, uint64_t expected)
{
	interval(world);
	assert_int_equal(the_edge(world, "web", HADAL_TCP_CLIENT, "db", 5432)->values.reset, expected);
}

static void resets_are_told_from_closes(void **state)
{
	static const struct {
		uint32_t old_state, error;
		uint64_t reset;
	} cases[] = {
		{ TCP_FIN_WAIT2, 0, 0 }, { TCP_LAST_ACK, 0, 0 }, { TCP_CLOSING, 0, 0 },
		{ TCP_ESTABLISHED, ECONNRESET, 1 }, { TCP_CLOSE_WAIT, EPIPE, 1 },
		{ TCP_ESTABLISHED, 0, 1 },	/* closed with unread data, or SO_LINGER 0 */
		{ TCP_ESTABLISHED, ETIMEDOUT, 0 },
	};
	uint64_t expected = 0;
	struct world world;

	(void)state;
	world_open_named(&world, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct end end = web_opens_to_db(&world, i + 1);

		record_closed(&world.recorder, &end, cases[i].old_state, cases[i].error);
		expected += cases[i].reset;
		expect_resets(&world, expected);
	}
	world_close(&world);
}

static void endings_tell_of_resets(void **state)
{
	static const struct {
		uint32_t ending, flags;
		uint64_t reset;
	} cases[] = {
		{ HADAL_TCP_ENDING_LOCAL_CLOSE, 0, 0 }, { HADAL_TCP_ENDING_PEER_CLOSE, 0, 0 },
		{ HADAL_TCP_ENDING_BOTH_CLOSE, 0, 0 }, { HADAL_TCP_ENDING_UNREACHABLE, 0, 0 },
		{ HADAL_TCP_ENDING_TIMED_OUT, 0, 0 },
		/* keepalive says so when it gives up */
		{ HADAL_TCP_ENDING_TIMED_OUT, HADAL_TCP_RESET_SENT, 0 },
		{ HADAL_TCP_ENDING_RESET, HADAL_TCP_RESET_RECEIVED, 1 }, { HADAL_TCP_ENDING_RESET_AFTER_CLOSE, 0, 1 },
		{ HADAL_TCP_ENDING_ABORTED_UNREAD, HADAL_TCP_RESET_SENT, 1 }, { HADAL_TCP_ENDING_DESTROYED, 0, 1 },
		{ HADAL_TCP_ENDING_ABORTED_LINGER, HADAL_TCP_RESET_SENT, 1 },
		{ HADAL_TCP_ENDING_DISCONNECTED, HADAL_TCP_RESET_SENT, 1 },
		{ HADAL_TCP_ENDING_NOT_ACCEPTED, HADAL_TCP_RESET_SENT, 1 },
		{ HADAL_TCP_ENDING_KERNEL, HADAL_TCP_RESET_SENT, 1 },
		/* both FINs were there, or nothing was said to the peer */
		{ HADAL_TCP_ENDING_ABORTED_LINGER, 0, 0 }, { HADAL_TCP_ENDING_DISCONNECTED, 0, 0 },
		{ HADAL_TCP_ENDING_NOT_ACCEPTED, 0, 0 }, { HADAL_TCP_ENDING_KERNEL, 0, 0 },
	};
	uint64_t expected = 0;
	struct world world;

	(void)state;
	world_open_named(&world, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct end end = web_opens_to_db(&world, i + 1);

		end.tcp.flags |= cases[i].flags;
		record_ending(&world.recorder, &end, cases[i].ending, 0);
		expected += cases[i].reset;
		expect_resets(&world, expected);
	}
	world_close(&world);
}

static void expect_broken(struct world *world, unsigned int kind, int error, uint64_t times)
{
	const struct errors *broken;

	interval(world);
	broken = &the_edge(world, "web", HADAL_TCP_CLIENT, "db", 5432)->values.broken;
	assert_int_equal(broken->kinds, kind + 1);
	assert_int_equal(broken->list[kind].error, error);
	assert_int_equal(broken->list[kind].count, times);
}

/* No answer came any more; the peer's reset, and an error of a module that tells no ending. */
static void broken_connections_carry_their_error(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	world_open_named(&world, NULL);
	end = web_opens_to_db(&world, 1);
	record_ending(&world.recorder, &end, HADAL_TCP_ENDING_TIMED_OUT, ETIMEDOUT);
	expect_broken(&world, 0, ETIMEDOUT, 1);
	end = web_opens_to_db(&world, 2);
	record_ending(&world.recorder, &end, HADAL_TCP_ENDING_UNREACHABLE, EHOSTUNREACH);
	expect_broken(&world, 1, EHOSTUNREACH, 1);
	end = web_opens_to_db(&world, 3);
	record_ending(&world.recorder, &end, HADAL_TCP_ENDING_RESET, ECONNRESET);
	end = web_opens_to_db(&world, 4);
	record_ending(&world.recorder, &end, HADAL_TCP_ENDING_DESTROYED, ECONNABORTED);
	expect_broken(&world, 1, EHOSTUNREACH, 1);
	end = web_opens_to_db(&world, 5);
	record_closed(&world.recorder, &end, TCP_ESTABLISHED, ETIMEDOUT);
	end = web_opens_to_db(&world, 6);
	record_closed(&world.recorder, &end, TCP_ESTABLISHED, ECONNRESET);
	interval(&world);
	assert_int_equal(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432)->values.broken.list[0].count, 2);
	expect_resets(&world, 3);
	world_close(&world);
}

static void quiet_edges_end(void **state)
{
	struct model_config config = { .idle_age = 60 * SECOND };
	struct world world;
	bool ended = false;
	uint64_t before;

	(void)state;
	world_open_named(&world, &config);
	web_calls_api(&world, 1, 10, 20);
	for (int i = 0; i < 20; i++) {
		interval(&world);
		if (world.model->edges.table && world.model->edges.table->ended)
			ended = true;
		model_interval_done(world.model, world.recorder.time);
	}
	assert_true(ended);
	assert_null(world.model->edges.table);
	for (int i = 0; i < 20; i++) {
		interval(&world);
		model_interval_done(world.model, world.recorder.time);
	}
	assert_null(world.model->workloads.table);

	/* it comes back as a new series */
	before = wall_at(&world);
	web_calls_api(&world, 2, 1, 2);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), 1, 1, 2);
	assert_true(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080)->start_time == before);
	world_close(&world);
}

static void unknown_owners_are_said_to_be_so(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	world_open(&world, NULL);
	end = end_of(1, 1, HADAL_TCP_CLIENT, NULL, "10.0.0.5:40000", "93.1.1.1:443");
	record_established(&world.recorder, &end, 0);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	end = end_of(2, 2, HADAL_TCP_CLIENT, NULL, "10.0.0.5:40001", "93.1.1.1:2049");
	end.tcp.owner = HADAL_TCP_OWNER_KERNEL;
	record_established(&world.recorder, &end, 0);
	interval(&world);
	expect_traffic(the_edge(&world, WORKLOAD_UNKNOWN, HADAL_TCP_CLIENT, "internet", 443), 1, 0, 0);
	expect_traffic(the_edge(&world, WORKLOAD_KERNEL, HADAL_TCP_CLIENT, "internet", 2049), 1, 0, 0);
	assert_int_equal(counted(&world, COUNT_OWNER_UNKNOWN), 1);
	world_close(&world);
}

/* A random load, its records interleaved; sums must come out to the byte. */
static void sums_hold_under_any_order(void **state)
{
	enum { TALKS = 400, STEPS = 20000 };
	static const struct actor *const actors[] = { &web, &api, &db };
	static const char *const addresses[] = { "172.17.0.2", "172.17.0.3", "172.17.0.4" };
	static struct { struct talk talk; int from, to, state; uint64_t number; } talks[TALKS];
	uint64_t opened[3][3] = { { 0 } }, up[3][3] = { { 0 } }, down[3][3] = { { 0 } }, number = 0;
	static const char *const names[] = { "web", "api", "db" };
	struct world world;
	char client[64], server[64];

	(void)state;
	srandom(20240607);
	world_open_named(&world, NULL);
	memset(talks, 0, sizeof(talks));
	for (int step = 0; step < STEPS; step++) {
		int i = (int)(random() % TALKS), from = talks[i].from, to = talks[i].to;
		uint64_t more = (uint64_t)random() % 5000, less = (uint64_t)random() % 300;

		switch (talks[i].state) {
		case 0:
			from = (int)(random() % 3);
			to = (int)(random() % 3);
			talks[i].from = from;
			talks[i].to = to;
			snprintf(client, sizeof(client), "%s:%d", addresses[from], 32768 + i);
			snprintf(server, sizeof(server), "%s:%d", addresses[to], 8000 + to);
			number++;
			talks[i].talk.client = end_of(2 * number, number, HADAL_TCP_CLIENT, actors[from], client, server);
			talks[i].talk.server = end_of(2 * number + 1, number, HADAL_TCP_SERVER, actors[to], server, client);
			record_established(&world.recorder, &talks[i].talk.client, 1000);
			opened[from][to]++;
			break;
		case 1:
			record_accepted(&world.recorder, &talks[i].talk.server);
			break;
		case 2:
		case 3:
			talk_transfer(&talks[i].talk, more, less);
			up[from][to] += more;
			down[from][to] += less;
			if (random() % 2)
				record_snapshot(&world.recorder, &talks[i].talk.client);
			if (random() % 2)
				record_snapshot(&world.recorder, &talks[i].talk.server);
			break;
		case 4:
			record_closed(&world.recorder, &talks[i].talk.client, TCP_FIN_WAIT2, 0);
			break;
		default:
			record_closed(&world.recorder, &talks[i].talk.server, TCP_LAST_ACK, 0);
		}
		talks[i].state = (talks[i].state + 1) % 6;
		if (step % 997 == 0)
			interval(&world);
	}
	for (int i = 0; i < TALKS; i++) {
		if (talks[i].state == 1)
			record_accepted(&world.recorder, &talks[i].talk.server);
		if (talks[i].state >= 1 && talks[i].state <= 4)
			record_closed(&world.recorder, &talks[i].talk.client, TCP_FIN_WAIT2, 0);
		if (talks[i].state >= 1)
			record_closed(&world.recorder, &talks[i].talk.server, TCP_LAST_ACK, 0);
	}
	interval(&world);
	interval(&world);
	assert_int_equal(HASH_COUNT(world.model->connections.table), 0);
	for (int from = 0; from < 3; from++) {
		for (int to = 0; to < 3; to++) {
			const struct edge *edge;

			edge = the_edge(&world, names[from], HADAL_TCP_CLIENT, names[to], (uint16_t)(8000 + to));
			expect_traffic(edge, opened[from][to], up[from][to], down[from][to]);
			assert_int_equal(edge->active, 0);
			edge = the_edge(&world, names[to], HADAL_TCP_SERVER, names[from], (uint16_t)(8000 + to));
			expect_traffic(edge, opened[from][to], down[from][to], up[from][to]);
		}
	}
	assert_int_equal(HASH_COUNT(world.model->edges.table), 18);
	world_close(&world);
}

static void expect_bounds(struct world *world)
{
	const struct model_config *config = &world->model->config;

	assert_true(HASH_COUNT(world->model->processes.table) <= config->processes);
	assert_true(HASH_COUNT(world->model->cgroups.table) <= config->cgroups);
	assert_true(HASH_COUNT(world->model->containers.table) <= config->containers);
	assert_true(HASH_COUNT(world->model->owners.table) <= config->owners);
	assert_true(HASH_COUNT(world->model->connections.table) <= config->connections);
	assert_true(HASH_COUNT(world->model->connections.pairs) <= config->connections);
	assert_true(HASH_COUNT(world->model->udp.table) <= config->udp_flows);
	assert_true(HASH_COUNT(world->model->udp.pairs) <= config->udp_flows);
	assert_true(HASH_COUNT(world->model->listeners.table) <= config->listeners);
	assert_true(HASH_COUNT(world->model->workloads.table) <= config->workloads + 1);
	assert_true(world->model->events.length <= config->events);
}

/* Records in no sensible order, as loss and faults may leave them: bounds hold, memory stays sound. */
static void records_of_any_kind(void **state)
{
	static const uint16_t types[] = {
		HADAL_RECORD_PROCESS_FORK, HADAL_RECORD_PROCESS_EXEC, HADAL_RECORD_PROCESS_EXIT,
		HADAL_RECORD_PROCESS_EXISTING, HADAL_RECORD_TCP_ESTABLISHED, HADAL_RECORD_TCP_FAILED,
		HADAL_RECORD_TCP_ACCEPTED, HADAL_RECORD_TCP_CLOSED, HADAL_RECORD_TCP_SNAPSHOT,
		HADAL_RECORD_TCP_LISTENING, HADAL_RECORD_TCP_LISTENER_CLOSED,
		HADAL_RECORD_CGROUP_MKDIR, HADAL_RECORD_CGROUP_RMDIR, HADAL_RECORD_CGROUP_EXISTING,
		HADAL_RECORD_UDP_FLOW, HADAL_RECORD_PROCESS_OOM,
	};
	struct model_config config = { .processes = 20, .owners = 15, .connections = 30, .listeners = 5,
				       .udp_flows = 10, .workloads = 6, .flows = 20, .edges_host = 12,
				       .edges_workload = 4, .events = 10, .cgroups = 8, .containers = 2, .lifecycle = true,
				       .idle_age = 40 * SECOND };
	struct world world;
	char local[64], peer[64], path[64];

	(void)state;
	srandom(7);
	world_open(&world, &config);
	for (int i = 0; i < 60000; i++) {
		struct actor actor = {
			.tgid = 1 + (uint32_t)random() % 40, .parent = (uint32_t)random() % 40,
			.ns_tgid = (uint32_t)random() % 3, .net_ns = NS_WEB + (uint32_t)random() % 3,
			.start = (uint64_t)random() % 3, .cgroup = 98 + (uint64_t)random() % 12, .path = path,
		};
		struct end end;
		uint16_t type;

		snprintf(path, sizeof(path), "/bin/p%ld", random() % 9);
		snprintf(local, sizeof(local), "172.17.0.%ld:%ld", random() % 5, random() % 20);
		snprintf(peer, sizeof(peer), "%s.%ld:%ld", random() % 2 ? "172.17.0" : "93.1.1", random() % 5,
			 39990 + random() % 30);
		end = end_of((uint64_t)random() % 60, (uint64_t)random() % 40, (uint8_t)(random() % 4),
			     random() % 4 ? &actor : NULL, local, peer);
		end.tcp.flags = random() % 3 ? 0 : 1U << random() % 9;
		end.counters.acked = (uint64_t)random() % 1000;
		type = types[(size_t)random() % (sizeof(types) / sizeof(types[0]))];
		switch (type) {
		case HADAL_RECORD_PROCESS_FORK:
			record_fork(&world.recorder, &actor);
			break;
		case HADAL_RECORD_PROCESS_EXEC:
			record_exec(&world.recorder, &actor);
			break;
		case HADAL_RECORD_PROCESS_EXIT:
			record_exit(&world.recorder, &actor, (uint32_t)random() & 0xffff, (uint32_t)random() & 3);
			break;
		case HADAL_RECORD_PROCESS_EXISTING:
			record_existing(&world.recorder, &actor);
			break;
		case HADAL_RECORD_PROCESS_OOM:
			record_oom(&world.recorder, &actor);
			break;
		case HADAL_RECORD_TCP_ESTABLISHED:
			record_established(&world.recorder, &end, 5);
			break;
		case HADAL_RECORD_TCP_FAILED:
			record_failed(&world.recorder, &end, (uint32_t)random() % 140);
			break;
		case HADAL_RECORD_TCP_ACCEPTED:
			record_accepted(&world.recorder, &end);
			break;
		case HADAL_RECORD_TCP_CLOSED:
			record_closed(&world.recorder, &end, (uint32_t)random() % 13, (uint32_t)random() % 140);
			break;
		case HADAL_RECORD_TCP_SNAPSHOT:
			record_snapshot(&world.recorder, &end);
			break;
		case HADAL_RECORD_TCP_LISTENING:
			record_listener(&world.recorder, &end, type, (uint32_t)random() % 100);
			break;
		case HADAL_RECORD_CGROUP_MKDIR:
		case HADAL_RECORD_CGROUP_RMDIR:
		case HADAL_RECORD_CGROUP_EXISTING:
			record_cgroup(&world.recorder, type, random() % 9 == 0, actor.cgroup,
				      random() % 2 ? "/docker/" ID_WEB : "/system.slice/a.service",
				      (uint16_t)(random() % 4));
			break;
		case HADAL_RECORD_UDP_FLOW:
			record_udp(&world.recorder, &end, random() % 3 ? 0 : 1U << random() % 5);
			break;
		default:
			record_listener(&world.recorder, &end, type, (uint32_t)random() % 100);
		}
		if (random() % 500 == 0)
			record_dump(&world.recorder, random() % 2 ? HADAL_RECORD_DUMP_START : HADAL_RECORD_DUMP_END,
				    1 + (uint32_t)random() % 15);
		if (random() % 800 == 0)
			answer_all(&world);
		if (random() % 300 == 0) {
			interval_with(&world, random() % 10 == 0);
			model_interval_done(world.model, world.recorder.time);
		}
		if (random() % 100 == 0)
			expect_bounds(&world);
		if (world.model->events.length == config.events)
			event_queue_remove(&world.model->events, world.model->events.events);
	}
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_are_named),
		cmocka_unit_test(pairs_in_any_order),
		cmocka_unit_test(long_connections_count_by_interval),
		cmocka_unit_test(dumped_connections_have_a_baseline),
		cmocka_unit_test(keys_may_come_later),
		cmocka_unit_test(lost_openings_are_made_good),
		cmocka_unit_test(lost_closings_are_noticed),
		cmocka_unit_test(dumps_with_losses_end_nothing),
		cmocka_unit_test(unaccepted_connections_are_the_listeners),
		cmocka_unit_test(listeners_may_get_their_port_later),
		cmocka_unit_test(segment_counters_wrap),
		cmocka_unit_test(families_do_not_split_services),
		cmocka_unit_test(failures_carry_their_error),
		cmocka_unit_test(more_errors_than_kinds),
		cmocka_unit_test(resets_are_told_from_closes),
		cmocka_unit_test(endings_tell_of_resets),
		cmocka_unit_test(broken_connections_carry_their_error),
		cmocka_unit_test(quiet_edges_end),
		cmocka_unit_test(unknown_owners_are_said_to_be_so),
		cmocka_unit_test(sums_hold_under_any_order),
		cmocka_unit_test(records_of_any_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
