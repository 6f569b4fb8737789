/* SPDX-License-Identifier: MIT */
/*
 * What is exchanged over UDP.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model_fixture.h"

static void udp_dumped(struct world *world, uint16_t type)
{
	record_dump(&world->recorder, type, HADAL_DUMP_UDP);
}

static struct end udp_end(uint64_t id, uint8_t role, const struct actor *owner, const char *local, const char *peer)
{
	struct end end = end_of(id, 0, role, owner, local, peer);

	end.tcp.start_time = START + id;
	return end;
}

static void udp_moves(struct end *end, uint64_t sent, uint64_t received)
{
	end->counters.acked += sent;
	end->counters.received += received;
}

/* One dump that holds these two, and the interval that it is for. */
static void udp_interval(struct world *world, const struct end *one, const struct end *other)
{
	udp_dumped(world, HADAL_RECORD_DUMP_START);
	if (one)
		record_udp(&world->recorder, one, 0);
	if (other)
		record_udp(&world->recorder, other, 0);
	udp_dumped(world, HADAL_RECORD_DUMP_END);
	interval(world);
}

static void udp_open(struct world *world, const struct model_config *config)
{
	world_open_named(world, config);
	udp_interval(world, NULL, NULL);
}

/* Addresses that no container has: both ends have the same, and that is enough. */
static void both_ends_of_udp_are_named(void **state)
{
	struct world world;
	struct end client, server;

	(void)state;
	udp_open(&world, NULL);
	client = udp_end(1, HADAL_TCP_CLIENT, &web, "192.168.9.9:40000", "192.168.9.1:53");
	server = udp_end(2, HADAL_TCP_SERVER, &api, "192.168.9.1:53", "192.168.9.9:40000");
	udp_moves(&client, 40, 120);
	udp_moves(&server, 120, 40);
	udp_interval(&world, &client, &server);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "api", 53), 0, 40, 120);
	expect_traffic(the_udp_edge(&world, "api", HADAL_TCP_SERVER, "web", 53), 0, 120, 40);
	udp_interval(&world, &server, &client);
	udp_moves(&client, 1, 2);
	udp_moves(&server, 2, 1);
	record_udp(&world.recorder, &client, HADAL_UDP_ENDED);
	record_udp(&world.recorder, &server, HADAL_UDP_ENDED | HADAL_UDP_IDLE);
	interval(&world);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "api", 53), 0, 41, 122);
	expect_traffic(the_udp_edge(&world, "api", HADAL_TCP_SERVER, "web", 53), 0, 122, 41);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 2);
	assert_int_equal(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "api", 53)->active, 0);
	assert_null(world.model->udp.table);
	assert_int_equal(counted(&world, COUNT_DUMP_INCOMPLETE), 0);
	world_close(&world);
}

/* The client is gone at once; who it asked is told by the interval's dump only. */
static void short_flows_wait_for_their_server(void **state)
{
	struct world world;
	struct end client, server;

	(void)state;
	udp_open(&world, NULL);
	client = udp_end(1, HADAL_TCP_CLIENT, &web, "192.168.9.9:40000", "192.168.9.1:53");
	server = udp_end(2, HADAL_TCP_SERVER, &api, "192.168.9.1:53", "192.168.9.9:40000");
	udp_moves(&client, 40, 120);
	udp_moves(&server, 120, 40);
	record_udp(&world.recorder, &client, HADAL_UDP_ENDED);
	world.recorder.time += 8 * SECOND;
	model_tick(world.model, world.recorder.time);
	udp_interval(&world, &server, NULL);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "api", 53), 0, 40, 120);
	expect_traffic(the_udp_edge(&world, "api", HADAL_TCP_SERVER, "web", 53), 0, 120, 40);

	/* of what goes to the internet nothing more will be learnt */
	client = udp_end(3, HADAL_TCP_CLIENT, &web, "172.17.0.2:40001", "8.8.8.8:53");
	udp_moves(&client, 30, 60);
	record_udp(&world.recorder, &client, HADAL_UDP_ENDED);
	assert_int_equal(HASH_COUNT(world.model->udp.table), 1);
	interval(&world);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "internet", 53), 0, 30, 60);
	world_close(&world);
}

