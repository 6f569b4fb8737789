/* SPDX-License-Identifier: MIT */
/*
 * The format of capture files, version 1: docs/capture.md.
 */
#ifndef LIBHADAL_CAPTURE_FORMAT_H
#define LIBHADAL_CAPTURE_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

#include <hadal/uapi.h>

#define CAPTURE_VERSION		1
#define CAPTURE_BYTE_ORDER	0x01020304u
#define CAPTURE_BLOCK_MAX	(1u << 20)	/* bytes of payload that a reader takes */
#define CAPTURE_BLOCK_FULL	(256u << 10)	/* bytes at which a writer ends a block of records */
#define CAPTURE_DESCRIPTION_MAX	(64u << 10)

/* As PNG's: a copy that changes line ends or cuts bit 7 is found at once. */
#define CAPTURE_MAGIC		"\x89HADAL\r\n"
#define CAPTURE_BLOCK_MAGIC	0x4b4c4248u	/* HBLK */

/* The description follows, filled up with zeros to 8 bytes. */
struct capture_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t byte_order;
	uint32_t abi_version;
	uint32_t description_size;	/* bytes, without what fills up */
	uint64_t realtime;		/* ns since 1970 */
	uint32_t reserved;		/* 0 */
	uint32_t crc;			/* of all before it, then the description as it lies there */
};

enum capture_block_type {
	CAPTURE_RECORDS = 1,
	CAPTURE_DOCUMENT,
	CAPTURE_END,
};

/* The payload follows, filled up with zeros to 8 bytes. */
struct capture_block {
	uint32_t magic;
	uint32_t type;
	uint32_t size;		/* bytes of payload, without what fills up */
	uint32_t reserved;	/* 0 */
	uint64_t number;	/* of this block, from 0 */
	uint32_t payload_crc;	/* with what fills up */
	uint32_t crc;		/* of all before it */
};

struct capture_end {
	uint64_t records;
	uint64_t lost[HADAL_CLASS_SLOTS];
};

static_assert(sizeof(struct capture_header) == 40, "fixed by the format");
static_assert(sizeof(struct capture_block) == 32, "fixed by the format");
static_assert(sizeof(struct capture_end) == 72, "fixed by the format");

static inline size_t capture_filled(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

static inline uint32_t capture_crc(uint32_t crc, const void *data, size_t size)
{
	return (uint32_t)crc32(crc, data, (uInt)size);
}

#endif
