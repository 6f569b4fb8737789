/* SPDX-License-Identifier: MIT */
/*
 * Remote write: what a batch becomes, decoded again. That real servers take it is
 * tests/suites/31-prometheus's to show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "histogram.h"
#include "prometheus_buckets.h"
#include "prometheus_names.h"
#include "prometheus_write.h"
#include "proto/prometheus.pb-c.h"

#define STALE		0x7ff0000000000002ULL
#define TIME		1700000000123456789ULL	/* ns */
#define TIME_MS		1700000000123LL
#define START		(TIME - 60000000000ULL)

static const struct hadal_metric_info
	opened = { "hadal.tcp.connection.opened", "{connection}", "Connections", HADAL_COUNTER },
	seconds = { "container.cpu.time", "s", "CPU time", HADAL_COUNTER },
	memory = { "container.memory.usage", "By", "Memory", HADAL_UP_DOWN_COUNTER },
	load = { "system.cpu.load_average.1m", "{thread}", "Load", HADAL_GAUGE },
	rtt = { "hadal.tcp.rtt", "s", "RTT", HADAL_EXPONENTIAL_HISTOGRAM },
	rtt_explicit = { "hadal.tcp.rtt", "s", "RTT", HADAL_HISTOGRAM };

static const struct hadal_point at = { .start_time = START, .time = TIME }, end = {
	.start_time = START, .time = TIME, .no_recorded_value = true,
};

/* ---- what came out: lines "NAME{LABEL="VALUE",...} TIME" with their values ---- */

enum { LINES = 4096 };

struct line {
	char *text;
	double value;
};

struct out {
	struct line lines[LINES];
	size_t count;
	uint64_t requests, samples;
	uint64_t next;			/* the point that must come next */
	size_t limit;
	uint64_t fail_at;		/* the request that emit fails for; 0: none */
	struct prometheus_write_result result;
};

/* Labels in the order they came in, which must be the right one. */
static char *text_of(const Prometheus__TimeSeries *series)
{
	char *text = NULL, *whole;
	const char *name = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_int_equal(series->n_samples, 1);
	for (size_t i = 0; i < series->n_labels; i++) {
		assert_true(*series->labels[i]->name && *series->labels[i]->value);
		assert_true(!i || strcmp(series->labels[i - 1]->name, series->labels[i]->name) < 0);
		if (strcmp(series->labels[i]->name, "__name__") == 0)
			name = series->labels[i]->value;
		else
			fprintf(file, ",%s=%s", series->labels[i]->name, series->labels[i]->value);
	}
	assert_non_null(name);
	fprintf(file, " %" PRId64, series->samples[0]->timestamp);
	fclose(file);
	assert_true(asprintf(&whole, "%s%s", name, text) > 0);
	free(text);
	return whole;
}

static int take(void *context, const struct prometheus_write_request *request)
{
	struct out *out = context;
	size_t size = 0;
	uint8_t *raw;
	Prometheus__WriteRequest *decoded;

	assert_int_equal(request->first, out->next);
	assert_true(request->items > 0);
	out->samples += request->samples;
	if (++out->requests == out->fail_at) {
		free(request->body);
		return -EPIPE;
	}
	out->next += request->items;
	assert_int_equal(snappy_uncompressed_length((char *)request->body, request->size, &size), SNAPPY_OK);
	assert_int_equal(size, request->raw_size);
	assert_true(size <= out->limit);
	raw = malloc(size);
	assert_int_equal(snappy_uncompress((char *)request->body, request->size, (char *)raw, &size), SNAPPY_OK);
	decoded = prometheus__write_request__unpack(NULL, size, raw);
	assert_non_null(decoded);
	assert_true(decoded->n_timeseries > 0);
	for (size_t i = 0; i < decoded->n_timeseries; i++) {
		assert_true(out->count < LINES);
		out->lines[out->count++] = (struct line){
			text_of(decoded->timeseries[i]), decoded->timeseries[i]->samples[0]->value,
		};
	}
	prometheus__write_request__free_unpacked(decoded, NULL);
	free(raw);
	free(request->body);
	return 0;
}

