/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector.h"
#include "config.h"
#include "log.h"

static const char usage[] =
	"Usage: hadald [OPTION]...\n"
	"Collects what the kernel module hadal records and ships it by OTLP.\n"
	"\n"
	"  --config FILE   read FILE, and the *.conf of FILE's directory of drop-ins, instead of\n"
	"                  " CONFIG_DEFAULT_PATH " and /etc/hadal/hadald.d\n"
	"  --check-config  check the configuration, say what is wrong, and exit\n"
	"  --foreground    do not detach; hadald never does\n"
	"  --version       print the version and exit\n"
	"  --help          print this and exit\n"
	"\n"
	"SIGTERM ships what is left and ends; SIGHUP reads the configuration anew.\n";

enum {
	OPTION_CONFIG = 256,
	OPTION_CHECK,
	OPTION_FOREGROUND,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "check-config", no_argument, NULL, OPTION_CHECK },
	{ "foreground", no_argument, NULL, OPTION_FOREGROUND },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	const char *path;
	bool check;
};

/* Exits by itself where nothing is to be run. */
static void parse_arguments(int argc, char **argv, struct arguments *arguments)
{
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case OPTION_CONFIG:
			arguments->path = optarg;
			break;
		case OPTION_CHECK:
			arguments->check = true;
			break;
		case OPTION_FOREGROUND:
			break;
		case OPTION_VERSION:
			puts("hadald " HADAL_VERSION);
			exit(EXIT_SUCCESS);
		case OPTION_HELP:
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			fputs("'hadald --help' lists the options\n", stderr);
			exit(2);
		}
	}
	if (optind == argc)
		return;
	fprintf(stderr, "hadald: '%s': no arguments are taken but options\n", argv[optind]);
	exit(2);
}

int main(int argc, char **argv)
{
	struct arguments arguments = { 0 };
	struct config config;
	bool wrong;

	parse_arguments(argc, argv, &arguments);
	wrong = config_load(&config, arguments.path, stderr);
	if (wrong || arguments.check) {
		config_free(&config);
		if (!wrong)
			puts("the configuration is in order");
		return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	return collector_run(&config, arguments.path) ? EXIT_FAILURE : EXIT_SUCCESS;
}
