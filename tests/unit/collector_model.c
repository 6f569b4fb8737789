/* SPDX-License-Identifier: MIT */
/*
 * The collector's model: records in, edges and workloads out.
 */
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"
#include "records.h"

#define START	(1000 * SECOND)
#define EPOCH	(1700000000 * SECOND)

#define TASK_WEB	"11111111111111111111111111111111"
#define TASK_API	"22222222222222222222222222222222"
#define ID_WEB		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_API		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_DB		"cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

enum { CGROUP_WEB = 101, CGROUP_API, CGROUP_DB, CGROUP_NGINX, CGROUP_SESSION, CGROUP_GONE };
enum { NS_HOST = 4026531840U, NS_WEB = 4026532001U, NS_API, NS_DB };

/* The host that the records come from. */
static const struct actor web = { 1001, 1, 1, NS_WEB, 11, CGROUP_WEB, "/usr/bin/web-server" };
static const struct actor api = { 1002, 1, 1, NS_API, 12, CGROUP_API, "/srv/api" };
static const struct actor db = { 1003, 1, 1, NS_DB, 13, CGROUP_DB, "/usr/lib/postgresql/postgres" };
static const struct actor nginx = { 1004, 1, 1004, NS_HOST, 14, CGROUP_NGINX, "/usr/sbin/nginx" };
static const struct actor shell = { 1005, 1, 1005, NS_HOST, 15, CGROUP_SESSION, "/usr/bin/curl" };

struct world {
	struct model *model;
	struct recorder recorder;
	unsigned int intervals;
	bool cgroups_hidden;
};

static const char *const cgroup_paths[] = {
	[CGROUP_WEB] = "/ecstasks.slice/ecstasks-" TASK_WEB ".slice/docker-" ID_WEB ".scope",
	[CGROUP_API] = "/ecstasks.slice/ecstasks-" TASK_API ".slice/docker-" ID_API ".scope",
	[CGROUP_DB] = "/system.slice/docker-" ID_DB ".scope",
	[CGROUP_NGINX] = "/system.slice/nginx.service",
	[CGROUP_SESSION] = "/user.slice/user-1000.slice/session-3.scope",
};

static int cgroup_path_of(void *context, uint32_t hierarchy, uint64_t id, int pid, char *path, size_t size)
{
	const struct world *world = context;

	(void)pid;
	if (hierarchy || world->cgroups_hidden || id >= sizeof(cgroup_paths) / sizeof(cgroup_paths[0]) ||
	    !cgroup_paths[id])
		return -ENOENT;
	snprintf(path, size, "%s", cgroup_paths[id]);
	return 0;
}

static void to_model(void *context, const struct hadal_record *record)
{
	struct world *world = context;

	model_record(world->model, record);
}

static void world_open(struct world *world, const struct model_config *from)
{
	struct model_config config = from ? *from : (struct model_config){ 0 };
	struct address host[2];

	*world = (struct world){ .recorder = { .sink = to_model, .context = world, .time = START } };
	config.cgroup_path = cgroup_path_of;
	config.path_context = world;
	assert_int_equal(model_new(&config, &world->model), 0);
	address_parse("10.0.0.5", &host[0]);
	address_parse("172.17.0.1", &host[1]);
	peers_set_host(&world->model->peers, host, 2, NS_HOST);
	record_clock(&world->recorder, START, EPOCH);
}

static void world_close(struct world *world)
{
	model_free(world->model);
}

static uint64_t wall_at(const struct world *world)
{
	return EPOCH + world->recorder.time - START;
}

static void interval_with(struct world *world, bool all)
{
	world->recorder.time += 10 * SECOND;
	model_tick(world->model, world->recorder.time);
	model_interval(world->model, world->recorder.time, wall_at(world), all);
	world->intervals++;
}

static void interval(struct world *world)
{
	interval_with(world, false);
}

