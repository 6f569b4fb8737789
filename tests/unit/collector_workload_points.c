/* SPDX-License-Identifier: MIT */
/*
 * The limit of points on a host of many workloads: batches keep to it whatever runs,
 * what is shipped of all adds up to what was used, and series stay.
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
#include "workload_info.h"
#include "workload_points.h"

enum { LIMIT = 500, SERVICES = 500, FIRST_CGROUP = 5000, MIB = 1 << 20 };

/* ---- a host with containers ---- */

struct service {
	struct usage now;	/* as the files of its cgroup tell */
	struct actor actor;
	bool live;
	unsigned int starts;
	char path[128];
};

struct host {
	struct world world;
	struct receiver receiver;
	struct export_host here;
	struct service services[SERVICES];
	unsigned int limit, points;	/* in the last batch */
	bool full;
	uint64_t id;			/* of connections */
	uint64_t user, system, throttled, started, sent, failures, killed;	/* what really happened */
};

static int read_files(void *context, const char *path, struct usage *usage)
{
	const struct host *host = context;

	for (unsigned int i = 0; i < SERVICES; i++) {
		if (!host->services[i].live || strcmp(host->services[i].path, path))
			continue;
		*usage = host->services[i].now;
		return 0;
	}
	return -ENOENT;
}

static struct host *host_new(unsigned int limit)
{
	struct model_config config = { .read_usage = read_files, .idle_age = 300 * SECOND };
	struct host *host = calloc(1, sizeof(*host));

	assert_non_null(host);
	host->limit = limit;
	strcpy(host->here.id, "i-0123");
	config.usage_context = host;
	world_open(&host->world, &config);
	return host;
}

static void host_free(struct host *host)
{
	world_close(&host->world);
	receiver_free(&host->receiver);
	free(host);
}

static uint64_t random_below(uint64_t most)
{
	return (uint64_t)random() % most;
}

static void start(struct host *host, unsigned int i)
{
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_NOT_FOUND };
	struct service *service = &host->services[i];

	*service = (struct service){ .live = true, .starts = service->starts + 1 };
	service->actor = (struct actor){ 20000 + i, 1, 1, NS_HOST + i, 100 + host->world.recorder.time / SECOND,
					 FIRST_CGROUP + i + SERVICES * service->starts, "/srv/service" };
	snprintf(answer.container_id, sizeof(answer.container_id), "%064x", i + 1);
	snprintf(service->path, sizeof(service->path), "/system.slice/docker-%064x.scope", i + 1);
	snprintf(answer.facts.name, sizeof(answer.facts.name), "service-%u", i);
	snprintf(answer.facts.image, sizeof(answer.facts.image), "registry/service-%u:1", i);
	usage_set(&service->now, USAGE_MEMORY, (i + 1) * MIB);
	usage_set(&service->now, USAGE_MEMORY_LIMIT, 1000 * MIB);
	usage_set(&service->now, USAGE_CPU_LIMIT, SECOND);
	record_cgroup(&host->world.recorder, HADAL_RECORD_CGROUP_MKDIR, 0, service->actor.cgroup, service->path, 0);
	record_fork(&host->world.recorder, &service->actor);
	record_exec(&host->world.recorder, &service->actor);
	containers_answer(&host->world.model->containers, &answer, host->world.recorder.time);
	host->started++;
}

static void use(struct host *host, unsigned int i, uint64_t user, uint64_t system)
{
	struct usage *now = &host->services[i].now;

	usage_set(now, USAGE_CPU_USER, now->value[USAGE_CPU_USER] + user);
	usage_set(now, USAGE_CPU_SYSTEM, now->value[USAGE_CPU_SYSTEM] + system);
	host->user += user;
	host->system += system;
}

static void throttle(struct host *host, unsigned int i, uint64_t time)
{
	struct usage *now = &host->services[i].now;

	usage_set(now, USAGE_CPU_THROTTLED, now->value[USAGE_CPU_THROTTLED] + time);
	host->throttled += time;
}

static void send_to(struct host *host, unsigned int i, uint64_t bytes)
{
	struct end end;
	char peer[64];

	snprintf(peer, sizeof(peer), "10.1.%u.1:%u", i % 200, 1000 + i % 7);
	host->id++;
	end = end_of(host->id, host->id, HADAL_TCP_CLIENT, &host->services[i].actor, "172.17.0.2:40000", peer);
	record_established(&host->world.recorder, &end, MILLISECOND);
	end.counters = (struct hadal_tcp_counters){ .acked = bytes, .segments_out = 5 };
	record_closed(&host->world.recorder, &end, TCP_FIN_WAIT2, 0);
	host->sent += bytes;
}

