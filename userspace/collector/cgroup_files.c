/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "cgroup_files.h"
#include "text_scan.h"

#define MICROSECOND	1000ULL
#define SECOND		1000000000ULL

/* Version 1 has this, rounded down to pages, where there is no limit. */
#define NO_LIMIT	(1ULL << 62)

/* A line "KEY NUMBER". */
struct field {
	const char *key;
	enum usage_value value;
	uint64_t scale;
};

enum form {
	FORM_FIELDS,	/* lines "KEY NUMBER" */
	FORM_NUMBER,	/* a number alone; "max" and "-1": none */
	FORM_CPU_MAX,	/* "QUOTA PERIOD" */
	FORM_IO,	/* lines "MAJOR:MINOR KEY=NUMBER..." */
	FORM_BLKIO,	/* lines "MAJOR:MINOR KEY NUMBER", and "Total NUMBER" */
	FORM_PRESSURE,	/* "some avg10=... total=NUMBER", "full ..." */
};

static const struct field cpu_stat[] = {
	{ "user_usec", USAGE_CPU_USER, MICROSECOND },
	{ "system_usec", USAGE_CPU_SYSTEM, MICROSECOND },
	{ "nr_periods", USAGE_CPU_PERIODS, 1 },
	{ "nr_throttled", USAGE_CPU_PERIODS_THROTTLED, 1 },
	{ "throttled_usec", USAGE_CPU_THROTTLED, MICROSECOND },
	{ 0 },
};

static const struct field memory_stat[] = {
	{ "inactive_file", USAGE_MEMORY_INACTIVE_FILE, 1 },
	{ 0 },
};

static const struct field memory_events[] = {
	{ "high", USAGE_MEMORY_HIGH_HITS, 1 },
	{ "max", USAGE_MEMORY_MAX_HITS, 1 },
	{ "oom", USAGE_MEMORY_OOM, 1 },
	{ "oom_kill", USAGE_MEMORY_OOM_KILLS, 1 },
	{ 0 },
};

static const struct field v1_cpu_stat[] = {
	{ "nr_periods", USAGE_CPU_PERIODS, 1 },
	{ "nr_throttled", USAGE_CPU_PERIODS_THROTTLED, 1 },
	{ "throttled_time", USAGE_CPU_THROTTLED, 1 },
	{ 0 },
};

/* The others there are of the cgroup alone, without those below. */
static const struct field v1_memory_stat[] = {
	{ "total_inactive_file", USAGE_MEMORY_INACTIVE_FILE, 1 },
	{ 0 },
};

static const struct field v1_memory_oom[] = {
	{ "oom_kill", USAGE_MEMORY_OOM_KILLS, 1 },
	{ 0 },
};

static const struct {
	const char *controller;
	const char *name;
	enum form form;
	enum usage_value value;		/* of a number, or "some" */
	const struct field *fields;
} files[CGROUP_FILES] = {
	[CGROUP_CPU_STAT] = { "", "cpu.stat", FORM_FIELDS, .fields = cpu_stat },
	[CGROUP_CPU_MAX] = { "", "cpu.max", FORM_CPU_MAX, .fields = NULL },
	[CGROUP_MEMORY_CURRENT] = { "", "memory.current", FORM_NUMBER, .value = USAGE_MEMORY },
	[CGROUP_MEMORY_MAX] = { "", "memory.max", FORM_NUMBER, .value = USAGE_MEMORY_LIMIT },
	[CGROUP_MEMORY_STAT] = { "", "memory.stat", FORM_FIELDS, .fields = memory_stat },
	[CGROUP_MEMORY_EVENTS] = { "", "memory.events", FORM_FIELDS, .fields = memory_events },
	[CGROUP_IO_STAT] = { "", "io.stat", FORM_IO, .fields = NULL },
	[CGROUP_CPU_PRESSURE] = { "", "cpu.pressure", FORM_PRESSURE, .value = USAGE_CPU_SOME },
	[CGROUP_MEMORY_PRESSURE] = { "", "memory.pressure", FORM_PRESSURE, .value = USAGE_MEMORY_SOME },
	[CGROUP_IO_PRESSURE] = { "", "io.pressure", FORM_PRESSURE, .value = USAGE_IO_SOME },
	[CGROUP_PIDS_CURRENT] = { "", "pids.current", FORM_NUMBER, .value = USAGE_THREADS },
	[CGROUP_V1_CPU_USER] = { "cpuacct", "cpuacct.usage_user", FORM_NUMBER, .value = USAGE_CPU_USER },
	[CGROUP_V1_CPU_SYSTEM] = { "cpuacct", "cpuacct.usage_sys", FORM_NUMBER, .value = USAGE_CPU_SYSTEM },
	[CGROUP_V1_CPU_STAT] = { "cpu", "cpu.stat", FORM_FIELDS, .fields = v1_cpu_stat },
	[CGROUP_V1_CPU_QUOTA] = { "cpu", "cpu.cfs_quota_us", FORM_NUMBER, .value = USAGE_CPU_QUOTA },
	[CGROUP_V1_CPU_PERIOD] = { "cpu", "cpu.cfs_period_us", FORM_NUMBER, .value = USAGE_CPU_PERIOD },
	[CGROUP_V1_MEMORY_USAGE] = { "memory", "memory.usage_in_bytes", FORM_NUMBER, .value = USAGE_MEMORY },
	[CGROUP_V1_MEMORY_LIMIT] = { "memory", "memory.limit_in_bytes", FORM_NUMBER, .value = USAGE_MEMORY_LIMIT },
	[CGROUP_V1_MEMORY_STAT] = { "memory", "memory.stat", FORM_FIELDS, .fields = v1_memory_stat },
	[CGROUP_V1_MEMORY_FAILURES] = { "memory", "memory.failcnt", FORM_NUMBER, .value = USAGE_MEMORY_MAX_HITS },
	[CGROUP_V1_MEMORY_OOM] = { "memory", "memory.oom_control", FORM_FIELDS, .fields = v1_memory_oom },
	[CGROUP_V1_DISK_BYTES] = { "blkio", "blkio.throttle.io_service_bytes_recursive", FORM_BLKIO, .fields = NULL },
	[CGROUP_V1_PIDS_CURRENT] = { "pids", "pids.current", FORM_NUMBER, .value = USAGE_THREADS },
};