static void answer(struct world *world, const char *id, const char *name, const char *task, const char *family,
		   const char *service, const char *address)
{
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_NOT_FOUND };

	strcpy(answer.container_id, id);
	strcpy(answer.facts.name, name);
	if (task) {
		answer.task = IDENTITY_FOUND;
		snprintf(answer.facts.task.arn, FACT_SIZE, "arn:aws:ecs:eu-west-1:123456789012:task/prod/%s", task);
		strcpy(answer.facts.task.family, family);
		strcpy(answer.facts.task.service, service);
		strcpy(answer.facts.task.cluster, "prod");
	}
	if (address) {
		assert_int_equal(address_parse(address, &answer.facts.addresses[0]), 0);
		answer.facts.address_count = 1;
	}
	containers_answer(&world->model->containers, &answer, world->recorder.time);
}

static void start_services(struct world *world)
{
	record_existing(&world->recorder, &web);
	record_existing(&world->recorder, &api);
	record_existing(&world->recorder, &db);
	record_existing(&world->recorder, &nginx);
	record_existing(&world->recorder, &shell);
}

static void answer_all(struct world *world)
{
	answer(world, ID_WEB, "ecs-web-1-web-0a", TASK_WEB, "web-family", "web", "172.17.0.2");
	answer(world, ID_API, "ecs-api-1-api-0b", TASK_API, "api-family", "api", "172.17.0.3");
	answer(world, ID_DB, "db", NULL, NULL, NULL, "172.17.0.4");
}

static const struct edge *find_edge_of(const struct world *world, uint8_t transport, const char *name, uint8_t role,
				       const char *peer, uint16_t port)
{
	const struct edge *edge;

	for (edge = world->model->edges.table; edge; edge = edge->hh.next) {
		const char *peer_name = edge->key.peer ? edge->key.peer->name : edge->key.peer_name;

		if (!peer_name)
			peer_name = peer_kind_name(edge->key.kind);
		if (strcmp(edge->key.workload->name, name) == 0 && edge->key.role == role &&
		    strcmp(peer_name, peer) == 0 && edge->key.server_port == port && edge->key.transport == transport)
			return edge;
	}
	return NULL;
}

static const struct edge *the_edge_of(const struct world *world, uint8_t transport, const char *name, uint8_t role,
				      const char *peer, uint16_t port)
{
	const struct edge *edge = find_edge_of(world, transport, name, role, peer, port);

	if (!edge) {
		print_error("no edge %s -> %s:%u of role %u, transport %u; there are:\n", name, peer, port, role,
			    transport);
		for (edge = world->model->edges.table; edge; edge = edge->hh.next)
			print_error("  %s role %u transport %u peer %s %s:%u\n", edge->key.workload->name,
				    edge->key.role, edge->key.transport, peer_kind_name(edge->key.kind),
				    edge->key.peer ? edge->key.peer->name
						   : edge->key.peer_name ? edge->key.peer_name : "-",
				    edge->key.server_port);
		fail();
	}
	return edge;
}

static const struct edge *the_edge(const struct world *world, const char *name, uint8_t role, const char *peer,
				   uint16_t port)
{
	return the_edge_of(world, FLOW_TCP, name, role, peer, port);
}

static const struct edge *the_udp_edge(const struct world *world, const char *name, uint8_t role, const char *peer,
				       uint16_t port)
{
	return the_edge_of(world, FLOW_UDP, name, role, peer, port);
}

static void expect_traffic(const struct edge *edge, uint64_t opened, uint64_t acked, uint64_t received)
{
	assert_int_equal(edge->values.opened, opened);
	assert_int_equal(edge->values.acked, acked);
	assert_int_equal(edge->values.received, received);
}

static uint64_t counted(const struct world *world, enum count what)
{
	return world->model->counts.value[what];
}

/* One graceful connection between two containers. */
struct talk {
	struct end client, server;
};