/* A child of its first process. */
static void fail_once(struct host *host, unsigned int i, bool killed)
{
	struct actor child = host->services[i].actor;

	child.parent = child.tgid;
	child.ns_tgid = 7;
	child.tgid = 40000 + (uint32_t)(host->id++ % 100000);
	child.start += host->id;
	record_fork(&host->world.recorder, &child);
	record_exit(&host->world.recorder, &child, killed ? 9 : 1 << 8, 0);
	host->killed += killed;
	host->failures += !killed;
}

static struct export_source source_of(struct host *host)
{
	static const struct hadal_stats none;

	return (struct export_source){
		.host = &host->here, .model = host->world.model, .stats = &none, .module_version = "0", .module_state = "loaded",
		.start_time = EPOCH, .points = host->limit, .full = host->full, .time = wall_at(&host->world),
		.now = host->world.recorder.time,
	};
}

/* What a container is made of is told when its first program is known. */
static void answer_programs(struct host *host)
{
	struct programs *programs = &host->world.model->processes.programs;
	struct program_answer answer = { .result = PROGRAM_READ };

	while (programs_next(programs, &answer.question)) {
		answer.time = host->world.recorder.time;
		answer.build = build_new(&(struct build_facts){ .gnu_id = "00ff" });
		programs_answer(programs, &answer);
	}
	programs_settle(programs, host->world.recorder.time + PROGRAM_SETTLE, false);
}

static void take_batch(struct host *host, const struct export_source *source)
{
	struct hadal_batch *batch = export_batch(source);

	assert_non_null(batch);
	assert_int_equal(hadal_batch_error(batch), 0);
	host->points = (unsigned int)hadal_batch_counts(batch).points;
	receiver_take(&host->receiver, batch);
	hadal_batch_free(batch);
}

static void ship(struct host *host)
{
	struct export_source source;

	answer_programs(host);
	host->world.recorder.time += 60 * SECOND;
	model_tick(host->world.model, host->world.recorder.time);
	model_interval(host->world.model, host->world.recorder.time, wall_at(&host->world), false);
	source = source_of(host);
	take_batch(host, &source);
	if (host->points > host->limit)
		fail_msg("%u points of %u", host->points, host->limit);
	model_interval_done(host->world.model, host->world.recorder.time);
}

/* Read when its last interval is over, so that nothing of it is missed. */
static void stop(struct host *host, unsigned int i)
{
	struct service *service = &host->services[i];

	record_exit(&host->world.recorder, &service->actor, 0, 0);
	service->live = false;
	record_cgroup(&host->world.recorder, HADAL_RECORD_CGROUP_RMDIR, 0, service->actor.cgroup, NULL, 0);
}

static uint64_t shipped(const struct host *host, const char *metric, const char *part)
{
	return receiver_grown(&host->receiver, metric, part);
}

static uint64_t memory_of_all(const struct host *host)
{
	uint64_t memory = 0;

	for (unsigned int i = 0; i < SERVICES; i++)
		memory += host->services[i].live ? host->services[i].now.value[USAGE_MEMORY] : 0;
	return memory;
}

/* What is shipped by name and what is shipped of `other`, together, is what was measured. */
static void expect_sums(const struct host *host)
{
	assert_int_equal(shipped(host, "container.cpu.time", "=user"), host->user);
	assert_int_equal(shipped(host, "container.cpu.time", "=system"), host->system);
	assert_int_equal(shipped(host, "hadal.container.cpu.throttled", ""), host->throttled);
	assert_int_equal(shipped(host, "hadal.container.started", ""), host->started);
	assert_int_equal(shipped(host, "hadal.tcp.io", "=transmit"), host->sent);
	assert_int_equal(shipped(host, "hadal.process.exited", "=failure"), host->failures);
	assert_int_equal(shipped(host, "hadal.process.exited", "exit.signal=9"), host->killed);
}

static void expect_gauges(const struct host *host, int64_t live)
{
	assert_int_equal(receiver_now(&host->receiver, "hadal.container.active", ""), live);
	assert_int_equal(receiver_now(&host->receiver, "container.memory.usage", ""), memory_of_all(host));
}

static const struct workload *service_of(const struct host *host, unsigned int i)
{
	const struct workload *workload;
	char name[32];

	snprintf(name, sizeof(name), "service-%u", i);
	workload = find_workload(&host->world, "", name);
	assert_non_null(workload);
	return workload;
}

