/* SPDX-License-Identifier: MIT */
#include "secrets.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

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

/* As it stands in doctor.json and status.json. */
static void learn_escaped(struct secrets *secrets, const char *text)
{
	struct json_object *string = json_object_new_string(text);
	char *escaped = strdup(json_object_to_json_string_ext(string, JSON_C_TO_STRING_NOSLASHESCAPE));
	size_t length = escaped ? strlen(escaped) : 0;

	json_object_put(string);
	if (length > 2) {
		escaped[length - 1] = '\0';
		if (strcmp(escaped + 1, text))
			learn_one(secrets, escaped + 1);
		explicit_bzero(escaped, length);
	}
	free(escaped);
}

static void learn_both(struct secrets *secrets, const char *text)
{
	learn_one(secrets, text);
	if (strlen(text) >= LEAST)
		learn_escaped(secrets, text);
}

void secrets_learn(struct secrets *secrets, const char *text)
{
	const char *word = text ? strrchr(text, ' ') : NULL;

	if (!text)
		return;
	learn_both(secrets, text);
	if (word)
		learn_both(secrets, word + 1);
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
