// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's ring in user space: order, loss and nesting. Each record's body
 * is made from its sequence number, so that a reader can tell a torn one.
 */
#include <setjmp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "ring.h"

#define PAGE 4096U

struct memory_ring {
	struct hadal_ring ring;
	struct hadal_ring_producer producer;
	struct hadal_ring_consumer consumer;
};

struct reader {
	u32 position;
	u32 sequence;
	u64 time;
	u64 records;
	u64 gap;	/* by sequence numbers */
	u64 told;	/* by LOST records */
	u64 mistold;	/* gaps that the record behind them does not tell, all of it and no more */
	u64 torn;
	u64 disorder;
};

static struct memory_ring memory;
static u64 clock_now;
static void (*in_clock)(void);

u64 ktime_get_ns(void)
{
	void (*nested)(void) = in_clock;
	/* In one instruction: a signal between load and store would turn time back. */
	u64 now = __atomic_add_fetch(&clock_now, 1, __ATOMIC_RELAXED);

	if (nested) {
		in_clock = NULL;
		nested();
	}
	return now;
}

/* The data twice in a row, and nothing behind: an overrun faults. */
static u8 *map_twice(u32 size)
{
	u8 *place = mmap(NULL, 2 * size + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("ring", 0);

	assert_int_equal(0, ftruncate(fd, size));
	assert_ptr_not_equal(MAP_FAILED, mmap(place, size, PROT_READ | PROT_WRITE,
					      MAP_SHARED | MAP_FIXED, fd, 0));
	assert_ptr_not_equal(MAP_FAILED, mmap(place + size, size, PROT_READ | PROT_WRITE,
					      MAP_SHARED | MAP_FIXED, fd, 0));
	close(fd);
	return place;
}

static void make_ring(u32 size)
{
	memset(&memory, 0, sizeof(memory));
	memory.ring.producer = &memory.producer;
	memory.ring.consumer = &memory.consumer;
	memory.ring.data = map_twice(size);
	hadal_ring_init(&memory.ring, size, size / 4, 3, HADAL_LANE_FLOW);
	in_clock = NULL;
	clock_now = 0;
}

static void drop_ring(void)
{
	munmap(memory.ring.data, 2 * memory.ring.size + PAGE);
}

static bool write_sized(u32 body, u8 class)
{
	struct hadal_record *record;
	u32 size = (u32)sizeof(*record) + body;

	record = hadal_ring_begin(&memory.ring, size, HADAL_RECORD_TCP_CLOSED, class);
	if (record)
		memset(record + 1, (int)(record->sequence & 0xff), body);
	hadal_ring_end(&memory.ring);
	return record;
}

static bool write_one(void)
{
	return write_sized(40, HADAL_CLASS_TCP);
}

static bool torn(const struct hadal_record *record)
{
	const u8 *body = (const u8 *)(record + 1);
	u32 i;

	for (i = 0; i < record->size - sizeof(*record); i++)
		if (body[i] != (record->sequence & 0xff))
			return true;
	return false;
}

static u64 sum_lost(const struct hadal_record *record)
{
	const struct hadal_record_lost *lost = (const void *)record;
	u64 sum = 0;
	int class;

	for (class = 0; class < HADAL_CLASS_SLOTS; class++)
		sum += lost->count[class];
	return sum;
}

static void take(struct reader *reader, const struct hadal_record *record)
{
	u32 gap = record->sequence - reader->sequence;
	u64 told = record->type == HADAL_RECORD_LOST ? sum_lost(record) : 0;

	reader->gap += gap;
	reader->told += told;
	reader->mistold += gap != told;
	reader->sequence = record->sequence + 1;
	reader->disorder += record->time < reader->time;
	reader->time = record->time;
	reader->records++;
	if (record->type != HADAL_RECORD_LOST)
		reader->torn += torn(record);
	reader->position += record->size;
}

/* Everything published; returns the commit word that it read up to. */
static u64 drain(struct reader *reader)
{
	u64 commit = __atomic_load_n(&memory.producer.commit, __ATOMIC_ACQUIRE);

	while (reader->position != HADAL_COMMIT_POSITION(commit))
		take(reader, (const void *)(memory.ring.data +
					    (reader->position & (memory.ring.size - 1))));
	__atomic_store_n(&memory.consumer.position, reader->position, __ATOMIC_RELEASE);
	return commit;
}

static void assert_whole(struct reader *reader)
{
	u64 commit = drain(reader);
	u64 produced = 0, delivered = 0, lost = 0;
	int class;

	for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
		produced += local64_read(&memory.ring.counters[class].produced);
		delivered += local64_read(&memory.ring.counters[class].delivered);
		lost += local64_read(&memory.ring.counters[class].lost);
	}
	reader->gap += HADAL_COMMIT_SEQUENCE(commit) - reader->sequence;
	reader->sequence = HADAL_COMMIT_SEQUENCE(commit);
	assert_int_equal(0, reader->torn);
	assert_int_equal(0, reader->disorder);
	assert_int_equal(0, reader->mistold);
	assert_int_equal(produced, delivered + lost);
	assert_int_equal(delivered, reader->records);
	assert_int_equal(lost, reader->gap);
	assert_int_equal((u32)produced, HADAL_COMMIT_SEQUENCE(commit));
	assert_int_equal(0, memory.producer.busy);
}