static void clear(struct out *out)
{
	for (size_t i = 0; i < out->count; i++)
		free(out->lines[i].text);
	out->count = 0;
}

static int encode_limited(struct hadal_batch *batch, size_t limit, struct out *out)
{
	out->limit = limit;
	return prometheus_write_encode(batch, out->next, hadal_batch_counts(batch).points - out->next, limit, take,
				       out, &out->result);
}

static void encode(struct hadal_batch *batch, struct out *out)
{
	*out = (struct out){ 0 };
	assert_int_equal(hadal_batch_error(batch), 0);
	assert_int_equal(encode_limited(batch, PROMETHEUS_WRITE_BYTES, out), 0);
	assert_int_equal(out->result.lost + out->result.oversize, 0);
	assert_int_equal(out->samples, out->count);
}

static const struct line *find(const struct out *out, const char *text)
{
	const struct line *found = NULL;

	for (size_t i = 0; i < out->count; i++)
		if (strcmp(out->lines[i].text, text) == 0) {
			assert_null(found);
			found = &out->lines[i];
		}
	return found;
}

static double value_of(const struct out *out, const char *text)
{
	const struct line *line = find(out, text);

	if (line)
		return line->value;
	for (size_t i = 0; i < out->count; i++)
		fprintf(stderr, "there is: %s\n", out->lines[i].text);
	fail_msg("there is no %s", text);
	return 0;
}

static bool is_stale(const struct out *out, const char *text)
{
	const double value = value_of(out, text);
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits == STALE;
}

/* ---- batches ---- */

static struct hadal_resource *add_web(struct hadal_batch *batch)
{
	return hadal_batch_resource(batch, HADAL_ATTRIBUTES(batch, hadal_string("service.name", "web"),
							    hadal_string("service.namespace", "shop"),
							    hadal_string("service.instance.id", "i-1/shop/web"),
							    hadal_string("host.id", "i-1")));
}

static void add_int(struct hadal_resource *resource, const struct hadal_metric_info *info, struct hadal_point point,
		    const struct hadal_attributes *attributes, int64_t value)
{
	point.attributes = attributes;
	hadal_metric_add_int(hadal_resource_metric(resource, info), &point, value);
}

static void values_names_and_labels(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *web = add_web(batch);
	struct out out;

	(void)state;
	add_int(web, &opened, at, HADAL_ATTRIBUTES(batch, hadal_string("hadal.edge.role", "client"),
						   hadal_int("server.port", 80), hadal_string("empty", "")), 42);
	hadal_metric_add_double(hadal_resource_metric(web, &seconds), &at, 0.25);
	add_int(web, &memory, at, NULL, -7);
	hadal_metric_add_double(hadal_resource_metric(web, &load), &at, 1.5);
	encode(batch, &out);
	assert_int_equal(out.count, 5);
	assert_int_equal(out.result.encoded, 4);
	assert_true(value_of(&out, "hadal_tcp_connection_opened_total,hadal_edge_role=client,instance=i-1/shop/web,"
				   "job=shop/web,server_port=80 1700000000123") == 42);
	assert_true(value_of(&out, "container_cpu_time_seconds_total,instance=i-1/shop/web,job=shop/web 1700000000123") ==
		    0.25);
	assert_true(value_of(&out, "container_memory_usage_bytes,instance=i-1/shop/web,job=shop/web 1700000000123") ==
		    -7);
	assert_true(value_of(&out, "system_cpu_load_average_1m,instance=i-1/shop/web,job=shop/web 1700000000123") ==
		    1.5);
	assert_true(value_of(&out, "target_info,host_id=i-1,instance=i-1/shop/web,job=shop/web 1700000000123") == 1);
	clear(&out);
	hadal_batch_free(batch);
}

