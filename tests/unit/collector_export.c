/* SPDX-License-Identifier: MIT */
/*
 * The model in OpenTelemetry's terms: which points and log records a batch
 * holds, under which names.
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

#include "batch.h"
#include "export.h"
#include "records.h"
#include "series.h"

#define START	(1000 * SECOND)
#define EPOCH	(1700000000 * SECOND)
#define ID	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TASK	"11111111111111111111111111111111"

enum { CGROUP_WEB = 101, NS_WEB = 4026532001U };

static const struct actor web = { 1001, 1, 1, NS_WEB, 11, CGROUP_WEB, "/usr/bin/web-server" };

static const struct export_host host = {
	.id = "i-0123", .name = "ip-10-0-0-5", .cloud_account = "123456789012", .cloud_region = "eu-west-1",
	.cloud_zone = "eu-west-1b",
};

struct world {
	struct model *model;
	struct recorder recorder;
	struct hadal_stats stats;
	struct hadal_ship_stats shipped;
	bool full, builds;
};

static int cgroup_path_of(void *context, uint32_t hierarchy, uint64_t id, int pid, char *path, size_t size)
{
	(void)context;
	(void)hierarchy;
	(void)pid;
	if (id != CGROUP_WEB)
		return -ENOENT;
	snprintf(path, size, "/ecstasks.slice/ecstasks-" TASK ".slice/docker-" ID ".scope");
	return 0;
}

static void to_model(void *context, const struct hadal_record *record)
{
	struct world *world = context;

	model_record(world->model, record);
}

static void world_open(struct world *world, const struct model_config *from)
{
	struct identity_answer answer = { .container_id = ID, .container = IDENTITY_FOUND, .task = IDENTITY_FOUND };
	struct model_config config = *from;

	*world = (struct world){ .recorder = { .sink = to_model, .context = world, .time = START } };
	config.cgroup_path = cgroup_path_of;
	config.lifecycle = true;
	assert_int_equal(model_new(&config, &world->model), 0);
	record_clock(&world->recorder, START, EPOCH);
	record_fork(&world->recorder, &web);
	record_exec(&world->recorder, &web);
	strcpy(answer.facts.name, "ecs-web");
	strcpy(answer.facts.task.arn, "arn:aws:ecs:eu-west-1:123456789012:task/prod/" TASK);
	strcpy(answer.facts.task.family, "web-family");
	strcpy(answer.facts.task.service, "web");
	strcpy(answer.facts.task.cluster, "prod");
	containers_answer(&world->model->containers, &answer, START);
}

static struct hadal_batch *interval_of(struct world *world, uint64_t length)
{
	struct export_source source = {
		.host = &host, .model = world->model, .stats = &world->stats, .shipped = &world->shipped,
		.module_version = "0.1.0", .module_state = "loaded", .start_time = EPOCH, .full = world->full,
		.builds = world->builds,
	};
	struct hadal_batch *batch;

	world->recorder.time += length;
	source.now = world->recorder.time;
	source.time = EPOCH + world->recorder.time - START;
	model_interval(world->model, source.now, source.time, false);
	batch = export_batch(&source);
	model_interval_done(world->model, source.now);
	assert_non_null(batch);
	assert_int_equal(hadal_batch_error(batch), 0);
	assert_int_equal(hadal_batch_counts(batch).refused, 0);
	return batch;
}

static struct hadal_batch *interval(struct world *world)
{
	return interval_of(world, 10 * SECOND);
}

/* Too short for what may yet come to be given up. */
static struct hadal_batch *hurried_interval(struct world *world)
{
	return interval_of(world, SECOND);
}

static const struct hadal_telemetry_attribute *find_attribute(const struct hadal_attributes *set, const char *key)
{
	for (size_t i = 0; set && i < set->count; i++) {
		if (strcmp(set->list[i].key, key) == 0)
			return &set->list[i];
	}
	return NULL;
}

static const char *text_of(const struct hadal_attributes *set, const char *key)
{
	const struct hadal_telemetry_attribute *attribute = find_attribute(set, key);

	return attribute && attribute->type == HADAL_VALUE_STRING ? attribute->string : "";
}

static const struct hadal_resource *find_resource(const struct hadal_batch *batch, const char *service)
{
	const struct hadal_resource *resource;

	for (resource = batch->first; resource; resource = resource->next) {
		if (strcmp(text_of(resource->attributes, "service.name"), service) == 0)
			return resource;
	}
	return NULL;
}

