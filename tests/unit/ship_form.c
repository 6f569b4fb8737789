// SPDX-License-Identifier: MIT
/* A batch in the spool's form: all that is written comes back, and what is damaged is refused, with what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "otlp_encode.h"
#include "spool_batch.h"
#include "spool_form.h"

static const struct hadal_metric_info counter = { "c", "By", "text", HADAL_COUNTER },
	seconds = { "t", "s", NULL, HADAL_COUNTER }, level = { "u", "1", NULL, HADAL_UP_DOWN_COUNTER },
	gauge = { "g", "1", NULL, HADAL_GAUGE }, buckets = { "h", "s", NULL, HADAL_HISTOGRAM },
	exponential = { "e", NULL, NULL, HADAL_EXPONENTIAL_HISTOGRAM };

static void add_histograms(struct hadal_resource *resource, const struct hadal_point *at)
{
	static const double bounds[] = { 1, 2 }, others[] = { 1, 3, 4 };
	static const uint64_t counts[] = { 1, 0, UINT64_MAX / 4, 7 };
	struct hadal_histogram_value explicit = {
		.bounds = bounds, .bound_count = 2, .counts = counts, .sum = 7, .min = 1, .max = 3, .has_extremes = true,
	};
	struct hadal_exponential_histogram_value scaled = {
		.scale = 2, .offset = -17, .counts = counts, .count = 3, .zero_count = 4, .zero_threshold = 1e-9,
		.sum = 7, .min = (double)NAN, .max = 3, .has_extremes = true,
	};
	struct hadal_metric *histogram = hadal_resource_metric(resource, &buckets),
			    *scale = hadal_resource_metric(resource, &exponential);

	hadal_metric_add_histogram(histogram, at, &explicit);
	hadal_metric_add_histogram(histogram, at, &explicit);
	explicit.bounds = others;
	explicit.bound_count = 3;
	explicit.has_extremes = false;
	hadal_metric_add_histogram(histogram, at, &explicit);
	explicit.bound_count = 0;
	hadal_metric_add_histogram(histogram, at, &explicit);
	hadal_metric_add_exponential_histogram(scale, at, &scaled);
	hadal_metric_add_exponential_histogram(scale, at, &scaled);
	scaled.zero_threshold = 0;
	scaled.count = 0;
	scaled.has_extremes = false;
	hadal_metric_add_exponential_histogram(scale, at, &scaled);
}

static void add_points(struct hadal_resource *resource, const struct hadal_attributes *attributes)
{
	struct hadal_point at = { .attributes = attributes, .start_time = 1700000000000000000, .time = 1700000010000000000 };

	hadal_metric_add_int(hadal_resource_metric(resource, &counter), &at, 1);
	hadal_metric_add_int(hadal_resource_metric(resource, &counter), &at, INT64_MAX);
	hadal_metric_add_double(hadal_resource_metric(resource, &seconds), &at, 0.1);
	hadal_metric_add_int(hadal_resource_metric(resource, &level), &at, INT64_MIN);
	hadal_metric_add_double(hadal_resource_metric(resource, &gauge), &at, -1e300);
	at.attributes = NULL;
	at.start_time--;
	add_histograms(resource, &at);
	at.no_recorded_value = true;
	hadal_metric_add_int(hadal_resource_metric(resource, &counter), &at, 1);
	hadal_metric_add_histogram(hadal_resource_metric(resource, &buckets), &at, NULL);
	hadal_metric_add_exponential_histogram(hadal_resource_metric(resource, &exponential), &at, NULL);
	at.start_time = 0;
	at.no_recorded_value = false;
	at.time = UINT64_MAX;
	hadal_metric_add_int(hadal_resource_metric(resource, &gauge), &at, 0);
}

/* Everything that there is. */
static struct hadal_batch *make_batch(void)
{
	static const char *const list[] = { "a", "b", "", "a" };
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *resource = hadal_batch_resource(batch, HADAL_ATTRIBUTES(batch, hadal_string("r", "\xc3\xa4")));
	struct hadal_log_record record = {
		.event_name = "event", .time = 1, .observed_time = 2, .severity = HADAL_SEVERITY_INFO, .body = "text",
	};

	add_points(resource, HADAL_ATTRIBUTES(batch, hadal_string("s", "x"), hadal_int("i", -1), hadal_double("d", 0.5),
					      hadal_bool("b", true), hadal_strings("l", list, 4)));
	record.attributes = HADAL_ATTRIBUTES(batch, hadal_strings("l", list, 1));
	hadal_resource_log(resource, &record);
	record.body = NULL;
	record.time = 0;
	record.attributes = HADAL_ATTRIBUTES(batch, hadal_string("s", ""));
	hadal_resource_log(hadal_batch_resource(batch, NULL), &record);
	batch->temporality = HADAL_DELTA;
	assert_int_equal(hadal_batch_error(batch), 0);
	return batch;
}