static void every_kind_of_attribute(void **state)
{
	static const char *const list[] = { "a", "b\"/" };
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *resource = hadal_batch_resource(batch, NULL);
	struct out out;

	(void)state;
	add_int(resource, &memory, at,
		HADAL_ATTRIBUTES(batch, hadal_strings("list", list, 2), hadal_double("real", 0.1),
				 hadal_bool("yes", true), hadal_bool("no", false), hadal_int("int", INT64_MIN),
				 hadal_string("a.b", "second"), hadal_string("a-b", "first"),
				 hadal_string("job", "mine"), hadal_string("Upper", "x")), 1);
	encode(batch, &out);
	assert_int_equal(out.count, 1);
	assert_true(value_of(&out, "container_memory_usage_bytes,Upper=x,a_b=first;second,exported_job=mine,"
				   "int=-9223372036854775808,list=[\"a\",\"b\\\"/\"],no=false,real=0.1,yes=true "
				   "1700000000123") == 1);
	clear(&out);
	hadal_batch_free(batch);
}

static void what_ends_is_marked_stale(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *web = add_web(batch);
	struct out out;

	(void)state;
	add_int(web, &opened, end, NULL, 0);
	hadal_metric_add_exponential_histogram(hadal_resource_metric(web, &rtt), &end, NULL);
	encode(batch, &out);
	assert_int_equal(out.count, 1 + PROMETHEUS_BOUNDS + 3 + 1);
	for (size_t i = 0; i < out.count; i++)
		assert_true(is_stale(&out, out.lines[i].text));
	clear(&out);

	/* While something of it goes on, so does its target_info. */
	add_int(web, &memory, at, NULL, 5);
	encode(batch, &out);
	assert_true(value_of(&out, "target_info,host_id=i-1,instance=i-1/shop/web,job=shop/web 1700000000123") == 1);
	clear(&out);
	hadal_batch_free(batch);
}

static void explicit_histograms_end_with_all_their_buckets(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *resource = hadal_batch_resource(batch, NULL);
	uint64_t counts[HISTOGRAM_BOUNDS + 1] = { 3, 0, 4, [HISTOGRAM_BOUNDS] = 5 };
	const struct hadal_histogram_value value = {
		.bounds = histogram_bounds, .bound_count = HISTOGRAM_BOUNDS, .counts = counts, .sum = 55.5,
	};
	struct out out, ended;

	(void)state;
	hadal_metric_add_histogram(hadal_resource_metric(resource, &rtt_explicit), &at, &value);
	encode(batch, &out);
	assert_int_equal(out.count, HISTOGRAM_BOUNDS + 3);
	assert_true(value_of(&out, "hadal_tcp_rtt_seconds_bucket,le=0.0001 1700000000123") == 3);
	assert_true(value_of(&out, "hadal_tcp_rtt_seconds_bucket,le=0.0005 1700000000123") == 3);
	assert_true(value_of(&out, "hadal_tcp_rtt_seconds_bucket,le=0.001 1700000000123") == 7);
	assert_true(value_of(&out, "hadal_tcp_rtt_seconds_bucket,le=10 1700000000123") == 7);
	assert_true(value_of(&out, "hadal_tcp_rtt_seconds_bucket,le=+Inf 1700000000123") == 12);
	assert_true(value_of(&out, "hadal_tcp_rtt_seconds_count 1700000000123") == 12);
	assert_true(value_of(&out, "hadal_tcp_rtt_seconds_sum 1700000000123") == 55.5);
	hadal_batch_free(batch);

	batch = hadal_batch_new(0);
	hadal_metric_add_histogram(hadal_resource_metric(hadal_batch_resource(batch, NULL), &rtt_explicit), &end, NULL);
	encode(batch, &ended);
	assert_int_equal(ended.count, out.count);
	for (size_t i = 0; i < out.count; i++)
		assert_true(is_stale(&ended, out.lines[i].text));
	clear(&ended);
	clear(&out);
	hadal_batch_free(batch);
}

/* ---- metadata ---- */

static int take_metadata(void *context, const struct prometheus_write_request *request)
{
	Prometheus__WriteRequest **decoded = context;
	size_t size = request->raw_size;
	uint8_t *raw = malloc(size);

	assert_null(*decoded);
	assert_int_equal(request->items + request->samples, 0);
	assert_int_equal(snappy_uncompress((char *)request->body, request->size, (char *)raw, &size), SNAPPY_OK);
	*decoded = prometheus__write_request__unpack(NULL, size, raw);
	assert_non_null(*decoded);
	free(raw);
	free(request->body);
	return 0;
}

