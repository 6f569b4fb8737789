/* SPDX-License-Identifier: MIT */
#include "line_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MODE = 0640,
	POLL_MS = 1000,
	SUFFIX_SIZE = 16,	/* ".4294967295" */
};

struct line_file {
	char *path;		/* NULL: standard output */
	uint64_t limit;
	unsigned int count;

	int fd;			/* -1: to be opened; of standard output always */
	uint64_t size;
	bool torn;		/* the last byte is no newline */
	atomic_ullong rotations;	/* which any thread may ask for */
};

/* Where and how an error is told. */
struct report {
	char *text;
	size_t size;
};

/* Return: -@number. */
static int failed(const struct report *report, const char *path, const char *what, int number)
{
	snprintf(report->text, report->size, "%s: %s: %s", path ? path : "standard output", what, strerror(number));
	return -number;
}

/* ---- opening ---- */

static int look_at_end(struct line_file *file, int fd, const struct report *report)
{
	char last = '\n';

	if (file->size && pread(fd, &last, 1, (off_t)file->size - 1) != 1)
		return failed(report, file->path, "cannot be read", errno ? errno : EIO);
	file->torn = last != '\n';
	return 0;
}

static int take_file(struct line_file *file, int fd, const struct report *report)
{
	struct stat status;

	if (fstat(fd, &status) < 0)
		return failed(report, file->path, "cannot be looked at", errno);
	if (!S_ISREG(status.st_mode)) {
		snprintf(report->text, report->size, "%s: is not a regular file", file->path);
		return -EINVAL;
	}
	file->size = (uint64_t)status.st_size;
	return look_at_end(file, fd, report);
}

static int open_file(struct line_file *file, const struct report *report)
{
	/* O_NONBLOCK: a FIFO is not to be waited for; it does nothing to files. */
	const int fd = open(file->path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, MODE);
	int ret;

	if (fd < 0)
		return failed(report, file->path, "cannot be opened", errno);
	ret = take_file(file, fd, report);
	if (ret) {
		close(fd);
		return ret;
	}
	file->fd = fd;
	return 0;
}

static void shut(struct line_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* Whether the path still leads to what is open, of which somebody may have cut something off. */
static bool still_there(struct line_file *file)
{
	struct stat open_one, there;

	if (fstat(file->fd, &open_one) < 0 || lstat(file->path, &there) < 0)
		return false;
	if ((uint64_t)open_one.st_size < file->size)
		file->torn = false;
	file->size = (uint64_t)open_one.st_size;
	return open_one.st_ino == there.st_ino && open_one.st_dev == there.st_dev;
}

int line_file_new(const struct line_file_config *config, struct line_file **file)
{
	const bool output = strcmp(config->path, LINE_FILE_STANDARD_OUTPUT) == 0;
	struct line_file *made;

	if (!*config->path)
		return -EINVAL;
	if (strlen(config->path) + SUFFIX_SIZE > PATH_MAX)
		return -ENAMETOOLONG;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->limit = config->size;
	made->count = config->count ? config->count : 1;
	made->fd = -1;
	if (!output)
		made->path = strdup(config->path);
	if (!output && !made->path) {
		free(made);
		return -ENOMEM;
	}
	*file = made;
	return 0;
}

void line_file_free(struct line_file *file)
{
	if (!file)
		return;
	shut(file);
	free(file->path);
	free(file);
}

void line_file_reopen(struct line_file *file)
{
	shut(file);
}

uint64_t line_file_rotations(const struct line_file *file)
{
	return file->rotations;
}

/* ---- rotation ---- */

/* 0 is the file itself. */
static void name_of(const struct line_file *file, unsigned int number, char name[PATH_MAX])
{
	if (number)
		snprintf(name, PATH_MAX, "%s.%u", file->path, number);
	else
		snprintf(name, PATH_MAX, "%s", file->path);
}

/* The first place that is free, or whose file has to go. */
static unsigned int last_to_fill(const struct line_file *file)
{
	unsigned int number = 1;
	char name[PATH_MAX];

	for (; number < file->count; number++) {
		name_of(file, number, name);
		if (access(name, F_OK) < 0 && errno == ENOENT)
			break;
	}
	return number;
}

/*
 * From there back to the file itself, so that each place is free when the next
 * comes to it. Interrupted anywhere, it leaves a place free, and the next turn goes
 * on from that one: nothing is lost.
 */
static int move_all(const struct line_file *file, const struct report *report)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (unsigned int number = last_to_fill(file); number-- > 0;) {
		name_of(file, number, from);
		name_of(file, number + 1, to);
		if (rename(from, to) < 0 && errno != ENOENT)
			return failed(report, from, "cannot be renamed", errno);
	}
	return 0;
}

