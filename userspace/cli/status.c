/* SPDX-License-Identifier: MIT */
/*
 * hadal status: the module's own account of itself, and hadald's.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include <hadal/hadal.h>

#include "cli.h"
#include "module.h"
#include "options.h"
#include "status.h"
#include "status_collector.h"

#define SYSFS	"/sys/class/misc/hadal"

struct status {
	bool loaded;
	char version[64];
	struct module_state module;
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
	module_state_read(&status->module);
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

/* ---- what is wrong ---- */

static void absence_problem(const struct module_state *module, struct problems *problems)
{
	char text[256];

	if (module->quarantine != QUARANTINE_HELD && module->off[0]) {
		problem(problems, "the module is switched off: %s", module->off);
		return;
	}
	if (module->quarantine != QUARANTINE_HELD) {
		problem(problems, "the module is not loaded: 'hadal module load' loads it, 'hadal doctor' says what is missing");
		return;
	}
	module_trial_tell(&module->marker, text, sizeof(text));
	problem(problems, "the module is quarantined, since the host went down before it had done well for ten minutes (%s): "
		"'hadal module release' lets it try again", text);
}

static void module_problems(const struct status *status, struct problems *problems)
{
	if (!status->loaded) {
		absence_problem(&status->module, problems);
		return;
	}
	if (module_is_outdated(&status->module))
		problem(problems, "module %s is loaded, %s is installed: 'hadal module reload' changes over",
			status->module.version, status->module.installed_version);
	if (module_is_gone(&status->module))
		problem(problems, "no hadal.ko is installed for this kernel any more: the next boot is without; "
			"'hadal doctor' says what is missing");
	/* Who may not open it is told so below; for others it is well. */
	if (status->device && status->device != -EACCES && status->device != -EPERM)
		problem(problems, HADAL_DEVICE_PATH ": %s", strerror(-status->device));
	if (status->abi != HADAL_ABI_VERSION)
		problem(problems, "the module's ABI is %llu, this program's is %u", (unsigned long long)status->abi,
			HADAL_ABI_VERSION);
	if (status->connections_overflow)
		problem(problems, "the module had no room for %llu connections",
			(unsigned long long)status->connections_overflow);
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
	printf("%-12s loaded, version %s%s%s\n", "module", status->version,
	       strchr(status->taint, 'E') ? ", not signed" : "",
	       status->module.quarantine == QUARANTINE_TRIAL ? ", on trial" : "");
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
	json_object_object_add(object, "trial", json_object_new_string(module_trial_name(status->module.quarantine)));
	if (status->module.installed)
		json_object_object_add(object, "installed", json_object_new_string(status->module.installed_version));
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

static struct json_object *document_of(const struct status *status, const struct collector_status *collector,
				       const struct problems *problems)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "version", json_object_new_string(hadal_version()));
	add_number(object, "abi", HADAL_ABI_VERSION);
	json_object_object_add(object, "well", json_object_new_boolean(!problems->count));
	if (problems->count)
		json_object_object_add(object, "wrong", json_object_new_string(problems->text));
	json_object_object_add(object, "module", module_json(status));
	if (status->loaded)
		add_counts(object, status);
	json_object_object_add(object, "collector", collector_json(collector));
	return object;
}

static void print_json(const struct status *status, const struct collector_status *collector,
		       const struct problems *problems)
{
	struct json_object *object = document_of(status, collector, problems);

	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* ---- the command ---- */

struct options {
	const char *socket;
	bool json;
};

static const struct option_entry entries[] = {
	OPTION_FLAG("json", struct options, json),
	OPTION_TEXT("socket", struct options, socket),
	{ .name = NULL },
};

static void help(void)
{
	fputs("Usage: hadal status [OPTION...]\n"
	      "\n"
	      "Says in its first line whether all is well or what is wrong; then what the module\n"
	      "keeps and what was lost, and what hadald does. Exits with 1 when the module is not\n"
	      "loaded.\n"
	      "\n"
	      "  --json         the same for programs\n"
	      "  --socket PATH  ask hadald there instead of " QUERY_SOCKET "\n", stdout);
}

static void print_all(const struct status *status, const struct collector_status *collector,
		      const struct problems *problems)
{
	if (problems->count)
		printf("%-12s wrong: %s\n", "health", problems->text);
	else
		printf("%-12s all is well\n", "health");
	if (status->loaded)
		print_status(status);
	putchar('\n');
	collector_print(collector, stdout);
}

static void read_all(const char *socket, struct status *status, struct collector_status *collector,
		     struct problems *problems)
{
	*problems = (struct problems){ .count = 0 };
	read_status(status);
	collector_status_read(socket, collector);
	module_problems(status, problems);
	collector_problems(collector, problems);
}

struct json_object *status_document(const char *socket)
{
	struct collector_status collector;
	struct json_object *object;
	struct problems problems;
	struct status status;

	read_all(socket, &status, &collector, &problems);
	object = document_of(&status, &collector, &problems);
	collector_status_free(&collector);
	return object;
}

static int show(const struct options *options)
{
	struct collector_status collector;
	struct problems problems;
	struct status status;

	read_all(options->socket, &status, &collector, &problems);
	if (options->json)
		print_json(&status, &collector, &problems);
	else
		print_all(&status, &collector, &problems);
	collector_status_free(&collector);
	return status.loaded ? EXIT_WELL : EXIT_FAILED;
}

int command_status(int argc, char **argv)
{
	struct options options = { .json = false };
	int status = read_options(argc, argv, entries, help, &options);

	return status >= 0 ? status : show(&options);
}
