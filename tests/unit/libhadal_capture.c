/* SPDX-License-Identifier: MIT */
/*
 * Captures: what is written is read again; what is cut off, damaged or none is
 * told from what is whole, and nothing of it is handed out.
 */
#include "memory_ring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <hadal/capture.h>

#include "capture_format.h"

#define DESCRIPTION	"{\"host.name\":\"here\"}"
#define DOCUMENT	"{\"kind\":\"test\"}"
#define REALTIME	1767323045000000000ULL

struct bytes {
	uint8_t *data;
	size_t size;
};

/* A file in memory, at its beginning. */
static int file_of(const void *data, size_t size)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(size, write(fd, data, size));
	assert_int_equal(0, lseek(fd, 0, SEEK_SET));
	return fd;
}

static struct bytes bytes_of(int fd)
{
	struct bytes bytes = { .size = (size_t)lseek(fd, 0, SEEK_END) };

	bytes.data = malloc(bytes.size);
	assert_non_null(bytes.data);
	assert_int_equal(bytes.size, pread(fd, bytes.data, bytes.size, 0));
	return bytes;
}

static struct hadal_record_clock_sync sync_of(uint32_t sequence)
{
	return (struct hadal_record_clock_sync){
		.header = {
			.size = sizeof(struct hadal_record_clock_sync),
			.type = HADAL_RECORD_CLOCK_SYNC,
			.record_class = HADAL_CLASS_CONTROL,
			.time = 1000 + sequence,
			.sequence = sequence,
		},
		.monotonic = 1000 + sequence,
	};
}

static void add(struct hadal_capture_writer *writer, uint32_t from, uint32_t to)
{
	struct hadal_record_clock_sync record;

	for (; from < to; from++) {
		record = sync_of(from);
		assert_int_equal(0, hadal_capture_add(writer, &record.header));
	}
}

static struct hadal_capture_writer *begin(int fd)
{
	struct hadal_capture_writer *writer;

	assert_int_equal(0, hadal_capture_create(&writer, fd, DESCRIPTION, REALTIME));
	return writer;
}

/* Two blocks of records, 3 and 2, and a document between. */
static struct bytes small_capture(void)
{
	const struct hadal_totals totals = { .lost = { [HADAL_CLASS_TCP] = 7 } };
	int fd = file_of("", 0);
	struct hadal_capture_writer *writer = begin(fd);
	struct bytes bytes;

	add(writer, 0, 3);
	assert_int_equal(0, hadal_capture_add_document(writer, DOCUMENT, strlen(DOCUMENT)));
	add(writer, 3, 5);
	assert_int_equal(0, hadal_capture_finish(writer, &totals));
	bytes = bytes_of(fd);
	close(fd);
	return bytes;
}

static void check_record(const struct hadal_record *record, uint32_t sequence)
{
	const struct hadal_record_clock_sync expected = sync_of(sequence);

	assert_memory_equal(&expected, record, sizeof(expected));
}

/* Reads to the end; returns how many records there were, all as they were written. */
static uint32_t read_all(struct hadal_capture_reader *reader, uint32_t *documents)
{
	const struct hadal_record *record;
	struct hadal_text document;
	uint32_t records = 0;
	int item;

	*documents = 0;
	while ((item = hadal_capture_next(reader, &record, &document)) != HADAL_CAPTURE_END) {
		if (item == HADAL_CAPTURE_RECORD) {
			check_record(record, records++);
			continue;
		}
		assert_int_equal(HADAL_CAPTURE_DOCUMENT, item);
		assert_int_equal(strlen(DOCUMENT), document.length);
		assert_string_equal(DOCUMENT, document.data);
		++*documents;
	}
	return records;
}

static void what_is_written_is_read(void **state)
{
	struct bytes bytes = small_capture();
	int fd = file_of(bytes.data, bytes.size);
	struct hadal_capture_reader *reader;
	struct hadal_capture_end end;
	uint32_t documents;

	(void)state;
	assert_int_equal(0, hadal_capture_open(&reader, fd));
	assert_string_equal(DESCRIPTION, hadal_capture_description(reader));
	assert_int_equal(REALTIME, hadal_capture_realtime(reader));
	assert_int_equal(5, read_all(reader, &documents));
	assert_int_equal(1, documents);
	hadal_capture_ending(reader, &end);
	assert_true(end.is_whole);
	assert_string_equal("", end.why);
	assert_int_equal(5, end.records);
	assert_int_equal(7, end.lost[HADAL_CLASS_TCP]);
	hadal_capture_close(reader);
	close(fd);
	free(bytes.data);
}

