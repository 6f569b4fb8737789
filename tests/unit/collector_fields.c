/* SPDX-License-Identifier: MIT */
/*
 * What leaves the host: a model that was told of all that there is, exported and
 * encoded as it is shipped, and decoded again. Its fields are those of the table in
 * docs/security.md, no more and no less, and of what is to stay it holds nothing.
 * Run from the root of the tree.
 */
#include <arpa/inet.h>
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

#include "dns_messages.h"
#include "docker.h"
#include "export.h"
#include "model_fixture.h"
#include "otlp_encode.h"
#include "proto/otlp.pb-c.h"
#include "text_file.h"

#define PAGE		"docs/security.md"
#define TABLE		"| field | of | when | what it tells |"

/* Stands in all that must not leave the host. */
#define SECRET		"hunter2"
#define PUBLIC_V4	"93.184.216.34"
#define PUBLIC_CLIENT	"203.0.113.9"
#define PUBLIC_V6	"2606:4700::1111"

enum { FIELDS = 256 };

/* How the collector is set, beside its defaults. */
struct setting {
	const char *when;	/* what the table calls it */
	bool full, arguments, udp;
};

/* "PLACE NAME", each once. */
struct fields {
	char list[FIELDS][128];
	unsigned int count;
};

static bool has_field(const struct fields *fields, const char *text)
{
	for (unsigned int i = 0; i < fields->count; i++) {
		if (strcmp(fields->list[i], text) == 0)
			return true;
	}
	return false;
}

static void add_field(struct fields *fields, const char *place, const char *name)
{
	char text[128];

	assert_true((size_t)snprintf(text, sizeof(text), "%s %s", place, name) < sizeof(text));
	if (has_field(fields, text))
		return;
	assert_true(fields->count < FIELDS);
	strcpy(fields->list[fields->count++], text);
}

/* ---- what happens on the host ---- */

/* As the kernel tells it, all that it can tell being there. */
static void with_everything(void *context, const struct hadal_record *record)
{
	struct world *world = context;
	union {
		struct hadal_record header;
		struct hadal_record_process process;	/* begins as exec and exit do */
		struct hadal_record_process_exit exit;
		char bytes[2048];
	} told;

	assert_true(record->size <= sizeof(told));
	memcpy(&told, record, record->size);
	if (record->record_class == HADAL_CLASS_PROCESS) {
		told.process.process.pid_ns = 4026531836;
		told.process.process.mnt_ns = 4026531841;
		told.process.process.uid = told.process.process.gid = 33;
	}
	if (record->type == HADAL_RECORD_PROCESS_EXIT) {
		told.exit.user_time = told.exit.system_time = told.exit.cpu_time = SECOND;
		told.exit.max_rss = told.exit.minor_faults = told.exit.major_faults = 1;
		told.exit.voluntary_switches = told.exit.involuntary_switches = 1;
		told.exit.read_bytes = told.exit.write_bytes = 4096;
	}
	model_record(world->model, &told.header);
}

static void put_exec(struct world *world, const struct actor *actor)
{
	static const char text[] = "/usr/bin/python3" "/srv/web.py"
				   "python3\0--password=" SECRET "\0plain-argument\0postgres://u:" SECRET "@db";
	struct {
		struct hadal_record_process_exec exec;
		char text[256];
	} record = {
		.exec = {
			.header = { .type = HADAL_RECORD_PROCESS_EXEC, .record_class = HADAL_CLASS_PROCESS,
				    .time = ++world->recorder.time },
			.process = { .start_boottime = actor->start, .cgroup_id = actor->cgroup, .tgid = actor->tgid,
				     .parent_tgid = actor->parent, .net_ns = actor->net_ns, .comm = "web" },
			.old_tid = actor->tgid + 1, .argc = 4, .path_len = 16, .script_len = 11,
			.argv_len = sizeof(text) - 27, .strings_offset = sizeof(record.exec),
			.flags = HADAL_EXEC_PATH_TRUNCATED | HADAL_EXEC_SCRIPT_TRUNCATED | HADAL_EXEC_ARGV_TRUNCATED,
		},
	};

	memcpy(record.text, text, sizeof(text));
	record.exec.header.size = (uint32_t)((sizeof(record.exec) + sizeof(text) + 7) & ~7UL);
	with_everything(world, &record.exec.header);
}

