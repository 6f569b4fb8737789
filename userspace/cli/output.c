/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* Asked for where an earlier write failed, of which nobody knows any more why. */
static bool nobody_reads(void)
{
	struct pollfd output = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&output, 1, 0) > 0 && output.revents & (POLLERR | POLLHUP);
}

int check_output(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return -1;
	/* Who reads us has seen enough. */
	if (errno == EPIPE || (!errno && nobody_reads())) {
		clearerr(stdout);
		return EXIT_WELL;
	}
	complain("standard output: %s", errno ? strerror(errno) : "not all of it could be written");
	return EXIT_FAILED;
}
