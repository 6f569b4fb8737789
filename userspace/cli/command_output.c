/* SPDX-License-Identifier: MIT */
#include "command_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"

#define MS	1000000ULL

extern char **environ;

/* Returns 0 or an errno. */
static int start(const char *const *argv, int output, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int result;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	result = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return result;
}

/* Returns whether it came to its end. */
static bool copy(int from, FILE *to, size_t most, uint64_t limit)
{
	struct pollfd fds = { .fd = from, .events = POLLIN };
	char bytes[4096];
	ssize_t length;

	for (;;) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);

		if (now >= limit || poll(&fds, 1, (int)((limit - now) / MS) + 1) <= 0)
			return false;
		length = read(from, bytes, sizeof(bytes));
		if (length <= 0)
			return true;
		if ((size_t)length > most)
			length = (ssize_t)most;
		fwrite(bytes, 1, (size_t)length, to);
		most -= (size_t)length;
	}
}

void command_output(const char *const *argv, FILE *to, size_t most, unsigned int timeout)
{
	int ends[2], result;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC)) {
		fprintf(to, "%s: %s\n", argv[0], strerror(errno));
		return;
	}
	result = start(argv, ends[1], &pid);
	close(ends[1]);
	if (result) {
		fprintf(to, "%s: %s\n", argv[0], strerror(result));
	} else {
		if (!copy(ends[0], to, most, clock_ns(CLOCK_MONOTONIC) + timeout * MS)) {
			fprintf(to, "\n%s: not done within %u ms\n", argv[0], timeout);
			kill(pid, SIGKILL);
		}
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
}
