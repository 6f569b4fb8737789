/* SPDX-License-Identifier: MIT */
/*
 * Reading a capture: nothing in it is believed before its checksum is right, and
 * a record not before it is validated.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hadal/capture.h>

#include "capture_format.h"
#include "validate.h"

struct hadal_capture_reader {
	int fd;
	uint64_t offset;	/* bytes read from the file */
	uint64_t block_offset;	/* where the block at hand begins */
	uint64_t blocks;
	uint64_t realtime;
	uint64_t records;
	uint64_t lost[HADAL_CLASS_SLOTS];
	bool is_ended;		/* nothing more is read */
	bool is_whole;
	size_t size, at;	/* bytes in payload, and of them handed out */
	char why[200];
	char description[CAPTURE_DESCRIPTION_MAX + 8];
	/* Records lie in it, and a NUL goes behind a document. */
	_Alignas(8) uint8_t payload[CAPTURE_BLOCK_MAX + 8];
};

/* Nothing more can be read: why. */
__attribute__((format(printf, 2, 3)))
static void stop(struct hadal_capture_reader *reader, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reader->why, sizeof(reader->why), format, arguments);
	va_end(arguments);
	reader->is_ended = true;
}

/* As many of the bytes as there are, or -errno. */
static ssize_t take(struct hadal_capture_reader *reader, void *data, size_t size)
{
	size_t taken = 0;
	ssize_t result;

	while (taken < size) {
		result = read(reader->fd, (uint8_t *)data + taken, size - taken);
		if (result < 0 && errno == EINTR)
			continue;
		if (result < 0)
			return -errno;
		if (result == 0)
			break;
		taken += (size_t)result;
	}
	reader->offset += taken;
	return (ssize_t)taken;
}

/* ---- header ---- */

static int refuse(struct hadal_capture_reader *reader, int error, const char *why)
{
	stop(reader, "%s", why);
	return error;
}

static int check_header(struct hadal_capture_reader *reader, const struct capture_header *header)
{
	if (memcmp(header->magic, CAPTURE_MAGIC, sizeof(header->magic)))
		return refuse(reader, -EBADMSG, "this is no capture of Hadal");
	if (header->byte_order == __builtin_bswap32(CAPTURE_BYTE_ORDER))
		return refuse(reader, -EPROTO, "the capture was made on a machine of the other byte order");
	if (header->version != CAPTURE_VERSION) {
		stop(reader, "the capture has format version %u, this program reads %u", header->version,
		     CAPTURE_VERSION);
		return -EPROTO;
	}
	if (header->description_size > CAPTURE_DESCRIPTION_MAX)
		return refuse(reader, -EBADMSG, "the capture's header is damaged");
	return 0;
}

static int read_description(struct hadal_capture_reader *reader, const struct capture_header *header)
{
	size_t filled = capture_filled(header->description_size);
	ssize_t taken = take(reader, reader->description, filled);
	uint32_t crc;

	if (taken < 0)
		return refuse(reader, (int)taken, strerror((int)-taken));
	crc = capture_crc(0, header, offsetof(struct capture_header, crc));
	crc = capture_crc(crc, reader->description, filled);
	if ((size_t)taken < filled || crc != header->crc)
		return refuse(reader, -EBADMSG, "the capture's header is damaged");
	reader->description[header->description_size] = '\0';
	return 0;
}

static int read_header(struct hadal_capture_reader *reader)
{
	struct capture_header header;
	ssize_t taken = take(reader, &header, sizeof(header));
	int result;

	if (taken < 0)
		return refuse(reader, (int)taken, strerror((int)-taken));
	if ((size_t)taken < sizeof(header))
		return refuse(reader, -EBADMSG, "this is no capture of Hadal: it is too short");
	result = check_header(reader, &header);
	if (result == 0)
		result = read_description(reader, &header);
	reader->realtime = header.realtime;
	return result;
}

HADAL_API int hadal_capture_open(struct hadal_capture_reader **reader, int fd)
{
	*reader = calloc(1, sizeof(**reader));
	if (!*reader)
		return -ENOMEM;
	(*reader)->fd = fd;
	return read_header(*reader);
}

HADAL_API void hadal_capture_close(struct hadal_capture_reader *reader)
{
	free(reader);
}

/* ---- blocks ---- */

static void stop_in_block(struct hadal_capture_reader *reader, const char *what)
{
	stop(reader, "the block at byte %llu %s; what is before it was read",
	     (unsigned long long)reader->block_offset, what);
}

