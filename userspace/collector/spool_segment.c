// SPDX-License-Identifier: MIT
#include "spool_segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <zlib.h>

#include "clock.h"

enum {
	VERSION = 1,
	RECORD_MAGIC = 0x43455248,	/* "HREC" */
};

#define SEQUENCE_MAX	(UINT64_MAX / 2)	/* so that there is always a next one */

static const char segment_magic[8] = { 'H', 'A', 'D', 'A', 'L', 'S', 'P', 'L' };
static const char suffix[] = ".spool";

struct segment_header {
	char magic[8];
	uint32_t version;
	uint32_t crc;		/* of what is behind it */
	uint8_t boot[SPOOL_BOOT_SIZE];
	uint64_t time;
	uint64_t zero[3];
};

struct record_header {
	uint32_t magic;
	uint32_t crc;		/* of what is behind it */
	uint64_t sequence;
	uint8_t run[HADAL_SPOOL_RUN_SIZE];
	uint64_t time, boottime;
	uint32_t items[HADAL_SIGNALS];
	uint32_t size;		/* of the data */
	uint32_t data_crc;
};

_Static_assert(sizeof(struct segment_header) == 64, "padding in what is written");
_Static_assert(sizeof(struct record_header) == 64, "padding in what is written");

static uint32_t crc(const void *bytes, size_t size)
{
	return (uint32_t)crc32_z(0, bytes, size);
}

static uint32_t crc_segment(const struct segment_header *header)
{
	return crc(header->boot, sizeof(*header) - offsetof(struct segment_header, boot));
}

static uint32_t crc_record(const struct record_header *header)
{
	return crc(&header->sequence, sizeof(*header) - offsetof(struct record_header, sequence));
}

/* ---- names ---- */

void spool_segment_name(char *name, size_t size, uint64_t sequence, const uint8_t *run)
{
	/* The run: a name that a run before used for what it lost is not used again. */
	snprintf(name, size, "%016" PRIx64 "-%02x%02x%02x%02x%s", sequence, run[0], run[1], run[2], run[3], suffix);
}

bool spool_segment_is_name(const char *name)
{
	static const char digits[] = "0123456789abcdef";

	return strspn(name, digits) == 16 && name[16] == '-' && strspn(name + 17, digits) == 8 &&
	       strcmp(name + 25, suffix) == 0;
}

/* ---- writing ---- */

static struct spool_segment *new_segment(const char *name, int fd)
{
	struct spool_segment *segment = calloc(1, sizeof(*segment));

	if (!segment)
		return NULL;
	snprintf(segment->name, sizeof(segment->name), "%s", name);
	segment->fd = fd;
	return segment;
}

