/* SPDX-License-Identifier: MIT */
/*
 * From the kernel's clocks to the wall clock.
 */
#include <stdio.h>
#include <time.h>

#include <hadal/hadal.h>

#define NSEC_PER_SEC	1000000000ULL

/* 9999-12-31T23:59:59Z, the last that RFC 3339 can write; a u64 of ns ends in 2554. */
_Static_assert(UINT64_MAX / NSEC_PER_SEC < 253402300799ULL, "timestamps need a bound");

HADAL_API bool hadal_clock_update(struct hadal_clock *clock, const struct hadal_record *record)
{
	const struct hadal_record_clock_sync *sync = (const void *)record;

	if (record->type != HADAL_RECORD_CLOCK_SYNC)
		return false;
	clock->monotonic = sync->monotonic;
	clock->boottime = sync->boottime;
	clock->realtime = sync->realtime;
	return true;
}

static uint64_t to_realtime(const struct hadal_clock *clock, uint64_t base, uint64_t time)
{
	return clock->realtime ? clock->realtime + (time - base) : 0;
}

HADAL_API uint64_t hadal_clock_from_monotonic(const struct hadal_clock *clock, uint64_t monotonic)
{
	return to_realtime(clock, clock->monotonic, monotonic);
}

HADAL_API uint64_t hadal_clock_from_boottime(const struct hadal_clock *clock, uint64_t boottime)
{
	return to_realtime(clock, clock->boottime, boottime);
}

HADAL_API void hadal_timestamp(uint64_t realtime, char text[HADAL_TIMESTAMP_SIZE])
{
	time_t seconds = (time_t)(realtime / NSEC_PER_SEC);
	struct tm date;

	gmtime_r(&seconds, &date);
	snprintf(text, HADAL_TIMESTAMP_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
		 (unsigned int)(date.tm_year + 1900) % 10000, (unsigned int)(date.tm_mon + 1) % 100,
		 (unsigned int)date.tm_mday % 100, (unsigned int)date.tm_hour % 100,
		 (unsigned int)date.tm_min % 100, (unsigned int)date.tm_sec % 100,
		 (unsigned int)(realtime % NSEC_PER_SEC));
}
