/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

#define KIB	1024ULL
#define MIB	(1024 * KIB)
#define DAY_MS	86400000ULL

enum { SECRET_MAX = 4096 };	/* bytes of a token file */

/* Returns NULL, or what is wrong with @value: static text. */
typedef const char *(*option_set_fn)(struct config *config, const char *value);

enum option_type {
	OPTION_STRING,
	OPTION_NUMBER,
	OPTION_BYTES,
	OPTION_CHOICE,
	OPTION_SWITCH,
	OPTION_SPECIAL,
};

struct option {
	const char *key;		/* "section.name" */
	const char *environment;	/* NULL: none */
	enum option_type type;
	size_t offset;			/* of the member; not for SPECIAL */
	uint64_t least, most;		/* of numbers and bytes */
	const char *const *choices;	/* NULL-terminated; the index is the value */
	option_set_fn set;		/* SPECIAL */
};

#define STRING(name, member, env) \
	{ .key = name, .environment = env, .type = OPTION_STRING, .offset = offsetof(struct config, member) }
#define NUMBER(name, member, low, high)                                                              \
	{ .key = name, .type = OPTION_NUMBER, .offset = offsetof(struct config, member), .least = low, \
	  .most = high }
#define BYTES(name, member, low, high)                                                              \
	{ .key = name, .type = OPTION_BYTES, .offset = offsetof(struct config, member), .least = low, \
	  .most = high }
#define CHOICE(name, member, list) \
	{ .key = name, .type = OPTION_CHOICE, .offset = offsetof(struct config, member), .choices = list }
#define SWITCH(name, member) \
	{ .key = name, .type = OPTION_SWITCH, .offset = offsetof(struct config, member) }
#define SPECIAL(name, function, env) \
	{ .key = name, .environment = env, .type = OPTION_SPECIAL, .set = function }

static const char *set_headers(struct config *config, const char *value);
static const char *set_compression(struct config *config, const char *value);
static const char *set_timeout(struct config *config, const char *value);
static const char *set_connection_key(struct config *config, const char *value);
static const char *set_networks(struct config *config, const char *value);
static const char *set_cgroups(struct config *config, const char *value);
static const char *set_ports(struct config *config, const char *value);
static const char *set_not_ports(struct config *config, const char *value);
static const char *set_min_duration(struct config *config, const char *value);

static const char *const logs_choices[] = { "lifecycle", "off", NULL };
static const char *const profile_choices[] = { "services", "full", NULL };
static const char *const histogram_choices[] = { "exponential", "explicit", NULL };

