/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "process_stat.h"
#include "text_scan.h"

/* Fields of /proc/PID/stat, from 1; see proc(5). */
enum {
	STAT_COMM = 2,
	STAT_STATE = 3,
	STAT_PARENT = 4,
	STAT_FLAGS = 9,
	STAT_USER_TIME = 14,
	STAT_SYSTEM_TIME = 15,
	STAT_THREADS = 20,
	STAT_START_TIME = 22,
	STAT_RESIDENT = 24,
	STAT_ENV_START = 50,
	STAT_ENV_END = 51,
};

static bool take_field(int field, const struct scan *word, struct process_stat *stat)
{
	switch (field) {
	case STAT_STATE:
		stat->state = *word->at;
		return true;
	case STAT_PARENT:
		return scan_number(word, &stat->parent);
	case STAT_FLAGS:
		return scan_number(word, &stat->flags);
	case STAT_THREADS:
		return scan_number(word, &stat->threads);
	case STAT_USER_TIME:
		return scan_number(word, &stat->user);
	case STAT_SYSTEM_TIME:
		return scan_number(word, &stat->system);
	case STAT_START_TIME:
		return scan_number(word, &stat->started);
	case STAT_RESIDENT:
		return scan_number(word, &stat->pages);
	default:
		return true;
	}
}

/* Between the first '(' and the last ')', since it may hold either. */
static bool take_name(const char *text, const char *end, struct process_stat *stat)
{
	const char *name = memchr(text, '(', (size_t)(end - text));
	size_t length = name ? (size_t)(end - name - 1) : 0;

	if (!name)
		return false;
	if (length >= sizeof(stat->name))
		length = sizeof(stat->name) - 1;
	/* To its end, as records have it. */
	memset(stat->name, 0, sizeof(stat->name));
	memcpy(stat->name, name + 1, length);
	return true;
}

int process_stat_parse(const char *text, size_t length, struct process_stat *stat)
{
	const char *name_end = length ? memrchr(text, ')', length) : NULL;
	struct scan scan, word;

	if (!name_end || !take_name(text, name_end, stat))
		return -EBADMSG;
	scan = scan_of(name_end + 1, (size_t)(text + length - name_end - 1));
	for (int field = STAT_COMM + 1; field <= STAT_RESIDENT; field++) {
		if (!scan_word(&scan, &word) || !take_field(field, &word, stat))
			return -EBADMSG;
	}
	return 0;
}

int process_stat_environment(const char *text, size_t length, uint64_t *start, uint64_t *end)
{
	const char *name_end = length ? memrchr(text, ')', length) : NULL;
	struct scan scan, word;

	if (!name_end)
		return -EBADMSG;
	scan = scan_of(name_end + 1, (size_t)(text + length - name_end - 1));
	for (int field = STAT_COMM + 1; field <= STAT_ENV_END; field++) {
		if (!scan_word(&scan, &word) ||
		    (field == STAT_ENV_START && !scan_number(&word, start)) ||
		    (field == STAT_ENV_END && !scan_number(&word, end)))
			return -EBADMSG;
	}
	return *start && *start < *end ? 0 : -EACCES;
}
