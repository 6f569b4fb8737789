/* SPDX-License-Identifier: MIT */
/*
 * hadald's configuration: /etc/hadal/hadald.conf, then hadald.d/ in the same
 * place, then the environment; what comes later counts. docs/configuration.md
 * lists every key.
 */
#ifndef HADALD_CONFIG_H
#define HADALD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <hadal/hadal.h>

#include "address.h"
#include "histogram.h"
#include "proxies.h"
#include "sink.h"

#define CONFIG_DEFAULT_PATH	"/etc/hadal/hadald.conf"
#define CONFIG_SPOOL_DIRECTORY	"/var/lib/hadal/spool"

enum {
	CONFIG_KEY_SIZE = 16,		/* bytes of the secret of connection keys */
	CONFIG_HEADERS = 32,
	CONFIG_NETWORKS = 48,
	CONFIG_OPTIONS = 144,
	CONFIG_NAME_SHOWN = 64,	/* of a name that is no key's: what was pasted there may be long */
	CONFIG_CGROUPS = HADAL_FILTER_CGROUPS,
};

enum config_logs {
	CONFIG_LOGS_LIFECYCLE,
	CONFIG_LOGS_OFF,
};

enum config_profile {
	CONFIG_PROFILE_SERVICES,
	CONFIG_PROFILE_FULL,
};

enum config_auth {
	CONFIG_AUTH_BEARER,	/* by a token, where there is one */
	CONFIG_AUTH_SIGV4,
	CONFIG_AUTH_NONE,
};

enum config_module {
	CONFIG_MODULE_ON,
	CONFIG_MODULE_OFF,
	CONFIG_MODULE_CANARY,	/* only where AWS is asked and says so */
};

struct config;

/* A section [sink NAME]. */
struct config_sink {
	char *name, *kind;
	char *origin;			/* "FILE:LINE" of its first key */
	char *kind_origin;		/* of its type; NULL: not set, it is "otlp" */
	bool wrong;			/* something of it has been told to be */
	struct config *own;		/* of which what [otlp] sets is the sink's */
	bool off[HADAL_SIGNALS];
	struct hadal_sink_setting settings[HADAL_SINK_SETTINGS_MAX];	/* what only its kind knows */
	char *setting_origin[HADAL_SINK_SETTINGS_MAX];
	size_t setting_count;
};

/* Strings are the configuration's own; NULL: not set. */
struct config {
	const char *sink_name;		/* it is that sink's; NULL: it is the whole */
	struct config_sink *sinks[HADAL_SINKS_MAX];
	size_t sink_count;

	char *endpoint, *metrics_endpoint, *logs_endpoint;
	char *token, *token_file;
	char *token_parameter, *token_secret, *token_field;	/* that AWS keeps */
	char *token_endpoint;		/* NULL or "": that of the region */
	const char *token_origin, *token_key;	/* where the token was found; borrowed */
	char *token_path;		/* of the file that it was read from; NULL: of none */
	bool token_guarded;		/* as of token_read() */
	unsigned int auth;		/* enum config_auth */
	char *sigv4_region, *sigv4_service;
	struct hadal_ship_header headers[CONFIG_HEADERS];
	unsigned int header_count;
	bool no_compression;
	uint64_t timeout;		/* ms for one request */
	uint64_t queue_bytes;
	bool delta;			/* increments, not totals */
	char *ca_certificate, *client_certificate, *client_key;

	char *spool_directory;		/* "": what waits does so in memory alone */
	uint64_t spool_bytes;
	uint64_t spool_age;		/* s */

	uint64_t interval;		/* s */
	unsigned int logs;		/* enum config_logs */
	unsigned int profile;		/* enum config_profile */
	unsigned int histograms;	/* enum histogram_form */
	bool arguments;
	char *redact;			/* regular expression */
	bool udp;
	bool dns;
	bool builds;
	bool nat;
	uint64_t identity_wait;		/* s */
	uint64_t idle;			/* s */
	uint64_t processes_told;	/* by CPU time and by memory, profile full */
	uint64_t stop_timeout;		/* s, from SIGTERM to the end */
	unsigned int seccomp;		/* enum syscall_filter */

