/* SPDX-License-Identifier: MIT */
#include "sink_json_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_lines.h"
#include "line_file.h"

static const char path_key[] = "path", size_key[] = "size", count_key[] = "count";

struct sink {
	bool delta;
	char *path;
	struct line_file *file;
};

/* ---- settings ---- */

/* "64M" is 64 MiB. Return: 0; -EINVAL: it is no number that small. */
static int read_number(const struct hadal_sink_config *config, const char *key, bool suffix, uint64_t highest,
		       uint64_t *number)
{
	static const char suffixes[] = "KMG";
	const char *text = hadal_sink_setting(config, key), *unit;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	*number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || errno)
		return -EINVAL;
	unit = suffix && *end ? strchr(suffixes, *end) : NULL;
	if (unit && __builtin_mul_overflow(*number, 1ULL << (10 * (unit - suffixes + 1)), number))
		return -EINVAL;
	return end[unit != NULL] || *number > highest ? -EINVAL : 0;
}

static int refuse(const char *key, const char *why, char *error, size_t error_size)
{
	snprintf(error, error_size, "%s: %s", key, why);
	return -EINVAL;
}

static int read_settings(const struct hadal_sink_config *config, struct line_file_config *file, char *error,
			 size_t error_size)
{
	uint64_t count = SINK_JSON_LINES_COUNT;

	*file = (struct line_file_config){ .size = SINK_JSON_LINES_SIZE };
	file->path = hadal_sink_setting(config, path_key);
	if (!file->path || !*file->path)
		return refuse(path_key, "is missing", error, error_size);
	if (*file->path != '/' && strcmp(file->path, LINE_FILE_STANDARD_OUTPUT) != 0)
		return refuse(path_key, "neither begins with '/' nor is '-'", error, error_size);
	if (read_number(config, size_key, true, INT64_MAX, &file->size))
		return refuse(size_key, "is no number of bytes", error, error_size);
	if (read_number(config, count_key, false, 1000, &count) || !count)
		return refuse(count_key, "is not from 1 to 1000", error, error_size);
	file->count = (unsigned int)count;
	return 0;
}

static int check(const struct hadal_sink_config *config, enum hadal_ship_part *part, char *error, size_t error_size)
{
	struct line_file_config file;

	*part = HADAL_SHIP_PARTS;
	return read_settings(config, &file, error, error_size);
}

/* ---- requests ---- */

struct making {
	enum hadal_signal signal;
	hadal_sink_emit emit;
	void *context;
	struct hadal_sink_encoded *encoded;
};

static int make_request(void *context, const struct json_lines *lines)
{
	struct making *making = context;
	struct hadal_sink_request *request = calloc(1, sizeof(*request));

	if (!request) {
		free(lines->text);
		return -ENOMEM;
	}
	request->signal = making->signal;
	request->first = lines->first;
	request->items = lines->items;
	request->body = (uint8_t *)lines->text;
	request->size = lines->size;
	making->encoded->bytes_raw += lines->size;
	return making->emit(making->context, request);
}

static int encode(void *sink, struct hadal_batch *batch, enum hadal_signal signal, uint64_t first, uint64_t count,
		  hadal_sink_emit emit, void *context, struct hadal_sink_encoded *encoded)
{
	const struct sink *own = sink;
	struct making making = { .signal = signal, .emit = emit, .context = context, .encoded = encoded };
	struct json_lines_result result;
	const int ret = json_lines_encode(batch, signal, own->delta, first, count, SINK_JSON_LINES_CHUNK, make_request,
					  &making, &result);

	encoded->oversize = result.oversize;
	encoded->failed = result.lost;
	return ret;
}

/* Whatever is wrong with a file or a disk may be put right. */
static void send_request(void *sink, const struct hadal_sink_request *request,
			 unsigned int (*patience)(void *context), void *context, struct hadal_sink_answer *answer)
{
	struct sink *own = sink;
	const int ret = line_file_write(own->file, (const char *)request->body, request->size, patience, context,
					answer->text, sizeof(answer->text));

	answer->verdict = ret ? HADAL_SHIP_REPEAT : HADAL_SHIP_DELIVERED;
	answer->abandoned = ret == -ETIMEDOUT;
	answer->retry_after_ms = -1;
}

/* ---- life ---- */

static void close_sink(void *sink)
{
	struct sink *own = sink;

	if (!own)
		return;
	line_file_free(own->file);
	free(own->path);
	free(own);
}

static int fill(struct sink *own, const struct line_file_config *file)
{
	own->path = strdup(file->path);
	return own->path ? line_file_new(file, &own->file) : -ENOMEM;
}

static int open_sink(const struct hadal_sink_config *config, void **sink, char *error, size_t error_size)
{
	struct line_file_config file;
	struct sink *own;
	int ret = read_settings(config, &file, error, error_size);

	if (ret)
		return ret;
	own = calloc(1, sizeof(*own));
	ret = own ? fill(own, &file) : -ENOMEM;
	if (ret) {
		snprintf(error, error_size, "%s: %s", file.path, strerror(-ret));
		close_sink(own);
		return ret;
	}
	own->delta = config->delta;
	*sink = own;
	return 0;
}

static const char *shown(void *sink, enum hadal_signal signal)
{
	const struct sink *own = sink;

	(void)signal;
	return own->path;
}

static void count(void *sink, struct hadal_sink_stats *stats)
{
	const struct sink *own = sink;

	stats->rotations = line_file_rotations(own->file);
}

static void reopen(void *sink)
{
	struct sink *own = sink;

	line_file_reopen(own->file);
}

static const char *const keys[] = { path_key, size_key, count_key, NULL };

const struct hadal_sink_kind hadal_sink_json_lines = {
	.name = "json_lines",
	.signals = 1U << HADAL_SIGNAL_METRICS | 1U << HADAL_SIGNAL_LOGS,
	.files = true,
	.keys = keys,
	.check = check,
	.open = open_sink,
	.encode = encode,
	.send = send_request,
	.shown = shown,
	.count = count,
	.reopen = reopen,
	.close = close_sink,
};
