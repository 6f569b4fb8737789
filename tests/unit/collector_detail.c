/* SPDX-License-Identifier: MIT */
/*
 * Processes in detail: who is told, and that what all use adds up, in one series
 * each, whatever processes come and go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batch.h"
#include "export.h"
#include "model_fixture.h"

enum { MOST = 3, ACTORS = 40 };

struct host {
	struct world world;
	struct actor actors[ACTORS];
	uint64_t used;		/* ns of CPU time, since hadald began */
	bool full;
	unsigned int most;
};

/* By who reads batches alone. */
struct seen {
	uint64_t pid, start;	/* pid 0: the rest */
	double cpu;
	bool open;
};

struct receiver {
	struct seen list[4096];
	unsigned int count;
	double grown;		/* s of CPU time */
	unsigned int told, ended;	/* series of processes in the last batch; of these, ends */
	double memory;		/* bytes, of all */
};

static void start_actor(struct host *host, unsigned int i, uint32_t pid)
{
	struct actor *actor = &host->actors[i];

	*actor = (struct actor){ pid, 1, pid, NS_HOST, host->world.recorder.time, CGROUP_NGINX, "/usr/sbin/nginx" };
	record_fork(&host->world.recorder, actor);
	record_exec(&host->world.recorder, actor);
}

static void host_open(struct host *host, unsigned int most)
{
	struct model_config config = { .start_boottime = START };

	*host = (struct host){ .full = true, .most = most };
	world_open(&host->world, &config);
	for (unsigned int i = 0; i < ACTORS; i++)
		start_actor(host, i, 5000 + i);
}

static struct process *process_at(const struct host *host, unsigned int i)
{
	struct process *process = process_find(&host->world.model->processes, host->actors[i].tgid,
					       host->actors[i].start);

	assert_non_null(process);
	return process;
}

/* As if /proc said so: @cpu ns more, @memory bytes. */
static void uses(struct host *host, unsigned int i, uint64_t cpu, uint64_t memory)
{
	struct process *process = process_at(host, i);

	process->sampled = true;
	process->cpu_time += cpu;
	process->memory = memory;
	host->used += cpu;
}

/* With @more ns, that only its end tells. */
static void ends(struct host *host, unsigned int i, uint64_t more)
{
	uint64_t cpu = process_at(host, i)->cpu_time + more;

	record_exit_used(&host->world.recorder, &host->actors[i], cpu, 0);
	host->used += more;
}

static struct hadal_batch *interval_batch(struct host *host)
{
	static const struct export_host here = { .id = "i-0123" };
	static const struct hadal_stats none;
	struct model *model = host->world.model;
	struct export_source source = {
		.host = &here, .model = model, .stats = &none, .module_version = "0", .module_state = "loaded",
		.start_time = EPOCH, .full = host->full,
	};
	struct hadal_batch *batch;

	host->world.recorder.time += 10 * SECOND;
	source.now = host->world.recorder.time;
	source.time = wall_at(&host->world);
	model_tick(model, source.now);
	model_interval(model, source.now, source.time, false);
	model_detail_processes(model, host->most, source.now, source.time);
	batch = export_batch(&source);
	assert_non_null(batch);
	assert_int_equal(hadal_batch_error(batch), 0);
	assert_int_equal(hadal_batch_counts(batch).refused, 0);
	model_interval_done(model, source.now);
	return batch;
}

static uint64_t pid_of(const struct hadal_attributes *set)
{
	for (size_t i = 0; set && i < set->count; i++) {
		if (strcmp(set->list[i].key, "process.pid") == 0)
			return (uint64_t)set->list[i].integer;
	}
	return 0;
}

static struct seen *seen_of(struct receiver *receiver, uint64_t pid)
{
	for (unsigned int i = 0; i < receiver->count; i++) {
		if (receiver->list[i].pid == pid)
			return &receiver->list[i];
	}
	assert_true(receiver->count < 4096);
	receiver->list[receiver->count] = (struct seen){ .pid = pid };
	return &receiver->list[receiver->count++];
}

static void take_cpu(struct receiver *receiver, const struct hadal_batch_point *point)
{
	uint64_t pid = pid_of(point->at.attributes);
	struct seen *seen = seen_of(receiver, pid);

	receiver->told += pid > 0;
	if (point->at.no_recorded_value) {
		assert_true(seen->open);
		seen->open = false;
		receiver->ended += pid > 0;
		return;
	}
	if (!seen->open) {
		assert_true(!seen->start || point->at.start_time > seen->start || !pid);
		if (pid)
			seen->cpu = 0;
		seen->start = point->at.start_time;
		seen->open = true;
	}
	assert_int_equal(point->at.start_time, seen->start);
	assert_true(point->real >= seen->cpu);
	receiver->grown += point->real - seen->cpu;
	seen->cpu = point->real;
}