static void many_blocks(void **state)
{
	enum { RECORDS = 20000 };	/* of 48 bytes: more than a block takes */
	int fd = file_of("", 0);
	struct hadal_capture_writer *writer = begin(fd);
	struct hadal_capture_reader *reader;
	struct hadal_capture_end end;
	uint32_t documents;

	(void)state;
	add(writer, 0, RECORDS);
	assert_int_equal(0, hadal_capture_finish(writer, NULL));
	assert_true(lseek(fd, 0, SEEK_END) > RECORDS * 48);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(0, hadal_capture_open(&reader, fd));
	assert_int_equal(RECORDS, read_all(reader, &documents));
	hadal_capture_ending(reader, &end);
	assert_true(end.is_whole);
	hadal_capture_close(reader);
	close(fd);
}

/* ---- cut off ---- */

/* How many records lie in blocks that end within size bytes, and whether that is all of it. */
static uint32_t whole_records(const struct bytes *bytes, size_t size, bool *is_all)
{
	size_t at = sizeof(struct capture_header) + capture_filled(strlen(DESCRIPTION));
	struct capture_block block;
	uint32_t records = 0;

	*is_all = false;
	for (; at < bytes->size; at += sizeof(block) + capture_filled(block.size)) {
		memcpy(&block, bytes->data + at, sizeof(block));
		if (at + sizeof(block) + capture_filled(block.size) > size)
			return records;
		if (block.type == CAPTURE_RECORDS)
			records += (uint32_t)(block.size / sizeof(struct hadal_record_clock_sync));
	}
	*is_all = true;
	return records;
}

static void what_is_cut_off_is_good_to_its_last_whole_block(void **state)
{
	struct bytes bytes = small_capture();
	struct hadal_capture_reader *reader;
	struct hadal_capture_end end;
	uint32_t documents, records;
	size_t size;
	bool is_all;
	int fd, result;

	(void)state;
	for (size = 0; size <= bytes.size; size++) {
		fd = file_of(bytes.data, size);
		result = hadal_capture_open(&reader, fd);
		if (size < sizeof(struct capture_header) + capture_filled(strlen(DESCRIPTION))) {
			assert_int_equal(-EBADMSG, result);
			assert_string_not_equal("", hadal_capture_why(reader));
		} else {
			assert_int_equal(0, result);
			records = whole_records(&bytes, size, &is_all);
			assert_int_equal(records, read_all(reader, &documents));
			hadal_capture_ending(reader, &end);
			assert_int_equal(is_all, end.is_whole);
			assert_int_equal(is_all, !*end.why);
			assert_int_equal(records, end.records);
		}
		hadal_capture_close(reader);
		close(fd);
	}
	free(bytes.data);
}

/* ---- damaged ---- */

static void each_damaged_bit_is_found(void **state)
{
	struct bytes bytes = small_capture();
	struct hadal_capture_reader *reader;
	struct hadal_capture_end end;
	uint32_t documents;
	size_t bit;
	int fd, result;

	(void)state;
	for (bit = 0; bit < 8 * bytes.size; bit++) {
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		fd = file_of(bytes.data, bytes.size);
		result = hadal_capture_open(&reader, fd);
		if (result == 0) {
			read_all(reader, &documents);
			hadal_capture_ending(reader, &end);
			assert_false(end.is_whole);
			assert_string_not_equal("", end.why);
		} else {
			assert_true(result == -EBADMSG || result == -EPROTO);
			assert_string_not_equal("", hadal_capture_why(reader));
		}
		bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		hadal_capture_close(reader);
		close(fd);
	}
	free(bytes.data);
}

/* A block that was left out, of which each other is whole. */
static void a_missing_block_is_found(void **state)
{
	struct bytes bytes = small_capture();
	size_t first = sizeof(struct capture_header) + capture_filled(strlen(DESCRIPTION));
	size_t length = sizeof(struct capture_block) + 3 * sizeof(struct hadal_record_clock_sync);
	struct hadal_capture_reader *reader;
	struct hadal_capture_end end;
	uint32_t documents;
	int fd;

	(void)state;
	memmove(bytes.data + first, bytes.data + first + length, bytes.size - first - length);
	fd = file_of(bytes.data, bytes.size - length);
	assert_int_equal(0, hadal_capture_open(&reader, fd));
	assert_int_equal(0, read_all(reader, &documents));
	hadal_capture_ending(reader, &end);
	assert_false(end.is_whole);
	assert_non_null(strstr(end.why, "is not the next one"));
	hadal_capture_close(reader);
	close(fd);
	free(bytes.data);
}

/* ---- refused ---- */

