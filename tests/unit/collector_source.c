// SPDX-License-Identifier: MIT
/* Where records come from: the kernel that runs the test, without the module; from one source to another. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "model_fixture.h"
#include "source_choice.h"

/* ---- without the module, with this kernel ---- */

struct source_world {
	struct config config;
	struct counts counts;
	struct source_choice choice;
	int listener, client, server;
	uint16_t port;
};

static void listen_here(struct source_world *world)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	world->listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(world->listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(world->listener, 4), 0);
	assert_int_equal(getsockname(world->listener, (struct sockaddr *)&address, &size), 0);
	world->port = ntohs(address.sin_port);
}

static void connect_here(struct source_world *world)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				       .sin_port = htons(world->port) };

	world->client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(world->client, (const struct sockaddr *)&address, sizeof(address)), 0);
	world->server = accept(world->listener, NULL, NULL);
	assert_true(world->server >= 0);
}

static void source_open(struct source_world *world)
{
	static char nowhere[] = "/nonexistent/hadal";

	*world = (struct source_world){
		.config = { .device = nowhere, .degraded = true, .degraded_poll = 1, .filter_loopback = true,
			    .processes = 65536, .connections = 65536 },
	};
	listen_here(world);
	assert_int_equal(source_choose(&world->choice, &world->config, &world->counts, 0), 0);
	assert_true(world->choice.degraded);
	assert_string_equal(world->choice.source->state, "absent");
	assert_string_equal(world->choice.source->version, "");
}

static bool is_ours(const struct source_world *world, const struct hadal_record *record, uint16_t type)
{
	const struct hadal_tcp *tcp = hadal_record_tcp(record);

	return record->type == type && tcp && (tcp->local_port == world->port || tcp->peer_port == world->port);
}

/* Reads until one of that type comes, of our port where it is of a connection. For 10 s. */
static const struct hadal_record *await(struct source_world *world, uint16_t type)
{
	const struct hadal_record *record;
	const char *reason;

	for (unsigned int i = 0; i < 10000; i++) {
		while (source_next(world->choice.source, &record) > 0) {
			if (hadal_record_validate(record, record->size, &reason))
				fail_msg("a record of type %u: %s", record->type, reason);
			if (is_ours(world, record, type) || (!hadal_record_tcp(record) && record->type == type))
				return record;
		}
		if (source_step(world->choice.source) == 0)
			usleep(1000);
	}
	fail_msg("no record of type %u came", type);
	return NULL;
}

/* A connection of this process, from the kernel that runs the test. */
static void real_connections_are_told(void **state)
{
	const struct hadal_record_tcp_closed *closed;
	const struct hadal_tcp *tcp;
	struct source_world world;
	struct hadal_stats stats;

	(void)state;
	source_open(&world);
	assert_int_equal(source_request_dump(world.choice.source, world.choice.source->state_dump), 0);
	assert_int_equal(source_request_dump(world.choice.source, world.choice.source->state_dump), -EBUSY);
	await(&world, HADAL_RECORD_PROCESS_EXISTING);
	tcp = hadal_record_tcp(await(&world, HADAL_RECORD_TCP_LISTENING));
	assert_int_equal(tcp->owner_tgid, getpid());
	await(&world, HADAL_RECORD_DUMP_END);
	connect_here(&world);
	assert_int_equal(write(world.client, "12345", 5), 5);
	tcp = hadal_record_tcp(await(&world, HADAL_RECORD_TCP_ESTABLISHED));
	assert_int_equal(tcp->role, HADAL_TCP_CLIENT);
	assert_int_equal(tcp->owner_tgid, getpid());
	shutdown(world.client, SHUT_WR);
	assert_int_equal(read(world.server, (char[8]){ 0 }, 8), 5);
	assert_int_equal(read(world.server, (char[8]){ 0 }, 8), 0);
	close(world.server);
	assert_int_equal(read(world.client, (char[8]){ 0 }, 8), 0);
	close(world.client);
	closed = (const void *)await(&world, HADAL_RECORD_TCP_CLOSED);
	if (closed->tcp.role == HADAL_TCP_SERVER) {
		assert_int_equal(closed->counters.received, 5);
		closed = (const void *)await(&world, HADAL_RECORD_TCP_CLOSED);
	}
	assert_int_equal(closed->tcp.role, HADAL_TCP_CLIENT);
	assert_int_equal(closed->counters.acked, 5);
	assert_int_equal(closed->counters.received, 0);
	assert_int_equal(source_choice_stats(&world.choice, &stats), 0);
	assert_true(stats.class_stats[HADAL_CLASS_TCP].delivered >= 4);
	close(world.listener);
	source_close(world.choice.source);
}

static void the_configuration_may_forbid_it(void **state)
{
	static char nowhere[] = "/nonexistent/hadal";
	struct config config = { .device = nowhere };
	struct source_choice choice;
	struct counts counts = { 0 };

	(void)state;
	assert_int_equal(source_choose(&choice, &config, &counts, 0), -ENOENT);
	assert_null(choice.source);
	config.degraded = true;
	config.filter_min_duration = 1;
	assert_int_equal(source_choose(&choice, &config, &counts, 0), -ENOENT);
	config.filter_min_duration = 0;
	config.filter_cgroup_count = 1;
	assert_int_equal(source_choose(&choice, &config, &counts, 0), -ENOENT);
}

/* ---- from one source to another ---- */

/* What a connection did is counted once, and the new source's first sight is where it goes on from. */
static void a_change_of_source_counts_nothing_twice(void **state)
{
	struct world world;
	struct talk talk;
	struct end client;

	(void)state;
	world_open_named(&world, NULL);
	talk = talk_begin(&world, 1, &web, &api, "172.17.0.2:40000", "172.17.0.3:8080");
	talk_transfer(&talk, 1000, 3000);
	record_snapshot(&world.recorder, &talk.client);
	record_snapshot(&world.recorder, &talk.server);
	interval(&world);
	talk_transfer(&talk, 10, 30);
	record_snapshot(&world.recorder, &talk.client);
	record_snapshot(&world.recorder, &talk.server);
	model_change_source(world.model, world.recorder.time);
	/* The same, by another id, as something that was there before. */
	record_clock(&world.recorder, world.recorder.time, wall_at(&world));
	client = talk.client;
	client.tcp.id += 1000000;
	client.tcp.flags |= HADAL_TCP_DUMPED;
	client.counters.acked += 500;	/* between the two: nobody saw it */
	record_snapshot(&world.recorder, &client);
	client.counters.acked += 7;
	record_snapshot(&world.recorder, &client);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), 1, 1017, 3030);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080), 1, 3030, 1010);
	assert_int_equal(counted(&world, COUNT_CLOSE_NOT_SEEN), 0);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_connections_are_told),
		cmocka_unit_test(the_configuration_may_forbid_it),
		cmocka_unit_test(a_change_of_source_counts_nothing_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
