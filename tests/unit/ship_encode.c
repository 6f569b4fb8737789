// SPDX-License-Identifier: MIT
/*
 * Splitting: whatever the bound, requests keep it and together hold everything,
 * once and in order. And what becomes of bytes on the way out and back: gzip,
 * answers.
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
#include <zlib.h>

#include "gzip.h"
#include "otlp_encode.h"
#include "otlp_response.h"
#include "proto/otlp.pb-c.h"

enum {
	RESOURCES = 7,
	POINTS = 23,
	METRICS = 3,
	ALL_POINTS = RESOURCES * METRICS * POINTS,
	RECORDS = 11,
	ALL_RECORDS = RESOURCES * RECORDS,
};

static const struct hadal_metric_info infos[METRICS] = {
	{ "first", "1", "with a description", HADAL_COUNTER },
	{ "second", "1", NULL, HADAL_UP_DOWN_COUNTER },
	{ "third", "1", NULL, HADAL_GAUGE },
};

/* Points are numbered in the order in which they must come out. */
static struct hadal_batch *make_batch(void)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	int64_t number = 0, record_number = 0;

	assert_non_null(batch);
	for (int r = 0; r < RESOURCES; r++) {
		struct hadal_resource *resource = hadal_batch_resource(batch,
				HADAL_ATTRIBUTES(batch, hadal_int("resource", r)));

		for (int m = 0; m < METRICS; m++)
			for (int p = 0; p < POINTS; p++) {
				const struct hadal_point at = {
					.attributes = HADAL_ATTRIBUTES(batch, hadal_int("point", p)),
					.start_time = 1, .time = 2,
				};

				hadal_metric_add_int(hadal_resource_metric(resource, &infos[m]), &at, number++);
			}
		for (int i = 0; i < RECORDS; i++) {
			const struct hadal_log_record record = {
				.event_name = "event", .observed_time = 1, .severity = HADAL_SEVERITY_INFO,
				.attributes = HADAL_ATTRIBUTES(batch, hadal_int("number", record_number++)),
			};

			hadal_resource_log(resource, &record);
		}
	}
	assert_int_equal(hadal_batch_error(batch), 0);
	return batch;
}

struct seen {
	size_t limit;
	int64_t next;		/* number that must come next */
	uint64_t requests;
	uint64_t fail_at;	/* request that emit fails for; 0: none */
};

static void check_metric(const Otlp__ResourceMetrics *resource, const Otlp__Metric *metric, struct seen *seen)
{
	const int64_t m = seen->next / POINTS % METRICS;
	size_t count = metric->data_case == OTLP__METRIC__DATA_GAUGE ? metric->gauge->n_data_points :
								       metric->sum->n_data_points;
	Otlp__NumberDataPoint **points = metric->data_case == OTLP__METRIC__DATA_GAUGE ? metric->gauge->data_points :
											 metric->sum->data_points;

	assert_string_equal(metric->name, infos[m].name);
	assert_int_equal(resource->resource->attributes[0]->value->int_value, seen->next / POINTS / METRICS);
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(points[i]->as_int, seen->next);
		assert_int_equal(points[i]->attributes[0]->value->int_value, seen->next % POINTS);
		seen->next++;
	}
}

static uint64_t check_metrics(const uint8_t *body, size_t size, struct seen *seen)
{
	Otlp__ExportMetricsServiceRequest *request = otlp__export_metrics_service_request__unpack(NULL, size, body);
	const int64_t before = seen->next;

	assert_non_null(request);
	assert_true(request->n_resource_metrics > 0);
	for (size_t r = 0; r < request->n_resource_metrics; r++) {
		const Otlp__ResourceMetrics *resource = request->resource_metrics[r];

		assert_int_equal(resource->n_scope_metrics, 1);
		assert_string_equal(resource->scope_metrics[0]->scope->name, "hadald");
		for (size_t m = 0; m < resource->scope_metrics[0]->n_metrics; m++)
			check_metric(resource, resource->scope_metrics[0]->metrics[m], seen);
	}
	otlp__export_metrics_service_request__free_unpacked(request, NULL);
	return (uint64_t)(seen->next - before);
}

