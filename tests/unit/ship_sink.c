// SPDX-License-Identifier: MIT
/* A sink's thread and a receiver that holds its answers: what the end of the one leaves of a request. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "sink_thread.h"
#include "sink_state.h"
#include "spool_batch.h"
#include "spool_segment.h"
#include "web_server.h"

#define LOGS	"POST /v1/logs"

enum {
	LIMIT_MS = 600 * 1000,	/* only ever reached by what hangs */
};

/* Date and Retry-After of a receiver that is busy: they have passed, by all clocks but its own. */
#define LONG_AGO	"Sun, 06 Nov 1994 08:49:37 GMT"
#define A_SECOND_LATER	"Sun, 06 Nov 1994 08:49:38 GMT"

static const struct web_page
	well = { .path = LOGS, .status = 200, .body = "" },
	held = { .path = LOGS, .status = 200, .body = "", .behaviour = WEB_HELD },
	busy = { .path = LOGS, .status = 503, .behaviour = WEB_DATED,
		 .body = LONG_AGO "\r\nRetry-After: 0" },
	busy_for_a_second = { .path = LOGS, .status = 503, .behaviour = WEB_DATED,
			      .body = LONG_AGO "\r\nRetry-After: " A_SECOND_LATER };

static struct web_page pages[2];

struct place {
	char directory[64];	/* "": there is none, the spool is in memory */
	char lines[64];		/* where a sink of totals writes lines to; "": it is one of increments, and posts */
	unsigned int backoff_ms;
	struct web_server *server;
	struct hadal_spool *spool;
	struct hadal_sink *sink;
};

static void make_sink(struct place *place)
{
	const bool lines = place->lines[0];
	const struct hadal_sink_config config = {
		.name = "held", .kind = lines ? "json_lines" : "otlp", .delta = !lines,
		.ship = { .endpoint = lines ? NULL : web_url(place->server), .timeout_ms = LIMIT_MS,
			  .backoff_first_ms = place->backoff_ms,
			  .backoff_max_ms = place->backoff_ms },
		.settings = { { "path", place->lines } }, .setting_count = lines,
	};
	const struct hadal_sink_host host = { .spool = place->spool };
	char error[256];

	assert_int_equal(hadal_sink_new(&config, &host, &place->sink, error, sizeof(error)), 0);
}

static void start_sink(struct place *place)
{
	make_sink(place);
	hadal_sink_find_position(place->sink);
	assert_int_equal(hadal_sink_start(place->sink), 0);
}

static void lose(void *context, const struct hadal_spool_entry *entry, enum hadal_spool_loss why)
{
	struct place *place = context;

	hadal_sink_lost(place->sink, entry, why);
}

static int set_up_with(void **state, const struct web_page *page, unsigned int backoff_ms)
{
	struct place *place = *state ?: calloc(1, sizeof(*place));
	const struct hadal_spool_config config = {
		.directory = place->directory[0] ? place->directory : NULL,
		.bytes = 1 << 20, .age_ms = LIMIT_MS, .memory_bytes = 1 << 20, .memory_records = 100,
		.lost = lose, .context = place,
	};

	pages[0] = *page;
	place->backoff_ms = backoff_ms;
	place->server = web_start(pages);
	assert_int_equal(hadal_spool_open(&config, &place->spool), 0);
	start_sink(place);
	*state = place;
	return 0;
}

static int set_up(void **state)
{
	return set_up_with(state, &held, 0);
}

static int set_up_busy(void **state)
{
	return set_up_with(state, &busy, LIMIT_MS);
}

static int set_up_busy_for_a_second(void **state)
{
	return set_up_with(state, &busy_for_a_second, 1);
}

/* A small disk; without the right to make one the test is skipped. */
static int set_up_disk(void **state)
{
	struct place *place = *state ?: calloc(1, sizeof(*place));

	*state = place;
	strcpy(place->directory, "/tmp/hadal-sink.XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	if (mount("tmpfs", place->directory, "tmpfs", 0, "size=64k")) {
		rmdir(place->directory);
		place->directory[0] = '\0';
	}
	return set_up_with(state, &well, 0);
}

static int set_up_disk_and_lines(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	int fd;

	*state = place;
	strcpy(place->lines, "/tmp/hadal-lines.XXXXXX");
	fd = mkstemp(place->lines);
	assert_true(fd >= 0);
	close(fd);
	return set_up_disk(state);
}