/* Docker tells more of a container than anybody should learn. */
static void name_web(struct world *world)
{
	static const char inspected[] =
		"{\"Id\":\"" ID_WEB "\",\"Name\":\"/ecs-web-1-web-0a\",\"Config\":{\"Image\":\"web:1@sha256:00ff\","
		"\"Env\":[\"DB_PASSWORD=" SECRET "\","
		"\"ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/" SECRET "\"],"
		"\"Cmd\":[\"--token=" SECRET "\"],\"Labels\":{\"owner\":\"" SECRET "\","
		"\"com.amazonaws.ecs.container-name\":\"web\"}},"
		"\"NetworkSettings\":{\"Networks\":{\"" SECRET "\":{\"IPAddress\":\"172.17.0.2\"}}}}";
	struct identity_answer answer = { .container_id = ID_WEB, .container = IDENTITY_FOUND,
					  .task = IDENTITY_FOUND };

	assert_int_equal(docker_parse_container(inspected, strlen(inspected), ID_WEB, &answer.facts), 0);
	strcpy(answer.facts.task.arn, "arn:aws:ecs:eu-west-1:123456789012:task/prod/" TASK_WEB);
	strcpy(answer.facts.task.family, "web-family");
	strcpy(answer.facts.task.revision, "7");
	strcpy(answer.facts.task.service, "web");
	strcpy(answer.facts.task.cluster, "prod");
	containers_answer(&world->model->containers, &answer, world->recorder.time);
}

static void tell_build(struct world *world)
{
	static const struct build_facts facts = {
		.gnu_id = "00ff", .go_id = "a/b", .go_version = "go1.22.1", .module_path = "example.org/shop",
		.module_version = "v1.0.0",
	};
	struct programs *programs = &world->model->processes.programs;
	struct program_answer told = { .result = PROGRAM_READ };

	while (programs_next(programs, &told.question)) {
		told.time = world->recorder.time;
		told.build = build_new(&facts);
		programs_answer(programs, &told);
	}
	world->recorder.time += PROGRAM_SETTLE;
	programs_settle(programs, world->recorder.time, false);
}

static void processes_live_and_die(struct world *world)
{
	static const uint32_t codes[] = { 0, 3 << 8, 9 };

	put_exec(world, &web);
	for (uint32_t i = 0; i < 3; i++) {
		struct actor child = { 3000 + i, web.tgid, 10 + i, NS_WEB, 100 + i, CGROUP_WEB, web.path };

		record_fork(&world->recorder, &child);
		record_exit(&world->recorder, &child, codes[i], 0);
	}
	record_oom(&world->recorder, &api);
	tell_build(world);
	record_exit(&world->recorder, &api, 9 | 0x80, HADAL_PROCESS_OOM);
}

/* As tests/unit/collector_peers.c has it. */
static void docker_proxy_forwards(struct world *world)
{
	static const struct actor proxy = { 1010, 1, 1010, NS_HOST, 20, CGROUP_NGINX, "/usr/bin/docker-proxy" };
	struct identity_answer answer = { .container_id = ID_DB, .container = IDENTITY_FOUND,
					  .task = IDENTITY_NOT_FOUND };
	struct talk talk;

	record_existing(&world->recorder, &proxy);
	strcpy(answer.facts.name, "db");
	answer.facts.ports[0] = (struct published_port){ .host_port = 15432, .port = 5432 };
	answer.facts.port_count = 1;
	containers_answer(&world->model->containers, &answer, world->recorder.time);
	talk = talk_begin(world, 1, &web, &proxy, "172.17.0.2:40000", "172.17.0.1:15432");
	talk_end(world, &talk);
	talk = talk_begin(world, 2, &proxy, &db, "172.17.0.1:40001", "172.17.0.4:5432");
	talk_end(world, &talk);
}

