/* SPDX-License-Identifier: MIT */
/*
 * Proxies beside applications are folded: what runs through them is told from
 * application to application.
 *
 *	web --lo--> its proxy ---------> api's proxy --lo--> api
 *	     :15001  10.0.1.2      10.0.1.3:15000      :8080
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
#include "proxies.h"

#define ID_WEB_PROXY	"dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
#define ID_API_PROXY	"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define ID_PAUSE	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define ID_LONE		"9999999999999999999999999999999999999999999999999999999999999999"
#define TASK_LONE	"33333333333333333333333333333333"
#define SERVICE_CONNECT	"ecs-service-connect"

enum { CGROUP_WEB_PROXY = 201, CGROUP_API_PROXY, CGROUP_PAUSE, CGROUP_LONE };
enum { NS_LONE = 4026532101U };

static const struct actor web_proxy = { 2001, 1, 1, NS_WEB, 21, CGROUP_WEB_PROXY, "/usr/bin/envoy" };
static const struct actor api_proxy = { 2002, 1, 1, NS_API, 22, CGROUP_API_PROXY, "/usr/bin/envoy" };

static void add_container(struct world *world, const struct actor *actor, const char *task, const char *id)
{
	char path[256];

	if (task)
		snprintf(path, sizeof(path), "/ecstasks.slice/ecstasks-%s.slice/docker-%s.scope", task, id);
	else
		snprintf(path, sizeof(path), "/system.slice/docker-%s.scope", id);
	record_cgroup(&world->recorder, HADAL_RECORD_CGROUP_MKDIR, 0, actor->cgroup, path, 0);
	record_existing(&world->recorder, actor);
}

/* What Docker says of one that ECS made; the agent adds the service. */
static void answer_in_task(struct world *world, const char *id, const char *name, const char *task,
			   const char *service)
{
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_FOUND };

	strcpy(answer.container_id, id);
	snprintf(answer.facts.name, FACT_SIZE, "ecs-%s-1-%s-0a0b", service, name);
	strcpy(answer.facts.name_in_task, name);
	snprintf(answer.facts.task.arn, FACT_SIZE, "arn:aws:ecs:eu-west-1:123456789012:task/prod/%s", task);
	strcpy(answer.facts.task.service, service);
	strcpy(answer.facts.task.cluster, "prod");
	containers_answer(&world->model->containers, &answer, world->recorder.time);
}

static void open_mesh_of(struct world *world, const struct model_config *from, const char *proxy,
			 const struct actor *of_web, const struct actor *of_api)
{
	static struct proxy_kind kind;
	struct model_config config = from ? *from : (struct model_config){ 0 };

	assert_int_equal(proxy_kind_parse("ecs-service-connect-*", &kind), 0);
	config.proxies = &kind;
	config.proxy_count = 1;
	world_open_named(world, &config);
	add_container(world, of_web, TASK_WEB, ID_WEB_PROXY);
	add_container(world, of_api, TASK_API, ID_API_PROXY);
	answer_in_task(world, ID_WEB_PROXY, proxy, TASK_WEB, "web");
	answer_in_task(world, ID_API_PROXY, proxy, TASK_API, "api");
}

static void open_mesh(struct world *world, const struct model_config *from, const char *proxy)
{
	open_mesh_of(world, from, proxy, &web_proxy, &api_proxy);
}

static void talk_once(struct world *world, uint64_t number, const struct actor *from, const struct actor *to,
		      const char *from_address, const char *to_address, uint64_t up, uint64_t down)
{
	struct talk talk = talk_begin(world, number, from, to, from_address, to_address);

	talk_transfer(&talk, up, down);
	talk_end(world, &talk);
}

static void through_web_proxy(struct world *world, uint64_t number)
{
	talk_once(world, number, &web, &web_proxy, "127.0.0.1:40000", "127.0.0.1:15001", 10, 20);
}

static void between_proxies(struct world *world, uint64_t number)
{
	talk_once(world, number, &web_proxy, &api_proxy, "10.0.1.2:41000", "10.0.1.3:15000", 100, 200);
}

static void from_api_proxy(struct world *world, uint64_t number)
{
	talk_once(world, number, &api_proxy, &api, "127.0.0.1:42000", "127.0.0.1:8080", 30, 40);
}