static int set_up_busy_disk(void **state)
{
	const int ret = set_up_disk(state);

	pages[0] = busy;
	return ret;
}

static void end_sink(struct place *place)
{
	hadal_sink_stop(place->sink, 0);
	hadal_sink_join(place->sink);
	hadal_sink_free(place->sink);
}

static int tear_down(void **state)
{
	struct place *place = *state;

	/* Of a test that failed it still runs. */
	end_sink(place);
	hadal_spool_close(place->spool);
	web_stop(place->server);
	if (place->directory[0]) {
		assert_int_equal(umount(place->directory), 0);
		assert_int_equal(rmdir(place->directory), 0);
	}
	if (place->lines[0])
		unlink(place->lines);
	free(place);
	return 0;
}

static void append(struct place *place, struct hadal_batch *batch, const uint64_t *items)
{
	uint64_t sequence;
	uint8_t *data;
	size_t size;

	assert_int_equal(hadal_spool_pack(batch, &data, &size), 0);
	hadal_sink_produced(place->sink, items);
	assert_int_equal(hadal_spool_append(place->spool, items, data, size, &sequence), 0);
	hadal_sink_arrived(place->sink, sequence);
	free(data);
	hadal_batch_free(batch);
}

/* A record of the spool that holds one log record. */
static void submit(struct place *place)
{
	static const struct hadal_log_record record = {
		.event_name = "hadal.test", .time = 1, .observed_time = 1, .severity = HADAL_SEVERITY_INFO,
	};
	static const uint64_t items[HADAL_SIGNALS] = { [HADAL_SIGNAL_LOGS] = 1 };
	struct hadal_batch *batch = hadal_batch_new(0);

	assert_non_null(batch);
	assert_int_equal(hadal_resource_log(hadal_batch_resource(batch, NULL), &record), 0);
	append(place, batch, items);
}

/* One that holds an increment, of a counter that began at @since; both in seconds. */
static void submit_increment(struct place *place, uint64_t since, uint64_t until, int64_t value)
{
	static const struct hadal_metric_info info = { "hadal.test", "1", "Of a test", HADAL_COUNTER };
	static const uint64_t items[HADAL_SIGNALS] = { [HADAL_SIGNAL_METRICS] = 1 };
	const struct hadal_point point = { .start_time = since * 1000000000, .time = until * 1000000000 };
	struct hadal_batch *batch = hadal_batch_new(0);

	assert_non_null(batch);
	hadal_metric_add_int(hadal_resource_metric(hadal_batch_resource(batch, NULL), &info), &point, value);
	append(place, batch, items);
}

static void wait_for_requests(struct place *place, unsigned int count)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const uint64_t limit = now_ms() + LIMIT_MS;

	while (web_requests(place->server, LOGS) < count && now_ms() < limit)
		nanosleep(&pause, NULL);
	assert_int_equal(web_requests(place->server, LOGS), count);
}

static struct hadal_ship_signal_stats logs(struct place *place)
{
	struct hadal_sink_stats stats;

	hadal_sink_stats(place->sink, &stats);
	return stats.signal[HADAL_SIGNAL_LOGS];
}

/* Two records, the first of which is with the receiver. */
static void begin(struct place *place)
{
	submit(place);
	wait_for_requests(place, 1);
	submit(place);
	assert_int_equal(logs(place).waiting, 2);
}

static void giving_way_it_waits_for_the_answer_and_begins_nothing(void **state)
{
	struct place *place = *state;
	uint64_t position = hadal_sink_position(place->sink);

	begin(place);
	hadal_sink_give_way(place->sink, now_ms() + LIMIT_MS);
	web_release(place->server);
	hadal_sink_join(place->sink);
	assert_int_equal(logs(place).accepted, 1);
	assert_int_equal(logs(place).waiting, 1);
	assert_int_equal(hadal_sink_position(place->sink), position + 1);
	assert_int_equal(web_requests(place->server, LOGS), 1);
}

static void giving_way_it_waits_no_longer_than_it_may(void **state)
{
	struct place *place = *state;

	begin(place);
	hadal_sink_give_way(place->sink, now_ms());
	hadal_sink_join(place->sink);
	assert_int_equal(logs(place).accepted, 0);
	assert_int_equal(logs(place).waiting, 2);
}

