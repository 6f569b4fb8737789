/* SPDX-License-Identifier: MIT */
/*
 * Reading the kernel's files of numbers, strictly: what is not of the form that
 * is asked for is refused, and nothing is read beyond the end.
 */
#ifndef HADALD_TEXT_SCAN_H
#define HADALD_TEXT_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What is still to be read. */
struct scan {
	const char *at, *end;
};

static inline struct scan scan_of(const char *text, size_t length)
{
	return (struct scan){ text, text + length };
}

static inline bool scan_is_empty(const struct scan *scan)
{
	return scan->at == scan->end;
}

/* Takes the next line, without its newline. false: there is none, or it has no newline, and was cut. */
static inline bool scan_line(struct scan *scan, struct scan *line)
{
	size_t left = (size_t)(scan->end - scan->at);
	const char *newline = left ? memchr(scan->at, '\n', left) : NULL;

	if (!newline)
		return false;
	*line = (struct scan){ scan->at, newline };
	scan->at = newline + 1;
	return true;
}

/* Passes over blanks, and takes what is up to the next or the end. false: nothing is left. */
static inline bool scan_word(struct scan *scan, struct scan *word)
{
	while (scan->at < scan->end && *scan->at == ' ')
		scan->at++;
	word->at = scan->at;
	while (scan->at < scan->end && *scan->at != ' ')
		scan->at++;
	word->end = scan->at;
	return word->at < word->end;
}

static inline bool scan_is(const struct scan *word, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(word->end - word->at) == length && memcmp(word->at, text, length) == 0;
}

/* Takes @prefix off the beginning of @word, if it is there. */
static inline bool scan_prefix(struct scan *word, const char *prefix)
{
	size_t length = strlen(prefix);

	if ((size_t)(word->end - word->at) < length || memcmp(word->at, prefix, length))
		return false;
	word->at += length;
	return true;
}

/* All of @word as a decimal number. false: it is none, or of more than 64 bits. */
static inline bool scan_number(const struct scan *word, uint64_t *number)
{
	uint64_t value = 0;

	if (word->at == word->end)
		return false;
	for (const char *at = word->at; at < word->end; at++) {
		if (*at < '0' || *at > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
			return false;
	}
	*number = value;
	return true;
}

#endif
