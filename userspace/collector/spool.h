/* SPDX-License-Identifier: MIT */
/*
 * What waits to be shipped, in a directory: numbered records in files of some
 * MiB, bounded in bytes and in age, read by as many as want to, each from where
 * it is. docs/shipping.md tells what it promises.
 *
 * While the directory cannot be written (full, read-only, gone, failing) records
 * stay in memory, within a bound of its own, and are written as soon as it can
 * be. Over a bound the oldest goes, and whoever had not read it is told of it.
 *
 * One thread appends, ticks and closes; any thread may read, release and ask.
 */
#ifndef HADAL_SPOOL_H
#define HADAL_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ship.h"

enum {
	HADAL_SPOOL_RUN_SIZE = 16,
	HADAL_SPOOL_RECORD_BYTES = 64 << 20,	/* of one record's data, at most */
	HADAL_SPOOL_RECORDS = 65536,		/* on disk, at most */
};

struct hadal_spool_entry {
	uint64_t sequence;	/* rises from record to record; some may be missing */
	uint64_t time;		/* ns since the epoch, of the appending */
	uint64_t boottime;	/* the same by CLOCK_BOOTTIME */
	uint64_t items[HADAL_SIGNALS];	/* points and log records in it; up to 2^32 - 1 each */
	uint8_t run[HADAL_SPOOL_RUN_SIZE];	/* random, of the process that appended it */
	size_t size;		/* bytes of data */
};

struct hadal_spool_record {
	struct hadal_spool_entry entry;
	uint8_t *data;		/* from malloc */
};

enum hadal_spool_loss {
	HADAL_SPOOL_FULL,	/* over the bound in bytes or in number */
	HADAL_SPOOL_OLD,
};

struct hadal_spool_config {
	const char *directory;	/* NULL: in memory alone. Made if it is missing */
	uint64_t bytes;		/* on disk; at least 1 MiB */
	uint64_t age_ms;	/* of a record, on disk and in memory */
	size_t memory_bytes, memory_records;
	unsigned int sync_ms;	/* 0: 1 s */
	unsigned int retry_ms;	/* 0: 5 s: how long a directory that failed is left alone */
	/*
	 * A record will be no more, by a bound; it can still be read while this
	 * is called, and cannot afterwards. Both functions are called by the
	 * thread that ticks, without a lock.
	 */
	void (*lost)(void *context, const struct hadal_spool_entry *entry, enum hadal_spool_loss why);
	void (*say)(void *context, enum hadal_ship_log_level level, const char *message);
	void *context;
};

struct hadal_spool_stats {
	uint64_t disk_bytes, disk_records;
	uint64_t memory_bytes, memory_records;
	uint64_t oldest_age_ms;		/* of the oldest record; 0: there is none */
	uint64_t failures;		/* how often the directory was given up for a while */
	uint64_t torn_bytes;		/* behind the last whole record of a file, at the start */
	bool owned;			/* no other process uses the directory */
	bool on_disk;			/* records are written to the directory now */
	char trouble[128];		/* why not; "" if there is no directory configured */
};

struct hadal_spool;

/**
 * hadal_spool_open() - open the spool and find what an earlier run has left
 *
 * A directory that cannot be used is no error: it is said, and tried again.
 *
 * Return: 0; -ENOMEM; -EAGAIN: no random numbers.
 */
int hadal_spool_open(const struct hadal_spool_config *config, struct hadal_spool **spool);

/** hadal_spool_close() - sync and close; what is in memory is lost, and not told of. May be NULL. */
void hadal_spool_close(struct hadal_spool *spool);

/** hadal_spool_continue() - no record to come has a number below @sequence. */
void hadal_spool_continue(struct hadal_spool *spool, uint64_t sequence);

/** hadal_spool_path() - of its directory, where readers may keep where they are; NULL: it has none. */
const char *hadal_spool_path(const struct hadal_spool *spool);

/** hadal_spool_owns() - whether the directory is this spool's to write to now; any thread may ask. */
bool hadal_spool_owns(struct hadal_spool *spool);

/** hadal_spool_end() - the number that the next record will have. */
uint64_t hadal_spool_end(struct hadal_spool *spool);

/**
 * hadal_spool_append() - add a record
 * @items: of each signal
 * @data: copied
 * @sequence: set to its number; also on failure, when nobody will read it
 *
 * Return: 0; -ENOBUFS: it alone exceeds a bound; -ENOMEM.
 */
int hadal_spool_append(struct hadal_spool *spool, const uint64_t *items, const uint8_t *data, size_t size,
		       uint64_t *sequence);

/** hadal_spool_tick() - what is due by time: syncing, age, trying a directory again. Each 100 ms or so. */
void hadal_spool_tick(struct hadal_spool *spool);

/**
 * hadal_spool_flush() - write what is in memory, if it can be, and sync; now, whatever is due when
 *
 * For the end: what is not written then is lost. By the thread that ticks.
 */
void hadal_spool_flush(struct hadal_spool *spool);

/**
 * hadal_spool_read() - the first record at or behind @sequence
 *
 * Return: 0, @record->data being the caller's; -ENOENT: there is none;
 * -EBADMSG: it is damaged, and only @record->entry is set; another -errno of
 * reading it, likewise.
 */
int hadal_spool_read(struct hadal_spool *spool, uint64_t sequence, struct hadal_spool_record *record);

/** hadal_spool_first() - the number of the first record at or behind @sequence; UINT64_MAX: there is none. */
uint64_t hadal_spool_first(struct hadal_spool *spool, uint64_t sequence);

/** hadal_spool_waiting() - adds to @items what the records at and behind @sequence hold. */
void hadal_spool_waiting(struct hadal_spool *spool, uint64_t sequence, uint64_t *items);

/** hadal_spool_unsaved() - the same of those alone that are in memory, and end with it. */
void hadal_spool_unsaved(struct hadal_spool *spool, uint64_t sequence, uint64_t *items);

/** hadal_spool_release() - nobody will read a record below @sequence any more. */
void hadal_spool_release(struct hadal_spool *spool, uint64_t sequence);

void hadal_spool_stats(struct hadal_spool *spool, struct hadal_spool_stats *stats);

#endif
