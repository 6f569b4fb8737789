/* SPDX-License-Identifier: MIT */
/*
 * hadal events: what happens, line by line.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hadal/cgroup.h>
#include <hadal/event.h>

#include "cli.h"
#include "event_output.h"

#define NSEC_PER_MSEC	1000000ULL
#define ARGV_LIMIT	4096	/* bytes that any module takes */

struct options {
	bool json;
	bool dump;
	uint32_t classes;	/* 0: what the module has */
	uint64_t duration;	/* ns; 0: without end */
	uint64_t count;		/* events; 0: without end */
	uint64_t snapshot;	/* ns between two; 0: none */
	uint32_t flow_ring_size;	/* bytes; 0: default */
	uint32_t lifecycle_ring_size;
	uint32_t argv_max;	/* bytes, if has_argv_max */
	bool has_argv_max;
	struct hadal_config filter;	/* its filters alone */
};

struct stream {
	struct options options;
	struct hadal_session *session;
	struct hadal_clock clock;
	struct containers *containers;
	uint64_t events;
	uint64_t end;		/* CLOCK_MONOTONIC, ns */
	uint64_t next_snapshot;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void help(void)
{
	fputs("Usage: hadal events [OPTION...]\n"
	      "\n"
	      "Prints processes, TCP connections, UDP flows and answers of DNS as they\n"
	      "happen, until interrupted, and then on standard error what was lost.\n"
	      "\n"
	      "  --json            JSON lines; docs/events.md and hadal(1) say what is in them\n"
	      "  --class LIST      of process,cgroup,tcp,udp,dns; default: process,tcp\n"
	      "  --duration TIME   end after 10s, 500ms, 2m\n"
	      "  --count N         end after N events\n"
	      "  --dump            first what exists: processes, connections, listeners\n"
	      "  --snapshot TIME   counters of the connections and flows that live, each so often\n"
	      "  --cgroup PATH     only what is in that v2 cgroup or below it; up to 16 times\n"
	      "  --port LIST       only connections with such a port at either end: 80,8000-8099\n"
	      "  --not-port LIST   only those without\n"
	      "  --no-loopback     no connections over loopback\n"
	      "  --min-duration TIME\n"
	      "                    only connections that last so long, told when they end\n"
	      "  --argv SIZE       bytes of arguments per exec, up to 4K; 0: none; default: 256\n"
	      "  --ring-size SIZE  bytes per CPU and lane, a power of two: 4096, 64K, 1M\n"
	      "  --flow-ring-size SIZE, --lifecycle-ring-size SIZE\n"
	      "                    the same for connections and for processes alone\n", stdout);
}

enum {
	OPTION_HELP = 256,
	OPTION_JSON,
	OPTION_CLASS,
	OPTION_DURATION,
	OPTION_COUNT,
	OPTION_DUMP,
	OPTION_SNAPSHOT,
	OPTION_CGROUP,
	OPTION_PORT,
	OPTION_NOT_PORT,
	OPTION_NO_LOOPBACK,
	OPTION_MIN_DURATION,
	OPTION_ARGV,
	OPTION_RING_SIZE,
	OPTION_FLOW_RING_SIZE,
	OPTION_LIFECYCLE_RING_SIZE,
};

static const struct option long_options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "class", required_argument, NULL, OPTION_CLASS },
	{ "duration", required_argument, NULL, OPTION_DURATION },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "dump", no_argument, NULL, OPTION_DUMP },
	{ "snapshot", required_argument, NULL, OPTION_SNAPSHOT },
	{ "cgroup", required_argument, NULL, OPTION_CGROUP },
	{ "port", required_argument, NULL, OPTION_PORT },
	{ "not-port", required_argument, NULL, OPTION_NOT_PORT },
	{ "no-loopback", no_argument, NULL, OPTION_NO_LOOPBACK },
	{ "min-duration", required_argument, NULL, OPTION_MIN_DURATION },
	{ "argv", required_argument, NULL, OPTION_ARGV },
	{ "ring-size", required_argument, NULL, OPTION_RING_SIZE },
	{ "flow-ring-size", required_argument, NULL, OPTION_FLOW_RING_SIZE },
	{ "lifecycle-ring-size", required_argument, NULL, OPTION_LIFECYCLE_RING_SIZE },
	{ NULL, 0, NULL, 0 },
};

static int bad_value(const char *option, const char *value, const char *wanted)
{
	complain("events: --%s %s: %s", option, value, wanted);
	return EXIT_USAGE;
}