static void stopping_it_sends_the_rest(void **state)
{
	struct place *place = *state;

	begin(place);
	hadal_sink_stop(place->sink, now_ms() + LIMIT_MS);
	web_release(place->server);
	web_release(place->server);
	hadal_sink_join(place->sink);
	assert_int_equal(logs(place).accepted, 2);
	assert_int_equal(logs(place).waiting, 0);
}

/* Long enough for many more requests, should they come. */
static void no_wait_that_is_asked_for_makes_no_loop(void **state)
{
	const struct timespec pause = { .tv_nsec = 300000000 };
	struct place *place = *state;

	submit(place);
	wait_for_requests(place, 1);
	nanosleep(&pause, NULL);
	assert_int_equal(web_requests(place->server, LOGS), 1);
	/* It did not ask to be left alone. */
	while (web_requests(place->server, LOGS) < 2) {
		hadal_sink_flush(place->sink);
		nanosleep(&pause, NULL);
	}
}

static void a_date_is_by_the_clock_of_who_tells_it(void **state)
{
	const uint64_t since = now_ms();
	struct place *place = *state;

	submit(place);
	wait_for_requests(place, 2);
	assert_true(now_ms() - since >= 1000);
}

static void wait_for_position(struct place *place, uint64_t position)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	const uint64_t limit = now_ms() + LIMIT_MS / 10;

	while (hadal_sink_position(place->sink) < position && now_ms() < limit)
		nanosleep(&pause, NULL);
	assert_int_equal(hadal_sink_position(place->sink), position);
}

static void fill_disk(const struct place *place)
{
	char path[80];
	FILE *file;

	snprintf(path, sizeof(path), "%s/.full", place->directory);
	file = fopen(path, "w");
	assert_non_null(file);
	setbuf(file, NULL);
	while (fputc('x', file) != EOF)
		;
	fclose(file);
}

/* Else what is delivered would stay there, and the disk full. */
static void on_a_full_disk_it_moves_on(void **state)
{
	struct place *place = *state;

	if (!place->directory[0])
		skip();
	submit(place);
	wait_for_position(place, hadal_spool_end(place->spool));
	fill_disk(place);
	submit(place);
	wait_for_position(place, hadal_spool_end(place->spool));
	assert_int_equal(logs(place).accepted, 2);
	end_sink(place);
	start_sink(place);
	assert_int_equal(logs(place).waiting, 0);
	assert_int_equal(hadal_sink_position(place->sink), hadal_spool_end(place->spool));
}

static void expect_line(const struct place *place, const char *since, int64_t value)
{
	char wanted[128], text[4096];
	FILE *file = fopen(place->lines, "r");
	size_t size;

	assert_non_null(file);
	size = fread(text, 1, sizeof(text) - 1, file);
	text[size] = '\0';
	fclose(file);
	snprintf(wanted, sizeof(wanted), "\"start_timestamp\":\"%s\",\"value\":%lld", since, (long long)value);
	if (!strstr(text, wanted))
		fail_msg("there is no %s in %s", wanted, text);
}

/* What it had added up to was delivered and could not be written down: it may not fall back to what is. */
static void after_a_full_disk_totals_begin_anew(void **state)
{
	struct place *place = *state;

	if (!place->directory[0])
		skip();
	submit_increment(place, 1, 2, 100);
	wait_for_position(place, hadal_spool_end(place->spool));
	fill_disk(place);
	submit_increment(place, 2, 3, 50);
	wait_for_position(place, hadal_spool_end(place->spool));
	expect_line(place, "1970-01-01T00:00:01.000000000Z", 150);
	end_sink(place);
	start_sink(place);
	submit_increment(place, 4, 5, 7);
	wait_for_position(place, hadal_spool_end(place->spool));
	expect_line(place, "1970-01-01T00:00:04.000000000Z", 7);
}

