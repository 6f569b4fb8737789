/* SPDX-License-Identifier: MIT */
/*
 * What shipping would cost is what it costs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <hadal/capture.h>

#include "estimate.h"
#include "model_fixture.h"
#include "ship.h"
#include "web_server.h"

static const struct export_host host = { .id = "i-0123", .name = "here", .cloud_region = "eu-west-1" };
static const struct hadal_stats session;
static const struct self self = { .usage = { 3000000, 1000000, 8 << 20 }, .lag = 2000000 };

static struct export_source source_of(const struct world *world)
{
	return (struct export_source){
		.host = &host, .self = &self, .model = world->model, .stats = &session, .module_version = "0", .module_state = "loaded",
		.start_time = EPOCH, .time = wall_at(world), .all = true, .now = world->recorder.time,
	};
}

static void some_traffic(struct world *world)
{
	start_services(world);
	answer_all(world);
	record_exec(&world->recorder, &web);
	record_exec(&world->recorder, &api);
	for (uint64_t i = 1; i <= 5; i++)
		web_calls_api(world, i, 100, 200);
}

/* ---- the same, really shipped ---- */

enum { SINKS = 4, SETTLE_MS = 60000 };

/* Sinks that an estimate has where none is configured, with a receiver and a file. */
struct shipping {
	struct web_page pages[4];
	struct web_server *receiver;
	char path[64];
	struct hadal_shipper *shipper;
};

static void start_shipping(struct shipping *shipping, int number)
{
	static const struct web_page pages[] = {
		{ .path = "POST /v1/metrics", .status = 200, .body = "" },
		{ .path = "POST /v1/logs", .status = 200, .body = "" },
		{ .path = "POST /write", .status = 200, .body = "" },
		{ .path = NULL },
	};
	struct hadal_sink_config sinks[SINKS] = {
		{ .name = "otlp", .kind = "otlp" },
		{ .name = "otlp-increments", .kind = "otlp", .delta = true },
		{ .name = "remote-write", .kind = "remote_write" },
		{ .name = "json-lines", .kind = "json_lines", .setting_count = 1 },
	};
	const struct hadal_shipper_config config = { .sinks = sinks, .sink_count = SINKS };
	char error[256], write[64];

	memcpy(shipping->pages, pages, sizeof(pages));
	shipping->receiver = web_start(shipping->pages);
	snprintf(shipping->path, sizeof(shipping->path), "/tmp/hadald-estimate.%d.%d", getpid(), number);
	snprintf(write, sizeof(write), "%s/write", web_url(shipping->receiver));
	sinks[0].ship.endpoint = sinks[1].ship.endpoint = web_url(shipping->receiver);
	sinks[2].ship.endpoint = write;
	sinks[3].settings[0] = (struct hadal_sink_setting){ "path", shipping->path };
	assert_int_equal(hadal_shipper_new(&config, &shipping->shipper, error, sizeof(error)), 0);
}

static void stop_shipping(struct shipping *shipping)
{
	assert_int_equal(hadal_shipper_stop(shipping->shipper, 0, NULL), 0);
	web_stop(shipping->receiver);
	unlink(shipping->path);
}

static uint64_t waiting(const struct hadal_ship_stats *stats)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < stats->sink_count; i++)
		for (int signal = 0; signal < HADAL_SIGNALS; signal++)
			sum += stats->sink[i].signal[signal].waiting;
	return sum;
}

static void ship(struct shipping *shipping, struct hadal_batch *batch, struct hadal_ship_stats *stats)
{
	unsigned int left = SETTLE_MS;

	assert_non_null(batch);
	assert_int_equal(hadal_shipper_submit(shipping->shipper, batch), 0);
	for (hadal_shipper_stats(shipping->shipper, stats); waiting(stats); left--) {
		assert_true(left);
		usleep(1000);
		hadal_shipper_stats(shipping->shipper, stats);
	}
}

