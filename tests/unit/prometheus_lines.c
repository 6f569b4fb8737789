/* SPDX-License-Identifier: MIT */
/* JSON lines: what a line says, and what becomes of the file that they are added to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json_lines.h"
#include "line_file.h"
#include "text_file.h"

#define START	1700000000123456789ULL
#define TIME	(START + 60000000000ULL)

static const struct hadal_metric_info
	io = { "hadal.tcp.io", "By", "Payload", HADAL_COUNTER },
	load = { "system.cpu.load_average.1m", "{thread}", "Load", HADAL_GAUGE },
	rtt = { "hadal.tcp.rtt", "s", "Round-trip time", HADAL_HISTOGRAM },
	exponential = { "hadal.tcp.connect.duration", "s", "From SYN", HADAL_EXPONENTIAL_HISTOGRAM };

static const struct hadal_point at = { .start_time = START, .time = TIME },
	end = { .start_time = START, .time = TIME, .no_recorded_value = true };

/* ---- lines ---- */

struct out {
	char *text;
	size_t size;
	size_t limit;
	uint64_t times, next, fail_at;
	struct json_lines_result result;
};

static int take(void *context, const struct json_lines *lines)
{
	struct out *out = context;
	uint64_t count = 0;

	assert_int_equal(lines->first, out->next);
	assert_true(lines->items > 0 && lines->size <= out->limit);
	assert_int_equal(lines->text[lines->size - 1], '\n');
	if (++out->times == out->fail_at) {
		free(lines->text);
		return -EPIPE;
	}
	for (size_t i = 0; i < lines->size; i++)
		count += lines->text[i] == '\n';
	assert_int_equal(count, lines->items);
	out->next += lines->items;
	out->text = realloc(out->text, out->size + lines->size + 1);
	assert_non_null(out->text);
	memcpy(out->text + out->size, lines->text, lines->size);
	out->size += lines->size;
	out->text[out->size] = '\0';
	free(lines->text);
	return 0;
}

static struct hadal_resource *add_web(struct hadal_batch *batch)
{
	return hadal_batch_resource(batch, HADAL_ATTRIBUTES(batch, hadal_string("service.name", "web")));
}

#define FRONT	"{\"timestamp\":\"2023-11-14T22:14:20.123456789Z\","
#define SINCE	"\"start_timestamp\":\"2023-11-14T22:13:20.123456789Z\","
#define BACK	"\"resource\":{\"service.name\":\"web\"},\"attributes\":"

static void points_become_lines(void **state)
{
	static const char *const list[] = { "a", "b" };
	static const double bounds[] = { 0.5, 1 };
	static const uint64_t counts[] = { 1, 0, 4 };
	const struct hadal_histogram_value value = {
		.bounds = bounds, .bound_count = 2, .counts = counts, .sum = 66.1, .min = 0.1, .max = 30, .has_extremes = true,
	};
	const struct hadal_exponential_histogram_value power = {
		.scale = 2, .offset = -3, .counts = counts, .count = 3, .zero_count = 2, .zero_threshold = 0.25, .sum = 4,
	};
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *web = add_web(batch);
	struct hadal_point point = at;
	struct out out = { .limit = 1 << 20 };

	(void)state;
	point.attributes = HADAL_ATTRIBUTES(batch, hadal_string("a", "\"\n\xc3\xa4/"), hadal_int("b", -1),
					    hadal_double("c", 0.1), hadal_bool("d", true), hadal_strings("e", list, 2));
	hadal_metric_add_int(hadal_resource_metric(web, &io), &point, INT64_MAX);
	hadal_metric_add_int(hadal_resource_metric(web, &io), &end, 0);
	hadal_metric_add_double(hadal_resource_metric(web, &load), &(struct hadal_point){ .time = TIME }, 0.1);
	hadal_metric_add_histogram(hadal_resource_metric(web, &rtt), &at, &value);
	hadal_metric_add_exponential_histogram(hadal_resource_metric(web, &exponential), &at, &power);
	assert_int_equal(json_lines_encode(batch, HADAL_SIGNAL_METRICS, false, 0, 5, out.limit, take, &out, &out.result),
			 0);
	assert_int_equal(out.result.encoded, 5);
	assert_string_equal(out.text,
		FRONT "\"metric\":\"hadal.tcp.io\",\"kind\":\"counter\",\"unit\":\"By\",\"temporality\":\"cumulative\","
		SINCE "\"value\":9223372036854775807," BACK
		"{\"a\":\"\\\"\\n\xc3\xa4/\",\"b\":-1,\"c\":0.1,\"d\":true,\"e\":[\"a\",\"b\"]}}\n"
		FRONT "\"metric\":\"hadal.tcp.io\",\"kind\":\"counter\",\"unit\":\"By\",\"temporality\":\"cumulative\","
		SINCE "\"ended\":true," BACK "{}}\n"
		FRONT "\"metric\":\"system.cpu.load_average.1m\",\"kind\":\"gauge\",\"unit\":\"{thread}\",\"value\":0.1,"
		BACK "{}}\n"
		FRONT "\"metric\":\"hadal.tcp.rtt\",\"kind\":\"histogram\",\"unit\":\"s\",\"temporality\":\"cumulative\","
		SINCE "\"count\":5,\"sum\":66.1,\"min\":0.1,\"max\":30,\"bounds\":[0.5,1],\"counts\":[1,0,4]," BACK "{}}\n"
		FRONT "\"metric\":\"hadal.tcp.connect.duration\",\"kind\":\"exponential_histogram\",\"unit\":\"s\","
		"\"temporality\":\"cumulative\"," SINCE "\"count\":7,\"sum\":4,\"scale\":2,\"zero_count\":2,"
		"\"zero_threshold\":0.25,\"offset\":-3,\"counts\":[1,0,4]," BACK "{}}\n");
	free(out.text);
	hadal_batch_free(batch);
}

