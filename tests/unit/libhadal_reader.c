/* SPDX-License-Identifier: MIT */
/*
 * The merge of rings: order, what it waits for, what it counts, and what it
 * makes of rings that hold nonsense.
 */
#include "memory_ring.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

#define RINGS		4
#define RING_SIZE	4096u
#define FORK_SIZE	((uint32_t)sizeof(struct hadal_record_process))

/* Beyond all times in these tests, so that a round reaches all of them. */
#define LATE		(1000000ULL * READER_SLACK)

struct fixture {
	struct hadal_reader *reader;
	struct memory_ring rings[RINGS];	/* CPU i / 2, lane i % 2 */
	uint32_t ring_count;	/* that the reader has */
	uint64_t now;
	int map_result;		/* of mapping a ring that was announced */
	unsigned int maps;
};

static uint64_t fixture_clock(void *context)
{
	return ((struct fixture *)context)->now;
}

static int fixture_rings_of(void *context, uint32_t cpu)
{
	struct fixture *fixture = context;

	fixture->maps++;
	if (cpu == READER_ALL_CPUS)
		cpu = RINGS / 2 - 1;
	if (fixture->map_result < 0)
		return reader_fail(fixture->reader, fixture->map_result, "mapping CPU %u", cpu);
	for (; fixture->ring_count < 2 * (cpu + 1); fixture->ring_count++)
		memory_ring_add_to(&fixture->rings[fixture->ring_count], fixture->reader);
	return 0;
}

static struct fixture *fixture_create(uint32_t ring_count, uint32_t position)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct reader_sources sources = {
		.clock = fixture_clock, .rings_of = fixture_rings_of, .context = fixture,
	};
	uint32_t i;

	assert_non_null(fixture);
	fixture->now = LATE;
	assert_int_equal(reader_create(&fixture->reader, &sources), 0);
	for (i = 0; i < RINGS; i++)
		memory_ring_create(&fixture->rings[i], RING_SIZE, i / 2, i % 2, position);
	for (; fixture->ring_count < ring_count; fixture->ring_count++)
		memory_ring_add_to(&fixture->rings[fixture->ring_count], fixture->reader);
	return fixture;
}

static int setup(void **state)
{
	*state = fixture_create(RINGS, 0);
	return 0;
}

static int setup_one_cpu(void **state)
{
	*state = fixture_create(2, 0);
	return 0;
}

/* Twenty records from the end of the position's range. */
static int setup_before_wrap(void **state)
{
	*state = fixture_create(RINGS, 0u - 20 * FORK_SIZE);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	uint32_t i;

	reader_destroy(fixture->reader);
	for (i = 0; i < RINGS; i++)
		memory_ring_destroy(&fixture->rings[i]);
	free(fixture);
	return 0;
}

static uint32_t next_tgid(struct fixture *fixture)
{
	const struct hadal_record *record;

	assert_int_equal(hadal_reader_next(fixture->reader, &record), 1);
	assert_int_equal(record->type, HADAL_RECORD_PROCESS_FORK);
	return hadal_record_process(record)->tgid;
}

static const struct hadal_record *next_record(struct fixture *fixture)
{
	const struct hadal_record *record;

	assert_int_equal(hadal_reader_next(fixture->reader, &record), 1);
	return record;
}

static void expect_none(struct fixture *fixture)
{
	const struct hadal_record *record;

	assert_int_equal(hadal_reader_next(fixture->reader, &record), 0);
}

static void expect_fault(struct fixture *fixture, const char *words)
{
	const struct hadal_record *record;

	assert_int_equal(hadal_reader_next(fixture->reader, &record), -EBADMSG);
	assert_non_null(strstr(hadal_reader_error(fixture->reader), words));
}

static struct hadal_totals totals_of(struct fixture *fixture)
{
	struct hadal_totals totals;

	hadal_reader_totals(fixture->reader, &totals);
	return totals;
}

/* ---- order ---- */

static void empty_rings_give_nothing(void **state)
{
	struct fixture *fixture = *state;

	expect_none(fixture);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).records, 0);
	assert_int_equal(totals_of(fixture).rings, RINGS);
}

