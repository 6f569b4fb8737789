// SPDX-License-Identifier: MIT
/*
 * Captures from outside, read and replayed. The first byte says whether checksums and block numbers
 * are made right first: else nothing would come behind them.
 */
#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hadal/capture.h>

#include "capture_format.h"
#include "fuzz.h"
#include "replay.h"

/* Returns the bytes of the header and its description; 0: there is not all of it. */
static size_t mend_header(uint8_t *data, size_t size)
{
	struct capture_header *header = (void *)data;
	size_t filled;

	if (size < sizeof(*header))
		return 0;
	filled = capture_filled(header->description_size);
	if (header->description_size > size || filled > size - sizeof(*header))
		return 0;
	header->crc = capture_crc(0, header, offsetof(struct capture_header, crc));
	header->crc = capture_crc(header->crc, header + 1, filled);
	return sizeof(*header) + filled;
}

static size_t mend_block(uint8_t *data, size_t size, uint64_t number)
{
	struct capture_block *block = (void *)data;
	size_t filled;

	if (size < sizeof(*block))
		return 0;
	block->magic = CAPTURE_BLOCK_MAGIC;
	block->number = number;
	filled = capture_filled(block->size);
	if (block->size > size || filled > size - sizeof(*block))
		filled = 0;
	else
		block->payload_crc = capture_crc(0, block + 1, filled);
	block->crc = capture_crc(0, block, offsetof(struct capture_block, crc));
	return filled ? sizeof(*block) + filled : 0;
}

static void mend(uint8_t *data, size_t size)
{
	size_t at = mend_header(data, size), length = at;
	uint64_t number = 0;

	for (; length && at < size; at += length)
		length = mend_block(data + at, size - at, number++);
}

static void read_all(struct hadal_capture_reader *reader)
{
	const struct hadal_record *record;
	struct hadal_text document;
	struct hadal_capture_end end;
	uint64_t records = 0;
	int item;

	while ((item = hadal_capture_next(reader, &record, &document)) > 0) {
		if (item == HADAL_CAPTURE_RECORD)
			assert(hadal_record_validate(record, record->size, NULL) == 0);
		else
			assert(document.data[document.length] == '\0');
		records += item == HADAL_CAPTURE_RECORD;
	}
	assert(item == HADAL_CAPTURE_END);
	hadal_capture_ending(reader, &end);
	assert(end.records == records);
	assert(end.is_whole == !*end.why);
}

/* All of it, or up to a document that is none. */
static void replay_all(int fd)
{
	struct hadal_capture_reader *reader;
	struct replay *replay;
	int result;

	assert(lseek(fd, 0, SEEK_SET) == 0);
	assert(hadal_capture_open(&reader, fd) == 0);
	assert(replay_new(&replay, hadal_capture_realtime(reader), UINT64_MAX) == 0);
	result = replay_capture(replay, reader);
	assert(result == 0 || (result == -EINVAL && *replay->error));
	replay_free(replay);
	hadal_capture_close(reader);
}

static int file_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert(fd >= 0);
	assert(write(fd, data, size) == (ssize_t)size);
	assert(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hadal_capture_reader *reader;
	uint8_t *copy;
	int fd, opened;

	if (!size)
		return 0;
	copy = fuzz_copy(data + 1, size - 1);
	if (data[0] % 2)
		mend(copy, size - 1);
	fd = file_of(copy, size - 1);
	opened = hadal_capture_open(&reader, fd);
	if (opened == 0)
		read_all(reader);
	else
		assert(*hadal_capture_why(reader));
	hadal_capture_close(reader);
	if (opened == 0)
		replay_all(fd);
	close(fd);
	free(copy);
	return 0;
}
