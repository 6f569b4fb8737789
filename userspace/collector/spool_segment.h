/* SPDX-License-Identifier: MIT */
/*
 * One file of the spool: a header, then records, each a header and the data.
 *
 *	segment	"HADALSPL", version, CRC, boot id, wall time
 *	record	"HREC", CRC of the rest of the header, sequence, run, wall time,
 *		time since boot, points, log records, size and CRC of the data
 *
 * in the byte order of the host, which a spool does not leave. The checksums
 * are zlib's CRC-32. A file is written from its beginning to its end and never
 * changed; what a crash has left half written at its end is passed over.
 */
#ifndef HADAL_SPOOL_SEGMENT_H
#define HADAL_SPOOL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool.h"

enum {
	SPOOL_BOOT_SIZE = 16,
	SPOOL_NAME_SIZE = 40,
};

struct spool_slot {
	struct hadal_spool_entry entry;
	uint64_t offset;	/* of the data */
	uint32_t crc;		/* of the data */
};

struct spool_segment {
	struct spool_segment *next;
	char name[SPOOL_NAME_SIZE];
	int fd;
	uint64_t size;		/* bytes of it that are whole */
	struct spool_slot *slots;
	size_t count, room;
	uint8_t boot[SPOOL_BOOT_SIZE];
	uint64_t begun;		/* ns, CLOCK_BOOTTIME, of who writes it */
	unsigned int readers;	/* that have it in hand */
	bool dirty;		/* not all of it is synced */
	bool gone;		/* of the spool's list: the last reader frees it */
};

/** spool_segment_name() - the name of a segment that begins with @sequence. */
void spool_segment_name(char *name, size_t size, uint64_t sequence, const uint8_t *run);

/** spool_segment_is_name() - whether a file of that name may be a segment. */
bool spool_segment_is_name(const char *name);

/**
 * spool_segment_create() - begin a segment
 * @directory: where
 *
 * Return: 0, for spool_segment_free(); -errno, and no file is left.
 */
int spool_segment_create(int directory, uint64_t sequence, const uint8_t *run, const uint8_t *boot,
			 struct spool_segment **segment);

/**
 * spool_segment_load() - find what is in a file
 * @limit: how many records of it at most
 * @verify: look at the data of each record too, and end before the first that is wrong
 * @torn: set to the bytes behind what is whole
 *
 * Return: 0; -EBADMSG: it is no segment, or of another version; another -errno.
 */
int spool_segment_load(int directory, const char *name, size_t limit, bool verify, struct spool_segment **segment,
		       uint64_t *torn);

/** spool_segment_reserve() - make room in memory for one more record; -ENOMEM. Before spool_segment_write(). */
int spool_segment_reserve(struct spool_segment *segment);

/**
 * spool_segment_write() - write a record behind the others
 * @slot: filled, for spool_segment_add()
 *
 * Return: 0; -errno: the file holds what it held.
 */
int spool_segment_write(struct spool_segment *segment, const struct hadal_spool_entry *entry, const uint8_t *data,
			struct spool_slot *slot);

/** spool_segment_add() - the record that was written is part of it from here on. */
void spool_segment_add(struct spool_segment *segment, const struct spool_slot *slot);

/** spool_segment_find() - the first record at or behind @sequence; NULL: there is none. */
const struct spool_slot *spool_segment_find(const struct spool_segment *segment, uint64_t sequence);

/** spool_segment_read() - read a record's data, from malloc; -EBADMSG: it is damaged; another -errno. */
int spool_segment_read(const struct spool_segment *segment, const struct spool_slot *slot, uint8_t **data);

/** spool_segment_linked() - whether its file still has a name. */
bool spool_segment_linked(const struct spool_segment *segment);

/** spool_segment_free() - close it; the file stays. */
void spool_segment_free(struct spool_segment *segment);

#endif