static void rings_are_merged_by_time(void **state)
{
	struct fixture *fixture = *state;
	uint32_t i;

	for (i = 0; i < 40; i++)
		memory_ring_fork(&fixture->rings[(i * 7) % RINGS], 1000 + i, i);
	for (i = 0; i < 40; i++)
		assert_int_equal(next_tgid(fixture), i);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).records, 40);
	assert_int_equal(totals_of(fixture).bytes, 40 * FORK_SIZE);
}

static void lifecycle_comes_first_at_one_time(void **state)
{
	struct fixture *fixture = *state;

	memory_ring_fork(&fixture->rings[1], 1000, 3);	/* CPU 0, flow */
	memory_ring_fork(&fixture->rings[2], 1000, 2);	/* CPU 1, lifecycle */
	memory_ring_fork(&fixture->rings[0], 1000, 1);	/* CPU 0, lifecycle */
	assert_int_equal(next_tgid(fixture), 1);
	assert_int_equal(next_tgid(fixture), 2);
	assert_int_equal(next_tgid(fixture), 3);
	expect_none(fixture);
}

/* One ring has many records in a row, in between of which others have theirs. */
static void a_run_ends_where_another_ring_comes_first(void **state)
{
	struct fixture *fixture = *state;
	uint32_t i;

	for (i = 0; i < 4; i++)
		memory_ring_fork(&fixture->rings[1], 1000 + i, i);
	memory_ring_fork(&fixture->rings[0], 1004, 4);
	for (i = 5; i < 9; i++)
		memory_ring_fork(&fixture->rings[1], 999 + i, i);
	memory_ring_fork(&fixture->rings[3], 1007, 9);
	memory_ring_fork(&fixture->rings[2], 1008, 10);
	memory_ring_fork(&fixture->rings[3], 1009, 11);
	memory_ring_fork(&fixture->rings[3], 1010, 12);
	for (i = 0; i < 13; i++)
		assert_int_equal(next_tgid(fixture), i);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).records, 13);
	assert_int_equal(totals_of(fixture).time_steps_back, 0);
}

static void records_past_the_reading_wait(void **state)
{
	struct fixture *fixture = *state;

	fixture->now = 1000 + READER_SLACK;
	memory_ring_fork(&fixture->rings[0], 1000, 1);
	memory_ring_fork(&fixture->rings[2], 1001, 2);
	assert_int_equal(next_tgid(fixture), 1);
	expect_none(fixture);
	fixture->now++;
	assert_int_equal(next_tgid(fixture), 2);
	expect_none(fixture);
}

static void final_rounds_do_not_wait(void **state)
{
	struct fixture *fixture = *state;

	fixture->now = 1000;
	memory_ring_fork(&fixture->rings[0], 1000, 1);
	expect_none(fixture);
	reader_set_final(fixture->reader, true);
	assert_int_equal(next_tgid(fixture), 1);
	expect_none(fixture);

	/* Started again: as before. */
	reader_set_final(fixture->reader, false);
	memory_ring_fork(&fixture->rings[0], 1001, 2);
	fixture->rings[1].producer.busy = 1;
	expect_none(fixture);
	assert_true(reader_was_held(fixture->reader));
}

/* Signals come while records are handed out: those of before are read nevertheless. */
static void a_stop_within_a_round_loses_nothing(void **state)
{
	struct fixture *fixture = *state;

	fixture->now = 1000 + READER_SLACK;
	memory_ring_fork(&fixture->rings[0], 998, 1);
	memory_ring_fork(&fixture->rings[0], 999, 2);
	assert_int_equal(next_tgid(fixture), 1);
	memory_ring_fork(&fixture->rings[2], 1005, 3);
	memory_ring_fork(&fixture->rings[0], 1006, 4);
	reader_set_final(fixture->reader, true);
	assert_int_equal(next_tgid(fixture), 2);
	assert_int_equal(next_tgid(fixture), 3);
	assert_int_equal(next_tgid(fixture), 4);
	expect_none(fixture);
}

static void a_busy_ring_holds_the_merge(void **state)
{
	struct fixture *fixture = *state;
	struct hadal_record_process *late;

	fixture->rings[0].producer.busy = 1;
	late = (void *)memory_ring_append(&fixture->rings[0], HADAL_RECORD_PROCESS_FORK, FORK_SIZE, 1000);
	late->process.tgid = 1;
	memory_ring_fork(&fixture->rings[2], 1001, 2);
	expect_none(fixture);
	assert_true(reader_was_held(fixture->reader));
	assert_int_equal(totals_of(fixture).rounds_held, 1);

	memory_ring_publish(&fixture->rings[0]);
	fixture->rings[0].producer.busy = 0;
	assert_int_equal(next_tgid(fixture), 1);
	assert_int_equal(next_tgid(fixture), 2);
	expect_none(fixture);
	assert_false(reader_was_held(fixture->reader));
}