static void ship_profiles(struct world *world, struct shipping *shipping, const struct hadal_ship_stats *counted,
			  struct hadal_ship_stats *stats)
{
	for (int full = 0; full < ESTIMATE_PROFILES; full++) {
		struct export_source source = source_of(world);

		source.full = full;
		source.shipped = counted;
		source.keep_events = true;
		ship(&shipping[full], export_batch(&source), &stats[full]);
	}
}

static void suppose_shipped(const struct estimate *estimate, struct hadal_ship_stats *counted)
{
	*counted = (struct hadal_ship_stats){ .sink_count = SINKS };
	for (size_t i = 0; i < SINKS; i++) {
		snprintf(counted->sink[i].name, sizeof(counted->sink[i].name), "%s", estimate->sinks[i].name);
		for (int signal = 0; signal < HADAL_SIGNALS; signal++)
			counted->sink[i].signal[signal].accepted = estimate->sinks[i].takes[signal];
	}
}

/*
 * What was shipped between @before and @after is the sum of @parts: to the byte before compression, and to a hundredth
 * behind it. The values differ in one, of how many events wait in a table: what is shipped here leaves them there for the
 * estimate.
 */
static void expect_shipped(const struct hadal_sink_stats *after, const struct hadal_sink_stats *before,
			   const struct estimate_profile *parts)
{
	const struct estimate_sum *metrics = &parts->metrics, *logs = &parts->logs, *metadata = &parts->metadata;
	const uint64_t sent = metrics->sent + logs->sent + metadata->sent;

	assert_int_equal(after->signal[HADAL_SIGNAL_METRICS].accepted - before->signal[HADAL_SIGNAL_METRICS].accepted,
			 metrics->items);
	assert_int_equal(after->signal[HADAL_SIGNAL_LOGS].accepted - before->signal[HADAL_SIGNAL_LOGS].accepted,
			 logs->items);
	assert_int_equal(after->requests - before->requests, metrics->requests + logs->requests + metadata->requests);
	assert_int_equal(after->bytes_raw - before->bytes_raw, metrics->raw + logs->raw + metadata->raw);
	assert_in_range(after->bytes_sent - before->bytes_sent, sent - sent / 100 - 1, sent + sent / 100 + 1);
	assert_int_equal(after->retries, 0);
}

static void expect_first(const struct estimate_sink *sink, unsigned int profile, const struct hadal_sink_stats *shipped)
{
	static const struct hadal_sink_stats none;
	const struct estimate_profile *of = &sink->profiles[profile];

	assert_true(of->metrics.items > 10);
	assert_int_equal(of->logs.items, sink->takes[HADAL_SIGNAL_LOGS] ? 2 : 0);
	assert_int_equal(of->metadata.requests, strcmp(shipped->kind, "remote_write") == 0);
	assert_int_equal(of->metrics.samples > of->metrics.items, of->metadata.requests);
	assert_int_equal(of->metrics.apart > of->metrics.raw, strcmp(shipped->kind, "otlp") == 0);
	expect_shipped(shipped, &none, of);
}

/* Series are told again at each interval, events once; it was told what metrics are. */
static void expect_second(const struct estimate_sink *sink, unsigned int profile, const struct hadal_sink_stats *shipped,
			  const struct hadal_sink_stats *before)
{
	const struct estimate_profile parts = { .metrics = sink->profiles[profile].metrics };

	assert_int_equal(sink->profiles[profile].logs.items, sink->takes[HADAL_SIGNAL_LOGS] ? 2 : 0);
	expect_shipped(shipped, before, &parts);
}

