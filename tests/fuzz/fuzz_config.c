// SPDX-License-Identifier: MIT
/*
 * Configuration files. Each is taken or told to be wrong, with its name and a line;
 * what was taken keeps its bounds.
 */
#include <assert.h>
#include <string.h>

#include "config.h"
#include "fuzz.h"

#define NAME	"fuzz.conf"

static void check(const struct config *config)
{
	assert(config->header_count <= CONFIG_HEADERS);
	assert(config->network_count <= CONFIG_NETWORKS && config->balancer_count <= CONFIG_NETWORKS);
	assert(config->filter_cgroup_count <= CONFIG_CGROUPS);
	assert(config->filter_port_count <= HADAL_FILTER_PORTS && config->filter_not_port_count <= HADAL_FILTER_PORTS);
	assert(config->interval >= 1 && config->interval <= 3600);
	assert(config->timeout >= 1000 && config->timeout <= 600000);
	assert(config->edges_host >= 1 && config->argv_max <= 4096);
	for (unsigned int i = 0; i < config->filter_cgroup_count; i++)
		assert(config->filter_cgroups[i][0] == '/');
}

/* Each line begins with the file's name; values in it may themselves have newlines: none, since lines have none. */
static void check_report(const char *report, unsigned int errors)
{
	unsigned int lines = 0;

	for (; *report; report = strchr(report, '\n') + 1, lines++)
		assert(strncmp(report, NAME ":", strlen(NAME ":")) == 0 && strchr(report, '\n'));
	assert(lines == errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy, *told = NULL;
	struct config config;
	FILE *file, *report;
	size_t told_size;

	if (!size)
		return 0;
	copy = fuzz_copy(data, size);
	file = fmemopen(copy, size, "r");
	report = open_memstream(&told, &told_size);
	if (!file || !report)
		abort();
	config_default(&config, report);
	config_read(&config, file, NAME);
	fclose(file);
	fclose(report);
	check(&config);
	if (!memchr(data, '\0', size))
		check_report(told, config.errors);
	config_free(&config);
	free(told);
	free(copy);
	return 0;
}
