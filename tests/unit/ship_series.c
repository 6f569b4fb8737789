// SPDX-License-Identifier: MIT
/* Totals to increments and back: what comes out is what went in, and goes on across restarts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batch.h"
#include "series.h"
#include "spool_batch.h"

#define SECOND	1000000000ULL
#define BEGIN	(1000 * SECOND)

static const struct hadal_metric_info
	counter = { "counter", "1", NULL, HADAL_COUNTER },
	seconds = { "seconds", "s", NULL, HADAL_COUNTER },
	open_now = { "open", "1", NULL, HADAL_UP_DOWN_COUNTER },
	gauge = { "gauge", "1", NULL, HADAL_GAUGE },
	explicit = { "explicit", "s", NULL, HADAL_HISTOGRAM },
	exponential = { "exponential", "s", NULL, HADAL_EXPONENTIAL_HISTOGRAM };

/* A batch with one resource, and points of one time. */
struct telling {
	struct hadal_batch *batch;
	struct hadal_resource *resource;
	struct hadal_point at;
};

static struct telling tell(uint64_t start, uint64_t time)
{
	struct telling telling = { .batch = hadal_batch_new(0), .at = { .time = time } };

	hadal_point_since(&telling.at, start);
	telling.resource = hadal_batch_resource(telling.batch, HADAL_ATTRIBUTES(telling.batch,
			hadal_string("service.name", "web"), hadal_string("host.id", "h")));
	return telling;
}

static struct telling tell_count(uint64_t start, uint64_t time, int64_t value)
{
	struct telling telling = tell(start, time);

	hadal_metric_add_int(hadal_resource_metric(telling.resource, &counter), &telling.at, value);
	assert_int_equal(hadal_batch_error(telling.batch), 0);
	return telling;
}

static const struct hadal_batch_point *first_point(const struct hadal_batch *batch)
{
	assert_non_null(batch->first);
	assert_non_null(batch->first->first_metric);
	assert_non_null(batch->first->first_metric->first);
	return batch->first->first_metric->first;
}

static void expect_count(struct hadal_batch *batch, uint64_t start, uint64_t time, int64_t value)
{
	const struct hadal_batch_point *point = first_point(batch);

	assert_int_equal(point->at.start_time, start);
	assert_int_equal(point->at.time, time);
	assert_int_equal(point->integer, value);
	hadal_batch_free(batch);
}

struct tables {
	struct hadal_series_table *increments, *totals;
};

static int set_up(void **state)
{
	struct tables *tables = calloc(1, sizeof(*tables));

	tables->increments = hadal_series_new(0);
	tables->totals = hadal_series_new(0);
	*state = tables;
	return 0;
}

static int tear_down(void **state)
{
	struct tables *tables = *state;

	hadal_series_free(tables->increments);
	hadal_series_free(tables->totals);
	free(tables);
	return 0;
}

static struct hadal_batch *increments_of(struct tables *tables, struct telling telling)
{
	assert_int_equal(hadal_series_increments(tables->increments, telling.batch), 0);
	assert_int_equal(telling.batch->temporality, HADAL_DELTA);
	return telling.batch;
}

/* There and back, by way of the bytes that a spool would keep. */
static struct hadal_batch *round_trip(struct tables *tables, struct telling telling)
{
	struct hadal_batch *batch = increments_of(tables, telling), *read;
	const char *wrong;
	uint8_t *data;
	size_t size;

	assert_int_equal(hadal_spool_pack(batch, &data, &size), 0);
	assert_int_equal(hadal_spool_unpack(data, size, &read, &wrong), 0);
	assert_int_equal(read->counts.points, batch->counts.points);
	hadal_batch_free(batch);
	free(data);
	assert_int_equal(hadal_series_totals(tables->totals, read), 0);
	assert_int_equal(read->temporality, HADAL_CUMULATIVE);
	return read;
}

/* hadald begins anew: what it counts does, what its sinks have added up is read back. */
static void restart(struct tables *tables)
{
	uint8_t *bytes = NULL;
	size_t size = 0;

	assert_int_equal(hadal_series_save(tables->totals, &bytes, &size), 0);
	hadal_series_free(tables->increments);
	hadal_series_free(tables->totals);
	tables->increments = hadal_series_new(0);
	tables->totals = hadal_series_new(0);
	assert_int_equal(hadal_series_load(tables->totals, bytes, size), 0);
	free(bytes);
}

