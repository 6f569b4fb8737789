/* SPDX-License-Identifier: MIT */
/*
 * A session that keeps a copy of every record and checks, as it reads, all
 * that holds for any stream of records: sizes, classes and lanes, time order
 * within a ring, sequence numbers, a LOST record behind every gap. What cannot
 * be done is a failed assertion of the test.
 */
#ifndef KSELFTEST_RECORDER_H
#define KSELFTEST_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "session.h"

struct ring_history {
	uint64_t time;			/* ns, of the last record */
	uint32_t next_sequence;		/* if nothing was lost */
};

struct recorder {
	struct session session;
	struct ring_history *histories;	/* as session.rings */
	struct hadal_record **records;
	size_t count;
	size_t capacity;
	uint64_t seen[HADAL_CLASS_SLOTS];	/* records read */
	uint64_t bytes[HADAL_CLASS_SLOTS];	/* of these */
	uint64_t lost[HADAL_CLASS_SLOTS];	/* as the LOST records say */
	char fault[256];		/* the first rule that a record broke; "": none */
};

/* With config NULL: session_defaults(). prepare opens and maps, begin starts too. */
void recorder_prepare(struct recorder *recorder, const struct hadal_config *config);
void recorder_begin(struct recorder *recorder, const struct hadal_config *config);
void recorder_start(struct recorder *recorder);

/* Reads what is there; returns how many records that was. Maps rings of new CPUs. */
size_t recorder_drain(struct recorder *recorder);

/* Dumps and drains until done; returns the records of the dump. */
uint64_t recorder_dump(struct recorder *recorder, uint32_t what);

/* Drops the copies of what was read so far. */
void recorder_forget(struct recorder *recorder);

/* Stops, drains, and asserts that no rule was broken and nothing lost. */
void recorder_end(struct recorder *recorder);
/* The same, where loss is expected. */
void recorder_end_lossy(struct recorder *recorder);
/* Expects that what was produced was delivered or lost, class by class. */
void recorder_check_counts(const struct recorder *recorder);
/* Of one that has ended: also that what was delivered was read, and all loss told in the rings. */
void recorder_check_all_read(const struct recorder *recorder);
void recorder_close(struct recorder *recorder);

typedef bool (*record_match)(const struct hadal_record *record, const void *what);

size_t recorder_count(const struct recorder *recorder, record_match match, const void *what);

/* Drains until there are that many; asserts that this happens within a minute or so. */
void recorder_wait(struct recorder *recorder, record_match match, const void *what, size_t want);

/* Sorts by time; what a ring holds in order stays in order. */
void recorder_sort(struct recorder *recorder);

/* The first match at or behind *cursor, which is moved past it; NULL: no more. */
const struct hadal_record *recorder_find(const struct recorder *recorder, size_t *cursor,
					 record_match match, const void *what);

/* The process, connection, flow or answer that a record of that class is about; else NULL. */
const struct hadal_process *record_process(const struct hadal_record *record);
const struct hadal_tcp *record_tcp(const struct hadal_record *record);
const struct hadal_udp *record_udp(const struct hadal_record *record);
const struct hadal_dns *record_dns(const struct hadal_record *record);

/* Records lost at a ring's end, behind which no record has come. */
uint32_t recorder_lost_at_end(const struct recorder *recorder, unsigned int cpu, unsigned int lane);

#endif
