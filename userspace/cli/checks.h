/* SPDX-License-Identifier: MIT */
/*
 * What hadal doctor looks at.
 */
#ifndef HADAL_CLI_CHECKS_H
#define HADAL_CLI_CHECKS_H

#include <stddef.h>

#include "host.h"

enum verdict {
	VERDICT_GOOD,
	VERDICT_BAD,
	VERDICT_UNKNOWN,	/* could not be looked at */
	VERDICT_NOT_NEEDED,	/* missing, and the module is there without it */
};

struct finding {
	enum verdict verdict;
	char text[256];	/* what was found */
	char remedy[256];	/* the command or deed that mends it; "": none needed */
};

struct check {
	const char *name;
	void (*look)(const struct host *host, struct finding *finding);
	bool building;	/* matters only where the module must still be built */
	bool running;	/* looks at the kernel that runs */
};

extern const struct check checks[];
extern const size_t check_count;

/* Runs one check, with its verdict put right for what is not needed here. */
void check_run(const struct check *check, const struct host *host, struct finding *finding);

#endif