static uint64_t check_logs(const uint8_t *body, size_t size, struct seen *seen)
{
	Otlp__ExportLogsServiceRequest *request = otlp__export_logs_service_request__unpack(NULL, size, body);
	const int64_t before = seen->next;

	assert_non_null(request);
	for (size_t r = 0; r < request->n_resource_logs; r++) {
		const Otlp__ResourceLogs *resource = request->resource_logs[r];
		const Otlp__ScopeLogs *scope = resource->scope_logs[0];

		assert_int_equal(resource->resource->attributes[0]->value->int_value, seen->next / RECORDS);
		assert_true(scope->n_log_records > 0);
		for (size_t i = 0; i < scope->n_log_records; i++)
			assert_int_equal(scope->log_records[i]->attributes[0]->value->int_value, seen->next++);
	}
	otlp__export_logs_service_request__free_unpacked(request, NULL);
	return (uint64_t)(seen->next - before);
}

static int take(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	struct seen *seen = context;
	uint64_t found;

	seen->requests++;
	if (seen->requests == seen->fail_at) {
		free(body);
		return -ENOMEM;
	}
	assert_true(size <= seen->limit);
	found = signal == HADAL_SIGNAL_METRICS ? check_metrics(body, size, seen) : check_logs(body, size, seen);
	assert_int_equal(found, items);
	free(body);
	return 0;
}

static struct seen encode(struct hadal_batch *batch, enum hadal_signal signal, size_t limit, uint64_t fail_at,
			  struct hadal_otlp_result *result, int expected)
{
	struct seen seen = { .limit = limit, .fail_at = fail_at };

	assert_int_equal(hadal_otlp_encode(batch, signal, limit, take, &seen, result), expected);
	return seen;
}

static void test_any_bound(void **state)
{
	struct hadal_batch *batch = make_batch();
	struct hadal_otlp_result result;
	uint64_t requests = 0;

	(void)state;
	/* 128 bytes hold any one point here with all that is around it. */
	for (size_t limit = 128; limit < 20000; limit += limit / 7) {
		const struct seen metrics = encode(batch, HADAL_SIGNAL_METRICS, limit, 0, &result, 0);

		assert_int_equal(result.encoded, ALL_POINTS);
		assert_int_equal(metrics.next, ALL_POINTS);
		requests += metrics.requests;
		encode(batch, HADAL_SIGNAL_LOGS, limit, 0, &result, 0);
		assert_int_equal(result.encoded, ALL_RECORDS);
		assert_int_equal(result.oversize + result.lost, 0);
	}
	assert_true(requests > 1000);
	assert_int_equal(encode(batch, HADAL_SIGNAL_METRICS, SIZE_MAX, 0, &result, 0).requests, 1);
	hadal_batch_free(batch);
}

static void test_too_small_a_bound(void **state)
{
	struct hadal_batch *batch = make_batch();
	struct hadal_otlp_result result;

	(void)state;
	assert_int_equal(encode(batch, HADAL_SIGNAL_METRICS, 10, 0, &result, 0).requests, 0);
	assert_int_equal(result.oversize, ALL_POINTS);
	assert_int_equal(result.encoded + result.lost, 0);
	hadal_batch_free(batch);
}

static void test_failure(void **state)
{
	struct hadal_batch *batch = make_batch();
	struct hadal_otlp_result result;

	(void)state;
	for (uint64_t fail_at = 1; fail_at < 8; fail_at++) {
		const struct seen seen = encode(batch, HADAL_SIGNAL_METRICS, 2000, fail_at, &result, -ENOMEM);

		assert_int_equal(seen.requests, fail_at);
		assert_int_equal(result.encoded, seen.next);
		assert_int_equal(result.encoded + result.lost, ALL_POINTS);
		assert_true(result.lost > 0);
	}
	hadal_batch_free(batch);
}

/* ---- attributes of each type, of one byte of length and of more ---- */

enum { LONG_TEXT = 300 };

