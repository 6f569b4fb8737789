/* SPDX-License-Identifier: MIT */
/*
 * hadal replay: what the collector would have told of a capture.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "replay_output.h"
#include "stream_options.h"

struct options {
	bool json;
	const char *path;
};

enum {
	OPTION_JSON = STREAM_OPTIONS_END,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ NULL, 0, NULL, 0 },
};

static void help(void)
{
	fputs("Usage: hadal replay [OPTION...] FILE\n"
	      "\n"
	      "Runs the collector on what hadal record has written, and prints who talked to\n"
	      "whom and how processes ended, then on standard error what was lost or is not\n"
	      "known. Nothing but FILE is looked at; -: standard input.\n"
	      "\n"
	      "  --json            one JSON object; hadal-capture(5) says what is in it\n", stdout);
}

static int take_option(void *context, int option, const char *name)
{
	struct options *options = context;

	(void)option;
	(void)name;
	options->json = true;
	return EXIT_WELL;
}

static int print(const struct options *options, const struct replay *replay, const struct hadal_capture_end *end)
{
	int result = options->json ? replay_json(stdout, replay, end) : replay_table(stdout, replay);

	if (!result && (fflush(stdout) || ferror(stdout)))
		result = -errno;
	return result;
}

static int show(const struct options *options, const struct replay *replay, struct hadal_capture_reader *capture)
{
	struct hadal_capture_end end;
	int result;

	hadal_capture_ending(capture, &end);
	result = print(options, replay, &end);
	/* Who reads us has seen enough. */
	if (result == -EPIPE)
		return EXIT_WELL;
	if (result) {
		complain("standard output: %s", strerror(-result));
		return EXIT_FAILED;
	}
	replay_report(stderr, replay, &end);
	if (end.is_whole)
		return EXIT_WELL;
	complain("%s: %s", options->path, end.why);
	return EXIT_FAILED;
}

static int replay_opened(const struct options *options, struct hadal_capture_reader *capture)
{
	struct replay *replay;
	int error = replay_new(&replay, hadal_capture_realtime(capture), UINT64_MAX), status = EXIT_FAILED;

	if (error) {
		complain("%s", strerror(-error));
		return EXIT_FAILED;
	}
	error = replay_capture(replay, capture);
	if (error)
		complain("%s: %s", options->path, *replay->error ? replay->error : strerror(-error));
	else
		status = show(options, replay, capture);
	replay_free(replay);
	return status;
}

static int replay_file(const struct options *options, int fd)
{
	struct hadal_capture_reader *capture;
	int error = hadal_capture_open(&capture, fd), status = EXIT_FAILED;

	if (error)
		complain("%s: %s", options->path, capture ? hadal_capture_why(capture) : strerror(-error));
	else
		status = replay_opened(options, capture);
	hadal_capture_close(capture);
	return status;
}

int command_replay(int argc, char **argv)
{
	struct options options = { .json = false };
	int status = parse_options(argc, argv, long_options, help, take_option, &options), fd;

	if (status >= 0)
		return status;
	if (optind != argc - 1) {
		complain("replay: %s; 'hadal replay --help' says how it is called",
			 optind == argc ? "the file to replay is missing" : "more than one file");
		return EXIT_USAGE;
	}
	options.path = argv[optind];
	signal(SIGPIPE, SIG_IGN);
	fd = strcmp(options.path, "-") ? open(options.path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (fd < 0) {
		complain("%s: %s", options.path, strerror(errno));
		return EXIT_FAILED;
	}
	status = replay_file(&options, fd);
	close(fd);
	return status;
}