static struct talk talk_begin(struct world *world, uint64_t number, const struct actor *from,
			      const struct actor *to, const char *from_address, const char *to_address)
{
	struct talk talk = {
		.client = end_of(2 * number, 7000 + number, HADAL_TCP_CLIENT, from, from_address, to_address),
		.server = end_of(2 * number + 1, 7000 + number, HADAL_TCP_SERVER, to, to_address, from_address),
	};

	record_established(&world->recorder, &talk.client, 3 * MILLISECOND);
	record_accepted(&world->recorder, &talk.server);
	return talk;
}

static void talk_transfer(struct talk *talk, uint64_t up, uint64_t down)
{
	talk->client.counters.acked += up;
	talk->client.counters.received += down;
	talk->server.counters.acked += down;
	talk->server.counters.received += up;
	talk->client.counters.segments_out += 5;
	talk->server.counters.segments_out += 4;
	talk->client.counters.srtt = 250;
}

static void talk_end(struct world *world, struct talk *talk)
{
	record_closed(&world->recorder, &talk->client, TCP_FIN_WAIT2, 0);
	record_closed(&world->recorder, &talk->server, TCP_LAST_ACK, 0);
}

static void web_calls_api(struct world *world, uint64_t number, uint64_t up, uint64_t down)
{
	struct talk talk = talk_begin(world, number, &web, &api, "172.17.0.2:40000", "172.17.0.3:8080");

	talk_transfer(&talk, up, down);
	talk_end(world, &talk);
}

/* ---- tests ---- */

static void both_ends_are_named(void **state)
{
	const struct edge *client, *server;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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

/* ESTABLISHED was lost: CLOSED has all that counts. */
static void lost_openings_are_made_good(void **state)
{
	struct world world;
	struct end end;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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

static void client_of(struct world *world, uint64_t id, const struct actor *actor, const char *peer)
{
	struct end end = end_of(id, id, HADAL_TCP_CLIENT, actor, "172.17.0.2:40000", peer);

	end.counters.acked = 1;
	record_established(&world->recorder, &end, 0);
	record_closed(&world->recorder, &end, TCP_FIN_WAIT2, 0);
}

/* ---- listeners that drop ---- */

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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, &config);
	start_services(&world);
	answer_all(&world);
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

/* ---- udp ---- */

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
	world_open(world, config);
	start_services(world);
	answer_all(world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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

static void cgroup_told(struct world *world, uint16_t type, uint64_t id)
{
	record_cgroup(&world->recorder, type, 0, id, type == HADAL_RECORD_CGROUP_RMDIR ? NULL : cgroup_paths[id], 0);
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

static void intervals(struct world *world, unsigned int times)
{
	while (times--) {
		interval(world);
		model_interval_done(world->model, world->recorder.time);
	}
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

/* Docker gives the address of a container that ended to the next one. */
static void addresses_are_of_the_living(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_API);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_DB);
	record_existing(&world.recorder, &web);
	answer(&world, ID_WEB, "ecs-web", TASK_WEB, "web-family", "web", "172.17.0.2");
	answer(&world, ID_API, "ecs-api", TASK_API, "api-family", "api", "172.17.0.4");
	answer(&world, ID_DB, "db", NULL, NULL, NULL, "172.17.0.4");
	client_of(&world, 1, &web, "172.17.0.4:1");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "172.16.0.0/12", 1);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_API);
	client_of(&world, 2, &web, "172.17.0.4:2");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 2);
	/* nobody lives there: they were both there lately */
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_DB);
	client_of(&world, 3, &web, "172.17.0.4:3");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "172.16.0.0/12", 3);
	world_close(&world);
}