static struct hadal_wire write_batch(struct hadal_batch *batch)
{
	struct hadal_wire wire = { 0 };

	assert_int_equal(hadal_spool_form_write(batch, &wire), 0);
	return wire;
}

static struct hadal_batch *read_bytes(const uint8_t *bytes, size_t size, const char **wrong)
{
	/* Of its own, so that a sanitizer sees what is read behind its end. */
	uint8_t *copy = malloc(size ? size : 1);
	struct hadal_batch *batch;

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	*wrong = NULL;
	if (hadal_spool_form_read(copy, size, &batch, wrong)) {
		assert_null(batch);
		assert_non_null(*wrong);
	}
	free(copy);
	return batch;
}

/* ---- there and back ---- */

static int append_request(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	(void)signal;
	(void)items;
	hadal_wire_bytes(context, body, size);
	free(body);
	return 0;
}

static struct hadal_wire requests_of(struct hadal_batch *batch)
{
	struct hadal_otlp_result result;
	struct hadal_wire wire = { 0 };

	for (int i = 0; i < HADAL_SIGNALS; i++)
		assert_int_equal(hadal_otlp_encode(batch, (enum hadal_signal)i, SIZE_MAX, append_request, &wire, &result), 0);
	return wire;
}

static void expect_equal(struct hadal_wire a, struct hadal_wire b)
{
	assert_int_equal(a.size, b.size);
	assert_memory_equal(a.bytes, b.bytes, a.size);
	free(a.bytes);
	free(b.bytes);
}

static void what_is_written_comes_back(void **state)
{
	struct hadal_batch *batch = make_batch(), *again;
	struct hadal_wire written = write_batch(batch);
	const char *wrong;

	(void)state;
	again = read_bytes(written.bytes, written.size, &wrong);
	assert_non_null(again);
	assert_int_equal(again->temporality, HADAL_DELTA);
	assert_int_equal(again->counts.points, batch->counts.points);
	assert_int_equal(again->counts.records, batch->counts.records);
	expect_equal(requests_of(again), requests_of(batch));
	expect_equal(write_batch(again), written);
	hadal_batch_free(again);
	hadal_batch_free(batch);
}

/* What a batch has refused is no reason to lose what it has taken. */
static void a_batch_with_an_error_is_written(void **state)
{
	struct hadal_batch *batch = make_batch(), *again;
	struct hadal_wire written;
	const char *wrong;

	(void)state;
	hadal_metric_add_int(hadal_resource_metric(batch->first, &counter), &(struct hadal_point){ 0 }, 1);
	assert_int_equal(hadal_batch_error(batch), -EINVAL);
	written = write_batch(batch);
	again = read_bytes(written.bytes, written.size, &wrong);
	assert_non_null(again);
	assert_int_equal(again->counts.points, batch->counts.points);
	hadal_batch_free(again);
	hadal_batch_free(batch);
	free(written.bytes);
}

/* However often it is used. */
static void what_is_equal_is_there_once(void **state)
{
	struct hadal_batch *batch = hadal_batch_new(0);
	const struct hadal_attributes *one = HADAL_ATTRIBUTES(batch, hadal_string("a", "x"), hadal_int("b", 1)),
				      *same = HADAL_ATTRIBUTES(batch, hadal_string("a", "x"), hadal_int("b", 1)),
				      *other = HADAL_ATTRIBUTES(batch, hadal_string("a", "x"), hadal_int("b", 2)),
				      *longer = HADAL_ATTRIBUTES(batch, hadal_string("a", "x"), hadal_int("b", 1),
								 hadal_bool("c", false));

	(void)state;
	assert_ptr_equal(one, same);
	assert_ptr_not_equal(one, other);
	assert_ptr_not_equal(one, longer);
	assert_ptr_equal(one->list[0].string, longer->list[0].string);
	assert_int_equal(batch->sets.count, 3);
	assert_int_equal(batch->texts.count, 4);
	hadal_batch_free(batch);
}