static void test_order_and_wrap(void **state)
{
	struct reader reader = { 0 };
	int i;

	(void)state;
	make_ring(PAGE);
	for (i = 0; i < 10000; i++) {
		assert_true(write_sized(8 * (u32)(i % 100), HADAL_CLASS_TCP));
		if (i % 3 == 0)
			drain(&reader);
	}
	assert_whole(&reader);
	assert_int_equal(10000, reader.records);
	drop_ring();
}

static void test_positions_pass_4_gib(void **state)
{
	struct reader reader = { .position = 0U - 200, .sequence = 0U - 3 };
	int i;

	(void)state;
	make_ring(PAGE);
	memory.ring.reserve = (u64)reader.sequence << 32 | reader.position;
	memory.consumer.position = reader.position;
	for (i = 0; i < 100; i++) {
		assert_true(write_one());
		drain(&reader);
	}
	assert_int_equal(100, reader.records);
	assert_int_equal(0, reader.gap);
	assert_int_equal(0, reader.torn);
	drop_ring();
}

static void test_full_drops_newest_and_tells(void **state)
{
	struct reader reader = { 0 };
	int written = 0, dropped = 0, i;

	(void)state;
	make_ring(PAGE);
	for (i = 0; i < 100; i++)
		if (write_sized(40, i % 2 ? HADAL_CLASS_TCP : HADAL_CLASS_PROCESS))
			written++;
		else
			dropped++;
	assert_int_equal(PAGE / 64, written);
	drain(&reader);
	assert_int_equal(0, reader.told);
	assert_true(write_one());
	drain(&reader);
	assert_int_equal(dropped, reader.told);
	assert_int_equal(dropped, reader.gap);
	assert_whole(&reader);
	assert_int_equal(dropped, reader.told);
	drop_ring();
}

static void test_governed_is_lost_and_told_apart(void **state)
{
	struct reader reader = { 0 };
	const struct hadal_record_lost *lost;
	int i;

	(void)state;
	make_ring(PAGE);
	assert_true(write_one());
	for (i = 0; i < 5; i++) {
		hadal_ring_begin_governed(&memory.ring, HADAL_CLASS_TCP);
		hadal_ring_end(&memory.ring);
	}
	assert_int_equal(6, HADAL_COMMIT_SEQUENCE(memory.producer.commit));
	while (write_one())
		;
	drain(&reader);
	lost = (const void *)(memory.ring.data + 64);
	assert_int_equal(HADAL_RECORD_LOST, lost->header.type);
	assert_int_equal(5, lost->count[HADAL_CLASS_TCP]);
	assert_int_equal(5, lost->governed[HADAL_CLASS_TCP]);
	assert_true(write_one());
	lost = (const void *)(memory.ring.data + (reader.position & (PAGE - 1)));
	assert_int_equal(1, lost->count[HADAL_CLASS_TCP]);
	assert_int_equal(0, lost->governed[HADAL_CLASS_TCP]);
	assert_whole(&reader);
	assert_int_equal(6, reader.told);
	drop_ring();
}