static const char *block_fault(const struct hadal_capture_reader *reader, const struct capture_block *block)
{
	if (block->magic != CAPTURE_BLOCK_MAGIC)
		return "is no block";
	if (block->crc != capture_crc(0, block, offsetof(struct capture_block, crc)))
		return "has a damaged header";
	if (block->number != reader->blocks)
		return "is not the next one";
	if (block->size > CAPTURE_BLOCK_MAX)
		return "is too long";
	return NULL;
}

/* Returns 1, 0 where the capture ends here, -errno. */
static int read_block_header(struct hadal_capture_reader *reader, struct capture_block *block)
{
	ssize_t taken;
	const char *fault;

	reader->block_offset = reader->offset;
	taken = take(reader, block, sizeof(*block));
	if (taken < 0)
		return (int)taken;
	if ((size_t)taken < sizeof(*block)) {
		stop_in_block(reader, "is cut off: the capture was not ended");
		return 0;
	}
	fault = block_fault(reader, block);
	if (fault)
		stop_in_block(reader, fault);
	return !fault;
}

static int read_payload(struct hadal_capture_reader *reader, const struct capture_block *block)
{
	size_t filled = capture_filled(block->size);
	ssize_t taken = take(reader, reader->payload, filled);

	if (taken < 0)
		return (int)taken;
	if ((size_t)taken < filled)
		stop_in_block(reader, "is cut off: the capture was not ended");
	else if (capture_crc(0, reader->payload, filled) != block->payload_crc)
		stop_in_block(reader, "is damaged");
	return !reader->is_ended;
}

static void take_end(struct hadal_capture_reader *reader, const struct capture_block *block)
{
	struct capture_end end;

	if (block->size < sizeof(end)) {
		stop_in_block(reader, "is too short for an end");
		return;
	}
	memcpy(&end, reader->payload, sizeof(end));
	memcpy(reader->lost, end.lost, sizeof(end.lost));
	if (end.records != reader->records) {
		stop(reader, "the capture says that it has %llu records, %llu were read",
		     (unsigned long long)end.records, (unsigned long long)reader->records);
		return;
	}
	reader->is_whole = true;
	reader->is_ended = true;
}

/* The next block, its payload in its place. Returns 1, 0 at the end, -errno. */
static int next_block(struct hadal_capture_reader *reader, struct capture_block *block)
{
	int result = read_block_header(reader, block);

	if (result > 0)
		result = read_payload(reader, block);
	if (result <= 0)
		return result;
	reader->blocks++;
	reader->at = 0;
	/* Of a type that a later version may have nothing is handed out. */
	reader->size = block->type == CAPTURE_RECORDS ? block->size : 0;
	if (block->type == CAPTURE_END)
		take_end(reader, block);
	return !reader->is_ended;
}

/* ---- items ---- */

static int next_in_block(struct hadal_capture_reader *reader, const struct hadal_record **record)
{
	const struct hadal_record *next = (const void *)(reader->payload + reader->at);
	const char *fault = record_fault(next, reader->size - reader->at);

	if (fault) {
		stop(reader, "the block at byte %llu has what is no record: %s",
		     (unsigned long long)reader->block_offset, fault);
		return HADAL_CAPTURE_END;
	}
	reader->at += next->size;
	reader->records++;
	*record = next;
	return HADAL_CAPTURE_RECORD;
}

HADAL_API int hadal_capture_next(struct hadal_capture_reader *reader, const struct hadal_record **record,
				 struct hadal_text *document)
{
	struct capture_block block;
	int result;

	while (!reader->is_ended) {
		if (reader->at < reader->size)
			return next_in_block(reader, record);
		result = next_block(reader, &block);
		if (result < 0)
			return result;
		if (result > 0 && block.type == CAPTURE_DOCUMENT) {
			reader->payload[block.size] = '\0';
			document->data = (const char *)reader->payload;
			document->length = strlen(document->data);
			return HADAL_CAPTURE_DOCUMENT;
		}
	}
	return HADAL_CAPTURE_END;
}

/* ---- what is known of it ---- */

HADAL_API const char *hadal_capture_description(const struct hadal_capture_reader *reader)
{
	return reader->description;
}

HADAL_API uint64_t hadal_capture_realtime(const struct hadal_capture_reader *reader)
{
	return reader->realtime;
}

HADAL_API void hadal_capture_ending(const struct hadal_capture_reader *reader, struct hadal_capture_end *end)
{
	*end = (struct hadal_capture_end){
		.is_whole = reader->is_whole,
		.why = reader->why,
		.records = reader->records,
	};
	if (reader->is_whole)
		memcpy(end->lost, reader->lost, sizeof(end->lost));
}

HADAL_API const char *hadal_capture_why(const struct hadal_capture_reader *reader)
{
	return reader->why;
}