/* The point of @metric whose attribute @key is @value (NULL: the only one). */
static const struct hadal_batch_point *find_point(const struct hadal_batch *batch, const char *service,
						  const char *name, const char *key, const char *value)
{
	const struct hadal_resource *resource = find_resource(batch, service);
	const struct hadal_metric *metric = resource ? resource->first_metric : NULL;
	const struct hadal_batch_point *point, *found = NULL;

	while (metric && strcmp(metric->info->name, name))
		metric = metric->next;
	for (point = metric ? metric->first : NULL; point; point = point->next) {
		if (key && strcmp(text_of(point->at.attributes, key), value))
			continue;
		assert_null(found);
		found = point;
	}
	return found;
}

static int64_t value_of(const struct hadal_batch *batch, const char *service, const char *name, const char *key,
			const char *value)
{
	const struct hadal_batch_point *point = find_point(batch, service, name, key, value);

	return point ? point->integer : -1;
}

static struct end talk(struct world *world, uint64_t id)
{
	struct end end = end_of(id, id, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "93.184.216.34:443");

	record_established(&world->recorder, &end, 2 * MILLISECOND);
	end.counters = (struct hadal_tcp_counters){ .acked = 100, .received = 5000, .segments_out = 7,
						    .segments_retransmitted = 1, .srtt = 1500 };
	return end;
}

static void edges_become_points(void **state)
{
	const struct hadal_batch_point *point;
	const struct hadal_resource *resource;
	struct hadal_batch *batch;
	struct world world;
	struct end end;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	end = talk(&world, 1);
	record_closed(&world.recorder, &end, TCP_ESTABLISHED, ECONNRESET);
	talk(&world, 2);
	end = end_of(3, 0, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "93.184.216.34:443");
	record_failed(&world.recorder, &end, ECONNREFUSED);
	record_failed(&world.recorder, &end, 0);
	end = talk(&world, 4);
	end.counters = (struct hadal_tcp_counters){ 0 };
	record_ending(&world.recorder, &end, HADAL_TCP_ENDING_TIMED_OUT, ETIMEDOUT);
	batch = interval(&world);

	resource = find_resource(batch, "web");
	assert_non_null(resource);
	assert_string_equal(text_of(resource->attributes, "service.namespace"), "prod");
	assert_string_equal(text_of(resource->attributes, "service.instance.id"), "i-0123/prod/web");
	assert_string_equal(text_of(resource->attributes, "aws.ecs.task.family"), "web-family");
	assert_string_equal(text_of(resource->attributes, "host.id"), "i-0123");
	assert_string_equal(text_of(resource->attributes, "cloud.region"), "eu-west-1");
	assert_string_equal(text_of(resource->attributes, "cloud.availability_zone"), "eu-west-1b");

	point = find_point(batch, "web", "hadal.tcp.connection.opened", NULL, NULL);
	assert_non_null(point);
	assert_int_equal(point->integer, 3);
	assert_string_equal(text_of(point->at.attributes, "hadal.edge.role"), "client");
	assert_string_equal(text_of(point->at.attributes, "hadal.peer.kind"), "internet");
	assert_string_equal(text_of(point->at.attributes, "network.transport"), "tcp");
	assert_int_equal(find_attribute(point->at.attributes, "server.port")->integer, 443);
	assert_true(point->at.start_time > 0 && point->at.start_time < point->at.time);

	assert_int_equal(value_of(batch, "web", "hadal.tcp.connection.active", NULL, NULL), 1);
	assert_int_equal(value_of(batch, "web", "hadal.tcp.connection.reset", NULL, NULL), 1);
	assert_int_equal(value_of(batch, "web", "hadal.tcp.connection.failed", "error.type", "ECONNREFUSED"), 1);
	assert_int_equal(value_of(batch, "web", "hadal.tcp.connection.failed", "error.type", "_OTHER"), 1);
	assert_int_equal(value_of(batch, "web", "hadal.tcp.connection.broken", "error.type", "ETIMEDOUT"), 1);
	assert_int_equal(value_of(batch, "web", "hadal.tcp.io", "network.io.direction", "transmit"), 100);
	assert_int_equal(value_of(batch, "web", "hadal.tcp.io", "network.io.direction", "receive"), 5000);
	assert_int_equal(value_of(batch, "web", "hadal.tcp.segment.sent", NULL, NULL), 7);
	assert_int_equal(value_of(batch, "web", "hadal.tcp.segment.retransmitted", NULL, NULL), 1);
	hadal_batch_free(batch);
	model_free(world.model);
}