static void take(struct receiver *receiver, struct hadal_batch *batch)
{
	const struct hadal_resource *resource;
	const struct hadal_metric *metric;
	const struct hadal_batch_point *point;

	receiver->told = receiver->ended = 0;
	receiver->memory = 0;
	for (resource = batch->first; resource; resource = resource->next) {
		for (metric = resource->first_metric; metric; metric = metric->next) {
			bool cpu = strcmp(metric->info->name, "process.cpu.time") == 0;
			bool memory = strcmp(metric->info->name, "process.memory.usage") == 0;

			for (point = cpu || memory ? metric->first : NULL; point; point = point->next) {
				if (cpu)
					take_cpu(receiver, point);
				else if (!point->at.no_recorded_value)
					receiver->memory += (double)point->integer;
			}
		}
	}
	hadal_batch_free(batch);
}

static bool is_open(struct receiver *receiver, const struct host *host, unsigned int i)
{
	return seen_of(receiver, host->actors[i].tgid)->open;
}

static void expect_sum(const struct receiver *receiver, const struct host *host)
{
	double used = (double)host->used / 1e9;

	if (receiver->grown > used + 1e-6 || receiver->grown < used - 1e-6)
		fail_msg("%.9f s were told of %.9f", receiver->grown, used);
}

/* ---- */

static void the_first_are_told_and_the_rest_adds_up(void **state)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	struct host host;

	(void)state;
	host_open(&host, MOST);
	for (unsigned int i = 0; i < ACTORS; i++)
		uses(&host, i, (i + 1) * MILLISECOND, (ACTORS - i) * 4096);
	take(receiver, interval_batch(&host));
	assert_int_equal(receiver->told, 2 * MOST);
	for (unsigned int i = 0; i < ACTORS; i++)
		assert_int_equal(is_open(receiver, &host, i), i < MOST || i >= ACTORS - MOST);
	expect_sum(receiver, &host);
	assert_true(receiver->memory == ACTORS * (ACTORS + 1) / 2 * 4096.0);
	world_close(&host.world);
	free(receiver);
}

/* Ranks that waver make no series. */
static void who_is_in_stays(void **state)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	struct host host;

	(void)state;
	host_open(&host, MOST);
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < ACTORS; i++) {
			bool large = i < MOST + 2;
			uint64_t wavers = large ? (i + round) % (MOST + 2) : 0;

			uses(&host, i, large ? SECOND + wavers * MILLISECOND : MILLISECOND, large ? 1 << 20 : 4096);
		}
		take(receiver, interval_batch(&host));
		expect_sum(receiver, &host);
		assert_int_equal(receiver->ended, 0);
		assert_true(receiver->told <= MOST + 2);
	}
	/* One that is well behind leaves: told a last time, then ended. */
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < ACTORS; i++)
			uses(&host, i, i < MOST + 2 ? 0 : SECOND + i, i < MOST + 2 ? 0 : 1 << 20);
		take(receiver, interval_batch(&host));
		expect_sum(receiver, &host);
		assert_int_equal(receiver->ended, round ? MOST + 2 : 0);
	}
	for (unsigned int i = 0; i < MOST + 2; i++)
		assert_false(is_open(receiver, &host, i));
	world_close(&host.world);
	free(receiver);
}

static void an_end_ends_the_series(void **state)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	struct host host;

	(void)state;
	host_open(&host, MOST);
	uses(&host, 7, SECOND, 1 << 20);
	take(receiver, interval_batch(&host));
	assert_true(is_open(receiver, &host, 7));
	ends(&host, 7, SECOND / 2);
	take(receiver, interval_batch(&host));
	assert_true(is_open(receiver, &host, 7));
	assert_true(seen_of(receiver, 5007)->cpu == 1.5);
	take(receiver, interval_batch(&host));
	assert_false(is_open(receiver, &host, 7));
	assert_int_equal(receiver->ended, 1);
	take(receiver, interval_batch(&host));
	assert_int_equal(receiver->told, 0);
	/* Its id is another's: a series of its own, that begins with what that one used. */
	start_actor(&host, 7, 5007);
	uses(&host, 7, MILLISECOND, 4096);
	take(receiver, interval_batch(&host));
	assert_true(seen_of(receiver, 5007)->cpu == 0.001);
	expect_sum(receiver, &host);
	world_close(&host.world);
	free(receiver);
}

/* Of a process from before hadald counts what it used since it was seen first. */
static void what_was_before_is_not_counted(void **state)
{
	static const struct actor old = { 42, 1, 42, NS_HOST, 7, CGROUP_NGINX, "/usr/sbin/nginx" };
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	struct host host;

	(void)state;
	host_open(&host, MOST);
	record_existing(&host.world.recorder, &old);
	host.actors[0] = old;
	uses(&host, 0, 1000 * SECOND, 1 << 20);
	host.used = 0;
	take(receiver, interval_batch(&host));
	uses(&host, 0, SECOND, 1 << 20);
	take(receiver, interval_batch(&host));
	assert_true(seen_of(receiver, 42)->cpu == 1);
	expect_sum(receiver, &host);
	world_close(&host.world);
	free(receiver);
}