/* Two calls over one connection between the hosts, as pools have it. */
static void web_calls_api_by_proxies(struct world *world)
{
	through_web_proxy(world, 1);
	through_web_proxy(world, 2);
	between_proxies(world, 3);
	from_api_proxy(world, 4);
	from_api_proxy(world, 5);
}

static void assert_via(const struct edge *edge, const char *via)
{
	if (via)
		assert_string_equal(edge->key.via, via);
	else
		assert_null(edge->key.via);
}

static unsigned int edges_of(const struct world *world)
{
	return HASH_COUNT(world->model->edges.table);
}

/* ---- tests ---- */

static void one_edge_and_not_four(void **state)
{
	const struct edge *client, *server;
	struct world world;

	(void)state;
	open_mesh(&world, NULL, SERVICE_CONNECT "-aB3");
	web_calls_api_by_proxies(&world);
	interval(&world);
	client = the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080);
	server = the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080);
	/* what is counted is what ran between the proxies */
	expect_traffic(client, 1, 100, 200);
	expect_traffic(server, 1, 200, 100);
	assert_via(client, SERVICE_CONNECT);
	assert_via(server, SERVICE_CONNECT);
	assert_int_equal(client->key.kind, PEER_WORKLOAD);
	assert_int_equal(edges_of(&world), 2);
	world_close(&world);
}

/* The same containers by another name are two services that talk to themselves. */
static void others_stay_as_they_are(void **state)
{
	struct world world;

	(void)state;
	open_mesh(&world, NULL, "envoy");
	web_calls_api_by_proxies(&world);
	interval(&world);
	assert_int_equal(edges_of(&world), 6);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "web", 15001), 2, 20, 40);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 15000), 1, 100, 200);
	assert_via(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 15000), NULL);
	world_close(&world);
}

/* By what it runs, though a script starts it. */
static void executables_make_proxies(void **state)
{
	static const struct actor script = { 2001, 1, 1, NS_WEB, 21, CGROUP_WEB_PROXY, "/bin/sh" };
	struct model_config config = { 0 };
	struct proxy_kind kind;
	struct world world;

	(void)state;
	assert_int_equal(proxy_kind_parse("envoy", &kind), 0);
	config.proxy_executables = &kind;
	config.proxy_executable_count = 1;
	open_mesh(&world, &config, "front");
	record_exec(&world.recorder, &script);
	record_exec(&world.recorder, &web_proxy);
	web_calls_api_by_proxies(&world);
	interval(&world);
	assert_via(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), "envoy");
	assert_int_equal(edges_of(&world), 2);
	world_close(&world);
}

/* One series has one edge, by whatever its proxies were found. */
static void what_is_called_alike_is_one(void **state)
{
	struct model_config config = { 0 };
	struct proxy_kind kind;
	struct world world;

	(void)state;
	assert_int_equal(proxy_kind_parse(SERVICE_CONNECT, &kind), 0);
	strcpy(kind.pattern, "envoy");
	config.proxy_executables = &kind;
	config.proxy_executable_count = 1;
	open_mesh(&world, &config, SERVICE_CONNECT "-aB3");
	assert_ptr_equal(container_find(&world.model->containers, ID_WEB_PROXY)->proxy, world.model->proxies.names[0].via);
	web_calls_api_by_proxies(&world);
	interval(&world);
	assert_via(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), SERVICE_CONNECT);
	assert_int_equal(edges_of(&world), 2);
	world_close(&world);
}

/* Each host tells its own end: the port behind the other's proxy only that host knows. */
static void peers_elsewhere_are_what_they_are(void **state)
{
	const struct edge *client, *server;
	struct world world;
	struct end end;

	(void)state;
	open_mesh(&world, NULL, SERVICE_CONNECT "-aB3");
	end = end_of(1, 91, HADAL_TCP_CLIENT, &web_proxy, "10.0.1.2:41000", "10.0.9.9:15000");
	record_established(&world.recorder, &end, 0);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	end = end_of(2, 92, HADAL_TCP_SERVER, &api_proxy, "10.0.1.3:15000", "10.0.9.9:41000");
	record_accepted(&world.recorder, &end);
	record_closed(&world.recorder, &end, TCP_LAST_ACK, 0);
	from_api_proxy(&world, 4);
	interval(&world);
	client = the_edge(&world, "web", HADAL_TCP_CLIENT, "10.0.0.0/8", 15000);
	server = the_edge(&world, "api", HADAL_TCP_SERVER, "10.0.0.0/8", 8080);
	assert_via(client, SERVICE_CONNECT);
	assert_via(server, SERVICE_CONNECT);
	assert_int_equal(edges_of(&world), 2);
	world_close(&world);
}