static void test_record_over_the_ring_is_lost(void **state)
{
	struct reader reader = { 0 };

	(void)state;
	make_ring(PAGE);
	assert_false(write_sized(PAGE, HADAL_CLASS_TCP));
	assert_true(write_one());
	assert_whole(&reader);
	assert_int_equal(1, reader.told);
	drop_ring();
}

static void nested_write(void)
{
	write_one();
}

static void test_nested_keeps_order_and_waits_for_the_outer(void **state)
{
	struct reader reader = { 0 };
	struct hadal_record *outer;

	(void)state;
	make_ring(PAGE);
	in_clock = nested_write;
	outer = hadal_ring_begin(&memory.ring, 64, HADAL_RECORD_TCP_CLOSED, HADAL_CLASS_TCP);
	assert_non_null(outer);
	assert_int_equal(1, memory.producer.busy);
	assert_int_equal(1, outer->sequence);
	write_one();
	assert_int_equal(0, memory.producer.commit);
	memset(outer + 1, 1, 40);
	hadal_ring_end(&memory.ring);
	assert_int_equal(3 * 64, HADAL_COMMIT_POSITION(memory.producer.commit));
	assert_whole(&reader);
	assert_int_equal(3, reader.records);
	drop_ring();
}

/* Fills the ring and loses one; then the reader makes room for as many bytes. */
static void fill_and_lose(struct reader *reader, u32 room)
{
	while (write_one())
		;
	reader->position = room;
	reader->sequence = reader->records = room / 64;
	__atomic_store_n(&memory.consumer.position, room, __ATOMIC_RELEASE);
}

/* A nested loss between the counts and the exchange of a LOST record. */
static void test_nested_loss_before_lost_record(void **state)
{
	struct reader reader = { 0 };

	(void)state;
	make_ring(PAGE);
	/* Room for LOST, not for the nested one. */
	fill_and_lose(&reader, 128);
	in_clock = nested_write;
	assert_false(write_one());
	assert_false(write_one());
	assert_whole(&reader);
	write_one();
	drain(&reader);
	assert_int_equal(reader.gap, reader.told);
	drop_ring();
}

/* There is room for a record, not for the LOST that is due in front of it. */
static void test_nothing_stands_behind_an_untold_gap(void **state)
{
	struct reader reader = { 0 };

	(void)state;
	make_ring(PAGE);
	fill_and_lose(&reader, 64);
	assert_false(write_one());
	assert_false(write_sized(0, HADAL_CLASS_TCP));
	drain(&reader);
	assert_true(write_one());
	assert_whole(&reader);
	assert_int_equal(3, reader.told);
	drop_ring();
}

/* What interrupts a writer does not tell a loss: it is lost too, until one begins that does. */
static void test_nested_does_not_stand_behind_an_untold_gap(void **state)
{
	struct reader reader = { 0 };
	struct hadal_record *outer;

	(void)state;
	make_ring(PAGE);
	outer = hadal_ring_begin(&memory.ring, 64, HADAL_RECORD_TCP_CLOSED, HADAL_CLASS_TCP);
	assert_non_null(outer);
	memset(outer + 1, 0, 40);
	while (write_one())
		;
	memory.consumer.position = 64;
	assert_false(write_one());
	hadal_ring_end(&memory.ring);
	memory.consumer.position = 0;
	drain(&reader);
	assert_true(write_one());
	assert_whole(&reader);
	assert_int_equal(2, reader.told);
	drop_ring();
}

static void test_watermark(void **state)
{
	struct hadal_record *record;
	int i;

	(void)state;
	make_ring(PAGE);
	for (i = 1; i <= 16; i++) {
		record = hadal_ring_begin(&memory.ring, 64, HADAL_RECORD_TCP_CLOSED, 3);
		assert_non_null(record);
		assert_int_equal(i == 16, hadal_ring_end(&memory.ring));
	}
	drop_ring();
}

