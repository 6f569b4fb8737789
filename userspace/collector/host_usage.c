/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>

#include "host_usage.h"
#include "text_scan.h"
#include "whole_file.h"

enum { CONTENT_SIZE = 128 << 10 };	/* of /proc/stat: a line for each CPU, and numbers of all interrupts */

#define SECOND 1000000000ULL

/* The files grow with the kernel: what is asked for is needed, the rest is passed over. */
static const struct {
	const char *key;
	enum host_memory value;
	bool needed;
} memory_keys[] = {
	{ "MemTotal:", HOST_MEMORY_TOTAL, true },
	{ "MemFree:", HOST_MEMORY_FREE, true },
	{ "MemAvailable:", HOST_MEMORY_AVAILABLE, true },
	{ "Buffers:", HOST_MEMORY_BUFFERS, true },
	{ "Cached:", HOST_MEMORY_CACHED, true },
	{ "SReclaimable:", HOST_MEMORY_RECLAIMABLE, false },
};

enum { MEMORY_KEYS = sizeof(memory_keys) / sizeof(memory_keys[0]) };

/* ---- /proc/stat ---- */

static bool parse_modes(struct scan line, struct host_usage *usage)
{
	struct scan word;

	for (unsigned int mode = 0; mode < HOST_CPU_MODES; mode++) {
		if (!scan_word(&line, &word) || !scan_number(&word, &usage->cpu[mode]))
			return false;
	}
	return true;
}

/* "btime SECONDS". It follows the wall clock: a start that moves would make other series. */
static bool parse_boot_time(struct scan line, struct host_usage *usage)
{
	struct scan word;
	uint64_t seconds;

	if (!scan_word(&line, &word) || !scan_number(&word, &seconds) || !scan_is_empty(&line) ||
	    __builtin_mul_overflow(seconds, SECOND, &seconds))
		return false;
	if (!usage->boot_time)
		usage->boot_time = seconds;
	return true;
}

static bool parse_stat(struct scan scan, struct host_usage *usage)
{
	bool has_modes = false;
	struct scan line, key;

	usage->cpus = 0;
	while (scan_line(&scan, &line)) {
		if (!scan_word(&line, &key))
			return false;
		if (scan_is(&key, "cpu"))
			has_modes = parse_modes(line, usage);
		else if (scan_prefix(&key, "cpu"))
			usage->cpus++;
		else if (scan_is(&key, "btime") && !parse_boot_time(line, usage))
			return false;
	}
	return has_modes && scan_is_empty(&scan);
}

/* ---- /proc/meminfo ---- */

/* "KEY: NUMBER kB" */
static bool parse_memory_line(struct scan line, struct host_usage *usage, unsigned int *seen)
{
	struct scan key, word, unit;
	uint64_t number;

	if (!scan_word(&line, &key))
		return false;
	for (unsigned int i = 0; i < MEMORY_KEYS; i++) {
		if (!scan_is(&key, memory_keys[i].key))
			continue;
		if (!scan_word(&line, &word) || !scan_number(&word, &number) || !scan_word(&line, &unit) ||
		    !scan_is(&unit, "kB") || __builtin_mul_overflow(number, 1024, &number))
			return false;
		usage->memory[memory_keys[i].value] = number;
		*seen |= 1U << i;
	}
	return true;
}

static bool parse_memory(struct scan scan, struct host_usage *usage)
{
	unsigned int seen = 0;
	struct scan line;

	usage->memory[HOST_MEMORY_RECLAIMABLE] = 0;
	while (scan_line(&scan, &line)) {
		if (!parse_memory_line(line, usage, &seen))
			return false;
	}
	for (unsigned int i = 0; i < MEMORY_KEYS; i++) {
		if (memory_keys[i].needed && !(seen >> i & 1))
			return false;
	}
	return scan_is_empty(&scan);
}

/* ---- /proc/loadavg, /proc/uptime ---- */

/* "12.34": digits, a point, two digits. */
static bool parse_hundredths(struct scan word, double *value)
{
	struct scan whole = word, part = word;
	const char *point = memchr(word.at, '.', (size_t)(word.end - word.at));
	uint64_t units, hundredths;

	if (!point || word.end - point != 3)
		return false;
	whole.end = point;
	part.at = point + 1;
	if (!scan_number(&whole, &units) || !scan_number(&part, &hundredths))
		return false;
	*value = (double)units + (double)hundredths / 100;
	return true;
}

/* The first @count words of the one line. */
static bool parse_line_of_hundredths(struct scan scan, double *list, unsigned int count)
{
	struct scan line, word;

	if (!scan_line(&scan, &line) || !scan_is_empty(&scan))
		return false;
	for (unsigned int i = 0; i < count; i++) {
		if (!scan_word(&line, &word) || !parse_hundredths(word, &list[i]))
			return false;
	}
	return true;
}

/* ---- all ---- */

static const struct {
	const char *path;
	enum usage_value some;	/* of files of pressure */
} files[HOST_FILES] = {
	[HOST_STAT] = { .path = "/proc/stat" },
	[HOST_MEMINFO] = { .path = "/proc/meminfo" },
	[HOST_LOADAVG] = { .path = "/proc/loadavg" },
	[HOST_UPTIME] = { .path = "/proc/uptime" },
	[HOST_CPU_PRESSURE] = { "/proc/pressure/cpu", USAGE_CPU_SOME },
	[HOST_MEMORY_PRESSURE] = { "/proc/pressure/memory", USAGE_MEMORY_SOME },
	[HOST_IO_PRESSURE] = { "/proc/pressure/io", USAGE_IO_SOME },
};

static bool parse_file(enum host_file file, const char *text, size_t length, struct host_usage *usage)
{
	struct scan scan = scan_of(text, length);

	switch (file) {
	case HOST_STAT:
		return parse_stat(scan, usage);
	case HOST_MEMINFO:
		return parse_memory(scan, usage);
	case HOST_LOADAVG:
		return parse_line_of_hundredths(scan, usage->load, 3);
	case HOST_UPTIME:
		return parse_line_of_hundredths(scan, &usage->uptime, 1);
	default:
		return pressure_parse(text, length, files[file].some, &usage->pressure) == 0;
	}
}

int host_file_parse(enum host_file file, const char *text, size_t length, struct host_usage *usage)
{
	struct host_usage found = *usage;

	usage->known &= ~(1U << file);
	if (!parse_file(file, text, length, &found))
		return -EBADMSG;
	*usage = found;
	usage->known |= 1U << file;
	return 0;
}

void host_usage_read(struct host_usage *usage, struct counts *counts)
{
	static char content[CONTENT_SIZE];
	ssize_t length;

	for (enum host_file file = 0; file < HOST_FILES; file++) {
		length = whole_file_at(AT_FDCWD, files[file].path, content, sizeof(content));
		if (length < 0)
			usage->known &= ~(1U << file);
		/* A kernel without pressure may have the files all the same: they are not to be read then. */
		if (length == -EFBIG || (length >= 0 && host_file_parse(file, content, (size_t)length, usage)))
			count(counts, COUNT_USAGE_BAD);
	}
}
