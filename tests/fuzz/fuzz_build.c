// SPDX-License-Identifier: MIT
/*
 * Executables: the input is a file, which then is a sparse one too when its first
 * byte is odd, so that what its header claims may lie within.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "build.h"
#include "fuzz.h"

/* Text of printable characters without spaces, with its NUL. */
static void check_text(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);

	assert(end);
	for (; text != end; text++)
		assert(*text > ' ' && *text <= '~');
}

static void check_facts(const struct build_facts *facts)
{
	check_text(facts->gnu_id, sizeof(facts->gnu_id));
	check_text(facts->go_id, sizeof(facts->go_id));
	check_text(facts->go_version, sizeof(facts->go_version));
	check_text(facts->module_path, sizeof(facts->module_path));
	check_text(facts->module_version, sizeof(facts->module_version));
	assert(strlen(facts->gnu_id) % 2 == 0);
	assert(strspn(facts->gnu_id, "0123456789abcdef") == strlen(facts->gnu_id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct build_facts facts;

	if (!size)
		return 0;
	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data + 1, size - 1, 0) != (ssize_t)size - 1 ||
	    (data[0] & 1 && ftruncate(fd, (off_t)100 << 30)))
		abort();
	build_read(fd, &facts);
	check_facts(&facts);
	return 0;
}