static void expect_refusal(const void *data, size_t size, int error, const char *why)
{
	struct hadal_capture_reader *reader;
	int fd = file_of(data, size);

	assert_int_equal(error, hadal_capture_open(&reader, fd));
	if (!strstr(hadal_capture_why(reader), why))
		fail_msg("'%s' does not say '%s'", hadal_capture_why(reader), why);
	hadal_capture_close(reader);
	close(fd);
}

static void what_is_none_is_refused_with_the_reason(void **state)
{
	struct bytes bytes = small_capture();
	struct capture_header *header = (void *)bytes.data;
	const char other[] = "{\"this\": \"is some other file, and long enough\"}";

	(void)state;
	expect_refusal("", 0, -EBADMSG, "too short");
	expect_refusal(other, sizeof(other), -EBADMSG, "no capture of Hadal");
	header->version = 2;
	expect_refusal(bytes.data, bytes.size, -EPROTO, "format version 2, this program reads 1");
	header->byte_order = __builtin_bswap32(header->byte_order);
	expect_refusal(bytes.data, bytes.size, -EPROTO, "other byte order");
	free(bytes.data);
}

/* A block with right checksums that holds what is no record. */
static void what_is_no_record_is_not_handed_out(void **state)
{
	struct bytes bytes = small_capture();
	size_t at = sizeof(struct capture_header) + capture_filled(strlen(DESCRIPTION));
	struct capture_block *block = (void *)(bytes.data + at);
	struct hadal_record_clock_sync *written = (void *)(block + 1);
	struct hadal_record *second = &written[1].header;
	struct hadal_capture_reader *reader;
	struct hadal_capture_end end;
	uint32_t documents;
	int fd;

	(void)state;
	second->size = 1 << 20;
	block->payload_crc = capture_crc(0, block + 1, capture_filled(block->size));
	block->crc = capture_crc(0, block, offsetof(struct capture_block, crc));
	fd = file_of(bytes.data, bytes.size);
	assert_int_equal(0, hadal_capture_open(&reader, fd));
	assert_int_equal(1, read_all(reader, &documents));
	hadal_capture_ending(reader, &end);
	assert_false(end.is_whole);
	assert_non_null(strstr(end.why, "no record"));
	hadal_capture_close(reader);
	close(fd);
	free(bytes.data);
}

/* ---- writing fails ---- */

static void a_full_disk_is_told_by_each_call(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC), good = file_of("", 0);
	struct hadal_capture_writer *writer;
	struct hadal_record_clock_sync record = sync_of(0);

	(void)state;
	assert_int_equal(-ENOSPC, hadal_capture_create(&writer, fd, DESCRIPTION, REALTIME));
	assert_null(writer);
	writer = begin(good);
	add(writer, 0, 1);
	assert_true(dup2(fd, good) >= 0);
	assert_int_equal(-ENOSPC, hadal_capture_flush(writer));
	assert_int_equal(-ENOSPC, hadal_capture_add(writer, &record.header));
	assert_int_equal(-ENOSPC, hadal_capture_add_document(writer, DOCUMENT, strlen(DOCUMENT)));
	assert_int_equal(-ENOSPC, hadal_capture_finish(writer, NULL));
	close(good);
	close(fd);
}

static void what_is_too_long_is_refused_and_the_rest_written(void **state)
{
	int fd = file_of("", 0);
	struct hadal_capture_writer *writer = begin(fd);
	struct hadal_record *record = calloc(1, CAPTURE_BLOCK_MAX + 8);
	struct hadal_capture_reader *reader;
	uint32_t documents;

	(void)state;
	assert_non_null(record);
	record->size = CAPTURE_BLOCK_FULL + 8;
	assert_int_equal(-E2BIG, hadal_capture_add(writer, record));
	assert_int_equal(-E2BIG, hadal_capture_add_document(writer, (const char *)record,
							    CAPTURE_BLOCK_MAX + 1));
	add(writer, 0, 2);
	assert_int_equal(0, hadal_capture_finish(writer, NULL));
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(0, hadal_capture_open(&reader, fd));
	assert_int_equal(2, read_all(reader, &documents));
	hadal_capture_close(reader);
	free(record);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(many_blocks),
		cmocka_unit_test(what_is_cut_off_is_good_to_its_last_whole_block),
		cmocka_unit_test(each_damaged_bit_is_found),
		cmocka_unit_test(a_missing_block_is_found),
		cmocka_unit_test(what_is_none_is_refused_with_the_reason),
		cmocka_unit_test(what_is_no_record_is_not_handed_out),
		cmocka_unit_test(a_full_disk_is_told_by_each_call),
		cmocka_unit_test(what_is_too_long_is_refused_and_the_rest_written),
	};

	return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
