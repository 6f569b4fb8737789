// SPDX-License-Identifier: MIT
/* What an interval's end ships where the host's description has changed since the one before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector_parts.h"
#include "model_fixture.h"
#include "sink.h"
#include "text_file.h"

enum { STOP_MS = 60 * 1000 };

static int own_stats(struct source *source, struct hadal_stats *stats)
{
	(void)source;
	stats->class_stats[HADAL_CLASS_TCP] = (struct hadal_class_stats){ .produced = 70, .delivered = 70 };
	return 0;
}

static const struct source_ops ops = { .stats = own_stats };
static struct source source = { .ops = &ops, .state = "loaded", .version = "0", .reason = "", .limits = "" };

/* One that ships increments, to @path. */
static void open_collector(struct collector *collector, struct world *world, const char *path)
{
	const struct hadal_sink_config sink = {
		.name = "lines", .kind = "json_lines", .delta = true, .settings = { { "path", path } }, .setting_count = 1,
	};
	const struct hadal_shipper_config config = { .sinks = &sink, .sink_count = 1 };
	char error[256];

	world_open(world, NULL);
	*collector = (struct collector){ .model = world->model, .choice.source = &source, .start_time = 1 };
	config_default(&collector->config, stderr);
	free(collector->config.host_id);
	collector->config.host_id = strdup("h-1");
	assert_int_equal(hadal_shipper_new(&config, &collector->shipper, error, sizeof(error)), 0);
}

static void close_collector(struct collector *collector)
{
	assert_int_equal(hadal_shipper_stop(collector->shipper, STOP_MS, NULL), 0);
	config_free(&collector->config);
	model_free(collector->model);
}

static void call_host(struct collector *collector, const char *name)
{
	free(collector->config.host_name);
	collector->config.host_name = strdup(name);
	assert_non_null(collector->config.host_name);
}

static bool has(const char *line, const char *text)
{
	return strstr(line, text);
}

static void time_of(const char *line, char *time, size_t size)
{
	const char *at = strstr(line, "\"timestamp\":\"");

	assert_non_null(at);
	snprintf(time, size, "%.30s", at + strlen("\"timestamp\":\""));
}

struct seen {
	char last_end[32], first_after[32];	/* as text they sort like times */
	unsigned int ends, before, after;
};

static void look_at(struct seen *seen, const char *line)
{
	const bool counts = has(line, "\"hadal.collector.records\"") && has(line, "\"delivered\"");
	char time[32];

	time_of(line, time, sizeof(time));
	if (has(line, "\"ended\":true")) {
		seen->ends++;
		assert_true(has(line, "\"before\""));
		if (strcmp(time, seen->last_end) > 0)
			strcpy(seen->last_end, time);
		return;
	}
	if (has(line, "\"after\"") && (!seen->first_after[0] || strcmp(time, seen->first_after) < 0))
		strcpy(seen->first_after, time);
	if (counts && has(line, "\"before\"")) {
		assert_true(has(line, seen->before ? "\"value\":0" : "\"value\":70"));
		seen->before++;
	} else if (counts) {
		assert_true(has(line, "\"after\""));
		assert_true(has(line, "\"value\":0"));
		seen->after++;
	}
}

/*
 * A receiver that does not look at the host's name has one series of both: an end and a value
 * at the same time are two points of it. What hadald has counted is told once.
 */
static void another_description_ends_before_it_begins(void **state)
{
	char path[] = "/tmp/hadal-interval.XXXXXX", *text, *rest, *line;
	struct collector collector;
	struct seen seen = { .ends = 0 };
	struct world world;
	const int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	open_collector(&collector, &world, path);
	call_host(&collector, "before");
	collector_finish_interval(&collector);
	collector_finish_interval(&collector);
	call_host(&collector, "after");
	collector_finish_interval(&collector);
	collector_finish_interval(&collector);
	close_collector(&collector);
	text = rest = read_file(path);
	unlink(path);
	while ((line = strsep(&rest, "\n")) && *line)
		look_at(&seen, line);
	free(text);
	assert_int_not_equal(seen.ends, 0);
	assert_int_equal(seen.before, 2);
	assert_int_equal(seen.after, 2);
	assert_true(strcmp(seen.last_end, seen.first_after) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_description_ends_before_it_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