/* What waits on the disk is older than what goes from memory, and is not passed over. */
static void what_memory_has_no_room_for_is_all_that_is_lost(void **state)
{
	enum { RECORDS = 300 };
	struct place *place = *state;

	if (!place->directory[0])
		skip();
	submit(place);
	wait_for_requests(place, 1);
	submit(place);
	fill_disk(place);
	for (unsigned int i = 2; i < RECORDS; i++)
		submit(place);
	assert_int_not_equal(logs(place).dropped_full, 0);
	pages[0] = well;
	hadal_sink_stop(place->sink, now_ms() + LIMIT_MS);
	hadal_sink_join(place->sink);
	assert_int_equal(logs(place).waiting, 0);
	assert_int_equal(logs(place).accepted + logs(place).dropped_full, RECORDS);
}

/* A spool anew, in which there is this record alone. */
static void write_spool(struct place *place, const struct hadal_spool_entry *entry)
{
	const struct hadal_spool_config config = {
		.directory = place->directory, .bytes = 1 << 20, .age_ms = LIMIT_MS,
	};
	static const uint8_t run[HADAL_SPOOL_RUN_SIZE], boot[SPOOL_BOOT_SIZE], data[1];
	const int directory = open(place->directory, O_RDONLY | O_DIRECTORY);
	struct hadal_spool_entry whole = *entry;
	struct spool_segment *segment;
	struct spool_slot slot;

	hadal_spool_close(place->spool);
	assert_true(directory >= 0);
	whole.size = sizeof(data);
	assert_int_equal(spool_segment_create(directory, entry->sequence, run, boot, &segment), 0);
	assert_int_equal(spool_segment_write(segment, &whole, data, &slot), 0);
	spool_segment_free(segment);
	close(directory);
	assert_int_equal(hadal_spool_open(&config, &place->spool), 0);
}

static void expect_account(struct place *place, enum hadal_signal signal, uint64_t waiting, uint64_t old)
{
	struct hadal_sink_stats stats;

	hadal_sink_stats(place->sink, &stats);
	assert_int_equal(stats.signal[signal].waiting, waiting);
	assert_int_equal(stats.signal[signal].dropped_old, old);
	assert_int_equal(stats.signal[signal].submitted, waiting + old);
}

/* Of a record whose metrics were delivered in an earlier life, the rest is lost: nothing that was taken is. */
static void what_was_settled_before_is_not_lost(void **state)
{
	const struct hadal_spool_entry entry = {
		.sequence = 5, .items = { [HADAL_SIGNAL_METRICS] = 500, [HADAL_SIGNAL_LOGS] = 3 },
	};
	const struct hadal_sink_state before = { .position = 5, .settled = { [HADAL_SIGNAL_METRICS] = 500 } };
	struct place *place = *state;
	struct hadal_sink *first;

	if (!place->directory[0])
		skip();
	end_sink(place);
	write_spool(place, &entry);
	assert_int_equal(hadal_sink_state_write(place->directory, "held", &before), 0);
	make_sink(place);
	hadal_sink_find_position(place->sink);
	expect_account(place, HADAL_SIGNAL_METRICS, 0, 0);
	expect_account(place, HADAL_SIGNAL_LOGS, 3, 0);
	/* By SIGHUP another takes its place. */
	first = place->sink;
	make_sink(place);
	hadal_sink_inherit(place->sink, first);
	hadal_sink_free(first);
	hadal_sink_lost(place->sink, &entry, HADAL_SPOOL_OLD);
	expect_account(place, HADAL_SIGNAL_METRICS, 0, 0);
	expect_account(place, HADAL_SIGNAL_LOGS, 0, 3);
}

#define TEST_WITH(function, up) cmocka_unit_test_setup_teardown(function, up, tear_down)
#define TEST(function) TEST_WITH(function, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(giving_way_it_waits_for_the_answer_and_begins_nothing),
		TEST(giving_way_it_waits_no_longer_than_it_may),
		TEST(stopping_it_sends_the_rest),
		TEST_WITH(on_a_full_disk_it_moves_on, set_up_disk),
		TEST_WITH(after_a_full_disk_totals_begin_anew, set_up_disk_and_lines),
		TEST_WITH(what_memory_has_no_room_for_is_all_that_is_lost, set_up_busy_disk),
		TEST_WITH(what_was_settled_before_is_not_lost, set_up_disk),
		TEST_WITH(no_wait_that_is_asked_for_makes_no_loop, set_up_busy),
		TEST_WITH(a_date_is_by_the_clock_of_who_tells_it, set_up_busy_for_a_second),
	};

	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