/* Both proxies in that namespace, or each in one of its own: they stand in the application's task. */
static void assert_folded_in(uint32_t web_ns, uint32_t api_ns, const char *web_address, const char *api_address)
{
	struct actor from = web_proxy, to = api_proxy;
	char client[64], server[64];
	struct world world;

	from.net_ns = web_ns;
	to.net_ns = api_ns;
	open_mesh_of(&world, NULL, SERVICE_CONNECT "-aB3", &from, &to);
	talk_once(&world, 1, &web, &from, "172.17.0.2:40000", "172.17.0.9:15001", 10, 20);
	snprintf(client, sizeof(client), "%s:41000", web_address);
	snprintf(server, sizeof(server), "%s:32768", api_address);
	talk_once(&world, 2, &from, &to, client, server, 100, 200);
	talk_once(&world, 3, &to, &api, "172.17.0.8:42000", "172.17.0.3:8080", 30, 40);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), 1, 100, 200);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "web", 8080), 1, 200, 100);
	assert_via(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), SERVICE_CONNECT);
	assert_int_equal(edges_of(&world), 2);
	world_close(&world);
}

static void in_mode_bridge_they_are_of_the_task(void **state)
{
	(void)state;
	assert_folded_in(NS_LONE, NS_LONE + 1, "172.17.0.9", "172.17.0.8");
}

static void in_mode_host_they_are_of_the_task(void **state)
{
	(void)state;
	assert_folded_in(NS_HOST, NS_HOST, "10.0.0.1", "10.0.0.1");
}

/* In the host's namespace who is of no task has no application. */
static void in_the_host_s_namespace_nobody_else_stands_beside(void **state)
{
	static const struct actor other = { 2004, 1, 1, NS_HOST, 24, CGROUP_PAUSE, "/usr/bin/other" };
	static const struct actor proxy = { 2005, 1, 1, NS_HOST, 25, CGROUP_LONE, "/usr/bin/envoy" };
	struct world world;

	(void)state;
	open_mesh(&world, NULL, "other");
	add_container(&world, &proxy, NULL, ID_LONE);
	add_container(&world, &other, NULL, ID_PAUSE);
	answer(&world, ID_LONE, SERVICE_CONNECT "-1", NULL, NULL, NULL, NULL);
	answer(&world, ID_PAUSE, "other-app", NULL, NULL, NULL, NULL);
	talk_once(&world, 1, &proxy, &api, "10.0.0.1:40000", "172.17.0.3:8080", 1, 2);
	interval(&world);
	assert_via(the_edge(&world, SERVICE_CONNECT "-1", HADAL_TCP_CLIENT, "api", 8080), NULL);
	world_close(&world);
}

/* One end may have no proxy. */
static void one_proxy_is_folded_too(void **state)
{
	struct world world;

	(void)state;
	open_mesh(&world, NULL, SERVICE_CONNECT "-aB3");
	talk_once(&world, 1, &db, &api_proxy, "172.17.0.4:40000", "10.0.1.3:15000", 1, 2);
	from_api_proxy(&world, 2);
	through_web_proxy(&world, 3);
	talk_once(&world, 4, &web_proxy, &db, "10.0.1.2:40000", "172.17.0.4:5432", 3, 4);
	interval(&world);
	expect_traffic(the_edge(&world, "db", HADAL_TCP_CLIENT, "api", 8080), 1, 1, 2);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "db", 8080), 1, 2, 1);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "db", 5432), 1, 3, 4);
	expect_traffic(the_edge(&world, "db", HADAL_TCP_SERVER, "web", 5432), 1, 4, 3);
	assert_via(the_edge(&world, "db", HADAL_TCP_SERVER, "web", 5432), SERVICE_CONNECT);
	assert_int_equal(edges_of(&world), 4);
	world_close(&world);
}