static void expect_metadata(const Prometheus__MetricMetadata *got, unsigned int type, const char *name, const char *help,
			    const char *unit)
{
	assert_int_equal(got->type, type);
	assert_string_equal(got->metric_family_name, name);
	assert_string_equal(got->help ?: "", help);
	assert_string_equal(got->unit ?: "", unit);
}

/* Each once, by the names of the series. */
static void what_metrics_are(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *web = add_web(batch), *other = hadal_batch_resource(batch, NULL);
	Prometheus__WriteRequest *decoded = NULL;

	(void)state;
	assert_int_equal(prometheus_write_metadata(batch, take_metadata, &decoded), 0);
	assert_null(decoded);
	add_int(web, &opened, at, NULL, 1);
	add_int(other, &opened, at, NULL, 1);
	add_int(other, &memory, at, NULL, 1);
	hadal_metric_add_exponential_histogram(hadal_resource_metric(web, &rtt), &end, NULL);
	assert_int_equal(prometheus_write_metadata(batch, take_metadata, &decoded), 0);
	assert_non_null(decoded);
	assert_int_equal(decoded->n_timeseries, 0);
	assert_int_equal(decoded->n_metadata, 4);
	expect_metadata(decoded->metadata[0], 6, "target_info", prometheus_target_help, "");
	expect_metadata(decoded->metadata[1], 1, "hadal_tcp_connection_opened_total", "Connections", "");
	expect_metadata(decoded->metadata[2], 3, "hadal_tcp_rtt_seconds", "RTT", "seconds");
	expect_metadata(decoded->metadata[3], 2, "container_memory_usage_bytes", "Memory", "bytes");
	prometheus__write_request__free_unpacked(decoded, NULL);
	hadal_batch_free(batch);
}

/* ---- histograms ---- */

/* What is at or below each bound is just what was: bounds are bounds of buckets. */
static void exponential_buckets_are_exact(void **state)
{
	enum { VALUES = 20000 };
	static double values[VALUES];
	struct histogram histogram = { .form = HISTOGRAM_EXPONENTIAL };
	struct hadal_exponential_histogram_value value;
	struct hadal_batch_point point = { .type = HADAL_POINT_EXPONENTIAL_HISTOGRAM, .exponential = &value };
	struct prometheus_buckets buckets;

	(void)state;
	srandom(1);
	for (size_t i = 0; i < VALUES; i++) {
		/* From 1 us to 1,000 s; each eighth one on a bound. */
		values[i] = i % 8 ? exp2(-20 + 30 * (double)random() / RAND_MAX) :
				    ldexp(1, prometheus_exponents[i / 8 % PROMETHEUS_BOUNDS]);
		histogram_record(&histogram, values[i]);
	}
	value = (struct hadal_exponential_histogram_value){
		.scale = HISTOGRAM_SCALE, .offset = HISTOGRAM_OFFSET, .counts = histogram.counts,
		.count = HISTOGRAM_BUCKETS, .zero_count = histogram.zero_count, .zero_threshold = histogram_floor(),
		.sum = histogram.sum,
	};
	prometheus_buckets(&point, &buckets);
	assert_int_equal(buckets.count, PROMETHEUS_BOUNDS);
	assert_int_equal(buckets.below[PROMETHEUS_BOUNDS], VALUES);
	assert_true(buckets.sum == histogram.sum);
	for (size_t b = 0; b < buckets.count; b++) {
		uint64_t below = 0;

		for (size_t i = 0; i < VALUES; i++)
			below += values[i] <= buckets.bounds[b];
		assert_int_equal(buckets.below[b], below);
	}
}

/* One value in one bucket of any scale: it is in the first bucket whose bound is not below the upper end. */
static void buckets_of_all_scales_go_where_they_fit(void **state)
{
	uint64_t one = 1;
	struct hadal_exponential_histogram_value value = { .counts = &one, .count = 1 };
	struct hadal_batch_point point = { .type = HADAL_POINT_EXPONENTIAL_HISTOGRAM, .exponential = &value };
	struct prometheus_buckets buckets;

	(void)state;
	for (value.scale = -4; value.scale <= 8; value.scale++)
		for (value.offset = -6000; value.offset <= 3000; value.offset += 1) {
			const double upper = (value.offset + 1) * exp2(-value.scale);	/* log2 of it */

			prometheus_buckets(&point, &buckets);
			for (size_t b = 0; b < buckets.count; b++)
				assert_int_equal(buckets.below[b], prometheus_exponents[b] >= upper);
			assert_int_equal(buckets.below[buckets.count], 1);
		}
}