static const struct hadal_attributes *all_types(struct hadal_batch *batch)
{
	static const char *const list[] = { "first", "", "third" };
	static char text[LONG_TEXT + 1];

	memset(text, 'x', LONG_TEXT);
	return HADAL_ATTRIBUTES(batch, hadal_string("text", text), hadal_int("int", -2), hadal_int("large", 1LL << 40),
				hadal_double("real", 0.5), hadal_bool("bool", true), hadal_strings("list", list, 3),
				hadal_strings("empty", NULL, 0));
}

static void check_types(Otlp__KeyValue **list, size_t count)
{
	const Otlp__ArrayValue *array;

	assert_int_equal(count, 7);
	assert_string_equal(list[0]->key, "text");
	assert_int_equal(strlen(list[0]->value->string_value), LONG_TEXT);
	assert_int_equal(list[1]->value->int_value, -2);
	assert_int_equal(list[2]->value->int_value, 1LL << 40);
	assert_true(list[3]->value->double_value == 0.5);
	assert_int_equal(list[4]->value->value_case, OTLP__ANY_VALUE__VALUE_BOOL_VALUE);
	assert_true(list[4]->value->bool_value);
	array = list[5]->value->array_value;
	assert_int_equal(array->n_values, 3);
	assert_string_equal(array->values[0]->string_value, "first");
	assert_string_equal(array->values[1]->string_value, "");
	assert_string_equal(array->values[2]->string_value, "third");
	assert_string_equal(list[6]->key, "empty");
	assert_int_equal(list[6]->value->array_value->n_values, 0);
}

/* Of a point and a log record, which write them by two ways; of the point's twice, once kept. */
static int take_types(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	(void)context;
	assert_int_equal(items, signal == HADAL_SIGNAL_METRICS ? 2 : 1);
	if (signal == HADAL_SIGNAL_METRICS) {
		Otlp__ExportMetricsServiceRequest *request =
			otlp__export_metrics_service_request__unpack(NULL, size, body);
		const Otlp__Metric *metric;

		assert_non_null(request);
		metric = request->resource_metrics[0]->scope_metrics[0]->metrics[0];
		for (int i = 0; i < 2; i++)
			check_types(metric->sum->data_points[i]->attributes, metric->sum->data_points[i]->n_attributes);
		otlp__export_metrics_service_request__free_unpacked(request, NULL);
	} else {
		Otlp__ExportLogsServiceRequest *request = otlp__export_logs_service_request__unpack(NULL, size, body);
		const Otlp__LogRecord *record;

		assert_non_null(request);
		record = request->resource_logs[0]->scope_logs[0]->log_records[0];
		check_types(record->attributes, record->n_attributes);
		otlp__export_logs_service_request__free_unpacked(request, NULL);
	}
	free(body);
	return 0;
}

static void test_types(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *resource = hadal_batch_resource(batch, NULL);
	const struct hadal_point at = { .attributes = all_types(batch), .start_time = 1, .time = 2 };
	const struct hadal_log_record record = { .event_name = "event", .observed_time = 1,
						 .severity = HADAL_SEVERITY_INFO, .attributes = at.attributes };
	struct hadal_otlp_result result;

	(void)state;
	hadal_metric_add_int(hadal_resource_metric(resource, &infos[0]), &at, 1);
	hadal_metric_add_int(hadal_resource_metric(resource, &infos[0]), &at, 2);
	hadal_resource_log(resource, &record);
	assert_int_equal(hadal_batch_error(batch), 0);
	for (int signal = 0; signal < HADAL_SIGNALS; signal++)
		assert_int_equal(hadal_otlp_encode(batch, (enum hadal_signal)signal, SIZE_MAX, take_types, NULL, &result), 0);
	hadal_batch_free(batch);
}

static void test_nothing(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_otlp_result result;

	(void)state;
	hadal_resource_metric(hadal_batch_resource(batch, NULL), &infos[0]);
	assert_int_equal(encode(batch, HADAL_SIGNAL_METRICS, 1000, 0, &result, 0).requests, 0);
	assert_int_equal(encode(batch, HADAL_SIGNAL_LOGS, 1000, 0, &result, 0).requests, 0);
	hadal_batch_free(batch);
}

/* gzip */