/* Of the same input, each sink by itself: through a spool, over HTTP and in a file. */
static void estimates_are_what_is_shipped(void **state)
{
	struct hadal_ship_stats counted, first[ESTIMATE_PROFILES], second[ESTIMATE_PROFILES];
	struct model_config model_config = { .lifecycle = true };
	struct shipping shipping[ESTIMATE_PROFILES];
	struct estimate estimate;
	struct export_source seen;
	struct config config;
	struct world world;

	(void)state;
	config_default(&config, stderr);
	assert_int_equal(estimate_open(&estimate, &config), 0);
	assert_int_equal(estimate.sink_count, SINKS);
	estimate.points = 0;
	suppose_shipped(&estimate, &counted);
	for (int full = 0; full < ESTIMATE_PROFILES; full++)
		start_shipping(&shipping[full], full);
	world_open(&world, &model_config);
	some_traffic(&world);
	interval_with(&world, true);
	ship_profiles(&world, shipping, &counted, first);
	assert_int_equal(world.model->events.length, 2);
	seen = source_of(&world);
	estimate_interval(&estimate, &seen);
	assert_int_equal(world.model->events.length, 0);
	for (unsigned int full = 0; full < ESTIMATE_PROFILES; full++)
		for (size_t i = 0; i < SINKS; i++)
			expect_first(&estimate.sinks[i], full, &first[full].sink[i]);

	web_calls_api(&world, 6, 100, 200);
	interval_with(&world, true);
	ship_profiles(&world, shipping, &counted, second);
	seen = source_of(&world);
	estimate_interval(&estimate, &seen);
	for (unsigned int full = 0; full < ESTIMATE_PROFILES; full++)
		for (size_t i = 0; i < SINKS; i++)
			expect_second(&estimate.sinks[i], full, &second[full].sink[i], &first[full].sink[i]);
	assert_int_equal(estimate.error, 0);
	for (int full = 0; full < ESTIMATE_PROFILES; full++)
		stop_shipping(&shipping[full]);
	estimate_close(&estimate);
	world_close(&world);
	config_free(&config);
}

/* The limit is the usual profile's. */
static void estimates_keep_to_the_limit(void **state)
{
	struct estimate estimate;
	struct export_source seen;
	struct config config;
	struct world world;
	char peer[64];

	(void)state;
	config_default(&config, stderr);
	config.points = 100;
	assert_int_equal(estimate_open(&estimate, &config), 0);
	world_open_named(&world, NULL);
	for (unsigned int i = 1; i <= 50; i++) {
		snprintf(peer, sizeof(peer), "10.1.1.1:%u", i);
		client_of(&world, i, &web, peer);
	}
	interval_with(&world, true);
	seen = source_of(&world);
	estimate_interval(&estimate, &seen);
	assert_in_range(estimate.sinks[0].profiles[0].metrics.items, 20, 100);
	assert_true(estimate.sinks[0].profiles[1].metrics.items > 150);
	estimate_close(&estimate);
	world_close(&world);
	config_free(&config);
}

static void to_capture(void *context, const struct hadal_record *record)
{
	assert_int_equal(hadal_capture_add(context, record), 0);
}

/* Names are in a capture's documents, which this one has none of: its containers stay without. */
static void captures_are_estimated(void **state)
{
	char path[] = "/tmp/hadald-estimate.XXXXXX", error[256] = "";
	struct world world = { .recorder = { .sink = to_capture, .time = START } };
	struct hadal_capture_writer *writer;
	struct estimate estimate;
	struct config config;
	int fd = mkstemp(path);

	(void)state;
	config_default(&config, stderr);
	assert_int_equal(estimate_open(&estimate, &config), 0);
	assert_int_equal(hadal_capture_create(&writer, fd, "{}", EPOCH), 0);
	world.recorder.context = writer;
	record_clock(&world.recorder, START, EPOCH);
	start_services(&world);
	web_calls_api(&world, 1, 100, 200);
	world.recorder.time += 30 * SECOND;
	web_calls_api(&world, 2, 100, 200);
	assert_int_equal(hadal_capture_finish(writer, NULL), 0);
	assert_int_equal(estimate_capture(&estimate, path, error, sizeof(error)), 0);
	assert_int_equal(estimate.error, 0);
	assert_in_range(estimate.nanoseconds, 30 * SECOND, 31 * SECOND);
	for (size_t i = 0; i < estimate.sink_count; i++) {
		assert_true(estimate.sinks[i].profiles[0].metrics.items > 10);
		assert_int_equal(estimate.sinks[i].profiles[0].metrics.requests, 1);
	}

	assert_int_equal(ftruncate(fd, 10), 0);
	assert_int_not_equal(estimate_capture(&estimate, path, error, sizeof(error)), 0);
	assert_true(*error);
	close(fd);
	unlink(path);
	assert_int_equal(estimate_capture(&estimate, path, error, sizeof(error)), -ENOENT);
	estimate_close(&estimate);
	config_free(&config);
}

