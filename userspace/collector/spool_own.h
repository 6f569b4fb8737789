/* SPDX-License-Identifier: MIT */
/*
 * Of the spool's own files: the list of segments, oldest first, and behind it the
 * list of what is in memory: all of the one is older than all of the other. The
 * thread that ticks alone changes the lists, under the lock, and does its input and
 * output without it (spool.c); a reader holds a segment by its count of readers
 * while it reads (spool_read.c).
 */
#ifndef HADAL_SPOOL_OWN_H
#define HADAL_SPOOL_OWN_H

#include <pthread.h>

#include "spool.h"
#include "spool_segment.h"

struct memory_record {
	struct memory_record *next;
	struct hadal_spool_record record;
};

struct hadal_spool {
	struct hadal_spool_config config;
	char *path;			/* NULL: in memory alone */
	uint64_t segment_bytes, segment_ns;
	uint8_t run[HADAL_SPOOL_RUN_SIZE];
	uint8_t boot[SPOOL_BOOT_SIZE];

	/* of the thread that ticks */
	int directory, lock_file;
	bool scanned;			/* what an earlier run has left is in the list */
	struct spool_segment *active;	/* the last of the list, being written; NULL: a new one is to be made */
	uint64_t sync_ns, retry_ns;	/* CLOCK_MONOTONIC: not before */

	pthread_mutex_t lock;
	struct spool_segment *first, **last;
	size_t segments;
	struct memory_record *first_memory, **last_memory;
	uint64_t next;			/* number of the record to come */
	uint64_t released;
	struct hadal_spool_stats stats;
};

#endif
