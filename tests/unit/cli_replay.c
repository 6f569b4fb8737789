/* SPDX-License-Identifier: MIT */
/*
 * hadal replay: captures made here, and what is said of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture_format.h"
#include "cli.h"
#include "records.h"
#include "replay_output.h"

#define START		(1000 * SECOND)
#define EPOCH		(1700000000 * SECOND)
#define ID_WEB		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_API		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define TASK		"arn:aws:ecs:eu-central-1:1:task/prod/"
#define TASK_WEB	"11111111111111111111111111111111"
#define TASK_API	"22222222222222222222222222222222"

enum { CGROUP_WEB = 101, CGROUP_API, CGROUP_SESSION };
enum { NS_HOST = 4026531840U, NS_WEB = 4026532001U, NS_API };

static const struct actor web = { 1001, 1, 1, NS_WEB, 11, CGROUP_WEB, "/usr/bin/web" };
static const struct actor api = { 1002, 1, 1, NS_API, 12, CGROUP_API, "/srv/api" };
static const struct actor worker = { 1003, 1, 1003, NS_HOST, 13, CGROUP_SESSION, "/opt/comm-only" };

/* A capture in the making. */
struct making {
	struct hadal_capture_writer *writer;
	struct recorder recorder;
	int fd;
};

static void take(void *context, const struct hadal_record *record)
{
	struct making *making = context;

	assert_int_equal(0, hadal_capture_add(making->writer, record));
}

static void add_text(struct making *making, const char *text)
{
	assert_int_equal(0, hadal_capture_add_document(making->writer, text, strlen(text)));
}

static void add_document(struct making *making, const struct document *document)
{
	char *text = document_write(document);

	assert_non_null(text);
	add_text(making, text);
	free(text);
}

enum { SITE_NETWORK = 1, SITE_BALANCER = 2, SITE_PROXY = 4, SITE_ODD_PROXY = 8 };

static void add_configuration(struct making *making, unsigned int what)
{
	static struct document document;
	struct document_configuration *to = &document.configuration;

	memset(&document, 0, sizeof(document));
	document.kind = DOCUMENT_CONFIGURATION;
	to->network_count = what & SITE_NETWORK ? 1 : 0;
	assert_int_equal(0, network_parse("203.0.113.0/24", &to->networks[0]));
	to->balancer_count = what & SITE_BALANCER ? 1 : 0;
	assert_int_equal(0, network_parse("192.0.2.0/24", &to->balancers[0]));
	to->proxy_executable_count = what & (SITE_PROXY | SITE_ODD_PROXY) ? 1 : 0;
	assert_int_equal(0, proxy_kind_parse(what & SITE_ODD_PROXY ? "side\x1b]car" : "sidecar",
					     &to->proxy_executables[0]));
	add_document(making, &document);
}

/* @configuration: a sum of SITE_*. */
static void begin_with(struct making *making, unsigned int configuration)
{
	*making = (struct making){ .fd = memfd_create("capture", MFD_CLOEXEC) };
	assert_true(making->fd >= 0);
	assert_int_equal(0, hadal_capture_create(&making->writer, making->fd, "{}", EPOCH));
	making->recorder = (struct recorder){ .sink = take, .context = making, .time = START };
	if (configuration)
		add_configuration(making, configuration);
	record_clock(&making->recorder, START, EPOCH);
}

static void begin(struct making *making)
{
	begin_with(making, 0);
}

static void end(struct making *making)
{
	static const struct hadal_totals totals = { .lost = { [HADAL_CLASS_TCP] = 7 } };

	assert_int_equal(0, hadal_capture_finish(making->writer, &totals));
}

static void add_host(struct making *making)
{
	static struct document document = {
		.kind = DOCUMENT_HOST, .host = { .id = "host-1", .cloud_region = "eu-central-1", .net_ns = NS_HOST },
	};

	add_document(making, &document);
}