static const struct option options[] = {
	STRING("otlp.endpoint", endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT"),
	STRING("otlp.metrics_endpoint", metrics_endpoint, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
	STRING("otlp.logs_endpoint", logs_endpoint, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
	SPECIAL("otlp.headers", set_headers, "OTEL_EXPORTER_OTLP_HEADERS"),
	SPECIAL("otlp.compression", set_compression, "OTEL_EXPORTER_OTLP_COMPRESSION"),
	SPECIAL("otlp.timeout", set_timeout, NULL),
	STRING("otlp.token_file", token_file, NULL),
	STRING("otlp.ca_certificate", ca_certificate, "OTEL_EXPORTER_OTLP_CERTIFICATE"),
	STRING("otlp.client_certificate", client_certificate, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
	STRING("otlp.client_key", client_key, "OTEL_EXPORTER_OTLP_CLIENT_KEY"),
	BYTES("otlp.queue", queue_bytes, MIB, 4096 * MIB),
	NUMBER("collector.interval", interval, 1, 3600),
	CHOICE("collector.logs", logs, logs_choices),
	CHOICE("collector.profile", profile, profile_choices),
	CHOICE("collector.histograms", histograms, histogram_choices),
	SWITCH("collector.arguments", arguments),
	SWITCH("collector.udp", udp),
	NUMBER("collector.identity_wait", identity_wait, 1, 3600),
	NUMBER("collector.idle", idle, 1, 86400),
	NUMBER("collector.stop_timeout", stop_timeout, 1, 600),
	STRING("module.device", device, NULL),
	BYTES("module.lifecycle_ring", lifecycle_ring, 4 * KIB, 1024 * MIB),
	BYTES("module.flow_ring", flow_ring, 4 * KIB, 1024 * MIB),
	BYTES("module.watermark", watermark, 0, 1024 * MIB),
	BYTES("module.argv_max", argv_max, 0, 4 * KIB),
	SPECIAL("module.connection_key", set_connection_key, "HADAL_CONNECTION_KEY"),
	SPECIAL("filter.cgroups", set_cgroups, NULL),
	SPECIAL("filter.ports", set_ports, NULL),
	SPECIAL("filter.not_ports", set_not_ports, NULL),
	SWITCH("filter.loopback", filter_loopback),
	SPECIAL("filter.min_duration", set_min_duration, NULL),
	NUMBER("limits.edges_per_host", edges_host, 1, 1000000),
	NUMBER("limits.edges_per_workload", edges_workload, 1, 1000000),
	NUMBER("limits.workloads", workloads, 1, 100000),
	NUMBER("limits.connections", connections, 16, 10000000),
	NUMBER("limits.processes", processes, 16, 4194304),
	NUMBER("limits.containers", containers, 1, 100000),
	NUMBER("limits.events", events, 1, 1000000),
	STRING("docker.socket", docker_socket, NULL),
	STRING("ecs.introspection", ecs_introspection, NULL),
	STRING("ecs.task_metadata", ecs_task_metadata, NULL),
	STRING("host.id", host_id, NULL),
	STRING("host.name", host_name, NULL),
	STRING("cloud.account", cloud_account, NULL),
	STRING("cloud.region", cloud_region, NULL),
	STRING("cloud.zone", cloud_zone, NULL),
	SPECIAL("peers.networks", set_networks, NULL),
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

_Static_assert((int)OPTIONS <= (int)CONFIG_OPTIONS, "config.origin is too small");

__attribute__((format(printf, 4, 5)))
static void wrong(struct config *config, const char *origin, const char *key, const char *format, ...)
{
	va_list arguments;

	config->errors++;
	if (key)
		fprintf(config->report, "%s: key '%s': ", origin, key);
	else
		fprintf(config->report, "%s: ", origin);
	va_start(arguments, format);
	vfprintf(config->report, format, arguments);
	va_end(arguments);
	fputc('\n', config->report);
}

/* ---- values ---- */

static bool replace(char **string, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return false;
	free(*string);
	*string = copy;
	return true;
}

static int parse_number(const char *value, bool with_suffix, uint64_t *number)
{
	unsigned long long parsed, unit = 1;
	char *end;

	if (!isdigit((unsigned char)value[0]))
		return -EINVAL;
	errno = 0;
	parsed = strtoull(value, &end, 10);
	if (errno)
		return -EINVAL;
	if (with_suffix && *end) {
		switch (*end++) {
		case 'K':
			unit = KIB;
			break;
		case 'M':
			unit = MIB;
			break;
		case 'G':
			unit = 1024 * MIB;
			break;
		default:
			return -EINVAL;
		}
	}
	if (*end || __builtin_mul_overflow(parsed, unit, &parsed))
		return -EINVAL;
	*number = parsed;
	return 0;
}

static void set_number(struct config *config, const char *origin, const struct option *option, const char *value)
{
	uint64_t number;

	if (parse_number(value, option->type == OPTION_BYTES, &number))
		wrong(config, origin, option->key, "'%s' is not a number%s", value,
		      option->type == OPTION_BYTES ? " of bytes (such as 65536, 64K, 1M)" : "");
	else if (number < option->least || number > option->most)
		wrong(config, origin, option->key, "%s is not between %llu and %llu", value,
		      (unsigned long long)option->least, (unsigned long long)option->most);
	else
		memcpy((char *)config + option->offset, &number, sizeof(number));
}

static void set_choice(struct config *config, const char *origin, const struct option *option, const char *value)
{
	unsigned int index = 0;

	while (option->choices[index] && strcmp(option->choices[index], value))
		index++;
	if (option->choices[index]) {
		memcpy((char *)config + option->offset, &index, sizeof(index));
		return;
	}
	wrong(config, origin, option->key, "'%s' is neither '%s' nor '%s'", value, option->choices[0],
	      option->choices[1]);
}

static void set_switch(struct config *config, const char *origin, const struct option *option, const char *value)
{
	bool on = strcmp(value, "on") == 0;

	if (!on && strcmp(value, "off"))
		wrong(config, origin, option->key, "'%s' is neither 'on' nor 'off'", value);
	else
		memcpy((char *)config + option->offset, &on, sizeof(on));
}

static void set_option(struct config *config, const char *origin, const struct option *option, const char *value)
{
	const char *fault;

	switch (option->type) {
	case OPTION_STRING:
		if (!replace((char **)((char *)config + option->offset), value))
			wrong(config, origin, option->key, "no memory");
		break;
	case OPTION_NUMBER:
	case OPTION_BYTES:
		set_number(config, origin, option, value);
		break;
	case OPTION_CHOICE:
		set_choice(config, origin, option, value);
		break;
	case OPTION_SWITCH:
		set_switch(config, origin, option, value);
		break;
	case OPTION_SPECIAL:
		fault = option->set(config, value);
		if (fault)
			wrong(config, origin, option->key, "%s", fault);
	}
	if (!replace(&config->origin[option - options], origin))
		wrong(config, origin, option->key, "no memory");
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes percent-encoding in place. */
static bool percent_decode(char *text)
{
	char *out = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		high = hex_digit(text[1]);
		low = high < 0 ? -1 : hex_digit(text[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*out++ = (char)(high << 4 | low);
		text += 2;
	}
	*out = '\0';
	return true;
}

static char *trim(char *text)
{
	char *end;

	while (*text == ' ' || *text == '\t')
		text++;
	end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	return text;
}

static void drop_headers(struct config *config)
{
	for (unsigned int i = 0; i < config->header_count; i++) {
		free((char *)(uintptr_t)config->headers[i].name);
		free((char *)(uintptr_t)config->headers[i].value);
	}
	config->header_count = 0;
}

static const char *add_header(struct config *config, char *text)
{
	struct hadal_ship_header *header = &config->headers[config->header_count];
	char *equals = strchr(text, '=');

	if (!equals)
		return "not a list of NAME=VALUE, with commas between";
	*equals = '\0';
	if (config->header_count == CONFIG_HEADERS)
		return "more than 32 headers";
	text = trim(text);
	if (!*text)
		return "a header without a name";
	if (!percent_decode(equals + 1))
		return "a value with a broken percent-encoding";
	header->name = strdup(text);
	header->value = strdup(trim(equals + 1));
	config->header_count++;
	return header->name && header->value ? NULL : "no memory";
}

/* As in OTEL_EXPORTER_OTLP_HEADERS: name=value,..., values percent-encoded. */
static const char *set_headers(struct config *config, const char *value)
{
	char *copy = strdup(value), *rest = copy, *item;
	const char *fault = NULL;

	if (!copy)
		return "no memory";
	drop_headers(config);
	while (!fault && (item = strsep(&rest, ","))) {
		if (*trim(item))
			fault = add_header(config, item);
	}
	free(copy);
	return fault;
}

static const char *set_compression(struct config *config, const char *value)
{
	if (strcmp(value, "gzip") && strcmp(value, "none"))
		return "neither 'gzip' nor 'none'";
	config->no_compression = strcmp(value, "none") == 0;
	return NULL;
}

static const char *set_timeout(struct config *config, const char *value)
{
	uint64_t seconds;

	if (parse_number(value, false, &seconds) || seconds < 1 || seconds > 600)
		return "not a number of seconds between 1 and 600";
	config->timeout = seconds * 1000;
	return NULL;
}

static const char *set_connection_key(struct config *config, const char *value)
{
	if (strlen(value) != 2 * sizeof(config->connection_key))
		return "not 32 hexadecimal digits";
	for (size_t i = 0; i < sizeof(config->connection_key); i++) {
		int high = hex_digit(value[2 * i]), low = hex_digit(value[2 * i + 1]);

		if (high < 0 || low < 0)
			return "not 32 hexadecimal digits";
		config->connection_key[i] = (uint8_t)(high << 4 | low);
	}
	config->has_connection_key = true;
	return NULL;
}

static const char *set_networks(struct config *config, const char *value)
{
	char *copy = strdup(value), *rest = copy, *item;
	const char *fault = copy ? NULL : "no memory";

	config->network_count = 0;
	while (!fault && (item = strsep(&rest, ","))) {
		item = trim(item);
		if (!*item)
			continue;
		if (config->network_count == CONFIG_NETWORKS)
			fault = "more than 48 networks";
		else if (network_parse(item, &config->networks[config->network_count]))
			fault = "not a list of networks such as 10.1.0.0/16, 2001:db8::/32";
		else
			config->network_count++;
	}
	free(copy);
	return fault;
}

static void drop_cgroups(struct config *config)
{
	while (config->filter_cgroup_count)
		free(config->filter_cgroups[--config->filter_cgroup_count]);
}

static const char *add_cgroup(struct config *config, const char *path)
{
	if (path[0] != '/')
		return "not a list of paths that begin with /, as in /proc/PID/cgroup";
	if (config->filter_cgroup_count == CONFIG_CGROUPS)
		return "more than 16 cgroups";
	config->filter_cgroups[config->filter_cgroup_count] = strdup(path);
	if (!config->filter_cgroups[config->filter_cgroup_count])
		return "no memory";
	config->filter_cgroup_count++;
	return NULL;
}

static const char *set_cgroups(struct config *config, const char *value)
{
	char *copy = strdup(value), *rest = copy, *item;
	const char *fault = copy ? NULL : "no memory";

	drop_cgroups(config);
	while (!fault && (item = strsep(&rest, ","))) {
		item = trim(item);
		if (*item)
			fault = add_cgroup(config, item);
	}
	free(copy);
	return fault;
}

static const char *take_ports(const char *value, struct hadal_port_range *ports, uint32_t *count)
{
	int result;

	*count = 0;
	if (!*value)
		return NULL;
	result = hadal_port_ranges(value, ports, count);
	if (!result)
		return NULL;
	return result == -E2BIG ? "more than 16 ports or ranges" : "not a list of ports such as 80, 443, 8000-8099";
}

static const char *set_ports(struct config *config, const char *value)
{
	return take_ports(value, config->filter_ports, &config->filter_port_count);
}

static const char *set_not_ports(struct config *config, const char *value)
{
	return take_ports(value, config->filter_not_ports, &config->filter_not_port_count);
}

static const char *set_min_duration(struct config *config, const char *value)
{
	uint64_t milliseconds;

	if (parse_number(value, false, &milliseconds) || milliseconds > DAY_MS)
		return "not a number of milliseconds of at most a day";
	config->filter_min_duration = milliseconds * 1000000;
	return NULL;
}

/* ---- files ---- */

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

static const struct option *option_find(const char *section, const char *name)
{
	size_t length = strlen(section);

	for (size_t i = 0; i < OPTIONS; i++) {
		if (strncmp(options[i].key, section, length) == 0 && options[i].key[length] == '.' &&
		    strcmp(options[i].key + length + 1, name) == 0)
			return &options[i];
	}
	return NULL;
}

static int take_pair(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;
	const struct option *option = option_find(section, name);
	char origin[PATH_MAX + 16], key[256];

	snprintf(origin, sizeof(origin), "%s:%u", reading->path, reading->line);
	snprintf(key, sizeof(key), "%s%s%s", section, *section ? "." : "", name);
	if (option)
		set_option(reading->config, origin, option, value);
	else
		wrong(reading->config, origin, key, "unknown key");
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

static void read_file(struct config *config, const char *path, bool may_be_missing)
{
	struct reading reading = { .config = config, .path = path, .line_ended = true };
	char origin[PATH_MAX + 16];
	int line;

	reading.file = fopen(path, "re");
	if (!reading.file) {
		if (errno != ENOENT || !may_be_missing)
			wrong(config, path, NULL, "%s", strerror(errno));
		return;
	}
	set_up_parser();
	line = ini_parse_stream(read_line, &reading, take_pair, &reading);
	if (line) {
		snprintf(origin, sizeof(origin), "%s:%d", path, line > 0 ? line : 1);
		wrong(config, origin, NULL, "%s", line > 0 ? "neither [section] nor key = value" : "no memory");
	}
	if (ferror(reading.file))
		wrong(config, path, NULL, "cannot be read");
	fclose(reading.file);
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
		wrong(config, directory, NULL, "%s", strerror(errno));
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s/%s", directory, entries[i]->d_name);
		read_file(config, name, false);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* ---- environment ---- */

/* In milliseconds, as OpenTelemetry's environment variables have durations. */
static void timeout_from_environment(struct config *config)
{
	const char *value = getenv("OTEL_EXPORTER_OTLP_TIMEOUT");

	if (!value || !*value)
		return;
	if (parse_number(value, false, &config->timeout) || config->timeout < 1 || config->timeout > 600000)
		wrong(config, "environment: OTEL_EXPORTER_OTLP_TIMEOUT", NULL,
		      "'%s' is not a number of milliseconds between 1 and 600000", value);
}

static void read_environment(struct config *config)
{
	char origin[128];
	const char *value;

	for (size_t i = 0; i < OPTIONS; i++) {
		value = options[i].environment ? getenv(options[i].environment) : NULL;
		if (!value || !*value)
			continue;
		snprintf(origin, sizeof(origin), "environment: %s", options[i].environment);
		set_option(config, origin, &options[i], value);
	}
	timeout_from_environment(config);
	value = getenv("HADAL_TOKEN");
	config->token_origin = "environment: HADAL_TOKEN";
	if (value && *value && !replace(&config->token, value))
		wrong(config, config->token_origin, NULL, "no memory");
}

static const char *unless_empty(const char *text)
{
	return text && *text ? text : NULL;
}

/* ---- the token ---- */

static const char *origin_of(const struct config *config, const char *key)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (strcmp(options[i].key, key) == 0)
			return config->origin[i] ? config->origin[i] : "default";
	}
	return "default";
}

/* @guarded: who may read it is the business of who made it. */
static int open_secret(struct config *config, const char *path, bool guarded, const char *origin, const char *key)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status)) {
		wrong(config, origin, key, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(status.st_mode)) {
		wrong(config, origin, key, "%s: not a file", path);
	} else if (!guarded && status.st_mode & 077) {
		wrong(config, origin, key, "%s: others may read or write it; chmod 600 mends that", path);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static void read_token(struct config *config, const char *path, bool guarded, const char *origin, const char *key)
{
	char text[SECRET_MAX + 2];
	int fd = open_secret(config, path, guarded, origin, key);
	ssize_t length;

	config->token_origin = origin;
	config->token_key = key;
	if (fd < 0)
		return;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (strlen(text) > SECRET_MAX)
		wrong(config, origin, key, "%s: more than %d bytes", path, SECRET_MAX);
	else if (!text[0])
		wrong(config, origin, key, "%s: no token in it", path);
	else if (!replace(&config->token, text))
		wrong(config, origin, key, "no memory");
	explicit_bzero(text, sizeof(text));
}

/* The environment, else the file that is named, else the systemd credential. */
static void find_token(struct config *config)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char path[PATH_MAX];

	if (config->token)
		return;
	if (config->token_file && *config->token_file) {
		read_token(config, config->token_file, false, origin_of(config, "otlp.token_file"),
			   "otlp.token_file");
		return;
	}
	if (!directory)
		return;
	snprintf(path, sizeof(path), "%s/hadal-token", directory);
	if (access(path, F_OK) == 0)
		read_token(config, path, true, "systemd credential", "hadal-token");
}

/* ---- the whole ---- */

static bool power_of_two(uint64_t value)
{
	return value && !(value & (value - 1));
}

static void check_rings(struct config *config)
{
	uint64_t smaller = config->flow_ring < config->lifecycle_ring ? config->flow_ring : config->lifecycle_ring;

	if (!power_of_two(config->lifecycle_ring))
		wrong(config, origin_of(config, "module.lifecycle_ring"), "module.lifecycle_ring",
		      "not a power of two");
	if (!power_of_two(config->flow_ring))
		wrong(config, origin_of(config, "module.flow_ring"), "module.flow_ring", "not a power of two");
	if (config->watermark > smaller)
		wrong(config, origin_of(config, "module.watermark"), "module.watermark",
		      "above the smaller of the two rings");
	if (config->arguments && config->argv_max > config->lifecycle_ring / 4)
		wrong(config, origin_of(config, "module.argv_max"), "module.argv_max",
		      "above a quarter of module.lifecycle_ring");
}

static void check_ports(struct config *config)
{
	if (config->filter_port_count && config->filter_not_port_count)
		wrong(config, origin_of(config, "filter.not_ports"), "filter.not_ports",
		      "not together with filter.ports");
}

static void check_url(struct config *config, const char *key, const char *value)
{
	if (*value && strncmp(value, "http://", 7))
		wrong(config, origin_of(config, key), key, "'%s' does not begin with http://", value);
}

static void check_sources(struct config *config)
{
	if (!config->docker_socket || !config->ecs_introspection || !config->ecs_task_metadata)
		return;
	check_url(config, "ecs.introspection", config->ecs_introspection);
	check_url(config, "ecs.task_metadata", config->ecs_task_metadata);
	if (*config->docker_socket && *config->docker_socket != '/')
		wrong(config, origin_of(config, "docker.socket"), "docker.socket", "'%s' is not an absolute path",
		      config->docker_socket);
}

/* The key to which a part of the shipper's configuration goes back. */
static const char *key_of_part(const struct config *config, enum hadal_ship_part part)
{
	switch (part) {
	case HADAL_SHIP_PART_BOUNDS:
		return "otlp.queue";
	case HADAL_SHIP_PART_TOKEN:
		return config->token_key;
	case HADAL_SHIP_PART_HEADERS:
		return "otlp.headers";
	case HADAL_SHIP_PART_CA_CERTIFICATE:
		return "otlp.ca_certificate";
	case HADAL_SHIP_PART_CLIENT_CERTIFICATE:
		return "otlp.client_certificate";
	case HADAL_SHIP_PART_CLIENT_KEY:
		return "otlp.client_key";
	case HADAL_SHIP_PART_ENDPOINT:
		return unless_empty(config->metrics_endpoint) ? "otlp.metrics_endpoint" : "otlp.endpoint";
	default:
		return unless_empty(config->logs_endpoint) ? "otlp.logs_endpoint" : "otlp.endpoint";
	}
}

static void check_shipping(struct config *config)
{
	struct hadal_ship_config ship;
	enum hadal_ship_part part;
	char error[512] = "no memory";
	const char *key;

	if (!config_ships(config))
		return;
	config_ship(config, &ship);
	if (!hadal_shipper_check(&ship, &part, error, sizeof(error)))
		return;
	key = key_of_part(config, part);
	wrong(config, part == HADAL_SHIP_PART_TOKEN ? config->token_origin : origin_of(config, key), key, "%s", error);
}

static void set_defaults(struct config *config, FILE *report)
{
	*config = (struct config){
		.timeout = 10000, .interval = 60, .identity_wait = 30, .idle = 600, .stop_timeout = 20,
		.queue_bytes = 64 * MIB, .lifecycle_ring = 256 * KIB, .flow_ring = MIB, .argv_max = 256,
		.filter_loopback = true,
		.edges_host = 2000, .edges_workload = 200, .workloads = 1000, .connections = 131072,
		.processes = 65536, .containers = 4096, .events = 1000, .report = report,
	};
	if (!replace(&config->docker_socket, "/var/run/docker.sock") ||
	    !replace(&config->ecs_introspection, "http://127.0.0.1:51678") ||
	    !replace(&config->ecs_task_metadata, "http://127.0.0.1:51679"))
		wrong(config, "defaults", NULL, "no memory");
}

int config_load(struct config *config, const char *path, FILE *report)
{
	set_defaults(config, report);
	read_file(config, path ? path : CONFIG_DEFAULT_PATH, !path);
	read_drop_ins(config, path ? path : CONFIG_DEFAULT_PATH);
	read_environment(config);
	find_token(config);
	check_rings(config);
	check_ports(config);
	check_sources(config);
	check_shipping(config);
	return config->errors ? -EINVAL : 0;
}

void config_free(struct config *config)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (options[i].type == OPTION_STRING)
			free(*(char **)((char *)config + options[i].offset));
		free(config->origin[i]);
	}
	drop_headers(config);
	drop_cgroups(config);
	if (config->token)
		explicit_bzero(config->token, strlen(config->token));
	free(config->token);
}

const char *config_key(size_t index)
{
	return index < OPTIONS ? options[index].key : NULL;
}

const char *config_environment(size_t index)
{
	return index < OPTIONS ? options[index].environment : NULL;
}

bool config_ships(const struct config *config)
{
	return unless_empty(config->endpoint) || unless_empty(config->metrics_endpoint) ||
	       unless_empty(config->logs_endpoint);
}

void config_ship(const struct config *config, struct hadal_ship_config *ship)
{
	const char *base = unless_empty(config->endpoint);

	*ship = (struct hadal_ship_config){
		.endpoint = base,
		.signal_endpoint = {
			[HADAL_SIGNAL_METRICS] = unless_empty(config->metrics_endpoint),
			[HADAL_SIGNAL_LOGS] = unless_empty(config->logs_endpoint),
		},
		.token = unless_empty(config->token),
		.headers = config->headers,
		.header_count = config->header_count,
		.no_compression = config->no_compression,
		.ca_certificate = unless_empty(config->ca_certificate),
		.client_certificate = unless_empty(config->client_certificate),
		.client_key = unless_empty(config->client_key),
		.queue_bytes = config->queue_bytes,
		.timeout_ms = (unsigned int)config->timeout,
	};
	for (int i = 0; i < HADAL_SIGNALS; i++)
		ship->signal_off[i] = !base && !ship->signal_endpoint[i];
	if (config->logs == CONFIG_LOGS_OFF)
		ship->signal_off[HADAL_SIGNAL_LOGS] = true;
}
