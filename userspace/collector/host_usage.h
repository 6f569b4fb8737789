/* SPDX-License-Identifier: MIT */
/*
 * What this host's CPUs and memory are used for, out of files of /proc.
 */
#ifndef HADALD_HOST_USAGE_H
#define HADALD_HOST_USAGE_H

#include "cgroup_files.h"
#include "counts.h"

/* As /proc/stat has them, which counts each in ticks. */
enum host_cpu_mode {
	HOST_CPU_USER,		/* of guests too */
	HOST_CPU_NICE,
	HOST_CPU_SYSTEM,
	HOST_CPU_IDLE,
	HOST_CPU_IOWAIT,
	HOST_CPU_INTERRUPT,
	HOST_CPU_SOFT_INTERRUPT,
	HOST_CPU_STEAL,
	HOST_CPU_MODES,
};

/* Bytes. */
enum host_memory {
	HOST_MEMORY_TOTAL,
	HOST_MEMORY_FREE,
	HOST_MEMORY_AVAILABLE,
	HOST_MEMORY_BUFFERS,
	HOST_MEMORY_CACHED,
	HOST_MEMORY_RECLAIMABLE,	/* slabs; they cache as well */
	HOST_MEMORY_VALUES,
};

enum host_file {
	HOST_STAT,
	HOST_MEMINFO,
	HOST_LOADAVG,
	HOST_UPTIME,
	HOST_CPU_PRESSURE,
	HOST_MEMORY_PRESSURE,
	HOST_IO_PRESSURE,
	HOST_FILES,
};

struct host_usage {
	uint32_t known;			/* a bit for each file that was read and is of its form */
	uint64_t cpu[HOST_CPU_MODES];	/* ticks since boot, all CPUs together */
	unsigned int cpus;		/* online */
	uint64_t memory[HOST_MEMORY_VALUES];
	double load[3];			/* of 1, 5 and 15 minutes */
	double uptime;			/* s */
	uint64_t boot_time;		/* ns since the epoch, as first seen; 0: not known */
	struct usage pressure;		/* USAGE_CPU_SOME to USAGE_IO_FULL */
};

static inline bool host_knows(const struct host_usage *usage, enum host_file file)
{
	return usage->known >> file & 1;
}

/*
 * Takes over what @file says, whose whole content is @text of @length bytes.
 * Returns 0; -EBADMSG: it is not of its form, and is not known then.
 */
int host_file_parse(enum host_file file, const char *text, size_t length, struct host_usage *usage);

/* Reads all of them; what is not of its form is counted. @usage: from before, or zeros. */
void host_usage_read(struct host_usage *usage, struct counts *counts);

#endif