static void log_records_become_lines(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	const struct hadal_log_record record = {
		.event_name = "hadal.process.exec", .time = START, .observed_time = TIME, .severity = HADAL_SEVERITY_INFO,
		.attributes = HADAL_ATTRIBUTES(batch, hadal_int("process.pid", 7)), .body = "text",
	}, bare = { .event_name = "bare", .observed_time = TIME, .severity = HADAL_SEVERITY_WARN };
	struct out out = { .limit = 1 << 20 };

	(void)state;
	hadal_resource_log(add_web(batch), &record);
	hadal_resource_log(hadal_batch_resource(batch, NULL), &bare);
	assert_int_equal(json_lines_encode(batch, HADAL_SIGNAL_LOGS, false, 0, 2, out.limit, take, &out, &out.result), 0);
	assert_string_equal(out.text,
		"{\"timestamp\":\"2023-11-14T22:13:20.123456789Z\",\"event_name\":\"hadal.process.exec\","
		"\"observed_timestamp\":\"2023-11-14T22:14:20.123456789Z\",\"severity_number\":9,\"body\":\"text\"," BACK
		"{\"process.pid\":7}}\n"
		FRONT "\"event_name\":\"bare\",\"observed_timestamp\":\"2023-11-14T22:14:20.123456789Z\","
		"\"severity_number\":13,\"resource\":{},\"attributes\":{}}\n");
	free(out.text);
	hadal_batch_free(batch);
}

enum { POINTS = 100 };

static struct hadal_batch *make_many(void)
{
	struct hadal_batch *batch = hadal_batch_new(0);

	for (int i = 0; i < POINTS; i++)
		hadal_metric_add_int(hadal_resource_metric(add_web(batch), &io), &at, i);
	return batch;
}

static void whatever_the_bound_all_lines_come_once(void **state)
{
	struct hadal_batch *batch = make_many();
	struct out whole = { .limit = 1 << 20 };

	(void)state;
	assert_int_equal(json_lines_encode(batch, HADAL_SIGNAL_METRICS, true, 0, POINTS, whole.limit, take, &whole,
					   &whole.result), 0);
	assert_int_equal(whole.times, 1);
	assert_non_null(strstr(whole.text, "\"temporality\":\"delta\""));
	for (size_t limit = 300; limit < 20000; limit += limit / 3) {
		struct out out = { .limit = limit };

		assert_int_equal(json_lines_encode(batch, HADAL_SIGNAL_METRICS, true, 0, POINTS, limit, take, &out,
						   &out.result), 0);
		assert_int_equal(out.result.encoded, POINTS);
		assert_true(out.times > 1);
		assert_string_equal(out.text, whole.text);
		free(out.text);
	}
	free(whole.text);
	hadal_batch_free(batch);
}

