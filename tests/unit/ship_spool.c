// SPDX-License-Identifier: MIT
/* The spool: what is appended is what is read, whatever happens to its files. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "clock.h"
#include "spool.h"
#include "spool_segment.h"

enum {
	RECORD_HEADER = 64,
	SEGMENT_HEADER = 64,
	LOSSES = 4096,
};

struct place {
	char directory[64];
	char said[4096];
	uint64_t lost[LOSSES];
	size_t lost_count;
	enum hadal_spool_loss why;
	struct hadal_spool_config config;
	struct hadal_spool *spool;
};

static void lost(void *context, const struct hadal_spool_entry *entry, enum hadal_spool_loss why)
{
	struct place *place = context;

	assert_true(place->lost_count < LOSSES);
	place->lost[place->lost_count++] = entry->sequence;
	place->why = why;
}

static void say(void *context, enum hadal_ship_log_level level, const char *message)
{
	struct place *place = context;
	size_t length = strlen(place->said);

	(void)level;
	snprintf(place->said + length, sizeof(place->said) - length, "%s\n", message);
}

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->directory, "/tmp/hadal-spool.XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	place->config = (struct hadal_spool_config){
		.directory = place->directory, .bytes = 1 << 20, .age_ms = 3600 * 1000, .memory_bytes = 1 << 20,
		.memory_records = 100, .sync_ms = 1, .retry_ms = 1, .lost = lost, .say = say, .context = place,
	};
	*state = place;
	return 0;
}

static void shell(const char *format, const char *path)
{
	char command[256];

	snprintf(command, sizeof(command), format, path);
	assert_int_equal(system(command), 0);
}

static int tear_down(void **state)
{
	struct place *place = *state;

	hadal_spool_close(place->spool);
	shell("rm -rf %s", place->directory);
	free(place);
	return 0;
}

static void open_spool(struct place *place)
{
	assert_int_equal(hadal_spool_open(&place->config, &place->spool), 0);
}

static void reopen(struct place *place)
{
	hadal_spool_close(place->spool);
	open_spool(place);
}

/* The data of record @number: nothing that another has. */
static void fill(uint8_t *data, size_t size, unsigned int number)
{
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static uint64_t append(struct place *place, unsigned int number, size_t size)
{
	const uint64_t items[HADAL_SIGNALS] = { number, 1 };
	uint8_t *data = malloc(size);
	uint64_t sequence;

	fill(data, size, number);
	assert_int_equal(hadal_spool_append(place->spool, items, data, size, &sequence), 0);
	free(data);
	return sequence;
}

/* Reads the first record at or behind *@sequence, which it moves behind that; -errno, or the record's number. */
static int next_record(struct place *place, uint64_t *sequence)
{
	struct hadal_spool_record record;
	const int ret = hadal_spool_read(place->spool, *sequence, &record);
	uint8_t *wanted;
	int number;

	if (ret) {
		if (record.entry.sequence)
			*sequence = record.entry.sequence + 1;
		assert_null(record.data);
		return ret;
	}
	number = (int)record.entry.items[HADAL_SIGNAL_METRICS];
	wanted = malloc(record.entry.size + 1);
	fill(wanted, record.entry.size, (unsigned int)number);
	assert_memory_equal(record.data, wanted, record.entry.size);
	free(wanted);
	free(record.data);
	*sequence = record.entry.sequence + 1;
	return number;
}

static void expect_records(struct place *place, uint64_t from, int first, int last)
{
	for (int number = first; number <= last; number++)
		assert_int_equal(next_record(place, &from), number);
	assert_int_equal(next_record(place, &from), -ENOENT);
}

static struct hadal_spool_stats stats_of(struct place *place)
{
	struct hadal_spool_stats stats;

	hadal_spool_stats(place->spool, &stats);
	return stats;
}

static void pause_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L }, NULL);
}

