// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "talker.h"

enum { TARGETS_MAX = 32 };

static _Noreturn void usage(void)
{
	fputs("usage: talker serve LEDGER PORT\n"
	      "       talker call LEDGER NAME ROUNDS PAUSE_MS SERVER=ADDRESS=PORT...\n"
	      "       talker enter CGROUP NETWORK|- LIFE_MS PROGRAM [ARGUMENT...]\n"
	      "LEDGER: a file, or - for standard output. ROUNDS: 0: until it is killed.\n", stderr);
	exit(2);
}

static void parse_target(const char *text, struct target *target)
{
	if (sscanf(text, "%63[^=]=%63[^=]=%7[0-9]", target->name, target->host, target->port) != 3) {
		fprintf(stderr, "talker: '%s' is no SERVER=ADDRESS=PORT\n", text);
		exit(2);
	}
}

static int call_all(char **words, int count)
{
	struct target targets[TARGETS_MAX];

	if (count < 5 || count - 4 > TARGETS_MAX)
		usage();
	for (int i = 4; i < count; i++)
		parse_target(words[i], &targets[i - 4]);
	ledger_open(words[0]);
	return call(words[1], targets, (unsigned int)count - 4, strtoull(words[2], NULL, 10),
		    (unsigned int)strtoul(words[3], NULL, 10));
}

static int enter_by_words(char **words)
{
	const char *network = strcmp(words[1], "-") ? words[1] : NULL;

	return enter(words[0], network, (unsigned int)strtoul(words[2], NULL, 10), words + 3);
}

int main(int argc, char **argv)
{
	if (argc < 4)
		usage();
	if (strcmp(argv[1], "call") == 0)
		return call_all(argv + 2, argc - 2);
	if (strcmp(argv[1], "enter") == 0 && argc > 5)
		return enter_by_words(argv + 2);
	if (strcmp(argv[1], "serve") || argc != 4)
		usage();
	ledger_open(argv[2]);
	return serve(argv[3]);
}
