/* SPDX-License-Identifier: MIT */
/*
 * What is answered to who asks on this host.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <json-c/json.h>

#include "model_fixture.h"
#include "readout.h"
#include "self.h"

static void refresh(struct world *world)
{
	model_refresh(world->model, world->recorder.time, wall_at(world));
}

/* A live connection that sends, one that has closed, and one whose owner is not known. */
static void live_a_little(struct world *world, bool looked_at)
{
	struct end stray = end_of(90, 790, HADAL_TCP_CLIENT, NULL, "10.0.0.5:41000", "10.9.9.9:443");
	struct talk talk;

	start_services(world);
	answer_all(world);
	talk = talk_begin(world, 1, &web, &api, "172.17.0.2:40000", "172.17.0.3:8080");
	talk_transfer(&talk, 1000, 3000);
	record_snapshot(&world->recorder, &talk.client);
	record_snapshot(&world->recorder, &talk.server);
	record_established(&world->recorder, &stray, MILLISECOND);
	web_calls_api(world, 2, 10, 20);
	world->recorder.time += 3 * SECOND;
	for (unsigned int i = 0; looked_at && i < 3; i++)
		refresh(world);
	talk_transfer(&talk, 1, 2);
	record_snapshot(&world->recorder, &talk.client);
	record_snapshot(&world->recorder, &talk.server);
}

/* What is shipped is as if nobody had looked. */
static void looking_changes_nothing(void **state)
{
	static const struct model_config config = { .start_time = EPOCH };
	struct world unseen, seen;
	const struct edge *edge;

	(void)state;
	world_open(&unseen, &config);
	live_a_little(&unseen, false);
	world_open(&seen, &config);
	live_a_little(&seen, true);
	edge = the_edge(&seen, "web", HADAL_TCP_CLIENT, "api", 8080);
	expect_traffic(edge, 2, 1010, 3020);
	assert_int_equal(edge->active, 1);
	assert_int_equal(edge->rtt.sum, 250);
	interval(&unseen);
	interval(&seen);
	assert_int_equal(HASH_COUNT(unseen.model->edges.table), HASH_COUNT(seen.model->edges.table));
	for (edge = unseen.model->edges.table; edge; edge = edge->hh.next) {
		const char *peer = edge->key.peer ? edge->key.peer->name : edge->key.peer_name;
		const struct edge *same = the_edge(&seen, edge->key.workload->name, edge->key.role,
						   peer ? peer : peer_kind_name(edge->key.kind),
						   edge->key.server_port);

		assert_int_equal(edge->values.rtt ? edge->values.rtt->count : 0,
				 same->values.rtt ? same->values.rtt->count : 0);
		expect_traffic(same, edge->values.opened, edge->values.acked, edge->values.received);
		assert_int_equal(edge->values.segments_sent, same->values.segments_sent);
		assert_int_equal(edge->active, same->active);
		assert_int_equal(edge->start_time, same->start_time);
	}
	assert_memory_equal(&unseen.model->counts, &seen.model->counts, sizeof(struct counts));
	world_close(&unseen);
	world_close(&seen);
}

/* The other end may show itself a moment later. */
static void looking_names_no_peer_too_soon(void **state)
{
	struct world world;
	struct end client = end_of(2, 701, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "172.17.0.3:8080");
	struct end server = end_of(3, 701, HADAL_TCP_SERVER, &api, "172.17.0.3:8080", "172.17.0.2:40000");

	(void)state;
	world_open_named(&world, NULL);
	record_established(&world.recorder, &client, MILLISECOND);
	refresh(&world);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 0);
	record_accepted(&world.recorder, &server);
	refresh(&world);
	assert_int_equal(the_edge(&world, "web", HADAL_TCP_CLIENT, "api", 8080)->active, 1);
	interval(&world);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 2);
	world_close(&world);
}

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, name, &value))
		fail_msg("no %s in %s", name, json_object_to_json_string(object));
	return value;
}

static const char *text_of(struct json_object *object, const char *name)
{
	return json_object_get_string(member(object, name));
}

static int64_t number_of(struct json_object *object, const char *name)
{
	return json_object_get_int64(member(object, name));
}

static struct json_object *document(char *text)
{
	struct json_object *object = json_tokener_parse(text);

	assert_non_null(object);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_int_equal(number_of(object, "version"), 1);
	free(text);
	return object;
}

/* The row of @list whose @name is @value. */
static struct json_object *row_with(struct json_object *object, const char *list, const char *name, const char *value)
{
	struct json_object *rows = member(object, list), *text;

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (json_object_object_get_ex(row, name, &text) && strcmp(json_object_get_string(text), value) == 0)
			return row;
	}
	fail_msg("no row with %s %s", name, value);
	return NULL;
}

static void flows_are_told(void **state)
{
	struct readout readout = { .time = EPOCH };
	struct json_object *flows, *row;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	live_a_little(&world, true);
	readout.model = world.model;
	flows = document(readout_flows(&readout));
	assert_int_equal(number_of(flows, "left_out"), 0);
	row = row_with(flows, "flows", "hadal.peer.name", "api");
	assert_string_equal(text_of(row, "service.name"), "web");
	assert_string_equal(text_of(row, "service.namespace"), "prod");
	assert_string_equal(text_of(row, "hadal.edge.role"), "client");
	assert_int_equal(number_of(row, "server.port"), 8080);
	assert_int_equal(number_of(row, "hadal.tcp.connection.opened"), 2);
	assert_int_equal(number_of(row, "hadal.tcp.connection.active"), 1);
	assert_int_equal(number_of(row, "hadal.edge.io.transmit"), 1010);
	assert_int_equal(number_of(row, "hadal.edge.io.receive"), 3020);
	assert_string_equal(text_of(row, "hadal.tcp.rtt.mean"), "0.00025");
	json_object_put(flows);
	world_close(&world);
}