/* The one segment there is; its path. */
static void only_segment(struct place *place, char *path, size_t size)
{
	char command[256];
	FILE *list;

	snprintf(command, sizeof(command), "ls %s/*.spool", place->directory);
	list = popen(command, "r");
	assert_non_null(fgets(path, (int)size, list));
	path[strcspn(path, "\n")] = '\0';
	assert_null(fgets(command, sizeof(command), list));
	pclose(list);
}

static size_t read_file(const char *path, uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "r");
	size_t length = fread(bytes, 1, size, file);

	fclose(file);
	assert_true(length < size);
	return length;
}

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

/* ---- in good order ---- */

static void what_is_appended_is_read(void **state)
{
	struct place *place = *state;
	uint64_t items[HADAL_SIGNALS] = { 0 }, first;

	open_spool(place);
	first = append(place, 1, 100);
	append(place, 2, 1);
	append(place, 3, 50000);
	append(place, 4, 0);
	expect_records(place, first, 1, 4);
	expect_records(place, first + 2, 3, 4);
	hadal_spool_waiting(place->spool, first + 1, items);
	assert_int_equal(items[HADAL_SIGNAL_METRICS], 2 + 3 + 4);
	assert_int_equal(items[HADAL_SIGNAL_LOGS], 3);
	assert_true(stats_of(place).on_disk);
	assert_int_equal(stats_of(place).disk_records, 4);
	assert_int_equal(stats_of(place).memory_records, 0);
}

static void another_run_reads_it_and_goes_on(void **state)
{
	struct place *place = *state;
	struct hadal_spool_record before, after;
	uint64_t first;

	open_spool(place);
	first = append(place, 1, 100);
	append(place, 2, 200);
	assert_int_equal(hadal_spool_read(place->spool, first, &before), 0);
	reopen(place);
	assert_int_equal(hadal_spool_read(place->spool, first, &after), 0);
	assert_memory_equal(&before.entry, &after.entry, sizeof(before.entry));
	free(before.data);
	free(after.data);
	assert_true(append(place, 3, 300) > first + 1);
	expect_records(place, first, 1, 3);
	reopen(place);
	expect_records(place, 0, 1, 3);
	assert_string_equal(place->said, "");
}

static void numbers_are_given_once(void **state)
{
	struct place *place = *state;
	uint64_t first;

	open_spool(place);
	first = append(place, 1, 10);
	hadal_spool_continue(place->spool, first + 1000);
	assert_int_equal(append(place, 2, 10), first + 1000);
	hadal_spool_continue(place->spool, 5);
	assert_int_equal(append(place, 3, 10), first + 1001);
	expect_records(place, 0, 1, 3);
}

static void what_all_have_read_is_removed(void **state)
{
	struct place *place = *state;
	uint64_t sequence = 0;

	open_spool(place);
	for (unsigned int i = 1; i <= 20; i++)
		sequence = append(place, i, 20000);
	hadal_spool_release(place->spool, sequence);
	hadal_spool_tick(place->spool);
	assert_true(stats_of(place).disk_records <= 2);
	assert_int_equal(next_record(place, &sequence), 20);
	assert_int_equal(place->lost_count, 0);
	reopen(place);
	assert_true(stats_of(place).disk_records <= 2);
}

/* ---- bounds ---- */

static void over_its_bytes_the_oldest_go(void **state)
{
	struct place *place = *state;
	uint64_t first, from = 0;
	const int count = 200;

	open_spool(place);
	first = append(place, 1, 20000);
	for (int i = 2; i <= count; i++) {
		append(place, (unsigned int)i, 20000);
		assert_true(stats_of(place).disk_bytes <= place->config.bytes);
	}
	assert_true(place->lost_count > 0 && place->lost_count < (size_t)count);
	assert_int_equal(place->why, HADAL_SPOOL_FULL);
	for (size_t i = 0; i < place->lost_count; i++)
		assert_int_equal(place->lost[i], first + i);
	for (int i = (int)place->lost_count + 1; i <= count; i++)
		assert_int_equal(next_record(place, &from), i);
	/* All but what a segment's size may leave is used. */
	assert_true(stats_of(place).disk_bytes > place->config.bytes * 9 / 10);
}