static void units_and_executables_are_workloads(void **state)
{
	struct world world;
	struct talk talk;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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

static void peers_by_address(void **state)
{
	struct network site;
	struct model_config config = { .networks = &site, .network_count = 1 };
	struct world world;
	struct end listener;

	(void)state;
	assert_int_equal(network_parse("203.0.113.0/24", &site), 0);
	world_open(&world, &config);
	start_services(&world);
	answer_all(&world);
	listener = end_of(900, 0, HADAL_TCP_LISTENER, &nginx, "0.0.0.0:80", "0.0.0.0:0");
	record_listening(&world.recorder, &listener);
	client_of(&world, 1, &web, "172.17.0.4:5432");		/* a container's address */
	client_of(&world, 2, &web, "10.0.0.5:80");		/* the host's, with a listener */
	client_of(&world, 3, &web, "10.0.0.5:81");		/* the host's, without */
	client_of(&world, 4, &web, "10.44.1.2:443");
	client_of(&world, 5, &web, "93.184.216.34:443");
	client_of(&world, 6, &web, "93.184.216.35:443");
	client_of(&world, 7, &web, "169.254.169.254:80");
	client_of(&world, 8, &web, "169.254.170.2:80");
	client_of(&world, 9, &web, "203.0.113.7:443");
	client_of(&world, 10, &web, "[2001:db8::1]:443");
	client_of(&world, 11, &web, "[fd00:ec2::254]:80");
	client_of(&world, 12, &web, "127.0.0.1:5000");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "nginx.service", 80);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "10.0.0.0/8", 81);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "10.0.0.0/8", 443);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "internet", 443), 3, 3, 0);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "instance-metadata", 80), 2, 2, 0);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "ecs-task-metadata", 80);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "203.0.113.0/24", 443);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "other", 5000);
	world_close(&world);
}

static void published_ports_lead_to_containers(void **state)
{
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_NOT_FOUND };
	struct world world;
	struct end end;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
	strcpy(answer.container_id, ID_DB);
	strcpy(answer.facts.name, "db");
	answer.facts.ports[0] = (struct published_port){ .host_port = 15432, .port = 5432 };
	answer.facts.port_count = 1;
	containers_answer(&world.model->containers, &answer, world.recorder.time);
	end = end_of(1, 0, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "10.0.0.5:15432");
	record_failed(&world.recorder, &end, ECONNREFUSED);
	interval(&world);
	assert_int_equal(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432)->values.failed.list[0].count, 1);
	world_close(&world);
}

/* web -> docker-proxy -> db is told as web -> db. */
static void docker_proxy_is_folded(void **state)
{
	static const struct actor proxy = { 1010, 1, 1010, NS_HOST, 20, CGROUP_NGINX, "/usr/bin/docker-proxy" };
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_NOT_FOUND };
	const struct edge *edge;
	struct world world;
	struct talk talk;

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	record_existing(&world.recorder, &proxy);
	answer_all(&world);
	strcpy(answer.container_id, ID_DB);
	strcpy(answer.facts.name, "db");
	answer.facts.ports[0] = (struct published_port){ .host_port = 15432, .port = 5432 };
	answer.facts.port_count = 1;
	containers_answer(&world.model->containers, &answer, world.recorder.time);
	talk = talk_begin(&world, 1, &web, &proxy, "172.17.0.2:40000", "172.17.0.1:15432");
	talk_transfer(&talk, 10, 20);
	talk_end(&world, &talk);
	talk = talk_begin(&world, 2, &proxy, &db, "172.17.0.1:40001", "172.17.0.4:5432");
	talk_transfer(&talk, 10, 20);
	talk_end(&world, &talk);
	interval(&world);
	edge = the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432);
	expect_traffic(edge, 1, 10, 20);
	assert_string_equal(edge->key.via, "docker-proxy");
	edge = the_edge(&world, "db", HADAL_TCP_SERVER, "other", 5432);
	expect_traffic(edge, 1, 20, 10);
	assert_string_equal(edge->key.via, "docker-proxy");
	assert_int_equal(HASH_COUNT(world.model->edges.table), 2);

	/* a port that no container is known to publish: the proxy is then a peer by itself */
	talk = talk_begin(&world, 3, &web, &proxy, "172.17.0.2:40000", "172.17.0.1:999");
	talk_end(&world, &talk);
	interval(&world);
	assert_null(the_edge(&world, "web", HADAL_TCP_CLIENT, "nginx.service", 999)->key.via);
	world_close(&world);
}