static void a_busy_ring_lets_pass_what_is_older(void **state)
{
	struct fixture *fixture = *state;

	fixture->now = 2000 + READER_SLACK;
	expect_none(fixture);	/* all rings were idle: safe up to 2000 */
	fixture->now = LATE;
	fixture->rings[0].producer.busy = 1;
	memory_ring_fork(&fixture->rings[2], 2000, 1);
	memory_ring_fork(&fixture->rings[2], 2001, 2);
	assert_int_equal(next_tgid(fixture), 1);
	expect_none(fixture);
	fixture->rings[0].producer.busy = 0;
	assert_int_equal(next_tgid(fixture), 2);
	expect_none(fixture);
}

static void a_round_ends_though_more_is_written(void **state)
{
	struct fixture *fixture = *state;

	memory_ring_fork(&fixture->rings[0], 1000, 1);
	memory_ring_fork(&fixture->rings[0], 1001, 2);
	assert_int_equal(next_tgid(fixture), 1);
	memory_ring_fork(&fixture->rings[0], 1002, 3);
	assert_int_equal(next_tgid(fixture), 2);
	expect_none(fixture);
	assert_int_equal(next_tgid(fixture), 3);
	expect_none(fixture);
}

static void time_that_steps_back_is_counted(void **state)
{
	struct fixture *fixture = *state;

	memory_ring_fork(&fixture->rings[0], 1000, 1);
	memory_ring_fork(&fixture->rings[0], 900, 2);
	memory_ring_fork(&fixture->rings[0], 1001, 3);
	assert_int_equal(next_tgid(fixture), 1);
	assert_int_equal(next_tgid(fixture), 2);
	assert_int_equal(next_tgid(fixture), 3);
	assert_int_equal(totals_of(fixture).time_steps_back, 1);
}

/* ---- positions ---- */

static void positions_wrap(void **state)
{
	struct fixture *fixture = *state;
	struct memory_ring *ring = &fixture->rings[0];
	uint32_t i;

	for (i = 0; i < 200; i++) {
		assert_true(memory_ring_room(ring) >= FORK_SIZE);
		memory_ring_fork(ring, 1000 + i, i);
		assert_int_equal(next_tgid(fixture), i);
		expect_none(fixture);
	}
	assert_true(ring->position < 0u - 20 * FORK_SIZE);
	assert_int_equal(ring->consumer.position, ring->position);
	assert_int_equal(totals_of(fixture).lost_by_gap, 0);
}

/* 4096 is no multiple of a FORK's 96 bytes: some lie across the end of the data. */
static void full_rings_are_read_whole(void **state)
{
	struct fixture *fixture = *state;
	struct memory_ring *ring = &fixture->rings[3];
	uint32_t written = 0, read = 0, round;

	for (round = 0; round < 20; round++) {
		while (memory_ring_room(ring) >= FORK_SIZE)
			memory_ring_fork(ring, 1000 + written, written), written++;
		for (; read < written; read++)
			assert_int_equal(next_tgid(fixture), read);
		expect_none(fixture);
	}
	assert_true(written > 20 * (RING_SIZE / FORK_SIZE) - 20);
}

static void space_is_given_back_by_quarters_and_at_the_end(void **state)
{
	struct fixture *fixture = *state;
	struct memory_ring *ring = &fixture->rings[0];
	const uint32_t count = RING_SIZE / FORK_SIZE, quarter = RING_SIZE / 4;
	uint32_t i, released;

	for (i = 0; i < count; i++)
		memory_ring_fork(ring, 1000 + i, i);
	for (i = 0; i < count; i++) {
		next_tgid(fixture);
		released = ring->consumer.position;
		/* Never the record just handed out, never more than a quarter behind. */
		assert_true(released <= i * FORK_SIZE);
		assert_true(i * FORK_SIZE - released < quarter);
	}
	expect_none(fixture);
	assert_int_equal(ring->consumer.position, count * FORK_SIZE);
}

