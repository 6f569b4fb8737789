/* SPDX-License-Identifier: MIT */
/*
 * Writing a capture: one block at a time, with one write where the file takes it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hadal/capture.h>

#include "capture_format.h"

struct hadal_capture_writer {
	int fd;
	int error;		/* -errno: nothing more is written */
	uint64_t blocks;
	uint64_t records;
	size_t used;		/* bytes of payload in block */
	/* A block's header and its payload, in one piece. */
	struct capture_block block;
	uint8_t payload[CAPTURE_BLOCK_MAX];
};

static_assert(offsetof(struct hadal_capture_writer, payload) ==
	      offsetof(struct hadal_capture_writer, block) + sizeof(struct capture_block), "in one piece");

static int write_all(int fd, const void *data, size_t size)
{
	const uint8_t *at = data;
	ssize_t written;

	while (size) {
		written = write(fd, at, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		at += written;
		size -= (size_t)written;
	}
	return 0;
}

/* The payload lies in its place. */
static int write_block(struct hadal_capture_writer *writer, enum capture_block_type type, size_t size)
{
	struct capture_block *block = &writer->block;
	size_t filled = capture_filled(size);

	if (writer->error)
		return writer->error;
	memset(writer->payload + size, 0, filled - size);
	*block = (struct capture_block){
		.magic = CAPTURE_BLOCK_MAGIC,
		.type = type,
		.size = (uint32_t)size,
		.number = writer->blocks++,
		.payload_crc = capture_crc(0, writer->payload, filled),
	};
	block->crc = capture_crc(0, block, offsetof(struct capture_block, crc));
	writer->error = write_all(writer->fd, block, sizeof(*block) + filled);
	return writer->error;
}

static int write_header(struct hadal_capture_writer *writer, const char *description, uint64_t realtime)
{
	size_t size = strlen(description), filled = capture_filled(size);
	struct capture_header header = {
		.magic = CAPTURE_MAGIC,
		.version = CAPTURE_VERSION,
		.byte_order = CAPTURE_BYTE_ORDER,
		.abi_version = HADAL_ABI_VERSION,
		.description_size = (uint32_t)size,
		.realtime = realtime,
	};

	/* As yet the payload's place is free. */
	memcpy(writer->payload + sizeof(header), description, size);
	memset(writer->payload + sizeof(header) + size, 0, filled - size);
	header.crc = capture_crc(0, &header, offsetof(struct capture_header, crc));
	header.crc = capture_crc(header.crc, writer->payload + sizeof(header), filled);
	memcpy(writer->payload, &header, sizeof(header));
	return write_all(writer->fd, writer->payload, sizeof(header) + filled);
}

HADAL_API int hadal_capture_create(struct hadal_capture_writer **writer, int fd,
				   const char *description, uint64_t realtime)
{
	int result;

	*writer = NULL;
	if (strlen(description) > CAPTURE_DESCRIPTION_MAX)
		return -E2BIG;
	*writer = calloc(1, sizeof(**writer));
	if (!*writer)
		return -ENOMEM;
	(*writer)->fd = fd;
	result = write_header(*writer, description, realtime);
	if (result < 0) {
		free(*writer);
		*writer = NULL;
	}
	return result;
}

HADAL_API int hadal_capture_flush(struct hadal_capture_writer *writer)
{
	size_t size = writer->used;

	writer->used = 0;
	return size ? write_block(writer, CAPTURE_RECORDS, size) : writer->error;
}

HADAL_API int hadal_capture_add(struct hadal_capture_writer *writer, const struct hadal_record *record)
{
	int result = writer->error;

	if (record->size > CAPTURE_BLOCK_FULL)
		return -E2BIG;
	if (result == 0 && writer->used + record->size > CAPTURE_BLOCK_FULL)
		result = hadal_capture_flush(writer);
	if (result < 0)
		return result;
	memcpy(writer->payload + writer->used, record, record->size);
	writer->used += record->size;
	writer->records++;
	return 0;
}

HADAL_API int hadal_capture_add_document(struct hadal_capture_writer *writer, const char *json, size_t size)
{
	int result;

	if (size > CAPTURE_BLOCK_MAX)
		return -E2BIG;
	result = hadal_capture_flush(writer);
	if (result < 0)
		return result;
	memcpy(writer->payload, json, size);
	return write_block(writer, CAPTURE_DOCUMENT, size);
}

HADAL_API int hadal_capture_finish(struct hadal_capture_writer *writer, const struct hadal_totals *totals)
{
	struct capture_end end = { .records = writer->records };
	int result = hadal_capture_flush(writer);

	if (totals)
		memcpy(end.lost, totals->lost, sizeof(end.lost));
	if (result == 0) {
		memcpy(writer->payload, &end, sizeof(end));
		result = write_block(writer, CAPTURE_END, sizeof(end));
	}
	free(writer);
	return result;
}
