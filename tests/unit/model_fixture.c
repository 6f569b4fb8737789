/* SPDX-License-Identifier: MIT */
#include "model_fixture.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

const struct actor web = { 1001, 1, 1, NS_WEB, 11, CGROUP_WEB, "/usr/bin/web-server" };
const struct actor api = { 1002, 1, 1, NS_API, 12, CGROUP_API, "/srv/api" };
const struct actor db = { 1003, 1, 1, NS_DB, 13, CGROUP_DB, "/usr/lib/postgresql/postgres" };
const struct actor nginx = { 1004, 1, 1004, NS_HOST, 14, CGROUP_NGINX, "/usr/sbin/nginx" };
const struct actor shell = { 1005, 1, 1005, NS_HOST, 15, CGROUP_SESSION, "/usr/bin/curl" };

const char *const cgroup_paths[CGROUP_GONE] = {
	[CGROUP_WEB] = "/ecstasks.slice/ecstasks-" TASK_WEB ".slice/docker-" ID_WEB ".scope",
	[CGROUP_API] = "/ecstasks.slice/ecstasks-" TASK_API ".slice/docker-" ID_API ".scope",
	[CGROUP_DB] = "/system.slice/docker-" ID_DB ".scope",
	[CGROUP_NGINX] = "/system.slice/nginx.service",
	[CGROUP_SESSION] = "/user.slice/user-1000.slice/session-3.scope",
	[CGROUP_IN_WEB] = "/ecstasks.slice/ecstasks-" TASK_WEB ".slice/docker-" ID_WEB ".scope/workers",
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

void world_open(struct world *world, const struct model_config *from)
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

void world_close(struct world *world)
{
	model_free(world->model);
}

uint64_t wall_at(const struct world *world)
{
	return EPOCH + world->recorder.time - START;
}

void interval_with(struct world *world, bool all)
{
	world->recorder.time += 10 * SECOND;
	model_tick(world->model, world->recorder.time);
	model_interval(world->model, world->recorder.time, wall_at(world), all);
	world->intervals++;
}

void interval(struct world *world)
{
	interval_with(world, false);
}

void answer(struct world *world, const char *id, const char *name, const char *task, const char *family,
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

void start_services(struct world *world)
{
	record_existing(&world->recorder, &web);
	record_existing(&world->recorder, &api);
	record_existing(&world->recorder, &db);
	record_existing(&world->recorder, &nginx);
	record_existing(&world->recorder, &shell);
}

void answer_all(struct world *world)
{
	answer(world, ID_WEB, "ecs-web-1-web-0a", TASK_WEB, "web-family", "web", "172.17.0.2");
	answer(world, ID_API, "ecs-api-1-api-0b", TASK_API, "api-family", "api", "172.17.0.3");
	answer(world, ID_DB, "db", NULL, NULL, NULL, "172.17.0.4");
}

void world_open_named(struct world *world, const struct model_config *from)
{
	world_open(world, from);
	start_services(world);
	answer_all(world);
}

const struct edge *find_edge_of(const struct world *world, uint8_t transport, const char *name, uint8_t role,
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

const struct edge *the_edge(const struct world *world, const char *name, uint8_t role, const char *peer,
			    uint16_t port)
{
	return the_edge_of(world, FLOW_TCP, name, role, peer, port);
}

const struct edge *the_udp_edge(const struct world *world, const char *name, uint8_t role, const char *peer,
				uint16_t port)
{
	return the_edge_of(world, FLOW_UDP, name, role, peer, port);
}

void expect_traffic(const struct edge *edge, uint64_t opened, uint64_t acked, uint64_t received)
{
	assert_int_equal(edge->values.opened, opened);
	assert_int_equal(edge->values.acked, acked);
	assert_int_equal(edge->values.received, received);
}

uint64_t counted(const struct world *world, enum count what)
{
	return world->model->counts.value[what];
}

struct talk talk_begin(struct world *world, uint64_t number, const struct actor *from,
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

void talk_transfer(struct talk *talk, uint64_t up, uint64_t down)
{
	talk->client.counters.acked += up;
	talk->client.counters.received += down;
	talk->server.counters.acked += down;
	talk->server.counters.received += up;
	talk->client.counters.segments_out += 5;
	talk->server.counters.segments_out += 4;
	talk->client.counters.srtt = 250;
}

void talk_end(struct world *world, struct talk *talk)
{
	record_closed(&world->recorder, &talk->client, TCP_FIN_WAIT2, 0);
	record_closed(&world->recorder, &talk->server, TCP_LAST_ACK, 0);
}

void web_calls_api(struct world *world, uint64_t number, uint64_t up, uint64_t down)
{
	struct talk talk = talk_begin(world, number, &web, &api, "172.17.0.2:40000", "172.17.0.3:8080");

	talk_transfer(&talk, up, down);
	talk_end(world, &talk);
}

void client_of(struct world *world, uint64_t id, const struct actor *actor, const char *peer)
{
	struct end end = end_of(id, id, HADAL_TCP_CLIENT, actor, "172.17.0.2:40000", peer);

	end.counters.acked = 1;
	record_established(&world->recorder, &end, 0);
	record_closed(&world->recorder, &end, TCP_FIN_WAIT2, 0);
}

void cgroup_told(struct world *world, uint16_t type, uint64_t id)
{
	record_cgroup(&world->recorder, type, 0, id, type == HADAL_RECORD_CGROUP_RMDIR ? NULL : cgroup_paths[id], 0);
}

void intervals(struct world *world, unsigned int times)
{
	while (times--) {
		interval(world);
		model_interval_done(world->model, world->recorder.time);
	}
}

const struct workload *find_workload(const struct world *world, const char *namespace, const char *name)
{
	const struct workload *workload;

	for (workload = world->model->workloads.table; workload; workload = workload->hh.next) {
		if (strcmp(workload->namespace, namespace) == 0 && strcmp(workload->name, name) == 0)
			return workload;
	}
	return NULL;
}