static void space_is_given_back_when_asked(void **state)
{
	struct fixture *fixture = *state;

	memory_ring_fork(&fixture->rings[0], 1000, 1);
	memory_ring_fork(&fixture->rings[0], 1001, 2);
	next_tgid(fixture);
	assert_int_equal(fixture->rings[0].consumer.position, 0);
	hadal_reader_release(fixture->reader);
	assert_int_equal(fixture->rings[0].consumer.position, FORK_SIZE);
	assert_int_equal(next_tgid(fixture), 2);
}

static void another_reader_goes_on_where_one_stopped(void **state)
{
	struct fixture *fixture = *state;
	struct reader_sources sources = { .clock = fixture_clock, .context = fixture };

	memory_ring_fork(&fixture->rings[0], 1000, 1);
	assert_int_equal(next_tgid(fixture), 1);
	expect_none(fixture);
	reader_destroy(fixture->reader);
	assert_int_equal(reader_create(&fixture->reader, &sources), 0);
	memory_ring_add_to(&fixture->rings[0], fixture->reader);
	memory_ring_fork(&fixture->rings[0], 1001, 2);
	assert_int_equal(next_tgid(fixture), 2);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).lost_by_gap, 0);
}

/* ---- loss ---- */

static void gaps_and_lost_records_agree(void **state)
{
	struct fixture *fixture = *state;
	struct memory_ring *ring = &fixture->rings[0];

	memory_ring_fork(ring, 1000, 1);
	memory_ring_drop(ring);
	memory_ring_drop(ring);
	memory_ring_lost(ring, 1001, HADAL_CLASS_PROCESS, 2);
	memory_ring_fork(ring, 1002, 2);
	next_tgid(fixture);
	assert_int_equal(next_record(fixture)->type, HADAL_RECORD_LOST);
	next_tgid(fixture);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).lost_by_gap, 2);
	assert_int_equal(totals_of(fixture).lost_by_record, 2);
	assert_int_equal(totals_of(fixture).lost[HADAL_CLASS_PROCESS], 2);
	assert_int_equal(totals_of(fixture).lost[HADAL_CLASS_TCP], 0);
	assert_int_equal(totals_of(fixture).lost_unexplained, 0);
}

/* A nested writer leaves the telling to the outermost one. */
static void a_lost_record_may_come_some_records_later(void **state)
{
	struct fixture *fixture = *state;
	struct memory_ring *ring = &fixture->rings[0];

	memory_ring_drop(ring);
	memory_ring_fork(ring, 1000, 1);
	memory_ring_drop(ring);
	memory_ring_lost(ring, 1001, HADAL_CLASS_PROCESS, 2);
	next_tgid(fixture);
	next_record(fixture);
	assert_int_equal(totals_of(fixture).lost_by_gap, 2);
	assert_int_equal(totals_of(fixture).lost_unexplained, 0);
}

static void lost_records_that_disagree_are_counted(void **state)
{
	struct fixture *fixture = *state;
	struct memory_ring *ring = &fixture->rings[0];

	memory_ring_drop(ring);
	memory_ring_lost(ring, 1001, HADAL_CLASS_PROCESS, 2);
	memory_ring_lost(ring, 1002, HADAL_CLASS_TCP, 1);
	memory_ring_drop(ring);
	memory_ring_lost(ring, 1003, HADAL_CLASS_TCP, 1);
	next_record(fixture);
	next_record(fixture);
	next_record(fixture);
	assert_int_equal(totals_of(fixture).lost_by_gap, 2);
	assert_int_equal(totals_of(fixture).lost_by_record, 4);
	assert_int_equal(totals_of(fixture).lost_unexplained, 2);
}

static void loss_at_the_end_shows(void **state)
{
	struct fixture *fixture = *state;
	struct memory_ring *ring = &fixture->rings[0];

	memory_ring_fork(ring, 1000, 1);
	memory_ring_drop(ring);
	memory_ring_drop(ring);
	memory_ring_drop(ring);
	next_tgid(fixture);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).lost_by_gap, 3);
	memory_ring_lost(ring, 1001, HADAL_CLASS_PROCESS, 3);
	next_record(fixture);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).lost_by_gap, 3);
	assert_int_equal(totals_of(fixture).lost_by_record, 3);
	assert_int_equal(totals_of(fixture).lost_unexplained, 0);
}