/* Not before the first that needs it has waited for as long as for names. */
static void the_port_is_waited_for(void **state)
{
	struct world world;

	(void)state;
	open_mesh(&world, NULL, SERVICE_CONNECT "-aB3");
	between_proxies(&world, 1);
	interval(&world);
	assert_int_equal(edges_of(&world), 0);
	from_api_proxy(&world, 2);
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080);
	assert_int_equal(edges_of(&world), 2);
	/* learnt once and for all */
	between_proxies(&world, 3);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), 2, 200, 400);
	world_close(&world);
}

/* A proxy that stood idle for longer than anything is waited for, and then is reached before it reaches on. */
static void the_port_is_waited_for_from_the_first_connection(void **state)
{
	struct world world;

	(void)state;
	open_mesh(&world, NULL, SERVICE_CONNECT "-aB3");
	intervals(&world, 10);
	between_proxies(&world, 1);
	interval(&world);
	assert_int_equal(edges_of(&world), 0);
	from_api_proxy(&world, 2);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080), 1, 100, 200);
	assert_int_equal(edges_of(&world), 2);
	world_close(&world);
}

static void without_the_application_s_port_it_is_the_proxy_s(void **state)
{
	struct world world;

	(void)state;
	open_mesh(&world, NULL, SERVICE_CONNECT "-aB3");
	between_proxies(&world, 1);
	for (unsigned int i = 0; i < 4; i++)
		interval(&world);
	assert_via(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 15000), SERVICE_CONNECT);
	assert_int_equal(edges_of(&world), 2);
	world_close(&world);
}

static void of_several_ports_none_is_chosen(void **state)
{
	struct world world;

	(void)state;
	open_mesh(&world, NULL, SERVICE_CONNECT "-aB3");
	between_proxies(&world, 1);
	from_api_proxy(&world, 2);
	talk_once(&world, 3, &api_proxy, &api, "127.0.0.1:42000", "127.0.0.1:9090", 30, 40);
	interval(&world);
	the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 15000);
	the_edge(&world, "api", HADAL_TCP_SERVER, "web", 15000);
	assert_int_equal(edges_of(&world), 2);
	world_close(&world);
}

/* What fails beside the application is seen nowhere else. */
static void failures_of_inner_hops_are_told(void **state)
{
	const struct edge *edge;
	struct world world;
	struct end end;

	(void)state;
	open_mesh(&world, NULL, SERVICE_CONNECT "-aB3");
	end = end_of(1, 0, HADAL_TCP_SERVER, &web_proxy, "127.0.0.1:15001", "0.0.0.0:0");
	record_listening(&world.recorder, &end);
	through_web_proxy(&world, 1);
	end = end_of(7, 0, HADAL_TCP_CLIENT, &web, "127.0.0.1:40000", "127.0.0.1:15001");
	record_failed(&world.recorder, &end, ETIMEDOUT);
	interval(&world);
	edge = the_edge(&world, "web", HADAL_TCP_CLIENT, "web", 15001);
	expect_traffic(edge, 0, 0, 0);
	assert_int_equal(edge->values.failed.list[0].error, ETIMEDOUT);
	assert_int_equal(edge->values.failed.list[0].count, 1);
	assert_int_equal(edges_of(&world), 1);
	world_close(&world);
}

/* Beside what only holds the namespace it is a service like others. */
static void a_proxy_by_itself_is_a_service(void **state)
{
	static const struct actor pause = { 2004, 1, 1, NS_LONE, 24, CGROUP_PAUSE, "/pause" };
	static const struct actor proxy = { 2003, 1, 1, NS_LONE, 23, CGROUP_LONE, "/usr/bin/envoy" };
	struct world world;

	(void)state;
	open_mesh(&world, NULL, "other");
	add_container(&world, &pause, TASK_LONE, ID_PAUSE);
	add_container(&world, &proxy, TASK_LONE, ID_LONE);
	answer_in_task(&world, ID_PAUSE, "~internal~ecs~pause", TASK_LONE, "gate");
	answer_in_task(&world, ID_LONE, SERVICE_CONNECT "-1", TASK_LONE, "gate");
	talk_once(&world, 1, &proxy, &api, "10.0.1.9:40000", "172.17.0.3:8080", 1, 2);
	interval(&world);
	assert_via(the_edge(&world, "gate", HADAL_TCP_CLIENT, "api", 8080), NULL);
	world_close(&world);
}

