/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usage.h"

/* No more often is a cgroup read for processes that end in it. */
#define LAST_READ_AGE	100000000ULL

/* ---- a cgroup's life ---- */

/* The length of @path up to the end of its first component that has @name in it; 0: there is none. */
static size_t length_to(const char *path, const char *name)
{
	const char *found = strstr(path, name);

	return found ? (size_t)(found - path) + strcspn(found, "/") : 0;
}

static void count_bad(const struct usage_reader *reader, int bad)
{
	reader->counts->value[COUNT_USAGE_BAD] += (uint64_t)bad;
}

/*
 * CPU time of version 2 is split into modes so that neither falls; what falls
 * all the same counts from where it is now.
 */
static void add_growth(struct usage_source *source, const struct usage_reader *reader, const struct usage *now)
{
	bool fell = false;

	for (enum usage_value i = 0; i < USAGE_COUNTERS; i++) {
		uint64_t before = usage_knows(&source->last, i) ? source->last.value[i] : 0;

		if (!usage_knows(now, i) || (!source->whole && !usage_knows(&source->last, i)))
			continue;
		fell |= now->value[i] < before;
		if (now->value[i] > before)
			usage_set(&source->pending, i, source->pending.value[i] + now->value[i] - before);
	}
	if (fell)
		count(reader->counts, COUNT_COUNTER_WENT_BACK);
}

static uint64_t cpu_time(const struct usage *usage)
{
	return usage->value[USAGE_CPU_USER] + usage->value[USAGE_CPU_SYSTEM];
}

static void add_cpu_time(struct usage_source *source, enum usage_value mode, uint64_t time)
{
	usage_set(&source->pending, mode, source->pending.value[mode] + time);
	usage_set(&source->last, mode, source->last.value[mode] + time);
}

/*
 * What of CPU time was not read in time its processes' ends tell, if hadald knew
 * them all. Their records may come later than the cgroup's end.
 */
static void make_good(struct usage_source *source)
{
	uint64_t exited = source->exited_user + source->exited_system, read = cpu_time(&source->last), user;

	if (source->live || source->final || !source->whole || exited <= read)
		return;
	user = (uint64_t)((double)(exited - read) * ((double)source->exited_user / (double)exited));
	add_cpu_time(source, USAGE_CPU_USER, user);
	add_cpu_time(source, USAGE_CPU_SYSTEM, exited - read - user);
}

static void end_source(struct usage_source *source, const struct usage_reader *reader)
{
	source->live = false;
	if (!source->final)
		count(reader->counts, COUNT_USAGE_MISSED);
}

/* A counter that could not be read now grows from where it was. */
static void keep_counters(struct usage *now, const struct usage *before)
{
	for (enum usage_value i = 0; i < USAGE_COUNTERS; i++) {
		if (!usage_knows(now, i) && usage_knows(before, i))
			usage_set(now, i, before->value[i]);
	}
}

void usage_read(struct usage_source *source, const struct usage_reader *reader, uint64_t now)
{
	struct usage usage;
	int result;

	if (!source->live || !reader->read)
		return;
	result = reader->read(reader->context, source->path, &usage);
	if (result < 0) {
		end_source(source, reader);
		return;
	}
	count_bad(reader, result);
	keep_counters(&usage, &source->last);
	if (source->based || source->whole)
		add_growth(source, reader, &usage);
	/* The last reading stays the last if nobody has run since. */
	source->final = source->final && cpu_time(&usage) == cpu_time(&source->last);
	source->based = true;
	source->last = usage;
	source->read_at = now;
}

void usage_read_last(struct usage_source *source, const struct usage_reader *reader, uint64_t now)
{
	if (!source || !source->live)
		return;
	/* Records come with a delay: it may have been read since. */
	if (source->based && source->read_at >= now) {
		source->final = true;
		return;
	}
	source->final = false;
	if (source->based && now - source->read_at < LAST_READ_AGE)
		return;
	usage_read(source, reader, now);
	source->final = source->live;
}

