/* SPDX-License-Identifier: MIT */
/* What was read of containers keeps its bounds, whatever it was read of. */
#ifndef HADAL_FUZZ_CONTAINER_H
#define HADAL_FUZZ_CONTAINER_H

#include <assert.h>
#include <string.h>

#include "container.h"

#define FUZZ_CHECK_TEXT(array)	assert(memchr(array, '\0', sizeof(array)))

static inline void fuzz_check_task(const struct task_facts *task)
{
	FUZZ_CHECK_TEXT(task->arn);
	FUZZ_CHECK_TEXT(task->family);
	FUZZ_CHECK_TEXT(task->revision);
	FUZZ_CHECK_TEXT(task->cluster);
	FUZZ_CHECK_TEXT(task->service);
	FUZZ_CHECK_TEXT(task->zone);
	assert(task->address_count <= CONTAINER_ADDRESSES);
}

static inline void fuzz_check_container(const struct container_facts *facts)
{
	FUZZ_CHECK_TEXT(facts->name);
	FUZZ_CHECK_TEXT(facts->image);
	FUZZ_CHECK_TEXT(facts->endpoint);
	assert(facts->address_count <= CONTAINER_ADDRESSES && facts->port_count <= CONTAINER_PORTS);
	for (unsigned int i = 0; i < facts->port_count; i++)
		assert(facts->ports[i].port && facts->ports[i].host_port);
	fuzz_check_task(&facts->task);
}

#endif