/* Of UDP there is nothing but bytes; of what the module had no room to tell apart not even a role. */
static void flows_of_udp_become_points(void **state)
{
	struct end end = end_of(1, 0, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "93.184.216.34:443"), other = end;
	const struct hadal_batch_point *point;
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	end.tcp.start_time = START + 1;
	record_dump(&world.recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_UDP);
	record_dump(&world.recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_UDP);
	end.counters = (struct hadal_tcp_counters){ .acked = 1200, .received = 3400 };
	record_udp(&world.recorder, &end, 0);
	other.tcp = (struct hadal_tcp){ .id = 0 };
	other.counters = (struct hadal_tcp_counters){ .received = 5 };
	record_udp(&world.recorder, &other, HADAL_UDP_OTHER);
	batch = interval(&world);

	assert_int_equal(value_of(batch, "web", "hadal.udp.io", "network.io.direction", "transmit"), 1200);
	point = find_point(batch, "web", "hadal.udp.io", "network.io.direction", "receive");
	assert_int_equal(point->integer, 3400);
	assert_string_equal(text_of(point->at.attributes, "network.transport"), "udp");
	assert_string_equal(text_of(point->at.attributes, "hadal.edge.role"), "client");
	assert_string_equal(text_of(point->at.attributes, "hadal.peer.kind"), "internet");
	assert_int_equal(find_attribute(point->at.attributes, "server.port")->integer, 443);
	assert_null(find_point(batch, "web", "hadal.tcp.connection.opened", NULL, NULL));
	assert_null(find_point(batch, "web", "hadal.tcp.io", NULL, NULL));

	point = find_point(batch, "other", "hadal.udp.io", NULL, NULL);
	assert_int_equal(point->integer, 5);
	assert_string_equal(text_of(point->at.attributes, "network.io.direction"), "receive");
	assert_string_equal(text_of(point->at.attributes, "hadal.peer.kind"), "other");
	assert_null(find_attribute(point->at.attributes, "hadal.edge.role"));
	assert_null(find_attribute(point->at.attributes, "server.port"));
	hadal_batch_free(batch);
	model_free(world.model);
}

/* By workload and port: whose attempts they were is not known. */
static void drops_of_listeners_become_points(void **state)
{
	struct end listener = end_of(1, 0, HADAL_TCP_LISTENER, &web, "0.0.0.0:8080", "0.0.0.0:0");
	const struct hadal_batch_point *point;
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	record_listening(&world.recorder, &listener);
	record_listener(&world.recorder, &listener, HADAL_RECORD_TCP_LISTENER_CLOSED, 12);
	batch = interval(&world);
	point = find_point(batch, "web", "hadal.tcp.listener.dropped", NULL, NULL);
	assert_int_equal(point->integer, 12);
	assert_int_equal(point->at.attributes->count, 2);
	assert_int_equal(find_attribute(point->at.attributes, "server.port")->integer, 8080);
	assert_string_equal(text_of(point->at.attributes, "network.transport"), "tcp");
	assert_null(find_point(batch, "web", "hadal.tcp.connection.opened", NULL, NULL));
	hadal_batch_free(batch);
	model_free(world.model);
}

/* Apart from all else, so that rates are without them. */
static void health_checks_become_points(void **state)
{
	struct end end = end_of(1, 1, HADAL_TCP_SERVER, &web, "172.17.0.2:8080", "10.2.0.9:50000");
	struct network balancer;
	const struct hadal_batch_point *point;
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	assert_int_equal(network_parse("10.2.0.0/24", &balancer), 0);
	world_open(&world, &(struct model_config){ .balancers = &balancer, .balancer_count = 1 });
	record_accepted(&world.recorder, &end);
	record_closed(&world.recorder, &end, 9, 0);
	batch = interval(&world);
	point = find_point(batch, "web", "hadal.tcp.health_check", NULL, NULL);
	assert_int_equal(point->integer, 1);
	assert_int_equal(point->at.attributes->count, 2);
	assert_int_equal(find_attribute(point->at.attributes, "server.port")->integer, 8080);
	assert_string_equal(text_of(point->at.attributes, "hadal.edge.role"), "server");
	assert_null(find_point(batch, "web", "hadal.tcp.connection.opened", NULL, NULL));
	hadal_batch_free(batch);
	model_free(world.model);
}

