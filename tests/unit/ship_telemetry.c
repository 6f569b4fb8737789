// SPDX-License-Identifier: MIT
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

#include "telemetry.h"

static const struct hadal_metric_info counter = { "counter", "1", NULL, HADAL_COUNTER };
static const struct hadal_metric_info gauge = { "gauge", "1", NULL, HADAL_GAUGE };
static const struct hadal_metric_info histogram = { "histogram", "s", NULL, HADAL_HISTOGRAM };
static const struct hadal_metric_info exponential = { "exponential", "s", NULL, HADAL_EXPONENTIAL_HISTOGRAM };

static const struct hadal_point point = { .start_time = 1, .time = 2 };

static int setup(void **state)
{
	*state = hadal_batch_new(0);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	hadal_batch_free(*state);
	return 0;
}

static struct hadal_metric *metric_of(struct hadal_batch *batch, const struct hadal_metric_info *info)
{
	return hadal_resource_metric(hadal_batch_resource(batch, NULL), info);
}

static void test_counts(void **state)
{
	struct hadal_batch *batch = *state;
	struct hadal_resource *resource = hadal_batch_resource(batch, HADAL_ATTRIBUTES(batch, hadal_string("a", "b")));
	const struct hadal_log_record record = { .event_name = "e", .observed_time = 1, .severity = HADAL_SEVERITY_INFO };

	assert_int_equal(hadal_metric_add_int(hadal_resource_metric(resource, &counter), &point, 1), 0);
	assert_int_equal(hadal_metric_add_double(hadal_resource_metric(resource, &gauge), &point, 1), 0);
	assert_int_equal(hadal_resource_log(resource, &record), 0);
	assert_int_equal(hadal_batch_counts(batch).points, 2);
	assert_int_equal(hadal_batch_counts(batch).records, 1);
	assert_int_equal(hadal_batch_counts(batch).refused, 0);
	assert_int_equal(hadal_batch_error(batch), 0);
	assert_ptr_equal(hadal_resource_metric(resource, &counter), hadal_resource_metric(resource, &counter));
}

/* What could not be made is never NULL, takes everything, and counts it. */
static void expect_all_refused(struct hadal_batch *batch, struct hadal_resource *resource,
			       const struct hadal_attributes *attributes, int error)
{
	const struct hadal_log_record record = { .event_name = "e", .observed_time = 1, .severity = 9,
						 .attributes = attributes };
	const struct hadal_point at = { .attributes = attributes, .start_time = 1, .time = 2 };
	const uint64_t before = hadal_batch_counts(batch).refused;

	assert_int_equal(hadal_metric_add_int(hadal_resource_metric(resource, &counter), &at, 1), error);
	assert_int_equal(hadal_metric_add_double(hadal_resource_metric(resource, &gauge), &at, 1), error);
	assert_int_equal(hadal_resource_log(resource, &record), error);
	assert_int_equal(hadal_batch_counts(batch).refused, before + 3);
	assert_int_equal(hadal_batch_counts(batch).points, 0);
	assert_int_equal(hadal_batch_counts(batch).records, 0);
	assert_int_equal(hadal_batch_error(batch), error);
}

static void test_key_twice(void **state)
{
	struct hadal_batch *batch = *state;
	const struct hadal_attributes *bad = HADAL_ATTRIBUTES(batch, hadal_int("a", 1), hadal_bool("a", true));

	expect_all_refused(batch, hadal_batch_resource(batch, NULL), bad, -EEXIST);
	expect_all_refused(batch, hadal_batch_resource(batch, bad), NULL, -EEXIST);
}

static void test_no_key(void **state)
{
	struct hadal_batch *batch = *state;

	expect_all_refused(batch, hadal_batch_resource(batch, NULL), HADAL_ATTRIBUTES(batch, hadal_int("", 1)), -EINVAL);
}

static void test_null_in_array(void **state)
{
	static const char *const list[] = { "a", NULL };
	struct hadal_batch *batch = *state;

	expect_all_refused(batch, hadal_batch_resource(batch, NULL),
			   HADAL_ATTRIBUTES(batch, hadal_strings("a", list, 2)), -EINVAL);
}

static void test_too_many_strings(void **state)
{
	static const char *list[HADAL_STRINGS_MAX + 1];
	struct hadal_batch *batch = *state;

	expect_all_refused(batch, hadal_batch_resource(batch, NULL),
			   HADAL_ATTRIBUTES(batch, hadal_strings("a", list, HADAL_STRINGS_MAX + 1)), -E2BIG);
}