static void parts_bounds_and_failures_are_accounted_for(void **state)
{
	struct hadal_batch *batch = make_many();
	struct out out = { .limit = 1 << 20, .next = 40 };

	(void)state;
	assert_int_equal(json_lines_encode(batch, HADAL_SIGNAL_METRICS, false, 40, 7, out.limit, take, &out, &out.result),
			 0);
	assert_int_equal(out.result.encoded, 7);
	assert_int_equal(out.next, 47);
	assert_non_null(strstr(out.text, "\"value\":40,"));
	assert_non_null(strstr(out.text, "\"value\":46,"));
	free(out.text);

	out = (struct out){ .limit = 100 };
	assert_int_equal(json_lines_encode(batch, HADAL_SIGNAL_METRICS, false, 0, POINTS, out.limit, take, &out,
					   &out.result), 0);
	assert_int_equal(out.result.oversize, POINTS);

	out = (struct out){ .limit = 3000, .fail_at = 2 };
	assert_int_equal(json_lines_encode(batch, HADAL_SIGNAL_METRICS, false, 0, POINTS, out.limit, take, &out,
					   &out.result), -EPIPE);
	assert_int_equal(out.result.encoded, out.next);
	assert_int_equal(out.result.lost, POINTS - out.next);
	free(out.text);
	hadal_batch_free(batch);
}

/* ---- the file ---- */

static char directory[] = "/tmp/hadal-lines.XXXXXX";
static char path[64], error[256];

static unsigned int forever(void *context)
{
	(void)context;
	return 1000;
}

static struct line_file *opened(uint64_t size, unsigned int count)
{
	const struct line_file_config config = { .path = path, .size = size, .count = count };
	struct line_file *file = NULL;

	assert_int_equal(line_file_new(&config, &file), 0);
	return file;
}

static int put(struct line_file *file, const char *text)
{
	return line_file_write(file, text, strlen(text), forever, NULL, error, sizeof(error));
}

static void expect(const char *suffix, const char *wanted)
{
	char name[80], *text;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	text = read_file(name);
	assert_string_equal(text, wanted);
	free(text);
}

static bool exists(const char *suffix)
{
	char name[80];

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return access(name, F_OK) == 0;
}

