/* SPDX-License-Identifier: MIT */
/*
 * Tables for terminals: numbers and names in their columns, rows in order, and what
 * is new since an earlier answer.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "columns.h"
#include "flow_rows.h"
#include "process_rows.h"
#include "status_collector.h"
#include "top_table.h"

static void expect_count(uint64_t count, const char *expected)
{
	char text[SHORT_SIZE];

	short_count(count, text);
	assert_string_equal(text, expected);
}

static void expect_seconds(double seconds, const char *expected)
{
	char text[SHORT_SIZE];

	short_seconds(seconds, text);
	assert_string_equal(text, expected);
}

static void expect_time(double seconds, const char *expected)
{
	char text[SHORT_SIZE];

	short_time(seconds, text);
	assert_string_equal(text, expected);
}

static void expect_share(uint64_t part, uint64_t of, const char *expected)
{
	char text[SHORT_SIZE];

	short_share(part, of, text);
	assert_string_equal(text, expected);
}

static void numbers_take_four_columns(void **state)
{
	char text[SHORT_SIZE];

	(void)state;
	expect_count(0, "0");
	expect_count(999, "999");
	expect_count(1000, "1.0K");
	expect_count(9949, "9.9K");
	expect_count(9950, "10K");
	expect_count(999499, "999K");
	expect_count(999500, "1.0M");
	expect_count(UINT64_MAX, "18E");
	short_bytes(1023, text);
	assert_string_equal(text, "1.0K");
	short_bytes(36000, text);
	assert_string_equal(text, "35K");
	expect_seconds(-1, "-");
	expect_seconds(0, "0u");
	expect_seconds(0.00025, "250u");
	expect_seconds(0.0012, "1.2m");
	expect_seconds(0.9996, "1.0s");
	expect_seconds(5000, "999s");
	expect_time(-1, "-");
	expect_time(0, "0s");
	expect_time(0.25, "0.2s");
	expect_time(9.94, "9.9s");
	expect_time(9.96, "10s");
	expect_time(59.6, "1.0m");
	expect_time(3599, "1.0h");
	expect_time(99 * 3600, "99h");
	expect_time(100 * 3600, "4.2d");
	expect_time(1e12, "999d");
	expect_share(0, 0, "-");
	expect_share(0, 5, "0%");
	expect_share(1, 1000, "0.1%");
	expect_share(3, 2, "100%");
	for (uint64_t count = 1, step = 1; step; count += step, step *= 2) {
		short_count(count, text);
		assert_true(strlen(text) <= 4);
		short_bytes(count, text);
		assert_true(strlen(text) <= 4);
		short_seconds((double)count / 1e6, text);
		assert_true(strlen(text) <= 4);
		short_time((double)count / 1e3, text);
		assert_true(strlen(text) <= 4);
		short_share(count / 7, count, text);
		assert_true(strlen(text) <= 4);
	}
}

static void expect_fit(unsigned int width, const char *name, const char *tail, const char *expected)
{
	char out[256];

	fit(out, sizeof(out), width, name, tail);
	assert_string_equal(out, expected);
	assert_int_equal(columns_of(out), width);
}

static void names_fit_their_column(void **state)
{
	(void)state;
	expect_fit(6, "api", "", "api   ");
	expect_fit(6, "api", ":80", "api:80");
	expect_fit(6, "apis", ":80", "ap~:80");
	expect_fit(3, "api", ":8080", ":80");
	expect_fit(4, "\xc3\xa4\xc3\xb6\xc3\xbc", "", "\xc3\xa4\xc3\xb6\xc3\xbc ");
	expect_fit(2, "\xc3\xa4\xc3\xb6\xc3\xbc", "", "\xc3\xa4~");
	/* No order to the terminal, neither ESC nor the one-character CSI. */
	expect_fit(8, "\x1b[2J\xc2\x9b" "1m", "", "?[2J?1m ");
}

static struct flow_rows flows_of(const char *json)
{
	struct flow_rows rows;

	assert_int_equal(flow_rows_read(json_tokener_parse(json), &rows), 0);
	return rows;
}