static void test_hostile_reader_harms_itself_alone(void **state)
{
	u64 produced, delivered, lost;
	int i;

	(void)state;
	make_ring(PAGE);
	srandom(7);
	for (i = 0; i < 200000; i++) {
		memory.consumer.position = (u32)random() * (i % 2 ? 1U : 3U);
		write_sized(8 * (u32)(random() % 200), HADAL_CLASS_TCP);
	}
	produced = local64_read(&memory.ring.counters[HADAL_CLASS_TCP].produced);
	delivered = local64_read(&memory.ring.counters[HADAL_CLASS_TCP].delivered);
	lost = local64_read(&memory.ring.counters[HADAL_CLASS_TCP].lost);
	assert_int_equal(200000, produced);
	assert_int_equal(produced, delivered + lost);
	drop_ring();
}

/* ---- real nesting: a timer's signal at any instruction, and a reader beside ---- */

#define STORM_RECORDS 400000

static bool storm_over;
static volatile u64 timer_writes, clock_writes;

static void on_timer(int signal)
{
	(void)signal;
	timer_writes++;
	write_sized(24, HADAL_CLASS_UDP);
	write_sized(72, HADAL_CLASS_DNS);
}

/*
 * ThreadSanitizer holds signals back until the thread calls something: so one
 * comes between load and exchange as well, where it matters most.
 */
static void nested_in_storm(void)
{
	clock_writes++;
	write_sized(48, HADAL_CLASS_CGROUP);
}

static void *read_along(void *argument)
{
	struct reader *reader = argument;

	while (!__atomic_load_n(&storm_over, __ATOMIC_RELAXED))
		drain(reader);
	return NULL;
}

static void start_reader(pthread_t *thread, struct reader *reader)
{
	sigset_t alarm, before;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarm, &before);
	assert_int_equal(0, pthread_create(thread, NULL, read_along, reader));
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* The ring is neither full nor empty for long. */
static void wait_for_reader(void)
{
	while (hadal_ring_unread(&memory.ring) > PAGE / 2)
		sched_yield();
}

static void test_storm(void **state)
{
	struct itimerval often = { { 0, 50 }, { 0, 50 } }, never = { 0 };
	struct reader reader = { 0 };
	pthread_t thread;
	int i;

	(void)state;
	make_ring(PAGE);
	__atomic_store_n(&storm_over, false, __ATOMIC_RELAXED);
	timer_writes = clock_writes = 0;
	start_reader(&thread, &reader);
	signal(SIGALRM, on_timer);
	setitimer(ITIMER_REAL, &often, NULL);
	for (i = 0; i < STORM_RECORDS; i++) {
		if (i % 7 == 0)
			in_clock = nested_in_storm;
		if (!write_sized(8 * (u32)(i % 50), HADAL_CLASS_TCP) && i % 8)
			wait_for_reader();
	}
	setitimer(ITIMER_REAL, &never, NULL);
	__atomic_store_n(&storm_over, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_true(timer_writes > 0);
	assert_true(clock_writes > STORM_RECORDS / 16);
	assert_true(reader.told > 0);
	assert_whole(&reader);
	drop_ring();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_wrap),
		cmocka_unit_test(test_positions_pass_4_gib),
		cmocka_unit_test(test_full_drops_newest_and_tells),
		cmocka_unit_test(test_governed_is_lost_and_told_apart),
		cmocka_unit_test(test_record_over_the_ring_is_lost),
		cmocka_unit_test(test_nested_keeps_order_and_waits_for_the_outer),
		cmocka_unit_test(test_nested_loss_before_lost_record),
		cmocka_unit_test(test_nothing_stands_behind_an_untold_gap),
		cmocka_unit_test(test_nested_does_not_stand_behind_an_untold_gap),
		cmocka_unit_test(test_watermark),
		cmocka_unit_test(test_hostile_reader_harms_itself_alone),
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
