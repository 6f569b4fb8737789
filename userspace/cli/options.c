/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>

#include "cli.h"
#include "options.h"

/* Beyond all characters, which short options would have. */
enum { VALUE_HELP = 256, VALUE_FIRST };

static void list_options(const struct option_entry *entries, struct option *list)
{
	*list++ = (struct option){ "help", no_argument, NULL, VALUE_HELP };
	for (int i = 0; entries[i].name; i++)
		*list++ = (struct option){
			entries[i].name, entries[i].kind == OPTION_IS_FLAG ? no_argument : required_argument, NULL,
			VALUE_FIRST + i,
		};
	*list = (struct option){ NULL, 0, NULL, 0 };
}

static bool take(const struct option_entry *entry, void *options, const char *value)
{
	char *member = (char *)options + entry->offset;

	switch (entry->kind) {
	case OPTION_IS_FLAG:
		*(bool *)member = true;
		return true;
	case OPTION_IS_TEXT:
		*(const char **)member = value;
		return true;
	default:
		return entry->take(options, value);
	}
}

int read_options(int argc, char **argv, const struct option_entry *entries, void (*help)(void), void *options)
{
	struct option list[OPTION_ENTRIES + 2];
	const struct option_entry *entry;
	int found;

	list_options(entries, list);
	opterr = 0;
	while ((found = getopt_long(argc, argv, ":h", list, NULL)) != -1) {
		if (found == 'h' || found == VALUE_HELP) {
			help();
			return EXIT_WELL;
		}
		if (found < VALUE_FIRST)
			return complain_of_option(found, argv);
		entry = &entries[found - VALUE_FIRST];
		if (!take(entry, options, optarg))
			return complain_of_value(argv[0], entry->name, optarg, entry->wanted);
	}
	return has_operand(argc, argv) ? EXIT_USAGE : -1;
}
