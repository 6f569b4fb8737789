/* SPDX-License-Identifier: MIT */
/*
 * hadal status: the module's own account of itself.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include <hadal/hadal.h>

#include "cli.h"

#define SYSFS	"/sys/class/misc/hadal"

struct status {
	bool loaded;
	char version[64];
	uint64_t abi;
	char taint[16];		/* letters as in /proc/sys/kernel/tainted's table */
	int device;		/* 0 or -errno of opening it */
	uint64_t sessions;	/* without the one that asks */
	uint64_t connections, connections_max, connections_overflow;
	uint64_t ring_memory, ring_memory_max;
	uint64_t hook_hits, hook_time;	/* ns */
	struct hadal_class_stats classes[HADAL_CLASS_SLOTS];
	uint64_t filtered[HADAL_CLASS_SLOTS];
	uint64_t governed[HADAL_CLASS_SLOTS];
	bool has_class[HADAL_CLASS_SLOTS];
};

/* ---- reading ---- */

struct number {
	const char *name;
	uint64_t *value;
};

static void read_numbers(const char *directory, const struct number *numbers, size_t count)
{
	char path[256];
	size_t i;

	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, numbers[i].name);
		if (read_number_of(path, numbers[i].value) < 0)
			*numbers[i].value = 0;
	}
}

static void read_class(struct status *status, unsigned int i)
{
	struct hadal_class_stats *stats = &status->classes[i];
	uint64_t produced, delivered, lost, bytes;
	const struct number numbers[] = {
		{ "produced", &produced }, { "delivered", &delivered },
		{ "lost", &lost }, { "bytes", &bytes }, { "filtered", &status->filtered[i] },
		{ "governed", &status->governed[i] },
	};
	const char *name = hadal_class_name(i);
	char directory[128];

	if (!name)
		return;
	snprintf(directory, sizeof(directory), SYSFS "/%s", name);
	status->has_class[i] = access(directory, F_OK) == 0;
	if (!status->has_class[i])
		return;
	read_numbers(directory, numbers, sizeof(numbers) / sizeof(numbers[0]));
	*stats = (struct hadal_class_stats){ produced, delivered, lost, bytes };
}

static int try_device(void)
{
	struct hadal_session *session;
	int error = hadal_session_open(&session, NULL);

	hadal_session_close(session);
	return error;
}

static void read_status(struct status *status)
{
	const struct number numbers[] = {
		{ "abi", &status->abi },
		{ "sessions", &status->sessions },
		{ "connections", &status->connections },
		{ "connections_max", &status->connections_max },
		{ "connections_overflow", &status->connections_overflow },
		{ "ring_memory", &status->ring_memory },
		{ "ring_memory_max", &status->ring_memory_max },
		{ "hook_hits", &status->hook_hits },
		{ "hook_time", &status->hook_time },
	};
	unsigned int i;

	*status = (struct status){ .loaded = false };
	status->loaded = read_line_of(SYSFS "/version", status->version,
				      sizeof(status->version)) == 0;
	if (!status->loaded)
		return;
	read_numbers(SYSFS, numbers, sizeof(numbers) / sizeof(numbers[0]));
	read_line_of("/sys/module/hadal/taint", status->taint, sizeof(status->taint));
	for (i = 0; i < HADAL_CLASS_SLOTS; i++)
		read_class(status, i);
	status->device = try_device();
}

/* ---- for people ---- */

static void print_bytes(const char *name, uint64_t used, uint64_t most)
{
	printf("%-12s %.1f MiB of %.1f MiB\n", name, (double)used / (1 << 20),
	       (double)most / (1 << 20));
}

static void print_classes(const struct status *status)
{
	const struct hadal_class_stats *stats;
	unsigned int i;

	printf("\n%-12s %14s %14s %14s %14s %16s %14s\n", "class", "produced", "delivered", "lost",
	       "by governor", "bytes", "filtered");
	for (i = 0; i < HADAL_CLASS_SLOTS; i++) {
		stats = &status->classes[i];
		if (status->has_class[i])
			printf("%-12s %14llu %14llu %14llu %14llu %16llu %14llu\n", hadal_class_name(i),
			       (unsigned long long)stats->produced,
			       (unsigned long long)stats->delivered,
			       (unsigned long long)stats->lost,
			       (unsigned long long)status->governed[i],
			       (unsigned long long)stats->bytes,
			       (unsigned long long)status->filtered[i]);
	}
}

