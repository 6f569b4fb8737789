// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "talker.h"

static int ledger_fd = STDOUT_FILENO;

void ledger_open(const char *path)
{
	if (strcmp(path, "-") == 0)
		return;
	ledger_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (ledger_fd < 0) {
		perror(path);
		exit(1);
	}
}

void ledger(const char *format, ...)
{
	char line[512];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(line) || write(ledger_fd, line, (size_t)length) != length) {
		perror("the ledger");
		exit(1);
	}
}

uint64_t talker_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t send_bytes(int fd, uint64_t count)
{
	static const char chunk[TALKER_CHUNK];
	uint64_t sent = 0;

	while (sent < count) {
		size_t size = count - sent < sizeof(chunk) ? (size_t)(count - sent) : sizeof(chunk);
		ssize_t taken = send(fd, chunk, size, MSG_NOSIGNAL);

		if (taken < 0)
			break;
		sent += (uint64_t)taken;
	}
	return sent;
}

uint64_t read_bytes(int fd, uint64_t count)
{
	char chunk[TALKER_CHUNK];
	uint64_t got = 0;

	while (got < count) {
		size_t size = count - got < sizeof(chunk) ? (size_t)(count - got) : sizeof(chunk);
		ssize_t came = read(fd, chunk, size);

		if (came <= 0)
			break;
		got += (uint64_t)came;
	}
	return got;
}