static void add_container(struct making *making, const char *id, const char *task, const char *service)
{
	static struct document document;
	struct identity_answer *answer = &document.container;

	memset(&document, 0, sizeof(document));
	document.kind = DOCUMENT_CONTAINER;
	answer->container = answer->task = IDENTITY_FOUND;
	snprintf(answer->container_id, sizeof(answer->container_id), "%s", id);
	snprintf(answer->facts.task.arn, sizeof(answer->facts.task.arn), TASK "%s", task);
	snprintf(answer->facts.task.family, sizeof(answer->facts.task.family), "%s-family", service);
	snprintf(answer->facts.task.service, sizeof(answer->facts.task.service), "%s", service);
	snprintf(answer->facts.task.cluster, sizeof(answer->facts.task.cluster), "prod");
	add_document(making, &document);
}

static void add_worker(struct making *making)
{
	static struct document document = {
		.kind = DOCUMENT_EXECUTABLE, .executable = { .tgid = 1003, .start_boottime = 13, .path = "/opt/real-name" },
	};

	add_document(making, &document);
}

static void add_cgroups(struct making *making)
{
	record_cgroup(&making->recorder, HADAL_RECORD_CGROUP_EXISTING, 0, CGROUP_WEB,
		      "/ecs/" TASK_WEB "/" ID_WEB, 0);
	record_cgroup(&making->recorder, HADAL_RECORD_CGROUP_EXISTING, 0, CGROUP_API,
		      "/ecs/" TASK_API "/" ID_API, 0);
	record_cgroup(&making->recorder, HADAL_RECORD_CGROUP_EXISTING, 0, CGROUP_SESSION, "/user.slice", 0);
}

/* web calls api @times; each sends 100 bytes and gets 1,000. */
static void add_connections(struct making *making, unsigned int times)
{
	struct recorder *recorder = &making->recorder;

	for (unsigned int i = 0; i < times; i++) {
		struct end client = end_of(2 * i + 1, i + 1, HADAL_TCP_CLIENT, &web, "10.0.0.2:40000", "10.0.0.3:8080");
		struct end server = end_of(2 * i + 2, i + 1, HADAL_TCP_SERVER, &api, "10.0.0.3:8080", "10.0.0.2:40000");

		record_established(recorder, &client, 1000);
		record_accepted(recorder, &server);
		client.counters = (struct hadal_tcp_counters){ .acked = 100, .received = 1000 };
		server.counters = (struct hadal_tcp_counters){ .acked = 1000, .received = 100 };
		record_ending(recorder, &client, HADAL_TCP_ENDING_LOCAL_CLOSE, 0);
		record_ending(recorder, &server, HADAL_TCP_ENDING_PEER_CLOSE, 0);
		recorder->time += SECOND;
	}
}

static void add_records(struct making *making, bool documents)
{
	if (documents)
		add_host(making);
	add_cgroups(making);
	record_fork(&making->recorder, &web);
	record_exec(&making->recorder, &web);
	record_existing(&making->recorder, &api);
	if (documents)
		add_worker(making);
	record_existing(&making->recorder, &worker);
	if (documents) {
		add_container(making, ID_WEB, TASK_WEB, "web");
		add_container(making, ID_API, TASK_API, "api");
	}
	add_connections(making, 60);
	record_exit(&making->recorder, &worker, 0, 0);
}

static int capture_of(bool documents)
{
	struct making making;

	begin(&making);
	add_records(&making, documents);
	end(&making);
	return making.fd;
}

/* ---- replaying ---- */

struct said {
	char *json, *table, *report;
	struct hadal_capture_end end;	/* but for its why */
	char why[200];
	struct document_host host;
};

static void said_free(struct said *said)
{
	free(said->json);
	free(said->table);
	free(said->report);
}

static FILE *open_text(char **text)
{
	static size_t size;
	FILE *file = open_memstream(text, &size);

	assert_non_null(file);
	return file;
}

static struct said replay_of(int fd)
{
	struct said said = { 0 };
	struct hadal_capture_reader *capture;
	struct replay *replay;
	FILE *json = open_text(&said.json), *table = open_text(&said.table), *report = open_text(&said.report);