static void test_too_many_attributes(void **state)
{
	struct hadal_telemetry_attribute list[HADAL_ATTRIBUTES_MAX + 1];
	char keys[HADAL_ATTRIBUTES_MAX + 1][8];
	struct hadal_batch *batch = *state;

	for (size_t i = 0; i <= HADAL_ATTRIBUTES_MAX; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
		list[i] = hadal_int(keys[i], 0);
	}
	hadal_batch_attributes(batch, list, HADAL_ATTRIBUTES_MAX);
	assert_int_equal(hadal_batch_error(batch), 0);
	expect_all_refused(batch, hadal_batch_resource(batch, NULL),
			   hadal_batch_attributes(batch, list, HADAL_ATTRIBUTES_MAX + 1), -E2BIG);
}

static void test_null_is_left_out(void **state)
{
	struct hadal_batch *batch = *state;

	HADAL_ATTRIBUTES(batch, hadal_string("a", NULL), hadal_string("a", "b"));
	assert_int_equal(hadal_batch_error(batch), 0);
}

/* A set that another was made of is the one that is made at once, and what is refused there is refused here. */
static void test_one_attribute_more(void **state)
{
	struct hadal_batch *batch = *state;
	const struct hadal_attributes *base = HADAL_ATTRIBUTES(batch, hadal_string("a", "1"), hadal_int("b", 2));
	const struct hadal_attributes *more = hadal_batch_attributes_with(batch, base, hadal_string("c", "3"));

	assert_ptr_not_equal(more, base);
	assert_ptr_equal(more, HADAL_ATTRIBUTES(batch, hadal_string("a", "1"), hadal_int("b", 2), hadal_string("c", "3")));
	assert_ptr_equal(hadal_batch_attributes_with(batch, base, hadal_string("c", "3")), more);
	assert_ptr_equal(hadal_batch_attributes_with(batch, base, hadal_string("c", NULL)), base);
	assert_ptr_equal(HADAL_ATTRIBUTES(batch, hadal_string("a", "1"), hadal_int("b", 2)), base);
	assert_int_equal(hadal_batch_error(batch), 0);
	expect_all_refused(batch, hadal_batch_resource(batch, NULL),
			   hadal_batch_attributes_with(batch, base, hadal_int("a", 1)), -EEXIST);
	assert_ptr_equal(hadal_batch_attributes_with(batch, hadal_batch_attributes_with(batch, base, hadal_int("a", 1)),
						     hadal_int("d", 1)),
			 hadal_batch_attributes_with(batch, base, hadal_int("b", 1)));
}

/* It is never found, whatever else is looked for, and how many there are. */
static void test_sets_for_once(void **state)
{
	struct hadal_batch *batch = *state;
	const struct hadal_telemetry_attribute one = hadal_string("a", "1");
	const struct hadal_attributes *once = hadal_batch_attributes_once(batch, &one, 1);
	const struct hadal_attributes *sets[1000];

	assert_ptr_not_equal(hadal_batch_attributes_once(batch, &one, 1), once);
	for (int i = 0; i < 1000; i++) {
		const struct hadal_telemetry_attribute number = hadal_int("number", i);

		sets[i] = HADAL_ATTRIBUTES(batch, hadal_int("number", i));
		assert_ptr_not_equal(hadal_batch_attributes_once(batch, &number, 1), sets[i]);
	}
	for (int i = 0; i < 1000; i++)
		assert_ptr_equal(HADAL_ATTRIBUTES(batch, hadal_int("number", i)), sets[i]);
	assert_ptr_not_equal(HADAL_ATTRIBUTES(batch, one), once);
	assert_ptr_equal(HADAL_ATTRIBUTES(batch, one), HADAL_ATTRIBUTES(batch, one));
	assert_int_equal(hadal_batch_error(batch), 0);
	expect_all_refused(batch, hadal_batch_resource(batch, NULL),
			   hadal_batch_attributes_once(batch, (const struct hadal_telemetry_attribute[]){ one, one }, 2),
			   -EEXIST);
}

/* One place may hold another string each time. */
static void test_strings_of_one_place(void **state)
{
	struct hadal_batch *batch = *state;
	const struct hadal_attributes *sets[2], *again;
	char text[8] = "one";

	sets[0] = HADAL_ATTRIBUTES(batch, hadal_string(text, text));
	again = HADAL_ATTRIBUTES(batch, hadal_string(text, text));
	assert_ptr_equal(again, sets[0]);
	strcpy(text, "other");
	sets[1] = HADAL_ATTRIBUTES(batch, hadal_string(text, text));
	assert_ptr_not_equal(sets[1], sets[0]);
	assert_ptr_equal(HADAL_ATTRIBUTES(batch, hadal_string("other", "other")), sets[1]);
	assert_ptr_equal(HADAL_ATTRIBUTES(batch, hadal_string("one", "one")), sets[0]);
	/* What is not UTF-8 is never as it was given. */
	strcpy(text, "\xff");
	sets[0] = HADAL_ATTRIBUTES(batch, hadal_string("a", text));
	assert_ptr_equal(HADAL_ATTRIBUTES(batch, hadal_string("a", text)), sets[0]);
	assert_ptr_equal(HADAL_ATTRIBUTES(batch, hadal_string("a", "\xef\xbf\xbd")), sets[0]);
}

