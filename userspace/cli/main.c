/* SPDX-License-Identifier: MIT */
/*
 * hadal: a table of subcommands.
 */
#include <string.h>

#include <hadal/hadal.h>

#include "cli.h"

struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "status", "what the module is doing, and what was lost", command_status },
	{ "flows", "which service talks to which, and how well", command_flows },
	{ "ps", "processes with their service, task and container", command_ps },
	{ "top", "the same live: by service, task, container, process or edge", command_top },
	{ "events", "processes and connections as they happen", command_events },
	{ "record", "the same into a file, for hadal events --from", command_record },
	{ "replay", "who talked to whom in such a file, as the collector tells it", command_replay },
	{ "module", "loads the module where it may be; reload, and the way out of quarantine", command_module },
	{ "doctor", "what module and collector lack, and what mends it", command_doctor },
	{ "support", "one archive of what says how Hadal is here, without secrets", command_support },
};

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void help(FILE *to)
{
	size_t i;

	fputs("Usage: hadal COMMAND [OPTION...]\n"
	      "\n"
	      "Shows what processes and TCP connections on this host do, as hadal.ko records it.\n"
	      "\n"
	      "Commands:\n", to);
	for (i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n"
	      "Options:\n"
	      "  --help     this, or with a command its options\n"
	      "  --version  version of this program\n", to);
}

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int run(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		help(stdout);
		return EXIT_WELL;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("hadal %s\n", hadal_version());
		return EXIT_WELL;
	}
	command = find_command(argv[1]);
	if (!command) {
		complain("%s is not a%s of hadal; 'hadal --help' lists them", argv[1],
			 argv[1][0] == '-' ? "n option" : " command");
		return EXIT_USAGE;
	}
	return command->run(argc - 1, argv + 1);
}

/* What was lost on its way out was not said. */
int main(int argc, char **argv)
{
	int status = run(argc, argv), output = status == EXIT_WELL ? check_output() : -1;

	return output < 0 ? status : output;
}
