// SPDX-License-Identifier: MIT
/*
 * Docker's answer about a container, whose id is CONTAINER: what is read of it
 * keeps its bounds, and without that id nothing is.
 */
#include <assert.h>
#include <string.h>

#include "docker.h"
#include "fuzz.h"
#include "fuzz_container.h"

#define CONTAINER	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct container_facts facts;
	char *copy = fuzz_text(data, size);

	if (docker_parse_container(copy, size, CONTAINER, &facts)) {
		assert(!facts.name[0] && !facts.task.arn[0] && !facts.address_count && !facts.port_count);
	} else {
		assert(memmem(data, size, CONTAINER, strlen(CONTAINER)) || memchr(data, '\\', size));
		fuzz_check_container(&facts);
	}
	free(copy);
	return 0;
}
