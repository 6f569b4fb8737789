/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	"  --estimate[=SECONDS]\n"
	"                  look at this host for that long (60 s), ship nothing, and print what\n"
	"                  shipping would be: points, requests and bytes by sink and profile, a month\n"
	"  --capture FILE  with --estimate: of a capture of 'hadal record' instead of this host\n"
	"  --foreground    do not detach; hadald never does\n"
	"  --version       print the version and exit\n"
	"  --help          print this and exit\n"
	"\n"
	"SIGTERM ships what is left and ends; SIGHUP reads the configuration anew.\n";

enum {
	OPTION_CONFIG = 256,
	OPTION_CHECK,
	OPTION_ESTIMATE,
	OPTION_CAPTURE,
	OPTION_FOREGROUND,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "check-config", no_argument, NULL, OPTION_CHECK },
	{ "estimate", optional_argument, NULL, OPTION_ESTIMATE },
	{ "capture", required_argument, NULL, OPTION_CAPTURE },
	{ "foreground", no_argument, NULL, OPTION_FOREGROUND },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

enum { ESTIMATE_DEFAULT = 60, ESTIMATE_MAX = 86400 };	/* s */

struct arguments {
	const char *path, *capture;
	bool check;
	unsigned int estimate;	/* s; 0: not asked for */
};

/* Exits where it is no number of seconds. */
static unsigned int parse_seconds(const char *text)
{
	unsigned long seconds;
	char *end;

	if (!text)
		return ESTIMATE_DEFAULT;
	seconds = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && seconds >= 1 && seconds <= ESTIMATE_MAX)
		return (unsigned int)seconds;
	fprintf(stderr, "hadald: --estimate: '%s' is not a number of seconds between 1 and %d\n", text, ESTIMATE_MAX);
	exit(2);
}

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
		case OPTION_ESTIMATE:
			arguments->estimate = parse_seconds(optarg);
			break;
		case OPTION_CAPTURE:
			arguments->capture = optarg;
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
	if (arguments->capture && !arguments->estimate) {
		fputs("hadald: --capture is for --estimate\n", stderr);
		exit(2);
	}
	if (optind == argc)
		return;
	fprintf(stderr, "hadald: '%s': no arguments are taken but options\n", argv[optind]);
	exit(2);
}

static int estimate(struct config *config, const struct arguments *arguments)
{
	struct config as_configured = { .profile = config->profile, .interval = config->interval };
	struct estimate estimate;
	char error[512];
	int result = estimate_open(&estimate, config);

	if (result) {
		fprintf(stderr, "hadald: %s\n", strerror(-result));
		config_free(config);
	} else if (arguments->capture) {
		config_free(config);
		result = estimate_capture(&estimate, arguments->capture, error, sizeof(error));
		if (result)
			fprintf(stderr, "hadald: %s: %s\n", arguments->capture, error);
	} else {
		result = collector_estimate(config, arguments->estimate, &estimate);
	}
	if (!result && estimate.error) {
		fprintf(stderr, "hadald: an interval is not in the estimate: %s\n", strerror(-estimate.error));
		result = estimate.error;
	}
	if (!result)
		estimate_print(&estimate, &as_configured, stdout);
	estimate_close(&estimate);
	return result || fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
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
	if (arguments.estimate)
		return estimate(&config, &arguments);
	return collector_run(&config, arguments.path) ? EXIT_FAILURE : EXIT_SUCCESS;
}