static void sequences_wrap(void **state)
{
	struct fixture *fixture = *state;
	struct memory_ring *ring = &fixture->rings[0];
	uint32_t i;

	/* A ring that was read before: its sequence is learnt from its first record. */
	ring->sequence = UINT32_MAX - 1;
	for (i = 0; i < 4; i++)
		memory_ring_fork(ring, 1000 + i, i);
	memory_ring_drop(ring);
	memory_ring_fork(ring, 2000, 4);
	for (i = 0; i < 5; i++)
		assert_int_equal(next_tgid(fixture), i);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).lost_by_gap, 1);
}

/* ---- rings that come later ---- */

static void announce(struct memory_ring *ring, uint64_t time, uint32_t cpu)
{
	struct hadal_record_ring_added *added;

	added = (void *)memory_ring_append(ring, HADAL_RECORD_RING_ADDED, sizeof(*added), time);
	added->added_cpu = cpu;
	memory_ring_publish(ring);
}

static void announced_rings_join_the_round(void **state)
{
	struct fixture *fixture = *state;

	announce(&fixture->rings[0], 1000, 1);
	memory_ring_fork(&fixture->rings[0], 1002, 2);
	memory_ring_fork(&fixture->rings[2], 1001, 1);
	memory_ring_fork(&fixture->rings[3], 1003, 3);
	assert_int_equal(next_record(fixture)->type, HADAL_RECORD_RING_ADDED);
	assert_int_equal(next_tgid(fixture), 1);
	assert_int_equal(next_tgid(fixture), 2);
	assert_int_equal(next_tgid(fixture), 3);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).rings, RINGS);
}

static void an_announced_ring_that_is_busy_ends_the_round(void **state)
{
	struct fixture *fixture = *state;

	announce(&fixture->rings[0], 1000, 1);
	memory_ring_fork(&fixture->rings[0], 1002, 2);
	fixture->rings[2].producer.busy = 1;
	expect_none(fixture);
	memory_ring_fork(&fixture->rings[2], 1001, 1);
	fixture->rings[2].producer.busy = 0;
	assert_int_equal(next_record(fixture)->type, HADAL_RECORD_RING_ADDED);
	assert_int_equal(next_tgid(fixture), 1);
	assert_int_equal(next_tgid(fixture), 2);
	expect_none(fixture);
}

/* A RING_ADDED may be among what was lost. */
static void rings_whose_announcement_is_lost_join_the_round(void **state)
{
	struct fixture *fixture = *state;

	memory_ring_drop(&fixture->rings[0]);
	memory_ring_lost(&fixture->rings[0], 1000, HADAL_CLASS_CONTROL, 1);
	memory_ring_fork(&fixture->rings[2], 1001, 1);
	assert_int_equal(next_record(fixture)->type, HADAL_RECORD_LOST);
	assert_int_equal(next_tgid(fixture), 1);
	expect_none(fixture);
	assert_int_equal(fixture->maps, 1);
}

static void a_loss_of_other_records_maps_nothing(void **state)
{
	struct fixture *fixture = *state;

	memory_ring_drop(&fixture->rings[0]);
	memory_ring_lost(&fixture->rings[0], 1000, HADAL_CLASS_PROCESS, 1);
	assert_int_equal(next_record(fixture)->type, HADAL_RECORD_LOST);
	assert_int_equal(fixture->maps, 0);
}

static void a_ring_that_cannot_be_mapped_is_tried_again(void **state)
{
	struct fixture *fixture = *state;
	const struct hadal_record *record;

	announce(&fixture->rings[0], 1000, 1);
	fixture->map_result = -ENOMEM;
	assert_int_equal(hadal_reader_next(fixture->reader, &record), -ENOMEM);
	assert_string_equal(hadal_reader_error(fixture->reader), "mapping CPU 1");
	fixture->map_result = 0;
	assert_int_equal(next_record(fixture)->type, HADAL_RECORD_RING_ADDED);
	assert_int_equal(fixture->maps, 2);
}

/* ---- nonsense ---- */

/* The ring with the fault is left alone, the other goes on. */
static void expect_one_ring_fails(struct fixture *fixture, const char *words)
{
	expect_fault(fixture, words);
	assert_non_null(strstr(hadal_reader_error(fixture->reader), "CPU 1, lane 0"));
	expect_none(fixture);
	memory_ring_fork(&fixture->rings[1], 5000, 7);
	assert_int_equal(next_tgid(fixture), 7);
	expect_none(fixture);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).rings_failed, 1);
}