const char *cgroup_file_controller(enum cgroup_file file)
{
	return files[file].controller;
}

const char *cgroup_file_name(enum cgroup_file file)
{
	return files[file].name;
}

static bool set_scaled(struct usage *usage, enum usage_value value, uint64_t number, uint64_t scale)
{
	if (__builtin_mul_overflow(number, scale, &number))
		return false;
	usage_set(usage, value, number);
	return true;
}

static bool add_to(struct usage *usage, enum usage_value value, uint64_t number)
{
	if (__builtin_add_overflow(usage->value[value], number, &number))
		return false;
	usage_set(usage, value, number);
	return true;
}

/* ---- forms; each has a line at a time ---- */

static bool parse_field(struct scan line, const struct field *fields, struct usage *usage)
{
	struct scan key, word;
	uint64_t number;

	if (!scan_word(&line, &key) || !scan_word(&line, &word))
		return false;
	for (; fields->key; fields++) {
		if (!scan_is(&key, fields->key))
			continue;
		return scan_number(&word, &number) && scan_is_empty(&line) &&
		       set_scaled(usage, fields->value, number, fields->scale);
	}
	return true;
}

static bool parse_number(struct scan line, enum usage_value value, struct usage *usage)
{
	uint64_t number;

	if (scan_is(&line, "max") || scan_is(&line, "-1"))
		return true;
	if (!scan_number(&line, &number))
		return false;
	if (value != USAGE_MEMORY_LIMIT || number < NO_LIMIT)
		usage_set(usage, value, number);
	return true;
}

static bool parse_cpu_max(struct scan line, struct usage *usage)
{
	struct scan quota, period;
	uint64_t number;

	if (!scan_word(&line, &quota) || !scan_word(&line, &period) || !scan_is_empty(&line))
		return false;
	return parse_number(quota, USAGE_CPU_QUOTA, usage) && scan_number(&period, &number) &&
	       set_scaled(usage, USAGE_CPU_PERIOD, number, 1);
}

/* "MAJOR:MINOR" */
static bool is_device(struct scan word)
{
	struct scan major = word, minor = word;
	const char *colon = memchr(word.at, ':', (size_t)(word.end - word.at));
	uint64_t number;

	if (!colon)
		return false;
	major.end = colon;
	minor.at = colon + 1;
	return scan_number(&major, &number) && scan_number(&minor, &number);
}

/* A device that has done nothing may stand there alone. */
static bool parse_io(struct scan line, struct usage *usage)
{
	enum usage_value value;
	struct scan word;
	uint64_t number;

	if (!scan_word(&line, &word) || !is_device(word))
		return false;
	while (scan_word(&line, &word)) {
		if (scan_prefix(&word, "rbytes="))
			value = USAGE_DISK_READ;
		else if (scan_prefix(&word, "wbytes="))
			value = USAGE_DISK_WRITTEN;
		else
			continue;
		if (!scan_number(&word, &number) || !add_to(usage, value, number))
			return false;
	}
	return true;
}

