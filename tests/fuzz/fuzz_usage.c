// SPDX-License-Identifier: MIT
/*
 * Files that say what is used, of cgroups and of the host: the first byte chooses
 * which. What is not of its form changes nothing.
 */
#include <assert.h>
#include <string.h>

#include "cgroup_files.h"
#include "fuzz.h"
#include "host_usage.h"

static void read_of_cgroup(enum cgroup_file file, const char *text, size_t size)
{
	struct usage usage, before;

	memset(&usage, 0, sizeof(usage));
	before = usage;
	if (cgroup_file_parse(file, text, size, &usage))
		assert(memcmp(&usage, &before, sizeof(usage)) == 0);
	cgroup_files_finish(&usage);
}

static void read_of_host(enum host_file file, const char *text, size_t size)
{
	struct host_usage usage = { .known = 0 };

	if (host_file_parse(file, text, size, &usage))
		assert(!host_knows(&usage, file));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int file;
	char *copy;

	if (!size)
		return 0;
	file = data[0] % (CGROUP_FILES + HOST_FILES);
	copy = fuzz_copy(data + 1, size - 1);
	if (file < CGROUP_FILES)
		read_of_cgroup(file, copy, size - 1);
	else
		read_of_host(file - CGROUP_FILES, copy, size - 1);
	free(copy);
	return 0;
}
