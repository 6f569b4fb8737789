/* SPDX-License-Identifier: MIT */
/*
 * Remembers which container each cgroup is.
 */
#ifndef HADAL_CLI_CONTAINERS_H
#define HADAL_CLI_CONTAINERS_H

#include <stdbool.h>

#include <hadal/cgroup.h>
#include <hadal/hadal.h>

struct container {
	char container_id[HADAL_CONTAINER_ID_SIZE];	/* "": none */
	char task_id[HADAL_TASK_ID_SIZE];	/* of ECS; "": none */
};

struct containers;

/* @is_here: records are of this host, which may be asked. NULL without memory. */
struct containers *containers_create(bool is_here);
void containers_destroy(struct containers *containers);

/* Takes over which cgroup a record says there is, if it says so. */
void containers_learn(struct containers *containers, const struct hadal_record *record);

/*
 * Where the process or the owner of the connection in record runs; NULL where
 * that is no container or is not known. Valid until the next call.
 */
const struct container *containers_find(struct containers *containers, const struct hadal_record *record);

#endif
