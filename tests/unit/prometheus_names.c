/* SPDX-License-Identifier: MIT */
/*
 * Names: those of the specification's rules, and that docs/prometheus.md has each
 * metric that is shipped under the name it gets. Run from the root of the tree.
 */
#include <glob.h>
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prometheus_names.h"
#include "text_file.h"

#define PAGE		"docs/prometheus.md"
#define SOURCES		"userspace/collector/export*.c"

static void expect(const char *name, const char *unit, enum hadal_metric_kind kind, const char *family,
		   const char *unit_in_words)
{
	const struct hadal_metric_info info = { .name = name, .unit = unit, .kind = kind };
	struct prometheus_name got;

	prometheus_name(&info, &got);
	assert_string_equal(got.family, family);
	assert_string_equal(got.unit, unit_in_words);
}

static void units_come_in_words(void **state)
{
	(void)state;
	expect("hadal.tcp.io", "By", HADAL_COUNTER, "hadal_tcp_io_bytes", "bytes");
	expect("hadal.tcp.rtt", "s", HADAL_EXPONENTIAL_HISTOGRAM, "hadal_tcp_rtt_seconds", "seconds");
	expect("a.rate", "By/s", HADAL_GAUGE, "a_rate_bytes_per_second", "bytes_per_second");
	expect("a.rate", "{packet}/s", HADAL_GAUGE, "a_rate_per_second", "per_second");
	expect("a.count", "{connection}", HADAL_COUNTER, "a_count", "");
	expect("a.share", "1", HADAL_GAUGE, "a_share_ratio", "ratio");
	expect("a.share", "1", HADAL_COUNTER, "a_share", "");
	expect("a.share", "1", HADAL_UP_DOWN_COUNTER, "a_share", "");
	expect("a", "fortnight", HADAL_GAUGE, "a_fortnight", "fortnight");
	expect("a", "", HADAL_GAUGE, "a", "");
	expect("a", NULL, HADAL_GAUGE, "a", "");
	expect("a", "/s", HADAL_GAUGE, "a_per_second", "per_second");
	expect("a", "s/", HADAL_GAUGE, "a_seconds", "seconds");
}

static void a_unit_that_is_there_is_not_said_twice(void **state)
{
	(void)state;
	expect("process.cpu.seconds", "s", HADAL_COUNTER, "process_cpu_seconds", "seconds");
	expect("seconds.spent", "s", HADAL_COUNTER, "seconds_spent", "");
	expect("nanoseconds.spent", "s", HADAL_COUNTER, "nanoseconds_spent_seconds", "seconds");
	expect("a.seconds_of", "s", HADAL_COUNTER, "a_seconds_of", "");
}

static void total_is_of_series_not_of_families(void **state)
{
	(void)state;
	expect("requests.total", "1", HADAL_COUNTER, "requests", "");
	expect("memory.total", "By", HADAL_GAUGE, "memory_total_bytes", "bytes");
}

static void what_is_not_allowed_becomes_one_underscore(void **state)
{
	(void)state;
	expect("a..b--c", "1", HADAL_COUNTER, "a_b_c", "");
	expect("9.lives", "1", HADAL_COUNTER, "_9_lives", "");
	expect("gr\xc3\xb6\xc3\x9f" "e:x", "1", HADAL_COUNTER, "gr_e_x", "");
}

static void long_names_leave_room_for_what_comes_behind(void **state)
{
	char name[2 * PROMETHEUS_NAME_SIZE], series[PROMETHEUS_NAME_SIZE];
	const struct hadal_metric_info info = { .name = name, .unit = "s", .kind = HADAL_HISTOGRAM };
	struct prometheus_name got;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	prometheus_name(&info, &got);
	assert_true((size_t)snprintf(series, sizeof(series), "%s_bucket", got.family) < sizeof(series));
	assert_string_equal(got.unit, "");
}

static void expect_label(const char *key, const char *label)
{
	char got[PROMETHEUS_NAME_SIZE];

	prometheus_label_name(key, got, sizeof(got));
	assert_string_equal(got, label);
}

