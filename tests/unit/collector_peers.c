/* SPDX-License-Identifier: MIT */
/*
 * Who is at the other end, by its address.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model_fixture.h"

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

static void peers_by_address(void **state)
{
	struct network site;
	struct model_config config = { .networks = &site, .network_count = 1 };
	struct world world;
	struct end listener;

	(void)state;
	assert_int_equal(network_parse("203.0.113.0/24", &site), 0);
	world_open_named(&world, &config);
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
	world_open_named(&world, NULL);
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

static void publish(struct world *world, const char *id, const char *name, uint16_t host_port, uint16_t port)
{
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_NOT_FOUND };

	strcpy(answer.container_id, id);
	strcpy(answer.facts.name, name);
	answer.facts.ports[0] = (struct published_port){ .host_port = host_port, .port = port };
	answer.facts.port_count = 1;
	containers_answer(&world->model->containers, &answer, world->recorder.time);
}

/* A deploy has the host's port published by the next container; the one before is known for a while. */
static void published_ports_are_of_the_living(void **state)
{
	static const struct actor proxy = { 1010, 1, 1010, NS_HOST, 20, CGROUP_NGINX, "/usr/bin/docker-proxy" };
	struct world world;
	struct talk talk;

	(void)state;
	world_open(&world, NULL);
	cgroup_told(&world, HADAL_RECORD_CGROUP_MKDIR, CGROUP_API);
	publish(&world, ID_API, "before", 15432, 5431);
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_API);
	record_existing(&world.recorder, &web);
	record_existing(&world.recorder, &proxy);
	answer(&world, ID_WEB, "ecs-web", TASK_WEB, "web-family", "web", "172.17.0.2");
	/* Nobody publishes it: who did last is the one. */
	client_of(&world, 1, &web, "10.0.0.5:15432");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "before", 5431);
	record_existing(&world.recorder, &db);
	publish(&world, ID_DB, "db", 15432, 5432);
	client_of(&world, 2, &web, "10.0.0.5:15432");
	interval(&world);
	assert_null(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432)->key.via);
	talk = talk_begin(&world, 2, &web, &proxy, "172.17.0.2:40000", "172.17.0.1:15432");
	talk_transfer(&talk, 10, 20);
	talk_end(&world, &talk);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "before", 5431), 1, 1, 0);
	assert_null(find_edge_of(&world, FLOW_TCP, "web", HADAL_TCP_CLIENT, "nginx.service", 15432));
	assert_null(find_edge_of(&world, FLOW_TCP, "nginx.service", HADAL_TCP_SERVER, "web", 15432));
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
	/* Of what has ended the number of its network, which is another's by now, says nothing. */
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_API);
	client_of(&world, 2, &web, "172.17.0.4:5433");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5433);
	world_close(&world);
}

/* Of a task in mode awsvpc Docker tells the address of who holds the network, the agent that of the others. */
static void a_task_has_one_address(void **state)
{
	static const char id[] = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";
	const struct actor pause = { 1006, 1, 1, NS_API, 15, CGROUP_GONE, "/pause" };
	struct world world;

	(void)state;
	world_open(&world, NULL);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_MKDIR, 0, CGROUP_GONE,
		      "/ecstasks.slice/ecstasks-" TASK_API ".slice/docker-"
		      "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd.scope", 0);
	record_existing(&world.recorder, &pause);
	start_services(&world);
	answer_all(&world);
	answer(&world, id, "ecs-api-1-internalecspause-0c", TASK_API, "api-family", "api", "172.17.0.3");
	client_of(&world, 1, &web, "172.17.0.3:2525");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 2525);
	/* Another's at the same address: nobody's. */
	answer(&world, ID_DB, "db", NULL, NULL, NULL, "172.17.0.3");
	client_of(&world, 2, &web, "172.17.0.3:2526");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "172.16.0.0/12", 2526);
	world_close(&world);
}

#define ID_SIDE	"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"

/* As the agent tells of a container of the task in mode awsvpc that has api in it. */
static void answer_in_vpc(struct world *world, const char *id, const char *name)
{
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_FOUND };

	strcpy(answer.container_id, id);
	strcpy(answer.facts.name_in_task, name);
	strcpy(answer.facts.task.arn, "arn:aws:ecs:eu-west-1:123456789012:task/prod/" TASK_API);
	strcpy(answer.facts.task.family, "api-family");
	strcpy(answer.facts.task.service, "api");
	assert_int_equal(address_parse("10.0.3.4", &answer.facts.task.addresses[0]), 0);
	answer.facts.task.address_count = 1;
	containers_answer(&world->model->containers, &answer, world->recorder.time);
}