static void increments_join_without_gap(void **state)
{
	struct tables *tables = *state;

	expect_count(increments_of(tables, tell_count(BEGIN, BEGIN + 10, 7)), BEGIN, BEGIN + 10, 7);
	expect_count(increments_of(tables, tell_count(BEGIN, BEGIN + 20, 7)), BEGIN + 10, BEGIN + 20, 0);
	expect_count(increments_of(tables, tell_count(BEGIN, BEGIN + 30, 12)), BEGIN + 20, BEGIN + 30, 5);
}

static void what_began_anew_is_new_whole(void **state)
{
	struct tables *tables = *state;

	hadal_batch_free(increments_of(tables, tell_count(BEGIN, BEGIN + 10, 100)));
	expect_count(increments_of(tables, tell_count(BEGIN + 12, BEGIN + 20, 130)), BEGIN + 12, BEGIN + 20, 130);
	/* A total that fell is one that began anew, whatever it says. */
	expect_count(increments_of(tables, tell_count(BEGIN + 12, BEGIN + 30, 3)), BEGIN + 12, BEGIN + 30, 3);
}

static void totals_outlive_hadald(void **state)
{
	struct tables *tables = *state;

	expect_count(round_trip(tables, tell_count(BEGIN, BEGIN + 10, 5)), BEGIN, BEGIN + 10, 5);
	expect_count(round_trip(tables, tell_count(BEGIN, BEGIN + 20, 8)), BEGIN, BEGIN + 20, 8);
	restart(tables);
	expect_count(round_trip(tables, tell_count(BEGIN + 50, BEGIN + 60, 2)), BEGIN, BEGIN + 60, 10);
	expect_count(round_trip(tables, tell_count(BEGIN + 50, BEGIN + 70, 4)), BEGIN, BEGIN + 70, 12);
}

static void a_series_ends_and_returns_as_another(void **state)
{
	struct tables *tables = *state;
	struct telling end = tell(BEGIN, BEGIN + 20);
	struct hadal_batch *batch;

	hadal_batch_free(round_trip(tables, tell_count(BEGIN, BEGIN + 10, 5)));
	restart(tables);
	end.at.no_recorded_value = true;
	end.at.start_time = BEGIN + 15;
	hadal_metric_add_int(hadal_resource_metric(end.resource, &counter), &end.at, 0);
	batch = round_trip(tables, end);
	assert_true(first_point(batch)->at.no_recorded_value);
	assert_int_equal(first_point(batch)->at.start_time, BEGIN);
	hadal_batch_free(batch);
	assert_int_equal(hadal_series_count(tables->totals), 0);
	assert_int_equal(hadal_series_count(tables->increments), 0);
	expect_count(round_trip(tables, tell_count(BEGIN + 30, BEGIN + 40, 1)), BEGIN + 30, BEGIN + 40, 1);
}

static void what_was_counted_before_is_not_ours(void **state)
{
	struct tables *tables = *state;
	struct telling telling = tell(5, BEGIN);

	telling.at.counted_before = true;
	hadal_metric_add_int(hadal_resource_metric(telling.resource, &counter), &telling.at, 1000000);
	expect_count(round_trip(tables, telling), BEGIN, BEGIN, 0);
	telling = tell(6, BEGIN + 10);	/* when it was booted is known to a second at best */
	telling.at.counted_before = true;
	hadal_metric_add_int(hadal_resource_metric(telling.resource, &counter), &telling.at, 1000042);
	expect_count(round_trip(tables, telling), BEGIN, BEGIN + 10, 42);
}

static struct telling tell_host(uint64_t time, double value)
{
	struct telling telling = tell(5, time);
	struct hadal_metric *metric = hadal_resource_metric(telling.resource, &seconds);

	telling.at.counted_before = true;
	hadal_metric_add_double(metric, &telling.at, value);
	return telling;
}

static void expect_seconds(struct hadal_batch *batch, double value)
{
	assert_true(fabs(first_point(batch)->real - value) < 1e-6);
	hadal_batch_free(batch);
}

