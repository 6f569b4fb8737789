/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "whole_file.h"

static ssize_t read_whole(int fd, char *content, size_t size)
{
	size_t length = 0;
	ssize_t got;

	while (length < size) {
		got = pread(fd, content + length, size - length, (off_t)length);
		if (got < 0)
			return -errno;
		if (got == 0)
			return (ssize_t)length;
		length += (size_t)got;
	}
	return -EFBIG;
}

static ssize_t read_once(int fd, char *content, size_t size)
{
	ssize_t length = read(fd, content, size);

	return length < 0 ? -errno : length;
}

static ssize_t file_at(int directory, const char *name, ssize_t (*reads)(int fd, char *content, size_t size),
		       char *content, size_t size)
{
	static const int flags = O_RDONLY | O_CLOEXEC;
	int fd = openat(directory, name, flags);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = reads(fd, content, size);
	close(fd);
	return length;
}

ssize_t whole_file_at(int directory, const char *name, char *content, size_t size)
{
	return file_at(directory, name, read_whole, content, size);
}

ssize_t small_file_at(int directory, const char *name, char *content, size_t size)
{
	return file_at(directory, name, read_once, content, size);
}
