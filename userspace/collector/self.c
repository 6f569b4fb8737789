/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "self.h"
#include "text_scan.h"
#include "whole_file.h"

static const char *const stage_names[STAGES] = {
	[STAGE_RECORDS] = "records",
	[STAGE_IDENTITY] = "identity",
	[STAGE_AGGREGATE] = "aggregate",
	[STAGE_EXPORT] = "export",
	[STAGE_QUERIES] = "queries",
};

const char *stage_name(enum stage stage)
{
	return stage_names[stage];
}

enum stage stage_enter(struct stages *stages, enum stage stage)
{
	enum stage before = stages->current;
	uint64_t now = now_ns();

	if (stages->since)
		stages->time[before] += now - stages->since;
	stages->since = now;
	stages->current = stage;
	return before;
}

void lag_note(struct lag *lag, uint64_t age)
{
	if (age > lag->now)
		lag->now = age;
	if (age > lag->most)
		lag->most = age;
}

void lag_interval(struct lag *lag)
{
	lag->before = lag->now;
	lag->now = 0;
}

uint64_t lag_lately(const struct lag *lag)
{
	return lag->now > lag->before ? lag->now : lag->before;
}

static uint64_t ns_of(struct timeval time)
{
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_usec * 1000;
}

/* The second number of statm, in pages; 0: not known. */
static uint64_t resident_pages(void)
{
	char text[128];
	ssize_t length = small_file_at(AT_FDCWD, "/proc/self/statm", text, sizeof(text));
	struct scan scan, word;
	uint64_t pages;

	if (length <= 0)
		return 0;
	scan = scan_of(text, (size_t)length);
	if (!scan_word(&scan, &word) || !scan_word(&scan, &word) || !scan_number(&word, &pages))
		return 0;
	return pages;
}

struct self_usage self_usage(void)
{
	struct rusage usage = { 0 };

	getrusage(RUSAGE_SELF, &usage);
	return (struct self_usage){
		.cpu_user = ns_of(usage.ru_utime),
		.cpu_system = ns_of(usage.ru_stime),
		.memory = resident_pages() * (uint64_t)sysconf(_SC_PAGESIZE),
	};
}