static void labels(void **state)
{
	char short_one[6];

	(void)state;
	expect_label("server.port", "server_port");
	expect_label("network.io.direction", "network_io_direction");
	expect_label("job", "exported_job");
	expect_label("instance", "exported_instance");
	expect_label("le", "exported_le");
	expect_label("__name__", "key_name_");
	expect_label("_private", "key_private");
	expect_label("3com", "key_3com");
	expect_label("\xc3\xa4", "key_");
	expect_label("Upper.Case", "Upper_Case");
	prometheus_label_name("server.port", short_one, sizeof(short_one));
	assert_string_equal(short_one, "serve");
}

/* ---- the page ---- */

static const char *type_word(const struct prometheus_name *name)
{
	return name->type == PROMETHEUS_COUNTER ? "counter" : name->type == PROMETHEUS_GAUGE ? "gauge" : "histogram";
}

static enum hadal_metric_kind kind_of(const char *text)
{
	static const char *const kinds[] = {
		[HADAL_COUNTER] = "COUNTER",
		[HADAL_UP_DOWN_COUNTER] = "UP_DOWN_COUNTER",
		[HADAL_GAUGE] = "GAUGE",
		[HADAL_HISTOGRAM] = "HISTOGRAM",
		[HADAL_EXPONENTIAL_HISTOGRAM] = "EXPONENTIAL_HISTOGRAM",
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i], text) == 0)
			return (enum hadal_metric_kind)i;
	fail_msg("no kind is called %s", text);
	return HADAL_GAUGE;
}

struct found {
	char *page;
	unsigned int count, missing;
};

static char *taken(const char *text, regmatch_t match)
{
	return strndup(text + match.rm_so, (size_t)(match.rm_eo - match.rm_so));
}

/* All that are missing are told, as the rows that they should be. */
static void look_for_row(struct found *found, const struct hadal_metric_info *info)
{
	struct prometheus_name name;
	char row[1024];

	prometheus_name(info, &name);
	snprintf(row, sizeof(row), "| `%s` | `%s%s` | %s |", info->name, name.family,
		 name.type == PROMETHEUS_COUNTER ? "_total" : "", type_word(&name));
	found->count++;
	if (strstr(found->page, row))
		return;
	found->missing++;
	fprintf(stderr, "%s lacks: %s\n", PAGE, row);
}

/* Each { "name", "unit", "description", HADAL_KIND of a source. */
static void look_for_metrics(struct found *found, const char *path)
{
	static const char pattern[] = "[{][[:space:]]*\"([a-z0-9_.]+)\",[[:space:]]*\"([^\"]*)\","
				      "[[:space:]]*\"[^\"]*\",[[:space:]]*HADAL_([A-Z_]+)";
	char *text = read_file(path);
	regmatch_t match[4];
	regex_t regex;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED), 0);
	for (const char *at = text; !regexec(&regex, at, 4, match, 0); at += match[0].rm_eo) {
		char *name = taken(at, match[1]), *unit = taken(at, match[2]), *kind = taken(at, match[3]);

		look_for_row(found, &(struct hadal_metric_info){ .name = name, .unit = unit, .kind = kind_of(kind) });
		free(name);
		free(unit);
		free(kind);
	}
	regfree(&regex);
	free(text);
}

static unsigned int rows_of(const char *page)
{
	unsigned int count = 0;

	for (const char *at = page; (at = strstr(at, "\n| `")); at++)
		count += strstr(at, "` | `") && strstr(at, "` | `") < strchr(at + 1, '\n');
	return count;
}

static void the_page_has_every_metric(void **state)
{
	struct found found = { .page = read_file(PAGE) };
	glob_t sources;

	(void)state;
	assert_int_equal(glob(SOURCES, 0, NULL, &sources), 0);
	for (size_t i = 0; i < sources.gl_pathc; i++)
		look_for_metrics(&found, sources.gl_pathv[i]);
	globfree(&sources);
	assert_int_equal(found.missing, 0);
	assert_true(found.count > 50);
	/* The two forms of each of two histograms have one row. */
	assert_int_equal(rows_of(found.page), found.count - 2);
	free(found.page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_come_in_words),
		cmocka_unit_test(a_unit_that_is_there_is_not_said_twice),
		cmocka_unit_test(total_is_of_series_not_of_families),
		cmocka_unit_test(what_is_not_allowed_becomes_one_underscore),
		cmocka_unit_test(long_names_leave_room_for_what_comes_behind),
		cmocka_unit_test(labels),
		cmocka_unit_test(the_page_has_every_metric),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