static uint64_t sum_of(const uint64_t *counts, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += counts[i];
	return sum;
}

static void histograms_in_both_forms(void **state)
{
	static const enum histogram_form forms[] = { HISTOGRAM_EXPONENTIAL, HISTOGRAM_EXPLICIT };

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct hadal_batch_point *point;
		struct hadal_batch *batch;
		struct world world;
		struct end end;

		world_open(&world, &(struct model_config){ .histograms = forms[i] });
		for (uint64_t n = 1; n <= 3; n++) {
			end = talk(&world, n);
			record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
		}
		batch = interval(&world);
		point = find_point(batch, "web", "hadal.tcp.connect.duration", NULL, NULL);
		assert_non_null(point);
		if (forms[i] == HISTOGRAM_EXPONENTIAL) {
			assert_int_equal(point->exponential->scale, 2);
			assert_int_equal(sum_of(point->exponential->counts, point->exponential->count), 3);
			assert_true(point->exponential->sum > 0.0059 && point->exponential->sum < 0.0061);
		} else {
			assert_int_equal(point->histogram->bound_count, 10);
			assert_int_equal(sum_of(point->histogram->counts, 11), 3);
			assert_int_equal(point->histogram->counts[3], 3);
		}
		assert_non_null(find_point(batch, "web", "hadal.tcp.rtt", NULL, NULL));
		hadal_batch_free(batch);
		model_free(world.model);
	}
}

static void series_end(void **state)
{
	const struct hadal_batch_point *point = NULL;
	struct hadal_batch *batch;
	uint64_t first_start = 0;
	struct world world;
	struct end end;
	int intervals = 0;

	(void)state;
	world_open(&world, &(struct model_config){ .idle_age = 60 * SECOND });
	end = talk(&world, 1);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	do {
		batch = interval(&world);
		point = find_point(batch, "web", "hadal.tcp.connection.opened", NULL, NULL);
		assert_non_null(point);
		first_start = point->at.start_time;
		if (point->at.no_recorded_value)
			break;
		hadal_batch_free(batch);
	} while (++intervals < 20);
	assert_in_range(intervals, 5, 8);
	point = find_point(batch, "web", "hadal.tcp.rtt", NULL, NULL);
	assert_true(point && point->at.no_recorded_value);
	hadal_batch_free(batch);
	batch = interval(&world);
	assert_null(find_resource(batch, "web"));
	hadal_batch_free(batch);

	end = talk(&world, 2);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	batch = interval(&world);
	point = find_point(batch, "web", "hadal.tcp.connection.opened", NULL, NULL);
	assert_int_equal(point->integer, 1);
	assert_true(point->at.start_time > first_start);
	hadal_batch_free(batch);
	model_free(world.model);
}

/* A start that changes says that the counter was reset: receivers would count all of it once more. */
static void starts_do_not_change(void **state)
{
	static const char *const names[] = { "hadal.tcp.connection.opened", "hadal.process.exited" };
	const uint64_t began = EPOCH - 5 * SECOND;
	struct world world;
	struct end end;

	(void)state;
	world_open(&world, &(struct model_config){ .start_time = began });
	for (int i = 0; i < 3; i++) {
		struct actor child = { 3000, web.tgid, 10, NS_WEB, 100, CGROUP_WEB, web.path };
		struct hadal_batch *batch;

		end = talk(&world, (uint64_t)i + 1);
		record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
		child.tgid += (uint32_t)i;
		record_fork(&world.recorder, &child);
		record_exit(&world.recorder, &child, 0, 0);
		batch = interval(&world);
		for (size_t n = 0; n < 2; n++) {
			const struct hadal_batch_point *point = find_point(batch, "web", names[n], NULL, NULL);

			assert_non_null(point);
			assert_int_equal(point->integer, i + 1);
			assert_true(point->at.start_time == began);
		}
		hadal_batch_free(batch);
	}
	model_free(world.model);
}

static void expect_end(const struct hadal_batch *batch, const char *service, const char *name, const char *key,
		       const char *value)
{
	const struct hadal_batch_point *point = find_point(batch, service, name, key, value);

	assert_true(point && point->at.no_recorded_value);
}