/* iowait does; a CPU that comes back makes it begin anew. Never is it all since boot. */
static void what_was_counted_before_may_fall(void **state)
{
	struct tables *tables = *state;

	expect_seconds(round_trip(tables, tell_host(BEGIN, 5000)), 0);
	expect_seconds(round_trip(tables, tell_host(BEGIN + 10, 5003)), 3);
	expect_seconds(round_trip(tables, tell_host(BEGIN + 20, 5002.99)), 3);
	expect_seconds(round_trip(tables, tell_host(BEGIN + 30, 5003.5)), 3.5);
	expect_seconds(round_trip(tables, tell_host(BEGIN + 40, 1000)), 3.5);
	expect_seconds(round_trip(tables, tell_host(BEGIN + 50, 1002)), 5.5);
	restart(tables);
	expect_seconds(round_trip(tables, tell_host(BEGIN + 60, 1001)), 5.5);
	expect_seconds(round_trip(tables, tell_host(BEGIN + 70, 1002)), 6.5);
}

static void sums_of_rounded_increments_do_not_drift(void **state)
{
	struct tables *tables = *state;
	double value = 0;

	for (uint64_t i = 1; i <= 100000; i++) {
		struct telling telling = tell(BEGIN, BEGIN + i);

		value += 0.1 + (double)(i % 7) / 3;
		hadal_metric_add_double(hadal_resource_metric(telling.resource, &seconds), &telling.at, value);
		hadal_series_increments(tables->increments, telling.batch);
		hadal_series_totals(tables->totals, telling.batch);
		assert_true(fabs(first_point(telling.batch)->real - value) <= value * 4e-16);
		hadal_batch_free(telling.batch);
	}
}

static void values_pass(void **state)
{
	struct tables *tables = *state;

	for (uint64_t i = 1; i <= 3; i++) {
		struct telling telling = tell(BEGIN, BEGIN + i);
		const struct hadal_metric *metric;
		struct hadal_batch *batch;

		hadal_metric_add_int(hadal_resource_metric(telling.resource, &open_now), &telling.at, 10 - (int64_t)i);
		telling.at.start_time = 0;
		hadal_metric_add_double(hadal_resource_metric(telling.resource, &gauge), &telling.at, -0.5);
		batch = round_trip(tables, telling);
		metric = batch->first->first_metric;
		assert_int_equal(metric->info->kind, HADAL_UP_DOWN_COUNTER);
		assert_int_equal(metric->first->integer, 10 - i);
		assert_int_equal(metric->first->at.start_time, BEGIN);
		assert_true(metric->next->first->real == -0.5);
		hadal_batch_free(batch);
	}
}

/* ---- histograms ---- */

static const double bounds[] = { 1, 2, 4 };

static struct telling tell_histogram(uint64_t time, const uint64_t *counts, double sum, double min, double max)
{
	struct telling telling = tell(BEGIN, time);
	const struct hadal_histogram_value value = {
		.bounds = bounds, .bound_count = 3, .counts = counts, .sum = sum, .min = min, .max = max,
		.has_extremes = true,
	};

	hadal_metric_add_histogram(hadal_resource_metric(telling.resource, &explicit), &telling.at, &value);
	assert_int_equal(hadal_batch_error(telling.batch), 0);
	return telling;
}

static void explicit_histograms(void **state)
{
	struct tables *tables = *state;
	static const uint64_t first[] = { 1, 2, 3, 0 }, second[] = { 1, 5, 3, 1 }, third[] = { 0, 0, 1, 0 };
	const struct hadal_histogram_value *value;
	struct hadal_batch *batch = increments_of(tables, tell_histogram(BEGIN + 10, first, 12, 0.5, 3));

	hadal_batch_free(batch);
	batch = increments_of(tables, tell_histogram(BEGIN + 20, second, 24, 0.5, 9));
	value = first_point(batch)->histogram;
	assert_int_equal(value->counts[0], 0);
	assert_int_equal(value->counts[1], 3);
	assert_int_equal(value->counts[3], 1);
	assert_true(value->sum == 12 && isnan(value->min) && value->max == 9);
	hadal_batch_free(batch);
	tear_down(state);
	set_up(state);
	tables = *state;
	hadal_batch_free(round_trip(tables, tell_histogram(BEGIN + 10, first, 12, 0.5, 3)));
	hadal_batch_free(round_trip(tables, tell_histogram(BEGIN + 20, second, 24, 0.5, 9)));
	restart(tables);
	batch = round_trip(tables, tell_histogram(BEGIN + 30, third, 3, 3, 3));
	value = first_point(batch)->histogram;
	assert_int_equal(value->counts[1], 5);
	assert_int_equal(value->counts[2], 4);
	assert_true(value->sum == 27 && value->min == 0.5 && value->max == 9);
	assert_int_equal(first_point(batch)->at.start_time, BEGIN);
	hadal_batch_free(batch);
}

