/* SPDX-License-Identifier: MIT */
/*
 * More than the model's tables hold.
 */
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
#include "model_tables.h"

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
	world_open_named(&world, &config);
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
	world_open_named(&world, &config);
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
	world_open_named(&world, &config);
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

static void passes_through(struct world *world, unsigned int number)
{
	struct actor actor = nginx;
	char path[64];

	actor.tgid = 5000 + number;
	actor.start = 5000 + number;
	record_fork(&world->recorder, &actor);
	record_exit(&world->recorder, &actor, 0, 0);
	snprintf(path, sizeof(path), "/system.slice/passing-%u.service", number);
	record_cgroup(&world->recorder, HADAL_RECORD_CGROUP_MKDIR, 0, 5000 + number, path, 0);
	record_cgroup(&world->recorder, HADAL_RECORD_CGROUP_RMDIR, 0, 5000 + number, path, 0);
	client_of(world, 5000 + number, &web, "10.1.1.1:80");
}

/* What has ended makes room for what comes, and each that did is counted: nothing else is dropped or refused. */
static void what_makes_room_is_counted(void **state)
{
	enum { PASSING = 100, LIMIT = 20 };
	static const enum model_table tables[] = { TABLE_PROCESSES, TABLE_CGROUPS, TABLE_CONNECTIONS };
	static const enum count refusals[] = { COUNT_PROCESSES_FULL, COUNT_CGROUPS_FULL, COUNT_CONNECTIONS_FULL };
	struct model_config config = { .processes = LIMIT, .cgroups = LIMIT, .connections = LIMIT };
	uint64_t before[3];
	struct world world;

	(void)state;
	world_open_named(&world, &config);
	for (int i = 0; i < 3; i++)
		before[i] = model_table_use(world.model, tables[i]).entries;
	for (unsigned int i = 0; i < PASSING; i++)
		passes_through(&world, i);
	for (int i = 0; i < 3; i++) {
		struct model_table_use use = model_table_use(world.model, tables[i]);

		assert_int_equal(use.entries, LIMIT);
		assert_int_equal(use.evicted, before[i] + PASSING - LIMIT);
		assert_int_equal(counted(&world, refusals[i]), 0);
	}
	assert_int_equal(model_table_use(world.model, TABLE_UDP_FLOWS).evicted, 0);
	assert_int_equal(model_table_use(world.model, TABLE_OWNERS).evicted, 0);
	world_close(&world);
}

/* A service that binds port 0 over and over does not make an edge each time. */
static void ephemeral_ports_are_bounded(void **state)
{
	struct world world;
	char local[64];

	(void)state;
	world_open_named(&world, NULL);
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

/* What passes through a table does not make it larger than what is in it at a time. */
static void tables_are_as_large_as_what_they_hold(void **state)
{
	enum { LIVING = 1000, PASSING = 2000000 };
	struct thing {
		UT_hash_handle hh;
		uint64_t key;
	} *things = calloc(LIVING, sizeof(*things)), *table = NULL, *found;
	uint64_t key = 0;

	(void)state;
	assert_non_null(things);
	for (uint64_t i = 0; i < PASSING; i++) {
		struct thing *thing = &things[i % LIVING];

		if (i >= LIVING)
			HASH_DELETE(hh, table, thing);
		thing->key = i;
		HASH_ADD(hh, table, key, sizeof(thing->key), thing);
		assert_true(TABLE_INSERTED(thing, hh));
	}
	assert_int_equal(HASH_COUNT(table), LIVING);
	assert_in_range(table->hh.tbl->num_buckets, 256, 4 * LIVING);
	for (key = PASSING - LIVING; key < PASSING; key++) {
		HASH_FIND(hh, table, &key, sizeof(key), found);
		assert_ptr_equal(found, &things[key % LIVING]);
	}
	HASH_CLEAR(hh, table);
	free(things);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_are_bounded),
		cmocka_unit_test(flows_connections_and_workloads_are_bounded),
		cmocka_unit_test(connections_beyond_the_table_count),
		cmocka_unit_test(ephemeral_ports_are_bounded),
		cmocka_unit_test(what_makes_room_is_counted),
		cmocka_unit_test(tables_are_as_large_as_what_they_hold),
		cmocka_unit_test(histogram_buckets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