static void test_kinds(void **state)
{
	static const struct hadal_metric_info other = { "counter", "1", NULL, HADAL_GAUGE };
	struct hadal_batch *batch = *state;
	struct hadal_resource *resource = hadal_batch_resource(batch, NULL);
	const struct hadal_histogram_value value = { .counts = (uint64_t[]){ 1 } };
	struct hadal_metric *metric = hadal_resource_metric(resource, &counter);

	assert_int_equal(hadal_metric_add_double(metric, &point, 1), 0);
	assert_int_equal(hadal_metric_add_double(metric, &point, -1), -EINVAL);
	assert_int_equal(hadal_metric_add_histogram(metric, &point, &value), -EINVAL);
	assert_int_equal(hadal_metric_add_int(hadal_resource_metric(resource, &histogram), &point, 1), -EINVAL);
	assert_int_equal(hadal_metric_add_histogram(hadal_resource_metric(resource, &exponential), &point, &value), -EINVAL);
	assert_int_equal(hadal_batch_counts(batch).refused, 4);
	hadal_metric_add_int(hadal_resource_metric(resource, &other), &point, 1);
	assert_int_equal(hadal_batch_counts(batch).refused, 5);
	assert_int_equal(hadal_metric_add_int(hadal_resource_metric(hadal_batch_resource(batch, NULL), &other), &point, 1), 0);
}

static void test_values(void **state)
{
	struct hadal_batch *batch = *state;
	const struct hadal_point end = { .start_time = 1, .time = 2, .no_recorded_value = true };

	assert_int_equal(hadal_metric_add_int(metric_of(batch, &counter), &point, -1), -EINVAL);
	assert_int_equal(hadal_metric_add_int(metric_of(batch, &counter), &end, -1), 0);
	assert_int_equal(hadal_metric_add_int(metric_of(batch, &gauge), &point, INT64_MIN), 0);
	assert_int_equal(hadal_metric_add_double(metric_of(batch, &gauge), &point, NAN), -EINVAL);
	assert_int_equal(hadal_metric_add_double(metric_of(batch, &gauge), &point, INFINITY), 0);
	assert_int_equal(hadal_metric_add_histogram(metric_of(batch, &histogram), &end, NULL), 0);
	assert_int_equal(hadal_metric_add_exponential_histogram(metric_of(batch, &exponential), &end, NULL), 0);
}

static void test_histograms(void **state)
{
	static const uint64_t many[] = { UINT64_MAX, 1 };
	struct hadal_metric *metric = metric_of(*state, &histogram);
	const double falling[] = { 2, 1 }, equal[] = { 1, 1 }, endless[] = { INFINITY };
	struct hadal_histogram_value value = { .bounds = falling, .bound_count = 2, .counts = (uint64_t[]){ 1, 2, 3 } };

	assert_int_equal(hadal_metric_add_histogram(metric, &point, &value), -EINVAL);
	value.bounds = equal;
	assert_int_equal(hadal_metric_add_histogram(metric, &point, &value), -EINVAL);
	value.bounds = endless;
	value.bound_count = 1;
	assert_int_equal(hadal_metric_add_histogram(metric, &point, &value), -EINVAL);
	value.bounds = equal;
	assert_int_equal(hadal_metric_add_histogram(metric, &point, &value), 0);
	value.counts = many;
	assert_int_equal(hadal_metric_add_histogram(metric, &point, &value), -EINVAL);
	value.counts = (uint64_t[]){ 1, 2 };
	value.sum = INFINITY;
	assert_int_equal(hadal_metric_add_histogram(metric, &point, &value), -EINVAL);
	value.bound_count = HADAL_BUCKETS_MAX;
	assert_int_equal(hadal_metric_add_histogram(metric, &point, &value), -E2BIG);
}

