// SPDX-License-Identifier: MIT
/*
 * A file of the spool. If the first byte is odd the checksums of its headers are
 * made right, and those of the data of every second record.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <zlib.h>

#include "fuzz.h"
#include "fuzz_file.h"
#include "spool_segment.h"

enum {
	HEADER = 64,		/* of the file, and of a record */
	SEGMENT_CRC = 12,	/* where it is; it is of what is behind it */
	RECORD_CRC = 4,
	RECORD_SIZE = 56,
	DATA_CRC = 60,
	RECORDS = 1000,
};

static void mend_header(uint8_t *header, size_t at)
{
	const uint32_t crc = (uint32_t)crc32_z(0, header + at + sizeof(crc), HEADER - at - sizeof(crc));

	memcpy(header + at, &crc, sizeof(crc));
}

static void mend(uint8_t *bytes, size_t size)
{
	uint32_t data_size, crc;

	if (size < HEADER)
		return;
	mend_header(bytes, SEGMENT_CRC);
	for (size_t at = HEADER, count = 0; size - at >= HEADER; at += HEADER + data_size, count++) {
		memcpy(&data_size, bytes + at + RECORD_SIZE, sizeof(data_size));
		if (data_size <= size - at - HEADER && count % 2 == 0) {
			crc = (uint32_t)crc32_z(0, bytes + at + HEADER, data_size);
			memcpy(bytes + at + DATA_CRC, &crc, sizeof(crc));
		}
		mend_header(bytes + at, RECORD_CRC);
		if (data_size > size - at - HEADER)
			return;
	}
}

/* Rising numbers, one behind the other, and all of it within the file. */
static void check(const struct spool_segment *segment, size_t size, bool verified)
{
	uint64_t end = HEADER;
	uint8_t *data;

	assert(segment->count <= RECORDS);
	for (size_t i = 0; i < segment->count; i++) {
		const struct spool_slot *slot = &segment->slots[i];
		const int ret = spool_segment_read(segment, slot, &data);

		assert(slot->offset == end + HEADER && slot->entry.size <= size - slot->offset);
		assert(!i || slot->entry.sequence > segment->slots[i - 1].entry.sequence);
		assert(spool_segment_find(segment, slot->entry.sequence) == slot);
		assert(ret == 0 || (ret == -EBADMSG && !verified));
		if (!ret)
			free(data);
		end = slot->offset + slot->entry.size;
	}
	assert(segment->size == end);
}

static void load(const char *name, size_t size, bool verify)
{
	struct spool_segment *segment;
	uint64_t torn;
	const int ret = spool_segment_load(fuzz_directory, name, RECORDS, verify, &segment, &torn);

	assert(ret == 0 || ret == -EBADMSG);
	if (ret)
		return;
	check(segment, size, verify);
	assert(segment->size + torn == size);
	spool_segment_free(segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = "0000000000000001-00000000.spool";
	uint8_t *copy;

	if (!size)
		return 0;
	copy = fuzz_copy(data + 1, size - 1);
	if (data[0] % 2)
		mend(copy, size - 1);
	fuzz_file_write(name, copy, size - 1);
	load(name, size - 1, false);
	load(name, size - 1, true);
	free(copy);
	return 0;
}