#define FLOW(service, peer, bytes, opened) \
	"{\"service.name\":\"" service "\",\"hadal.edge.role\":\"client\",\"hadal.peer.kind\":\"workload\"," \
	"\"hadal.peer.name\":\"" peer "\",\"server.port\":8080,\"network.transport\":\"tcp\"," \
	"\"hadal.edge.io.transmit\":" #bytes ",\"hadal.edge.io.receive\":0," \
	"\"hadal.tcp.connection.opened\":" #opened ",\"hadal.tcp.connection.active\":1," \
	"\"hadal.tcp.connection.failed\":2,\"hadal.tcp.connection.broken\":3," \
	"\"hadal.tcp.segment.sent\":200,\"hadal.tcp.segment.retransmitted\":3,\"hadal.tcp.rtt.mean\":0.00025}"

static char *line_of(const struct flow_rows *rows, size_t row, unsigned int columns)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	flow_line(to, rows, &rows->list[row], columns);
	fclose(to);
	return text;
}

static void expect_line(const struct flow_rows *rows, size_t row, unsigned int columns, const char *expected)
{
	char *text = line_of(rows, row, columns);

	assert_string_equal(text, expected);
	free(text);
}

/* What stands between is told where that cuts no name. */
static void a_flow_has_what_it_runs_through(void **state)
{
	struct flow_rows rows = flows_of("{\"flows\":[{\"service.name\":\"web\",\"hadal.edge.role\":\"client\","
					 "\"hadal.peer.name\":\"api\",\"hadal.edge.via\":\"envoy\",\"server.port\":80}]}");

	(void)state;
	expect_line(&rows, 0, 80, "web              -> api:80 via envoy        0    0    0    0    0    0    -    -");
	expect_line(&rows, 0, 70, "web         -> api:80             0    0    0    0    0    0    -    -");
	flow_rows_free(&rows);
}

static void a_flow_is_a_line(void **state)
{
	struct flow_rows rows = flows_of("{\"flows\":[" FLOW("web", "a-service-with-a-long-name", 36000, 12) ","
					 "{\"service.name\":\"db\",\"server.port\":53,\"network.transport\":\"udp\"}]}");
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	assert_non_null(to);
	flow_head(to, 80);
	fclose(to);
	assert_string_equal(text, "SERVICE             PEER:PORT            OPEN LIVE FAIL  RST  OUT   IN  RTT  RTX");
	free(text);
	expect_line(&rows, 0, 80, "web              -> a-service-with~:8080   12    1    5    0  35K    0 250u 1.5%");
	expect_line(&rows, 1, 80, "db               -- *:53/udp                0    0    0    0    0    0    -    -");
	assert_int_equal(flow_columns(&rows), 102);
	text = line_of(&rows, 0, 102);
	assert_non_null(strstr(text, "a-service-with-a-long-name:8080 "));
	free(text);
	flow_rows_free(&rows);
}

static void flows_are_sorted_and_left_out(void **state)
{
	struct flow_rows rows = flows_of("{\"left_out\":4,\"flows\":[" FLOW("b", "x", 1, 9) "," FLOW("a", "y", 5, 1) ","
					 FLOW("c", "x", 5, 2) "]}");

	(void)state;
	assert_int_equal(rows.left_out, 4);
	flow_rows_sort(&rows, FLOW_BY_BYTES);
	assert_string_equal(rows.list[0].service, "a");
	assert_string_equal(rows.list[1].service, "c");
	flow_rows_sort(&rows, FLOW_BY_OPENED);
	assert_string_equal(rows.list[0].service, "b");
	flow_rows_sort(&rows, FLOW_BY_PEER);
	assert_string_equal(rows.list[2].service, "a");
	flow_rows_match(&rows, "X");
	assert_int_equal(rows.count, 2);
	flow_rows_free(&rows);
}