/* More than the tables begin with. */
static void many_sets_are_told_apart(void **state)
{
	enum { MANY = 10000 };
	const struct hadal_attributes **sets = calloc(MANY, sizeof(*sets));
	struct hadal_batch *batch = hadal_batch_new(0);
	char text[16];

	(void)state;
	assert_non_null(sets);
	for (int turn = 0; turn < 2; turn++)
		for (int i = 0; i < MANY; i++) {
			const struct hadal_attributes *set;

			snprintf(text, sizeof(text), "%d", i);
			set = HADAL_ATTRIBUTES(batch, hadal_string("number", text));
			assert_string_equal(set->list[0].string, text);
			assert_true(!turn || set == sets[i]);
			sets[i] = set;
		}
	assert_int_equal(batch->sets.count, MANY);
	hadal_batch_free(batch);
	free(sets);
}

/* ---- damage ---- */

static void what_is_cut_is_refused(void **state)
{
	struct hadal_batch *batch = make_batch();
	struct hadal_wire written = write_batch(batch);
	const char *wrong;

	(void)state;
	for (size_t size = 0; size < written.size; size++)
		assert_null(read_bytes(written.bytes, size, &wrong));
	hadal_batch_free(batch);
	free(written.bytes);
}

/* Any byte may be any other: it is refused, or it is another batch, which can be written and read. */
static void what_is_changed_does_no_harm(void **state)
{
	struct hadal_batch *batch = make_batch();
	struct hadal_wire written = write_batch(batch);
	size_t refused = 0;

	(void)state;
	hadal_batch_free(batch);
	for (size_t i = 0; i < written.size; i++)
		for (unsigned int change = 1; change < 256; change++) {
			const char *wrong;

			written.bytes[i] ^= (uint8_t)change;
			batch = read_bytes(written.bytes, written.size, &wrong);
			written.bytes[i] ^= (uint8_t)change;
			refused += !batch;
			if (!batch)
				continue;
			free(write_batch(batch).bytes);
			hadal_batch_free(batch);
		}
	assert_true(refused > written.size);
	free(written.bytes);
}

struct damage {
	const char *wrong;	/* NULL: nothing */
	const uint8_t *bytes;
	size_t size;
};

#define BYTES(...)	(const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

/* Temporality and the text "m", no sets, one resource without attributes. */
#define RESOURCE	1, 1, 1, 'm', 0, 1, 0
#define METRIC(kind, count)	0, 0, 0, kind, count
#define POINT		0, 0, 0, 2, 2

