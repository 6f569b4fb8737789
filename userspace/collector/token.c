/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "token.h"

/* Returns a descriptor, or -errno. */
static int open_token(const char *path, bool guarded, struct stat *status, char *error, size_t error_size)
{
	/* Who puts a pipe there does not stop hadald. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), result;

	if (fd < 0 || fstat(fd, status)) {
		result = -errno;
		snprintf(error, error_size, "%s: %s", path, strerror(-result));
	} else if (!S_ISREG(status->st_mode)) {
		result = -EINVAL;
		snprintf(error, error_size, "%s: not a file", path);
	} else if (!guarded && status->st_mode & 077) {
		result = -EACCES;
		snprintf(error, error_size, "%s: others may read or write it; chmod 600 mends that", path);
	} else {
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return result;
}

int token_read(const char *path, bool guarded, char token[TOKEN_SIZE], struct stat *status, char *error,
	       size_t error_size)
{
	int fd = open_token(path, guarded, status, error, error_size), result = 0;
	char text[TOKEN_SIZE + 1];
	ssize_t length;

	token[0] = '\0';
	if (fd < 0)
		return fd;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	if (strlen(text) > TOKEN_MAX) {
		result = -EFBIG;
		snprintf(error, error_size, "%s: more than %d bytes", path, TOKEN_MAX);
	} else if (!text[0]) {
		result = -EINVAL;
		snprintf(error, error_size, "%s: no token in it", path);
	} else {
		strcpy(token, text);
	}
	explicit_bzero(text, sizeof(text));
	return result;
}

static bool is_same_time(struct timespec one, struct timespec other)
{
	return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

bool token_changed(const char *path, const struct stat *before)
{
	struct stat now;

	if (stat(path, &now))
		return false;
	return now.st_dev != before->st_dev || now.st_ino != before->st_ino || now.st_size != before->st_size ||
	       !is_same_time(now.st_mtim, before->st_mtim) || !is_same_time(now.st_ctim, before->st_ctim);
}

bool token_usable(const char *token)
{
	const char *at = token;

	while (*at > ' ' && *at <= '~')
		at++;
	return at != token && !*at;
}