static void what_is_too_large_is_refused(void **state)
{
	struct place *place = *state;
	const uint64_t items[HADAL_SIGNALS] = { 1, 1 };
	uint8_t *data = calloc(1, place->config.bytes + 1);
	uint64_t sequence;

	open_spool(place);
	append(place, 1, 10);
	assert_int_equal(hadal_spool_append(place->spool, items, data, place->config.bytes + 1, &sequence), -ENOBUFS);
	append(place, 2, 10);
	expect_records(place, 0, 1, 2);
	assert_int_equal(place->lost_count, 0);
	free(data);
}

static unsigned int segments_of(const struct place *place)
{
	DIR *directory = opendir(place->directory);
	struct dirent *entry;
	unsigned int count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		count += spool_segment_is_name(entry->d_name);
	closedir(directory);
	return count;
}

static void make_segments(const struct place *place, unsigned int count)
{
	static const uint8_t run[HADAL_SPOOL_RUN_SIZE], boot[SPOOL_BOOT_SIZE], data[1];
	const int directory = open(place->directory, O_RDONLY | O_DIRECTORY);

	assert_true(directory >= 0);
	for (unsigned int i = 1; i <= count; i++) {
		const struct hadal_spool_entry entry = {
			.sequence = i, .time = wall_ns(), .size = sizeof(data), .items = { 1, 1 },
		};
		struct spool_segment *segment;
		struct spool_slot slot;

		assert_int_equal(spool_segment_create(directory, i, run, boot, &segment), 0);
		assert_int_equal(spool_segment_write(segment, &entry, data, &slot), 0);
		spool_segment_free(segment);
	}
	close(directory);
}

/* Each is open: a process has no more files. */
static void over_their_number_the_oldest_segments_go(void **state)
{
	enum { MOST = 640, MORE = 10 };
	struct place *place = *state;

	make_segments(place, MOST + MORE);
	open_spool(place);
	assert_int_equal(stats_of(place).disk_records, MOST);
	assert_int_equal(hadal_spool_first(place->spool, 0), MORE + 1);
	assert_non_null(strstr(place->said, "more than 640 files: the oldest 10 were removed"));
	place->lost_count = 0;
	append(place, 1, 100);
	assert_int_equal(place->lost_count, 1);
	assert_int_equal(place->lost[0], MORE + 1);
	assert_int_equal(place->why, HADAL_SPOOL_FULL);
	assert_int_equal(stats_of(place).disk_records, MOST);
}

/* However large the spool is, there are not many. */
static void of_a_large_spool_segments_are_large(void **state)
{
	struct place *place = *state;
	uint64_t first;

	place->config.bytes = 8ULL << 30;
	open_spool(place);
	first = append(place, 1, 9 << 20);
	append(place, 2, 9 << 20);
	append(place, 3, 9 << 20);
	assert_int_equal(segments_of(place), 1);
	append(place, 4, 9 << 20);
	assert_int_equal(segments_of(place), 2);
	assert_int_equal(hadal_spool_first(place->spool, 0), first);
}

static void over_its_age_the_oldest_go(void **state)
{
	struct place *place = *state;

	place->config.age_ms = 320;
	open_spool(place);
	append(place, 1, 10);
	append(place, 2, 10);
	pause_ms(20);
	append(place, 3, 10);	/* begins a segment, as the first is a 32nd of the age old */
	hadal_spool_tick(place->spool);
	assert_int_equal(place->lost_count, 0);
	pause_ms(350);
	append(place, 4, 10);
	hadal_spool_tick(place->spool);
	assert_int_equal(place->lost_count, 3);
	assert_int_equal(place->why, HADAL_SPOOL_OLD);
	expect_records(place, 0, 4, 4);
}

static void memory_has_bounds_too(void **state)
{
	struct place *place = *state;
	uint64_t unsaved[HADAL_SIGNALS] = { 0 };

	place->config.directory = NULL;
	place->config.memory_records = 3;
	place->config.memory_bytes = 1000;
	open_spool(place);
	for (unsigned int i = 1; i <= 5; i++)
		append(place, i, 100);
	assert_int_equal(place->lost_count, 2);
	expect_records(place, 0, 3, 5);
	append(place, 6, 850);
	expect_records(place, 0, 5, 6);
	hadal_spool_unsaved(place->spool, 0, unsaved);
	assert_int_equal(unsaved[HADAL_SIGNAL_METRICS], 5 + 6);
	assert_string_equal(place->said, "");
}