/* Told to the ns by the module, to the clock tick by /proc. */
#define TOLD_BY_PROC	(START + 5 * SECOND + 30 * MILLISECOND)
#define TOLD_BY_MODULE	(TOLD_BY_PROC + 9999999)

static void is_told(struct host *host, bool by_module)
{
	const struct actor actor = { 42, 1, 42, NS_HOST, by_module ? TOLD_BY_MODULE : TOLD_BY_PROC, CGROUP_NGINX,
				     "/usr/sbin/nginx" };

	if (by_module)
		record_existing(&host->world.recorder, &actor);
	else
		record_existing_indirect(&host->world.recorder, &actor);
	host->actors[0] = actor;
}

/* Its start is then told otherwise; what it has used is not told again, nor does its series end. */
static void the_module_comes_and_goes(void **state)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	unsigned int processes;
	struct host host;

	(void)state;
	host_open(&host, MOST);
	is_told(&host, false);
	processes = HASH_COUNT(host.world.model->processes.table);
	process_at(&host, 0)->opened = 7;
	uses(&host, 0, 2 * SECOND, 1 << 20);
	take(receiver, interval_batch(&host));
	for (unsigned int change = 0; change < 2; change++) {
		is_told(&host, change == 0);
		assert_int_equal(HASH_COUNT(host.world.model->processes.table), processes);
		assert_int_equal(process_at(&host, 0)->opened, 7);
		uses(&host, 0, SECOND, 1 << 20);
		take(receiver, interval_batch(&host));
		expect_sum(receiver, &host);
		assert_int_equal(receiver->ended, 0);
		assert_true(seen_of(receiver, 42)->cpu == 3 + change);
	}
	world_close(&host.world);
	free(receiver);
}

/* What began a tick later under its id is another, and so is by the module alone what began a ns later. */
static void another_is_another_also_when_the_module_comes(void **state)
{
	struct actor actor = { 42, 1, 42, NS_HOST, TOLD_BY_MODULE + 1, CGROUP_NGINX, "/usr/sbin/nginx" };
	struct host host;

	(void)state;
	host_open(&host, MOST);
	is_told(&host, false);
	record_existing(&host.world.recorder, &actor);
	assert_true(process_at(&host, 0)->dead);
	host.actors[0] = actor;
	assert_false(process_at(&host, 0)->dead);
	actor.start++;
	record_existing(&host.world.recorder, &actor);
	assert_true(process_at(&host, 0)->dead);
	host.actors[0] = actor;
	assert_false(process_at(&host, 0)->dead);
	world_close(&host.world);
}

/* What comes and goes within an interval, or is forgotten before it is looked at, is the rest's. */
static void nothing_is_lost_whatever_comes_and_goes(void **state)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	uint32_t pid = 100000;
	struct host host;

	(void)state;
	srandom(11);
	host_open(&host, MOST);
	for (unsigned int round = 0; round < 200; round++) {
		for (unsigned int i = 0; i < ACTORS; i++) {
			if (random() % 3)
				uses(&host, i, (uint64_t)random() % SECOND, (uint64_t)random() % (1 << 24));
			if (random() % 10)
				continue;
			ends(&host, i, (uint64_t)random() % SECOND);
			start_actor(&host, i, pid++);
		}
		/* Sometimes so long that the dead are forgotten. */
		if (random() % 5 == 0) {
			host.world.recorder.time += 60 * SECOND;
			model_tick(host.world.model, host.world.recorder.time);
		}
		take(receiver, interval_batch(&host));
		expect_sum(receiver, &host);
		assert_true(receiver->told <= 8 * MOST);
	}
	assert_true(receiver->count > 100);
	world_close(&host.world);
	free(receiver);
}

static void without_the_profile_all_end(void **state)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));
	struct host host;

	(void)state;
	host_open(&host, MOST);
	for (unsigned int i = 0; i < ACTORS; i++)
		uses(&host, i, SECOND, 4096);
	take(receiver, interval_batch(&host));
	assert_true(receiver->told > 0);
	host.full = false;
	host.most = 0;
	take(receiver, interval_batch(&host));
	for (unsigned int i = 0; i < receiver->count; i++)
		assert_false(receiver->list[i].open);
	take(receiver, interval_batch(&host));
	assert_int_equal(receiver->told, 0);
	/* And begin again, with nothing twice and nothing lost. */
	for (unsigned int i = 0; i < ACTORS; i++)
		uses(&host, i, SECOND, 4096);
	host.full = true;
	host.most = MOST;
	take(receiver, interval_batch(&host));
	expect_sum(receiver, &host);
	world_close(&host.world);
	free(receiver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_are_told_and_the_rest_adds_up),
		cmocka_unit_test(who_is_in_stays),
		cmocka_unit_test(an_end_ends_the_series),
		cmocka_unit_test(what_was_before_is_not_counted),
		cmocka_unit_test(the_module_comes_and_goes),
		cmocka_unit_test(another_is_another_also_when_the_module_comes),
		cmocka_unit_test(nothing_is_lost_whatever_comes_and_goes),
		cmocka_unit_test(without_the_profile_all_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