static void looks_up(struct world *world, const char *name, const char *address)
{
	struct dns_builder message;
	uint8_t bytes[4];

	assert_int_equal(inet_pton(AF_INET, address, bytes), 1);
	dns_begin(&message, DNS_ANSWERED, 1, 1);
	dns_put_question(&message, name, 1);
	dns_put_address(&message, DNS_QUESTION_AT, 300, bytes, 4);
	record_answer(&world->recorder, &web, message.bytes, message.size);
	world->recorder.time += SECOND;	/* connections begin behind it */
}

static void connections_come_and_go(struct world *world)
{
	struct end client = end_of(100, 100, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", PUBLIC_V4 ":443");
	struct end other = end_of(101, 101, HADAL_TCP_CLIENT, &web, "[fd00::2]:40001", "[" PUBLIC_V6 "]:443");
	struct end server = end_of(102, 102, HADAL_TCP_SERVER, &web, "172.17.0.2:8080", PUBLIC_CLIENT ":50000");
	struct end check = end_of(103, 103, HADAL_TCP_SERVER, &web, "172.17.0.2:8080", "10.2.0.9:50000");
	struct end listener = end_of(104, 0, HADAL_TCP_LISTENER, &web, "0.0.0.0:8080", "0.0.0.0:0");

	looks_up(world, "api.example.org", PUBLIC_V4);
	record_listening(&world->recorder, &listener);
	record_established(&world->recorder, &client, 2 * MILLISECOND);
	client.counters = (struct hadal_tcp_counters){ .acked = 100, .received = 5000, .segments_out = 7,
						       .segments_retransmitted = 1, .srtt = 1500 };
	record_closed(&world->recorder, &client, TCP_ESTABLISHED, ECONNRESET);
	record_failed(&world->recorder, &other, ECONNREFUSED);
	record_established(&world->recorder, &other, 2 * MILLISECOND);
	record_ending(&world->recorder, &other, HADAL_TCP_ENDING_TIMED_OUT, ETIMEDOUT);
	record_accepted(&world->recorder, &server);
	record_accepted(&world->recorder, &check);
	record_closed(&world->recorder, &check, 9, 0);
	record_listener(&world->recorder, &listener, HADAL_RECORD_TCP_LISTENER_CLOSED, 12);
	web_calls_api(world, 50, 10, 20);
	docker_proxy_forwards(world);
}

static void datagrams_come_and_go(struct world *world)
{
	struct end end = end_of(200, 0, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", PUBLIC_V4 ":443");

	end.tcp.start_time = START + 1;
	record_dump(&world->recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_UDP);
	record_dump(&world->recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_UDP);
	end.counters = (struct hadal_tcp_counters){ .acked = 1200, .received = 3400 };
	record_udp(&world->recorder, &end, 0);
}

/* Whatever a cgroup's files can say, and more of it each time. */
static int everything_is_used(void *context, const char *path, struct usage *usage)
{
	uint64_t *readings = context;

	(void)path;
	++*readings;
	for (int i = 0; i < USAGE_VALUES; i++) {
		if (i != USAGE_STARTED && i != USAGE_RESTARTED)
			usage_set(usage, i, *readings * SECOND);
	}
	return 0;
}

static void web_starts_again(struct world *world)
{
	cgroup_told(world, HADAL_RECORD_CGROUP_RMDIR, CGROUP_WEB);
	record_cgroup(&world->recorder, HADAL_RECORD_CGROUP_MKDIR, 0, CGROUP_GONE, cgroup_paths[CGROUP_WEB], 0);
}

static void processes_are_looked_at(struct world *world)
{
	struct process *process;

	for (process = world->model->processes.table; process; process = process->hh.next) {
		process->sampled = true;
		process->cpu_time += SECOND;
		process->memory = 4096;
	}
	model_detail_processes(world->model, 100, world->recorder.time, wall_at(world));
}

static void live(struct world *world, const struct setting *setting)
{
	world->recorder.sink = with_everything;
	start_services(world);
	answer_all(world);
	name_web(world);
	count(&world->model->counts, COUNT_FLOWS_FULL);
	processes_live_and_die(world);
	connections_come_and_go(world);
	if (setting->udp)
		datagrams_come_and_go(world);
	web_starts_again(world);
	interval_with(world, true);
	if (setting->full)
		processes_are_looked_at(world);
}

/* ---- what is shipped of it ---- */

struct shipped {
	uint8_t *body[HADAL_SIGNALS];
	size_t size[HADAL_SIGNALS];
};

static int keep(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	struct shipped *shipped = context;

	(void)items;
	assert_null(shipped->body[signal]);
	shipped->body[signal] = body;
	shipped->size[signal] = size;
	return 0;
}

static struct hadal_batch *export(struct world *world, const struct setting *setting)
{
	static const struct export_host host = {
		.id = "i-0123", .name = "ip-10-0-0-5", .type = "c7g.large", .image = "ami-0a1b", .cloud_account = "123456789012", .cloud_region = "eu-west-1",
		.cloud_zone = "eu-west-1b",
	};
	static const struct host_usage used = {
		.known = (1U << HOST_FILES) - 1, .cpu = { 1, 1, 1, 1, 1, 1, 1, 1 }, .cpus = 2,
		.memory = { 6, 1, 1, 1, 1, 1 }, .load = { 1, 1, 1 }, .uptime = 1, .boot_time = EPOCH - SECOND,
		.pressure = {
			.known = UINT32_MAX,
			.value = { [USAGE_CPU_SOME] = 1, [USAGE_MEMORY_SOME] = 1, [USAGE_MEMORY_FULL] = 1,
				   [USAGE_IO_SOME] = 1, [USAGE_IO_FULL] = 1 },
		},
	};
	static const struct self self = { .usage = { 1, 1, 1 } };
	struct hadal_ship_stats stats = {
		.sink_count = 1,
		.sink[0] = { .name = "otlp", .signal[HADAL_SIGNAL_METRICS].accepted = 1 },
	};
	struct hadal_stats module = {
		.class_stats[HADAL_CLASS_TCP] = { .produced = 2, .delivered = 1, .lost = 1 },
	};
	static const struct notice notice = { NOTICE_SPOT, "terminate", 1795953600 };
	struct export_source source = {
		.notices = &notice, .notice_count = 1, .host = &host, .usage = &used, .self = &self, .model = world->model,
		.stats = &module, .shipped = &stats,
		.module_version = "0.1.0", .module_state = "loaded", .start_time = EPOCH, .time = wall_at(world),
		.full = setting->full, .builds = true, .all = true, .now = world->recorder.time,
	};

	return export_batch(&source);
}

static void ship(const struct setting *setting, struct shipped *shipped)
{
	struct network balancers;
	uint64_t readings = 0;
	struct model_config config = {
		.lifecycle = true, .balancers = &balancers, .balancer_count = 1,
		.read_usage = everything_is_used, .usage_context = &readings,
	};
	struct redactor *redactor = NULL;
	struct hadal_batch *batch;
	struct world world;

	*shipped = (struct shipped){ 0 };
	assert_int_equal(network_parse("10.2.0.0/24", &balancers), 0);
	if (setting->arguments)
		assert_int_equal(redactor_new(NULL, &redactor), 0);
	config.redactor = redactor;
	world_open(&world, &config);
	live(&world, setting);
	batch = export(&world, setting);
	assert_int_equal(hadal_batch_error(batch), 0);
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		struct hadal_otlp_result result;

		assert_int_equal(hadal_otlp_encode(batch, i, 4 << 20, keep, shipped, &result), 0);
		assert_int_equal(result.oversize + result.lost, 0);
		assert_non_null(shipped->body[i]);
	}
	hadal_batch_free(batch);
	world_close(&world);
	redactor_free(redactor);
}

static void shipped_free(struct shipped *shipped)
{
	for (int i = 0; i < HADAL_SIGNALS; i++)
		free(shipped->body[i]);
}

static bool holds(const struct shipped *shipped, const void *bytes, size_t size)
{
	for (int i = 0; i < HADAL_SIGNALS; i++) {
		if (memmem(shipped->body[i], shipped->size[i], bytes, size))
			return true;
	}
	return false;
}

static bool holds_text(const struct shipped *shipped, const char *text)
{
	return holds(shipped, text, strlen(text));
}

/* As text or as it is in a packet. */
static bool holds_address(const struct shipped *shipped, int family, const char *text)
{
	uint8_t bytes[16];

	assert_int_equal(inet_pton(family, text, bytes), 1);
	return holds_text(shipped, text) || holds(shipped, bytes, family == AF_INET ? 4 : 16);
}

/* ---- its fields ---- */

static void take_attributes(struct fields *fields, const char *place, Otlp__KeyValue **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add_field(fields, place, list[i]->key);
}

#define TAKE_POINTS(fields, data)                                                                          \
	do {                                                                                               \
		for (size_t p_ = 0; p_ < (data)->n_data_points; p_++)                                      \
			take_attributes(fields, "point", (data)->data_points[p_]->attributes,              \
					(data)->data_points[p_]->n_attributes);                            \
	} while (0)

static void take_metric(struct fields *fields, const Otlp__Metric *metric)
{
	add_field(fields, "metric", metric->name);
	switch (metric->data_case) {
	case OTLP__METRIC__DATA_GAUGE:
		TAKE_POINTS(fields, metric->gauge);
		break;
	case OTLP__METRIC__DATA_SUM:
		TAKE_POINTS(fields, metric->sum);
		break;
	case OTLP__METRIC__DATA_HISTOGRAM:
		TAKE_POINTS(fields, metric->histogram);
		break;
	case OTLP__METRIC__DATA_EXPONENTIAL_HISTOGRAM:
		TAKE_POINTS(fields, metric->exponential_histogram);
		break;
	default:
		fail_msg("%s is of no known kind", metric->name);
	}
}

static void take_scope(struct fields *fields, const Otlp__InstrumentationScope *scope)
{
	add_field(fields, "scope", scope->name);
	assert_int_equal(scope->n_attributes, 0);
}

static void take_metrics(struct fields *fields, const uint8_t *body, size_t size)
{
	Otlp__ExportMetricsServiceRequest *request = otlp__export_metrics_service_request__unpack(NULL, size, body);

	assert_non_null(request);
	for (size_t r = 0; r < request->n_resource_metrics; r++) {
		const Otlp__ResourceMetrics *of = request->resource_metrics[r];

		take_attributes(fields, "resource", of->resource->attributes, of->resource->n_attributes);
		for (size_t s = 0; s < of->n_scope_metrics; s++) {
			take_scope(fields, of->scope_metrics[s]->scope);
			for (size_t m = 0; m < of->scope_metrics[s]->n_metrics; m++)
				take_metric(fields, of->scope_metrics[s]->metrics[m]);
		}
	}
	otlp__export_metrics_service_request__free_unpacked(request, NULL);
}

static void take_logs(struct fields *fields, const uint8_t *body, size_t size)
{
	Otlp__ExportLogsServiceRequest *request = otlp__export_logs_service_request__unpack(NULL, size, body);

	assert_non_null(request);
	for (size_t r = 0; r < request->n_resource_logs; r++) {
		const Otlp__ResourceLogs *of = request->resource_logs[r];

		take_attributes(fields, "resource", of->resource->attributes, of->resource->n_attributes);
		for (size_t s = 0; s < of->n_scope_logs; s++) {
			take_scope(fields, of->scope_logs[s]->scope);
			for (size_t i = 0; i < of->scope_logs[s]->n_log_records; i++) {
				const Otlp__LogRecord *record = of->scope_logs[s]->log_records[i];

				assert_null(record->body);
				add_field(fields, "event", record->event_name);
				take_attributes(fields, "log", record->attributes, record->n_attributes);
			}
		}
	}
	otlp__export_logs_service_request__free_unpacked(request, NULL);
}

static void take_shipped(struct fields *fields, const struct shipped *shipped)
{
	fields->count = 0;
	take_metrics(fields, shipped->body[HADAL_SIGNAL_METRICS], shipped->size[HADAL_SIGNAL_METRICS]);
	take_logs(fields, shipped->body[HADAL_SIGNAL_LOGS], shipped->size[HADAL_SIGNAL_LOGS]);
}

/* Whether a row that has @when is of what @setting ships. */
static bool is_set(const struct setting *setting, const char *when)
{
	if (strcmp(when, "services") == 0)
		return true;
	if (strcmp(when, "full") == 0)
		return setting->full;
	if (strcmp(when, "`collector.arguments`") == 0)
		return setting->arguments;
	if (strcmp(when, "`collector.udp`") == 0)
		return setting->udp;
	fail_msg("%s: '%s' is no way to set the collector", PAGE, when);
	return false;
}

/* Rows are | `field`, `field` | of | when | what it tells | */
static void take_table(struct fields *fields, const struct setting *setting)
{
	char *page = read_file(PAGE), *table = strstr(page, TABLE), *end, *row, *rows;

	assert_non_null(table);
	end = strstr(table, "\n\n");
	assert_non_null(end);
	*end = '\0';
	fields->count = 0;
	strtok_r(table, "\n", &rows);
	strtok_r(NULL, "\n", &rows);
	while ((row = strtok_r(NULL, "\n", &rows))) {
		char names[512], place[32], when[64], *name, *rest = names;

		if (sscanf(row, "| %511[^|]| %31[^ |] | %63[^ |] |", names, place, when) != 3)
			fail_msg("%s: '%s' is no row of it", PAGE, row);
		while (is_set(setting, when) && (name = strsep(&rest, "`"))) {
			if (*name != ',' && *name != ' ' && *name)
				add_field(fields, place, name);
		}
	}
	free(page);
}

static void compare(const struct fields *shipped, const struct fields *table, const char *when)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < shipped->count; i++) {
		if (has_field(table, shipped->list[i]))
			continue;
		print_error("%s: %s leaves the host and is not in %s\n", when, shipped->list[i], PAGE);
		wrong++;
	}
	for (unsigned int i = 0; i < table->count; i++) {
		if (has_field(shipped, table->list[i]))
			continue;
		print_error("%s: %s is in %s and does not leave the host\n", when, table->list[i], PAGE);
		wrong++;
	}
	assert_int_equal(wrong, 0);
	assert_true(shipped->count > 60);
}