static struct usage_source *source_new(const char *path, size_t length)
{
	struct usage_source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->path = strndup(path, length);
	if (source->path)
		return source;
	free(source);
	return NULL;
}

/* Of a source that ended what is known of it is told first. */
static void begin(struct usage_source *source)
{
	make_good(source);
	source->live = true;
	source->based = source->final = false;
	source->last = (struct usage){ .known = 0 };
	source->exited_user = source->exited_system = 0;
}

/* One that was there before: what it has used until now is not counted. */
static void begin_existing(struct usage_source *source, const struct usage_reader *reader, uint64_t now)
{
	begin(source);
	source->whole = false;
	usage_read(source, reader, now);
}

static void begin_made(struct usage_source *source, const struct usage_reader *reader, bool again)
{
	if (source->live)
		end_source(source, reader);
	begin(source);
	source->whole = true;
	usage_set(&source->pending, USAGE_STARTED, source->pending.value[USAGE_STARTED] + 1);
	if (again)
		usage_set(&source->pending, USAGE_RESTARTED, source->pending.value[USAGE_RESTARTED] + 1);
}

void usage_begin(struct usage_source **source, const struct usage_reader *reader, const char *path, const char *name,
		 uint64_t cgroup, bool made, uint64_t now)
{
	size_t length = reader->read ? length_to(path, name) : 0;
	bool known = *source, itself;

	if (!length)
		return;
	itself = path[length] == '\0';
	if (!known)
		*source = source_new(path, length);
	if (!*source)
		return;
	if (itself && made && cgroup != (*source)->cgroup)
		begin_made(*source, reader, known);
	else if (!known || (itself && !(*source)->live && cgroup != (*source)->cgroup))
		begin_existing(*source, reader, now);
	if (itself)
		(*source)->cgroup = cgroup;
}

void usage_end(struct usage_source *source, const struct usage_reader *reader, uint64_t cgroup)
{
	if (source && source->live && source->cgroup == cgroup)
		end_source(source, reader);
}

void usage_free(struct usage_source *source)
{
	if (!source)
		return;
	free(source->path);
	free(source);
}

void usage_process_ended(struct usage_source *source, uint64_t user, uint64_t system, uint64_t cpu)
{
	uint64_t ticks = user + system;

	if (!source)
		return;
	/* Ticks tell the modes apart, and for short lives nothing at all. */
	user = ticks ? (uint64_t)((double)cpu * ((double)user / (double)ticks)) : cpu;
	source->exited_user += user;
	source->exited_system += cpu - user;
}

bool usage_is_told(struct usage_source *source)
{
	make_good(source);
	return !source->live && !source->pending.known;
}

/* ---- sums ---- */

void usage_sum_begin(struct usage_sum *sum)
{
	sum->live = 0;
	for (enum usage_value i = USAGE_COUNTERS; i < USAGE_VALUES; i++) {
		sum->total.value[i] = 0;
		sum->holders[i] = 0;
	}
}

static void add_counters(struct usage_sum *sum, struct usage_source *source)
{
	for (enum usage_value i = 0; i < USAGE_COUNTERS; i++) {
		if (usage_knows(&source->pending, i))
			usage_set(&sum->total, i, sum->total.value[i] + source->pending.value[i]);
	}
	source->pending = (struct usage){ .known = 0 };
}

void usage_sum_add(struct usage_sum *sum, struct usage_source *source)
{
	add_counters(sum, source);
	if (!source->live)
		return;
	sum->live++;
	for (enum usage_value i = USAGE_COUNTERS; i < USAGE_VALUES; i++) {
		if (!usage_knows(&source->last, i))
			continue;
		sum->total.value[i] += source->last.value[i];
		sum->holders[i]++;
	}
}

bool usage_sum_knows(const struct usage_sum *sum, enum usage_value gauge)
{
	return sum->live && sum->holders[gauge] == sum->live;
}