static int take_classes(struct options *options, const char *text)
{
	char *unknown = NULL;

	if (parse_classes(text, &options->classes, &unknown))
		return EXIT_WELL;
	complain("events: --class %s: there is no class '%s'; there are process, cgroup, tcp, udp and dns",
		 text, unknown ? unknown : text);
	free(unknown);
	return EXIT_USAGE;
}

static int take_duration(const char *option, const char *text, uint64_t *duration)
{
	if (parse_duration(text, duration) && *duration)
		return EXIT_WELL;
	return bad_value(option, text, "not a time such as 10s, 500ms or 2m");
}

static int take_size(const char *option, const char *text, uint32_t *size)
{
	if (parse_size(text, size) && *size && !(*size & (*size - 1)))
		return EXIT_WELL;
	return bad_value(option, text, "not a power of two such as 4096, 64K or 1M");
}

static int take_argv(struct options *options, const char *text)
{
	if (!parse_size(text, &options->argv_max) || options->argv_max > ARGV_LIMIT)
		return bad_value("argv", text, "not a size of at most 4K");
	options->has_argv_max = true;
	return EXIT_WELL;
}

static int take_cgroup(struct hadal_config *filter, const char *path)
{
	uint64_t id;

	if (filter->cgroup_count == HADAL_FILTER_CGROUPS)
		return bad_value("cgroup", path, "more than 16");
	if (hadal_cgroup_id(path, &id) < 0)
		return bad_value("cgroup", path, "there is no such v2 cgroup");
	filter->cgroups[filter->cgroup_count++] = id;
	return EXIT_WELL;
}

static int take_ports(struct hadal_config *filter, const char *option, const char *text, uint32_t flag)
{
	int result;

	if (filter->port_count)
		return bad_value(option, text, "ports are given once, by --port or --not-port");
	result = hadal_port_ranges(text, filter->ports, &filter->port_count);
	if (result < 0)
		return bad_value(option, text, result == -E2BIG ? "more than 16 ports or ranges" :
				 "not a list of ports such as 80,443,8000-8099");
	filter->flags |= flag;
	return EXIT_WELL;
}

static int take_min_duration(struct hadal_config *filter, const char *option, const char *text)
{
	uint64_t duration = 0;
	int status = take_duration(option, text, &duration);

	filter->min_duration = duration;
	return status;
}

static int take_filter(struct hadal_config *filter, int option, const char *name)
{
	switch (option) {
	case OPTION_CGROUP:
		return take_cgroup(filter, optarg);
	case OPTION_PORT:
		return take_ports(filter, name, optarg, 0);
	case OPTION_NOT_PORT:
		return take_ports(filter, name, optarg, HADAL_CONFIG_EXCLUDE_PORTS);
	case OPTION_NO_LOOPBACK:
		filter->flags |= HADAL_CONFIG_NO_LOOPBACK;
		return EXIT_WELL;
	case OPTION_MIN_DURATION:
		return take_min_duration(filter, name, optarg);
	default:
		return EXIT_USAGE;
	}
}

static int take_option(struct options *options, int option, const char *name)
{
	switch (option) {
	case OPTION_JSON:
		options->json = true;
		return EXIT_WELL;
	case OPTION_DUMP:
		options->dump = true;
		return EXIT_WELL;
	case OPTION_CLASS:
		return take_classes(options, optarg);
	case OPTION_DURATION:
		return take_duration(name, optarg, &options->duration);
	case OPTION_SNAPSHOT:
		return take_duration(name, optarg, &options->snapshot);
	case OPTION_COUNT:
		if (parse_count(optarg, &options->count))
			return EXIT_WELL;
		return bad_value(name, optarg, "not a number above 0");
	case OPTION_ARGV:
		return take_argv(options, optarg);
	case OPTION_FLOW_RING_SIZE:
		return take_size(name, optarg, &options->flow_ring_size);
	case OPTION_LIFECYCLE_RING_SIZE:
		return take_size(name, optarg, &options->lifecycle_ring_size);
	case OPTION_RING_SIZE:
		if (take_size(name, optarg, &options->flow_ring_size))
			return EXIT_USAGE;
		options->lifecycle_ring_size = options->flow_ring_size;
		return EXIT_WELL;
	default:
		return take_filter(&options->filter, option, name);
	}
}

