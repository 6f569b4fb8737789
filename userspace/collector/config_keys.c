// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config_keys.h"
#include "config_parts.h"
#include "config_values.h"

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

struct config_option {
	const char *key;		/* "section.name" */
	const char *environment;	/* NULL: none */
	enum option_type type;
	size_t offset;			/* of the member; not for SPECIAL */
	uint64_t least, most;		/* of numbers and bytes */
	const char *const *choices;	/* NULL-terminated; the index is the value */
	option_set_fn set;		/* SPECIAL */
	bool secret;			/* its value is, or may have one in it: it is shown nowhere */
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
#define SECRET(name, function, env) \
	{ .key = name, .environment = env, .type = OPTION_SPECIAL, .set = function, .secret = true }

static const char *const logs_choices[] = { "lifecycle", "off", NULL };
static const char *const profile_choices[] = { "services", "full", NULL };
static const char *const seccomp_choices[] = {	/* enum syscall_filter */
	"refuse", "kill", "off", NULL,
};
static const char *const auth_choices[] = { "bearer", "sigv4", "none", NULL };	/* enum config_auth */
static const char *const module_choices[] = { "on", "off", "canary", NULL };	/* enum config_module */
static const char *const histogram_choices[] = { "exponential", "explicit", NULL };

static const struct config_option options[] = {
	STRING("otlp.endpoint", endpoint, "OTEL_EXPORTER_OTLP_ENDPOINT"),
	STRING("otlp.metrics_endpoint", metrics_endpoint, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"),
	STRING("otlp.logs_endpoint", logs_endpoint, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"),
	SECRET("otlp.headers", config_set_headers, "OTEL_EXPORTER_OTLP_HEADERS"),
	SECRET("otlp.metrics_headers", config_set_metrics_headers, "OTEL_EXPORTER_OTLP_METRICS_HEADERS"),
	SECRET("otlp.logs_headers", config_set_logs_headers, "OTEL_EXPORTER_OTLP_LOGS_HEADERS"),
	CHOICE("otlp.auth", auth, auth_choices),
	STRING("otlp.sigv4_region", sigv4_region, NULL),
	STRING("otlp.sigv4_service", sigv4_service, NULL),
	SPECIAL("otlp.compression", config_set_compression, "OTEL_EXPORTER_OTLP_COMPRESSION"),
	SPECIAL("otlp.timeout", config_set_timeout, NULL),
	STRING("otlp.token_file", token_file, NULL),
	STRING("otlp.token_parameter", token_parameter, NULL),
	STRING("otlp.token_secret", token_secret, NULL),
	STRING("otlp.token_field", token_field, NULL),
	STRING("otlp.token_endpoint", token_endpoint, NULL),
	STRING("otlp.ca_certificate", ca_certificate, "OTEL_EXPORTER_OTLP_CERTIFICATE"),
	STRING("otlp.client_certificate", client_certificate, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
	STRING("otlp.client_key", client_key, "OTEL_EXPORTER_OTLP_CLIENT_KEY"),
	SPECIAL("otlp.temporality", config_set_temporality, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"),
	BYTES("otlp.queue", queue_bytes, MIB, 4096 * MIB),
	STRING("spool.directory", spool_directory, NULL),
	BYTES("spool.bytes", spool_bytes, MIB, 1024 * 1024 * MIB),
	NUMBER("spool.age", spool_age, 60, 30 * 86400),
	NUMBER("collector.interval", interval, 1, 3600),
	CHOICE("collector.logs", logs, logs_choices),
	CHOICE("collector.profile", profile, profile_choices),
	CHOICE("collector.histograms", histograms, histogram_choices),
	SWITCH("collector.arguments", arguments),
	/* What a secret looks like tells of it. */
	{ .key = "collector.redact", .type = OPTION_STRING, .offset = offsetof(struct config, redact), .secret = true },
	SWITCH("collector.udp", udp),
	SWITCH("collector.dns", dns),
	SWITCH("collector.builds", builds),
	SWITCH("collector.nat", nat),
	NUMBER("collector.identity_wait", identity_wait, 1, 3600),
	NUMBER("collector.idle", idle, 1, 86400),
	NUMBER("collector.processes", processes_told, 0, 1000),
	NUMBER("collector.stop_timeout", stop_timeout, 1, 600),
	CHOICE("collector.seccomp", seccomp, seccomp_choices),
	CHOICE("module.load", module_load, module_choices),
	STRING("module.tag", module_tag, NULL),
	STRING("module.parameter", module_parameter, NULL),
	STRING("module.parameter_endpoint", module_parameter_endpoint, NULL),
	STRING("module.device", device, NULL),
	BYTES("module.lifecycle_ring", lifecycle_ring, 4 * KIB, 1024 * MIB),
	BYTES("module.flow_ring", flow_ring, 4 * KIB, 1024 * MIB),
	BYTES("module.watermark", watermark, 0, 1024 * MIB),
	BYTES("module.argv_max", argv_max, 0, 4 * KIB),
	SECRET("module.connection_key", config_set_connection_key, "HADAL_CONNECTION_KEY"),
	SWITCH("degraded.fallback", degraded),
	NUMBER("degraded.poll", degraded_poll, 1, 3600),
	SPECIAL("filter.cgroups", config_set_cgroups, NULL),
	SPECIAL("filter.ports", config_set_ports, NULL),
	SPECIAL("filter.not_ports", config_set_not_ports, NULL),
	SWITCH("filter.loopback", filter_loopback),
	SPECIAL("filter.min_duration", config_set_min_duration, NULL),
	NUMBER("limits.points", points, 100, 1000000),
	NUMBER("limits.edges_per_host", edges_host, 1, 1000000),
	NUMBER("limits.edges_per_workload", edges_workload, 1, 1000000),
	NUMBER("limits.workloads", workloads, 1, 100000),
	NUMBER("limits.connections", connections, 16, 10000000),
	NUMBER("limits.processes", processes, 16, 4194304),
	NUMBER("limits.containers", containers, 1, 100000),
	NUMBER("limits.events", events, 1, 1000000),
	STRING("query.socket", query_socket, NULL),
	STRING("docker.socket", docker_socket, NULL),
	STRING("ecs.introspection", ecs_introspection, NULL),
	STRING("ecs.task_metadata", ecs_task_metadata, NULL),
	SWITCH("ecs.api", ecs_api),
	STRING("ecs.api_endpoint", ecs_api_endpoint, NULL),
	SPECIAL("ec2.metadata", config_set_ec2_metadata, "AWS_EC2_METADATA_SERVICE_ENDPOINT"),
	SWITCH("ec2.notices", ec2_notices),
	STRING("ec2.metadata_ipv6", ec2_metadata_ipv6, NULL),
	STRING("host.id", host_id, NULL),
	STRING("host.name", host_name, NULL),
	STRING("cloud.account", cloud_account, NULL),
	STRING("cloud.region", cloud_region, NULL),
	STRING("cloud.zone", cloud_zone, NULL),
	SPECIAL("peers.networks", config_set_networks, NULL),
	SPECIAL("peers.load_balancers", config_set_balancers, NULL),
	SPECIAL("proxies.containers", config_set_proxies, NULL),
	SPECIAL("proxies.executables", config_set_proxy_executables, NULL),
};

enum { OPTIONS = sizeof(options) / sizeof(options[0]) };

_Static_assert((int)OPTIONS <= (int)CONFIG_OPTIONS, "config.origin is too small");

void config_wrong(struct config *config, const char *origin, const char *key, const char *format, ...)
{
	va_list arguments;

	config->errors++;
	if (key && config->sink_name && strncmp(key, "otlp.", 5) == 0)
		fprintf(config->report, "%s: key 'sink %s.%s': ", origin, config->sink_name, key + 5);
	else if (key)
		fprintf(config->report, "%s: key '%s': ", origin, key);
	else
		fprintf(config->report, "%s: ", origin);
	va_start(arguments, format);
	vfprintf(config->report, format, arguments);
	va_end(arguments);
	fputc('\n', config->report);
}

static void set_number(struct config *config, const char *origin, const struct config_option *option,
		       const char *value)
{
	uint64_t number;

	if (config_number(value, option->type == OPTION_BYTES, &number))
		config_wrong(config, origin, option->key, "'%s' is not a number%s", value,
			     option->type == OPTION_BYTES ? " of bytes (such as 65536, 64K, 1M)" : "");
	else if (number < option->least || number > option->most)
		config_wrong(config, origin, option->key, "%s is not between %llu and %llu", value,
			     (unsigned long long)option->least, (unsigned long long)option->most);
	else
		memcpy((char *)config + option->offset, &number, sizeof(number));
}

static void tell_choices(struct config *config, const char *origin, const struct config_option *option,
			 const char *value)
{
	const char *const *choices = option->choices;

	if (choices[2])
		config_wrong(config, origin, option->key, "'%s' is none of '%s', '%s', '%s'", value, choices[0],
			     choices[1], choices[2]);
	else
		config_wrong(config, origin, option->key, "'%s' is neither '%s' nor '%s'", value, choices[0], choices[1]);
}

static void set_choice(struct config *config, const char *origin, const struct config_option *option,
		       const char *value)
{
	unsigned int index = 0;

	while (option->choices[index] && strcmp(option->choices[index], value))
		index++;
	if (option->choices[index]) {
		memcpy((char *)config + option->offset, &index, sizeof(index));
		return;
	}
	tell_choices(config, origin, option, value);
}

static void set_switch(struct config *config, const char *origin, const struct config_option *option,
		       const char *value)
{
	bool on = strcmp(value, "on") == 0;

	if (!on && strcmp(value, "off"))
		config_wrong(config, origin, option->key, "'%s' is neither 'on' nor 'off'", value);
	else
		memcpy((char *)config + option->offset, &on, sizeof(on));
}

void config_set(struct config *config, const char *origin, const struct config_option *option, const char *value)
{
	const char *fault;

	switch (option->type) {
	case OPTION_STRING:
		if (!config_replace((char **)((char *)config + option->offset), value))
			config_wrong(config, origin, option->key, "no memory");
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
			config_wrong(config, origin, option->key, "%s", fault);
	}
	if (!config_replace(&config->origin[option - options], origin))
		config_wrong(config, origin, option->key, "no memory");
}

const struct config_option *config_find(const char *section, const char *name)
{
	size_t length = strlen(section);

	for (size_t i = 0; i < OPTIONS; i++) {
		if (strncmp(options[i].key, section, length) == 0 && options[i].key[length] == '.' &&
		    strcmp(options[i].key + length + 1, name) == 0)
			return &options[i];
	}
	return NULL;
}

const char *config_origin(const struct config *config, const char *key)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (strcmp(options[i].key, key) == 0)
			return config->origin[i] ? config->origin[i] : "default";
	}
	return "default";
}

void config_keys_free(struct config *config)
{
	for (size_t i = 0; i < OPTIONS; i++) {
		if (options[i].type == OPTION_STRING)
			free(*(char **)((char *)config + options[i].offset));
		free(config->origin[i]);
	}
}

const struct config_option *config_option_at(size_t index)
{
	return index < OPTIONS ? &options[index] : NULL;
}

const char *config_key(size_t index)
{
	return index < OPTIONS ? options[index].key : NULL;
}

bool config_key_is_secret(size_t index)
{
	return index < OPTIONS && options[index].secret;
}

const char *config_environment(size_t index)
{
	return index < OPTIONS ? options[index].environment : NULL;
}
