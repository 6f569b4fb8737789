/* SPDX-License-Identifier: MIT */
/*
 * Capture files: the records of a session, to be read again elsewhere.
 *
 * A file is a header, then blocks, each with checksums of its own, at last a
 * block that says that it is whole. docs/capture.md has the format. What was
 * cut off or damaged is good up to the last block that is whole.
 *
 * Functions that return int return -errno on failure and do not set errno.
 */
#ifndef HADAL_CAPTURE_H
#define HADAL_CAPTURE_H

#include <hadal/hadal.h>

/* ---- writing ---- */

struct hadal_capture_writer;

/*
 * Begins a capture in the file or pipe fd, which stays the caller's.
 * @description: JSON that says where it was made, under names of OpenTelemetry's
 * resource attributes; copied. @realtime: ns since 1970.
 * E2BIG: a description of more than 64 KiB. ENOMEM; what write() answers.
 */
HADAL_API int hadal_capture_create(struct hadal_capture_writer **writer, int fd,
				   const char *description, uint64_t realtime);

/*
 * Adds a record, in the order in which hadal_reader_next() gives them. A block
 * is written when it is full: what a crash costs is what was added since the last
 * hadal_capture_flush(). After an error nothing more is written, and each call
 * says the same error: what lies in the file is whole up to its last block.
 */
HADAL_API int hadal_capture_add(struct hadal_capture_writer *writer, const struct hadal_record *record);

/*
 * Adds a document: what else one must know to understand the records behind it,
 * a JSON object with a member "kind"; size bytes. E2BIG: more than a block takes.
 */
HADAL_API int hadal_capture_add_document(struct hadal_capture_writer *writer, const char *json,
					 size_t size);

/* Writes what was added. */
HADAL_API int hadal_capture_flush(struct hadal_capture_writer *writer);

/*
 * Flushes and writes that the capture is whole; what was lost, as @totals of the
 * reader says, goes with that (NULL: not known). Frees in any case.
 */
HADAL_API int hadal_capture_finish(struct hadal_capture_writer *writer, const struct hadal_totals *totals);

/* ---- reading ---- */

struct hadal_capture_reader;

enum hadal_capture_item {
	HADAL_CAPTURE_END,
	HADAL_CAPTURE_RECORD,
	HADAL_CAPTURE_DOCUMENT,
};

/* How a capture ended, as far as it was read. */
struct hadal_capture_end {
	bool is_whole;
	const char *why;	/* it is not; "" if it is; the reader's */
	uint64_t records;	/* read */
	uint64_t lost[HADAL_CLASS_SLOTS];	/* while it was made; of a whole one */
};

/*
 * Reads from the file or pipe fd, which stays the caller's. On failure too
 * *reader is the caller's until hadal_capture_close(), for hadal_capture_why();
 * NULL: ENOMEM.
 * EBADMSG: no capture, or its header is damaged. EPROTO: of another version, or
 * made on a machine of the other byte order. What read() answers.
 */
HADAL_API int hadal_capture_open(struct hadal_capture_reader **reader, int fd);

/* The description, NUL-terminated; and when it was begun. The reader's. */
HADAL_API const char *hadal_capture_description(const struct hadal_capture_reader *reader);
HADAL_API uint64_t hadal_capture_realtime(const struct hadal_capture_reader *reader);

/*
 * The next item: enum hadal_capture_item. A record has passed
 * hadal_record_validate(). A document is NUL-terminated behind its size bytes. Both are valid until
 * the next call. END: nothing more can be read, hadal_capture_ending() says
 * whether that is all. -errno of read().
 */
HADAL_API int hadal_capture_next(struct hadal_capture_reader *reader, const struct hadal_record **record,
				 struct hadal_text *document);

HADAL_API void hadal_capture_ending(const struct hadal_capture_reader *reader, struct hadal_capture_end *end);

/* What was wrong, for people; "" if nothing. */
HADAL_API const char *hadal_capture_why(const struct hadal_capture_reader *reader);

HADAL_API void hadal_capture_close(struct hadal_capture_reader *reader);

#endif