/* Two that are no one workload: whose it is can't be told. */
static void of_several_applications_none_is_chosen(void **state)
{
	static const struct actor other = { 2004, 1, 1, NS_DB, 24, CGROUP_PAUSE, "/usr/bin/other" };
	static const struct actor proxy = { 2005, 1, 1, NS_DB, 25, CGROUP_LONE, "/usr/bin/envoy" };
	struct world world;

	(void)state;
	open_mesh(&world, NULL, "other");
	add_container(&world, &proxy, NULL, ID_LONE);
	answer(&world, ID_LONE, SERVICE_CONNECT "-1", NULL, NULL, NULL, NULL);
	/* beside db alone it is db's */
	talk_once(&world, 1, &proxy, &api, "172.17.0.4:40000", "172.17.0.3:8080", 1, 2);
	interval(&world);
	assert_via(the_edge(&world, "db", HADAL_TCP_CLIENT, "api", 8080), SERVICE_CONNECT);
	add_container(&world, &other, NULL, ID_PAUSE);
	answer(&world, ID_PAUSE, "other-app", NULL, NULL, NULL, NULL);
	talk_once(&world, 2, &proxy, &api, "172.17.0.4:40001", "172.17.0.3:8080", 1, 2);
	interval(&world);
	assert_via(the_edge(&world, SERVICE_CONNECT "-1", HADAL_TCP_CLIENT, "api", 8080), NULL);
	world_close(&world);
}

static void patterns_give_names(void **state)
{
	char long_one[PROXY_TEXT_SIZE + 1];
	struct proxy_kind kind;

	(void)state;
	assert_int_equal(proxy_kind_parse("ecs-service-connect-*", &kind), 0);
	assert_string_equal(kind.pattern, "ecs-service-connect-*");
	assert_string_equal(kind.via, SERVICE_CONNECT);
	assert_int_equal(proxy_kind_parse("haproxy", &kind), 0);
	assert_string_equal(kind.via, "haproxy");
	assert_int_equal(proxy_kind_parse("edge[12]", &kind), 0);
	assert_string_equal(kind.via, "edge");
	assert_int_equal(proxy_kind_parse("*", &kind), -EINVAL);
	assert_int_equal(proxy_kind_parse("-*", &kind), -EINVAL);
	memset(long_one, 'x', PROXY_TEXT_SIZE);
	long_one[PROXY_TEXT_SIZE] = '\0';
	assert_int_equal(proxy_kind_parse(long_one, &kind), -EINVAL);
	long_one[PROXY_TEXT_SIZE - 1] = '\0';
	assert_int_equal(proxy_kind_parse(long_one, &kind), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_edge_and_not_four),
		cmocka_unit_test(others_stay_as_they_are),
		cmocka_unit_test(executables_make_proxies),
		cmocka_unit_test(what_is_called_alike_is_one),
		cmocka_unit_test(peers_elsewhere_are_what_they_are),
		cmocka_unit_test(in_mode_bridge_they_are_of_the_task),
		cmocka_unit_test(in_mode_host_they_are_of_the_task),
		cmocka_unit_test(in_the_host_s_namespace_nobody_else_stands_beside),
		cmocka_unit_test(one_proxy_is_folded_too),
		cmocka_unit_test(the_port_is_waited_for),
		cmocka_unit_test(the_port_is_waited_for_from_the_first_connection),
		cmocka_unit_test(without_the_application_s_port_it_is_the_proxy_s),
		cmocka_unit_test(of_several_ports_none_is_chosen),
		cmocka_unit_test(failures_of_inner_hops_are_told),
		cmocka_unit_test(a_proxy_by_itself_is_a_service),
		cmocka_unit_test(of_several_applications_none_is_chosen),
		cmocka_unit_test(patterns_give_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
