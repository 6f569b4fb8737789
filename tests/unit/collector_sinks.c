/* SPDX-License-Identifier: MIT */
/*
 * Sinks beside OTLP: what a configuration makes of them, what is said of one that is
 * wrong, and what they do with batches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "config_sinks.h"
#include "sink_json_lines.h"
#include "sink_remote_write.h"
#include "sink_scrape.h"
#include "text_file.h"

static char directory[] = "/tmp/hadald-sinks.XXXXXX";
static char path[64], error[512];
static char *report;

/* Loads @text as a configuration; what is said of it is in report. */
static int load(struct config *config, const char *text)
{
	size_t size;
	FILE *said, *file = fopen(path, "we");
	int ret;

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	free(report);
	said = open_memstream(&report, &size);
	ret = config_load(config, path, said);
	fclose(said);
	return ret;
}

static const char *setting(const struct hadal_sink_config *sink, const char *key)
{
	const char *value = hadal_sink_setting(sink, key);

	assert_non_null(value);
	return value;
}

static void sinks_are_configured_each_by_itself(void **state)
{
	struct hadal_sink_config sinks[HADAL_SINKS_MAX];
	struct config config;

	(void)state;
	assert_int_equal(load(&config, "[sink here]\ntype = scrape\n"), 0);
	assert_true(config_ships(&config));
	assert_false(config_sinks_write(&config));
	assert_int_equal(config_sinks(&config, sinks), 1);
	assert_string_equal(sinks[0].kind, "scrape");
	config_free(&config);

	assert_int_equal(load(&config, "[sink out]\ntype = json_lines\npath = -\n[collector]\nlogs = off\n"), 0);
	assert_true(config_sinks_write(&config));
	assert_int_equal(config_sinks(&config, sinks), 1);
	assert_true(sinks[0].ship.signal_off[HADAL_SIGNAL_LOGS]);
	config_free(&config);
}

static void all_of_them_at_once(void **state)
{
	struct hadal_sink_config sinks[HADAL_SINKS_MAX];
	struct config config;

	(void)state;
	assert_int_equal(load(&config, "[otlp]\nendpoint = https://a.example\n"
				       "[sink b]\ntype = remote_write\nendpoint = https://u:p@b.example/api/v1/write\n"
				       "timeout = 7\nheaders = x=y\n"
				       "[sink c]\ntype = scrape\naddress = [::1]:1\ncreated = on\n"
				       "[sink d]\ntype = json_lines\npath = /var/log/hadal/lines\nsize = 1M\ncount = 2\n"
				       "temporality = delta\n"), 0);
	assert_string_equal(report, "");
	assert_int_equal(config_sinks(&config, sinks), 4);
	assert_string_equal(sinks[1].kind, "remote_write");
	assert_int_equal(sinks[1].ship.timeout_ms, 7000);
	assert_string_equal(setting(&sinks[2], "address"), "[::1]:1");
	assert_string_equal(setting(&sinks[2], "created"), "on");
	assert_int_equal(sinks[2].interval_ms, 60000);
	assert_string_equal(setting(&sinks[3], "path"), "/var/log/hadal/lines");
	assert_true(sinks[3].delta);
	assert_false(sinks[3].ship.signal_off[HADAL_SIGNAL_LOGS]);
	config_free(&config);
}

static void faults_name_their_key(void **state)
{
	static const struct {
		const char *text, *key, *why;
	} cases[] = {
		{ "type = remote_write\n", ":2: key 'sink b'", "it has no endpoint" },
		{ "type = remote_write\nendpoint = b.example\n", ":3: key 'sink b.endpoint'", "http" },
		{ "type = remote_write\nendpoint = http://u:p@b.example/\n", ":3: key 'sink b.endpoint'", "plain http" },
		{ "type = remote_write\nendpoint = https://b.example/\nca_certificate = /nonexistent\n",
		  ":4: key 'sink b.ca_certificate'", "No such file" },
		{ "type = remote_write\nendpoint = https://b.example/\nclient_key = /dev/null\n",
		  ":4: key 'sink b.client_key'", "without a client certificate" },
		{ "type = remote_write\nendpoint = https://b.example/\ntemporality = delta\n", ":2: key 'sink b'",
		  "takes totals" },
		{ "type = remote_write\nendpoint = https://b.example/\npath = /x\n", ":2: key 'sink b'", "no key 'path'" },
		{ "type = otlp\nendpoint = https://b.example\ntoken_secret = a\ntoken_endpoint = http://c.example/\n",
		  ":5: key 'sink b.token_endpoint'", "'http://c.example/' begins neither with https:// nor with" },
		{ "type = scrape\naddress = 9464\n", ":2: key 'sink b'", "there is no port" },
		{ "type = scrape\naddress = localhost:9464\n", ":2: key 'sink b'", "ADDRESS:PORT" },
		{ "type = scrape\naddress = 127.0.0.1:75000\n", ":2: key 'sink b'", "no number up to 65535" },
		{ "type = scrape\naddress = 127.0.0.1:\n", ":2: key 'sink b'", "no number up to 65535" },
		{ "type = scrape\naddress = 127.0.0.1:0\n", ":2: key 'sink b'", "port 0 is none" },
		{ "type = scrape\ncreated = maybe\n", ":2: key 'sink b'", "created: neither 'on' nor 'off'" },
		{ "type = scrape\ntemporality = delta\n", ":2: key 'sink b'", "takes totals" },
		{ "type = json_lines\n", ":2: key 'sink b'", "path: is missing" },
		{ "type = json_lines\npath = lines\n", ":2: key 'sink b'", "path: neither begins with '/' nor is '-'" },
		{ "type = json_lines\npath = -\ncount = 0\n", ":2: key 'sink b'", "count: is not from 1 to 1000" },
		{ "type = json_lines\npath = -\nsize = much\n", ":2: key 'sink b'", "size: is no number of bytes" },
	};
	struct config config;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(text, sizeof(text), "[sink b]\n%s", cases[i].text);
		assert_int_equal(load(&config, text), -EINVAL);
		if (!strstr(report, cases[i].key) || !strstr(report, cases[i].why))
			fail_msg("of %s it said: %s", cases[i].text, report);
		assert_null(strstr(report, "u:p"));
		config_free(&config);
	}
}