/* The host's description changes: its series end under the old one, and count anew under the new. */
static void series_end_with_their_resource(void **state)
{
	const struct hadal_batch_point *point;
	struct export_source source = { .host = &host, .module_version = "0", .module_state = "loaded",
					.start_time = EPOCH, .ended = true };
	struct hadal_batch *batch;
	struct world world;
	struct end end;

	(void)state;
	world_open(&world, &(struct model_config){ .start_time = EPOCH - 5 * SECOND });
	world.stats.class_stats[HADAL_CLASS_TCP] = (struct hadal_class_stats){ .produced = 12, .delivered = 12 };
	end = talk(&world, 1);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	record_exit(&world.recorder, &web, 0, 0);
	hadal_batch_free(interval(&world));

	/* between the intervals */
	end = talk(&world, 2);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	source.model = world.model;
	source.stats = &world.stats;
	source.now = world.recorder.time;
	source.time = EPOCH + world.recorder.time - START;
	batch = export_batch(&source);
	assert_int_equal(hadal_batch_error(batch), 0);
	assert_int_equal(hadal_batch_counts(batch).records, 0);
	expect_end(batch, "web", "hadal.tcp.connection.opened", NULL, NULL);
	expect_end(batch, "web", "hadal.tcp.rtt", NULL, NULL);
	expect_end(batch, "web", "hadal.process.exited", NULL, NULL);
	expect_end(batch, "hadald", "hadal.collector.records", "hadal.record.outcome", "delivered");
	expect_end(batch, "hadald", "hadal.module.state", NULL, NULL);
	hadal_batch_free(batch);
	model_end_series(world.model);

	batch = interval(&world);
	point = find_point(batch, "web", "hadal.tcp.connection.opened", NULL, NULL);
	assert_int_equal(point->integer, 1);
	assert_false(point->at.no_recorded_value);
	assert_true(point->at.start_time > EPOCH);
	assert_null(find_point(batch, "web", "hadal.process.exited", NULL, NULL));
	hadal_batch_free(batch);
	model_free(world.model);
}

static void processes_become_points(void **state)
{
	const struct hadal_batch_point *point;
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	for (uint32_t i = 0; i < 6; i++) {
		static const uint32_t codes[] = { 0, 3 << 8, 9 };
		struct actor child = { 3000 + i, web.tgid, 10 + i, NS_WEB, 100 + i, CGROUP_WEB, web.path };

		record_fork(&world.recorder, &child);
		record_exit(&world.recorder, &child, codes[i % 3], i == 2 ? HADAL_PROCESS_OOM : 0);
	}
	batch = interval(&world);
	assert_int_equal(value_of(batch, "web", "hadal.process.exited", "hadal.process.exit.class", "success"), 2);
	assert_int_equal(value_of(batch, "web", "hadal.process.exited", "hadal.process.exit.class", "failure"), 2);
	point = find_point(batch, "web", "hadal.process.exited", "hadal.process.exit.class", "signal");
	assert_int_equal(point->integer, 2);
	assert_int_equal(find_attribute(point->at.attributes, "hadal.process.exit.signal")->integer, 9);
	assert_int_equal(value_of(batch, "web", "hadal.process.oom_killed", NULL, NULL), 1);
	hadal_batch_free(batch);
	model_free(world.model);
}

static const struct hadal_batch_log *only_log(const struct hadal_batch *batch)
{
	const struct hadal_resource *resource;
	const struct hadal_batch_log *log = NULL;

	for (resource = batch->first; resource; resource = resource->next) {
		if (!resource->first_log)
			continue;
		assert_null(log);
		log = resource->first_log;
		assert_null(log->next);
		assert_string_equal(text_of(resource->attributes, "service.name"), "web");
	}
	return log;
}