static void fields_are_those_of_the_table(void **state)
{
	static const struct setting settings[] = {
		{ .when = "services" },
		{ .when = "full", .full = true },
		{ .when = "collector.arguments", .arguments = true },
		{ .when = "collector.udp", .udp = true },
	};
	static struct fields fields, table;
	struct shipped shipped;

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		ship(&settings[i], &shipped);
		take_shipped(&fields, &shipped);
		take_table(&table, &settings[i]);
		compare(&fields, &table, settings[i].when);
		shipped_free(&shipped);
	}
}

/* In whatever field: secrets, public addresses; ids but in profile full. */
static void what_is_to_stay_is_nowhere(void **state)
{
	static const struct setting settings[] = {
		{ .when = "services" }, { .when = "full", .full = true },
		{ .when = "all", .full = true, .arguments = true, .udp = true },
	};
	struct shipped shipped;

	(void)state;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		ship(&settings[i], &shipped);
		assert_false(holds_text(&shipped, SECRET));
		assert_false(holds_address(&shipped, AF_INET, PUBLIC_V4));
		assert_false(holds_address(&shipped, AF_INET, PUBLIC_CLIENT));
		assert_false(holds_address(&shipped, AF_INET6, PUBLIC_V6));
		assert_int_equal(holds_text(&shipped, ID_WEB), settings[i].full);
		assert_int_equal(holds_text(&shipped, TASK_WEB), settings[i].full);
		assert_int_equal(holds_text(&shipped, "plain-argument"), settings[i].arguments);
		assert_true(holds_text(&shipped, "api.example.org"));
		assert_true(holds_text(&shipped, "/srv/web.py"));
		shipped_free(&shipped);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_those_of_the_table),
		cmocka_unit_test(what_is_to_stay_is_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