static void flows_from_before_have_a_baseline(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	udp_open(&world, NULL);
	end = udp_end(1, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "172.17.0.4:514");
	end.tcp.start_time = START - 1;
	udp_moves(&end, 100000, 1);
	udp_interval(&world, &end, NULL);
	assert_null(world.model->edges.table);
	udp_moves(&end, 7, 0);
	udp_interval(&world, &end, NULL);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "db", 514), 0, 7, 0);

	/* it ends before any dump has held it: what is new in it is not known */
	end.tcp.id = 2;
	record_udp(&world.recorder, &end, HADAL_UDP_ENDED);
	/* without payload there is nothing to tell */
	end = udp_end(3, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "172.17.0.4:515");
	record_udp(&world.recorder, &end, HADAL_UDP_ENDED);
	interval(&world);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "db", 514), 0, 7, 0);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 1);
	assert_int_equal(counted(&world, COUNT_BASELINE_MISSING), 1);
	world_close(&world);
}

/* What found no room in the module is of nobody that is known. */
static void flows_beyond_the_module_are_other(void **state)
{
	for (int from_before = 0; from_before < 2; from_before++) {
		struct end other = { .counters = { .acked = 1000, .received = 500 } };
		uint64_t before = from_before ? 1000 : 0;
		const struct edge *edge;
		struct world world;

		(void)state;
		world_open(&world, NULL);
		udp_dumped(&world, HADAL_RECORD_DUMP_START);
		if (from_before)
			record_udp(&world.recorder, &other, HADAL_UDP_OTHER);
		udp_dumped(&world, HADAL_RECORD_DUMP_END);
		interval(&world);
		assert_null(world.model->edges.table);
		udp_moves(&other, 11, 22);
		for (int i = 0; i < 2; i++) {
			udp_dumped(&world, HADAL_RECORD_DUMP_START);
			record_udp(&world.recorder, &other, HADAL_UDP_OTHER);
			udp_dumped(&world, HADAL_RECORD_DUMP_END);
			interval(&world);
		}
		edge = the_udp_edge(&world, WORKLOAD_OTHER, HADAL_TCP_ROLE_UNKNOWN, "other", 0);
		expect_traffic(edge, 0, 1011 - before, 522 - before / 2);
		assert_int_equal(HASH_COUNT(world.model->edges.table), 1);
		assert_int_equal(counted(&world, COUNT_DUMP_INCOMPLETE), 0);
		assert_int_equal(counted(&world, COUNT_WORKLOADS_FULL), 0);
		world_close(&world);
	}
}

/* The module looked when the server answered: it saw it send first. */
static void servers_of_udp_are_known_by_their_ports(void **state)
{
	static const struct {
		uint8_t told, role;
		const char *local, *peer;
		uint16_t port;
	} cases[] = {
		{ HADAL_TCP_CLIENT, HADAL_TCP_SERVER, "172.17.0.2:53", "172.17.0.4:40001", 53 },
		{ HADAL_TCP_SERVER, HADAL_TCP_CLIENT, "172.17.0.2:40002", "172.17.0.4:54", 54 },
		{ HADAL_TCP_CLIENT, HADAL_TCP_CLIENT, "172.17.0.2:123", "172.17.0.4:123", 123 },
		{ HADAL_TCP_SERVER, HADAL_TCP_SERVER, "172.17.0.2:500", "172.17.0.4:4500", 500 },
		{ HADAL_TCP_SERVER, HADAL_TCP_SERVER, "172.17.0.2:51820", "172.17.0.4:51821", 51820 },
	};
	struct world world;

	(void)state;
	udp_open(&world, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct end end = udp_end(i + 1, cases[i].told, &web, cases[i].local, cases[i].peer);

		udp_moves(&end, 9, 0);
		record_udp(&world.recorder, &end, HADAL_UDP_ENDED);
		interval(&world);
		expect_traffic(the_udp_edge(&world, "web", cases[i].role, "db", cases[i].port), 0, 9, 0);
	}
	world_close(&world);
}

static void sends_udp(struct world *world, uint64_t id, const struct actor *actor, const char *peer)
{
	struct end end = udp_end(id, HADAL_TCP_CLIENT, actor, "172.17.0.2:40000", peer);

	udp_moves(&end, 5, 0);
	record_udp(&world->recorder, &end, HADAL_UDP_ENDED);
}