static void events_become_log_records(void **state)
{
	const struct hadal_batch_log *log;
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	batch = interval(&world);
	log = only_log(batch);
	assert_non_null(log);
	assert_string_equal(log->record.event_name, "hadal.process.exec");
	assert_int_equal(log->record.severity, HADAL_SEVERITY_INFO);
	assert_in_range(log->record.time, EPOCH, EPOCH + SECOND);
	assert_string_equal(text_of(log->record.attributes, "process.executable.path"), web.path);
	assert_null(find_attribute(log->record.attributes, "process.command_args"));
	assert_null(find_attribute(log->record.attributes, "container.id"));
	hadal_batch_free(batch);

	/* told once */
	batch = interval(&world);
	assert_null(only_log(batch));
	hadal_batch_free(batch);

	world.full = true;
	record_exit(&world.recorder, &web, 9, HADAL_PROCESS_OOM);
	batch = interval(&world);
	log = only_log(batch);
	assert_string_equal(log->record.event_name, "hadal.process.exit");
	assert_int_equal(log->record.severity, HADAL_SEVERITY_WARN);
	assert_string_equal(text_of(log->record.attributes, "container.id"), ID);
	assert_string_equal(text_of(log->record.attributes, "aws.ecs.task.id"), TASK);
	hadal_batch_free(batch);
	model_free(world.model);
}

/* As the thread that reads files would. */
static void tell_build(struct world *world, const struct build_facts *facts)
{
	struct programs *programs = &world->model->processes.programs;
	struct program_answer answer = { .result = PROGRAM_READ, .time = world->recorder.time };

	assert_true(programs_next(programs, &answer.question));
	answer.build = build_new(facts);
	programs_answer(programs, &answer);
	world->recorder.time += PROGRAM_SETTLE;
	programs_settle(programs, world->recorder.time, false);
}

static void profile_full_names_the_build(void **state)
{
	static const struct build_facts facts = {
		.gnu_id = "00ff", .go_id = "a/b", .go_version = "go1.22.1", .module_path = "example.org/shop",
	};
	const struct hadal_attributes *attributes;
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	world.full = world.builds = true;
	batch = hurried_interval(&world);
	assert_null(only_log(batch));	/* it may come yet */
	hadal_batch_free(batch);

	tell_build(&world, &facts);
	batch = hurried_interval(&world);
	attributes = only_log(batch)->record.attributes;
	assert_string_equal(text_of(attributes, "process.executable.build_id.gnu"), "00ff");
	assert_string_equal(text_of(attributes, "process.executable.build_id.go"), "a/b");
	assert_string_equal(text_of(attributes, "process.runtime.name"), "go");
	assert_string_equal(text_of(attributes, "process.runtime.version"), "go1.22.1");
	assert_string_equal(text_of(attributes, "hadal.process.go.module.path"), "example.org/shop");
	assert_null(find_attribute(attributes, "hadal.process.go.module.version"));
	hadal_batch_free(batch);

	/* what does not come is not waited for without end, and less than full does not tell */
	record_exec(&world.recorder, &web);
	world.recorder.time += 10 * SECOND;
	batch = hurried_interval(&world);
	assert_null(find_attribute(only_log(batch)->record.attributes, "process.executable.build_id.gnu"));
	hadal_batch_free(batch);
	record_exec(&world.recorder, &web);
	tell_build(&world, &facts);
	world.full = false;
	batch = hurried_interval(&world);
	assert_null(find_attribute(only_log(batch)->record.attributes, "process.executable.build_id.gnu"));
	hadal_batch_free(batch);
	model_free(world.model);
}

static void the_collector_tells_of_itself(void **state)
{
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	world.stats.class_stats[HADAL_CLASS_TCP] =
		(struct hadal_class_stats){ .produced = 12, .delivered = 10, .lost = 2 };
	world.stats.filtered[HADAL_CLASS_TCP] = 7;
	world.shipped.sink_count = 2;
	world.shipped.sink[0] = (struct hadal_sink_stats){ .name = "one", .signal[HADAL_SIGNAL_METRICS].accepted = 77 };
	world.shipped.sink[1] = (struct hadal_sink_stats){ .name = "two", .signal[HADAL_SIGNAL_LOGS].dropped_old = 5 };
	count(&world.model->counts, COUNT_FLOWS_FULL);
	batch = interval(&world);
	assert_int_equal(value_of(batch, "hadald", "hadal.collector.records", "hadal.record.outcome", "delivered"), 10);
	assert_int_equal(value_of(batch, "hadald", "hadal.collector.records", "hadal.record.outcome", "lost"), 2);
	assert_int_equal(value_of(batch, "hadald", "hadal.collector.records", "hadal.record.outcome", "filtered"), 7);
	assert_int_equal(value_of(batch, "hadald", "hadal.collector.incident", "hadal.collector.incident.kind",
				  "flows_full"), 1);
	assert_int_equal(value_of(batch, "hadald", "hadal.collector.exported", "hadal.export.signal", "metrics"), 77);
	assert_int_equal(value_of(batch, "hadald", "hadal.collector.exported", "hadal.export.sink", "one"), 77);
	assert_int_equal(value_of(batch, "hadald", "hadal.collector.exported", "hadal.export.sink", "two"), 5);
	assert_int_equal(value_of(batch, "hadald", "hadal.module.state", "hadal.module.state", "loaded"), 1);
	hadal_batch_free(batch);
	model_free(world.model);
}

