// SPDX-License-Identifier: MIT
/* Where a sink is: what is written is what is read, or it is said that it cannot be. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sink_state.h"

enum {
	HEADER = 48,		/* bytes of a file in front of the series */
	VERSION_AT = 8,
	SIZE_AT = 40,
	SERIES = 100,
	FILE_MAX = 4096,
};

struct place {
	char directory[64];
	char forgotten[256];
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->directory, "/tmp/hadal-state.XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", place->directory);
	assert_int_equal(system(command), 0);
	free(place);
	return 0;
}

static const char *path(const struct place *place, const char *file)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s/%s", place->directory, file);
	return text;
}

/* ---- states, no two alike ---- */

static void fill(uint8_t *series, unsigned int number)
{
	for (size_t i = 0; i < SERIES; i++)
		series[i] = (uint8_t)(number * 31 + i * 7);
}

static struct hadal_sink_state made(unsigned int number, uint8_t *series)
{
	fill(series, number);
	return (struct hadal_sink_state){
		.position = 1000 + number, .settled = { 10 + number, 20 + number },
		.series = series, .series_size = SERIES,
	};
}

static int write_number(const struct place *place, const char *name, unsigned int number)
{
	uint8_t series[SERIES];
	const struct hadal_sink_state state = made(number, series);

	return hadal_sink_state_write(place->directory, name, &state);
}

static void expect(const struct place *place, const char *name, unsigned int number)
{
	struct hadal_sink_state state = { 0 };
	uint8_t series[SERIES];
	const struct hadal_sink_state wanted = made(number, series);

	assert_int_equal(hadal_sink_state_read(place->directory, name, &state), 0);
	assert_int_equal(state.position, wanted.position);
	assert_memory_equal(state.settled, wanted.settled, sizeof(state.settled));
	assert_int_equal(state.series_size, SERIES);
	assert_memory_equal(state.series, series, SERIES);
	free(state.series);
}

/* Nothing of a file that cannot be read is taken over. */
static void expect_error(const struct place *place, const char *name, int error)
{
	struct hadal_sink_state state = { .position = 7 };

	assert_int_equal(hadal_sink_state_read(place->directory, name, &state), error);
	assert_int_equal(state.position, 7);
	assert_null(state.series);
}

/* ---- files, byte by byte ---- */

static size_t load(const char *file, uint8_t *bytes)
{
	const int fd = open(file, O_RDONLY);
	ssize_t size;

	assert_true(fd >= 0);
	size = read(fd, bytes, FILE_MAX);
	assert_in_range(size, 0, FILE_MAX - 1);
	close(fd);
	return (size_t)size;
}