static struct telling tell_exponential(uint64_t time, int32_t offset, const uint64_t *counts, size_t count, double sum)
{
	struct telling telling = tell(BEGIN, time);
	const struct hadal_exponential_histogram_value value = {
		.scale = 2, .offset = offset, .counts = counts, .count = count, .zero_count = 1, .sum = sum,
	};

	hadal_metric_add_exponential_histogram(hadal_resource_metric(telling.resource, &exponential), &telling.at, &value);
	assert_int_equal(hadal_batch_error(telling.batch), 0);
	return telling;
}

/* The buckets that have counts move and grow; zeros around them are not kept. */
static void exponential_histograms(void **state)
{
	struct tables *tables = *state;
	static const uint64_t first[] = { 2, 0, 1 }, second[] = { 5, 0, 2, 0, 1, 7 };
	const struct hadal_exponential_histogram_value *value;
	struct hadal_batch *batch;

	hadal_batch_free(round_trip(tables, tell_exponential(BEGIN + 10, 0, first, 3, 3)));
	batch = round_trip(tables, tell_exponential(BEGIN + 20, -2, second, 6, 20));
	value = first_point(batch)->exponential;
	assert_int_equal(value->offset, -2);
	assert_int_equal(value->count, 6);
	assert_memory_equal(value->counts, second, sizeof(second));
	assert_int_equal(value->zero_count, 1);
	assert_true(value->sum == 20);
	hadal_batch_free(batch);
	restart(tables);
	batch = round_trip(tables, tell_exponential(BEGIN + 30, 1, first, 3, 3));
	value = first_point(batch)->exponential;
	assert_int_equal(value->offset, -2);
	assert_int_equal(value->counts[3], 2);
	assert_int_equal(value->counts[5], 8);
	assert_int_equal(value->zero_count, 2);
	hadal_batch_free(batch);
}

/* ---- bounds and state ---- */

static void attributes_in_any_order_are_one_series(void **state)
{
	struct tables *tables = *state;

	for (unsigned int i = 0; i < 4; i++) {
		struct telling telling = tell(BEGIN, BEGIN + 10 + i);
		const char *list[] = { "a", i < 2 ? "b" : "c" };

		telling.at.attributes = i % 2 ?
			HADAL_ATTRIBUTES(telling.batch, hadal_int("n", 1), hadal_strings("l", list, 2), hadal_bool("b", true)) :
			HADAL_ATTRIBUTES(telling.batch, hadal_bool("b", true), hadal_int("n", 1), hadal_strings("l", list, 2));
		hadal_metric_add_int(hadal_resource_metric(telling.resource, &counter), &telling.at, 10 + i);
		hadal_batch_free(increments_of(tables, telling));
		assert_int_equal(hadal_series_count(tables->increments), 1 + i / 2);
	}
}

static void beyond_the_bound_points_are_taken_out_and_counted(void **state)
{
	struct hadal_series_table *table = hadal_series_new(2);
	struct telling telling = tell(BEGIN, BEGIN + 1);

	(void)state;
	for (int i = 0; i < 5; i++) {
		telling.at.attributes = HADAL_ATTRIBUTES(telling.batch, hadal_int("n", i));
		hadal_metric_add_int(hadal_resource_metric(telling.resource, &counter), &telling.at, 1);
	}
	assert_int_equal(hadal_series_increments(table, telling.batch), 3);
	assert_int_equal(telling.batch->counts.points, 2);
	assert_int_equal(telling.batch->first->first_metric->count, 2);
	assert_null(first_point(telling.batch)->next->next);
	hadal_batch_free(telling.batch);
	hadal_series_free(table);
}

static void what_is_not_heard_of_is_forgotten(void **state)
{
	struct tables *tables = *state;

	hadal_batch_free(round_trip(tables, tell_count(BEGIN, BEGIN + 1, 5)));
	restart(tables);
	for (uint64_t i = 0; i < HADAL_SERIES_ROUNDS; i++) {
		assert_int_equal(hadal_series_count(tables->totals), 1);
		hadal_batch_free(round_trip(tables, tell(BEGIN, BEGIN + 2 + i)));
	}
	assert_int_equal(hadal_series_count(tables->totals), 0);
}

