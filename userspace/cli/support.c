/* SPDX-License-Identifier: MIT */
/*
 * hadal support: one archive of what says how Hadal is on this host, for who is to help.
 * Of the host it has what docs/security.md lists, and no secret.
 */
#include "support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "collector_setup.h"
#include "doctor.h"
#include "options.h"
#include "secrets.h"
#include "status.h"
#include "support_archive.h"
#include "support_config.h"
#include "support_facts.h"

#define DIRECTORY	"hadal-support/"

struct support {
	const struct host *host;
	struct secrets secrets;
	struct archive *archive;
	FILE *list;
};

/* ---- members ---- */

static void print_json(struct json_object *object, FILE *to)
{
	fputs(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE), to);
	fputc('\n', to);
	json_object_put(object);
}

static void write_config(struct support *support, FILE *to)
{
	support_config(support->host, &support->secrets, to);
}

static void write_doctor(struct support *support, FILE *to)
{
	bool well;

	print_json(doctor_document(support->host, &well), to);
}

static void write_status(struct support *support, FILE *to)
{
	const char *socket = support->host->collector->config.query_socket;

	if (!support->host->living) {
		fputs("{}\n", to);
		return;
	}
	print_json(status_document(socket && *socket ? socket : NULL), to);
}

static void write_versions(struct support *support, FILE *to)
{
	support_versions(support->host, to);
}

static void write_kernel_log(struct support *support, FILE *to)
{
	support_kernel_log(support->host, to);
}

static void write_build_logs(struct support *support, FILE *to)
{
	support_build_logs(support->host, to);
}

static void write_units(struct support *support, FILE *to)
{
	support_units(support->host, to);
}

static void write_journal(struct support *support, FILE *to)
{
	support_journal(support->host, to);
}

static void write_counters(struct support *support, FILE *to)
{
	support_counters(support->host, to);
}

/* The configuration comes first: what is secret in it must not be in what follows. */
static const struct member {
	const char *name;
	void (*write)(struct support *support, FILE *to);
} members[] = {
	{ "configuration.txt", write_config },
	{ "doctor.json", write_doctor },
	{ "status.json", write_status },
	{ "versions.txt", write_versions },
	{ "kernel.log", write_kernel_log },
	{ "dkms.log", write_build_logs },
	{ "units.txt", write_units },
	{ "journal.txt", write_journal },
	{ "counters.txt", write_counters },
};

/* ---- the archive ---- */

static int add_member(struct support *support, const struct member *member)
{
	char name[100], *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);
	int result = -ENOMEM;

	if (!to)
		return result;
	member->write(support, to);
	if (!fclose(to)) {
		secrets_remove(&support->secrets, text, length);
		snprintf(name, sizeof(name), DIRECTORY "%s", member->name);
		result = archive_add(support->archive, name, text, length);
		fprintf(support->list, "%8zu %s\n", length, name);
	}
	free(text);
	return result;
}

int support_write(const struct host *host, const char *path, FILE *list)
{
	struct support support = { .host = host, .list = list };
	int result = archive_open(path, &support.archive), closed;

	if (result)
		return result;
	support_learn(host, &support.secrets);
	for (size_t i = 0; !result && i < sizeof(members) / sizeof(members[0]); i++)
		result = add_member(&support, &members[i]);
	secrets_forget(&support.secrets);
	closed = archive_close(support.archive);
	result = result ? result : closed;
	if (result)
		unlink(path);
	return result;
}

/* ---- the command ---- */

struct options {
	const char *output;
	bool offline;
};

static const struct option_entry entries[] = {
	OPTION_TEXT("output", struct options, output),
	OPTION_FLAG("offline", struct options, offline),
	{ .name = NULL },
};

static void help(void)
{
	fputs("Usage: hadal support [OPTION...]\n"
	      "\n"
	      "Writes one archive of what says how Hadal is on this host, and lists what is in it:\n"
	      "what doctor finds, status, configuration, versions, the kernel's lines about hadal,\n"
	      "logs of builds, states of units, counters. Tokens and other secrets are taken out;\n"
	      "arguments and environments of processes are not looked at.\n"
	      "\n"
	      "  --output FILE  write it there; default: hadal-support-HOST-TIME.tar.gz, here\n"
	      "  --offline      ask nobody: neither hadald, nor who is on the host, nor receivers\n", stdout);
}

static void name_archive(char *name, size_t size)
{
	char host[64] = "", when[32];
	time_t now = time(NULL);
	struct tm time;

	gethostname(host, sizeof(host) - 1);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &time));
	snprintf(name, size, "hadal-support-%s-%s.tar.gz", host, when);
}

static int run(const struct options *options)
{
	char usual[128];
	const char *name = options->output ? options->output : usual;
	struct host host;
	int result;

	name_archive(usual, sizeof(usual));
	result = host_examine(&host, "", NULL);
	host.living &= !options->offline;
	if (!result)
		result = support_write(&host, name, stdout);
	host_release(&host);
	if (result) {
		complain("support: %s: %s", name, strerror(-result));
		return EXIT_FAILED;
	}
	printf("%s: look through it before it is given away\n", name);
	return EXIT_WELL;
}

int command_support(int argc, char **argv)
{
	struct options options = { .output = NULL };
	int status = read_options(argc, argv, entries, help, &options);

	return status >= 0 ? status : run(&options);
}