/* Returns an exit status, or -1 to go on. */
static int take_options(struct options *options, int argc, char **argv)
{
	int option, index = 0, status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, &index)) != -1) {
		if (option == '?' || option == ':')
			return complain_of_option(option, argv);
		if (option == 'h' || option == OPTION_HELP) {
			help();
			return EXIT_WELL;
		}
		status = take_option(options, option, long_options[index].name);
		if (status)
			return status;
	}
	return has_operand(argc, argv) ? EXIT_USAGE : -1;
}

/* ---- the session ---- */

static int complain_of_open(int error)
{
	switch (error) {
	case -ENOENT:
		complain("the module is not loaded: there is no %s; 'modprobe hadal' loads it, "
			 "'hadal doctor' says what is missing", HADAL_DEVICE_PATH);
		break;
	case -EACCES:
	case -EPERM:
		complain("%s: %s; be root or in the group hadal", HADAL_DEVICE_PATH, strerror(-error));
		break;
	default:
		complain("%s: %s", HADAL_DEVICE_PATH, strerror(-error));
	}
	return EXIT_FAILED;
}

/* A small ring takes less of argv: the module wants room for four. */
static void set_argv(struct hadal_config *config, const struct options *options)
{
	uint32_t room = config->lifecycle_ring_size / 4;

	if (options->has_argv_max)
		config->argv_max = options->argv_max;
	if (config->argv_max > room)
		config->argv_max = room;
}

static void set_filter(struct hadal_config *config, const struct hadal_config *filter)
{
	config->flags = filter->flags;
	config->cgroup_count = filter->cgroup_count;
	memcpy(config->cgroups, filter->cgroups, sizeof(config->cgroups));
	config->port_count = filter->port_count;
	memcpy(config->ports, filter->ports, sizeof(config->ports));
	config->min_duration = filter->min_duration;
}

static int configure(struct stream *stream)
{
	const struct options *options = &stream->options;
	struct hadal_config config;
	struct hadal_query query;

	hadal_session_query(stream->session, &query);
	hadal_config_default(&config, &query);
	if (options->classes)
		config.classes = options->classes;
	if (options->flow_ring_size)
		config.flow_ring_size = options->flow_ring_size;
	if (options->lifecycle_ring_size)
		config.lifecycle_ring_size = options->lifecycle_ring_size;
	set_argv(&config, options);
	set_filter(&config, &options->filter);
	return hadal_session_configure(stream->session, &config);
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000 * NSEC_PER_MSEC + (uint64_t)time.tv_nsec;
}

static bool has_class(const struct options *options, enum hadal_class wanted)
{
	return options->classes & HADAL_CLASS_BIT(wanted);
}

/* Connections and flows: what has counters. */
static uint32_t living(const struct options *options)
{
	uint32_t what = 0;

	if (!options->classes || has_class(options, HADAL_CLASS_TCP))
		what |= HADAL_DUMP_CONNECTIONS;
	if (has_class(options, HADAL_CLASS_UDP))
		what |= HADAL_DUMP_UDP;
	return what;
}

static int begin(struct stream *stream)
{
	const struct options *options = &stream->options;
	uint32_t existing = living(options);
	int error = configure(stream);

	if (error == 0)
		error = hadal_session_start(stream->session);
	if (!options->classes || has_class(options, HADAL_CLASS_PROCESS))
		existing |= HADAL_DUMP_PROCESSES;
	if (has_class(options, HADAL_CLASS_CGROUP))
		existing |= HADAL_DUMP_CGROUPS;
	if (error == 0 && options->dump)
		error = hadal_session_request_dump(stream->session, existing);
	stream->end = options->duration ? now() + options->duration : UINT64_MAX;
	stream->next_snapshot = options->snapshot && living(options) ? now() + options->snapshot : UINT64_MAX;
	return error;
}

/* ---- the stream ---- */

static int show(struct stream *stream, const struct hadal_record *record)
{
	const struct container *container;

	hadal_clock_update(&stream->clock, record);
	if (!hadal_event_name(record))
		return 0;
	stream->events++;
	container = containers_find(stream->containers, record);
	if (stream->options.json)
		return event_json(stdout, record, &stream->clock, container);
	return event_line(stdout, record, &stream->clock, container);
}

static bool is_over(const struct stream *stream)
{
	return interrupted || ferror(stdout) || now() >= stream->end;
}

static bool has_enough(const struct stream *stream)
{
	return stream->options.count && stream->events >= stream->options.count;
}

