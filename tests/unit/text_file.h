/* SPDX-License-Identifier: MIT */
/*
 * Pages and headers of the tree, for tests that hold one to the other. They run
 * from the root of the tree. To be included behind cmocka.h.
 */
#ifndef TEXT_FILE_H
#define TEXT_FILE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its whole text, NUL-terminated, to be freed; asserts that there is some. */
static inline char *read_file(const char *path)
{
	FILE *file = fopen(path, "re");
	size_t length;
	char *text;
	long end;

	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	end = ftell(file);
	assert_true(end > 0);
	rewind(file);

	length = (size_t)end;
	text = malloc(length + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, length, file), length);
	text[length] = '\0';
	fclose(file);
	return text;
}

/* Whether text has name between two quotes of that kind. */
static inline bool is_quoted(const char *text, const char *name, char quote)
{
	char quoted[256];

	assert_true((size_t)snprintf(quoted, sizeof(quoted), "%c%s%c", quote, name, quote) < sizeof(quoted));
	return strstr(text, quoted) != NULL;
}

#endif
