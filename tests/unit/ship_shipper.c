// SPDX-License-Identifier: MIT
/* A shipper as a whole, from what is submitted to what it says and counts. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "ship.h"
#include "sink.h"

enum { LONG_MS = 600 * 1000, SHORT_MS = 2400 };

struct place {
	char directory[64], lines[96], spool[96];
	char messages[4096];
	unsigned int backoff_ms;	/* 0: LONG_MS */
	struct hadal_shipper *shipper;
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->directory, "/tmp/hadal-shipper.XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char command[128];

	hadal_shipper_stop(place->shipper, 0, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", place->directory);
	assert_int_equal(system(command), 0);
	free(place);
	return 0;
}

static void note(void *context, enum hadal_ship_log_level level, const char *message)
{
	struct place *place = context;
	const size_t length = strlen(place->messages);

	(void)level;
	snprintf(place->messages + length, sizeof(place->messages) - length, "%s\n", message);
}

/* To lines in a file of @below the place; a directory that is not there makes it wait. */
static void start(struct place *place, const char *below, struct hadal_shipper_config config)
{
	const struct hadal_sink_config sink = {
		.name = "lines", .kind = "json_lines", .settings = { { "path", place->lines } }, .setting_count = 1,
		.ship = { .backoff_first_ms = place->backoff_ms ?: LONG_MS, .backoff_max_ms = place->backoff_ms ?: LONG_MS },
	};
	char error[256];

	snprintf(place->lines, sizeof(place->lines), "%s/%s", place->directory, below);
	config.sinks = &sink;
	config.sink_count = 1;
	config.log = note;
	config.log_context = place;
	assert_int_equal(hadal_shipper_new(&config, &place->shipper, error, sizeof(error)), 0);
}

static int stop(struct place *place, unsigned int deadline_ms, struct hadal_ship_signal_stats *stats)
{
	struct hadal_shipper *shipper = place->shipper;
	struct hadal_ship_stats all;
	int ret;

	place->shipper = NULL;
	ret = hadal_shipper_stop(shipper, deadline_ms, &all);
	*stats = all.sink[0].signal[HADAL_SIGNAL_METRICS];
	return ret;
}

static int submit(struct place *place, unsigned int points)
{
	static const struct hadal_metric_info info = { "hadal.test", "1", "Of a test", HADAL_COUNTER };
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_metric *metric;

	assert_non_null(batch);
	metric = hadal_resource_metric(hadal_batch_resource(batch, NULL), &info);
	for (unsigned int i = 0; i < points; i++) {
		const struct hadal_point point = {
			.attributes = HADAL_ATTRIBUTES(batch, hadal_int("number", i)), .start_time = 1, .time = 2,
		};

		hadal_metric_add_int(metric, &point, 1);
	}
	return hadal_shipper_submit(place->shipper, batch);
}

static void a_batch_that_no_queue_holds_is_told_of(void **state)
{
	static const char said[] = "larger than half of otlp.queue, which is 1048576: its 10000 points and 0 log records are dropped";
	struct hadal_ship_signal_stats stats;
	struct place *place = *state;
	const char *first;

	start(place, "lines", (struct hadal_shipper_config){ .queue_bytes = 2 << 20 });
	assert_int_equal(submit(place, 10000), -ENOBUFS);
	assert_int_equal(submit(place, 10000), -ENOBUFS);
	assert_int_equal(submit(place, 1), 0);
	assert_int_equal(stop(place, LONG_MS, &stats), 0);
	assert_int_equal(stats.dropped_oversize, 20000);
	assert_int_equal(stats.accepted, 1);
	first = strstr(place->messages, said);
	assert_non_null(first);
	assert_null(strstr(first + 1, said));
}

/* Somebody else's, on a port that the kernel chose. */
static int listening(unsigned int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static void an_address_that_is_taken_is_told_of(void **state)
{
	struct hadal_sink_config sink = { .name = "asked", .kind = "scrape", .setting_count = 1 };
	char address[32], said[256], error[256];
	struct place *place = *state;
	const struct hadal_shipper_config config = { .sinks = &sink, .sink_count = 1, .log = note, .log_context = place };
	struct hadal_ship_signal_stats stats;
	unsigned int port;
	const int fd = listening(&port);

	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	sink.settings[0] = (struct hadal_sink_setting){ "address", address };
	assert_int_equal(hadal_shipper_new(&config, &place->shipper, error, sizeof(error)), 0);
	assert_int_equal(submit(place, 3), 0);
	assert_int_equal(submit(place, 3), 0);
	assert_int_equal(stop(place, LONG_MS, &stats), 0);
	close(fd);
	assert_int_equal(stats.dropped_failed, 6);
	snprintf(said, sizeof(said), "asked: 3 points or records could not be encoded and were dropped: cannot serve at %s: Address already in use\n",
		 address);
	assert_string_equal(place->messages, said);
}

/* What the spool's directory would be in. */
static const char *parent_of(const struct place *place)
{
	static char parent[80];

	snprintf(parent, sizeof(parent), "%s/later", place->directory);
	return parent;
}

/* Without a directory for the spool, and with a record that cannot be delivered. */
static void start_without_directory(struct place *place, struct hadal_shipper_config *config)
{
	struct hadal_ship_stats all;

	snprintf(place->spool, sizeof(place->spool), "%s/spool", parent_of(place));
	*config = (struct hadal_shipper_config){ .spool_directory = place->spool, .spool_retry_ms = LONG_MS };
	start(place, "never/lines", *config);
	assert_int_equal(submit(place, 3), 0);
	do {
		hadal_shipper_stats(place->shipper, &all);
	} while (!all.sink[0].last_error_time);
}

/* Nothing was lost, and the next run delivers it. */
static void end_and_go_on(struct place *place, unsigned int deadline_ms, struct hadal_shipper_config config)
{
	struct hadal_ship_signal_stats stats;
	struct hadal_ship_stats all;

	assert_int_equal(stop(place, deadline_ms, &stats), 0);
	assert_int_equal(stats.dropped_stop, 0);
	assert_int_equal(stats.waiting, 3);
	start(place, "lines", config);
	hadal_shipper_stats(place->shipper, &all);
	assert_int_equal(all.sink[0].signal[HADAL_SIGNAL_METRICS].recovered, 3);
	assert_int_equal(stop(place, LONG_MS, &stats), 0);
	assert_int_equal(stats.accepted, 3);
}

/* It comes back between two tries: what waits in memory is written at the end. */
static void what_can_be_written_at_the_end_is_not_lost(void **state)
{
	struct place *place = *state;
	struct hadal_shipper_config config;

	start_without_directory(place, &config);
	assert_int_equal(mkdir(parent_of(place), 0700), 0);
	end_and_go_on(place, 0, config);
}

static void *come_late(void *context)
{
	const struct timespec pause = { .tv_nsec = SHORT_MS / 3 * 1000000 };

	nanosleep(&pause, NULL);
	return mkdir(parent_of(context), 0700) ? context : NULL;
}

/* While sinks have their time: then also where they are is still to be written. */
static void nor_is_what_can_be_written_during_the_end(void **state)
{
	struct place *place = *state;
	struct hadal_shipper_config config;
	pthread_t thread;
	void *failed;

	place->backoff_ms = SHORT_MS / 20;
	start_without_directory(place, &config);
	assert_int_equal(pthread_create(&thread, NULL, come_late, place), 0);
	end_and_go_on(place, SHORT_MS, config);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_batch_that_no_queue_holds_is_told_of, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_can_be_written_at_the_end_is_not_lost, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nor_is_what_can_be_written_during_the_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_address_that_is_taken_is_told_of, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