	assert_int_equal(0, lseek(fd, 0, SEEK_SET));
	assert_int_equal(0, hadal_capture_open(&capture, fd));
	assert_int_equal(0, replay_new(&replay, hadal_capture_realtime(capture), UINT64_MAX));
	assert_int_equal(0, replay_capture(replay, capture));
	hadal_capture_ending(capture, &said.end);
	snprintf(said.why, sizeof(said.why), "%s", said.end.why);
	assert_int_equal(0, replay_json(json, replay, &said.end));
	assert_int_equal(0, replay_table(table, replay));
	replay_report(report, replay, &said.end);
	said.host = replay->host;
	replay_free(replay);
	hadal_capture_close(capture);
	assert_int_equal(0, fclose(json));
	assert_int_equal(0, fclose(table));
	assert_int_equal(0, fclose(report));
	return said;
}

/* Some line of @text has all of the words, in this order. */
static void check_line(const char *text, const char *const *words)
{
	char *copy = strdup(text), *rest = copy, *line;
	const char *at = NULL;

	while ((line = strsep(&rest, "\n"))) {
		size_t i;

		for (i = 0, at = line; words[i] && at; i++) {
			at = strstr(at, words[i]);
			if (at)
				at += strlen(words[i]);
		}
		if (at)
			break;
	}
	free(copy);
	if (!at)
		fail_msg("no line with '%s' ... in:\n%s", words[0], text);
}

#define CHECK_LINE(text, ...) check_line(text, (const char *const[]){ __VA_ARGS__, NULL })

static void test_edges_and_workloads(void **state)
{
	int fd = capture_of(true);
	struct said said = replay_of(fd);

	(void)state;
	CHECK_LINE(said.table, "prod/web  client  prod/api  ", "tcp:8080  60      0       0       0       6000   60000");
	CHECK_LINE(said.table, "prod/api  server  prod/web  ", "tcp:8080  60      0       0       0       60000  6000");
	CHECK_LINE(said.table, "real-name", "1          0       0          0");
	assert_null(strstr(said.table, "comm-only"));
	CHECK_LINE(said.json, "\"lost\":{");
	CHECK_LINE(said.json, "\"tcp\":7");
	CHECK_LINE(said.json, "\"host.id\":\"host-1\"");
	CHECK_LINE(said.report, "7 records lost", "tcp 7");
	assert_true(said.end.is_whole);
	said_free(&said);
	close(fd);
}

static void test_same_twice(void **state)
{
	int fd = capture_of(true), again = capture_of(true);
	struct said one = replay_of(fd), two = replay_of(fd), three = replay_of(again);

	(void)state;
	assert_string_equal(one.json, two.json);
	assert_string_equal(one.table, two.table);
	assert_string_equal(one.report, two.report);
	assert_string_equal(one.json, three.json);
	said_free(&one);
	said_free(&two);
	said_free(&three);
	close(fd);
	close(again);
}

/* ---- what the site has configured ---- */

/* A balancer's check of web, a call of web's to a network of the site's, and one by its proxy. */
static void add_site_connections(struct making *making)
{
	static const struct actor sidecar = { 1004, 1, 1, NS_WEB, 14, CGROUP_API, "/usr/bin/sidecar" };
	struct end check = end_of(1, 1, HADAL_TCP_SERVER, &web, "10.0.0.2:80", "192.0.2.7:5000");
	struct end call = end_of(2, 2, HADAL_TCP_CLIENT, &web, "10.0.0.2:40000", "203.0.113.9:443");
	struct end proxied = end_of(3, 3, HADAL_TCP_CLIENT, &sidecar, "10.0.0.2:40001", "10.9.9.9:9000");
	struct recorder *recorder = &making->recorder;

	record_existing(recorder, &web);
	record_existing(recorder, &sidecar);
	record_accepted(recorder, &check);
	record_ending(recorder, &check, HADAL_TCP_ENDING_PEER_CLOSE, 0);
	record_established(recorder, &call, 1000);
	record_ending(recorder, &call, HADAL_TCP_ENDING_LOCAL_CLOSE, 0);
	record_established(recorder, &proxied, 1000);
	record_ending(recorder, &proxied, HADAL_TCP_ENDING_LOCAL_CLOSE, 0);
}