	unsigned int module_load;	/* enum config_module: whether 'hadal module load' does */
	char *module_tag, *module_parameter;	/* of AWS, that say so too */
	char *module_parameter_endpoint;	/* NULL or "": that of the region */

	char *device;
	uint64_t lifecycle_ring, flow_ring, watermark, argv_max;	/* bytes */
	uint8_t connection_key[CONFIG_KEY_SIZE];
	bool has_connection_key;

	bool degraded;			/* without the module go on without it */
	uint64_t degraded_poll;		/* s */

	char *filter_cgroups[CONFIG_CGROUPS];	/* paths */
	unsigned int filter_cgroup_count;
	struct hadal_port_range filter_ports[HADAL_FILTER_PORTS];
	struct hadal_port_range filter_not_ports[HADAL_FILTER_PORTS];
	uint32_t filter_port_count, filter_not_port_count;	/* one of them is 0 */
	bool filter_loopback;			/* connections over loopback are recorded */
	uint64_t filter_min_duration;		/* ns */

	uint64_t points;		/* of an interval, profile services */
	uint64_t edges_host, edges_workload, workloads, connections, processes, containers, events;

	char *query_socket;		/* "" switches it off */

	char *docker_socket;		/* "" switches it off, like the next four */
	char *ecs_introspection, *ecs_task_metadata;
	char *ec2_metadata, *ec2_metadata_ipv6;
	bool ec2_notices;
	bool ecs_api;
	char *ecs_api_endpoint;		/* NULL or "": that of the region */

	char *host_id, *host_name, *cloud_account, *cloud_region, *cloud_zone;

	struct network networks[CONFIG_NETWORKS];
	unsigned int network_count;
	struct network balancers[CONFIG_NETWORKS];
	unsigned int balancer_count;
	struct proxy_kind proxies[PROXY_KINDS];		/* by containers' names */
	unsigned int proxy_count;
	struct proxy_kind proxy_executables[PROXY_KINDS];
	unsigned int proxy_executable_count;

	char *origin[CONFIG_OPTIONS];	/* "FILE:LINE" where an option was set */
	unsigned int errors;
	FILE *report;			/* where errors are told; borrowed */
};

/**
 * config_load() - read the configuration
 * @config: filled; for config_free() whatever is returned
 * @path: of the file; NULL means CONFIG_DEFAULT_PATH, which may be missing
 * @report: gets a line for each thing that is wrong
 *
 * Every line of every file is read, however many are wrong.
 *
 * Return: 0; -EINVAL: something was wrong and has been told.
 */
int config_load(struct config *config, const char *path, FILE *report);

/*
 * The same of the files alone: no environment, no secret in another file, and
 * what lines say together is not looked at. For who is not hadald.
 */
int config_load_files(struct config *config, const char *path, FILE *report);

/* The same of the default files below @root. */
int config_load_default_files(struct config *config, const char *root, FILE *report);

/* Of it: whether what switches the module can be asked for. config_load() has looked. */
void config_check_switches(struct config *config);

/* Of it: what counts without any file, for config_free() too. */
void config_default(struct config *config, FILE *report);

/* And one file, each line by itself: what lines say together is not looked at. @path: for messages. */
void config_read(struct config *config, FILE *file, const char *path);
void config_free(struct config *config);

/* Keys by number, "section.name"; NULL behind the last. Static. */
const char *config_key(size_t index);

/* Whether the value of the key of that number is a secret or may have one in it: it is for no eyes. */
bool config_key_is_secret(size_t index);

/* The environment variable that sets the key of that number; NULL: none. */
const char *config_environment(size_t index);

/* Whether anything is to leave the host. */
bool config_ships(const struct config *config);

/* The sinks that are configured, HADAL_SINKS_MAX at most; borrows @config's strings. Returns how many. */
size_t config_sinks(const struct config *config, struct hadal_sink_config *sinks);

/* Whether one of them may write files of its own, the spool aside. */
bool config_sinks_write(const struct config *config);

/* The one that sets what [otlp] does for the sink of that number, by config_sinks(). */
const struct config *config_of_sink(const struct config *config, size_t index);

#endif
