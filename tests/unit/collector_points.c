/* SPDX-License-Identifier: MIT */
/*
 * The limit of points: batches keep to it, who adds up their series has what
 * happened, and series stay.
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

#include "edge_points.h"
#include "export.h"
#include "model_fixture.h"
#include "series_receiver.h"
#include "values.h"

enum { LIMIT = 200, PORTS = 300 };

/* ---- a host ---- */

struct host {
	struct world world;
	struct receiver receiver;
	unsigned int limit, points;	/* in the last batch */
	uint64_t id;			/* of connections */
	uint64_t opened, sent, got;	/* what really happened */
};

static void host_open(struct host *host, unsigned int limit, const struct model_config *config)
{
	*host = (struct host){ .limit = limit };
	world_open_named(&host->world, config);
}

static void host_close(struct host *host)
{
	world_close(&host->world);
	receiver_free(&host->receiver);
}

static void talk(struct host *host, const struct actor *actor, unsigned int port, uint64_t sent, uint64_t got)
{
	char peer[64];
	struct end end;

	snprintf(peer, sizeof(peer), "10.1.1.1:%u", port);
	host->id++;
	end = end_of(host->id, host->id, HADAL_TCP_CLIENT, actor, "172.17.0.2:40000", peer);
	record_established(&host->world.recorder, &end, MILLISECOND);
	end.counters = (struct hadal_tcp_counters){ .acked = sent, .received = got, .segments_out = 5 };
	record_closed(&host->world.recorder, &end, TCP_FIN_WAIT2, 0);
	host->opened++;
	host->sent += sent;
	host->got += got;
}

static struct export_source source_of(struct host *host)
{
	static const struct export_host here = { .id = "i-0123" };
	static const struct hadal_stats none;

	return (struct export_source){
		.host = &here, .model = host->world.model, .stats = &none, .module_version = "0", .module_state = "loaded",
		.start_time = EPOCH, .points = host->limit, .time = wall_at(&host->world), .now = host->world.recorder.time,
	};
}

static void ship(struct host *host)
{
	struct export_source source;
	struct hadal_batch *batch;

	host->world.recorder.time += 60 * SECOND;
	model_interval(host->world.model, host->world.recorder.time, wall_at(&host->world), false);
	source = source_of(host);
	batch = export_batch(&source);
	assert_non_null(batch);
	assert_int_equal(hadal_batch_error(batch), 0);
	host->points = (unsigned int)hadal_batch_counts(batch).points;
	if (host->limit)
		assert_true(host->points <= host->limit);
	receiver_take(&host->receiver, batch);
	hadal_batch_free(batch);
	model_interval_done(host->world.model, host->world.recorder.time);
}

static uint64_t opened(const struct host *host)
{
	return receiver_grown(&host->receiver, "hadal.tcp.connection.opened", "");
}

static uint64_t transmitted(const struct host *host)
{
	return receiver_grown(&host->receiver, "hadal.tcp.io", "=transmit");
}

static void expect_sums(const struct host *host)
{
	assert_int_equal(opened(host), host->opened);
	assert_int_equal(transmitted(host), host->sent);
	assert_int_equal(receiver_grown(&host->receiver, "hadal.tcp.io", "=receive"), host->got);
}

static const struct edge *edge_to(const struct host *host, unsigned int port)
{
	return the_edge(&host->world, "web", HADAL_TCP_CLIENT, "10.0.0.0/8", (uint16_t)port);
}

static unsigned int told(const struct host *host)
{
	unsigned int count = 0;

	for (const struct edge *edge = host->world.model->edges.table; edge; edge = edge->hh.next)
		count += edge_is_told(edge) && !edge->others;
	return count;
}

/* ---- how many points an edge is ---- */

static uint64_t some(void)
{
	return random() % 2 ? 0 : 1 + (uint64_t)random() % 100;
}

static void fill(struct values *values, struct counts *counts)
{
	static const int errors[] = { 0, ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, 4095, EPIPE };

	values->opened = some();
	values->reset = some();
	values->acked = some();
	values->received = some();
	values->segments_sent = some();
	values->segments_retransmitted = some();
	values->listener_dropped = some();
	values->health_checks = some();
	for (unsigned int i = 0; i < 6; i++) {
		if (random() % 3 == 0)
			errors_add(&values->failed, errors[i], 1, counts);
		if (random() % 3 == 0)
			errors_add(&values->broken, errors[i], 1, counts);
	}
	if (random() % 2)
		values_connect(values, HISTOGRAM_EXPONENTIAL, 0.1, counts);
	if (random() % 2)
		values_rtt(values, HISTOGRAM_EXPLICIT, 0.1, counts);
}

