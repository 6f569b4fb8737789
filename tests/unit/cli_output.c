/* SPDX-License-Identifier: MIT */
/*
 * Lines of events: JSON that a parser takes, and lines that no process can
 * make into orders to a terminal.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <json-c/json.h>

#include "event_output.h"

static const struct hadal_clock clocks = {
	.monotonic = 1000, .boottime = 1000, .realtime = 1767323045000000000,
};

static const struct container container = { .container_id = "0123456789abcdef", .task_id = "task" };

typedef int (*output_fn)(FILE *to, const struct hadal_record *record, const struct hadal_clock *clock,
			 const struct container *container);

/* What output writes, to be freed. */
static char *written_by(output_fn output, const void *record, const struct container *where)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_int_equal(output(to, record, &clocks, where), 0);
	fclose(to);
	assert_true(size > 1 && text[size - 1] == '\n');
	return text;
}

static struct json_object *json_of(const void *record, const struct container *where)
{
	char *text = written_by(event_json, record, where);
	struct json_object *object = json_tokener_parse(text);

	assert_non_null(object);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	free(text);
	return object;
}

static const char *string_in(struct json_object *object, const char *name)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(object, name, &value));
	assert_int_equal(json_object_get_type(value), json_type_string);
	return json_object_get_string(value);
}

struct exec {
	struct hadal_record_process_exec record;
	char strings[64];
};

/* A path that is no UTF-8, arguments with quotes, newlines and escapes. */
static struct exec nasty_exec(void)
{
	static const char strings[] = "/bin/\xff" "x\0say \"hi\"\n\0\x1b[2J\0\xc2\x9b" "31m\0cut";
	struct exec exec = {
		.record = {
			.header = { .size = sizeof(exec), .type = HADAL_RECORD_PROCESS_EXEC,
				    .record_class = HADAL_CLASS_PROCESS, .time = 2000 },
			.process = { .tgid = 5, .comm = "x" },
			.strings_offset = sizeof(exec.record), .path_len = 6, .argv_len = sizeof(strings) - 1 - 6, .argc = 6,
			.flags = HADAL_EXEC_ARGV_TRUNCATED,
		},
	};

	memcpy(exec.strings, strings, sizeof(strings));
	return exec;
}

static void json_of_an_exec(void **state)
{
	struct exec exec = nasty_exec();
	struct json_object *object = json_of(&exec, &container), *arguments;

	(void)state;
	assert_string_equal(string_in(object, "timestamp"), "2026-01-02T03:04:05.000001000Z");
	assert_string_equal(string_in(object, "event_name"), "hadal.process.exec");
	assert_string_equal(string_in(object, "container.id"), container.container_id);
	assert_string_equal(string_in(object, "aws.ecs.task.id"), "task");
	assert_string_equal(string_in(object, "process.executable.path"), "/bin/\xef\xbf\xbd");
	assert_true(json_object_object_get_ex(object, "process.command_args", &arguments));
	assert_int_equal(json_object_array_length(arguments), 5);
	assert_string_equal(json_object_get_string(json_object_array_get_idx(arguments, 1)), "say \"hi\"\n");
	assert_string_equal(json_object_get_string(json_object_array_get_idx(arguments, 4)), "cut");
	json_object_put(object);
}

static void json_without_a_container(void **state)
{
	struct exec exec = nasty_exec();
	struct json_object *object = json_of(&exec, NULL);

	(void)state;
	assert_false(json_object_object_get_ex(object, "container.id", NULL));
	assert_false(json_object_object_get_ex(object, "aws.ecs.task.id", NULL));
	json_object_put(object);
}

static struct hadal_record_tcp_closed closed_connection(void)
{
	struct hadal_record_tcp_closed closed = {
		.header = { .size = sizeof(closed), .type = HADAL_RECORD_TCP_CLOSED,
			    .record_class = HADAL_CLASS_TCP, .time = 3000 },
		.tcp = { .id = UINT64_C(1) << 53 | 1, .key = 1, .start_time = 1500,
			 .role = HADAL_TCP_SERVER, .family = AF_INET, .local_port = 80,
			 .peer_port = 40000, .local_address = { 127, 0, 0, 1 },
			 .peer_address = { 127, 0, 0, 1 }, .owner_tgid = 9 },
		.counters = { .sent = 1, .acked = 2, .received = 3, .srtt = 100 },
		.old_state = 9, .error = ECONNRESET, .ending = HADAL_TCP_ENDING_RESET,
	};

	return closed;
}

static void json_numbers_are_exact(void **state)
{
	struct hadal_record_tcp_closed closed = closed_connection();
	char *text = written_by(event_json, &closed, NULL);

	(void)state;
	assert_non_null(strstr(text, "\"hadal.connection.id\":9007199254740993,"));
	assert_non_null(strstr(text, "\"hadal.tcp.connection.duration\":0.0000015,"));
	assert_non_null(strstr(text, "\"hadal.tcp.rtt\":0.0001,"));
	assert_non_null(strstr(text, "\"error.type\":\"ECONNRESET\""));
	free(text);
}

static void lines_hold_no_control_characters(void **state)
{
	struct exec exec = nasty_exec();
	char *text = written_by(event_line, &exec, &container), *at;

	(void)state;
	for (at = text; at[1]; at++)
		assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
	assert_null(strstr(text, "\xc2\x9b"));
	assert_non_null(strstr(text, "\\x1b[2J"));
	assert_non_null(strstr(text, "\\x9b31m"));
	assert_non_null(strstr(text, " cut ..."));
	assert_non_null(strstr(text, " [0123456789ab]"));
	assert_memory_equal(text, "03:04:05.000001 process exec", 28);
	free(text);
}

static void lines_of_connections(void **state)
{
	struct hadal_record_tcp_closed closed = closed_connection();
	char *text = written_by(event_line, &closed, NULL);

	(void)state;
	assert_string_equal(text, "03:04:05.000002 tcp     closed          9 127.0.0.1:80 <- "
				  "127.0.0.1:40000 reset ECONNRESET sent 1 acked 2 received 3 "
				  "rtt 0.100 ms after 0.002 ms\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_of_an_exec),
		cmocka_unit_test(json_without_a_container),
		cmocka_unit_test(json_numbers_are_exact),
		cmocka_unit_test(lines_hold_no_control_characters),
		cmocka_unit_test(lines_of_connections),
	};

	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
