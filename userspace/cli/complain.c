/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdarg.h>

#include "cli.h"

void complain(const char *format, ...)
{
	va_list arguments;

	fputs("hadal: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

int complain_of_option(int found, char **argv)
{
	const char *problem = found == ':' ? "needs an argument" : "is not an option";

	if (optopt > 0 && optopt < 128)
		complain("%s: -%c %s; 'hadal %s --help' lists the options", argv[0], optopt, problem,
			 argv[0]);
	else
		complain("%s: %s %s; 'hadal %s --help' lists the options", argv[0],
			 argv[optind - 1], problem, argv[0]);
	return EXIT_USAGE;
}

int complain_of_value(const char *command, const char *option, const char *value, const char *wanted)
{
	complain("%s: --%s %s: not %s", command, option, value, wanted);
	return EXIT_USAGE;
}

bool has_operand(int argc, char **argv)
{
	if (optind >= argc)
		return false;
	complain("%s: takes no operand: %s", argv[0], argv[optind]);
	return true;
}
