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
	VERDICT_NOT_NEEDED,	/* missing, and all is well without it */
};

struct finding {
	enum verdict verdict;
	const char *sink;	/* of that sink of hadald's; NULL: of none; the host's */
	char text[384];	/* what was found */
	char remedy[384];	/* the command or deed that mends it; "": none needed */
};

struct receiver;

struct check {
	const char *name;	/* stable: programs and docs/operate.md go by it */
	void (*look)(const struct host *host, struct finding *finding);
	/* Instead, of each sink. */
	void (*look_at_sink)(const struct host *host, struct receiver *receiver, struct finding *finding);
	bool building;	/* matters only where the module must still be built */
	bool running;	/* looks at the kernel that runs */
	bool living;	/* looks at what surrounds the host, or asks others */
};

extern const struct check checks[];
extern const size_t check_count;

/* How many findings a check has: one, or one of each sink. */
size_t check_findings(const struct check *check, const struct host *host);

/* Runs one check for its finding of that number, with its verdict put right for what is not needed here. */
void check_run(const struct check *check, const struct host *host, size_t number, struct finding *finding);

/* Whether the kernel that runs would not take the host's module, whatever is loaded now. @why: says what it has against it. */
bool module_would_be_refused(const struct host *host, char *why, size_t size);

#endif