static void a_window_has_what_is_new(void **state)
{
	struct flow_rows earlier = flows_of("{\"time_unix_nano\":1000000000,\"flows\":[" FLOW("web", "api", 1000, 7) ","
					    FLOW("again", "api", 500, 7) "]}");
	struct flow_rows rows = flows_of("{\"time_unix_nano\":3000000000,\"flows\":[" FLOW("again", "api", 30, 1) ","
					 FLOW("web", "api", 5096, 10) "," FLOW("young", "api", 20, 2) "]}");

	(void)state;
	flow_rows_since(&rows, &earlier);
	flow_rows_sort(&rows, FLOW_BY_SERVICE);
	assert_true(rows.window == 2);
	assert_int_equal(rows.list[0].counts[FLOW_OUT], 30);	/* it ended and began anew */
	assert_int_equal(rows.list[1].counts[FLOW_OUT], 4096);
	assert_int_equal(rows.list[1].counts[FLOW_OPENED], 3);
	assert_int_equal(rows.list[1].counts[FLOW_FAILED], 0);
	assert_int_equal(member_number(rows.list[1].json, "hadal.edge.io.transmit"), 4096);
	assert_int_equal(rows.list[2].counts[FLOW_OUT], 20);
	expect_line(&rows, 1, 80, "web              -> api:8080                3    1    0    0 2.0K    0 250u    -");
	flow_rows_free(&rows);
	flow_rows_free(&earlier);
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char *const wrong[] = { "{}", "[]", "7", "{\"flows\":3}", "{\"processes\":{}}" };
	struct process_rows processes;
	struct flow_rows flows;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(flow_rows_read(json_tokener_parse(wrong[i]), &flows), -EBADMSG);
		flow_rows_free(&flows);
		assert_int_equal(process_rows_read(json_tokener_parse(wrong[i]), &processes), -EBADMSG);
		process_rows_free(&processes);
	}
	/* Rows of another kind are empty ones. */
	flows = flows_of("{\"flows\":[3,null,{\"service.name\":[]}]}");
	assert_int_equal(flows.count, 3);
	flow_rows_sort(&flows, FLOW_BY_SERVICE);
	flow_rows_free(&flows);
}

static struct process_rows some_processes(void)
{
	struct process_rows rows;

	assert_int_equal(process_rows_read(json_tokener_parse(
		"{\"time_unix_nano\":1767323045000000000,\"processes\":["
		"{\"process.pid\":12,\"process.creation.time\":\"2026-01-02T02:00:00.5Z\",\"service.name\":\"api\","
		"\"container.id\":\"0123456789abcdef\",\"aws.ecs.task.id\":\"fedcba9876543210\","
		"\"process.executable.name\":\"node\",\"hadal.tcp.connection.active\":3,"
		"\"process.cpu.time\":75.5,\"process.memory.usage\":36000},"
		"{\"process.pid\":7,\"process.creation.time\":\"2025-12-24T02:00:00Z\",\"service.name\":\"web\","
		"\"process.executable.name\":\"sh\",\"hadal.process.end.time\":\"2026-01-02T03:04:00Z\","
		"\"process.exit.code\":137,\"hadal.process.exit.signal\":9},"
		"{\"process.pid\":2,\"process.creation.time\":\"2025-12-24T02:00:00Z\",\"service.name\":\"kernel\","
		"\"process.executable.name\":\"kthreadd\",\"hadal.process.kernel_thread\":true}]}"), &rows), 0);
	return rows;
}

static void expect_process(const struct process_rows *rows, size_t row, unsigned int columns, const char *expected)
{
	char *text;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	process_line(to, rows, &rows->list[row], columns);
	fclose(to);
	assert_string_equal(text, expected);
	assert_int_equal(strlen(text), columns);
	free(text);
}

static void a_process_is_a_line(void **state)
{
	struct process_filter filter = { .ended = true };
	struct process_rows rows = some_processes();

	(void)state;
	setenv("TZ", "UTC", 1);
	process_rows_filter(&rows, &filter);
	assert_int_equal(rows.count, 2);
	process_rows_sort(&rows, PROCESS_BY_PID);
	expect_process(&rows, 0, 80, "      7 Dec 24      0 SIGKILL          web                         sh           ");
	expect_process(&rows, 1, 80, "     12 02:00:00    3         fedcba98 api           0123456789ab~ node         ");
	/* Where there is room, what they use. */
	expect_process(&rows, 0, 100, "      7 Dec 24      -    -    0 SIGKILL          web             "
				      "                  sh               ");
	expect_process(&rows, 1, 100, "     12 02:00:00 1.3m  35K    3         fedcba98 api              "
				      "0123456789abcdef node             ");
	process_rows_sort(&rows, PROCESS_BY_CPU);
	assert_int_equal(rows.list[0].pid, 12);
	filter.ended = false;
	filter.match = "FEDC";
	process_rows_filter(&rows, &filter);
	assert_int_equal(rows.count, 1);
	process_rows_free(&rows);
}

