/* SPDX-License-Identifier: MIT */
/*
 * hadal doctor: runs the checks and says what mends what is missing.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "checks.h"
#include "cli.h"

struct options {
	bool json;
	const char *root;	/* "" for this system */
	const char *release;	/* NULL: of the running kernel */
};

enum {
	OPTION_HELP = 256,
	OPTION_JSON,
	OPTION_ROOT,
	OPTION_KERNEL,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "root", required_argument, NULL, OPTION_ROOT },
	{ "kernel", required_argument, NULL, OPTION_KERNEL },
	{ NULL, 0, NULL, 0 },
};

static void help(void)
{
	fputs("Usage: hadal doctor [OPTION...]\n"
	      "\n"
	      "Says what is missing for the module to be built and loaded, and the command\n"
	      "that mends it. Exits with 1 when something is.\n"
	      "\n"
	      "  --json            for programs\n"
	      "  --root DIR        look at the system installed below DIR, as when an image is made\n"
	      "  --kernel RELEASE  look at that kernel instead of the running one\n", stdout);
}

static const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_GOOD] = "ok",
		[VERDICT_BAD] = "missing",
		[VERDICT_UNKNOWN] = "unknown",
		[VERDICT_NOT_NEEDED] = "not needed",
	};

	return names[verdict];
}

static void print_finding(const struct check *check, const struct finding *finding)
{
	printf("%-10s %-20s %s\n", verdict_name(finding->verdict), check->name, finding->text);
	if (finding->verdict == VERDICT_BAD)
		printf("%-10s %-20s   mend: %s\n", "", "", finding->remedy);
}

static void add_finding(struct json_object *array, const struct check *check,
			const struct finding *finding)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "check", json_object_new_string(check->name));
	json_object_object_add(object, "verdict", json_object_new_string(verdict_name(finding->verdict)));
	json_object_object_add(object, "finding", json_object_new_string(finding->text));
	if (finding->verdict == VERDICT_BAD)
		json_object_object_add(object, "remedy", json_object_new_string(finding->remedy));
	json_object_array_add(array, object);
}

static void print_json(struct json_object *array, const struct host *host, bool well)
{
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "kernel", json_object_new_string(host->release));
	json_object_object_add(object, "ok", json_object_new_boolean(well));
	json_object_object_add(object, "checks", array);
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}

/* Returns whether nothing is missing. */
static bool examine(const struct host *host, bool json)
{
	struct json_object *array = json ? json_object_new_array() : NULL;
	struct finding finding;
	bool well = true;
	size_t i;

	for (i = 0; i < check_count; i++) {
		check_run(&checks[i], host, &finding);
		well &= finding.verdict != VERDICT_BAD;
		if (json)
			add_finding(array, &checks[i], &finding);
		else
			print_finding(&checks[i], &finding);
	}
	if (json)
		print_json(array, host, well);
	return well;
}

/* Returns an exit status, or -1 to go on. */
static int take_options(struct options *options, int argc, char **argv)
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		switch (option) {
		case 'h':
		case OPTION_HELP:
			help();
			return EXIT_WELL;
		case OPTION_JSON:
			options->json = true;
			break;
		case OPTION_ROOT:
			options->root = strcmp(optarg, "/") ? optarg : "";
			break;
		case OPTION_KERNEL:
			options->release = optarg;
			break;
		default:
			return complain_of_option(option, argv);
		}
	}
	return has_operand(argc, argv) ? EXIT_USAGE : -1;
}

int command_doctor(int argc, char **argv)
{
	struct options options = { .root = "" };
	int status = take_options(&options, argc, argv);
	struct host host;
	bool well;

	if (status >= 0)
		return status;
	host_examine(&host, options.root, options.release);
	well = examine(&host, options.json);
	host_release(&host);
	return well ? EXIT_WELL : EXIT_FAILED;
}
