/* SPDX-License-Identifier: MIT */
/* A file of the fuzzed bytes in a directory of its own, in memory, for what takes a directory and a name. */
#ifndef HADAL_FUZZ_FILE_H
#define HADAL_FUZZ_FILE_H

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static char fuzz_path[] = "/dev/shm/hadal-fuzz.XXXXXX";
static int fuzz_directory = -1;
static const char *fuzz_name;

static void fuzz_file_remove(void)
{
	unlinkat(fuzz_directory, fuzz_name, 0);
	rmdir(fuzz_path);
}

/* The same name each time. */
static inline void fuzz_file_write(const char *name, const uint8_t *data, size_t size)
{
	int fd;

	if (fuzz_directory < 0) {
		assert(mkdtemp(fuzz_path));
		fuzz_directory = open(fuzz_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		fuzz_name = name;
		assert(fuzz_directory >= 0 && atexit(fuzz_file_remove) == 0);
	}
	fd = openat(fuzz_directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

#endif
