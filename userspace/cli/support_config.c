/* SPDX-License-Identifier: MIT */
#include "support_config.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <ini.h>

#include "collector_setup.h"
#include "config_sinks.h"
#include "redact.h"

struct printing {
	const struct host *host;
	struct secrets *secrets;
	FILE *to;
};

/* ---- which names and values may be shown ---- */

enum standing {
	UNKNOWN,	/* not even the name: it may be a secret in the wrong place */
	SECRET,
	OPEN,
};

/* Keys of sinks beyond those of [otlp], none of them a secret. */
static const char *const sink_keys[] = {
	"type", "signals", "path", "size", "count", "address", "created",
};

/* What is asked of the environment beyond configuration's keys, by libcurl too; each may hold a secret. */
static const char *const variables[] = {
	"HADAL_TOKEN", "OTEL_EXPORTER_OTLP_TIMEOUT", "AWS_EC2_METADATA_DISABLED", "AWS_REGION", "AWS_DEFAULT_REGION",
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "http_proxy", "https_proxy", "HTTPS_PROXY",
	"all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
};

static bool is_one_of(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static enum standing standing_of_key(const char *section, const char *name)
{
	const bool sink = config_is_sink_section(section);
	char key[256];

	if (sink && is_one_of(sink_keys, sizeof(sink_keys) / sizeof(sink_keys[0]), name))
		return OPEN;
	snprintf(key, sizeof(key), "%s.%s", sink ? "otlp" : section, name);
	for (size_t i = 0; config_key(i); i++)
		if (!strcmp(config_key(i), key))
			return config_key_is_secret(i) ? SECRET : OPEN;
	return UNKNOWN;
}

static enum standing standing_of_variable(const char *name)
{
	for (size_t i = 0; config_key(i); i++)
		if (config_environment(i) && !strcmp(config_environment(i), name))
			return config_key_is_secret(i) ? SECRET : OPEN;
	return is_one_of(variables, sizeof(variables) / sizeof(variables[0]), name) ? SECRET : UNKNOWN;
}

static bool is_section(const char *section)
{
	const size_t length = strlen(section);

	for (size_t i = 0; config_key(i); i++)
		if (!strncmp(config_key(i), section, length) && config_key(i)[length] == '.')
			return true;
	return config_is_sink_section(section);
}

/* ---- addresses ---- */

/* Learns a part of an address, and takes it out. */
static void take_part(struct secrets *secrets, CURLU *url, CURLUPart part)
{
	char *text = NULL;

	if (curl_url_get(url, part, &text, 0) == CURLUE_OK)
		secrets_learn(secrets, text);
	curl_free(text);
	curl_url_set(url, part, NULL, 0);
}

/*
 * Learns user, password, query and fragment. Returns the rest, for curl_free(); NULL: it is
 * no address with a scheme.
 */
static char *take_parts(struct secrets *secrets, const char *value)
{
	static const CURLUPart parts[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT };
	CURLU *url = curl_url();
	char *rest = NULL;

	if (url && curl_url_set(url, CURLUPART_URL, value, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			take_part(secrets, url, parts[i]);
		curl_url_get(url, CURLUPART_URL, &rest, 0);
	}
	curl_url_cleanup(url);
	return rest;
}

static void learn(struct secrets *secrets, const char *value)
{
	secrets_learn(secrets, value);
	curl_free(take_parts(secrets, value));
}

static void print_url(const struct printing *printing, const char *value)
{
	char *shown = take_parts(printing->secrets, value);

	fputs(shown ? shown : REDACTED, printing->to);
	curl_free(shown);
}

static void print_value(const struct printing *printing, bool open, const char *value)
{
	if (!open && *value) {
		learn(printing->secrets, value);
		fputs(REDACTED, printing->to);
	} else if (strstr(value, "://") || strchr(value, '@')) {
		print_url(printing, value);
	} else {
		fputs(value, printing->to);
	}
	fputc('\n', printing->to);
}

/* ---- files ---- */

/* As doctor and hadald name it, saying that there is no such key. The name alone may be a word like any other. */
static void learn_key(struct secrets *secrets, const char *section, const char *name)
{
	char text[256 + CONFIG_NAME_SHOWN];
	const bool alone = !*section || config_is_sink_section(section);

	snprintf(text, sizeof(text), "'%s%s%.*s'", alone ? "" : section, alone ? "" : ".", CONFIG_NAME_SHOWN, name);
	secrets_learn(secrets, text);
}

static int print_pair(void *context, const char *section, const char *name, const char *value)
{
	const struct printing *printing = context;
	const enum standing standing = standing_of_key(section, name);

	if (standing == UNKNOWN)
		learn_key(printing->secrets, section, name);
	fprintf(printing->to, "[%s] %s = ", is_section(section) ? section : REDACTED,
		standing == UNKNOWN ? REDACTED : name);
	print_value(printing, standing == OPEN, value);
	return 1;
}

static void print_file(struct printing *printing, const char *path)
{
	FILE *file = fopen(path, "re");
	int line;

	if (!file)
		return;
	fprintf(printing->to, "# %s\n", path + strlen(printing->host->root));
	line = ini_parse_file(file, print_pair, printing);
	if (line)
		fprintf(printing->to, "# line %d is none of a configuration\n", line);
	fputc('\n', printing->to);
	fclose(file);
}

static int is_drop_in(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 5 && !strcmp(entry->d_name + length - 5, ".conf");
}

static void print_drop_ins(struct printing *printing)
{
	char directory[PATH_MAX], path[PATH_MAX + 300];
	struct dirent **entries;
	int count;

	host_path(printing->host, directory, "/etc/hadal/hadald.d");
	count = scandir(directory, &entries, is_drop_in, alphasort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		print_file(printing, path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static void print_variable(void *context, const char *name, const char *value)
{
	const struct printing *printing = context;
	const enum standing standing = standing_of_variable(name);

	fprintf(printing->to, "%s=", standing == UNKNOWN ? REDACTED : name);
	print_value(printing, standing == OPEN, value);
}

void support_config(const struct host *host, struct secrets *secrets, FILE *to)
{
	struct printing printing = { host, secrets, to };
	char path[PATH_MAX];

	host_path(host, path, CONFIG_DEFAULT_PATH);
	print_file(&printing, path);
	print_drop_ins(&printing);
	if (!host_has(host, COLLECTOR_ENVIRONMENT))
		return;
	fprintf(to, "# " COLLECTOR_ENVIRONMENT "\n");
	collector_environment(host, print_variable, &printing);
}

/* ---- what else is secret ---- */

static void learn_variable(void *context, const char *name, const char *value)
{
	if (standing_of_variable(name) != OPEN)
		learn(context, value);
}

void support_learn(const struct host *host, struct secrets *secrets)
{
	const struct collector_setup *collector = host->collector;

	for (size_t i = 0; i < collector->receiver_count; i++) {
		const struct hadal_ship_config *ship = &collector->receivers[i].sink.ship;

		secrets_learn(secrets, ship->token);
		for (size_t j = 0; j < ship->header_count; j++)
			secrets_learn(secrets, ship->headers[j].value);
	}
	collector_environment(host, learn_variable, secrets);
}