/* Containers that share a network and no task cannot be told apart by address. */
static void shared_networks_are_not_guessed(void **state)
{
	struct actor sidecar = api;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	sidecar.net_ns = NS_DB;
	record_existing(&world.recorder, &web);
	record_existing(&world.recorder, &db);
	record_existing(&world.recorder, &sidecar);
	answer_all(&world);
	client_of(&world, 1, &web, "172.17.0.4:5432");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "172.16.0.0/12", 5432);
	world_close(&world);
}

/* However many public clients there are, they are one peer. */
static void public_clients_collapse(void **state)
{
	struct world world;
	char peer[64];

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
	for (uint64_t i = 0; i < 1000; i++) {
		struct end end;

		snprintf(peer, sizeof(peer), "93.%u.%u.1:%u", (unsigned int)i / 256, (unsigned int)i % 256,
			 20000 + (unsigned int)i);
		end = end_of(i + 1, i + 1, HADAL_TCP_SERVER, &web, "172.17.0.2:443", peer);
		end.counters.received = 3;
		record_accepted(&world.recorder, &end);
		record_closed(&world.recorder, &end, TCP_LAST_ACK, 0);
	}
	assert_int_equal(HASH_COUNT(world.model->flows.table), 1);
	assert_int_equal(HASH_COUNT(world.model->connections.table), 0);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_SERVER, "internet", 443), 1000, 0, 3000);
	world_close(&world);
}

static uint64_t opened_in_all(const struct world *world, const char *name)
{
	uint64_t sum = 0;

	for (const struct edge *edge = world->model->edges.table; edge; edge = edge->hh.next) {
		if (!name || strcmp(edge->key.workload->name, name) == 0)
			sum += edge->values.opened;
	}
	return sum;
}

/* Past the bounds connections are counted in other, none is lost. */
static void edges_are_bounded(void **state)
{
	struct model_config config = { .edges_host = 30, .edges_workload = 20 };
	struct world world;
	char peer[64];

	(void)state;
	world_open(&world, &config);
	start_services(&world);
	answer_all(&world);
	for (unsigned int i = 1; i <= 50; i++) {
		snprintf(peer, sizeof(peer), "10.1.1.1:%u", i);
		client_of(&world, i, &web, peer);
	}
	for (unsigned int i = 1; i <= 50; i++) {
		snprintf(peer, sizeof(peer), "10.1.1.1:%u", i);
		client_of(&world, 1000 + i, &api, peer);
	}
	interval(&world);
	assert_int_equal(opened_in_all(&world, "web"), 50);
	assert_int_equal(opened_in_all(&world, "api"), 50);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 31);
	assert_int_equal(the_edge(&world, "web", HADAL_TCP_CLIENT, "other", 0)->values.opened, 30);
	assert_int_equal(the_edge(&world, "api", HADAL_TCP_CLIENT, "other", 0)->values.opened, 41);
	assert_true(counted(&world, COUNT_EDGES_WORKLOAD_FULL) > 0);
	assert_true(counted(&world, COUNT_EDGES_HOST_FULL) > 0);
	world_close(&world);
}

static void flows_connections_and_workloads_are_bounded(void **state)
{
	struct model_config config = { .flows = 10, .connections = 8, .workloads = 3, .owners = 6 };
	struct world world;
	uint64_t sum = 0;
	char peer[64];

	(void)state;
	world_open(&world, &config);
	start_services(&world);
	answer_all(&world);
	for (unsigned int i = 1; i <= 100; i++) {
		snprintf(peer, sizeof(peer), "10.1.1.1:%u", i);
		client_of(&world, i, i % 2 ? &web : &nginx, peer);
	}
	interval(&world);
	sum = opened_in_all(&world, NULL);
	assert_int_equal(sum, 100);
	assert_true(HASH_COUNT(world.model->workloads.table) <= 4);
	assert_true(counted(&world, COUNT_FLOWS_FULL) > 0);
	world_close(&world);
}

