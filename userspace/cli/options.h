/* SPDX-License-Identifier: MIT */
/*
 * The options of a subcommand, as a table of what each sets.
 */
#ifndef HADAL_CLI_OPTIONS_H
#define HADAL_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum option_kind {
	OPTION_IS_FLAG,		/* takes no value and sets a bool */
	OPTION_IS_TEXT,		/* sets a const char * to its value, which lives as argv does */
	OPTION_IS_TAKEN,	/* its value is looked at by a function */
};

struct option_entry {
	const char *name;	/* without the dashes; NULL ends a table */
	enum option_kind kind;
	size_t offset;		/* of what it sets, in the subcommand's struct */
	bool (*take)(void *options, const char *value);	/* false: it is not what is wanted */
	const char *wanted;	/* "one of a, b" */
};

#define OPTION_FLAG(name, type, member)		{ name, OPTION_IS_FLAG, offsetof(type, member), NULL, NULL }
#define OPTION_TEXT(name, type, member)		{ name, OPTION_IS_TEXT, offsetof(type, member), NULL, NULL }
#define OPTION_TAKEN(name, take, wanted)	{ name, OPTION_IS_TAKEN, 0, take, wanted }

enum { OPTION_ENTRIES = 16 };	/* that a table may have */

/*
 * Reads all of argv into @options, by @entries; @help is called for -h and --help. No
 * operand may be left. Returns an exit status, EXIT_USAGE having complained, or -1 to go on.
 */
int read_options(int argc, char **argv, const struct option_entry *entries, void (*help)(void), void *options);

#endif