static void a_clock_set_back_begins_anew(void **state)
{
	struct tables *tables = *state;

	hadal_batch_free(round_trip(tables, tell_count(BEGIN, BEGIN + 10, 5)));
	restart(tables);
	expect_count(round_trip(tables, tell_count(BEGIN - 100, BEGIN - 90, 3)), BEGIN - 100, BEGIN - 90, 3);
}

/* hadald runs on: what it has counted is counted once, and so it is when the clock has come back. */
static void a_clock_set_back_counts_nothing_again(void **state)
{
	const uint64_t back = BEGIN - 100;
	struct tables *tables = *state;

	expect_count(round_trip(tables, tell_count(BEGIN, BEGIN + 10, 5)), BEGIN, BEGIN + 10, 5);
	expect_count(round_trip(tables, tell_count(BEGIN, back, 7)), back, back, 2);
	expect_count(round_trip(tables, tell_count(BEGIN, back + 10, 10)), back, back + 10, 5);
	expect_count(round_trip(tables, tell_count(BEGIN, back + 20, 10)), back, back + 20, 5);
	expect_count(round_trip(tables, tell_count(BEGIN, BEGIN, 12)), back, BEGIN, 7);
	expect_count(round_trip(tables, tell_count(BEGIN, BEGIN + 20, 14)), back, BEGIN + 20, 9);
}

/* By when they began one that goes on is told from one that began anew, behind the clock too. */
static void what_begins_behind_the_clock_goes_on(void **state)
{
	const uint64_t anew = BEGIN + 5, back = BEGIN - 50;
	struct tables *tables = *state;

	expect_count(round_trip(tables, tell_count(BEGIN, back, 5)), back - 1, back, 5);
	expect_count(round_trip(tables, tell_count(BEGIN, back + 10, 6)), back - 1, back + 10, 6);
	expect_count(round_trip(tables, tell_count(anew, back + 20, 8)), back - 1, back + 20, 14);
	expect_count(round_trip(tables, tell_count(anew, BEGIN + 10, 9)), back - 1, BEGIN + 10, 15);
}

static void no_other_state_is_taken(void **state)
{
	struct tables *tables = *state;
	static const uint64_t counts[] = { 1, 2, 3, 4 };
	struct hadal_series_table *table = hadal_series_new(0);
	uint8_t *bytes = NULL;
	size_t size = 0;

	hadal_batch_free(round_trip(tables, tell_count(BEGIN, BEGIN + 10, 5)));
	hadal_batch_free(round_trip(tables, tell_histogram(BEGIN + 10, counts, 9, 0, 9)));
	assert_int_equal(hadal_series_save(tables->totals, &bytes, &size), 0);
	for (size_t length = 1; length < size; length++) {
		uint8_t *cut = malloc(length);	/* of its size, for the sanitizer to see beyond */
		int ret;

		memcpy(cut, bytes, length);
		ret = hadal_series_load(table, cut, length);
		if (ret)
			assert_int_equal(hadal_series_count(table), 0);
		else
			assert_int_equal(hadal_series_count(table), 1);	/* cut between the two */
		hadal_series_free(table);
		table = hadal_series_new(0);
		free(cut);
	}
	hadal_series_free(table);
	free(bytes);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(increments_join_without_gap),
		TEST(what_began_anew_is_new_whole),
		TEST(totals_outlive_hadald),
		TEST(a_series_ends_and_returns_as_another),
		TEST(what_was_counted_before_is_not_ours),
		TEST(what_was_counted_before_may_fall),
		TEST(sums_of_rounded_increments_do_not_drift),
		TEST(values_pass),
		TEST(explicit_histograms),
		TEST(exponential_histograms),
		TEST(attributes_in_any_order_are_one_series),
		TEST(beyond_the_bound_points_are_taken_out_and_counted),
		TEST(what_is_not_heard_of_is_forgotten),
		TEST(a_clock_set_back_begins_anew),
		TEST(a_clock_set_back_counts_nothing_again),
		TEST(what_begins_behind_the_clock_goes_on),
		TEST(no_other_state_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