static void zeros_count_below_their_threshold(void **state)
{
	struct hadal_exponential_histogram_value value = { .zero_count = 9, .zero_threshold = 0.001 };
	struct hadal_batch_point point = { .type = HADAL_POINT_EXPONENTIAL_HISTOGRAM, .exponential = &value };
	struct prometheus_buckets buckets;

	(void)state;
	prometheus_buckets(&point, &buckets);
	for (size_t b = 0; b < buckets.count; b++)
		assert_int_equal(buckets.below[b], buckets.bounds[b] >= 0.001 ? 9 : 0);
}

/* ---- one series, several points ---- */

static void one_value_at_a_time(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *resource = hadal_batch_resource(batch, NULL);
	struct hadal_point later = at, earlier = at;
	struct out out;

	(void)state;
	later.time += 1000000000;
	earlier.time -= 1000000000;
	add_int(resource, &opened, end, NULL, 0);
	add_int(resource, &opened, at, NULL, 1);	/* instead of the end */
	add_int(resource, &opened, end, NULL, 0);	/* not that either */
	add_int(resource, &opened, at, NULL, 2);	/* the second counts */
	add_int(resource, &opened, later, NULL, 3);
	add_int(resource, &opened, earlier, NULL, 4);	/* too late */
	encode(batch, &out);
	assert_int_equal(out.count, 2);
	assert_true(value_of(&out, "hadal_tcp_connection_opened_total 1700000000123") == 2);
	assert_true(value_of(&out, "hadal_tcp_connection_opened_total 1700000001123") == 3);
	assert_int_equal(out.result.encoded, 6);
	clear(&out);
	hadal_batch_free(batch);
}

static void one_target_info_for_each_workload(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct out out;

	(void)state;
	add_int(add_web(batch), &opened, at, NULL, 1);
	add_int(add_web(batch), &memory, at, NULL, 2);
	encode(batch, &out);
	assert_int_equal(out.count, 3);
	assert_true(value_of(&out, "target_info,host_id=i-1,instance=i-1/shop/web,job=shop/web 1700000000123") == 1);
	clear(&out);
	hadal_batch_free(batch);
}

static void one_name_is_of_one_type(void **state)
{
	static const struct hadal_metric_info gauge = { "hadal.tcp.connection.opened", "", NULL, HADAL_GAUGE };
	struct hadal_batch *batch = hadal_batch_new(0);
	struct out out;

	(void)state;
	add_int(hadal_batch_resource(batch, NULL), &opened, at, NULL, 1);
	add_int(hadal_batch_resource(batch, NULL), &gauge, at, NULL, 2);
	encode(batch, &out);
	assert_int_equal(out.count, 1);
	assert_true(value_of(&out, "hadal_tcp_connection_opened_total 1700000000123") == 1);
	assert_int_equal(out.result.conflicts, 1);
	clear(&out);
	hadal_batch_free(batch);
}

/* ---- requests ---- */

enum { POINTS = 300 };

static struct hadal_batch *make_many(void)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	uint64_t counts[] = { 1, 2, 3 };
	const struct hadal_exponential_histogram_value value = { .scale = 2, .counts = counts, .count = 3, .sum = 1 };
	struct hadal_resource *web = add_web(batch);

	for (int i = 0; i < POINTS; i++) {
		struct hadal_point point = at;

		point.attributes = HADAL_ATTRIBUTES(batch, hadal_int("server.port", i));
		if (i % 10 == 0)
			hadal_metric_add_exponential_histogram(hadal_resource_metric(web, &rtt), &point, &value);
		else
			hadal_metric_add_int(hadal_resource_metric(web, &opened), &point, i);
	}
	return batch;
}

