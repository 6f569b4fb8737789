/* SPDX-License-Identifier: MIT */
/*
 * What a session is to record: options that subcommands share.
 */
#ifndef HADAL_CLI_STREAM_OPTIONS_H
#define HADAL_CLI_STREAM_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include <hadal/hadal.h>

struct stream_options {
	bool dump;		/* first what exists */
	uint32_t classes;	/* 0: process and tcp */
	uint64_t duration;	/* ns; 0: without end */
	uint64_t snapshot;	/* ns between two; 0: none */
	uint32_t flow_ring_size;	/* bytes; 0: default */
	uint32_t lifecycle_ring_size;
	uint32_t argv_max;	/* bytes, if has_argv_max */
	bool has_argv_max;
	struct hadal_config filter;	/* its filters alone */
};

/* Values of the options below; those of a subcommand itself begin with STREAM_OPTIONS_END. */
enum {
	OPTION_HELP = 256,
	OPTION_CLASS,
	OPTION_DURATION,
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
	STREAM_OPTIONS_END,
};

/* For an array of struct option, in front of the subcommand's own. */
#define STREAM_LONG_OPTIONS							\
	{ "help", no_argument, NULL, OPTION_HELP },				\
	{ "class", required_argument, NULL, OPTION_CLASS },			\
	{ "duration", required_argument, NULL, OPTION_DURATION },		\
	{ "snapshot", required_argument, NULL, OPTION_SNAPSHOT },		\
	{ "cgroup", required_argument, NULL, OPTION_CGROUP },			\
	{ "port", required_argument, NULL, OPTION_PORT },			\
	{ "not-port", required_argument, NULL, OPTION_NOT_PORT },		\
	{ "no-loopback", no_argument, NULL, OPTION_NO_LOOPBACK },		\
	{ "min-duration", required_argument, NULL, OPTION_MIN_DURATION },	\
	{ "argv", required_argument, NULL, OPTION_ARGV },			\
	{ "ring-size", required_argument, NULL, OPTION_RING_SIZE },		\
	{ "flow-ring-size", required_argument, NULL, OPTION_FLOW_RING_SIZE },	\
	{ "lifecycle-ring-size", required_argument, NULL, OPTION_LIFECYCLE_RING_SIZE }

/* Their lines in a subcommand's help, behind its --class and --snapshot. */
#define STREAM_OPTIONS_HELP							\
	"  --duration TIME   end after 10s, 500ms, 2m\n"			\
	"  --cgroup PATH     only what is in that v2 cgroup or below it; up to 16 times\n" \
	"  --port LIST       only connections with such a port at either end: 80,8000-8099\n" \
	"  --not-port LIST   only those without\n"				\
	"  --no-loopback     no connections over loopback\n"			\
	"  --min-duration TIME\n"						\
	"                    only connections that last so long, told when they end\n" \
	"  --argv SIZE       bytes of arguments per exec, up to 4K; 0: none; default: 256\n" \
	"  --ring-size SIZE  bytes per CPU and lane, a power of two: 4096, 64K, 1M\n" \
	"  --flow-ring-size SIZE, --lifecycle-ring-size SIZE\n"		\
	"                    the same for connections and for processes alone\n"

/*
 * Takes one of them over from optarg. @command: the subcommand, @name: the option,
 * as they are called. Returns an exit status, EXIT_USAGE having complained.
 */
int stream_options_take(struct stream_options *options, int option, const char *command, const char *name);

/*
 * Goes through a subcommand's options: @help for --help, @take for each other, with
 * @context, the option's value and name; it returns an exit status. Returns an exit
 * status, or -1 to go on with what is left at optind.
 */
int parse_options(int argc, char **argv, const struct option *options, void (*help)(void),
		  int (*take)(void *context, int option, const char *name), void *context);

/* --NAME VALUE is not WANTED: complains. Returns EXIT_USAGE. */
int stream_options_refuse(const char *command, const char *name, const char *value, const char *wanted);

#endif