/* What is planned with is what comes, whatever an edge has to tell. */
static void points_are_counted_as_they_come(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, 0, NULL);
	talk(&host, &web, 1000, 1, 1);
	ship(&host);
	for (unsigned int i = 0; i < 500; i++) {
		struct edge *edge = (struct edge *)edge_to(&host, 1000);
		struct export_source source = source_of(&host);
		unsigned int points;
		struct hadal_batch *batch;

		values_clear(&edge->values);
		batch = export_batch(&source);
		points = (unsigned int)hadal_batch_counts(batch).points - edge_points(edge);
		hadal_batch_free(batch);
		fill(&edge->values, &host.world.model->counts);
		edge->key.kind = random() % 4 ? PEER_PRIVATE : PEER_NONE;
		edge->key.transport = random() % 4 ? FLOW_TCP : FLOW_UDP;
		/* Of these counts there may be new ones. */
		host.world.model->counts = (struct counts){ 0 };
		batch = export_batch(&source);
		assert_int_equal(hadal_batch_counts(batch).points, points + edge_points(edge));
		hadal_batch_free(batch);
		edge->key.kind = PEER_PRIVATE;
		edge->key.transport = FLOW_TCP;
	}
	host_close(&host);
}

/* ---- the limit ---- */

static void below_the_limit_all_are_told(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, LIMIT, NULL);
	for (unsigned int port = 1000; port < 1010; port++)
		talk(&host, &web, port, 10, 20);
	ship(&host);
	assert_int_equal(told(&host), 10);
	assert_null(find_workload(&host.world, "", "other"));
	assert_int_equal(counted(&host.world, COUNT_POINTS_FOLDED), 0);
	expect_sums(&host);
	host_close(&host);
}

/* Steady traffic: who is told is told from the first batch to the last. */
static void the_largest_are_told_and_stay(void **state)
{
	uint64_t begun = 0;
	struct host host;
	unsigned int count = 0;

	(void)state;
	host_open(&host, LIMIT, NULL);
	for (unsigned int i = 0; i < 60; i++) {
		for (unsigned int port = 1000; port < 1000 + PORTS / 2; port++)
			talk(&host, &web, port, 1000 + 100 * port, (uint64_t)random() % 50);
		ship(&host);
		expect_sums(&host);
		if (i == 0) {
			count = told(&host);
			begun = host.receiver.begun;
		}
	}
	assert_true(count >= 10 && count < 40);
	assert_int_equal(told(&host), count);
	assert_int_equal(host.receiver.begun, begun);
	assert_int_equal(host.receiver.ended, 0);
	for (unsigned int port = 1000; port < 1000 + PORTS / 2; port++)
		assert_int_equal(edge_to(&host, port)->state,
				 port >= 1000 + PORTS / 2 - count ? POINTS_TOLD : POINTS_FOLDED);
	assert_true(counted(&host.world, COUNT_POINTS_FOLDED) > 0);
	host_close(&host);
}

/* One that has become large comes in, for the smallest, and that once. */
static void who_grows_is_told(void **state)
{
	unsigned int waited = 0;
	uint64_t begun = 0;
	struct host host;

	(void)state;
	host_open(&host, LIMIT, NULL);
	for (unsigned int i = 0; i < 40; i++) {
		for (unsigned int port = 1000; port < 1000 + PORTS / 3; port++)
			talk(&host, &web, port, i > 5 && port == 1000 ? 100000000 : 1000 * port, 1);
		ship(&host);
		expect_sums(&host);
		if (i == 5)
			assert_int_equal(edge_to(&host, 1000)->state, POINTS_FOLDED);
		if (i > 5 && edge_to(&host, 1000)->state != POINTS_TOLD)
			waited++;
		if (i == 20)
			begun = host.receiver.begun;
	}
	assert_true(waited < 5);
	assert_int_equal(edge_to(&host, 1000)->state, POINTS_TOLD);
	assert_int_equal(host.receiver.begun, begun);
	/* On the host nothing of this shows. */
	assert_int_equal(edge_to(&host, 1000)->values.opened, 40);
	host_close(&host);
}

/* One and a half times as large as the smallest that is told is not enough. */
static void who_grows_a_little_is_not(void **state)
{
	struct host host;

	(void)state;
	host_open(&host, LIMIT, NULL);
	for (unsigned int i = 0; i < 40; i++) {
		for (unsigned int port = 1000; port < 1000 + PORTS / 3; port++)
			talk(&host, &web, port, i > 5 && port == 1000 ? 1600000 : 1000 * port, 1);
		ship(&host);
	}
	assert_true(edge_to(&host, 1000)->size > edge_to(&host, 1000 + PORTS / 3 - 1)->size);
	assert_int_equal(edge_to(&host, 1000)->state, POINTS_FOLDED);
	assert_int_equal(host.receiver.ended, 0);
	host_close(&host);
}