static const struct estimate_profile told = {
	.metrics = { .items = 200, .samples = 500, .requests = 1, .raw = 20000, .sent = 2500, .apart = 90000 },
	.logs = { .items = 12, .requests = 6, .raw = 6000, .sent = 1200 },
	.metadata = { .requests = 1, .raw = 10000, .sent = 1000 },
};

static const char tables[] =
	"Seen in 120 s. Points, log records and bytes of request bodies; a month has 30 days.\n"
	"\notlp (otlp, totals, gzip)\n"
	"                                                            an interval                                        a month\n"
	"profile     every  signal     items requests      raw    apart     sent      items requests      raw    apart     sent\n"
	"services     60 s  metrics      200        1    20.0K    90.0K    2.50K      8.64M    43.2K     864M    3.89G     108M\n"
	"services     60 s  logs           6        1    3.00K    3.00K      600       259K    43.2K     130M     130M    25.9M\n"
	"full         10 s  metrics      200        1    20.0K    90.0K    2.50K      51.8M     259K    5.18G    23.3G     648M\n"
	"full         10 s  logs           1     0.50      500      500      100       259K     130K     130M     130M    25.9M\n"
	"\nprometheus (remote_write, totals, snappy)\n"
	"                                                            an interval                                        a month\n"
	"profile     every  signal     items  samples requests      raw     sent      items  samples requests      raw     sent\n"
	"services     60 s  metrics      200      500     1.20    22.0K    2.70K      8.64M    21.6M    51.8K     950M     117M\n"
	"full         10 s  metrics      200      500     1.03    20.3K    2.53K      51.8M     130M     268K    5.27G     657M\n";

static char *print(const struct estimate *estimate, const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	estimate_print(estimate, config, out);
	fclose(out);
	return text;
}

static void the_tables(void **state)
{
	static const struct hadal_sink_config configs[] = {
		{ .name = "otlp", .kind = "otlp", .ship.endpoint = "http://[::1]" },
		{ .name = "prometheus", .kind = "remote_write", .ship.endpoint = "http://[::1]" },
	};
	struct config config = { .profile = CONFIG_PROFILE_SERVICES, .interval = 60 };
	struct estimate_sink sinks[2];
	struct estimate estimate = { .sinks = sinks, .sink_count = 2, .nanoseconds = 120 * SECOND };
	char *text;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(estimate_sink_open(&sinks[i], &configs[i]), 0);
		sinks[i].profiles[0] = sinks[i].profiles[1] = told;
	}
	sinks[0].profiles[0].metadata = sinks[0].profiles[1].metadata = (struct estimate_sum){ 0 };
	text = print(&estimate, &config);
	assert_string_equal(text, tables);
	free(text);
	config.interval = 30;
	text = print(&estimate, &config);
	assert_non_null(strstr(text, "as configured:\nservices     30 s  metrics"));
	free(text);
	for (int i = 0; i < 2; i++)
		estimate_sink_close(&sinks[i]);
}

/* A sink that waits to be asked sends nothing. */
static void what_is_scraped_has_no_lines(void **state)
{
	static const struct hadal_sink_config scrape = { .name = "prometheus", .kind = "scrape" };
	struct estimate_sink sink;

	(void)state;
	assert_int_equal(estimate_sink_open(&sink, &scrape), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(estimates_are_what_is_shipped),
		cmocka_unit_test(estimates_keep_to_the_limit),
		cmocka_unit_test(captures_are_estimated),
		cmocka_unit_test(the_tables),
		cmocka_unit_test(what_is_scraped_has_no_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
