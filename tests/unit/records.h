/* SPDX-License-Identifier: MIT */
/*
 * Makes records as the module does, for tests of what reads them.
 */
#ifndef RECORDS_H
#define RECORDS_H

#include <hadal/hadal.h>

#define SECOND		1000000000ULL
#define MILLISECOND	1000000ULL

/* A process, by what its records say. */
struct actor {
	uint32_t tgid;
	uint32_t parent;
	uint32_t ns_tgid;
	uint32_t net_ns;
	uint64_t start;
	uint64_t cgroup;
	const char *path;	/* of its executable */
};

/* One end of a connection. */
struct end {
	struct hadal_tcp tcp;
	struct hadal_tcp_counters counters;
};

/* Where records go. */
typedef void (*record_sink)(void *context, const struct hadal_record *record);

struct recorder {
	record_sink sink;
	void *context;
	uint64_t time;		/* of the next record; advances by one a record */
	uint64_t dumped;	/* records since the last of a dump's frame */
};

void record_clock(struct recorder *recorder, uint64_t monotonic, uint64_t realtime);
void record_dump(struct recorder *recorder, uint16_t type, uint32_t what);
/* @path: NULL where none is told, as with RMDIR. */
void record_cgroup(struct recorder *recorder, uint16_t type, uint32_t hierarchy, uint64_t id, const char *path,
		   uint16_t flags);
void record_fork(struct recorder *recorder, const struct actor *actor);
/* By a child of its parent's. */
void record_fork_sibling(struct recorder *recorder, const struct actor *actor);
void record_exec(struct recorder *recorder, const struct actor *actor);
void record_existing(struct recorder *recorder, const struct actor *actor);
/* Not by the module. */
void record_existing_indirect(struct recorder *recorder, const struct actor *actor);
/* Found by a dump, but it ended meanwhile: take it as never said. */
void record_ended(struct recorder *recorder, const struct actor *actor);
/* The OOM killer chooses it. */
void record_oom(struct recorder *recorder, const struct actor *actor);
void record_exit(struct recorder *recorder, const struct actor *actor, uint32_t exit_code, uint32_t flags);
/* The same with code 0 of one that has used that much CPU time, in ns. */
void record_exit_used(struct recorder *recorder, const struct actor *actor, uint64_t user, uint64_t system);

/* @local and @peer: "ADDRESS:PORT" or "[ADDRESS]:PORT". @owner may be NULL. */
struct end end_of(uint64_t id, uint64_t key, uint8_t role, const struct actor *owner, const char *local,
		  const char *peer);
void record_established(struct recorder *recorder, struct end *end, uint64_t latency);
void record_accepted(struct recorder *recorder, struct end *end);
void record_failed(struct recorder *recorder, struct end *end, uint32_t error);
void record_snapshot(struct recorder *recorder, const struct end *end);
/* Of a module that does not tell how it ended. */
void record_closed(struct recorder *recorder, const struct end *end, uint32_t old_state, uint32_t error);
void record_ending(struct recorder *recorder, const struct end *end, uint32_t ending, uint32_t error);
void record_listening(struct recorder *recorder, const struct end *end);
void record_listener_closed(struct recorder *recorder, const struct end *end);
/* The same of one that has dropped attempts. */
void record_listener(struct recorder *recorder, const struct end *end, uint16_t type, uint32_t dropped);

/* The message, of @size bytes of which at most 512 are there, as @actor receives it. */
void record_answer(struct recorder *recorder, const struct actor *actor, const void *message, size_t size);

/* The end as a flow of UDP: sent is its counter acked. @flags: HADAL_UDP_*. */
void record_udp(struct recorder *recorder, const struct end *end, uint32_t flags);

#endif
