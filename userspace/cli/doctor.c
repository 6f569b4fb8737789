/* SPDX-License-Identifier: MIT */
/*
 * hadal doctor: runs the checks and says what mends what is missing.
 */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "checks.h"
#include "cli.h"
#include "doctor.h"
#include "options.h"

struct options {
	bool json;
	bool offline;
	const char *root;	/* "" for this system */
	const char *release;	/* NULL: of the running kernel */
};

static void help(void)
{
	fputs("Usage: hadal doctor [OPTION...]\n"
	      "\n"
	      "Says what is missing for the module to be built and loaded and for hadald to know\n"
	      "and to ship, and the command that mends it. Exits with 1 when something is. Each\n"
	      "receiver that is configured gets an empty request.\n"
	      "\n"
	      "  --json            for programs\n"
	      "  --offline         ask nobody: neither hadald, nor who is on the host, nor receivers\n"
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

static void print_remedy(const struct finding *finding)
{
	if (finding->remedy[0] && (finding->verdict == VERDICT_BAD || finding->verdict == VERDICT_UNKNOWN))
		printf("%-10s %-21s   mend: %s\n", "", "", finding->remedy);
}

static void print_finding(const struct check *check, const struct finding *finding)
{
	printf("%-10s %-21s %s%s", verdict_name(finding->verdict), check->name, finding->sink ? finding->sink : "",
	       finding->sink ? ": " : "");
	/* Of what others answer there may be a piece in it. */
	print_text(stdout, (struct hadal_text){ finding->text, strlen(finding->text) });
	putchar('\n');
	print_remedy(finding);
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
	if (text && text[0])
		json_object_object_add(object, name, json_object_new_string(text));
}

static struct json_object *finding_json(const struct check *check, const struct finding *finding)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "check", check->name);
	add_text(object, "sink", finding->sink);
	add_text(object, "verdict", verdict_name(finding->verdict));
	add_text(object, "finding", finding->text);
	if (finding->verdict == VERDICT_BAD || finding->verdict == VERDICT_UNKNOWN)
		add_text(object, "remedy", finding->remedy);
	return object;
}

/* Calls @each for what each check finds. Returns whether nothing is missing. */
static bool examine(const struct host *host,
		    void (*each)(void *context, const struct check *check, const struct finding *finding), void *context)
{
	struct finding finding;
	bool well = true;

	for (size_t i = 0; i < check_count; i++) {
		for (size_t j = 0; j < check_findings(&checks[i], host); j++) {
			check_run(&checks[i], host, j, &finding);
			well &= finding.verdict != VERDICT_BAD;
			each(context, &checks[i], &finding);
		}
	}
	return well;
}

static void print_each(void *context, const struct check *check, const struct finding *finding)
{
	(void)context;
	print_finding(check, finding);
}

static void add_each(void *context, const struct check *check, const struct finding *finding)
{
	json_object_array_add(context, finding_json(check, finding));
}

struct json_object *doctor_document(const struct host *host, bool *well)
{
	struct json_object *object = json_object_new_object(), *array = json_object_new_array();

	*well = examine(host, add_each, array);
	json_object_object_add(object, "kernel", json_object_new_string(host->release));
	json_object_object_add(object, "ok", json_object_new_boolean(*well));
	json_object_object_add(object, "checks", array);
	return object;
}

static bool print_json(const struct host *host)
{
	bool well;
	struct json_object *object = doctor_document(host, &well);

	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return well;
}

static bool take_root(void *options, const char *value)
{
	((struct options *)options)->root = strcmp(value, "/") ? value : "";
	return true;
}

static const struct option_entry entries[] = {
	OPTION_FLAG("json", struct options, json),
	OPTION_FLAG("offline", struct options, offline),
	OPTION_TAKEN("root", take_root, ""),
	OPTION_TEXT("kernel", struct options, release),
	{ .name = NULL },
};

int command_doctor(int argc, char **argv)
{
	struct options options = { .root = "" };
	int status = read_options(argc, argv, entries, help, &options);
	struct host host;
	bool well;

	if (status >= 0)
		return status;
	if (host_examine(&host, options.root, options.release)) {
		complain("doctor: no memory");
		return EXIT_FAILED;
	}
	host.living &= !options.offline;
	well = options.json ? print_json(&host) : examine(&host, print_each, NULL);
	host_release(&host);
	return well ? EXIT_WELL : EXIT_FAILED;
}