/* ---- files that are not what they were ---- */

static void a_tail_torn_anywhere_is_passed_over(void **state)
{
	struct place *place = *state;
	static uint8_t bytes[4096];
	size_t size, whole;
	char path[128];

	open_spool(place);
	append(place, 1, 300);
	append(place, 2, 300);
	only_segment(place, path, sizeof(path));
	whole = read_file(path, bytes, sizeof(bytes));
	append(place, 3, 300);
	size = read_file(path, bytes, sizeof(bytes));
	assert_int_equal(size, whole + RECORD_HEADER + 300);
	for (size_t length = size; length-- > whole;) {
		write_file(path, bytes, length);
		reopen(place);
		expect_records(place, 0, 1, 2);
		assert_int_equal(stats_of(place).torn_bytes, length - whole);
	}
	write_file(path, bytes, size);
	reopen(place);
	expect_records(place, 0, 1, 3);
	assert_non_null(strstr(place->said, "are not whole"));
}

/* As a power cut may leave it: the size is there, the data is not. */
static void a_tail_of_zeros_is_passed_over(void **state)
{
	struct place *place = *state;
	static uint8_t bytes[4096];
	size_t size;
	char path[128];

	open_spool(place);
	append(place, 1, 300);
	append(place, 2, 300);
	only_segment(place, path, sizeof(path));
	size = read_file(path, bytes, sizeof(bytes));
	memset(bytes + size - 100, 0, 100);
	write_file(path, bytes, size);
	reopen(place);
	expect_records(place, 0, 1, 1);
	append(place, 3, 10);
	reopen(place);
	assert_int_equal(stats_of(place).disk_records, 3);	/* it is not the newest file any more: seen when it is read */
}

static void no_flipped_bit_makes_other_data(void **state)
{
	struct place *place = *state;
	static uint8_t bytes[4096];
	unsigned int damaged = 0, missing = 0;
	size_t size;
	char path[128];

	open_spool(place);
	for (unsigned int i = 1; i <= 3; i++)
		append(place, i, 100);
	append(place, 4, 40000);	/* so that what is flipped is not in the newest file, which is looked at whole */
	shell("ls %1$s/*.spool | head -n 1 > %1$s/first", place->directory);
	snprintf(path, sizeof(path), "%s/first", place->directory);
	size = read_file(path, bytes, sizeof(bytes));
	memcpy(path, bytes, size - 1);
	path[size - 1] = '\0';
	size = read_file(path, bytes, sizeof(bytes));
	for (size_t bit = 0; bit < 8 * size; bit += 3) {
		uint64_t from = 0;
		int last = 0, number;

		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		write_file(path, bytes, size);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		reopen(place);
		while ((number = next_record(place, &from)) != -ENOENT) {
			if (number == -EBADMSG) {
				damaged++;
				continue;
			}
			assert_true(number > last);
			last = number;
		}
		assert_int_equal(last, 4);
		missing += stats_of(place).disk_records < 4;
	}
	/* Of data the checksum tells, of a header that nothing behind it can be found. */
	assert_true(damaged > 700 && missing > 100);
}