static unsigned int told_by_name(const struct host *host)
{
	const struct workloads *workloads = &host->world.model->workloads;
	unsigned int told = 0;

	for (const struct workload *workload = workloads->table; workload; workload = workload->hh.next)
		told += workload_is_told(workload) && !workload->others && workload->usage;
	return told;
}

static void use_and_send(struct host *host, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		use(host, i, (i + 1) * MILLISECOND, (i + 1) * MILLISECOND / 2);
		send_to(host, i, 1000 * (i + 1));
	}
}

/* ---- how many points a workload is ---- */

/* What is planned with is what comes. */
static void points_are_counted_as_they_come(void **state)
{
	struct host *host = host_new(POINTS_UNLIMITED);

	(void)state;
	srandom(3);
	start(host, 0);
	ship(host);
	for (unsigned int i = 0; i < 300; i++) {
		struct workload *workload = (struct workload *)service_of(host, 0);
		struct export_source source = source_of(host);
		struct hadal_batch *batch;
		unsigned int rest, points;

		source.points = 0;
		source.full = random() % 2;
		points = workload_points(workload, source.full);
		batch = export_batch(&source);
		rest = (unsigned int)hadal_batch_counts(batch).points - points;
		hadal_batch_free(batch);
		workload->exits.failure = random_below(3);
		workload->exits.signal[random_below(WORKLOAD_SIGNALS)] = random_below(3);
		workload->exits.oom_killed = random_below(2);
		workload->usage->containers.live = (unsigned int)random_below(2);
		for (enum usage_value value = 0; value < USAGE_VALUES; value++) {
			workload->usage->containers.holders[value] = (unsigned int)random_below(2);
			if (value < USAGE_COUNTERS && random() % 2)
				usage_set(&workload->usage->containers.total, value, random_below(3));
		}
		workload->infos->list[0].live = random() % 2;
		points = workload_points(workload, source.full);
		batch = export_batch(&source);
		assert_int_equal(hadal_batch_counts(batch).points, rest + points);
		hadal_batch_free(batch);
	}
	host_free(host);
}

/* ---- the limit ---- */

static void few_are_all_told(void **state)
{
	struct host *host = host_new(LIMIT);

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		start(host, i);
	for (unsigned int i = 0; i < 10; i++) {
		use_and_send(host, 20);
		ship(host);
		expect_sums(host);
		expect_gauges(host, 20);
	}
	assert_int_equal(told_by_name(host), 20);
	assert_null(find_workload(&host->world, "", "other"));
	assert_int_equal(host->world.model->workloads.folded, 0);
	assert_int_equal(host->receiver.ended, 0);
	assert_int_equal(receiver_open(&host->receiver, "hadal.container.memory.limit", ""), 20);
	host_free(host);
}

/* Steady use: who is told is told from the first batch to the last, and they are the largest. */
static void the_largest_are_told_and_stay(void **state)
{
	struct host *host = host_new(LIMIT);
	uint64_t begun = 0, ended = 0;
	unsigned int told = 0;

	(void)state;
	for (unsigned int i = 0; i < SERVICES; i++)
		start(host, i);
	for (unsigned int i = 0; i < 30; i++) {
		use_and_send(host, SERVICES);
		ship(host);
		expect_sums(host);
		expect_gauges(host, SERVICES);
		/* What they are made of comes an interval later, and takes its room. */
		if (i == 4) {
			told = told_by_name(host);
			begun = host->receiver.begun;
			ended = host->receiver.ended;
		}
	}
	assert_true(told >= 20);
	assert_int_equal(told_by_name(host), told);
	assert_int_equal(host->receiver.begun, begun);
	assert_int_equal(host->receiver.ended, ended);
	for (unsigned int i = 0; i < SERVICES; i++)
		assert_int_equal(workload_is_told(service_of(host, i)), i >= SERVICES - told);
	assert_int_equal(host->world.model->workloads.folded, SERVICES - told);
	assert_int_equal(receiver_now(&host->receiver, "hadal.collector.table.folded", "=workloads"), SERVICES - told);
	assert_int_equal(receiver_now(&host->receiver, "hadal.collector.table.folded", "=edges"),
			 host->world.model->edges.folded);
	/* Workloads would take all points; a quarter is not theirs. */
	assert_true(host->world.model->edges.folded > 0);
	assert_true(receiver_open(&host->receiver, "hadal.tcp.connection.opened", "") > 5);
	/* A limit of one is no limit of `other`. */
	assert_int_equal(receiver_open(&host->receiver, "hadal.container.memory.limit", ""), told);
	assert_int_equal(receiver_open(&host->receiver, "hadal.container.cpu.limit", "=other"), 0);
	assert_int_equal(receiver_open(&host->receiver, "hadal.workload.info", ""), told);
	assert_int_equal(receiver_open(&host->receiver, "container.memory.usage", "=other"), 1);
	host_free(host);
}

