/* SPDX-License-Identifier: MIT */
/*
 * The text that is scraped, to the byte. That Prometheus reads it so is
 * tests/suites/31-prometheus's to show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "prometheus_text.h"

#define START		1700000000123456789ULL
#define TIME		(START + 60000000000ULL)

static const struct hadal_metric_info
	io = { "hadal.tcp.io", "By", "Payload \"sent\"\nand \\ received", HADAL_COUNTER },
	active = { "hadal.tcp.connection.active", "{connection}", NULL, HADAL_UP_DOWN_COUNTER },
	load = { "system.cpu.load_average.1m", "{thread}", "Load", HADAL_GAUGE },
	rtt = { "hadal.tcp.rtt", "s", "Round-trip time", HADAL_HISTOGRAM };

static const struct hadal_point at = { .start_time = START, .time = TIME },
	end = { .start_time = START, .time = TIME, .no_recorded_value = true };

static void add(struct hadal_resource *resource, const struct hadal_metric_info *info, struct hadal_point point,
		const struct hadal_attributes *attributes, int64_t value)
{
	point.attributes = attributes;
	hadal_metric_add_int(hadal_resource_metric(resource, info), &point, value);
}

static void add_rtt(struct hadal_resource *resource)
{
	static const double bounds[] = { 0.5, 1, 10 };
	static const uint64_t counts[] = { 1, 2, 3, 4 };
	const struct hadal_histogram_value value = { .bounds = bounds, .bound_count = 3, .counts = counts, .sum = 66.25 };

	hadal_metric_add_histogram(hadal_resource_metric(resource, &rtt), &at, &value);
}

static struct hadal_batch *make_batch(void)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *web = hadal_batch_resource(
		batch, HADAL_ATTRIBUTES(batch, hadal_string("service.name", "web"), hadal_string("host.id", "i-1")));
	struct hadal_resource *gone = hadal_batch_resource(
		batch, HADAL_ATTRIBUTES(batch, hadal_string("service.name", "gone"), hadal_string("host.id", "i-1")));

	add(web, &io, at, HADAL_ATTRIBUTES(batch, hadal_string("peer", "a\"b\\c\nd")), INT64_MAX);
	add(web, &io, end, HADAL_ATTRIBUTES(batch, hadal_string("peer", "ended")), 0);
	add(gone, &io, end, NULL, 0);
	add(gone, &active, end, NULL, 0);
	add(web, &io, at, HADAL_ATTRIBUTES(batch, hadal_string("peer", "z")), 0);
	hadal_metric_add_double(hadal_resource_metric(web, &load), &at, 0.1);
	add_rtt(web);
	assert_int_equal(hadal_batch_error(batch), 0);
	return batch;
}

static void expect(enum prometheus_format format, bool created, const char *wanted)
{
	struct hadal_batch *batch = make_batch();
	struct prometheus_view view;
	char *text;
	size_t size;

	assert_int_equal(prometheus_view_make(batch, &view), 0);
	assert_int_equal(prometheus_text(&view, format, created, &text, &size), 0);
	assert_string_equal(text, wanted);
	assert_int_equal(size, strlen(wanted));
	free(text);
	prometheus_view_free(&view);
	hadal_batch_free(batch);
}

static void the_older_format(void **state)
{
	(void)state;
	expect(PROMETHEUS_FORMAT_TEXT, true,
	       "# TYPE target_info gauge\n"
	       "# HELP target_info What is known of the workload and its host\n"
	       "target_info{host_id=\"i-1\",job=\"web\"} 1\n"
	       "# TYPE hadal_tcp_io_bytes_total counter\n"
	       "# HELP hadal_tcp_io_bytes_total Payload \"sent\"\\nand \\\\ received\n"
	       "hadal_tcp_io_bytes_total{job=\"web\",peer=\"a\\\"b\\\\c\\nd\"} 9223372036854775807\n"
	       "hadal_tcp_io_bytes_total{job=\"web\",peer=\"z\"} 0\n"
	       "# TYPE system_cpu_load_average_1m gauge\n"
	       "# HELP system_cpu_load_average_1m Load\n"
	       "system_cpu_load_average_1m{job=\"web\"} 0.1\n"
	       "# TYPE hadal_tcp_rtt_seconds histogram\n"
	       "# HELP hadal_tcp_rtt_seconds Round-trip time\n"
	       "hadal_tcp_rtt_seconds_bucket{job=\"web\",le=\"0.5\"} 1\n"
	       "hadal_tcp_rtt_seconds_bucket{job=\"web\",le=\"1\"} 3\n"
	       "hadal_tcp_rtt_seconds_bucket{job=\"web\",le=\"10\"} 6\n"
	       "hadal_tcp_rtt_seconds_bucket{job=\"web\",le=\"+Inf\"} 10\n"
	       "hadal_tcp_rtt_seconds_sum{job=\"web\"} 66.25\n"
	       "hadal_tcp_rtt_seconds_count{job=\"web\"} 10\n");
}

static void openmetrics(void **state)
{
	(void)state;
	expect(PROMETHEUS_FORMAT_OPENMETRICS, true,
	       "# TYPE target info\n"
	       "# HELP target What is known of the workload and its host\n"
	       "target_info{host_id=\"i-1\",job=\"web\"} 1\n"
	       "# TYPE hadal_tcp_io_bytes counter\n"
	       "# UNIT hadal_tcp_io_bytes bytes\n"
	       "# HELP hadal_tcp_io_bytes Payload \\\"sent\\\"\\nand \\\\ received\n"
	       "hadal_tcp_io_bytes_total{job=\"web\",peer=\"a\\\"b\\\\c\\nd\"} 9223372036854775807\n"
	       "hadal_tcp_io_bytes_created{job=\"web\",peer=\"a\\\"b\\\\c\\nd\"} 1700000000.123\n"
	       "hadal_tcp_io_bytes_total{job=\"web\",peer=\"z\"} 0\n"
	       "hadal_tcp_io_bytes_created{job=\"web\",peer=\"z\"} 1700000000.123\n"
	       "# TYPE system_cpu_load_average_1m gauge\n"
	       "# HELP system_cpu_load_average_1m Load\n"
	       "system_cpu_load_average_1m{job=\"web\"} 0.1\n"
	       "# TYPE hadal_tcp_rtt_seconds histogram\n"
	       "# UNIT hadal_tcp_rtt_seconds seconds\n"
	       "# HELP hadal_tcp_rtt_seconds Round-trip time\n"
	       "hadal_tcp_rtt_seconds_bucket{job=\"web\",le=\"0.5\"} 1\n"
	       "hadal_tcp_rtt_seconds_bucket{job=\"web\",le=\"1.0\"} 3\n"
	       "hadal_tcp_rtt_seconds_bucket{job=\"web\",le=\"10.0\"} 6\n"
	       "hadal_tcp_rtt_seconds_bucket{job=\"web\",le=\"+Inf\"} 10\n"
	       "hadal_tcp_rtt_seconds_sum{job=\"web\"} 66.25\n"
	       "hadal_tcp_rtt_seconds_count{job=\"web\"} 10\n"
	       "hadal_tcp_rtt_seconds_created{job=\"web\"} 1700000000.123\n"
	       "# EOF\n");
}

static void nothing_yet(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct prometheus_view view;
	char *text;
	size_t size;

	(void)state;
	assert_int_equal(prometheus_view_make(batch, &view), 0);
	assert_int_equal(prometheus_text(&view, PROMETHEUS_FORMAT_OPENMETRICS, false, &text, &size), 0);
	assert_string_equal(text, "# EOF\n");
	free(text);
	prometheus_view_free(&view);
	hadal_batch_free(batch);
}

/* ---- numbers ---- */

