/* SPDX-License-Identifier: MIT */
#include "collector_setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_parts.h"
#include "config_values.h"

/* ---- the environment that systemd gives hadald ---- */

/* VALUE, 'VALUE' or "VALUE", as systemd's EnvironmentFile has them. */
static char *unquote(char *value)
{
	size_t length = strlen(value);

	if (length < 2 || (*value != '"' && *value != '\'') || value[length - 1] != *value)
		return value;
	value[length - 1] = '\0';
	return value + 1;
}

void collector_environment(const struct host *host, void (*take)(void *context, const char *name, const char *value),
			   void *context)
{
	char path[PATH_MAX], line[16384], *name, *equals;
	FILE *file;

	host_path(host, path, COLLECTOR_ENVIRONMENT);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		name = config_trim(line);
		equals = strchr(name, '=');
		if (*name == '#' || *name == ';' || !equals)
			continue;
		*equals = '\0';
		take(context, config_trim(name), unquote(config_trim(equals + 1)));
	}
	if (file)
		fclose(file);
	explicit_bzero(line, sizeof(line));
}

static void set_variable(void *context, const char *name, const char *value)
{
	(void)context;
	if (*name)
		setenv(name, value, 1);
}

/* LoadCredential=hadal-token takes it from there. */
static void find_credential(const struct host *host)
{
	static const char *const stores[] = { "/etc/credstore", "/run/credstore" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		if (!host_has(host, "%s/hadal-token", stores[i]))
			continue;
		host_path(host, path, "%s", stores[i]);
		setenv("CREDENTIALS_DIRECTORY", path, 0);
	}
}

/* ---- the configuration ---- */

/* What the reading of the configuration says, a line for each thing that is wrong. */
struct report {
	FILE *file;
	char *text;
	size_t length;
};

static void first_line(const struct report *report, size_t from, char *text, size_t size)
{
	fflush(report->file);
	snprintf(text, size, "%.*s", (int)strcspn(report->text + from, "\n"), report->text + from);
}

static void read_token(struct receiver *receiver, const struct report *report)
{
	size_t before;

	fflush(report->file);
	before = report->length;
	config_find_token((struct config *)(uintptr_t)receiver->own);
	first_line(report, before, receiver->token_wrong, sizeof(receiver->token_wrong));
}

static void find_receivers(struct collector_setup *setup, const struct report *report)
{
	struct hadal_sink_config sinks[HADAL_SINKS_MAX];
	struct config *config = &setup->config;

	for (size_t i = 0; i < config->sink_count; i++)
		config_share_host(config, config->sinks[i]->own);
	setup->receiver_count = config_sinks(config, sinks);
	for (size_t i = 0; i < setup->receiver_count; i++) {
		setup->receivers[i].own = config_of_sink(config, i);
		read_token(&setup->receivers[i], report);
	}
	/* Again, with the tokens. */
	config_sinks(config, sinks);
	for (size_t i = 0; i < setup->receiver_count; i++)
		setup->receivers[i].sink = sinks[i];
}

static void read_configuration(const struct host *host, struct collector_setup *setup, const struct report *report)
{
	collector_environment(host, set_variable, NULL);
	find_credential(host);
	config_load_default_files(&setup->config, host->root, report->file);
	config_read_environment(&setup->config);
	first_line(report, 0, setup->wrong, sizeof(setup->wrong));
	setup->errors = setup->config.errors;
	find_receivers(setup, report);
}

int collector_setup_new(const struct host *host, struct collector_setup **setup)
{
	struct report report = { .text = NULL };

	*setup = calloc(1, sizeof(**setup));
	report.file = open_memstream(&report.text, &report.length);
	if (!*setup || !report.file) {
		if (report.file)
			fclose(report.file);
		free(report.text);
		free(*setup);
		*setup = NULL;
		return -ENOMEM;
	}
	read_configuration(host, *setup, &report);
	(*setup)->config.report = stderr;
	fclose(report.file);
	free(report.text);
	return 0;
}

void collector_setup_free(struct collector_setup *setup)
{
	if (!setup)
		return;
	config_free(&setup->config);
	free(setup);
}

/* ---- receivers ---- */

bool receiver_sends(const struct receiver *receiver)
{
	return !strcmp(receiver->sink.kind, "otlp") || !strcmp(receiver->sink.kind, "remote_write");
}

const struct probe *receiver_ask(struct receiver *receiver)
{
	if (!receiver->asked)
		probe_receiver(&receiver->sink, receiver->own, &receiver->probe);
	receiver->asked = true;
	return &receiver->probe;
}
