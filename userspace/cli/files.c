/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

int read_line_of(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	int error = 0;

	text[0] = 0;
	if (!file)
		return -errno;
	if (!fgets(text, (int)size, file))
		error = ferror(file) ? -errno : 0;
	fclose(file);
	text[strcspn(text, "\n")] = 0;
	return error;
}

int read_number_of(const char *path, uint64_t *number)
{
	char text[32], *end;
	int error = read_line_of(path, text, sizeof(text));

	if (error < 0)
		return error;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno || end == text || *end ? -EINVAL : 0;
}