static void store(const char *file, const uint8_t *bytes, size_t size)
{
	const int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

/* The file of a sink: its name in @file, its size returned. */
static size_t write_and_load(const struct place *place, char *file, uint8_t *bytes)
{
	size_t size;

	assert_int_equal(write_number(place, "one", 1), 0);
	strcpy(file, path(place, "sink-one.state"));
	size = load(file, bytes);
	assert_int_equal(size, HEADER + SERIES);
	return size;
}

/* ---- tests ---- */

static void what_is_written_is_read(void **state)
{
	const struct place *place = *state;

	assert_int_equal(write_number(place, "one", 1), 0);
	assert_int_equal(write_number(place, "two", 2), 0);
	expect(place, "one", 1);
	assert_int_equal(write_number(place, "one", 3), 0);
	expect(place, "one", 3);
	expect(place, "two", 2);
	expect_error(place, "three", -ENOENT);
}

static void one_without_series_has_none(void **state)
{
	const struct place *place = *state;
	const struct hadal_sink_state written = { .position = 5, .settled = { 1, 2 } };
	struct hadal_sink_state read = { 0 };

	assert_int_equal(hadal_sink_state_write(place->directory, "delta", &written), 0);
	assert_int_equal(hadal_sink_state_read(place->directory, "delta", &read), 0);
	assert_int_equal(read.position, 5);
	assert_int_equal(read.series_size, 0);
	free(read.series);
}

static void one_torn_anywhere_is_damaged(void **state)
{
	const struct place *place = *state;
	char file[128];
	uint8_t bytes[FILE_MAX];
	const size_t size = write_and_load(place, file, bytes);

	for (size_t torn = 0; torn < size; torn++) {
		store(file, bytes, torn);
		expect_error(place, "one", -EBADMSG);
	}
	bytes[size] = 0;
	store(file, bytes, size + 1);
	expect_error(place, "one", -EBADMSG);
	store(file, bytes, size);
	expect(place, "one", 1);
}

static void no_flipped_bit_makes_another(void **state)
{
	const struct place *place = *state;
	char file[128];
	uint8_t bytes[FILE_MAX];
	const size_t size = write_and_load(place, file, bytes);

	for (size_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		store(file, bytes, size);
		expect_error(place, "one", -EBADMSG);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

static void one_of_zeros_is_damaged(void **state)
{
	const struct place *place = *state;
	const uint8_t zeros[HEADER + SERIES] = { 0 };

	store(path(place, "sink-one.state"), zeros, sizeof(zeros));
	expect_error(place, "one", -EBADMSG);
}

/* Whole and with its checksum: just of a version before, or of one to come. */
static void another_version_is_not_read(void **state)
{
	const struct place *place = *state;
	static const uint32_t versions[] = { 0, 2, UINT32_MAX };
	char file[128];
	uint8_t bytes[FILE_MAX];
	const size_t size = write_and_load(place, file, bytes);

	for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		memcpy(bytes + VERSION_AT, &versions[i], sizeof(versions[i]));
		store(file, bytes, size);
		expect_error(place, "one", -EBADMSG);
	}
	/* It is no end: the next that is written stands. */
	assert_int_equal(write_number(place, "one", 2), 0);
	expect(place, "one", 2);
}

/* A size that is a lie costs neither memory nor a read beyond the file. */
static void a_size_is_not_believed(void **state)
{
	const struct place *place = *state;
	static const uint64_t sizes[] = { 0, SERIES - 1, SERIES + 1, 1ULL << 32, UINT64_MAX, UINT64_MAX - HEADER + 1 };
	char file[128];
	uint8_t bytes[FILE_MAX];
	const size_t size = write_and_load(place, file, bytes);

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memcpy(bytes + SIZE_AT, &sizes[i], sizeof(sizes[i]));
		store(file, bytes, size);
		expect_error(place, "one", -EBADMSG);
	}
}

/* What a kill between writing and renaming leaves. */
static void one_not_renamed_yet_does_not_count(void **state)
{
	const struct place *place = *state;
	const uint8_t half[HEADER / 2] = { 0 };
	struct stat status;

	assert_int_equal(write_number(place, "one", 1), 0);
	store(path(place, ".sink-one.new"), half, sizeof(half));
	expect(place, "one", 1);
	assert_int_equal(write_number(place, "one", 2), 0);
	expect(place, "one", 2);
	assert_int_equal(lstat(path(place, ".sink-one.new"), &status), -1);
	store(path(place, ".sink-two.new"), half, sizeof(half));
	expect_error(place, "two", -ENOENT);
}

/* A sink that is renamed can be given its place: the file's name is all that names it. */
static void one_renamed_is_the_other_sinks(void **state)
{
	const struct place *place = *state;
	char from[128];

	assert_int_equal(write_number(place, "before", 1), 0);
	strcpy(from, path(place, "sink-before.state"));
	assert_int_equal(rename(from, path(place, "sink-after.state")), 0);
	expect_error(place, "before", -ENOENT);
	expect(place, "after", 1);
}

static void only_a_file_is_read(void **state)
{
	const struct place *place = *state;
	char target[128];

	assert_int_equal(write_number(place, "one", 1), 0);
	strcpy(target, path(place, "sink-one.state"));
	assert_int_equal(symlink(target, path(place, "sink-link.state")), 0);
	expect_error(place, "link", -ELOOP);
	assert_int_equal(mkdir(path(place, "sink-folder.state"), 0700), 0);
	expect_error(place, "folder", -EISDIR);
	assert_int_equal(mkfifo(path(place, "sink-pipe.state"), 0600), 0);
	expect_error(place, "pipe", -EBADMSG);
	/* A link's place is taken, what it leads to is left alone. */
	assert_int_equal(write_number(place, "link", 2), 0);
	expect(place, "link", 2);
	expect(place, "one", 1);
}

/* No room for the new one: the old one stays, and nothing is left beside it. */
static void what_cannot_be_written_changes_nothing(void **state)
{
	const struct place *place = *state;
	const struct rlimit small = { .rlim_cur = HEADER + 1, .rlim_max = RLIM_INFINITY };
	struct rlimit before;
	struct stat status;

	assert_int_equal(write_number(place, "one", 1), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(write_number(place, "one", 2), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	expect(place, "one", 1);
	assert_int_equal(lstat(path(place, ".sink-one.new"), &status), -1);
	assert_int_equal(hadal_sink_state_write("/nonexistent", "one", &(struct hadal_sink_state){ 0 }), -ENOENT);
	expect_error(&(struct place){ .directory = "/nonexistent" }, "one", -ENOENT);
}

static void overwrite_number(const struct place *place, const char *name, unsigned int number)
{
	uint8_t series[SERIES];
	const struct hadal_sink_state state = made(number, series);

	assert_int_equal(hadal_sink_state_overwrite(place->directory, name, &state), 0);
}

static void expect_place(const struct place *place, const char *name, unsigned int number)
{
	struct hadal_sink_state state = { 0 };
	uint8_t series[SERIES];
	const struct hadal_sink_state wanted = made(number, series);

	assert_int_equal(hadal_sink_state_read(place->directory, name, &state), 0);
	assert_int_equal(state.position, wanted.position);
	assert_memory_equal(state.settled, wanted.settled, sizeof(state.settled));
	assert_int_equal(state.series_size, 0);
	free(state.series);
}

/* Also where a power cut came between the header and cutting off what was behind it. */
static void one_written_over_has_its_place_alone(void **state)
{
	const struct place *place = *state;
	uint8_t bytes[FILE_MAX], over[FILE_MAX];
	char file[128];
	const size_t size = write_and_load(place, file, bytes);

	overwrite_number(place, "one", 2);
	expect_place(place, "one", 2);
	assert_int_equal(load(file, over), HEADER);
	memcpy(bytes, over, HEADER);
	store(file, bytes, size);
	expect_place(place, "one", 2);
	assert_int_equal(write_number(place, "one", 3), 0);
	expect(place, "one", 3);
}

static void only_a_file_is_written_over(void **state)
{
	const struct place *place = *state;
	uint8_t series[SERIES];
	const struct hadal_sink_state other = made(2, series);
	char target[128];

	assert_int_equal(hadal_sink_state_overwrite(place->directory, "none", &other), -ENOENT);
	expect_error(place, "none", -ENOENT);
	assert_int_equal(write_number(place, "one", 1), 0);
	strcpy(target, path(place, "sink-one.state"));
	assert_int_equal(symlink(target, path(place, "sink-link.state")), 0);
	assert_int_equal(hadal_sink_state_overwrite(place->directory, "link", &other), -ELOOP);
	expect(place, "one", 1);
}

static bool is_kept(void *context, const char *name)
{
	(void)context;
	return !strcmp(name, "kept");
}

static void note_forgotten(void *context, const char *name)
{
	struct place *place = context;
	const size_t length = strlen(place->forgotten);

	snprintf(place->forgotten + length, sizeof(place->forgotten) - length, "%s;", name);
}

static void those_of_no_sink_are_forgotten(void **state)
{
	struct place *place = *state;
	static const char *const foreign[] = { "sink-.state", "sink-gone.state.old", "gone.state", "lock" };
	struct stat status;

	assert_int_equal(write_number(place, "kept", 1), 0);
	assert_int_equal(write_number(place, "gone", 2), 0);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		store(path(place, foreign[i]), (const uint8_t *)"", 0);
	hadal_sink_state_forget(place->directory, is_kept, note_forgotten, place);
	assert_string_equal(place->forgotten, "gone;");
	expect(place, "kept", 1);
	expect_error(place, "gone", -ENOENT);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_int_equal(lstat(path(place, foreign[i]), &status), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(one_without_series_has_none),
		TEST(one_torn_anywhere_is_damaged),
		TEST(no_flipped_bit_makes_another),
		TEST(one_of_zeros_is_damaged),
		TEST(another_version_is_not_read),
		TEST(a_size_is_not_believed),
		TEST(one_not_renamed_yet_does_not_count),
		TEST(one_renamed_is_the_other_sinks),
		TEST(only_a_file_is_read),
		TEST(what_cannot_be_written_changes_nothing),
		TEST(one_written_over_has_its_place_alone),
		TEST(only_a_file_is_written_over),
		TEST(those_of_no_sink_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
