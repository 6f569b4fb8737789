/* SPDX-License-Identifier: MIT */
/*
 * What the files of a cgroup say, of both versions. Pure functions on what was
 * read: cgroup_reader.c reads it.
 */
#ifndef HADALD_CGROUP_FILES_H
#define HADALD_CGROUP_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a container or task uses. Those before USAGE_COUNTERS only grow. */
enum usage_value {
	USAGE_CPU_USER,			/* ns */
	USAGE_CPU_SYSTEM,		/* ns */
	USAGE_CPU_PERIODS,		/* of a limit on CPU time: in which there was something to run */
	USAGE_CPU_PERIODS_THROTTLED,	/* of these, in which it was used up */
	USAGE_CPU_THROTTLED,		/* ns, summed over CPUs */
	USAGE_MEMORY_HIGH_HITS,		/* times that memory.high, */
	USAGE_MEMORY_MAX_HITS,		/* memory.max was met */
	USAGE_MEMORY_OOM,		/* times that an allocation found no room */
	USAGE_MEMORY_OOM_KILLS,		/* processes */
	USAGE_DISK_READ,		/* bytes */
	USAGE_DISK_WRITTEN,		/* bytes */
	USAGE_CPU_SOME,			/* ns: pressure, as /proc/pressure has it */
	USAGE_CPU_FULL,
	USAGE_MEMORY_SOME,
	USAGE_MEMORY_FULL,
	USAGE_IO_SOME,
	USAGE_IO_FULL,
	USAGE_STARTED,			/* of no file: how often it was started, */
	USAGE_RESTARTED,		/* and of these, anew */
	USAGE_COUNTERS,

	USAGE_MEMORY = USAGE_COUNTERS,	/* bytes */
	USAGE_MEMORY_INACTIVE_FILE,	/* bytes: of these, what could be dropped at once */
	USAGE_MEMORY_WORKING_SET,	/* bytes: the rest */
	USAGE_MEMORY_LIMIT,		/* bytes */
	USAGE_CPU_LIMIT,		/* ns of CPU time a second */
	USAGE_THREADS,
	USAGE_CPU_QUOTA,		/* us in each period, of version 1; together they are the limit */
	USAGE_CPU_PERIOD,		/* us */
	USAGE_VALUES,
};

struct usage {
	uint64_t value[USAGE_VALUES];
	uint32_t known;			/* a bit for each value; a limit that is not set is not known */
};

static inline bool usage_knows(const struct usage *usage, enum usage_value value)
{
	return usage->known >> value & 1;
}

static inline void usage_set(struct usage *usage, enum usage_value value, uint64_t number)
{
	usage->value[value] = number;
	usage->known |= 1U << value;
}

/* Those of version 2, then those of version 1. */
enum cgroup_file {
	CGROUP_CPU_STAT,
	CGROUP_CPU_MAX,
	CGROUP_MEMORY_CURRENT,
	CGROUP_MEMORY_MAX,
	CGROUP_MEMORY_STAT,
	CGROUP_MEMORY_EVENTS,
	CGROUP_IO_STAT,
	CGROUP_CPU_PRESSURE,
	CGROUP_MEMORY_PRESSURE,
	CGROUP_IO_PRESSURE,
	CGROUP_PIDS_CURRENT,
	CGROUP_FILES_V2,

	CGROUP_V1_CPU_USER = CGROUP_FILES_V2,
	CGROUP_V1_CPU_SYSTEM,
	CGROUP_V1_CPU_STAT,
	CGROUP_V1_CPU_QUOTA,
	CGROUP_V1_CPU_PERIOD,
	CGROUP_V1_MEMORY_USAGE,
	CGROUP_V1_MEMORY_LIMIT,
	CGROUP_V1_MEMORY_STAT,
	CGROUP_V1_MEMORY_FAILURES,
	CGROUP_V1_MEMORY_OOM,
	CGROUP_V1_DISK_BYTES,
	CGROUP_V1_PIDS_CURRENT,
	CGROUP_FILES,
};

/* The controller in whose hierarchy of version 1 it is; "" in version 2. Static. */
const char *cgroup_file_controller(enum cgroup_file file);
const char *cgroup_file_name(enum cgroup_file file);

/*
 * Adds to @usage what @file says, whose whole content is @text of @length bytes.
 * What this version of Hadal does not know in it is passed over. Returns 0;
 * -EBADMSG: it is not of its form, or cut; @usage is then as before.
 */
int cgroup_file_parse(enum cgroup_file file, const char *text, size_t length, struct usage *usage);

/* After all files of a cgroup: what only several of them together tell. */
void cgroup_files_finish(struct usage *usage);

/*
 * Takes "some" and "full" of a file of pressure, of a cgroup's or the host's, in
 * @some and the value behind it. As above.
 */
int pressure_parse(const char *text, size_t length, enum usage_value some, struct usage *usage);

#endif