/* Each state of the module is a series of its own: the one that is over ends, once. */
static void the_module_may_come(void **state)
{
	struct export_source source = { .host = &host, .module_version = "0.1.0", .module_state = "loaded",
					.ended_version = "", .ended_state = "absent", .start_time = EPOCH,
					.time = EPOCH + SECOND };
	struct hadal_stats stats = { 0 };
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	source.model = world.model;
	source.stats = &stats;
	batch = export_batch(&source);
	assert_int_equal(value_of(batch, "hadald", "hadal.module.state", "hadal.module.version", "0.1.0"), 1);
	expect_end(batch, "hadald", "hadal.module.state", "hadal.module.state", "absent");
	hadal_batch_free(batch);
	model_free(world.model);
}

/* The last interval of a hadald that stops in order: its counters are told, and that there is no state of the module any more. */
static void a_stop_ends_the_state(void **state)
{
	struct hadal_stats stats = { .class_stats[HADAL_CLASS_TCP] = { .produced = 12, .delivered = 12 } };
	struct export_source source = { .host = &host, .module_version = "0.1.0", .module_state = "loaded", .stats = &stats,
					.start_time = EPOCH, .time = EPOCH + SECOND, .all = true };
	struct hadal_batch *batch;
	struct world world;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	source.model = world.model;
	batch = export_batch(&source);
	expect_end(batch, "hadald", "hadal.module.state", "hadal.module.state", "loaded");
	assert_int_equal(value_of(batch, "hadald", "hadal.collector.records", "hadal.record.outcome", "delivered"), 12);
	hadal_batch_free(batch);
	model_free(world.model);
}

/* A counter without a name would be a counter that nobody sees. */
static void every_count_has_a_name(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < COUNTS; i++)
		assert_non_null(count_name(i));
}

/* The clock was set back behind the start of a series: no point is refused, nor counted again. */
static void clocks_may_step_back(void **state)
{
	struct export_source source = { .host = &host, .module_version = "0", .module_state = "loaded",
					.start_time = EPOCH };
	struct hadal_series_table *series = hadal_series_new(0);
	struct hadal_batch *batch;
	struct world world;
	struct end end;

	(void)state;
	world_open(&world, &(struct model_config){ 0 });
	end = talk(&world, 1);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	hadal_batch_free(interval(&world));
	source.model = world.model;
	source.stats = &world.stats;
	source.now = world.recorder.time + 10 * SECOND;
	source.time = EPOCH - 3600 * SECOND;
	for (int told = 0; told < 3; told++) {
		model_interval(world.model, source.now, source.time, false);
		batch = export_batch(&source);
		assert_int_equal(hadal_batch_error(batch), 0);
		assert_int_equal(hadal_batch_counts(batch).refused, 0);
		assert_int_equal(hadal_series_increments(series, batch), 0);
		assert_int_equal(value_of(batch, "web", "hadal.tcp.connection.opened", NULL, NULL),
				 !told);
		hadal_batch_free(batch);
		source.now += 10 * SECOND;
		source.time += 10 * SECOND;
	}
	hadal_series_free(series);
	model_free(world.model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_become_points),
		cmocka_unit_test(flows_of_udp_become_points),
		cmocka_unit_test(drops_of_listeners_become_points),
		cmocka_unit_test(health_checks_become_points),
		cmocka_unit_test(histograms_in_both_forms),
		cmocka_unit_test(series_end),
		cmocka_unit_test(starts_do_not_change),
		cmocka_unit_test(series_end_with_their_resource),
		cmocka_unit_test(processes_become_points),
		cmocka_unit_test(events_become_log_records),
		cmocka_unit_test(profile_full_names_the_build),
		cmocka_unit_test(the_collector_tells_of_itself),
		cmocka_unit_test(the_module_may_come),
		cmocka_unit_test(a_stop_ends_the_state),
		cmocka_unit_test(every_count_has_a_name),
		cmocka_unit_test(clocks_may_step_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