static struct hadal_record *broken(struct fixture *fixture)
{
	struct memory_ring *ring = &fixture->rings[2];
	struct hadal_record *record;

	record = memory_ring_append(ring, HADAL_RECORD_PROCESS_FORK, FORK_SIZE, 1000);
	memory_ring_publish(ring);
	return record;
}

static void size_zero(void **state)
{
	broken(*state)->size = 0;
	expect_one_ring_fails(*state, "size below that of a header");
}

static void size_below_a_header(void **state)
{
	broken(*state)->size = 16;
	expect_one_ring_fails(*state, "size below that of a header");
}

static void size_no_multiple_of_8(void **state)
{
	broken(*state)->size = FORK_SIZE - 4;
	expect_one_ring_fails(*state, "not a multiple of 8");
}

static void size_beyond_the_commit(void **state)
{
	broken(*state)->size = FORK_SIZE + 8;
	expect_one_ring_fails(*state, "beyond what was written");
}

static void size_beyond_everything(void **state)
{
	broken(*state)->size = 0xfffffff8;
	expect_one_ring_fails(*state, "beyond what was written");
}

static void a_record_cut_within_its_header(void **state)
{
	struct fixture *fixture = *state;

	broken(fixture);
	fixture->rings[2].producer.commit = 1ULL << 32 | 16;
	expect_one_ring_fails(fixture, "cut within its header");
}

static void a_type_too_short(void **state)
{
	struct fixture *fixture = *state;
	struct hadal_record *record = broken(fixture);

	record->type = HADAL_RECORD_PROCESS_EXIT;
	expect_one_ring_fails(fixture, "size below that of its type");
}

static void a_record_of_another_cpu(void **state)
{
	broken(*state)->cpu = 0;
	expect_one_ring_fails(*state, "another ring");
}

static void a_record_of_another_lane(void **state)
{
	broken(*state)->lane = HADAL_LANE_FLOW;
	expect_one_ring_fails(*state, "another ring");
}

static void a_sequence_that_steps_back(void **state)
{
	broken(*state)->sequence = UINT32_MAX;
	expect_one_ring_fails(*state, "sequence stepped back");
}

static void a_commit_too_far(void **state)
{
	struct fixture *fixture = *state;

	fixture->rings[2].producer.commit = 1ULL << 32 | (RING_SIZE + 8);
	expect_one_ring_fails(fixture, "further than the ring is large");
}

static void a_commit_out_of_step(void **state)
{
	struct fixture *fixture = *state;

	fixture->rings[2].producer.commit = 1ULL << 32 | 100;
	expect_one_ring_fails(fixture, "not a multiple of 8");
}

static void a_commit_that_steps_back(void **state)
{
	struct fixture *fixture = *state;

	fixture->now = 1000;	/* so that the record waits */
	broken(fixture);
	expect_none(fixture);
	fixture->now = LATE;
	fixture->rings[2].producer.commit = 1ULL << 32;
	expect_one_ring_fails(fixture, "position stepped back");
}

static void a_commit_whose_sequence_steps_back(void **state)
{
	struct fixture *fixture = *state;

	memory_ring_fork(&fixture->rings[2], 1000, 1);
	next_tgid(fixture);
	expect_none(fixture);
	fixture->rings[2].producer.commit = FORK_SIZE;
	expect_one_ring_fails(fixture, "sequence stepped back");
}

static void a_reader_position_out_of_step(void **state)
{
	struct fixture *fixture = *state;

	fixture->rings[2].consumer.position = 4;
	fixture_rings_of(fixture, 1);
	broken(fixture);
	expect_one_ring_fails(fixture, "reader's position");
}

static void a_record_from_the_future(void **state)
{
	struct fixture *fixture = *state;

	broken(fixture)->time = LATE + 2 * (uint64_t)READER_FUTURE_LIMIT;
	expect_none(fixture);	/* committed after the reading: may be */
	expect_one_ring_fails(fixture, "from the future");
}

static void several_faults_are_told_one_by_one(void **state)
{
	struct fixture *fixture = *state;

	fixture->rings[0].producer.commit = 4;
	fixture->rings[3].producer.commit = 4;
	memory_ring_fork(&fixture->rings[1], 1000, 7);
	expect_fault(fixture, "CPU 0, lane 0");
	expect_fault(fixture, "CPU 1, lane 1");
	assert_int_equal(next_tgid(fixture), 7);
	expect_none(fixture);
	assert_int_equal(totals_of(fixture).rings_failed, 2);
}