static void expect_decimal(double value, const char *wanted)
{
	char text[DECIMAL_SIZE];

	assert_int_equal(decimal(value, text), strlen(wanted));
	assert_string_equal(text, wanted);
}

static void numbers_are_short(void **state)
{
	(void)state;
	expect_decimal(0, "0");
	expect_decimal(0.1, "0.1");
	expect_decimal(-2.5, "-2.5");
	expect_decimal(1e21, "1e+21");
	expect_decimal(0.0001220703125, "0.0001220703125");
	expect_decimal(1.0 / 3, "0.3333333333333333");
	expect_decimal(NAN, "NaN");
	expect_decimal(INFINITY, "+Inf");
	expect_decimal(-INFINITY, "-Inf");
	expect_decimal(-DBL_MAX, "-1.7976931348623157e+308");
}

static void numbers_read_back_the_same(void **state)
{
	char text[DECIMAL_SIZE];

	(void)state;
	srandom(1);
	for (int i = 0; i < 100000; i++) {
		const double value = ldexp((double)random() * 0x1p31 + (double)random(), (int)(random() % 1800) - 900);

		assert_true(decimal(value, text) < DECIMAL_SIZE);
		assert_true(strtod(text, NULL) == value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_older_format),
		cmocka_unit_test(openmetrics),
		cmocka_unit_test(nothing_yet),
		cmocka_unit_test(numbers_are_short),
		cmocka_unit_test(numbers_read_back_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
