// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "ship_queue.h"

static struct hadal_ship_request *request(enum hadal_signal signal, uint64_t items, size_t size)
{
	struct hadal_ship_request *made = calloc(1, sizeof(*made));

	assert_non_null(made);
	made->signal = signal;
	made->items = items;
	made->body = calloc(1, size);
	made->size = size;
	return made;
}

static struct hadal_ship_inbox_entry *batch_of(int points)
{
	static const struct hadal_metric_info info = { "gauge", "1", NULL, HADAL_GAUGE };
	struct hadal_ship_inbox_entry *entry = calloc(1, sizeof(*entry));
	const struct hadal_point at = { .time = 1 };
	struct hadal_resource *resource;

	assert_non_null(entry);
	entry->batch = hadal_batch_new(0);
	resource = hadal_batch_resource(entry->batch, NULL);
	for (int i = 0; i < points; i++)
		hadal_metric_add_int(hadal_resource_metric(resource, &info), &at, i);
	return entry;
}

static void test_order(void **state)
{
	struct hadal_ship_queue queue;
	struct hadal_ship_request *first;

	(void)state;
	hadal_ship_queue_init(&queue, SIZE_MAX, SIZE_MAX);
	assert_null(hadal_ship_queue_take_request(&queue));
	assert_null(hadal_ship_queue_take_batch(&queue));
	for (uint64_t i = 1; i <= 3; i++)
		hadal_ship_queue_add_request(&queue, request(HADAL_SIGNAL_LOGS, i, 10));
	first = hadal_ship_queue_take_request(&queue);
	assert_int_equal(first->items, 1);
	hadal_ship_queue_put_back(&queue, first);
	for (uint64_t i = 1; i <= 3; i++) {
		struct hadal_ship_request *taken = hadal_ship_queue_take_request(&queue);

		assert_int_equal(taken->items, i);
		assert_int_equal(queue.count, 4 - i);
		hadal_ship_queue_release_request(&queue, taken);
	}
	assert_int_equal(queue.count, 0);
	assert_int_equal(queue.bytes, 0);
	/* Empty again, it takes more at its end. */
	first = request(HADAL_SIGNAL_LOGS, 9, 10);
	hadal_ship_queue_add_request(&queue, first);
	assert_ptr_equal(hadal_ship_queue_take_request(&queue), first);
	hadal_ship_queue_put_back(&queue, first);
	hadal_ship_queue_add_request(&queue, request(HADAL_SIGNAL_LOGS, 10, 10));
	assert_int_equal(hadal_ship_queue_drop_all(&queue).count[HADAL_SIGNAL_LOGS], 19);
	assert_int_equal(queue.bytes, 0);
}

static void test_number(void **state)
{
	struct hadal_ship_items dropped;
	struct hadal_ship_queue queue;

	(void)state;
	hadal_ship_queue_init(&queue, SIZE_MAX, 3);
	hadal_ship_queue_add_request(&queue, request(HADAL_SIGNAL_LOGS, 100, 10));
	hadal_ship_queue_add_batch(&queue, batch_of(5));
	hadal_ship_queue_add_batch(&queue, batch_of(6));
	dropped = hadal_ship_queue_trim(&queue);
	assert_int_equal(dropped.count[HADAL_SIGNAL_METRICS] + dropped.count[HADAL_SIGNAL_LOGS], 0);
	hadal_ship_queue_add_batch(&queue, batch_of(7));
	/* A request is of an older batch than any that waits. */
	dropped = hadal_ship_queue_trim(&queue);
	assert_int_equal(dropped.count[HADAL_SIGNAL_LOGS], 100);
	assert_int_equal(dropped.count[HADAL_SIGNAL_METRICS], 0);
	hadal_ship_queue_add_batch(&queue, batch_of(8));
	dropped = hadal_ship_queue_trim(&queue);
	assert_int_equal(dropped.count[HADAL_SIGNAL_METRICS], 5);
	assert_int_equal(queue.count, 3);
	assert_int_equal(hadal_ship_queue_drop_all(&queue).count[HADAL_SIGNAL_METRICS], 6 + 7 + 8);
	assert_int_equal(queue.bytes, 0);
}

static void test_bytes(void **state)
{
	const size_t each = sizeof(struct hadal_ship_request) + 1000;
	struct hadal_ship_queue queue;
	struct hadal_ship_items dropped = { 0 };

	(void)state;
	hadal_ship_queue_init(&queue, 10 * each, SIZE_MAX);
	for (int i = 0; i < 25; i++) {
		const struct hadal_ship_items more = (hadal_ship_queue_add_request(&queue, request(HADAL_SIGNAL_METRICS, 2, 1000)),
						      hadal_ship_queue_trim(&queue));

		assert_true(queue.bytes <= 10 * each);
		dropped.count[HADAL_SIGNAL_METRICS] += more.count[HADAL_SIGNAL_METRICS];
	}
	assert_int_equal(dropped.count[HADAL_SIGNAL_METRICS], 15 * 2);
	assert_int_equal(queue.count, 10);
	hadal_ship_queue_free(&queue);
	assert_int_equal(queue.bytes, 0);
}

/* What is on its way counts against the bound, and is not what is dropped. */
static void test_taken_out(void **state)
{
	struct hadal_ship_queue queue;
	struct hadal_ship_request *away;
	struct hadal_ship_inbox_entry *encoding;

	(void)state;
	hadal_ship_queue_init(&queue, SIZE_MAX, 2);
	hadal_ship_queue_add_request(&queue, request(HADAL_SIGNAL_LOGS, 1, 10));
	hadal_ship_queue_add_batch(&queue, batch_of(2));
	away = hadal_ship_queue_take_request(&queue);
	encoding = hadal_ship_queue_take_batch(&queue);
	assert_int_equal(queue.count, 2);
	hadal_ship_queue_add_batch(&queue, batch_of(3));
	assert_int_equal(hadal_ship_queue_trim(&queue).count[HADAL_SIGNAL_METRICS], 3);
	assert_int_equal(hadal_ship_queue_trim(&queue).count[HADAL_SIGNAL_METRICS], 0);
	hadal_ship_queue_add_batch(&queue, batch_of(4));
	hadal_ship_queue_put_back(&queue, away);
	assert_int_equal(hadal_ship_queue_trim(&queue).count[HADAL_SIGNAL_LOGS], 1);
	assert_int_equal(queue.count, 2);
	hadal_ship_queue_release_batch(&queue, encoding);
	assert_int_equal(hadal_ship_queue_drop_all(&queue).count[HADAL_SIGNAL_METRICS], 4);
	assert_int_equal(queue.count, 0);
	assert_int_equal(queue.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_taken_out),
	};

	return cmocka_run_group_tests_name("ship_queue", tests, NULL, NULL);
}