/* ---- at work ---- */

static void remote_write_repeats_what_it_may(void **state)
{
	(void)state;
	for (long status = 100; status < 700; status++) {
		const enum hadal_ship_verdict verdict = sink_remote_write_verdict(status);

		if (status >= 200 && status < 300)
			assert_int_equal(verdict, HADAL_SHIP_DELIVERED);
		else if (status == 429 || (status >= 500 && status < 600))
			assert_int_equal(verdict, HADAL_SHIP_REPEAT);
		else
			assert_int_equal(verdict, HADAL_SHIP_REFUSED);
	}
}

static void *opened(const struct hadal_sink_kind *kind, const char *key, const char *value)
{
	const struct hadal_sink_config config = {
		.name = kind->name, .kind = kind->name, .settings = { { key, value } }, .setting_count = 1,
	};
	enum hadal_ship_part part;
	void *sink = NULL;

	assert_int_equal(kind->check(&config, &part, error, sizeof(error)), 0);
	assert_int_equal(kind->open(&config, &sink, error, sizeof(error)), 0);
	return sink;
}

static struct hadal_batch *make_batch(void)
{
	static const struct hadal_metric_info io = { "hadal.tcp.io", "By", "Payload", HADAL_COUNTER };
	const struct hadal_point at = { .start_time = 1000000000, .time = 2000000000 };
	struct hadal_batch *batch = hadal_batch_new(0);

	hadal_metric_add_int(hadal_resource_metric(hadal_batch_resource(batch, NULL), &io), &at, 42);
	return batch;
}

/* An address that is taken is no reason not to start; when it is free, it is served there. */
static void an_address_is_tried_again(void **state)
{
	const struct hadal_sink_kind *kind = &hadal_sink_scrape;
	struct hadal_batch *batch = make_batch();
	struct hadal_sink_encoded result = { 0 };
	struct hadal_sink_stats stats = { .clients_served = 9, .clients_refused = 9, .clients_cut = 9 };
	char here[32], everywhere[32];
	void *first, *same, *other;

	(void)state;
	snprintf(here, sizeof(here), "127.0.0.1:%d", 20000 + getpid() % 10000);
	snprintf(everywhere, sizeof(everywhere), "0.0.0.0:%d", 20000 + getpid() % 10000);
	first = opened(kind, "address", here);
	same = opened(kind, "address", here);		/* as when the configuration is read anew */
	other = opened(kind, "address", everywhere);	/* not the same, and not to be had */
	assert_ptr_equal(same, first);
	assert_int_equal(kind->encode(other, batch, HADAL_SIGNAL_METRICS, 0, 1, NULL, NULL, &result), -EADDRINUSE);
	assert_int_equal(result.failed, 1);
	assert_int_equal(kind->encode(same, batch, HADAL_SIGNAL_METRICS, 0, 1, NULL, NULL, &result), 0);
	kind->close(first);
	kind->close(same);
	result = (struct hadal_sink_encoded){ 0 };
	assert_int_equal(kind->encode(other, batch, HADAL_SIGNAL_METRICS, 0, 1, NULL, NULL, &result), 0);
	assert_int_equal(result.taken, 1);
	assert_int_equal(result.failed, 0);
	kind->count(other, &stats);
	assert_int_equal(stats.clients_served + stats.clients_refused + stats.clients_cut, 0);
	kind->close(other);
	kind->close(NULL);
	hadal_batch_free(batch);
}

static int keep(void *context, struct hadal_sink_request *request)
{
	struct hadal_sink_request **kept = context;

	assert_null(*kept);
	*kept = request;
	return 0;
}

static unsigned int forever(void *context)
{
	(void)context;
	return 1000;
}