static void foreign_files_are_left_alone(void **state)
{
	struct place *place = *state;
	char path[128];

	open_spool(place);
	append(place, 1, 100);
	hadal_spool_close(place->spool);
	place->spool = NULL;
	only_segment(place, path, sizeof(path));
	shell("cp %1$s/*.spool %1$s/0000000000000001-00000000.spool", place->directory);	/* a copy */
	shell("echo notes > %s/notes.txt", place->directory);
	shell("mkdir %s/00000000000000ff-00000000.spool", place->directory);
	shell("mkfifo %s/00000000000000fe-00000000.spool", place->directory);
	shell("ln -s /etc/passwd %s/00000000000000fd-00000000.spool", place->directory);
	shell("echo short > %s/00000000000000fc-00000000.spool", place->directory);
	open_spool(place);
	expect_records(place, 0, 1, 1);
	assert_non_null(strstr(place->said, "left alone"));
	hadal_spool_release(place->spool, UINT64_MAX);
	hadal_spool_tick(place->spool);
	shell("test \"$(cat %s/notes.txt)\" = notes", place->directory);
	shell("test -p %s/00000000000000fe-00000000.spool", place->directory);
	shell("test -d %s/00000000000000ff-00000000.spool", place->directory);
	shell("test -f %s/00000000000000fc-00000000.spool", place->directory);
}

/* ---- a directory that is not there ---- */

static void a_removed_directory_costs_nothing(void **state)
{
	struct place *place = *state;

	open_spool(place);
	append(place, 1, 100);
	shell("rm -rf %1$s && touch %1$s", place->directory);
	pause_ms(2);
	hadal_spool_tick(place->spool);
	assert_false(stats_of(place).on_disk);
	assert_non_null(strstr(place->said, "kept in memory"));
	append(place, 2, 100);
	append(place, 3, 100);
	assert_int_equal(stats_of(place).memory_records, 2);
	expect_records(place, 0, 1, 3);
	shell("rm %s", place->directory);
	pause_ms(2);
	hadal_spool_tick(place->spool);
	assert_true(stats_of(place).on_disk);
	assert_int_equal(stats_of(place).memory_records, 0);
	assert_int_equal(stats_of(place).failures, 1);
	append(place, 4, 100);
	expect_records(place, 0, 1, 4);
	reopen(place);
	expect_records(place, 0, 2, 4);
}

/* What is released while it is away is removed when it is back. */
static void what_a_directory_comes_back_with_is_removed(void **state)
{
	struct place *place = *state;
	uint64_t sequence = 0;

	place->config.retry_ms = 500;
	open_spool(place);
	for (unsigned int i = 1; i <= 5; i++)
		sequence = append(place, i, 20000);
	shell("rm $(ls %1$s/*.spool | tail -n 1)", place->directory);
	pause_ms(2);
	hadal_spool_tick(place->spool);
	assert_false(stats_of(place).on_disk);
	hadal_spool_release(place->spool, sequence + 1);
	hadal_spool_tick(place->spool);
	pause_ms(600);
	hadal_spool_tick(place->spool);
	assert_true(stats_of(place).on_disk);
	hadal_spool_tick(place->spool);
	shell("! ls %1$s/*.spool", place->directory);
	assert_int_equal(stats_of(place).disk_records, 0);
}

static void it_may_come_later(void **state)
{
	struct place *place = *state;
	char elsewhere[96];

	snprintf(elsewhere, sizeof(elsewhere), "%s/not/there", place->directory);
	place->config.directory = elsewhere;
	open_spool(place);
	assert_string_equal(stats_of(place).trouble, "No such file or directory");
	append(place, 1, 100);
	expect_records(place, 0, 1, 1);
	shell("mkdir %s/not", place->directory);
	pause_ms(2);
	hadal_spool_tick(place->spool);
	assert_true(stats_of(place).on_disk);
	append(place, 2, 100);
	reopen(place);
	expect_records(place, 0, 1, 2);
}

static void two_do_not_share_one(void **state)
{
	struct place *place = *state;
	struct hadal_spool *other;
	struct hadal_spool_stats stats;

	open_spool(place);
	append(place, 1, 100);
	assert_int_equal(hadal_spool_open(&place->config, &other), 0);
	hadal_spool_stats(other, &stats);
	assert_false(stats.on_disk);
	assert_false(hadal_spool_owns(other));
	assert_true(hadal_spool_owns(place->spool));
	assert_string_equal(stats.trouble, "another hadald uses it");
	hadal_spool_close(other);
	expect_records(place, 0, 1, 1);
}

/* ---- a disk that cannot be written ---- */