/* hadald has them from labels, which an image may carry. */
static void no_task_orders_the_terminal_about(void **state)
{
	struct process_rows rows;

	(void)state;
	assert_int_equal(process_rows_read(json_tokener_parse(
		"{\"processes\":[{\"process.pid\":7,\"service.name\":\"web\",\"process.executable.name\":\"sh\","
		"\"aws.ecs.task.id\":\"\\u001b]0;x\\u0007yz\"}]}"), &rows), 0);
	expect_process(&rows, 0, 80, "      7             0         ?]0;x?yz web                         sh           ");
	process_rows_free(&rows);
}

static struct top_sample sample_of(const char *json)
{
	struct top_sample sample = { .edges = false };

	assert_int_equal(process_rows_read(json_tokener_parse(json), &sample.processes), 0);
	process_rows_sort(&sample.processes, PROCESS_BY_PID);
	return sample;
}

#define PROCESS(pid, more) "{\"process.pid\":" pid ",\"hadal.process.creation.boottime\":1,\"service.name\":\"api\"," more "}"

/* Of four processes: one goes on, one ends in between, one begins, of one nothing is known. */
static void top_adds_up_what_processes_use(void **state)
{
	struct top_sample earlier = sample_of("{\"time_unix_nano\":1000000000,\"sampled_monotonic_nano\":7000000000,"
		"\"processes\":[" PROCESS("1", "\"process.cpu.time\":10,\"process.memory.usage\":1000") ","
		PROCESS("2", "\"process.cpu.time\":5,\"process.memory.usage\":1000") "," PROCESS("4", "\"x\":1") "]}");
	struct top_sample sample = sample_of("{\"time_unix_nano\":4000000000,\"sampled_monotonic_nano\":9000000000,"
		"\"processes\":[" PROCESS("1", "\"process.cpu.time\":11,\"process.memory.usage\":3000") ","
		PROCESS("2", "\"process.cpu.time\":5.5,\"process.memory.usage\":0,\"hadal.process.end.time\":\"x\"") ","
		PROCESS("3", "\"process.cpu.time\":0.5,\"process.memory.usage\":500") "," PROCESS("4", "\"x\":1") "]}");
	struct top_table table;

	(void)state;
	assert_int_equal(top_table_make(TOP_SERVICE, &sample, &earlier, NULL, &table), 0);
	assert_int_equal(table.count, 1);
	assert_true(table.list[0].value[TOP_CPU] > 0.9999 && table.list[0].value[TOP_CPU] < 1.0001);
	assert_true(table.list[0].value[TOP_MEMORY] == 3500);
	assert_true(table.list[0].value[TOP_PROCESSES] == 3);
	top_table_free(&table);
	/* Nothing was looked at: no time has gone by. */
	sample.processes.sampled = earlier.processes.sampled = 0;
	assert_int_equal(top_table_make(TOP_SERVICE, &sample, &earlier, NULL, &table), 0);
	assert_true(table.list[0].value[TOP_CPU] == 0);
	top_table_free(&table);
	top_sample_free(&sample);
	top_sample_free(&earlier);
}

static void expect_problems(const char *json, const char *expected)
{
	struct collector_status status = { .document = json_tokener_parse(json) };
	struct problems problems = { .count = 0 };

	assert_non_null(status.document);
	collector_problems(&status, &problems);
	assert_string_equal(problems.text, expected);
	assert_int_equal(problems.count > 0, *expected != '\0');
	collector_status_free(&status);
}

