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

#include "config_keys.c"	/* what each key sets is its own */
#include "counts.h"
#include "export_usage.h"
#include "text_file.h"

#define CONFIGURATION	"docs/configuration.md"
#define METRICS		"docs/metrics.md"
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

/* Whether @value is what @config has: to set it changes nothing. Of a string it has its own, at another address. */
static bool is_default(struct config *config, const struct config_option *option, const char *value)
{
	size_t values = offsetof(struct config, origin);
	unsigned char before[sizeof(*config)];
	const char *string;

	if (strcmp(option->key, "module.device") == 0)
		return !config->device && strcmp(HADAL_DEVICE_PATH, value) == 0;
	if (option->type == OPTION_STRING) {
		string = *(char **)((char *)config + option->offset);
		return string && strcmp(string, value) == 0;
	}
	if (strcmp(option->key, "ec2.metadata") == 0)
		return strcmp(config->ec2_metadata, value) == 0;
	memcpy(before, config, values);
	config_set(config, "test", option, value);
	assert_int_equal(config->errors, 0);
	return memcmp(before, config, values) == 0;
}

/* Whether it is as if it were not set: no text, none of what it lists, 0. */
static bool is_nothing(const struct config *config, const struct config_option *option)
{
	static const uint8_t zeros[CONFIG_KEY_SIZE];
	static const struct {
		const char *key;
		size_t count;
	} lists[] = {
		{ "otlp.headers", offsetof(struct config, header_count) },
		{ "otlp.metrics_headers", offsetof(struct config, header_count) },
		{ "otlp.logs_headers", offsetof(struct config, header_count) },
		{ "filter.cgroups", offsetof(struct config, filter_cgroup_count) },
		{ "filter.ports", offsetof(struct config, filter_port_count) },
		{ "filter.not_ports", offsetof(struct config, filter_not_port_count) },
		{ "peers.networks", offsetof(struct config, network_count) },
		{ "peers.load_balancers", offsetof(struct config, balancer_count) },
		{ "proxies.executables", offsetof(struct config, proxy_executable_count) },
	};

	if (option->type == OPTION_STRING)
		return !*(char **)((char *)config + option->offset);
	if (strcmp(option->key, "module.connection_key") == 0)
		return memcmp(config->connection_key, zeros, sizeof(zeros)) == 0;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (strcmp(lists[i].key, option->key) == 0)
			return !*(unsigned int *)((char *)config + lists[i].count);
	}
	return false;
}

/* "| `KEY`, `KEY` | `DEFAULT`, `DEFAULT` |": a value for each key; words: what comes of it if nothing is set. */
static unsigned int check_defaults(struct config *config, char *keys, char *defaults)
{
	bool literal = *defaults == '`';
	unsigned int count = 0;

	for (char *key = strtok(keys, "` ,"); key; key = strtok(NULL, "` ,")) {
		char *dot = strchr(key, '.'), *end = literal ? strchr(defaults + 1, '`') : NULL;
		const struct config_option *option;

		if (!dot)
			continue;
		*dot = '\0';
		option = config_find(key, dot + 1);
		assert_non_null(option);
		if (end)
			*end = '\0';
		if (end ? !is_default(config, option, defaults + 1) : !is_nothing(config, option))
			fail_msg("%s: its default is not '%s', as %s has it", option->key, defaults + literal, CONFIGURATION);
		if (end) {
			*end = '`';
			defaults = strncmp(end, "`, `", 4) == 0 ? end + 3 : defaults;
		}
		count++;
	}
	return count;
}

static void defaults_are_documented(void **state)
{
	char *page = read_file(CONFIGURATION), *next;
	unsigned int found = 0, keys = 0;
	struct config config;

	(void)state;
	config_default(&config, stderr);
	for (char *row = page; row; row = next) {
		char *second, *end;

		next = strchr(row, '\n');
		if (next)
			*next++ = '\0';
		if (strncmp(row, "| `", 3))
			continue;
		second = strstr(row, " | ");
		assert_non_null(second);
		*second = '\0';
		end = strstr(second + 3, " |");
		assert_non_null(end);
		*end = '\0';
		found += check_defaults(&config, row + 2, second + 3);
	}
	while (config_key(keys))
		keys++;
	assert_int_equal(found, keys);
	config_free(&config);
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

/* Where names of what is shipped stand; those of the last alone are not all shipped in metrics. */
static const char *const name_sources[] = {
	"userspace/collector/export.c", "userspace/collector/export_info.c", "userspace/collector/export_usage.c",
	"userspace/collector/export_self.c", "userspace/collector/export_processes.c",
	"userspace/libhadal/include/hadal/names.h",
};

enum { NAME_SOURCES = sizeof(name_sources) / sizeof(name_sources[0]) };

#define NAME_FAMILIES	"(hadal|service|cloud|host|aws|network|server|process|container|oci|system|cpu|disk)"

static void is_shipped(void *context, const char *name)
{
	char **sources = context;

	for (unsigned int i = 0; i < NAME_SOURCES; i++) {
		if (is_quoted(sources[i], name, '"'))
			return;
	}
	fail_msg("%s is in %s and is not shipped", name, METRICS);
}

static void names_are_documented(void **state)
{
	char *page = read_file(METRICS), *sources[NAME_SOURCES];
	unsigned int found = 0;

	(void)state;
	for (unsigned int i = 0; i < NAME_SOURCES; i++) {
		sources[i] = read_file(name_sources[i]);
		if (i + 1 < NAME_SOURCES)
			found += each_match(sources[i], "\"(" NAME_FAMILIES "[.][a-z0-9_.]+)\"", is_on_the_page, page);
	}
	assert_true(found > 66);
	assert_true(each_match(page, "`(" NAME_FAMILIES "[.][a-z0-9_.]+)`", is_shipped, sources) > 60);
	for (unsigned int i = 0; i < NAME_SOURCES; i++)
		free(sources[i]);
	free(page);
}

/* "| `NAME` | UNIT | PROFILE |", of what is used; which profile has it is the code's to say. */
static void profiles_are_documented(void **state)
{
	char *page = read_file(METRICS), row[256];
	const struct hadal_metric_info *info;
	bool full;

	(void)state;
	for (size_t i = 0; (info = export_usage_metric(i, &full)); i++) {
		snprintf(row, sizeof(row), "| `%s` | %s | %s, `%s` |", info->name, full ? "full" : "services",
			 info->kind == HADAL_COUNTER ? "counter" : info->kind == HADAL_GAUGE ? "gauge" : "up-down counter",
			 info->unit);
		if (!strstr(page, row))
			fail_msg("not in %s: %s", METRICS, row);
	}
	free(page);
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
		cmocka_unit_test(defaults_are_documented),
		cmocka_unit_test(variables_are_documented),
		cmocka_unit_test(the_packaged_file_is_in_order),
		cmocka_unit_test(names_are_documented),
		cmocka_unit_test(profiles_are_documented),
		cmocka_unit_test(incidents_are_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