static void it_is_said_what_is_wrong(void **state)
{
	const struct damage damages[] = {
		{ NULL, BYTES(0, 0, 0, 0) },
		{ NULL, BYTES(RESOURCE, 1, METRIC(HADAL_GAUGE, 1), POINT, 0) },
		{ NULL, BYTES(RESOURCE, 0, 1, 0, 0, 0, 0, 2, 9) },
		{ "no known temporality", BYTES(2, 0, 0, 0) },
		{ "more behind the end", BYTES(0, 0, 0, 0, 0) },
		{ "a number that has no end", BYTES(0, 0x80) },
		{ "a number that has no end", BYTES(0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02) },
		{ "a count of more than there is", BYTES(0, 3, 0, 0) },
		{ "a count of more than there is", BYTES(0, 1, 5, 'a', 0, 0) },
		{ "a count of more than there is", BYTES(0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01) },
		{ "a text that is not UTF-8, or there twice", BYTES(0, 1, 1, 0xff, 0, 0) },
		{ "a text that is not UTF-8, or there twice", BYTES(0, 1, 2, 'a', 0, 0, 0) },
		{ "a text that is not UTF-8, or there twice", BYTES(0, 2, 1, 'a', 1, 'a', 0, 0) },
		{ "a text that there is not", BYTES(0, 1, 1, 'a', 1, 1, 1, HADAL_VALUE_BOOL, 1, 0) },
		{ "an attribute of no known type", BYTES(0, 1, 1, 'a', 1, 1, 0, 9, 1, 0) },
		{ "an attribute without a name, or one that is there twice",
		  BYTES(0, 1, 1, 'a', 1, 2, 0, HADAL_VALUE_BOOL, 1, 0, HADAL_VALUE_BOOL, 1, 0) },
		{ "an attribute without a name, or one that is there twice",
		  BYTES(0, 1, 0, 1, 1, 0, HADAL_VALUE_BOOL, 1, 0) },
		{ "a set of attributes that there is not", BYTES(0, 0, 0, 1, 1, 0, 0) },
		{ "a metric that is there twice",
		  BYTES(RESOURCE, 2, METRIC(HADAL_GAUGE, 0), METRIC(HADAL_GAUGE, 0), 0) },
		{ "a metric of no known kind, or without a name", BYTES(RESOURCE, 1, METRIC(5, 0), 0) },
		{ "a point of no known form", BYTES(RESOURCE, 1, METRIC(HADAL_GAUGE, 1), 0x40, 0, 0, 2, 2, 0) },
		{ "a point that no metric has", BYTES(RESOURCE, 1, METRIC(HADAL_COUNTER, 1), POINT, 0) },
		{ "a point that no metric has", BYTES(RESOURCE, 1, METRIC(HADAL_HISTOGRAM, 1), POINT, 0) },
		{ "the bounds of a histogram before the first",
		  BYTES(RESOURCE, 1, METRIC(HADAL_HISTOGRAM, 1), HADAL_POINT_HISTOGRAM | HADAL_SPOOL_SAME_BOUNDS, 0, 2, 2,
			0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
		{ "an end within a number", BYTES(RESOURCE, 1, METRIC(HADAL_GAUGE, 1), HADAL_POINT_DOUBLE, 0, 0, 2, 0) },
		{ "a scale or an offset that is none",
		  BYTES(RESOURCE, 1, METRIC(HADAL_EXPONENTIAL_HISTOGRAM, 1), HADAL_POINT_EXPONENTIAL_HISTOGRAM, 0, 2, 2,
			0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0) },
		{ "a log record of no known severity", BYTES(RESOURCE, 0, 1, 0, 0, 0, 0, 2, 25) },
		{ "a log record without a name or a time", BYTES(RESOURCE, 0, 1, 0, 0, 0, 0, 0, 9) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const char *wrong;
		struct hadal_batch *batch = read_bytes(damages[i].bytes, damages[i].size, &wrong);

		if (damages[i].wrong)
			assert_string_equal(wrong, damages[i].wrong);
		else
			assert_non_null(batch);
		hadal_batch_free(batch);
	}
}

/* Five bytes make a point of twenty times as many. */
static void memory_has_a_bound(void **state)
{
	enum { POINTS = 4 << 20, POINT_SIZE = 5 };
	static const uint8_t before[] = { RESOURCE, 1, 0, 0, 0, HADAL_GAUGE }, point[POINT_SIZE] = { POINT };
	struct hadal_wire wire = { 0 };
	const char *wrong;

	(void)state;
	hadal_wire_bytes(&wire, before, sizeof(before));
	hadal_wire_varint(&wire, POINTS);
	/* All at one time: the first has it, others differ by nothing. */
	hadal_wire_bytes(&wire, point, sizeof(point));
	for (size_t i = 1; i < POINTS; i++)
		hadal_wire_bytes(&wire, (const uint8_t[POINT_SIZE]){ 0 }, POINT_SIZE);
	hadal_wire_byte(&wire, 0);
	assert_null(read_bytes(wire.bytes, wire.size, &wrong));
	assert_string_equal(wrong, "more than fits into memory");
	free(wire.bytes);
}

/* ---- compressed ---- */

static void expect_refused(const uint8_t *data, size_t size, const char *expected)
{
	struct hadal_batch *batch;
	const char *wrong = NULL;

	assert_int_equal(hadal_spool_unpack(data, size, &batch, &wrong), -EBADMSG);
	assert_null(batch);
	assert_string_equal(wrong, expected);
}

static void a_record_is_not_believed(void **state)
{
	struct hadal_batch *batch = make_batch(), *again;
	const char *wrong;
	uint8_t *data;
	size_t size;

	(void)state;
	assert_int_equal(hadal_spool_pack(batch, &data, &size), 0);
	assert_int_equal(hadal_spool_unpack(data, size, &again, &wrong), 0);
	assert_int_equal(again->counts.points, batch->counts.points);
	hadal_batch_free(again);
	hadal_batch_free(batch);
	expect_refused(data, 0, "another version");
	expect_refused(data, 1, "no size that can be believed");
	for (size_t less = 3; less < size; less++)
		expect_refused(data, less, "not compressed as it is here");
	data[0]--;
	expect_refused(data, size, "another version");
	data[0]++;
	/* A byte more than there is, and one less. */
	data[1]++;
	expect_refused(data, size, "not compressed as it is here");
	data[1] -= 2;
	expect_refused(data, size, "not compressed as it is here");
	expect_refused((const uint8_t[]){ data[0], 0xff, 0xff, 0xff, 0x3f, 0 }, 6, "no size that can be believed");
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_comes_back),
		cmocka_unit_test(a_batch_with_an_error_is_written),
		cmocka_unit_test(what_is_equal_is_there_once),
		cmocka_unit_test(many_sets_are_told_apart),
		cmocka_unit_test(what_is_cut_is_refused),
		cmocka_unit_test(what_is_changed_does_no_harm),
		cmocka_unit_test(it_is_said_what_is_wrong),
		cmocka_unit_test(memory_has_a_bound),
		cmocka_unit_test(a_record_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
