/* SPDX-License-Identifier: MIT */
/*
 * hadal events: what happens, line by line; or what a capture has.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <hadal/capture.h>
#include <hadal/event.h>

#include "cli.h"
#include "event_output.h"
#include "stream.h"

struct options {
	struct stream_options stream;
	bool json;
	uint64_t count;		/* events; 0: without end */
	const char *from;	/* a capture; NULL: this host */
};

struct events {
	struct options options;
	struct hadal_clock clock;
	struct containers *containers;
	uint64_t shown;
};

static void help(void)
{
	fputs("Usage: hadal events [OPTION...]\n"
	      "\n"
	      "Prints processes, TCP connections, UDP flows and answers of DNS as they\n"
	      "happen, until interrupted, and then on standard error what was lost.\n"
	      "\n"
	      "  --json            JSON lines; /usr/share/doc/hadal/events.md says what is in them\n"
	      "  --from FILE       what hadal record has written, instead of this host; -: standard input\n"
	      "  --count N         end after N events\n"
	      "  --class LIST      of process,cgroup,tcp,udp,dns; default: process,tcp\n"
	      "  --dump            first what exists: processes, connections, listeners\n"
	      "  --snapshot TIME   counters of the connections and flows that live, each so often\n"
	      STREAM_OPTIONS_HELP, stdout);
}

enum {
	OPTION_JSON = STREAM_OPTIONS_END,
	OPTION_COUNT,
	OPTION_DUMP,
	OPTION_FROM,
};

static const struct option long_options[] = {
	STREAM_LONG_OPTIONS,
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "dump", no_argument, NULL, OPTION_DUMP },
	{ "from", required_argument, NULL, OPTION_FROM },
	{ NULL, 0, NULL, 0 },
};

static int take_option(void *context, int option, const char *name)
{
	struct options *options = context;

	switch (option) {
	case OPTION_JSON:
		options->json = true;
		return EXIT_WELL;
	case OPTION_DUMP:
		options->stream.dump = true;
		return EXIT_WELL;
	case OPTION_FROM:
		options->from = optarg;
		return EXIT_WELL;
	case OPTION_COUNT:
		if (parse_count(optarg, &options->count))
			return EXIT_WELL;
		return stream_options_refuse("events", name, optarg, "not a number above 0");
	default:
		return stream_options_take(&options->stream, option, "events", name);
	}
}

/* ---- showing ---- */

static int show(void *context, const struct hadal_record *record)
{
	struct events *events = context;
	const struct container *container;

	hadal_clock_update(&events->clock, record);
	containers_learn(events->containers, record);
	if (!hadal_event_name(record))
		return 0;
	events->shown++;
	container = containers_find(events->containers, record);
	if (events->options.json)
		return event_json(stdout, record, &events->clock, container);
	return event_line(stdout, record, &events->clock, container);
}

/* Standard output is flushed before each wait, not after each line. */
static int flush(void *context)
{
	(void)context;
	fflush(stdout);
	return 0;
}

static bool is_enough(void *context)
{
	const struct events *events = context;

	return ferror(stdout) || (events->options.count && events->shown >= events->options.count);
}

/* ---- of this host ---- */

static int show_host(struct events *events)
{
	struct stream stream = {
		.options = &events->options.stream,
		.take = show, .rest = flush, .is_enough = is_enough, .context = events,
	};
	int status = stream_open(&stream), error;

	if (status != EXIT_WELL)
		return status;
	error = stream_run(&stream);
	status = check_output();
	if (status < 0 && error < 0) {
		stream_complain(&stream, error);
		status = EXIT_FAILED;
	} else if (status < 0) {
		stream_report(&stream, "events", events->shown);
		status = EXIT_WELL;
	}
	stream_close(&stream);
	return status;
}

/* ---- of a capture ---- */

static int show_items(struct events *events, struct hadal_capture_reader *capture)
{
	const struct hadal_record *record;
	struct hadal_text document;
	int result = 0;

	while (result >= 0 && !is_enough(events)) {
		result = hadal_capture_next(capture, &record, &document);
		if (result == HADAL_CAPTURE_END)
			return 0;
		if (result == HADAL_CAPTURE_RECORD)
			result = show(events, record);
	}
	return result;
}

static void report_capture(const struct events *events, const struct hadal_capture_end *end)
{
	uint64_t lost = 0;
	unsigned int i;

	for (i = 0; i < HADAL_CLASS_SLOTS; i++)
		lost += end->lost[i];
	fprintf(stderr, "hadal: %llu events of %llu records", (unsigned long long)events->shown,
		(unsigned long long)end->records);
	if (end->is_whole)
		fprintf(stderr, ", %llu lost while it was made", (unsigned long long)lost);
	fputc('\n', stderr);
}

static int show_opened(struct events *events, struct hadal_capture_reader *capture)
{
	int error = show_items(events, capture), status = check_output();
	struct hadal_capture_end end;

	hadal_capture_ending(capture, &end);
	if (status >= 0)
		return status;
	if (error < 0) {
		complain("%s: %s", events->options.from, strerror(-error));
		return EXIT_FAILED;
	}
	report_capture(events, &end);
	/* That there is more does not matter to who has enough. */
	if (end.is_whole || is_enough(events))
		return EXIT_WELL;
	complain("%s: %s", events->options.from, end.why);
	return EXIT_FAILED;
}

static int show_capture_in(struct events *events, int fd)
{
	struct hadal_capture_reader *capture;
	int error = hadal_capture_open(&capture, fd), status = EXIT_FAILED;

	if (error == 0)
		status = show_opened(events, capture);
	else
		complain("%s: %s", events->options.from,
			 capture ? hadal_capture_why(capture) : strerror(-error));
	hadal_capture_close(capture);
	return status;
}

static int show_capture(struct events *events)
{
	const char *path = events->options.from;
	int fd, status;

	signal(SIGPIPE, SIG_IGN);
	if (!strcmp(path, "-"))
		return show_capture_in(events, STDIN_FILENO);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		complain("%s: %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	status = show_capture_in(events, fd);
	close(fd);
	return status;
}

/* ---- the command ---- */

static bool has_stream_options(const struct options *options)
{
	static const struct stream_options none;

	return memcmp(&options->stream, &none, sizeof(none)) != 0;
}

int command_events(int argc, char **argv)
{
	struct events events = { .shown = 0 };
	int status = parse_options(argc, argv, long_options, help, take_option, &events.options);

	if (status >= 0)
		return status;
	if (has_operand(argc, argv))
		return EXIT_USAGE;
	if (events.options.from && has_stream_options(&events.options)) {
		complain("events: with --from there are --json and --count alone");
		return EXIT_USAGE;
	}
	events.containers = containers_create(!events.options.from);
	if (!events.containers) {
		complain("%s", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	status = events.options.from ? show_capture(&events) : show_host(&events);
	containers_destroy(events.containers);
	return status;
}