/* A process by its pid, in text. */
static void processes_are_told(void **state)
{
	struct actor odd = { 1006, 1, 1006, NS_HOST, 16, CGROUP_SESSION, "/tmp/a\xff\"b" };
	struct json_object *processes, *row;
	struct readout readout = { 0 };
	struct world world;

	(void)state;
	world_open(&world, NULL);
	live_a_little(&world, true);
	record_existing(&world.recorder, &odd);
	record_exec(&world.recorder, &odd);
	record_exit(&world.recorder, &shell, 9, 0);
	record_exit(&world.recorder, &nginx, 3 << 8, 0);
	readout.model = world.model;
	processes = document(readout_processes(&readout));
	row = row_with(processes, "processes", "process.pid", "1001");
	assert_string_equal(text_of(row, "service.name"), "web");
	assert_string_equal(text_of(row, "container.id"), ID_WEB);
	assert_string_equal(text_of(row, "aws.ecs.task.id"), TASK_WEB);
	assert_int_equal(number_of(row, "hadal.tcp.connection.opened"), 2);
	assert_int_equal(number_of(row, "hadal.tcp.connection.active"), 1);
	assert_int_equal(number_of(row, "hadal.process.network.io.transmit"), 1010);
	assert_int_equal(number_of(row, "hadal.process.network.io.receive"), 3020);
	assert_false(json_object_object_get_ex(row, "process.exit.code", NULL));
	row = row_with(processes, "processes", "process.pid", "1005");
	assert_int_equal(number_of(row, "process.exit.code"), 137);
	assert_int_equal(number_of(row, "hadal.process.exit.signal"), 9);
	row = row_with(processes, "processes", "process.pid", "1004");
	assert_int_equal(number_of(row, "process.exit.code"), 3);
	assert_string_equal(text_of(row, "service.name"), "nginx.service");
	row = row_with(processes, "processes", "process.pid", "1006");
	assert_string_equal(text_of(row, "process.executable.name"), "a\xef\xbf\xbd\"b");
	json_object_put(processes);
	world_close(&world);
}

static void an_answer_has_a_bound(void **state)
{
	struct readout readout = { 0 };
	struct json_object *processes;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	for (unsigned int i = 0; i < READOUT_ROWS + 7; i++) {
		struct actor actor = { 2000 + i, 1, 2000 + i, NS_HOST, 20 + i, CGROUP_SESSION, "/bin/true" };

		record_existing(&world.recorder, &actor);
		if (i < 10)
			record_exit(&world.recorder, &actor, 0, 0);
	}
	readout.model = world.model;
	processes = document(readout_processes(&readout));
	assert_int_equal(json_object_array_length(member(processes, "processes")), READOUT_ROWS);
	assert_int_equal(number_of(processes, "left_out"), 7);
	/* Of those that ended three have found room. */
	row_with(processes, "processes", "process.pid", "2002");
	json_object_put(processes);
	world_close(&world);
}

static void the_collector_tells_of_itself(void **state)
{
	struct hadal_stats stats = { 0 };
	static const struct stages stages = { .time[STAGE_RECORDS] = 2500 * MILLISECOND };
	struct readout readout = { .stats = &stats, .module_version = "1.2.3", .lag = 1500 * MILLISECOND,
				   .stages = &stages };
	struct json_object *status, *tcp;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	live_a_little(&world, true);
	readout.model = world.model;
	stats.class_stats[HADAL_CLASS_TCP] = (struct hadal_class_stats){ 10, 7, 3, 900 };
	world.model->workloads.folded = 3;
	world.model->edges.folded = 7;
	status = document(readout_status(&readout));
	tcp = member(member(status, "records"), "tcp");
	assert_int_equal(number_of(tcp, "produced"), 10);
	assert_int_equal(number_of(tcp, "lost"), 3);
	assert_string_equal(text_of(status, "lag"), "1.5");
	assert_int_equal(number_of(member(member(status, "tables"), "processes"), "used"), 5);
	assert_int_equal(number_of(member(member(status, "tables"), "processes"), "limit"), 65536);
	assert_int_equal(number_of(member(member(status, "tables"), "edges"), "folded"), 7);
	assert_int_equal(number_of(member(member(status, "tables"), "workloads"), "folded"), 3);
	assert_false(json_object_object_get_ex(member(member(status, "tables"), "processes"), "folded", NULL));
	assert_true(number_of(status, "memory.rss") > 100000);
	assert_int_equal(number_of(member(status, "incidents"), "queries_late"), 0);
	assert_false(json_object_object_get_ex(status, "shipping", NULL));
	assert_int_equal(number_of(member(member(status, "tables"), "listeners"), "limit"), 16384);
	assert_string_equal(text_of(member(status, "stages"), "records"), "2.5");
	assert_false(json_object_object_get_ex(member(status, "stages"), "send", NULL));
	json_object_put(status);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looking_changes_nothing),
		cmocka_unit_test(looking_names_no_peer_too_soon),
		cmocka_unit_test(flows_are_told),
		cmocka_unit_test(processes_are_told),
		cmocka_unit_test(an_answer_has_a_bound),
		cmocka_unit_test(the_collector_tells_of_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