/* All places taken by the living: the rest is still counted, once, when it closes. */
static void connections_beyond_the_table_count(void **state)
{
	struct model_config config = { .connections = 2 };
	struct world world;
	struct end end[5];

	(void)state;
	world_open(&world, &config);
	start_services(&world);
	answer_all(&world);
	for (uint64_t i = 0; i < 5; i++) {
		end[i] = end_of(i + 1, i + 1, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "172.17.0.4:5432");
		record_established(&world.recorder, &end[i], 0);
	}
	for (int i = 4; i >= 0; i--) {
		end[i].counters.acked = 10;
		record_closed(&world.recorder, &end[i], TCP_FIN_WAIT2, 0);
	}
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432), 5, 50, 0);
	assert_true(counted(&world, COUNT_CONNECTIONS_FULL) > 0);
	world_close(&world);
}

/* A service that binds port 0 over and over does not make an edge each time. */
static void ephemeral_ports_are_bounded(void **state)
{
	struct world world;
	char local[64];

	(void)state;
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
	for (unsigned int i = 0; i < 100; i++) {
		struct end end;

		snprintf(local, sizeof(local), "172.17.0.2:%u", 40000 + i);
		end = end_of(i + 1, i + 1, HADAL_TCP_SERVER, &web, local, "93.1.1.1:1000");
		record_accepted(&world.recorder, &end);
		record_closed(&world.recorder, &end, TCP_LAST_ACK, 0);
	}
	interval(&world);
	assert_int_equal(HASH_COUNT(world.model->edges.table), WORKLOAD_PORTS + 1);
	assert_int_equal(opened_in_all(&world, "web"), 100);
	world_close(&world);
}

static const struct workload *find_workload(const struct world *world, const char *namespace, const char *name)
{
	const struct workload *workload;

	for (workload = world->model->workloads.table; workload; workload = workload->hh.next) {
		if (strcmp(workload->namespace, namespace) == 0 && strcmp(workload->name, name) == 0)
			return workload;
	}
	return NULL;
}

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
	world_open(&world, &config);
	start_services(&world);
	answer_all(&world);
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
	static const bool arguments[] = { false, true };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct model_config config = { .lifecycle = true, .arguments = arguments[i], .events = 3 };
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
		assert_int_equal(attributes_of(world.model->events.events, "process.command_args"), arguments[i]);
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
}