/* What is published or listened to over TCP says nothing of UDP. */
static void peers_of_udp_by_address(void **state)
{
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_NOT_FOUND };
	struct world world;
	struct end listener;

	(void)state;
	udp_open(&world, NULL);
	strcpy(answer.container_id, ID_DB);
	strcpy(answer.facts.name, "db");
	answer.facts.ports[0] = (struct published_port){ .host_port = 8053, .port = 53, .udp = true };
	answer.facts.ports[1] = (struct published_port){ .host_port = 8054, .port = 54 };
	answer.facts.port_count = 2;
	containers_answer(&world.model->containers, &answer, world.recorder.time);
	listener = end_of(900, 0, HADAL_TCP_LISTENER, &nginx, "0.0.0.0:80", "0.0.0.0:0");
	record_listening(&world.recorder, &listener);
	sends_udp(&world, 1, &web, "10.0.0.5:8053");
	sends_udp(&world, 2, &web, "10.0.0.5:8054");
	sends_udp(&world, 3, &web, "10.0.0.5:80");
	sends_udp(&world, 4, &web, "224.0.0.251:5353");
	sends_udp(&world, 5, &web, "255.255.255.255:67");
	sends_udp(&world, 6, &web, "[ff02::fb]:5353");
	sends_udp(&world, 7, &web, "[2001:db8::1]:53");
	sends_udp(&world, 8, &web, "169.254.169.253:53");
	interval(&world);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "db", 53), 0, 5, 0);
	the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "10.0.0.0/8", 8054);
	the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "10.0.0.0/8", 80);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "other", 5353), 0, 10, 0);
	the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "other", 67);
	the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "internet", 53);
	the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "dns", 53);
	/* the same over TCP goes elsewhere */
	client_of(&world, 20, &web, "10.0.0.5:8054");
	client_of(&world, 21, &web, "10.0.0.5:80");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 54);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "nginx.service", 80);
	world_close(&world);
}

/* ENDED was lost: two dumps without it end it, and what they did not hold is lost. */
static void lost_ends_of_flows_are_noticed(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	udp_open(&world, NULL);
	end = udp_end(1, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "172.17.0.4:514");
	udp_moves(&end, 7, 0);
	udp_interval(&world, &end, NULL);
	udp_interval(&world, NULL, NULL);
	assert_non_null(world.model->udp.table);
	udp_interval(&world, NULL, NULL);
	assert_null(world.model->udp.table);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "db", 514), 0, 7, 0);
	assert_int_equal(counted(&world, COUNT_CLOSE_NOT_SEEN), 1);
	world_close(&world);
}

static void flows_beyond_the_table_count(void **state)
{
	enum { FLOWS = 9 };
	struct model_config config = { .udp_flows = 3, .edges_workload = 2 };
	struct end end[FLOWS];
	const struct edge *edge;
	uint64_t sum = 0;
	struct world world;

	(void)state;
	udp_open(&world, &config);
	for (uint64_t i = 0; i < FLOWS; i++) {
		char peer[64];

		snprintf(peer, sizeof(peer), "172.17.0.4:%" PRIu64, 500 + i / 3);
		end[i] = udp_end(i + 1, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", peer);
		udp_moves(&end[i], 10, 1);
		record_udp(&world.recorder, &end[i], 0);
		assert_true(HASH_COUNT(world.model->udp.table) <= 3);
	}
	interval(&world);
	for (int i = FLOWS - 1; i >= 0; i--) {
		udp_moves(&end[i], 10, 1);
		record_udp(&world.recorder, &end[i], HADAL_UDP_ENDED);
		assert_true(HASH_COUNT(world.model->udp.table) <= 3);
	}
	interval(&world);
	for (edge = world.model->edges.table; edge; edge = edge->hh.next)
		sum += edge->values.acked;
	assert_int_equal(sum, 20 * FLOWS);
	assert_int_equal(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "other", 0)->values.acked, 60);
	assert_true(counted(&world, COUNT_CONNECTIONS_FULL) > 0);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_of_udp_are_named),
		cmocka_unit_test(short_flows_wait_for_their_server),
		cmocka_unit_test(flows_from_before_have_a_baseline),
		cmocka_unit_test(flows_beyond_the_module_are_other),
		cmocka_unit_test(servers_of_udp_are_known_by_their_ports),
		cmocka_unit_test(peers_of_udp_by_address),
		cmocka_unit_test(lost_ends_of_flows_are_noticed),
		cmocka_unit_test(flows_beyond_the_table_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
