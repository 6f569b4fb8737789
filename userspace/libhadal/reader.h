/* SPDX-License-Identifier: MIT */
/*
 * Merges rings into one stream in time order. A session adds its mapped rings;
 * tests add rings in memory of their own.
 */
#ifndef LIBHADAL_READER_H
#define LIBHADAL_READER_H

#include "ring.h"

/*
 * How long after its busy mark a writer may read the clock while the mark is
 * not visible here: the mark is a plain store and may wait in the CPU's store
 * buffer, which empties in well under a microsecond. A round reaches as far as
 * a clock reading this much ago. Nanoseconds.
 */
#define READER_SLACK		100000

/* For rings_of(): any CPU may have them. */
#define READER_ALL_CPUS		UINT32_MAX

/* Clocks of user space and kernel agree far better. Nanoseconds. */
#define READER_FUTURE_LIMIT	1000000000

struct hadal_reader;

struct reader_sources {
	/* Now, CLOCK_MONOTONIC, ns. */
	uint64_t (*clock)(void *context);
	/*
	 * A CPU, or one that is not known (READER_ALL_CPUS), has rings of its own now:
	 * adds them with reader_add_ring(). May be called again for the same CPU. Returns -errno on failure, having
	 * described it with reader_fail(). NULL: new rings are not read.
	 */
	int (*rings_of)(void *context, uint32_t cpu);
	void *context;
};

/* ENOMEM. The caller's until reader_destroy(), which leaves the rings' memory alone. */
int reader_create(struct hadal_reader **reader, const struct reader_sources *sources);
void reader_destroy(struct hadal_reader *reader);

/* Copies ring, which ring_init() has made. During a round it takes part in it. ENOMEM. */
int reader_add_ring(struct hadal_reader *reader, const struct ring *ring);

/* No writer runs any more (or one does again): nothing newer need be waited for. */
void reader_set_final(struct hadal_reader *reader, bool final);

/* Whether the last round was cut short by a busy writer. */
bool reader_was_held(const struct hadal_reader *reader);

/* Describes a failure for hadal_reader_error(); returns result. */
__attribute__((format(printf, 3, 4)))
int reader_fail(struct hadal_reader *reader, int result, const char *format, ...);

#endif