static void whatever_the_bound_all_points_come_once(void **state)
{
	struct hadal_batch *batch = make_many();
	static struct out whole, out;

	(void)state;
	encode(batch, &whole);
	assert_int_equal(whole.requests, 1);
	assert_int_equal(whole.count, POINTS / 10 * (PROMETHEUS_BOUNDS + 3) + POINTS - POINTS / 10 + 1);
	for (size_t limit = 2000; limit < 50000; limit += limit / 3) {
		out = (struct out){ 0 };
		assert_int_equal(encode_limited(batch, limit, &out), 0);
		assert_int_equal(out.result.encoded, POINTS);
		assert_int_equal(out.next, POINTS);
		assert_int_equal(out.count, whole.count);
		assert_true(out.requests > 1);
		for (size_t i = 0; i < out.count; i++) {
			assert_string_equal(out.lines[i].text, whole.lines[i].text);
			assert_true(out.lines[i].value == whole.lines[i].value);
		}
		clear(&out);
	}
	clear(&whole);
	hadal_batch_free(batch);
}

static int skip_oversize(void *context, const struct prometheus_write_request *request)
{
	struct out *out = context;

	out->next = request->first;	/* between requests there may be points without room */
	return take(out, request);
}

static void what_has_no_room_alone_is_counted(void **state)
{
	struct hadal_batch *batch = make_many();
	static struct out out;

	(void)state;
	out = (struct out){ .limit = 400 };
	assert_int_equal(prometheus_write_encode(batch, 0, POINTS, out.limit, skip_oversize, &out, &out.result), 0);
	assert_int_equal(out.result.oversize, POINTS / 10);
	assert_int_equal(out.result.encoded, POINTS - POINTS / 10);
	clear(&out);
	hadal_batch_free(batch);
}

static void a_part_of_a_batch(void **state)
{
	struct hadal_batch *batch = make_many();
	static struct out out;

	(void)state;
	out = (struct out){ .next = 100, .limit = PROMETHEUS_WRITE_BYTES };
	assert_int_equal(prometheus_write_encode(batch, 100, 7, out.limit, take, &out, &out.result), 0);
	assert_int_equal(out.result.encoded, 7);
	assert_int_equal(out.next, 107);
	assert_int_equal(out.count, 7 + 1);
	clear(&out);
	hadal_batch_free(batch);
}

static void what_could_not_be_handed_over_is_lost(void **state)
{
	struct hadal_batch *batch = make_many();
	static struct out out;

	(void)state;
	out = (struct out){ .fail_at = 3 };
	assert_int_equal(encode_limited(batch, 5000, &out), -EPIPE);
	assert_int_equal(out.requests, 3);
	assert_int_equal(out.result.encoded, out.next);
	assert_int_equal(out.result.lost, POINTS - out.next);
	clear(&out);
	hadal_batch_free(batch);
}

static void nothing_is_nothing(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct out out;

	(void)state;
	hadal_batch_resource(batch, HADAL_ATTRIBUTES(batch, hadal_string("service.name", "idle")));
	encode(batch, &out);
	assert_int_equal(out.requests, 0);
	hadal_batch_free(batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_names_and_labels),
		cmocka_unit_test(every_kind_of_attribute),
		cmocka_unit_test(what_ends_is_marked_stale),
		cmocka_unit_test(explicit_histograms_end_with_all_their_buckets),
		cmocka_unit_test(what_metrics_are),
		cmocka_unit_test(exponential_buckets_are_exact),
		cmocka_unit_test(buckets_of_all_scales_go_where_they_fit),
		cmocka_unit_test(zeros_count_below_their_threshold),
		cmocka_unit_test(one_value_at_a_time),
		cmocka_unit_test(one_target_info_for_each_workload),
		cmocka_unit_test(one_name_is_of_one_type),
		cmocka_unit_test(whatever_the_bound_all_points_come_once),
		cmocka_unit_test(what_has_no_room_alone_is_counted),
		cmocka_unit_test(a_part_of_a_batch),
		cmocka_unit_test(what_could_not_be_handed_over_is_lost),
		cmocka_unit_test(nothing_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