/* A directory that is not there is told and tried again. */
static void lines_wait_for_their_directory(void **state)
{
	const struct hadal_sink_kind *kind = &hadal_sink_json_lines;
	struct hadal_batch *batch = make_batch();
	struct hadal_sink_encoded result = { 0 };
	struct hadal_sink_request *request = NULL;
	struct hadal_sink_answer answer = { 0 };
	struct hadal_sink_stats stats = { .rotations = 9 };
	char place[80], file[96], *text;
	void *sink;

	(void)state;
	snprintf(place, sizeof(place), "%s/later", directory);
	snprintf(file, sizeof(file), "%s/lines", place);
	sink = opened(kind, "path", file);
	kind->count(sink, &stats);
	assert_int_equal(stats.rotations, 0);
	assert_int_equal(kind->encode(sink, batch, HADAL_SIGNAL_METRICS, 0, 1, keep, &request, &result), 0);
	assert_int_equal(result.failed + result.oversize + result.taken, 0);
	assert_int_equal(result.bytes_raw, request->size);
	assert_int_equal(request->items, 1);
	kind->send(sink, request, forever, NULL, &answer);
	assert_int_equal(answer.verdict, HADAL_SHIP_REPEAT);
	assert_int_equal(answer.retry_after_ms, -1);
	assert_non_null(strstr(answer.text, file));
	assert_int_equal(mkdir(place, 0700), 0);
	answer = (struct hadal_sink_answer){ 0 };
	kind->send(sink, request, forever, NULL, &answer);
	assert_int_equal(answer.verdict, HADAL_SHIP_DELIVERED);
	assert_string_equal(answer.text, "");
	text = read_file(file);
	assert_int_equal(strlen(text), request->size);
	assert_non_null(strstr(text, "\"metric\":\"hadal.tcp.io\""));
	free(text);
	kind->reopen(sink);
	kind->close(sink);
	kind->close(NULL);
	unlink(file);
	rmdir(place);
	free(request->body);
	free(request);
	hadal_batch_free(batch);
}

static void sizes_have_suffixes(void **state)
{
	static const char *const good[] = { "0", "1", "64M", "1K", "2G", "9223372036854775807" };
	static const char *const bad[] = { "M", "1m", "1KB", "64 M", "8589934592G", "9007199254740992K", "9223372036854775808" };
	struct hadal_sink_config config = {
		.name = "d", .kind = "json_lines", .settings = { { "path", "-" }, { "size", NULL } }, .setting_count = 2,
	};
	enum hadal_ship_part part;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		config.settings[1].value = good[i];
		assert_int_equal(hadal_sink_json_lines.check(&config, &part, error, sizeof(error)), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config.settings[1].value = bad[i];
		assert_int_equal(hadal_sink_json_lines.check(&config, &part, error, sizeof(error)), -EINVAL);
	}
}

static void settings_of_lines_are_looked_at(void **state)
{
	static const struct {
		struct hadal_sink_setting settings[2];
		const char *why;
	} cases[] = {
		{ { { "size", "1" }, { "count", "1" } }, "path: is missing" },
		{ { { "path", "" }, { "count", "1" } }, "path: is missing" },
		{ { { "path", "/x" }, { "size", "-1" } }, "size: is no number" },
		{ { { "path", "/x" }, { "size", "99999999999999999999" } }, "size: is no number" },
		{ { { "path", "/x" }, { "size", "" } }, "size: is no number" },
		{ { { "path", "/x" }, { "count", "0" } }, "count: is not from 1 to 1000" },
		{ { { "path", "/x" }, { "count", "1001" } }, "count: is not from 1 to 1000" },
	};
	enum hadal_ship_part part;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hadal_sink_config config = { .name = "json_lines", .kind = "json_lines", .setting_count = 2 };
		void *sink;

		memcpy(config.settings, cases[i].settings, sizeof(cases[i].settings));
		assert_int_equal(hadal_sink_json_lines.check(&config, &part, error, sizeof(error)), -EINVAL);
		assert_non_null(strstr(error, cases[i].why));
		assert_int_equal(hadal_sink_json_lines.open(&config, &sink, error, sizeof(error)), -EINVAL);
	}
}

static void kinds_are_found_by_name(void **state)
{
	(void)state;
	assert_ptr_equal(hadal_sink_kind("remote_write"), &hadal_sink_remote_write);
	assert_ptr_equal(hadal_sink_kind("scrape"), &hadal_sink_scrape);
	assert_ptr_equal(hadal_sink_kind("json_lines"), &hadal_sink_json_lines);
	assert_null(hadal_sink_kind("prometheus"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sinks_are_configured_each_by_itself),
		cmocka_unit_test(all_of_them_at_once),
		cmocka_unit_test(faults_name_their_key),
		cmocka_unit_test(remote_write_repeats_what_it_may),
		cmocka_unit_test(an_address_is_tried_again),
		cmocka_unit_test(lines_wait_for_their_directory),
		cmocka_unit_test(sizes_have_suffixes),
		cmocka_unit_test(settings_of_lines_are_looked_at),
		cmocka_unit_test(kinds_are_found_by_name),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof(path), "%s/hadald.conf", directory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(report);
	unlink(path);
	rmdir(directory);
	return failed;
}
