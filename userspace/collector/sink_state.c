// SPDX-License-Identifier: MIT
#include "sink_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum {
	VERSION = 1,
	FILE_NAME_SIZE = 64,
	STATE_MAX = 256 << 20,
};

static const char magic[8] = { 'H', 'A', 'D', 'A', 'L', 'S', 'N', 'K' };
static const char prefix[] = "sink-", suffix[] = ".state";

struct header {
	char magic[8];
	uint32_t version;
	uint32_t crc;		/* of what is behind it, the series too */
	uint64_t position;
	uint64_t settled[HADAL_SIGNALS];
	uint64_t size;		/* of the series */
};

static uint32_t crc_of(const struct header *header, const uint8_t *series)
{
	const uint32_t crc = (uint32_t)crc32_z(0, (const Bytef *)&header->position,
					       sizeof(*header) - offsetof(struct header, position));

	return header->size ? (uint32_t)crc32_z(crc, series, header->size) : crc;
}

static int open_directory(const char *path)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- writing ---- */

static int write_whole(int fd, const void *bytes, size_t size)
{
	const char *from = bytes;

	while (size) {
		const ssize_t written = write(fd, from, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? -errno : -EIO;
		from += written;
		size -= (size_t)written;
	}
	return 0;
}

static struct header header_of(const struct hadal_sink_state *state)
{
	struct header header = { .version = VERSION, .position = state->position, .size = state->series_size };

	memcpy(header.magic, magic, sizeof(magic));
	memcpy(header.settled, state->settled, sizeof(header.settled));
	header.crc = crc_of(&header, state->series);
	return header;
}

static int write_file(int fd, const struct hadal_sink_state *state)
{
	const struct header header = header_of(state);
	int ret = write_whole(fd, &header, sizeof(header));

	if (!ret)
		ret = write_whole(fd, state->series, state->series_size);
	/* Renamed without, it could be an empty file after a power cut. */
	if (!ret && fdatasync(fd))
		ret = -errno;
	return ret;
}

static int replace(int directory, const char *name, const struct hadal_sink_state *state)
{
	char file[FILE_NAME_SIZE], temporary[FILE_NAME_SIZE];
	int fd, ret;

	snprintf(file, sizeof(file), "%s%s%s", prefix, name, suffix);
	snprintf(temporary, sizeof(temporary), ".%s%s.new", prefix, name);
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	ret = write_file(fd, state);
	close(fd);
	if (!ret && renameat(directory, temporary, directory, file))
		ret = -errno;
	if (ret)
		unlinkat(directory, temporary, 0);
	return ret;
}

int hadal_sink_state_write(const char *directory, const char *name, const struct hadal_sink_state *state)
{
	const int fd = open_directory(directory);
	int ret;

	if (fd < 0)
		return fd;
	ret = replace(fd, name, state);
	close(fd);
	return ret;
}

/* The header is within one sector: of it there is the old one or the new one. */
static int write_header(int fd, const struct header *header)
{
	const ssize_t written = pwrite(fd, header, sizeof(*header), 0);

	if (written < 0)
		return -errno;
	if (written != sizeof(*header))
		return -EIO;
	/* What stays behind it, if something does, no header names. */
	if (ftruncate(fd, sizeof(*header)) || fdatasync(fd))
		return -errno;
	return 0;
}

int hadal_sink_state_overwrite(const char *directory, const char *name, const struct hadal_sink_state *state)
{
	struct hadal_sink_state alone = *state;
	struct header header;
	char file[FILE_NAME_SIZE];
	const int at = open_directory(directory);
	int fd, ret;

	if (at < 0)
		return at;
	alone.series_size = 0;
	header = header_of(&alone);
	snprintf(file, sizeof(file), "%s%s%s", prefix, name, suffix);
	fd = openat(at, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ret = fd < 0 ? -errno : write_header(fd, &header);
	if (fd >= 0)
		close(fd);
	close(at);
	return ret;
}

/* ---- reading ---- */

static int read_whole(int fd, void *bytes, size_t size)
{
	char *to = bytes;

	while (size) {
		const ssize_t got = read(fd, to, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EBADMSG;
		to += got;
		size -= (size_t)got;
	}
	return 0;
}

/* Behind a header that was written over another there may still be the series of that one. */
static bool has_size(const struct header *header, uint64_t file_size)
{
	const uint64_t size = sizeof(*header) + header->size;

	return header->size ? file_size == size : file_size >= size;
}

static int read_file(int fd, struct hadal_sink_state *state)
{
	struct header header;
	struct stat status;
	uint8_t *bytes;
	int ret = fstat(fd, &status) ? -errno : read_whole(fd, &header, sizeof(header));

	if (ret)
		return ret;
	if (memcmp(header.magic, magic, sizeof(magic)) || header.version != VERSION || header.size > STATE_MAX ||
	    !has_size(&header, (uint64_t)status.st_size))
		return -EBADMSG;
	bytes = malloc(header.size + 1);
	if (!bytes)
		return -ENOMEM;
	ret = read_whole(fd, bytes, header.size);
	if (!ret && header.crc != crc_of(&header, bytes))
		ret = -EBADMSG;
	if (ret) {
		free(bytes);
		return ret;
	}
	state->position = header.position;
	memcpy(state->settled, header.settled, sizeof(state->settled));
	state->series = bytes;
	state->series_size = header.size;
	return 0;
}

int hadal_sink_state_read(const char *directory, const char *name, struct hadal_sink_state *state)
{
	char file[FILE_NAME_SIZE];
	const int at = open_directory(directory);
	int fd, ret;

	if (at < 0)
		return at;
	snprintf(file, sizeof(file), "%s%s%s", prefix, name, suffix);
	fd = openat(at, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ret = fd < 0 ? -errno : read_file(fd, state);
	if (fd >= 0)
		close(fd);
	close(at);
	return ret;
}

/* ---- sinks that are no more ---- */

/* Returns whether @file is a sink's, with the name of that in @name. */
static bool sink_of(const char *file, char *name, size_t size)
{
	const size_t length = strlen(file), around = sizeof(prefix) + sizeof(suffix) - 2;

	if (length <= around || length - around >= size || strncmp(file, prefix, sizeof(prefix) - 1) ||
	    strcmp(file + length - (sizeof(suffix) - 1), suffix))
		return false;
	snprintf(name, size, "%.*s", (int)(length - around), file + sizeof(prefix) - 1);
	return true;
}

void hadal_sink_state_forget(const char *path, bool (*is_one)(void *context, const char *name),
			     void (*told)(void *context, const char *name), void *context)
{
	DIR *directory = opendir(path);
	char name[FILE_NAME_SIZE];
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (!sink_of(entry->d_name, name, sizeof(name)) || is_one(context, name))
			continue;
		if (!unlinkat(dirfd(directory), entry->d_name, 0))
			told(context, name);
	}
	closedir(directory);
}