static void what_is_wrong_is_said(void **state)
{
	struct collector_status absent = { .failure = -ENOENT, .error = "it is not there" };
	struct problems problems = { .count = 0 };

	(void)state;
	expect_problems("{}", "");
	expect_problems("{\"lag\":0.2,\"records\":{\"tcp\":{\"produced\":5,\"lost\":0}},\"incidents\":{\"flows_full\":0,"
			"\"identity_late\":7}}", "");
	expect_problems("{\"lag\":6.25,\"records\":{\"tcp\":{\"produced\":50,\"lost\":3}},\"incidents\":{\"flows_full\":2}}",
			"hadald is 6.2 s behind; hadald lost 3 of 50 tcp records; a bound was reached: flows_full 2");
	expect_problems("{\"shipping\":{\"sinks\":{\"hub\":{\"last_success_time\":\"2026-01-02T03:04:05.1Z\","
			"\"last_error_time\":\"2026-01-02T03:05:05.1Z\",\"last_error\":\"timed out\","
			"\"metrics\":{\"submitted\":9,\"rejected\":1,\"dropped\":2}},\"other\":{}}}}",
			"shipping to hub fails since 2026-01-02T03:04:05: timed out; "
			"hub: 3 of 9 metrics were rejected or dropped");
	expect_problems("{\"shipping\":{\"sinks\":{\"hub\":{\"last_success_time\":\"2026-01-02T03:06:05.1Z\","
			"\"last_error_time\":\"2026-01-02T03:05:05.1Z\",\"last_error\":\"timed out\"}},"
			"\"spool\":{\"trouble\":\"\"}}}", "");
	expect_problems("{\"shipping\":{\"sinks\":{},\"spool\":{\"trouble\":\"No space left on device\"}}}",
			"what waits to be shipped is in memory only: the spool's directory: No space left on device");
	expect_problems("{\"module\":{\"state\":\"loaded\"}}", "");
	expect_problems("{\"module\":{\"state\":\"loaded\",\"limits\":\"nothing of IPv4\"}}", "nothing of IPv4");
	expect_problems("{\"module\":{\"state\":\"absent\"},\"degraded\":{\"reason\":\"modprobe hadal\"}}",
			"hadald runs degraded, without the module (absent): modprobe hadal");
	expect_problems("{\"module\":{\"state\":\"failed\"},\"degraded\":{\"reason\":\"a ring\",\"limits\":\"no exits\"}}",
			"hadald runs degraded, without the module (failed): a ring; no exits");
	collector_problems(&absent, &problems);
	assert_string_equal(problems.text, "it is not there");
	absent.failure = -EACCES;
	problems = (struct problems){ .count = 0 };
	collector_problems(&absent, &problems);
	assert_int_equal(problems.count, 0);
	/* There is no end to what can be wrong, but one to the room. */
	for (unsigned int i = 0; i < 1000; i++)
		problem(&problems, "one more problem");
	assert_true(strlen(problems.text) < sizeof(problems.text));
}

static char *printed(const char *json)
{
	struct collector_status status = { .document = json_tokener_parse(json) };
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_non_null(status.document);
	collector_print(&status, to);
	fclose(to);
	collector_status_free(&status);
	return text;
}

static void what_adds_up_in_other_is_said(void **state)
{
	char *text = printed("{\"hadald\":\"1\",\"tables\":{\"workloads\":{\"used\":9,\"folded\":4},"
			     "\"edges\":{\"used\":50,\"folded\":31}}}");

	(void)state;
	assert_non_null(strstr(text, "4 workloads and 31 edges are beyond limits.points"));
	free(text);
	text = printed("{\"hadald\":\"1\",\"tables\":{\"workloads\":{\"used\":9,\"folded\":0},"
		       "\"edges\":{\"used\":50,\"folded\":0}}}");
	assert_null(strstr(text, "limits.points"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_take_four_columns),
		cmocka_unit_test(names_fit_their_column),
		cmocka_unit_test(a_flow_is_a_line),
		cmocka_unit_test(a_flow_has_what_it_runs_through),
		cmocka_unit_test(flows_are_sorted_and_left_out),
		cmocka_unit_test(a_window_has_what_is_new),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(a_process_is_a_line),
		cmocka_unit_test(no_task_orders_the_terminal_about),
		cmocka_unit_test(top_adds_up_what_processes_use),
		cmocka_unit_test(what_is_wrong_is_said),
		cmocka_unit_test(what_adds_up_in_other_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