static void quiet_edges_end(void **state)
{
	struct model_config config = { .idle_age = 60 * SECOND };
	struct world world;
	bool ended = false;
	uint64_t before;

	(void)state;
	world_open(&world, &config);
	start_services(&world);
	answer_all(&world);
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
	world_open(&world, NULL);
	start_services(&world);
	answer_all(&world);
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

static void addresses_and_networks(void **state)
{
	static const char *const bad[] = {
		"", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0/8", "/8", "::/129", "fe80::/1 ",
	};
	struct network network;
	struct address address;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(network_parse(bad[i], &network), -EINVAL);
	assert_int_equal(network_parse("172.16.0.0/12", &network), 0);
	assert_int_equal(address_parse("172.31.255.255", &address), 0);
	assert_true(network_contains(&network, &address));
	assert_int_equal(address_parse("172.32.0.0", &address), 0);
	assert_false(network_contains(&network, &address));
	assert_int_equal(network_parse("0.0.0.0/0", &network), 0);
	assert_true(network_contains(&network, &address));
	assert_int_equal(network_parse("2001:db8::/33", &network), 0);
	assert_int_equal(address_parse("2001:db8:8000::1", &address), 0);
	assert_false(network_contains(&network, &address));
}

static void histogram_buckets(void **state)
{
	struct histogram histogram = { .form = HISTOGRAM_EXPONENTIAL };
	uint64_t sum = 0;

	(void)state;
	histogram_record(&histogram, 1.0);	/* the upper end of its bucket: 2^(-1/4) < v <= 1 */
	assert_int_equal(histogram.counts[-1 - HISTOGRAM_OFFSET], 1);
	histogram_record(&histogram, 1.0001);
	assert_int_equal(histogram.counts[0 - HISTOGRAM_OFFSET], 1);
	histogram_record(&histogram, 0);
	histogram_record(&histogram, histogram_floor());
	assert_int_equal(histogram.zero_count, 2);
	histogram_record(&histogram, 1e6);
	assert_int_equal(histogram.counts[HISTOGRAM_BUCKETS - 1], 1);
	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum += histogram.counts[i];
	assert_int_equal(sum + histogram.zero_count, histogram.count);

	histogram = (struct histogram){ .form = HISTOGRAM_EXPLICIT };
	histogram_record(&histogram, histogram_bounds[0]);
	histogram_record(&histogram, histogram_bounds[HISTOGRAM_BOUNDS - 1] + 1);
	assert_int_equal(histogram.counts[0], 1);
	assert_int_equal(histogram.counts[HISTOGRAM_BOUNDS], 1);
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
		cmocka_unit_test(both_ends_are_named),
		cmocka_unit_test(pairs_in_any_order),
		cmocka_unit_test(long_connections_count_by_interval),
		cmocka_unit_test(dumped_connections_have_a_baseline),
		cmocka_unit_test(lost_openings_are_made_good),
		cmocka_unit_test(lost_closings_are_noticed),
		cmocka_unit_test(dumps_with_losses_end_nothing),
		cmocka_unit_test(unaccepted_connections_are_the_listeners),
		cmocka_unit_test(listeners_may_get_their_port_later),
		cmocka_unit_test(segment_counters_wrap),
		cmocka_unit_test(families_do_not_split_services),
		cmocka_unit_test(failures_carry_their_error),
		cmocka_unit_test(more_errors_than_kinds),
		cmocka_unit_test(drops_of_listeners_are_counted),
		cmocka_unit_test(drops_of_listeners_met_late),
		cmocka_unit_test(drops_of_listeners_are_bounded),
		cmocka_unit_test(both_ends_of_udp_are_named),
		cmocka_unit_test(short_flows_wait_for_their_server),
		cmocka_unit_test(flows_from_before_have_a_baseline),
		cmocka_unit_test(flows_beyond_the_module_are_other),
		cmocka_unit_test(servers_of_udp_are_known_by_their_ports),
		cmocka_unit_test(peers_of_udp_by_address),
		cmocka_unit_test(lost_ends_of_flows_are_noticed),
		cmocka_unit_test(flows_beyond_the_table_count),
		cmocka_unit_test(resets_are_told_from_closes),
		cmocka_unit_test(endings_tell_of_resets),
		cmocka_unit_test(broken_connections_carry_their_error),
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
		cmocka_unit_test(addresses_are_of_the_living),
		cmocka_unit_test(units_and_executables_are_workloads),
		cmocka_unit_test(dead_processes_own_their_sockets),
		cmocka_unit_test(peers_by_address),
		cmocka_unit_test(published_ports_lead_to_containers),
		cmocka_unit_test(docker_proxy_is_folded),
		cmocka_unit_test(shared_networks_are_not_guessed),
		cmocka_unit_test(public_clients_collapse),
		cmocka_unit_test(edges_are_bounded),
		cmocka_unit_test(flows_connections_and_workloads_are_bounded),
		cmocka_unit_test(connections_beyond_the_table_count),
		cmocka_unit_test(ephemeral_ports_are_bounded),
		cmocka_unit_test(exits_are_counted),
		cmocka_unit_test(oom_kills_count_once),
		cmocka_unit_test(oom_kills_beyond_the_table),
		cmocka_unit_test(lifecycle_of_containers),
		cmocka_unit_test(quiet_edges_end),
		cmocka_unit_test(unknown_owners_are_said_to_be_so),
		cmocka_unit_test(sums_hold_under_any_order),
		cmocka_unit_test(lost_cgroups_are_noticed),
		cmocka_unit_test(lost_processes_are_noticed),
		cmocka_unit_test(ended_processes_were_never_said),
		cmocka_unit_test(records_of_any_kind),
		cmocka_unit_test(addresses_and_networks),
		cmocka_unit_test(histogram_buckets),
		cmocka_unit_test(units_of_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