static void a_fault_behind_good_records(void **state)
{
	struct fixture *fixture = *state;

	memory_ring_fork(&fixture->rings[2], 999, 1);
	broken(fixture)->size = 0;
	assert_int_equal(next_tgid(fixture), 1);
	expect_one_ring_fails(fixture, "size below");
	assert_int_equal(fixture->rings[2].consumer.position, FORK_SIZE);
}

/* Writes a good record, or spoils something that the reader looks at. */
static void write_or_spoil(struct memory_ring *ring, unsigned int *seed, uint64_t time)
{
	uint32_t random = (uint32_t)rand_r(seed);

	if (random % 8 && memory_ring_room(ring) >= FORK_SIZE && memory_ring_room(ring) <= RING_SIZE) {
		memory_ring_fork(ring, time, random);
		return;
	}
	switch (random / 8 % 4) {
	case 0:
		ring->producer.commit = (uint64_t)random << 32 | (uint32_t)rand_r(seed);
		break;
	case 1:
		ring->producer.busy = random / 32 % 2;
		break;
	case 2:
		ring->consumer.position = random;
		break;
	case 3:
		ring->data[random / 32 % RING_SIZE] = (uint8_t)rand_r(seed);
		break;
	}
}

/* One life of rings that are spoilt at random: it ends, and within its memory. */
static void spoil(struct fixture *fixture, unsigned int *seed)
{
	const uint32_t most = RINGS * (RING_SIZE / (uint32_t)sizeof(struct hadal_record) + 2);
	const struct hadal_record *record;
	uint32_t step, calls;

	for (step = 0; step < 200; step++) {
		write_or_spoil(&fixture->rings[(uint32_t)rand_r(seed) % RINGS], seed, 1000 + step);
		if (step % 10)
			continue;
		for (calls = 0; hadal_reader_next(fixture->reader, &record) != 0; calls++)
			assert_true(calls < most);
	}
}

static void spoilt_rings_never_lead_astray(void **state)
{
	uint64_t records = 0, failed = 0;
	unsigned int seed = 1, life;
	void *fixture;

	(void)state;
	for (life = 0; life < 300; life++) {
		fixture = fixture_create(RINGS, 0);
		spoil(fixture, &seed);
		records += totals_of(fixture).records;
		failed += totals_of(fixture).rings_failed;
		teardown(&fixture);
	}
	assert_true(records > 1000);
	assert_true(failed > 300);
}

/* ---- with writers that run ---- */

#define WRITERS		3
#define PER_WRITER	20000u

