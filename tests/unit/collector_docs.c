/* SPDX-License-Identifier: MIT */
/*
 * The collector and its pages name the same things: keys, variables, metrics,
 * attributes, incidents. Run from the root of the tree.
 */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "counts.h"
#include "text_file.h"

#define CONFIGURATION	"docs/configuration.md"
#define METRICS		"docs/metrics.md"
#define EXPORT		"userspace/collector/export.c"
#define NAMES		"userspace/libhadal/include/hadal/names.h"
#define EXAMPLE		"packaging/hadald.conf"

/* Calls @each for what the one group of @pattern takes, all over @text; returns how often. */
static unsigned int each_match(const char *text, const char *pattern,
			       void (*each)(void *context, const char *name), void *context)
{
	unsigned int count = 0;
	regmatch_t match[2];
	regex_t regex;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED), 0);
	for (; !regexec(&regex, text, 2, match, 0); text += match[1].rm_eo, count++) {
		char *name = strndup(text + match[1].rm_so, (size_t)(match[1].rm_eo - match[1].rm_so));

		each(context, name);
		free(name);
	}
	regfree(&regex);
	return count;
}

/* The same in the first cells of the rows of the tables in @text, which is cut to pieces. */
static unsigned int each_in_rows(char *text, const char *pattern,
				 void (*each)(void *context, const char *name), void *context)
{
	unsigned int count = 0;

	for (char *row = strtok(text, "\n"); row; row = strtok(NULL, "\n")) {
		char *cell = row[0] == '|' ? strchr(row + 1, '|') : NULL;

		if (!cell)
			continue;
		*cell = '\0';
		count += each_match(row, pattern, each, context);
	}
	return count;
}

/* ---- configuration ---- */

static void is_key(void *context, const char *name)
{
	(void)context;
	for (size_t i = 0; config_key(i); i++) {
		if (strcmp(config_key(i), name) == 0)
			return;
	}
	fail_msg("%s is in %s and is no key", name, CONFIGURATION);
}

static void keys_are_documented(void **state)
{
	char *page = read_file(CONFIGURATION);

	(void)state;
	for (size_t i = 0; config_key(i); i++) {
		if (!is_quoted(page, config_key(i), '`'))
			fail_msg("%s is not in %s", config_key(i), CONFIGURATION);
	}
	assert_true(each_in_rows(page, "`([a-z]+[.][a-z_]+)`", is_key, NULL) > 30);
	free(page);
}

/* The page shortens the names of one family to what differs. */
static void variables_are_documented(void **state)
{
	static const char family[] = "OTEL_EXPORTER_OTLP_";
	char *page = read_file(CONFIGURATION), tail[128];

	(void)state;
	for (size_t i = 0; config_key(i); i++) {
		const char *name = config_environment(i);

		if (!name || is_quoted(page, name, '`'))
			continue;
		assert_int_equal(strncmp(name, family, strlen(family)), 0);
		snprintf(tail, sizeof(tail), "..._%s", name + strlen(family));
		if (!is_quoted(page, tail, '`'))
			fail_msg("%s is not in %s", name, CONFIGURATION);
	}
	free(page);
}

/* What the packaged file shows is taken, each line of it. */
static void the_packaged_file_is_in_order(void **state)
{
	char *text = read_file(EXAMPLE), path[] = "/tmp/hadald-docs.XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct config config;

	(void)state;
	assert_non_null(file);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		fprintf(file, "%s\n", line[0] == '#' && line[1] != ' ' ? line + 1 : line);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(config_load(&config, path, stderr), 0);
	assert_string_equal(config.endpoint, "https://collector.example:4318");
	assert_int_equal(config.network_count, 2);
	config_free(&config);
	unlink(path);
	free(text);
}

/* ---- metrics ---- */

static void is_on_the_page(void *context, const char *name)
{
	if (!is_quoted(context, name, '`'))
		fail_msg("%s is shipped and not in %s", name, METRICS);
}

struct sources {
	const char *export, *names;
};

static void is_shipped(void *context, const char *name)
{
	const struct sources *sources = context;

	if (!is_quoted(sources->export, name, '"') && !is_quoted(sources->names, name, '"'))
		fail_msg("%s is in %s and is not shipped", name, METRICS);
}

static void names_are_documented(void **state)
{
	char *page = read_file(METRICS), *export = read_file(EXPORT), *names = read_file(NAMES);
	struct sources sources = { export, names };

	(void)state;
	assert_true(each_match(export, "\"((hadal|service|cloud|host|aws|network)[.][a-z_.]+)\"", is_on_the_page,
			       page) > 30);
	assert_true(each_match(page, "`((hadal|service|cloud|host|aws|network|server)[.][a-z_.]+)`", is_shipped,
			       &sources) > 30);
	free(page);
	free(export);
	free(names);
}

/* ---- incidents ---- */

static void is_incident(void *context, const char *name)
{
	(void)context;
	for (unsigned int i = 0; i < COUNTS; i++) {
		if (strcmp(count_name(i), name) == 0)
			return;
	}
	fail_msg("%s is in %s and is never counted", name, METRICS);
}

static void incidents_are_documented(void **state)
{
	char *page = read_file(METRICS), *table, *end;

	(void)state;
	table = strstr(page, "| incident |");
	assert_non_null(table);
	end = strstr(table, "\n\n");
	assert_non_null(end);
	*end = '\0';
	for (unsigned int i = 0; i < COUNTS; i++) {
		if (!is_quoted(table, count_name(i), '`'))
			fail_msg("%s is not in %s", count_name(i), METRICS);
	}
	assert_int_equal(each_in_rows(table, "`([a-z_]+)`", is_incident, NULL), COUNTS);
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_documented),
		cmocka_unit_test(variables_are_documented),
		cmocka_unit_test(the_packaged_file_is_in_order),
		cmocka_unit_test(names_are_documented),
		cmocka_unit_test(incidents_are_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