static struct said replay_of_site(unsigned int what)
{
	struct making making;
	struct said said;

	begin_with(&making, what);
	add_cgroups(&making);
	add_site_connections(&making);
	add_container(&making, ID_WEB, TASK_WEB, "web");
	add_container(&making, ID_API, TASK_API, "side");
	end(&making);
	said = replay_of(making.fd);
	close(making.fd);
	return said;
}

/* As it was made, so it is read, whatever the machine that reads it has configured. */
static void test_configuration_counts(void **state)
{
	struct said none = replay_of_site(0);
	struct said all = replay_of_site(SITE_NETWORK | SITE_BALANCER | SITE_PROXY);

	(void)state;
	CHECK_LINE(none.table, "prod/web ", "client  internet", "tcp:443", "1");
	CHECK_LINE(none.table, "prod/side", "client  10.0.0.0/8", "tcp:9000", "1");
	CHECK_LINE(none.table, "prod/web ", "server  internet", "tcp:80 ", "1 ");
	CHECK_LINE(all.table, "prod/web ", "client  203.0.113.0/24", "tcp:443", "1");
	CHECK_LINE(all.table, "prod/web ", "client  10.0.0.0/8", "tcp:9000", "1");
	CHECK_LINE(all.table, "prod/web ", "server  none", "tcp:80 ", "0 ");
	assert_null(strstr(all.table, "prod/side  client"));
	said_free(&none);
	said_free(&all);
}

/* Families come from labels, which an image may carry, and a capture from anywhere. */
static void test_no_orders_to_the_terminal(void **state)
{
	static const struct actor sidecar = { 1004, 1, 1, NS_WEB, 14, CGROUP_API, "/usr/bin/side\x1b]car" };
	struct end call = end_of(1, 1, HADAL_TCP_CLIENT, &sidecar, "10.0.0.2:40001", "10.9.9.9:9000");
	struct making making;
	struct said said;

	(void)state;
	begin_with(&making, SITE_ODD_PROXY);
	add_cgroups(&making);
	record_existing(&making.recorder, &web);
	record_existing(&making.recorder, &sidecar);
	record_established(&making.recorder, &call, 1000);
	add_container(&making, ID_WEB, TASK_WEB, "\x1b]web");
	add_container(&making, ID_API, TASK_API, "side");
	end(&making);
	said = replay_of(making.fd);
	CHECK_LINE(said.table, "\\x1b]web", " via side\\x1b]car");
	CHECK_LINE(said.table, "\\x1b]web", "  \\x1b]web-family");
	assert_null(strchr(said.table, '\x1b'));
	said_free(&said);
	close(making.fd);
}

/* Nothing of this machine stands in for what the capture does not have. */
static void test_without_documents(void **state)
{
	int fd = capture_of(false);
	struct said said = replay_of(fd);

	(void)state;
	CHECK_LINE(said.table, "web      client  api", "tcp:8080", "60", "6000", "60000");
	assert_null(strstr(said.table, "prod"));
	CHECK_LINE(said.table, "comm-only");
	assert_null(strstr(said.json, "host.id"));
	said_free(&said);
	close(fd);
}

static void test_truncated(void **state)
{
	int fd = capture_of(true);
	off_t size = lseek(fd, 0, SEEK_END);
	struct said said;

	(void)state;
	/* The end block, and a byte of the last records. */
	assert_int_equal(0, ftruncate(fd, size - (off_t)(sizeof(struct capture_block) + sizeof(struct capture_end)) - 1));
	said = replay_of(fd);
	assert_false(said.end.is_whole);
	assert_non_null(strstr(said.why, "is cut off"));
	CHECK_LINE(said.json, "\"whole\":false");
	CHECK_LINE(said.report, "0 records lost");
	/* What was before it counts: the process that was there, no connection. */
	CHECK_LINE(said.json, "\"records\":8");
	assert_null(strstr(said.table, "8080"));
	said_free(&said);
	close(fd);
}

