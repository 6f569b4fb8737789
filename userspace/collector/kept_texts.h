/* SPDX-License-Identifier: MIT */
/* Copies of a few strings, for what outlives the configuration that they are of. */
#ifndef HADALD_KEPT_TEXTS_H
#define HADALD_KEPT_TEXTS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct kept_texts {
	char *list[8];
	size_t count;
};

/* Puts a copy in the place of *@text, if that is not NULL. False: no memory, or no room. */
static inline bool kept_text(struct kept_texts *texts, const char **text)
{
	char *copy;

	if (!*text)
		return true;
	copy = texts->count < sizeof(texts->list) / sizeof(texts->list[0]) ? strdup(*text) : NULL;
	if (!copy)
		return false;
	texts->list[texts->count++] = copy;
	*text = copy;
	return true;
}

static inline void kept_texts_free(struct kept_texts *texts)
{
	while (texts->count)
		free(texts->list[--texts->count]);
}

#endif
