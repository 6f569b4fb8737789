/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hadal/event.h>

#include "cli.h"

void print_text(FILE *to, struct hadal_text text)
{
	char *utf8 = malloc(HADAL_UTF8_SIZE(text.length));
	const unsigned char *at = (unsigned char *)utf8;

	if (!utf8)
		return;
	hadal_utf8(text, utf8);
	for (; *at; at++) {
		if (*at < 0x20 || *at == 0x7f)
			fprintf(to, "\\x%02x", *at);
		else if (at[0] == 0xc2 && at[1] < 0xa0)
			fprintf(to, "\\x%02x", *++at);
		else
			fputc(*at, to);
	}
	free(utf8);
}

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