/* Edges of all sizes come, grow, shrink, fail and go. */
static void nothing_is_lost_whatever_comes_and_goes(void **state)
{
	static const struct model_config config = { .idle_age = 300 * SECOND, .edges_host = 150 };
	struct host host;

	(void)state;
	srandom(7);
	host_open(&host, LIMIT, &config);
	for (unsigned int i = 0; i < 300; i++) {
		unsigned int connections = i % 50 < 40 ? (unsigned int)random() % 200 : 0;

		for (unsigned int j = 0; j < connections; j++) {
			unsigned int port = 1000 + (unsigned int)random() % PORTS;

			talk(&host, random() % 3 ? &web : &nginx, port,
			     (1 + (uint64_t)random() % 1000) << (random() % 20), (uint64_t)random() % 10000);
			if (random() % 10 == 0) {
				uint64_t id = ++host.id;
				struct end failed = end_of(id, id, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000",
							   "10.1.1.1:1000");

				record_failed(&host.world.recorder, &failed, 1 + (uint32_t)random() % 120);
			}
		}
		ship(&host);
		/* What was put off comes when there is room. */
		assert_true(opened(&host) <= host.opened);
		assert_true(transmitted(&host) <= host.sent);
	}
	host.limit = POINTS_UNLIMITED;
	ship(&host);
	expect_sums(&host);
	assert_true(host.receiver.ended > 100);
	host_close(&host);
}

/* Connections that live are in one series each, when their edge changes sides too. */
static void live_connections_are_told_once(void **state)
{
	struct end ends[60];
	struct host host;
	char peer[64];

	(void)state;
	host_open(&host, LIMIT, NULL);
	for (unsigned int i = 0; i < 60; i++) {
		snprintf(peer, sizeof(peer), "10.1.1.1:%u", 1000 + i);
		ends[i] = end_of(i + 1, i + 1, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", peer);
		record_established(&host.world.recorder, &ends[i], MILLISECOND);
	}
	for (unsigned int round = 0; round < 12; round++) {
		record_dump(&host.world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_CONNECTIONS);
		for (unsigned int i = 0; i < 60; i++) {
			ends[i].counters.acked += i * 1000 + (round > 3 && i < 5 ? 10000000 : 0);
			record_snapshot(&host.world.recorder, &ends[i]);
		}
		record_dump(&host.world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_CONNECTIONS);
		ship(&host);
		assert_int_equal(receiver_now(&host.receiver, "hadal.tcp.connection.active", ""), 60);
	}
	assert_int_equal(edge_to(&host, 1001)->state, POINTS_TOLD);
	assert_true(host.receiver.ended > 0);
	host_close(&host);
}

/* All edges end at once, as the limit becomes less: some wait for the batches that follow. */
static void what_ends_may_wait(void **state)
{
	static const struct model_config config = { .idle_age = 300 * SECOND };
	struct host host;

	(void)state;
	host_open(&host, LIMIT, &config);
	for (unsigned int port = 1000; port < 1000 + PORTS; port++)
		talk(&host, &web, port, port, 1);
	for (unsigned int i = 0; i < 5; i++)
		ship(&host);
	assert_true(told(&host) > 10);
	assert_int_equal(host.receiver.ended, 0);
	host.limit = 80;
	ship(&host);
	assert_true(host.receiver.ended > 0);
	assert_true(HASH_COUNT(host.world.model->edges.table) > 0);
	for (unsigned int i = 0; i < 30; i++)
		ship(&host);
	assert_int_equal(HASH_COUNT(host.world.model->edges.table), 0);
	assert_int_equal(host.receiver.ended, host.receiver.begun);
	expect_sums(&host);
	host_close(&host);
}

/* Another profile, and back: nothing is counted twice. */
static void the_limit_may_change(void **state)
{
	static const unsigned int limits[] = { LIMIT, POINTS_UNLIMITED, LIMIT, 120, POINTS_UNLIMITED };
	struct host host;

	(void)state;
	host_open(&host, LIMIT, NULL);
	for (unsigned int i = 0; i < 5; i++) {
		host.limit = limits[i];
		for (unsigned int j = 0; j < 20; j++) {
			for (unsigned int port = 1000; port < 1100; port++)
				talk(&host, &web, port, port, 1);
			ship(&host);
		}
		if (host.limit == POINTS_UNLIMITED)
			assert_int_equal(told(&host), 100);
	}
	expect_sums(&host);
	host_close(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_are_counted_as_they_come),
		cmocka_unit_test(below_the_limit_all_are_told),
		cmocka_unit_test(the_largest_are_told_and_stay),
		cmocka_unit_test(who_grows_is_told),
		cmocka_unit_test(who_grows_a_little_is_not),
		cmocka_unit_test(nothing_is_lost_whatever_comes_and_goes),
		cmocka_unit_test(live_connections_are_told_once),
		cmocka_unit_test(what_ends_may_wait),
		cmocka_unit_test(the_limit_may_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