static void round_trip(const uint8_t *data, size_t size)
{
	uint8_t *packed = NULL, *unpacked = malloc(size + 1);
	size_t packed_size = 0;
	z_stream stream = { 0 };

	assert_int_equal(hadal_gzip(data, size, &packed, &packed_size), 0);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	stream.next_in = packed;
	stream.avail_in = (uInt)packed_size;
	stream.next_out = unpacked;
	stream.avail_out = (uInt)size + 1;
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, size);
	assert_memory_equal(unpacked, data, size);
	inflateEnd(&stream);
	free(packed);
	free(unpacked);
}

static void test_gzip(void **state)
{
	enum { SIZE = 300000 };
	uint8_t *data = calloc(1, SIZE);
	uint32_t random = 1;

	(void)state;
	assert_non_null(data);
	round_trip(data, 0);
	round_trip(data, 1);
	round_trip(data, SIZE);
	for (size_t i = 0; i < SIZE; i++) {
		random = random * 1664525 + 1013904223;
		data[i] = (uint8_t)(random >> 24);
	}
	round_trip(data, SIZE);
	free(data);
}

/* Answers */

static void test_response(void **state)
{
	/* partial_success (1) { rejected (1) = 300, error_message (2) = "a\nb\xff " } */
	static const uint8_t partial[] = { 0x0a, 0x0a, 0x08, 0xac, 0x02, 0x12, 0x05, 'a', '\n', 'b', 0xff, ' ' };
	static const uint8_t negative[] = { 0x0a, 0x0b, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
	struct hadal_otlp_response response;

	(void)state;
	assert_int_equal(hadal_otlp_response_parse(partial, sizeof(partial), &response), 0);
	assert_int_equal(response.rejected, 300);
	assert_string_equal(response.message, "a b");
	assert_int_equal(hadal_otlp_response_parse(negative, sizeof(negative), &response), 0);
	assert_int_equal(response.rejected, 0);
	assert_int_equal(hadal_otlp_response_parse(NULL, 0, &response), 0);
	assert_int_equal(hadal_otlp_response_parse((const uint8_t *)"<html>", 6, &response), -EBADMSG);
	assert_int_equal(hadal_otlp_response_parse(partial, sizeof(partial) - 1, &response), -EBADMSG);
}

static void expect_printable(const char *text, size_t size)
{
	assert_true(strlen(text) < size);
	for (; *text; text++)
		assert_in_range(*text, ' ', '~');
}

static void test_error_text(void **state)
{
	static const uint8_t status[] = { 0x08, 0x03, 0x12, 0x03, 'b', 'a', 'd' };
	char text[8];

	(void)state;
	hadal_otlp_error_text(status, sizeof(status), 1, text, sizeof(text));
	assert_string_equal(text, "bad");
	hadal_otlp_error_text((const uint8_t *)"plain text that is long\r\n", 25, 0, text, sizeof(text));
	assert_string_equal(text, "plain t");
	hadal_otlp_error_text((const uint8_t *)"\x1b[31m\n\n", 7, 1, text, sizeof(text));
	assert_string_equal(text, "[31m");
	hadal_otlp_error_text(NULL, 0, 1, text, sizeof(text));
	assert_string_equal(text, "");
}

/* Whatever a receiver answers, reading it does no harm. */
static void test_noise(void **state)
{
	struct hadal_otlp_response response;
	uint32_t random = 7;
	char text[160];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t *body;
		size_t size;

		random = random * 1664525 + 1013904223;
		size = random >> 26;
		body = malloc(size);	/* exactly: a sanitizer sees a byte too much */
		for (size_t i = 0; i < size; i++) {
			random = random * 1664525 + 1013904223;
			body[i] = random >> 31 ? (uint8_t)(random >> 27 & 0x1f) : (uint8_t)(random >> 20);
		}
		if (!hadal_otlp_response_parse(body, size, &response))
			expect_printable(response.message, sizeof(response.message));
		hadal_otlp_error_text(body, size, round % 2, text, sizeof(text));
		expect_printable(text, sizeof(text));
		free(body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_bound),
		cmocka_unit_test(test_too_small_a_bound),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_error_text),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests_name("ship_encode", tests, NULL, NULL);
}