/* A CPU: full rings drop, and tell so before the next record. */
static void write_one(struct memory_ring *ring, uint32_t *dropped, uint32_t tgid)
{
	struct hadal_record_process *fork;

	__atomic_store_n(&ring->producer.busy, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (*dropped && memory_ring_room(ring) >= sizeof(struct hadal_record_lost)) {
		memory_ring_lost(ring, monotonic_now(), HADAL_CLASS_PROCESS, *dropped);
		*dropped = 0;
	}
	if (memory_ring_room(ring) >= FORK_SIZE) {
		fork = (void *)memory_ring_append(ring, HADAL_RECORD_PROCESS_FORK, FORK_SIZE,
						  monotonic_now());
		fork->process.tgid = tgid;
		memory_ring_publish(ring);
	} else {
		memory_ring_drop(ring);
		++*dropped;
	}
	__atomic_store_n(&ring->producer.busy, 0, __ATOMIC_RELEASE);
}

static void *writer(void *context)
{
	struct memory_ring *ring = context;
	uint32_t i, dropped = 0;

	for (i = 0; i < PER_WRITER; i++)
		write_one(ring, &dropped, i);
	return NULL;
}

static uint64_t real_clock(void *context)
{
	(void)context;
	return monotonic_now();
}

/* Drains until a round gives nothing; asserts the order over all rings. */
static void drain(struct hadal_reader *reader, uint64_t *last)
{
	const struct hadal_record *record;
	int result;

	while ((result = hadal_reader_next(reader, &record)) > 0) {
		assert_true(record->time >= *last);
		*last = record->time;
	}
	assert_int_equal(result, 0);
}

static void writers_that_run_are_merged_and_accounted_for(void **state)
{
	struct reader_sources sources = { .clock = real_clock };
	struct memory_ring rings[WRITERS];
	struct hadal_reader *reader;
	struct hadal_totals totals = { 0 };
	pthread_t threads[WRITERS];
	uint64_t last = 0;
	uint32_t i;

	(void)state;
	assert_int_equal(reader_create(&reader, &sources), 0);
	for (i = 0; i < WRITERS; i++) {
		memory_ring_create(&rings[i], 16 * RING_SIZE, i, 0, 0);
		memory_ring_add_to(&rings[i], reader);
		assert_int_equal(pthread_create(&threads[i], NULL, writer, &rings[i]), 0);
	}
	while (totals.records + totals.lost_by_gap < WRITERS * PER_WRITER / 2) {
		drain(reader, &last);
		hadal_reader_totals(reader, &totals);
	}
	for (i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	reader_set_final(reader, true);
	drain(reader, &last);

	/* Every number was a FORK, a LOST or missing. */
	hadal_reader_totals(reader, &totals);
	for (i = 0; i < WRITERS; i++)
		totals.records -= rings[i].sequence;
	assert_true(totals.records + totals.lost_by_gap == 0);
	assert_int_equal(totals.lost_unexplained, 0);
	assert_int_equal(totals.time_steps_back, 0);
	assert_int_equal(totals.rings_failed, 0);
	reader_destroy(reader);
	for (i = 0; i < WRITERS; i++)
		memory_ring_destroy(&rings[i]);
}

#define TEST(function)		cmocka_unit_test_setup_teardown(function, setup, teardown)
#define TEST_ONE_CPU(function)	cmocka_unit_test_setup_teardown(function, setup_one_cpu, teardown)
#define TEST_WRAP(function)	cmocka_unit_test_setup_teardown(function, setup_before_wrap, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty_rings_give_nothing),
		TEST(rings_are_merged_by_time),
		TEST(lifecycle_comes_first_at_one_time),
		TEST(a_run_ends_where_another_ring_comes_first),
		TEST(records_past_the_reading_wait),
		TEST(final_rounds_do_not_wait),
		TEST(a_stop_within_a_round_loses_nothing),
		TEST(a_busy_ring_holds_the_merge),
		TEST(a_busy_ring_lets_pass_what_is_older),
		TEST(a_round_ends_though_more_is_written),
		TEST(time_that_steps_back_is_counted),
		TEST_WRAP(positions_wrap),
		TEST(full_rings_are_read_whole),
		TEST(space_is_given_back_by_quarters_and_at_the_end),
		TEST(space_is_given_back_when_asked),
		TEST(another_reader_goes_on_where_one_stopped),
		TEST(gaps_and_lost_records_agree),
		TEST(a_lost_record_may_come_some_records_later),
		TEST(lost_records_that_disagree_are_counted),
		TEST(loss_at_the_end_shows),
		TEST_WRAP(sequences_wrap),
		TEST_ONE_CPU(announced_rings_join_the_round),
		TEST_ONE_CPU(rings_whose_announcement_is_lost_join_the_round),
		TEST_ONE_CPU(a_loss_of_other_records_maps_nothing),
		TEST_ONE_CPU(an_announced_ring_that_is_busy_ends_the_round),
		TEST_ONE_CPU(a_ring_that_cannot_be_mapped_is_tried_again),
		TEST(size_zero),
		TEST(size_below_a_header),
		TEST(size_no_multiple_of_8),
		TEST(size_beyond_the_commit),
		TEST(size_beyond_everything),
		TEST(a_record_cut_within_its_header),
		TEST(a_type_too_short),
		TEST(a_record_of_another_cpu),
		TEST(a_record_of_another_lane),
		TEST(a_sequence_that_steps_back),
		TEST(a_commit_too_far),
		TEST(a_commit_out_of_step),
		TEST(a_commit_that_steps_back),
		TEST(a_commit_whose_sequence_steps_back),
		TEST_ONE_CPU(a_reader_position_out_of_step),
		TEST(a_record_from_the_future),
		TEST(several_faults_are_told_one_by_one),
		TEST(a_fault_behind_good_records),
		cmocka_unit_test(spoilt_rings_never_lead_astray),
		cmocka_unit_test(writers_that_run_are_merged_and_accounted_for),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