/* Writes beyond @bytes of a file fail, as they would on a disk that fails. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_cannot_be_written_waits_in_memory(void **state)
{
	struct place *place = *state;

	open_spool(place);
	append(place, 1, 100);
	limit_files(SEGMENT_HEADER + RECORD_HEADER + 100 + 50);
	append(place, 2, 100);
	limit_files(RLIM_INFINITY);
	assert_false(stats_of(place).on_disk);
	assert_string_equal(stats_of(place).trouble, "File too large");
	append(place, 3, 100);
	expect_records(place, 0, 1, 3);
	pause_ms(2);
	hadal_spool_tick(place->spool);
	assert_true(stats_of(place).on_disk);
	assert_non_null(strstr(place->said, "can be written again; so were 2 records"));
	append(place, 4, 100);
	reopen(place);
	expect_records(place, 0, 1, 4);
}

/* A segment can be made, but nothing be written to it. */
static void a_disk_with_room_for_nothing_but_a_header_is_waited_for(void **state)
{
	struct place *place = *state;

	open_spool(place);
	append(place, 1, 100);
	limit_files(SEGMENT_HEADER + RECORD_HEADER + 100 + 50);
	append(place, 2, 100);
	limit_files(SEGMENT_HEADER + 50);
	for (int i = 0; i < 3; i++) {
		pause_ms(2);
		hadal_spool_tick(place->spool);
		assert_string_equal(stats_of(place).trouble, "File too large");
	}
	expect_records(place, 0, 1, 2);
	limit_files(RLIM_INFINITY);
	pause_ms(2);
	hadal_spool_tick(place->spool);
	assert_true(stats_of(place).on_disk);
	append(place, 3, 100);
	reopen(place);
	expect_records(place, 0, 1, 3);
}