static bool parse_blkio(struct scan line, struct usage *usage)
{
	struct scan device, key, word;
	uint64_t number;

	if (!scan_word(&line, &device) || !scan_word(&line, &key))
		return false;
	if (scan_is(&device, "Total"))
		return scan_number(&key, &number);
	if (!is_device(device) || !scan_word(&line, &word) || !scan_number(&word, &number) || !scan_is_empty(&line))
		return false;
	if (scan_is(&key, "Read"))
		return add_to(usage, USAGE_DISK_READ, number);
	return !scan_is(&key, "Write") || add_to(usage, USAGE_DISK_WRITTEN, number);
}

static bool parse_pressure(struct scan line, enum usage_value some, struct usage *usage)
{
	struct scan kind, word;
	uint64_t number;

	if (!scan_word(&line, &kind) || (!scan_is(&kind, "some") && !scan_is(&kind, "full")))
		return false;
	while (scan_word(&line, &word)) {
		if (scan_prefix(&word, "total="))
			return scan_number(&word, &number) &&
			       set_scaled(usage, scan_is(&kind, "some") ? some : some + 1, number, MICROSECOND);
	}
	return false;
}

static bool parse_line(enum cgroup_file file, struct scan line, struct usage *usage)
{
	switch (files[file].form) {
	case FORM_FIELDS:
		return parse_field(line, files[file].fields, usage);
	case FORM_NUMBER:
		return parse_number(line, files[file].value, usage);
	case FORM_CPU_MAX:
		return parse_cpu_max(line, usage);
	case FORM_IO:
		return parse_io(line, usage);
	case FORM_BLKIO:
		return parse_blkio(line, usage);
	case FORM_PRESSURE:
		return parse_pressure(line, files[file].value, usage);
	}
	return false;
}

/* What sums over devices is 0 where there is none. */
static void begin_sums(enum cgroup_file file, struct usage *usage)
{
	if (files[file].form != FORM_IO && files[file].form != FORM_BLKIO)
		return;
	usage_set(usage, USAGE_DISK_READ, 0);
	usage_set(usage, USAGE_DISK_WRITTEN, 0);
}

int cgroup_file_parse(enum cgroup_file file, const char *text, size_t length, struct usage *usage)
{
	struct scan scan = scan_of(text, length), line;
	struct usage found = *usage;
	unsigned int lines = 0;

	begin_sums(file, &found);
	for (; scan_line(&scan, &line); lines++) {
		if (!parse_line(file, line, &found))
			return -EBADMSG;
	}
	if (!scan_is_empty(&scan))
		return -EBADMSG;
	if ((files[file].form == FORM_NUMBER || files[file].form == FORM_CPU_MAX) && lines != 1)
		return -EBADMSG;
	*usage = found;
	return 0;
}

int pressure_parse(const char *text, size_t length, enum usage_value some, struct usage *usage)
{
	struct scan scan = scan_of(text, length), line;
	struct usage found = *usage;

	while (scan_line(&scan, &line)) {
		if (!parse_pressure(line, some, &found))
			return -EBADMSG;
	}
	if (!scan_is_empty(&scan))
		return -EBADMSG;
	*usage = found;
	return 0;
}

static void finish_memory(struct usage *usage)
{
	uint64_t memory = usage->value[USAGE_MEMORY], inactive = usage->value[USAGE_MEMORY_INACTIVE_FILE];

	/* They are not read at once. */
	if (usage_knows(usage, USAGE_MEMORY) && usage_knows(usage, USAGE_MEMORY_INACTIVE_FILE))
		usage_set(usage, USAGE_MEMORY_WORKING_SET, memory > inactive ? memory - inactive : 0);
}

static void finish_cpu_limit(struct usage *usage)
{
	uint64_t quota = usage->value[USAGE_CPU_QUOTA], period = usage->value[USAGE_CPU_PERIOD], scaled;

	if (!usage_knows(usage, USAGE_CPU_QUOTA) || !usage_knows(usage, USAGE_CPU_PERIOD) || !period ||
	    __builtin_mul_overflow(quota, SECOND, &scaled))
		return;
	usage_set(usage, USAGE_CPU_LIMIT, scaled / period);
}

void cgroup_files_finish(struct usage *usage)
{
	finish_memory(usage);
	finish_cpu_limit(usage);
}
