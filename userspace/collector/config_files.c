// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "config_sinks.h"

struct reading {
	struct config *config;
	const char *path;
	FILE *file;
	unsigned int line;
	bool line_ended;	/* the next piece begins a line */
};

/* fgets() that counts lines: the library does not tell its handler. */
static char *read_line(char *buffer, int size, void *stream)
{
	struct reading *reading = stream;
	char *text = fgets(buffer, size, reading->file);

	if (!text)
		return NULL;
	if (reading->line_ended)
		reading->line++;
	reading->line_ended = strchr(text, '\n') != NULL;
	return text;
}

static void add_to_sink(struct config *config, const char *origin, const char *section, const char *key,
			const char *value)
{
	const struct config_option *option = config_find("otlp", key);
	char error[256];
	struct config_sink *sink = config_sink_section(config, section, origin, error, sizeof(error));
	const char *fault = NULL;

	if (!sink) {
		config_wrong(config, origin, section, "%s", error);
		return;
	}
	if (option && strcmp(key, "queue"))
		config_set(sink->own, origin, option, value);
	else
		fault = config_sink_set(sink, origin, key, value);
	config_sink_take_errors(config, sink);
	sink->wrong |= fault != NULL;
	if (fault)
		config_wrong(config, origin, section, "%s: %s", key, fault);
}

static int take_pair(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	const struct config_option *option = config_find(section, name);
	char origin[PATH_MAX + 16], key[256];

	snprintf(origin, sizeof(origin), "%s:%u", reading->path, reading->line);
	if (config_is_sink_section(section)) {
		add_to_sink(reading->config, origin, section, name, value);
		return 1;
	}
	snprintf(key, sizeof(key), "%s%s%.*s", section, *section ? "." : "", CONFIG_NAME_SHOWN, name);
	if (option)
		config_set(reading->config, origin, option, value);
	else
		config_wrong(reading->config, origin, key, "unknown key");
	return 1;
}

static void set_up_parser(void)
{
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_use_stack = false;
	ini_initial_alloc = 256;
	ini_max_line = 16384;
	ini_allow_realloc = true;
}

void config_read(struct config *config, FILE *file, const char *path)
{
	struct reading reading = { .config = config, .path = path, .file = file, .line_ended = true };
	char origin[PATH_MAX + 16];
	int line;

	set_up_parser();
	line = ini_parse_stream(read_line, &reading, take_pair, &reading);
	if (line) {
		snprintf(origin, sizeof(origin), "%s:%d", path, line > 0 ? line : 1);
		config_wrong(config, origin, NULL, "%s", line > 0 ? "neither [section] nor key = value" : "no memory");
	}
	if (ferror(file))
		config_wrong(config, path, NULL, "cannot be read");
}

static void read_file(struct config *config, const char *path, bool may_be_missing)
{
	FILE *file = fopen(path, "re");

	if (!file) {
		if (errno != ENOENT || !may_be_missing)
			config_wrong(config, path, NULL, "%s", strerror(errno));
		return;
	}
	config_read(config, file, path);
	fclose(file);
}

static int is_conf(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 && strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* FILE.conf has its drop-ins in FILE.d/, read in the order of their names. */
static void read_drop_ins(struct config *config, const char *path)
{
	size_t length = strlen(path);
	struct dirent **entries;
	char name[PATH_MAX + 300], directory[PATH_MAX];
	int count;

	if (length > 5 && strcmp(path + length - 5, ".conf") == 0)
		length -= 5;
	snprintf(directory, sizeof(directory), "%.*s.d", (int)length, path);
	count = scandir(directory, &entries, is_conf, alphasort);
	if (count < 0 && errno != ENOENT)
		config_wrong(config, directory, NULL, "%s", strerror(errno));
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", directory, entries[i]->d_name);
		read_file(config, name, false);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static int load_files(struct config *config, const char *path, bool may_be_missing, FILE *report)
{
	config_default(config, report);
	read_file(config, path, may_be_missing);
	read_drop_ins(config, path);
	return config->errors ? -EINVAL : 0;
}

int config_load_files(struct config *config, const char *path, FILE *report)
{
	return load_files(config, path ? path : CONFIG_DEFAULT_PATH, !path, report);
}

int config_load_default_files(struct config *config, const char *root, FILE *report)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" CONFIG_DEFAULT_PATH, root);
	return load_files(config, path, true, report);
}