static void test_exponential_histograms(void **state)
{
	static const uint64_t many[] = { UINT64_MAX };
	struct hadal_metric *metric = metric_of(*state, &exponential);
	struct hadal_exponential_histogram_value value = { .scale = 2, .counts = (uint64_t[]){ 1 }, .count = 1 };

	assert_int_equal(hadal_metric_add_exponential_histogram(metric, &point, &value), 0);
	value.scale = 21;
	assert_int_equal(hadal_metric_add_exponential_histogram(metric, &point, &value), -EINVAL);
	value.scale = -11;
	assert_int_equal(hadal_metric_add_exponential_histogram(metric, &point, &value), -EINVAL);
	value.scale = 2;
	value.offset = INT32_MAX;
	assert_int_equal(hadal_metric_add_exponential_histogram(metric, &point, &value), -EINVAL);
	value.offset = 0;
	value.counts = many;
	assert_int_equal(hadal_metric_add_exponential_histogram(metric, &point, &value), 0);
	value.zero_count = 1;
	assert_int_equal(hadal_metric_add_exponential_histogram(metric, &point, &value), -EINVAL);
	value.zero_count = 0;
	value.zero_threshold = -1;
	assert_int_equal(hadal_metric_add_exponential_histogram(metric, &point, &value), -EINVAL);
	value.count = HADAL_BUCKETS_MAX + 1;
	assert_int_equal(hadal_metric_add_exponential_histogram(metric, &point, &value), -E2BIG);
}

static void test_records(void **state)
{
	const struct hadal_log_record good = { .event_name = "e", .observed_time = 1, .severity = 24 };
	struct hadal_resource *resource = hadal_batch_resource(*state, NULL);
	struct hadal_log_record bad = good;

	assert_int_equal(hadal_resource_log(resource, &good), 0);
	bad.event_name = NULL;
	assert_int_equal(hadal_resource_log(resource, &bad), -EINVAL);
	bad = good;
	bad.observed_time = 0;
	assert_int_equal(hadal_resource_log(resource, &bad), -EINVAL);
	bad = good;
	bad.severity = 0;
	assert_int_equal(hadal_resource_log(resource, &bad), -EINVAL);
	bad.severity = 25;
	assert_int_equal(hadal_resource_log(resource, &bad), -EINVAL);
	assert_int_equal(hadal_batch_counts(*state).refused, 4);
}

/* However small the bound: it holds, nothing breaks, and every point is accounted for. */
static void test_bound(void **state)
{
	(void)state;
	for (size_t limit = 1; limit < 40000; limit += 97) {
		struct hadal_batch *batch = hadal_batch_new(limit);
		struct hadal_batch_counts counts;

		assert_non_null(batch);
		for (int i = 0; i < 200; i++) {
			const struct hadal_point at = {
				.attributes = HADAL_ATTRIBUTES(batch, hadal_string("key", "value"), hadal_int("i", i)),
				.start_time = 1, .time = 2,
			};

			hadal_metric_add_int(metric_of(batch, &counter), &at, i);
		}
		counts = hadal_batch_counts(batch);
		assert_int_equal(counts.points + counts.refused, 200);
		assert_true(counts.bytes <= limit + 1024);
		assert_int_equal(hadal_batch_error(batch), -ENOSPC);
		hadal_batch_free(batch);
	}
}

/* The batch holds copies: what they were made of may go. */
static void test_ownership(void **state)
{
	struct hadal_batch *batch = *state;
	char *key = strdup("key"), *value = strdup("value"), *name = strdup("event");
	uint64_t *counts = calloc(2, sizeof(*counts));
	double *bounds = calloc(1, sizeof(*bounds));
	struct hadal_resource *resource = hadal_batch_resource(batch, HADAL_ATTRIBUTES(batch, hadal_string(key, value)));
	const struct hadal_histogram_value histogram_value = { .bounds = bounds, .bound_count = 1, .counts = counts };
	const struct hadal_log_record record = { .event_name = name, .observed_time = 1, .severity = 9, .body = value };

	assert_int_equal(hadal_metric_add_histogram(hadal_resource_metric(resource, &histogram), &point, &histogram_value), 0);
	assert_int_equal(hadal_resource_log(resource, &record), 0);
	free(key);
	free(value);
	free(name);
	free(counts);
	free(bounds);
	/* Same name, same kind, another place in memory: the same metric. */
	assert_int_equal(hadal_metric_add_int(hadal_resource_metric(resource, &counter), &point, 1), 0);
	assert_ptr_equal(hadal_resource_metric(resource, &(struct hadal_metric_info){ "counter", "1", NULL, HADAL_COUNTER }),
			 hadal_resource_metric(resource, &counter));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_twice, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_null_in_array, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_strings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_attributes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_null_is_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_attribute_more, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sets_for_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_strings_of_one_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_histograms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exponential_histograms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_records, setup, teardown),
		cmocka_unit_test(test_bound),
		cmocka_unit_test_setup_teardown(test_ownership, setup, teardown),
	};

	return cmocka_run_group_tests_name("ship_telemetry", tests, NULL, NULL);
}
