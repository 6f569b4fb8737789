/* SPDX-License-Identifier: MIT */
/*
 * Remembers which container each cgroup is.
 */
#ifndef HADAL_CLI_CONTAINERS_H
#define HADAL_CLI_CONTAINERS_H

#include <hadal/cgroup.h>
#include <hadal/hadal.h>

struct container {
	char container_id[HADAL_CONTAINER_ID_SIZE];	/* "": none */
	char task_id[HADAL_TASK_ID_SIZE];	/* of ECS; "": none */
};

struct containers;

/* NULL without memory. */
struct containers *containers_create(void);
void containers_destroy(struct containers *containers);

/*
 * Where the process or the owner of the connection in record runs; NULL where
 * that is no container or is not known. Valid until the next call.
 */
const struct container *containers_find(struct containers *containers, const struct hadal_record *record);

#endif
