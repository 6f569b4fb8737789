/* SPDX-License-Identifier: MIT */
/*
 * Secrets that are known, to be taken out of texts that are given away: a second line
 * behind not putting any there.
 */
#ifndef HADAL_CLI_SECRETS_H
#define HADAL_CLI_SECRETS_H

#include <stddef.h>

enum { SECRETS_MAX = 256 };

struct secrets {
	char *texts[SECRETS_MAX];
	size_t count;
};

/*
 * Learns @text and, where it has several words ("Bearer TOKEN"), its last, both also as JSON
 * has them. What is shorter than 6 bytes is not learnt: it would be found everywhere. NULL is
 * allowed.
 */
void secrets_learn(struct secrets *secrets, const char *text);

/* Wipes and frees all of them. */
void secrets_forget(struct secrets *secrets);

/* Puts x in the place of each of their bytes in @text, of @size bytes. */
void secrets_remove(const struct secrets *secrets, char *text, size_t size);

#endif