/* Returns 0, or -errno with less than all of it written. */
static int write_whole(int fd, struct iovec *parts, int count, uint64_t offset)
{
	while (count) {
		ssize_t written = pwritev(fd, parts, count, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? -errno : -EIO;
		offset += (uint64_t)written;
		for (; count && (size_t)written >= parts->iov_len; parts++, count--)
			written -= (ssize_t)parts->iov_len;
		if (!count)
			break;
		parts->iov_base = (char *)parts->iov_base + written;
		parts->iov_len -= (size_t)written;
	}
	return 0;
}

static int write_header(int fd, const uint8_t *boot)
{
	struct segment_header header = { .version = VERSION, .time = wall_ns() };
	struct iovec part = { &header, sizeof(header) };

	memcpy(header.magic, segment_magic, sizeof(header.magic));
	memcpy(header.boot, boot, sizeof(header.boot));
	header.crc = crc_segment(&header);
	return write_whole(fd, &part, 1, 0);
}

int spool_segment_create(int directory, uint64_t sequence, const uint8_t *run, const uint8_t *boot,
			 struct spool_segment **segment)
{
	char name[SPOOL_NAME_SIZE];
	int fd, ret;

	spool_segment_name(name, sizeof(name), sequence, run);
	/*
	 * There may be one by that name: made for the same record, when that could not be written
	 * nor the file removed. It has no other: no number is given twice.
	 */
	fd = openat(directory, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	ret = write_header(fd, boot);
	*segment = ret ? NULL : new_segment(name, fd);
	if (!*segment) {
		unlinkat(directory, name, 0);
		close(fd);
		return ret ? ret : -ENOMEM;
	}
	memcpy((*segment)->boot, boot, SPOOL_BOOT_SIZE);
	(*segment)->size = sizeof(struct segment_header);
	(*segment)->begun = clock_ns(CLOCK_BOOTTIME);
	(*segment)->dirty = true;
	return 0;
}

int spool_segment_reserve(struct spool_segment *segment)
{
	const size_t room = segment->room ? 2 * segment->room : 16;
	struct spool_slot *slots;

	if (segment->count < segment->room)
		return 0;
	slots = realloc(segment->slots, room * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	segment->slots = slots;
	segment->room = room;
	return 0;
}

int spool_segment_write(struct spool_segment *segment, const struct hadal_spool_entry *entry, const uint8_t *data,
			struct spool_slot *slot)
{
	struct record_header header = {
		.magic = RECORD_MAGIC, .sequence = entry->sequence, .time = entry->time, .boottime = entry->boottime,
		.size = (uint32_t)entry->size, .data_crc = crc(data, entry->size),
	};
	struct iovec parts[] = { { &header, sizeof(header) }, { (void *)(uintptr_t)data, entry->size } };
	int ret;

	memcpy(header.run, entry->run, sizeof(header.run));
	for (int i = 0; i < HADAL_SIGNALS; i++)
		header.items[i] = (uint32_t)entry->items[i];
	header.crc = crc_record(&header);
	ret = write_whole(segment->fd, parts, 2, segment->size);
	if (ret) {
		/* If that fails too, the next write is to the same place. */
		if (ftruncate(segment->fd, (off_t)segment->size))
			segment->dirty = true;
		return ret;
	}
	*slot = (struct spool_slot){ .entry = *entry, .offset = segment->size + sizeof(header), .crc = header.data_crc };
	return 0;
}

void spool_segment_add(struct spool_segment *segment, const struct spool_slot *slot)
{
	segment->slots[segment->count++] = *slot;
	segment->size = slot->offset + slot->entry.size;
	segment->dirty = true;
}

/* ---- reading ---- */

static int read_whole(int fd, void *bytes, size_t size, uint64_t offset)
{
	uint8_t *to = bytes;

	while (size) {
		const ssize_t got = pread(fd, to, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EBADMSG;
		to += got;
		size -= (size_t)got;
		offset += (uint64_t)got;
	}
	return 0;
}

static int load_header(struct spool_segment *segment)
{
	struct segment_header header;
	const int ret = read_whole(segment->fd, &header, sizeof(header), 0);

	if (ret)
		return ret;
	if (memcmp(header.magic, segment_magic, sizeof(header.magic)) || header.version != VERSION ||
	    header.crc != crc_segment(&header))
		return -EBADMSG;
	memcpy(segment->boot, header.boot, sizeof(header.boot));
	segment->size = sizeof(header);
	return 0;
}

static bool is_next(const struct spool_segment *segment, const struct record_header *header)
{
	if (header->magic != RECORD_MAGIC || header->crc != crc_record(header))
		return false;
	if (header->size > HADAL_SPOOL_RECORD_BYTES || header->sequence > SEQUENCE_MAX)
		return false;
	return !segment->count || header->sequence > segment->slots[segment->count - 1].entry.sequence;
}

/* Whether there is one more record that is whole, as @slot then says. */
static bool load_record(const struct spool_segment *segment, uint64_t file_size, struct spool_slot *slot)
{
	const uint64_t left = file_size - segment->size;
	struct record_header header;

	if (left < sizeof(header) || read_whole(segment->fd, &header, sizeof(header), segment->size))
		return false;
	if (!is_next(segment, &header) || header.size > left - sizeof(header))
		return false;
	*slot = (struct spool_slot){
		.entry = { .sequence = header.sequence, .time = header.time, .boottime = header.boottime,
			   .size = header.size },
		.offset = segment->size + sizeof(header),
		.crc = header.data_crc,
	};
	memcpy(slot->entry.run, header.run, sizeof(header.run));
	for (int i = 0; i < HADAL_SIGNALS; i++)
		slot->entry.items[i] = header.items[i];
	return true;
}

static bool data_is_whole(const struct spool_segment *segment, const struct spool_slot *slot)
{
	uint8_t *data;
	const int ret = spool_segment_read(segment, slot, &data);

	if (!ret)
		free(data);
	return !ret;
}

static int load_records(struct spool_segment *segment, uint64_t file_size, size_t limit, bool verify)
{
	struct spool_slot slot;

	while (segment->count < limit && load_record(segment, file_size, &slot)) {
		if (verify && !data_is_whole(segment, &slot))
			break;
		if (spool_segment_reserve(segment))
			return -ENOMEM;
		spool_segment_add(segment, &slot);
	}
	segment->dirty = false;
	return 0;
}

static int load(struct spool_segment *segment, size_t limit, bool verify, uint64_t *torn)
{
	struct stat status;
	int ret = 0;

	if (fstat(segment->fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EBADMSG;
	ret = load_header(segment);
	if (!ret)
		ret = load_records(segment, (uint64_t)status.st_size, limit, verify);
	if (!ret)
		*torn = (uint64_t)status.st_size - segment->size;
	return ret;
}

int spool_segment_load(int directory, const char *name, size_t limit, bool verify, struct spool_segment **segment,
		       uint64_t *torn)
{
	/* Not to wait for the other end of what is a pipe. */
	const int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct spool_segment *made;
	int ret;

	if (fd < 0)
		return -errno;
	made = new_segment(name, fd);
	if (!made) {
		close(fd);
		return -ENOMEM;
	}
	ret = load(made, limit, verify, torn);
	if (ret)
		spool_segment_free(made);
	else
		*segment = made;
	return ret;
}

const struct spool_slot *spool_segment_find(const struct spool_segment *segment, uint64_t sequence)
{
	size_t low = 0, high = segment->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (segment->slots[middle].entry.sequence < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low < segment->count ? &segment->slots[low] : NULL;
}

int spool_segment_read(const struct spool_segment *segment, const struct spool_slot *slot, uint8_t **data)
{
	uint8_t *bytes = malloc(slot->entry.size ? slot->entry.size : 1);
	int ret;

	if (!bytes)
		return -ENOMEM;
	ret = read_whole(segment->fd, bytes, slot->entry.size, slot->offset);
	if (!ret && crc(bytes, slot->entry.size) != slot->crc)
		ret = -EBADMSG;
	if (ret)
		free(bytes);
	else
		*data = bytes;
	return ret;
}

bool spool_segment_linked(const struct spool_segment *segment)
{
	struct stat status;

	return !fstat(segment->fd, &status) && status.st_nlink > 0;
}

void spool_segment_free(struct spool_segment *segment)
{
	close(segment->fd);
	free(segment->slots);
	free(segment);
}