static void test_corrupt(void **state)
{
	static const char wrong = 0x55;
	int fd = capture_of(true);
	off_t size = lseek(fd, 0, SEEK_END);
	struct said said;

	(void)state;
	assert_int_equal(1, pwrite(fd, &wrong, 1, size - 1000));
	said = replay_of(fd);
	assert_false(said.end.is_whole);
	assert_non_null(strstr(said.why, "is damaged"));
	said_free(&said);
	close(fd);
}

/* A block of 100 MB is none: it is not read, nor is there memory for it. */
static void test_huge_document(void **state)
{
	struct capture_block block = { .magic = CAPTURE_BLOCK_MAGIC, .type = CAPTURE_DOCUMENT, .size = 100 << 20 };
	struct making making;
	struct said said;

	(void)state;
	begin(&making);
	add_host(&making);
	assert_int_equal(0, hadal_capture_flush(making.writer));
	block.number = 2;	/* behind the clock and the host */
	block.crc = capture_crc(0, &block, offsetof(struct capture_block, crc));
	assert_int_equal(sizeof(block), write(making.fd, &block, sizeof(block)));
	assert_int_equal(0, ftruncate(making.fd, lseek(making.fd, 0, SEEK_END) + (100 << 20)));
	said = replay_of(making.fd);
	assert_false(said.end.is_whole);
	assert_non_null(strstr(said.why, "is too long"));
	assert_string_equal("host-1", said.host.id);
	said_free(&said);
	hadal_capture_finish(making.writer, NULL);
	close(making.fd);
}

static void check_refused(const char *text, const char *why)
{
	struct hadal_capture_reader *capture;
	struct replay *replay;
	struct making making;

	begin(&making);
	add_text(&making, text);
	end(&making);
	assert_int_equal(0, lseek(making.fd, 0, SEEK_SET));
	assert_int_equal(0, hadal_capture_open(&capture, making.fd));
	assert_int_equal(0, replay_new(&replay, 0, UINT64_MAX));
	assert_int_equal(-EINVAL, replay_capture(replay, capture));
	assert_non_null(strstr(replay->error, "document 1 of the capture"));
	assert_non_null(strstr(replay->error, why));
	replay_free(replay);
	hadal_capture_close(capture);
	close(making.fd);
}

static void test_nonsense(void **state)
{
	(void)state;
	check_refused("nonsense", "no JSON object");
	check_refused("{\"kind\":\"host\",\"version\":1,\"host.id\":7}", "host.id is no string");
	check_refused("{\"kind\":\"configuration\",\"version\":1}", "not in front of all records");
}

static void test_later_document(void **state)
{
	struct making making;
	struct said said;

	(void)state;
	begin(&making);
	add_text(&making, "{\"kind\":\"moon\",\"version\":1}");
	end(&making);
	said = replay_of(making.fd);
	CHECK_LINE(said.report, "1 documents of another version passed over");
	said_free(&said);
	close(making.fd);
}

/* ---- the command ---- */

static int run(const char *path)
{
	char *argv[] = { (char *)"replay", (char *)"--json", (char *)path, NULL };

	optind = 0;
	return command_replay(path ? 3 : 2, argv);
}

static void test_command(void **state)
{
	int fd = capture_of(true);
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert_int_equal(EXIT_WELL, run(path));
	assert_int_equal(0, ftruncate(fd, lseek(fd, 0, SEEK_END) - 1));
	assert_int_equal(EXIT_FAILED, run(path));
	assert_int_equal(EXIT_FAILED, run("/nowhere/at/all"));
	assert_int_equal(EXIT_FAILED, run("/dev/null"));
	assert_int_equal(EXIT_USAGE, run(NULL));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges_and_workloads),
		cmocka_unit_test(test_same_twice),
		cmocka_unit_test(test_configuration_counts),
		cmocka_unit_test(test_no_orders_to_the_terminal),
		cmocka_unit_test(test_without_documents),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_huge_document),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_later_document),
		cmocka_unit_test(test_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