static void print_status(const struct status *status)
{
	printf("%-12s loaded, version %s%s\n", "module", status->version,
	       strchr(status->taint, 'E') ? ", not signed" : "");
	printf("%-12s %llu, this program's is %u\n", "abi", (unsigned long long)status->abi,
	       HADAL_ABI_VERSION);
	printf("%-12s %s: %s\n", "device", HADAL_DEVICE_PATH,
	       status->device ? strerror(-status->device) : "can be opened");
	printf("%-12s %llu\n", "sessions", (unsigned long long)status->sessions);
	printf("%-12s %llu of %llu, %llu not followed for want of room\n", "connections",
	       (unsigned long long)status->connections, (unsigned long long)status->connections_max,
	       (unsigned long long)status->connections_overflow);
	print_bytes("ring memory", status->ring_memory, status->ring_memory_max);
	printf("%-12s %llu hits, about %.3f s of CPU time\n", "hooks",
	       (unsigned long long)status->hook_hits, (double)status->hook_time / 1e9);
	print_classes(status);
}

/* ---- for programs ---- */

static void add_number(struct json_object *object, const char *name, uint64_t number)
{
	json_object_object_add(object, name, json_object_new_uint64(number));
}

static struct json_object *class_json(const struct status *status, unsigned int class)
{
	const struct hadal_class_stats *stats = &status->classes[class];
	struct json_object *object = json_object_new_object();

	add_number(object, "produced", stats->produced);
	add_number(object, "delivered", stats->delivered);
	add_number(object, "lost", stats->lost);
	add_number(object, "bytes", stats->bytes);
	add_number(object, "filtered", status->filtered[class]);
	add_number(object, "governed", status->governed[class]);
	return object;
}

static struct json_object *module_json(const struct status *status)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "loaded", json_object_new_boolean(status->loaded));
	if (!status->loaded)
		return object;
	json_object_object_add(object, "version", json_object_new_string(status->version));
	add_number(object, "abi", status->abi);
	json_object_object_add(object, "taint", json_object_new_string(status->taint));
	json_object_object_add(object, "device", status->device ?
			       json_object_new_string(strerror(-status->device)) :
			       json_object_new_string("ok"));
	return object;
}

static void add_counts(struct json_object *object, const struct status *status)
{
	struct json_object *classes = json_object_new_object();
	unsigned int i;

	add_number(object, "sessions", status->sessions);
	add_number(object, "connections", status->connections);
	add_number(object, "connections_max", status->connections_max);
	add_number(object, "connections_overflow", status->connections_overflow);
	add_number(object, "ring_memory", status->ring_memory);
	add_number(object, "ring_memory_max", status->ring_memory_max);
	add_number(object, "hook_hits", status->hook_hits);
	add_number(object, "hook_time", status->hook_time);
	for (i = 0; i < HADAL_CLASS_SLOTS; i++)
		if (status->has_class[i])
			json_object_object_add(classes, hadal_class_name(i),
					       class_json(status, i));
	json_object_object_add(object, "classes", classes);
}

static void print_json(const struct status *status)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "version", json_object_new_string(hadal_version()));
	add_number(object, "abi", HADAL_ABI_VERSION);
	json_object_object_add(object, "module", module_json(status));
	if (status->loaded)
		add_counts(object, status);
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* ---- the command ---- */

enum {
	OPTION_HELP = 256,
	OPTION_JSON,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ NULL, 0, NULL, 0 },
};

static void help(void)
{
	fputs("Usage: hadal status [--json]\n"
	      "\n"
	      "Says whether the module is loaded, what it keeps and what was lost.\n"
	      "Exits with 1 when it is not loaded.\n", stdout);
}

int command_status(int argc, char **argv)
{
	struct status status;
	bool json = false;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (option) {
		case 'h':
		case OPTION_HELP:
			help();
			return EXIT_WELL;
		case OPTION_JSON:
			json = true;
			break;
		default:
			return complain_of_option(option, argv);
		}
	}
	if (has_operand(argc, argv))
		return EXIT_USAGE;
	read_status(&status);
	if (json)
		print_json(&status);
	else if (status.loaded)
		print_status(&status);
	if (!status.loaded)
		complain("the module is not loaded: 'modprobe hadal' loads it, "
			 "'hadal doctor' says what is missing");
	return status.loaded ? EXIT_WELL : EXIT_FAILED;
}