static int rotate(struct line_file *file, const struct report *report)
{
	const int ret = move_all(file, report);

	if (ret)
		return ret;
	shut(file);
	file->rotations++;
	return open_file(file, report);
}

static bool is_full(const struct line_file *file, size_t more)
{
	return file->limit && file->size && file->size + more > file->limit;
}

/* ---- writing ---- */

/* All of it or nothing: what a full disk took of it is taken back. */
static int add(struct line_file *file, const char *text, size_t size, const struct report *report)
{
	size_t done = 0;

	while (done < size) {
		const ssize_t written = write(file->fd, text + done, size - done);
		const int error = written == 0 ? ENOSPC : errno;

		if (written > 0) {
			done += (size_t)written;
			continue;
		}
		if (written < 0 && error == EINTR)
			continue;
		if (done && ftruncate(file->fd, (off_t)file->size) < 0) {
			file->size += done;
			file->torn = true;
		}
		return failed(report, file->path, "cannot be written", error);
	}
	file->size += size;
	return 0;
}

static int end_torn_line(struct line_file *file, const struct report *report)
{
	const int ret = file->torn ? add(file, "\n", 1, report) : 0;

	if (!ret)
		file->torn = false;
	return ret;
}

static int write_file(struct line_file *file, const char *text, size_t size, const struct report *report)
{
	int ret = 0;

	if (file->fd >= 0 && !still_there(file))
		shut(file);
	if (file->fd < 0)
		ret = open_file(file, report);
	if (!ret && is_full(file, size))
		ret = rotate(file, report);
	if (!ret)
		ret = end_torn_line(file, report);
	if (!ret)
		ret = add(file, text, size, report);
	if (ret)
		return ret;
	return fdatasync(file->fd) < 0 ? failed(report, file->path, "cannot be written", errno) : 0;
}

/* Until it takes PIPE_BUF bytes without waiting. */
static int wait_for_room(unsigned int (*patience)(void *context), void *context, const struct report *report)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };
	unsigned int left;
	int ready;

	while ((left = patience(context)) > 0) {
		ready = poll(&output, 1, left < POLL_MS ? (int)left : POLL_MS);
		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return failed(report, NULL, "cannot be waited for", errno);
	}
	return failed(report, NULL, "cannot be written", ETIMEDOUT);
}

static int write_some(struct line_file *file, const char *text, size_t size, const struct report *report)
{
	const ssize_t written = write(STDOUT_FILENO, text, size < PIPE_BUF ? size : PIPE_BUF);

	if (written < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : failed(report, NULL, "cannot be written", errno);
	if (written > 0)
		file->torn = text[written - 1] != '\n';
	return (int)written;
}

/* What was begun and not ended is ended before it is begun again. */
static int write_output(struct line_file *file, const char *text, size_t size,
			unsigned int (*patience)(void *context), void *context, const struct report *report)
{
	const bool torn = file->torn;
	size_t done = 0;

	while (done < size + torn) {
		int ret = wait_for_room(patience, context, report);

		if (!ret && torn && !done)
			ret = write_some(file, "\n", 1, report);
		else if (!ret)
			ret = write_some(file, text + done - torn, size + torn - done, report);
		if (ret < 0)
			return ret;
		done += (size_t)ret;
	}
	return 0;
}

int line_file_write(struct line_file *file, const char *text, size_t size, unsigned int (*patience)(void *context),
		    void *context, char *error, size_t error_size)
{
	const struct report report = { error, error_size };

	if (file->path)
		return write_file(file, text, size, &report);
	return write_output(file, text, size, patience, context, &report);
}
