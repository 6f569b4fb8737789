// SPDX-License-Identifier: MIT
/* Records that are made here wait in order, and what finds no room is accounted for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queued_record.h"

static struct hadal_record_process process_at(uint64_t time)
{
	return (struct hadal_record_process){
		.header = { .type = HADAL_RECORD_PROCESS_FORK, .record_class = HADAL_CLASS_PROCESS, .time = time },
	};
}

static void queue_keeps_order(void **state)
{
	struct record_queue queue;
	struct hadal_record_process record = process_at(1000);

	(void)state;
	record_queue_init(&queue, 1 << 20);
	assert_true(record_queue_add(&queue, &record.header, sizeof(record)));
	record.header.time = 900;	/* read later, and older */
	assert_true(record_queue_add(&queue, &record.header, sizeof(record)));
	assert_int_equal(take(&queue)->time, 1000);
	assert_int_equal(take(&queue)->time, 1000);
	assert_null(take(&queue));
	assert_int_equal(queue.stats.class_stats[HADAL_CLASS_PROCESS].produced, 2);
	assert_int_equal(queue.stats.class_stats[HADAL_CLASS_PROCESS].delivered, 2);
	record_queue_free(&queue);
}

/* What found no room is in a LOST record in front of what did later, and nowhere twice. */
static void queue_accounts_for_loss(void **state)
{
	struct record_queue queue;
	struct hadal_record_process record = process_at(1);
	const struct hadal_record_lost *lost;
	const struct hadal_class_stats *stats = &queue.stats.class_stats[HADAL_CLASS_PROCESS];
	unsigned int added = 0;

	(void)state;
	record_queue_init(&queue, 64 * 1024);
	for (unsigned int i = 0; i < 2000; i++)
		added += record_queue_add(&queue, &record.header, sizeof(record));
	assert_in_range(added, 1, 1999);
	assert_int_equal(stats->produced, 2000);
	assert_int_equal(stats->delivered, added);
	assert_int_equal(stats->lost, 2000 - added);
	for (unsigned int i = 0; i < added; i++)
		assert_int_equal(take(&queue)->type, HADAL_RECORD_PROCESS_FORK);
	assert_null(take(&queue));
	assert_true(record_queue_add(&queue, &record.header, sizeof(record)));
	lost = (const void *)take(&queue);
	assert_int_equal(lost->header.type, HADAL_RECORD_LOST);
	assert_int_equal(lost->count[HADAL_CLASS_PROCESS], 2000 - added);
	assert_int_equal(take(&queue)->type, HADAL_RECORD_PROCESS_FORK);
	assert_null(take(&queue));
	record_queue_free(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_keeps_order),
		cmocka_unit_test(queue_accounts_for_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