static int take_snapshot(struct stream *stream)
{
	uint32_t what = living(&stream->options);
	int error;

	if (now() < stream->next_snapshot)
		return 0;
	error = hadal_session_request_dump(stream->session, what);
	/* The one before is still being written: this one is left out. */
	if (error < 0 && error != -EBUSY)
		return error;
	stream->next_snapshot += stream->options.snapshot;
	return 0;
}

static int milliseconds_to(uint64_t time)
{
	uint64_t at = now();

	if (time <= at)
		return 0;
	return time - at < HADAL_READ_INTERVAL * NSEC_PER_MSEC ?
		(int)((time - at) / NSEC_PER_MSEC) + 1 : HADAL_READ_INTERVAL;
}

/* Standard output is flushed before each wait, not after each line. */
static int next_record(struct stream *stream, const struct hadal_record **record)
{
	uint64_t wake = stream->end < stream->next_snapshot ? stream->end : stream->next_snapshot;
	int result = hadal_session_next(stream->session, record, 0);

	if (result != 0)
		return result;
	fflush(stdout);
	return hadal_session_next(stream->session, record, milliseconds_to(wake));
}

static int follow(struct stream *stream)
{
	const struct hadal_record *record;
	int result = 0;

	while (result >= 0 && !is_over(stream) && !has_enough(stream)) {
		result = take_snapshot(stream);
		if (result == 0)
			result = next_record(stream, &record);
		if (result > 0)
			result = show(stream, record);
		if (result == -EINTR)
			result = 0;
	}
	return result;
}

/* What was recorded up to now. */
static int drain(struct stream *stream)
{
	const struct hadal_record *record;
	int result = hadal_session_stop(stream->session);

	while (result == 0 && !has_enough(stream) && !ferror(stdout)) {
		result = hadal_session_next(stream->session, &record, HADAL_READ_INTERVAL);
		if (result == 0)
			return 0;
		if (result > 0)
			result = show(stream, record);
		if (result == -EINTR)
			result = 0;
	}
	return result;
}

static void report_losses(struct stream *stream)
{
	struct hadal_totals totals;
	struct hadal_stats stats;
	uint64_t lost = 0, filtered = 0;
	unsigned int i;

	hadal_reader_totals(hadal_session_reader(stream->session), &totals);
	if (hadal_session_stats(stream->session, HADAL_CPU_ALL, &stats) < 0) {
		complain("%s", hadal_session_error(stream->session));
		return;
	}
	for (i = 0; i < HADAL_CLASS_SLOTS; i++) {
		lost += stats.class_stats[i].lost;
		filtered += stats.filtered[i];
	}
	fprintf(stderr, "hadal: %llu events, %llu records lost", (unsigned long long)stream->events,
		(unsigned long long)lost);
	for (i = 0; i < HADAL_CLASS_SLOTS; i++)
		if (stats.class_stats[i].lost && hadal_class_name(i))
			fprintf(stderr, ", %s %llu of %llu", hadal_class_name(i),
				(unsigned long long)stats.class_stats[i].lost,
				(unsigned long long)stats.class_stats[i].produced);
	if (filtered)
		fprintf(stderr, ", %llu filtered", (unsigned long long)filtered);
	fputc('\n', stderr);
	if (totals.lost_unexplained)
		complain("%llu LOST records disagree with the gaps before them",
			 (unsigned long long)totals.lost_unexplained);
}

static int run(struct stream *stream)
{
	int error = begin(stream);

	if (error == 0)
		error = follow(stream);
	if (error >= 0)
		error = drain(stream);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		/* Who reads us has seen enough. */
		if (errno != EPIPE)
			complain("standard output: %s", strerror(errno));
		return errno == EPIPE ? EXIT_WELL : EXIT_FAILED;
	}
	if (error < 0) {
		complain("%s", hadal_session_error(stream->session)[0] ?
			 hadal_session_error(stream->session) : strerror(-error));
		return EXIT_FAILED;
	}
	report_losses(stream);
	return EXIT_WELL;
}

static void catch_signals(void)
{
	/* A second one ends without ado. */
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int command_events(int argc, char **argv)
{
	struct stream stream = { .events = 0 };
	int status = take_options(&stream.options, argc, argv), error;

	if (status >= 0)
		return status;
	error = hadal_session_open(&stream.session, NULL);
	if (error < 0)
		return complain_of_open(error);
	stream.containers = containers_create();
	catch_signals();
	if (stream.containers) {
		status = run(&stream);
	} else {
		complain("%s", strerror(ENOMEM));
		status = EXIT_FAILED;
	}
	containers_destroy(stream.containers);
	hadal_session_close(stream.session);
	return status;
}