/* A second container in api's task and network, which is asked about first. */
static struct actor start_task_in_vpc(struct world *world, const char *name)
{
	const struct actor side = { 1006, 1, 1, NS_API, 15, CGROUP_GONE, "/side" };

	record_cgroup(&world->recorder, HADAL_RECORD_CGROUP_MKDIR, 0, CGROUP_GONE,
		      "/ecstasks.slice/ecstasks-" TASK_API ".slice/docker-" ID_SIDE ".scope", 0);
	record_existing(&world->recorder, &side);
	answer_in_vpc(world, ID_SIDE, name);
	start_services(world);
	answer(world, ID_WEB, "ecs-web-1-web-0a", TASK_WEB, "web-family", "web", "172.17.0.2");
	answer(world, ID_API, "ecs-api-1-api-0b", TASK_API, "api-family", "api", NULL);
	return side;
}

/* The container in api's task that stands at that port; "": none does. */
static const char *container_at_port(const struct world *world, uint8_t role, uint16_t port)
{
	struct flow_key key = { .role = role, .server_port = port, .transport = FLOW_TCP };
	struct peer peer;

	assert_int_equal(address_parse("10.0.3.4", &key.peer), 0);
	peers_index(&world->model->peers, world->recorder.time);
	assert_true(peers_resolve(&world->model->peers, &key, &peer));
	if (peer.kind != PEER_WORKLOAD)
		return "";
	return peer.container ? peer.container->id : owner_container(peer.owner)->id;
}

/* The first that was looked up brought the address, and ends before the others. */
static void a_tasks_address_outlives_its_containers(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, NULL);
	start_task_in_vpc(&world, "init");
	client_of(&world, 1, &web, "10.0.3.4:1");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 1);
	record_cgroup(&world.recorder, HADAL_RECORD_CGROUP_RMDIR, 0, CGROUP_GONE, "", 0);
	client_of(&world, 2, &web, "10.0.3.4:2");
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 2);
	assert_string_equal(container_at_port(&world, HADAL_TCP_CLIENT, 3), ID_API);
	/* It lives, but so does who was given the same by its runtime: nobody's. */
	answer(&world, ID_DB, "db", NULL, NULL, NULL, "10.0.3.4");
	assert_string_equal(container_at_port(&world, HADAL_TCP_CLIENT, 3), "");
	cgroup_told(&world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_API);
	assert_string_equal(container_at_port(&world, HADAL_TCP_CLIENT, 3), ID_DB);
	world_close(&world);
}

static void who_listens_tells_containers_of_a_task_apart(void **state)
{
	struct world world;
	struct actor side;
	struct end end;

	(void)state;
	world_open(&world, NULL);
	side = start_task_in_vpc(&world, "~internal~ecs~pause");
	end = end_of(900, 0, HADAL_TCP_LISTENER, &side, "0.0.0.0:9901", "0.0.0.0:0");
	record_listening(&world.recorder, &end);
	end = end_of(901, 0, HADAL_TCP_LISTENER, &api, "0.0.0.0:8080", "0.0.0.0:0");
	record_listening(&world.recorder, &end);
	assert_string_equal(container_at_port(&world, HADAL_TCP_CLIENT, 9901), ID_SIDE);
	assert_string_equal(container_at_port(&world, HADAL_TCP_CLIENT, 8080), ID_API);
	/* Nobody listens, or it is a client: not who holds the network, but the application. */
	assert_string_equal(container_at_port(&world, HADAL_TCP_CLIENT, 1), ID_API);
	assert_string_equal(container_at_port(&world, HADAL_TCP_SERVER, 1), ID_API);
	world_close(&world);
}

/* However many public clients there are, they are one peer. */
static void public_clients_collapse(void **state)
{
	struct world world;
	char peer[64];

	(void)state;
	world_open_named(&world, NULL);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_of_the_living),
		cmocka_unit_test(peers_by_address),
		cmocka_unit_test(published_ports_lead_to_containers),
		cmocka_unit_test(docker_proxy_is_folded),
		cmocka_unit_test(published_ports_are_of_the_living),
		cmocka_unit_test(shared_networks_are_not_guessed),
		cmocka_unit_test(a_task_has_one_address),
		cmocka_unit_test(a_tasks_address_outlives_its_containers),
		cmocka_unit_test(who_listens_tells_containers_of_a_task_apart),
		cmocka_unit_test(public_clients_collapse),
		cmocka_unit_test(addresses_and_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
