/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hadal/cgroup.h>

#include "cli.h"
#include "stream_options.h"

#define ARGV_LIMIT	4096	/* bytes that any module takes */

int parse_options(int argc, char **argv, const struct option *options, void (*help)(void),
		  int (*take)(void *context, int option, const char *name), void *context)
{
	int option, index = 0, status;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", options, &index)) != -1) {
		if (option == '?' || option == ':')
			return complain_of_option(option, argv);
		if (option == 'h' || option == OPTION_HELP) {
			help();
			return EXIT_WELL;
		}
		status = take(context, option, options[index].name);
		if (status)
			return status;
	}
	return -1;
}

int stream_options_refuse(const char *command, const char *name, const char *value, const char *wanted)
{
	complain("%s: --%s %s: %s", command, name, value, wanted);
	return EXIT_USAGE;
}

static int take_classes(struct stream_options *options, const char *command, const char *text)
{
	char *unknown = NULL;

	if (parse_classes(text, &options->classes, &unknown))
		return EXIT_WELL;
	complain("%s: --class %s: there is no class '%s'; there are process, cgroup, tcp, udp and dns", command,
		 text, unknown ? unknown : text);
	free(unknown);
	return EXIT_USAGE;
}

static int take_duration(const char *command, const char *option, const char *text, uint64_t *duration)
{
	if (parse_duration(text, duration) && *duration)
		return EXIT_WELL;
	return stream_options_refuse(command, option, text, "not a time such as 10s, 500ms or 2m");
}

static int take_size(const char *command, const char *option, const char *text, uint32_t *size)
{
	if (parse_size(text, size) && *size && !(*size & (*size - 1)))
		return EXIT_WELL;
	return stream_options_refuse(command, option, text, "not a power of two such as 4096, 64K or 1M");
}

static int take_argv(struct stream_options *options, const char *command, const char *text)
{
	if (!parse_size(text, &options->argv_max) || options->argv_max > ARGV_LIMIT)
		return stream_options_refuse(command, "argv", text, "not a size of at most 4K");
	options->has_argv_max = true;
	return EXIT_WELL;
}

static int take_cgroup(struct hadal_config *filter, const char *command, const char *path)
{
	uint64_t id;

	if (filter->cgroup_count == HADAL_FILTER_CGROUPS)
		return stream_options_refuse(command, "cgroup", path, "more than 16");
	if (hadal_cgroup_id(path, &id) < 0)
		return stream_options_refuse(command, "cgroup", path, "there is no such v2 cgroup");
	filter->cgroups[filter->cgroup_count++] = id;
	return EXIT_WELL;
}

static int take_ports(struct hadal_config *filter, const char *command, const char *option,
		      const char *text, uint32_t flag)
{
	int result;

	if (filter->port_count)
		return stream_options_refuse(command, option, text, "ports are given once, by --port or --not-port");
	result = hadal_port_ranges(text, filter->ports, &filter->port_count);
	if (result < 0)
		return stream_options_refuse(command, option, text, result == -E2BIG ? "more than 16 ports or ranges" :
				 "not a list of ports such as 80,443,8000-8099");
	filter->flags |= flag;
	return EXIT_WELL;
}

static int take_min_duration(struct hadal_config *filter, const char *command, const char *option,
			     const char *text)
{
	uint64_t duration = 0;
	int status = take_duration(command, option, text, &duration);

	filter->min_duration = duration;
	return status;
}

static int take_filter(struct hadal_config *filter, int option, const char *command, const char *name)
{
	switch (option) {
	case OPTION_CGROUP:
		return take_cgroup(filter, command, optarg);
	case OPTION_PORT:
		return take_ports(filter, command, name, optarg, 0);
	case OPTION_NOT_PORT:
		return take_ports(filter, command, name, optarg, HADAL_CONFIG_EXCLUDE_PORTS);
	case OPTION_NO_LOOPBACK:
		filter->flags |= HADAL_CONFIG_NO_LOOPBACK;
		return EXIT_WELL;
	case OPTION_MIN_DURATION:
		return take_min_duration(filter, command, name, optarg);
	default:
		return EXIT_USAGE;
	}
}

int stream_options_take(struct stream_options *options, int option, const char *command, const char *name)
{
	switch (option) {
	case OPTION_CLASS:
		return take_classes(options, command, optarg);
	case OPTION_DURATION:
		return take_duration(command, name, optarg, &options->duration);
	case OPTION_SNAPSHOT:
		return take_duration(command, name, optarg, &options->snapshot);
	case OPTION_ARGV:
		return take_argv(options, command, optarg);
	case OPTION_FLOW_RING_SIZE:
		return take_size(command, name, optarg, &options->flow_ring_size);
	case OPTION_LIFECYCLE_RING_SIZE:
		return take_size(command, name, optarg, &options->lifecycle_ring_size);
	case OPTION_RING_SIZE:
		if (take_size(command, name, optarg, &options->flow_ring_size))
			return EXIT_USAGE;
		options->lifecycle_ring_size = options->flow_ring_size;
		return EXIT_WELL;
	default:
		return take_filter(&options->filter, option, command, name);
	}
}