/* One made for a record that could not be written, and not removed either, is in nobody's way. */
static void a_segment_left_empty_is_made_again(void **state)
{
	static const uint8_t run[HADAL_SPOOL_RUN_SIZE] = { 1 }, boot[SPOOL_BOOT_SIZE] = { 2 };
	struct place *place = *state;
	const int directory = open(place->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct spool_segment *segment;

	assert_true(directory >= 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(spool_segment_create(directory, 7, run, boot, &segment), 0);
		assert_int_equal(segment->size, SEGMENT_HEADER);
		spool_segment_free(segment);
	}
	close(directory);
}

static void a_full_disk_is_waited_for(void **state)
{
	struct place *place = *state;
	char mounted[96];

	snprintf(mounted, sizeof(mounted), "%s/disk", place->directory);
	assert_int_equal(mkdir(mounted, 0700), 0);
	if (mount("tmpfs", mounted, "tmpfs", 0, "size=256k"))
		skip();
	place->config.directory = mounted;
	open_spool(place);
	for (unsigned int i = 1; i <= 40; i++)
		append(place, i, 10000);
	assert_string_equal(stats_of(place).trouble, "No space left on device");
	assert_true(stats_of(place).memory_records > 10);
	expect_records(place, 0, 1, 40);
	pause_ms(2);
	hadal_spool_tick(place->spool);
	assert_false(stats_of(place).on_disk);
	assert_int_equal(mount("tmpfs", mounted, "tmpfs", MS_REMOUNT, "size=4m"), 0);
	pause_ms(2);
	hadal_spool_tick(place->spool);
	assert_true(stats_of(place).on_disk);
	assert_int_equal(stats_of(place).memory_records, 0);
	append(place, 41, 10000);
	expect_records(place, 0, 1, 41);
	reopen(place);
	expect_records(place, 0, 1, 41);
	assert_int_equal(place->lost_count, 0);
	hadal_spool_close(place->spool);
	place->spool = NULL;
	assert_int_equal(umount(mounted), 0);
}

/* ---- clocks ---- */

/* As in spool_segment.c. */
struct segment_header {
	char magic[8];
	uint32_t version, crc;
	uint8_t boot[16];
	uint64_t time, zero[3];
};

struct record_header {
	uint32_t magic, crc;
	uint64_t sequence;
	uint8_t run[16];
	uint64_t time, boottime;
	uint32_t items[2], size, data_crc;
};

/* The one segment becomes one of an earlier boot, written at @time by its clock. */
static void make_it_older(struct place *place, uint64_t time)
{
	static uint8_t bytes[4096];
	struct segment_header *segment = (struct segment_header *)bytes;
	struct record_header *record = (struct record_header *)(segment + 1);
	size_t size;
	char path[128];

	hadal_spool_close(place->spool);
	place->spool = NULL;
	only_segment(place, path, sizeof(path));
	size = read_file(path, bytes, sizeof(bytes));
	segment->boot[0] ^= 1;
	segment->crc = (uint32_t)crc32(0, segment->boot, sizeof(*segment) - offsetof(struct segment_header, boot));
	record->time = time;
	record->crc = (uint32_t)crc32(0, (const Bytef *)&record->sequence,
				      sizeof(*record) - offsetof(struct record_header, sequence));
	write_file(path, bytes, size);
}

static void of_an_earlier_boot_the_clock_tells(void **state)
{
	struct place *place = *state;
	const uint64_t hour = 3600 * 1000000000ULL, up = clock_ns(CLOCK_BOOTTIME);

	place->config.age_ms = up / 1000000 + 2 * 3600 * 1000;
	open_spool(place);
	append(place, 1, 100);
	make_it_older(place, wall_ns() - up - hour);
	open_spool(place);
	hadal_spool_tick(place->spool);
	expect_records(place, 0, 1, 1);
	assert_true(stats_of(place).oldest_age_ms >= (up + hour) / 1000000);
	make_it_older(place, wall_ns() - up - 3 * hour);	/* and of this boot again: the bit flips back */
	open_spool(place);
	hadal_spool_tick(place->spool);
	expect_records(place, 0, 1, 1);
	make_it_older(place, wall_ns() - up - 3 * hour);
	open_spool(place);
	hadal_spool_tick(place->spool);
	assert_int_equal(place->lost_count, 1);
	assert_int_equal(place->why, HADAL_SPOOL_OLD);
}

static void a_time_to_come_is_as_old_as_the_boot(void **state)
{
	struct place *place = *state;
	const uint64_t hour = 3600 * 1000000000ULL, up = clock_ns(CLOCK_BOOTTIME);

	open_spool(place);
	append(place, 1, 100);
	make_it_older(place, wall_ns() + 1000 * hour);
	place->config.age_ms = up / 1000000 + 60000;
	open_spool(place);
	hadal_spool_tick(place->spool);
	expect_records(place, 0, 1, 1);
	hadal_spool_close(place->spool);
	place->config.age_ms = up / 1000000 - 1;
	open_spool(place);
	hadal_spool_tick(place->spool);
	assert_int_equal(place->lost_count, 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_appended_is_read),
		TEST(another_run_reads_it_and_goes_on),
		TEST(numbers_are_given_once),
		TEST(what_all_have_read_is_removed),
		TEST(over_its_bytes_the_oldest_go),
		TEST(what_is_too_large_is_refused),
		TEST(over_their_number_the_oldest_segments_go),
		TEST(of_a_large_spool_segments_are_large),
		TEST(over_its_age_the_oldest_go),
		TEST(memory_has_bounds_too),
		TEST(a_tail_torn_anywhere_is_passed_over),
		TEST(a_tail_of_zeros_is_passed_over),
		TEST(no_flipped_bit_makes_other_data),
		TEST(foreign_files_are_left_alone),
		TEST(a_removed_directory_costs_nothing),
		TEST(what_a_directory_comes_back_with_is_removed),
		TEST(it_may_come_later),
		TEST(two_do_not_share_one),
		TEST(what_cannot_be_written_waits_in_memory),
		TEST(a_disk_with_room_for_nothing_but_a_header_is_waited_for),
		TEST(a_segment_left_empty_is_made_again),
		TEST(a_full_disk_is_waited_for),
		TEST(of_an_earlier_boot_the_clock_tells),
		TEST(a_time_to_come_is_as_old_as_the_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
