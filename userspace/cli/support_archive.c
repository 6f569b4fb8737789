/* SPDX-License-Identifier: MIT */
#include "support_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

/* POSIX.1-2017, pax: "ustar Header Block". */
struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], time[12], sum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], padding[12];
};

enum { BLOCK = 512 };

_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

struct archive {
	gzFile file;
	int fd;		/* of its own, to be synced */
	int failure;	/* -errno */
	time_t time;
};

int archive_open(const char *path, struct archive **archive)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), own = -1;

	if (fd < 0)
		return -errno;
	*archive = calloc(1, sizeof(**archive));
	own = *archive ? dup(fd) : -1;
	if (own >= 0)
		(*archive)->file = gzdopen(fd, "wb");
	if (own < 0 || !(*archive)->file) {
		if (own >= 0)
			close(own);
		close(fd);
		unlink(path);
		free(*archive);
		return -ENOMEM;
	}
	(*archive)->fd = own;
	(*archive)->time = time(NULL);
	return 0;
}

static void write_bytes(struct archive *archive, const void *bytes, size_t size)
{
	int wrong;

	if (!size || archive->failure || gzwrite(archive->file, bytes, (unsigned int)size) == (int)size)
		return;
	gzerror(archive->file, &wrong);
	archive->failure = wrong == Z_ERRNO && errno ? -errno : -EIO;
}

/* The sum is of the header with blanks in its place. */
static void seal(struct header *header)
{
	const unsigned char *bytes = (const unsigned char *)header;
	unsigned int sum = 0;

	memset(header->sum, ' ', sizeof(header->sum));
	for (size_t i = 0; i < sizeof(*header); i++)
		sum += bytes[i];
	snprintf(header->sum, sizeof(header->sum), "%06o", sum);
}

int archive_add(struct archive *archive, const char *name, const void *content, size_t size)
{
	static const char zeros[BLOCK];
	struct header header = { .type = '0', .magic = "ustar", .version = "00", .mode = "0000600", .uid = "0000000", .gid = "0000000" };

	if (strlen(name) >= sizeof(header.name) || size >= 1U << 30)
		return archive->failure = -EINVAL;
	memcpy(header.name, name, strlen(name));
	snprintf(header.size, sizeof(header.size), "%011zo", size);
	snprintf(header.time, sizeof(header.time), "%011llo", (unsigned long long)archive->time & 077777777777);
	seal(&header);
	write_bytes(archive, &header, sizeof(header));
	write_bytes(archive, content, size);
	write_bytes(archive, zeros, (BLOCK - size % BLOCK) % BLOCK);
	return archive->failure;
}

int archive_close(struct archive *archive)
{
	static const char end[2 * BLOCK];
	int result;

	write_bytes(archive, end, sizeof(end));
	if (gzclose(archive->file) != Z_OK && !archive->failure)
		archive->failure = errno ? -errno : -EIO;
	if (fsync(archive->fd) && !archive->failure)
		archive->failure = -errno;
	close(archive->fd);
	result = archive->failure;
	free(archive);
	return result;
}