static void make(const char *suffix, const char *text)
{
	char name[80];
	FILE *file;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	file = fopen(name, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int empty(void **state)
{
	static const char *const suffixes[] = { "", ".1", ".2", ".3", ".4", ".moved" };
	char name[80];

	(void)state;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		unlink(name);
	}
	return 0;
}

static void it_is_rotated_by_size_and_count(void **state)
{
	struct line_file *file = opened(10, 2);
	struct stat status;

	(void)state;
	assert_int_equal(put(file, "one\ntwo\n"), 0);
	assert_int_equal(put(file, "3\n"), 0);
	expect("", "one\ntwo\n3\n");
	assert_int_equal(put(file, "four\n"), 0);
	expect("", "four\n");
	expect(".1", "one\ntwo\n3\n");
	assert_int_equal(put(file, "longer than all\n"), 0);
	assert_int_equal(put(file, "last\n"), 0);
	expect("", "last\n");
	expect(".1", "longer than all\n");
	expect(".2", "four\n");
	assert_false(exists(".3"));
	assert_int_equal(line_file_rotations(file), 3);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	line_file_free(file);
}

/* Each state that a rotation can be interrupted in. */
static void an_interrupted_rotation_loses_nothing(void **state)
{
	static const char *const places[] = { "", ".1", ".2", ".3" };
	struct line_file *file;

	(void)state;
	for (unsigned int gap = 1; gap <= 3; gap++) {
		empty(NULL);
		for (unsigned int i = 0; i <= 3; i++)
			if (i != gap)
				make(places[i], i ? places[i] + 1 : "0123456789\n");
		file = opened(10, 3);
		assert_int_equal(put(file, "new\n"), 0);
		expect("", "new\n");
		expect(".1", "0123456789\n");
		for (unsigned int i = 1; i < gap; i++)
			expect(places[i + 1], places[i] + 1);
		for (unsigned int i = gap + 1; i <= 3; i++)
			expect(places[i], places[i] + 1);
		line_file_free(file);
	}
}

static void without_a_bound_it_is_not(void **state)
{
	struct line_file *file = opened(0, 2);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(put(file, "one line\n"), 0);
	assert_false(exists(".1"));
	line_file_free(file);
}

static void what_was_moved_is_made_anew(void **state)
{
	struct line_file *file = opened(20, 1);
	char moved[80];

	(void)state;
	assert_int_equal(put(file, "one\n"), 0);
	snprintf(moved, sizeof(moved), "%s.moved", path);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(put(file, "two\n"), 0);
	expect(".moved", "one\n");
	expect("", "two\n");
	line_file_reopen(file);
	assert_int_equal(put(file, "three\n"), 0);
	expect("", "two\nthree\n");
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(put(file, "fourteen bytes\n"), 0);
	expect("", "fourteen bytes\n");
	assert_false(exists(".1"));
	line_file_free(file);
}

static void half_a_line_is_ended(void **state)
{
	struct line_file *file;

	(void)state;
	make("", "whole\nhal");
	file = opened(0, 1);
	assert_int_equal(put(file, "one\n"), 0);
	assert_int_equal(put(file, "two\n"), 0);
	expect("", "whole\nhal\none\ntwo\n");
	line_file_free(file);
}

static void a_full_disk_gets_all_of_it_or_nothing(void **state)
{
	struct line_file *file = opened(0, 1);
	struct rlimit before, small;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(put(file, "0123456\n"), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 12;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(put(file, "abcdefg\n"), -EFBIG);
	assert_non_null(strstr(error, path));
	expect("", "0123456\n");
	assert_int_equal(put(file, "ab\n"), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(put(file, "abcdefg\n"), 0);
	expect("", "0123456\nab\nabcdefg\n");
	line_file_free(file);
}

static void refuse(int number, const char *why)
{
	struct line_file *file = opened(0, 1);

	assert_int_equal(put(file, "line\n"), number);
	if (!strstr(error, path) || !strstr(error, why))
		fail_msg("said: %s", error);
	line_file_free(file);
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse(-EINVAL, "is not a regular file");
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	refuse(-ELOOP, "cannot be opened");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refuse(-EISDIR, "cannot be opened");
	rmdir(path);
}

static void paths_are_looked_at(void **state)
{
	static char longest[8192];
	struct line_file_config config = { .path = "" };
	struct line_file *file;

	(void)state;
	assert_int_equal(line_file_new(&config, &file), -EINVAL);
	memset(longest, 'x', sizeof(longest) - 1);
	config.path = longest;
	assert_int_equal(line_file_new(&config, &file), -ENAMETOOLONG);
}

/* ---- standard output ---- */

static unsigned int thrice(void *context)
{
	unsigned int *left = context;

	return *left ? (*left)-- : 0;
}

/* A pipe that nobody reads is waited for no longer than patience lasts; then the line is begun anew. */
static void standard_output_may_be_a_pipe(void **state)
{
	enum { BIG = 1 << 18 };
	const struct line_file_config config = { .path = LINE_FILE_STANDARD_OUTPUT };
	static char big[BIG], back[2 * BIG];
	const int output = dup(STDOUT_FILENO);
	unsigned int patience = 60;
	struct line_file *file;
	size_t got = 0, begun;
	int ends[2];
	ssize_t some;

	(void)state;
	fflush(stdout);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDOUT_FILENO);
	assert_int_equal(line_file_new(&config, &file), 0);
	memset(big, 'x', BIG - 1);
	big[BIG - 1] = '\n';
	assert_int_equal(line_file_write(file, big, BIG, thrice, &patience, error, sizeof(error)), -ETIMEDOUT);
	assert_true(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
	while ((some = read(ends[0], back + got, sizeof(back) - got)) > 0)
		got += (size_t)some;
	begun = got;
	assert_true(begun > 0 && begun < BIG && !memchr(back, '\n', begun));
	assert_int_equal(put(file, "next\n"), 0);
	got += (size_t)read(ends[0], back + got, sizeof(back) - got);
	dup2(output, STDOUT_FILENO);
	assert_int_equal(got, begun + strlen("\nnext\n"));
	assert_memory_equal(back + begun, "\nnext\n", strlen("\nnext\n"));
	line_file_free(file);
	close(output);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_become_lines),
		cmocka_unit_test(log_records_become_lines),
		cmocka_unit_test(whatever_the_bound_all_lines_come_once),
		cmocka_unit_test(parts_bounds_and_failures_are_accounted_for),
		cmocka_unit_test_teardown(it_is_rotated_by_size_and_count, empty),
		cmocka_unit_test_teardown(an_interrupted_rotation_loses_nothing, empty),
		cmocka_unit_test_teardown(without_a_bound_it_is_not, empty),
		cmocka_unit_test_teardown(what_was_moved_is_made_anew, empty),
		cmocka_unit_test_teardown(half_a_line_is_ended, empty),
		cmocka_unit_test_teardown(a_full_disk_gets_all_of_it_or_nothing, empty),
		cmocka_unit_test_teardown(what_is_no_file_is_refused, empty),
		cmocka_unit_test(paths_are_looked_at),
		cmocka_unit_test(standard_output_may_be_a_pipe),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/lines", directory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
