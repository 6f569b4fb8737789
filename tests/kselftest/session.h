/* SPDX-License-Identifier: MIT */
/*
 * A session with /dev/hadal, straight on the ABI: what is tested here must not
 * rest on the library. Functions return 0 or -errno; none of them judges.
 */
#ifndef KSELFTEST_SESSION_H
#define KSELFTEST_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include "hadal.h"

struct ring {
	struct hadal_ring_consumer *consumer;	/* NULL: not mapped */
	struct hadal_ring_producer *producer;
	const unsigned char *data;
	uint32_t data_size;	/* bytes */
	uint32_t position;	/* read so far, modulo 2^32 */
	unsigned int cpu;
	unsigned int lane;
};

struct session {
	int fd;
	struct hadal_query query;
	struct hadal_config config;
	struct ring *rings;	/* query.possible_cpus * HADAL_LANES */
};

/* Processes and TCP, rings that hold what one test produces, no argv. */
void session_defaults(struct hadal_config *config);

/* Opens the device and asks what it is. */
int session_open(struct session *session);
/* Asks again: session->query. */
int session_query(struct session *session);
int session_configure(struct session *session, const struct hadal_config *config);

/* Configures a session of its own, which is closed then: to configure works once. */
int session_try(const struct hadal_config *config);

/* Maps the rings of every CPU that has some and is not mapped yet. */
int session_map(struct session *session);
int session_start(struct session *session);
int session_stop(struct session *session);

/* One slice; dump->what says of what, dump->state whether there is more. */
int session_dump(struct session *session, struct hadal_dump *dump);
int session_stats(const struct session *session, uint32_t cpu, struct hadal_stats *stats);

/* Unmaps and closes; a session that is all zero but fd -1 is closed. */
void session_close(struct session *session);

/* What mmap() of one part of one ring takes. */
size_t ring_part_length(const struct session *session, unsigned int lane, unsigned int part);
void *ring_map_part(const struct session *session, unsigned int cpu, unsigned int lane,
		    unsigned int part, int protection);

/* The ring's commit word, with acquire: pairs with the module's release. */
uint64_t ring_commit(const struct ring *ring);

/*
 * The next record, in place, or NULL when all that was committed is read. It
 * stays valid until ring_release() gives back what ring_step() has passed.
 */
const struct hadal_record *ring_peek(const struct ring *ring);
void ring_step(struct ring *ring, uint32_t bytes);
void ring_release(struct ring *ring);

#endif