/* One that has become large comes in, for the smallest, and that once. */
static void who_grows_is_told(void **state)
{
	struct host *host = host_new(LIMIT);
	unsigned int waited = 0;
	uint64_t begun = 0;

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		start(host, i);
	for (unsigned int i = 0; i < 30; i++) {
		use_and_send(host, 100);
		if (i > 5)
			use(host, 0, 10 * SECOND, SECOND);
		ship(host);
		expect_sums(host);
		expect_gauges(host, 100);
		if (i == 5)
			assert_int_equal(service_of(host, 0)->state, POINTS_FOLDED);
		if (i > 5 && service_of(host, 0)->state != POINTS_TOLD)
			waited++;
		if (i == 15)
			begun = host->receiver.begun;
	}
	assert_true(waited < 5);
	assert_int_equal(service_of(host, 0)->state, POINTS_TOLD);
	assert_int_equal(receiver_open(&host->receiver, "hadal.workload.info", "=service-0"), 1);
	assert_int_equal(host->receiver.begun, begun);
	assert_true(host->receiver.ended > 0);
	/* On the host nothing of this shows. */
	assert_int_equal(service_of(host, 0)->usage->containers.total.value[USAGE_CPU_USER],
			 30 * MILLISECOND + 24 * 10 * SECOND);
	host_free(host);
}

/* Two that are about as large do not change places, whichever is ahead. */
static void those_of_a_size_do_not_take_turns(void **state)
{
	struct host *host = host_new(LIMIT);
	uint64_t begun = 0;

	(void)state;
	srandom(5);
	for (unsigned int i = 0; i < 100; i++)
		start(host, i);
	for (unsigned int i = 0; i < 60; i++) {
		for (unsigned int j = 0; j < 100; j++) {
			use(host, j, MILLISECOND + random_below(MILLISECOND), MILLISECOND);
			send_to(host, j, 100000 + random_below(100000));
			usage_set(&host->services[j].now, USAGE_MEMORY, 50 * MIB + random_below(10 * MIB));
		}
		ship(host);
		if (i == 1)
			begun = host->receiver.begun;
	}
	expect_sums(host);
	assert_int_equal(host->receiver.begun, begun);
	assert_int_equal(host->receiver.ended, 0);
	host_free(host);
}

/* Workloads of all sizes come, grow, fail, are killed and go. */
static void nothing_is_lost_whatever_comes_and_goes(void **state)
{
	struct host *host = host_new(LIMIT);

	(void)state;
	srandom(11);
	for (unsigned int i = 0; i < 200; i++) {
		for (unsigned int j = 0; j < 60; j++) {
			unsigned int of = (unsigned int)random_below(150);

			if (!host->services[of].live)
				start(host, of);
			use(host, of, random_below(SECOND) << random() % 6, random_below(SECOND));
			if (random() % 3 == 0)
				throttle(host, of, random_below(SECOND));
			if (random() % 2)
				send_to(host, of, random_below(1000) << random() % 15);
			if (random() % 5 == 0)
				fail_once(host, of, random() % 2);
		}
		ship(host);
		/* What was put off comes when there is room. */
		assert_true(shipped(host, "container.cpu.time", "=user") <= host->user);
		for (unsigned int of = 0; of < 150; of++) {
			if (host->services[of].live && random() % 4 == 0)
				stop(host, of);
		}
	}
	host->limit = POINTS_UNLIMITED;
	ship(host);
	expect_sums(host);
	assert_true(host->receiver.ended > 100);
	host_free(host);
}

/* Whether nothing has happened there for so long that it ends with the next interval. */
static bool is_about_to_end(const struct host *host, unsigned int i)
{
	return wall_at(&host->world) + 60 * SECOND - service_of(host, i)->active_time >= 300 * SECOND;
}

/*
 * All that is told ends at once; so do those that add up in `other`, and then it. Should there be
 * no room for all ends, some come later.
 */
