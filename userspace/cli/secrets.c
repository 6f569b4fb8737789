/* SPDX-License-Identifier: MIT */
#include "secrets.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST = 6 };

/* Longest first: of one that begins as another does, the rest would stay. */
static void learn_one(struct secrets *secrets, const char *text)
{
	size_t length = strlen(text), at = secrets->count;
	char *copy;

	if (length < LEAST || secrets->count == SECRETS_MAX)
		return;
	copy = strdup(text);
	if (!copy)
		return;
	for (; at && strlen(secrets->texts[at - 1]) < length; at--)
		secrets->texts[at] = secrets->texts[at - 1];
	secrets->texts[at] = copy;
	secrets->count++;
}

void secrets_learn(struct secrets *secrets, const char *text)
{
	const char *word = text ? strrchr(text, ' ') : NULL;

	if (!text)
		return;
	learn_one(secrets, text);
	if (word)
		learn_one(secrets, word + 1);
}

void secrets_forget(struct secrets *secrets)
{
	for (size_t i = 0; i < secrets->count; i++) {
		explicit_bzero(secrets->texts[i], strlen(secrets->texts[i]));
		free(secrets->texts[i]);
	}
	secrets->count = 0;
}

static void remove_one(const char *secret, char *text, size_t size)
{
	size_t length = strlen(secret);
	char *at = text, *end = text + size;

	while ((at = memmem(at, (size_t)(end - at), secret, length))) {
		memset(at, 'x', length);
		at += length;
	}
}

void secrets_remove(const struct secrets *secrets, char *text, size_t size)
{
	for (size_t i = 0; i < secrets->count; i++)
		remove_one(secrets->texts[i], text, size);
}