static void all_may_end_at_once(void **state)
{
	struct host *host = host_new(LIMIT);

	(void)state;
	for (unsigned int i = 0; i < 200; i++)
		start(host, i);
	use_and_send(host, 200);
	for (unsigned int i = 0; i < 3; i++)
		ship(host);
	for (unsigned int i = 0; i < 200; i++)
		stop(host, i);
	while (!is_about_to_end(host, 199))
		ship(host);
	assert_true(receiver_open(&host->receiver, "container.cpu.time", "") > 50);
	host->limit = 200;
	ship(host);
	assert_true(receiver_open(&host->receiver, "container.cpu.time", "") > 0);
	for (unsigned int i = 0; i < 30; i++)
		ship(host);
	host->limit = LIMIT;
	expect_sums(host);
	assert_int_equal(receiver_open(&host->receiver, "hadal.container.active", ""), 0);
	assert_int_equal(receiver_open(&host->receiver, "container.cpu.time", ""), 0);
	assert_null(find_workload(&host->world, "", "other"));
	/* It comes again, in series that begin anew. */
	for (unsigned int i = 0; i < 200; i++)
		start(host, i);
	use_and_send(host, 200);
	ship(host);
	expect_sums(host);
	expect_gauges(host, 200);
	host_free(host);
}

/* The host turns out to be another: what has been told ends, and counts anew. */
static void all_series_end_together(void **state)
{
	struct host *host = host_new(LIMIT);
	struct export_source source;

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		start(host, i);
	for (unsigned int i = 0; i < 12; i++) {
		use_and_send(host, 100);
		/* Some are on their way out, others in. */
		use(host, i, i * 10 * SECOND, 0);
		ship(host);
	}
	source = source_of(host);
	source.ended = true;
	source.time++;
	take_batch(host, &source);
	model_end_series(host->world.model);
	strcpy(host->here.id, "i-4567");
	assert_int_equal(receiver_open(&host->receiver, "container.cpu.time", ""), 0);
	assert_int_equal(receiver_open(&host->receiver, "hadal.container.active", ""), 0);
	assert_int_equal(receiver_open(&host->receiver, "hadal.workload.info", ""), 0);
	assert_int_equal(receiver_open(&host->receiver, "hadal.tcp.io", ""), 0);
	for (unsigned int i = 0; i < 5; i++) {
		use_and_send(host, 100);
		ship(host);
		expect_sums(host);
		expect_gauges(host, 100);
	}
	host_free(host);
}

/* Another profile, and back: nothing is counted twice. */
static void the_limit_may_change(void **state)
{
	static const unsigned int limits[] = { LIMIT, POINTS_UNLIMITED, LIMIT, 300, POINTS_UNLIMITED };
	struct host *host = host_new(LIMIT);

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		start(host, i);
	for (unsigned int i = 0; i < 5; i++) {
		/* A limit that is less is kept to at once, by what is put off until there are few enough. */
		for (unsigned int j = 0; j < 60; j++) {
			host->limit = limits[i];
			use_and_send(host, 100);
			throttle(host, j, SECOND);
			ship(host);
		}
		expect_sums(host);
		expect_gauges(host, 100);
		if (host->limit == POINTS_UNLIMITED)
			assert_int_equal(told_by_name(host), 100);
	}
	host_free(host);
}

/* A service of that name is not mistaken: it is where others add up. */
static void one_may_be_called_other(void **state)
{
	struct identity_answer answer = { .container = IDENTITY_FOUND, .task = IDENTITY_NOT_FOUND };
	struct host *host = host_new(LIMIT);

	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		start(host, i);
	snprintf(answer.container_id, sizeof(answer.container_id), "%064x", 1);
	strcpy(answer.facts.name, "other");
	containers_answer(&host->world.model->containers, &answer, host->world.recorder.time);
	use_and_send(host, 20);
	ship(host);
	for (unsigned int i = 20; i < 200; i++)
		start(host, i);
	for (unsigned int i = 0; i < 10; i++) {
		use_and_send(host, 200);
		ship(host);
		expect_sums(host);
		expect_gauges(host, 200);
	}
	host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_are_counted_as_they_come),
		cmocka_unit_test(few_are_all_told),
		cmocka_unit_test(the_largest_are_told_and_stay),
		cmocka_unit_test(who_grows_is_told),
		cmocka_unit_test(those_of_a_size_do_not_take_turns),
		cmocka_unit_test(nothing_is_lost_whatever_comes_and_goes),
		cmocka_unit_test(all_may_end_at_once),
		cmocka_unit_test(all_series_end_together),
		cmocka_unit_test(the_limit_may_change),
		cmocka_unit_test(one_may_be_called_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
