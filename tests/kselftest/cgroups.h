/* SPDX-License-Identifier: MIT */
/* Directories of the unified hierarchy, which is mounted if it is not. */
#ifndef KSELFTEST_CGROUPS_H
#define KSELFTEST_CGROUPS_H

#include <limits.h>
#include <stdint.h>

struct cgroup {
	char path[PATH_MAX];
	uint64_t id;	/* inode number */
};

void cgroup_make(struct cgroup *group, const char *name);
void cgroup_remove(const struct cgroup *group);

/* Moves this process. */
void cgroup_enter(const struct cgroup *group);
void cgroup_enter_any(void *group);

/* Moves this process back to the root. */
void cgroup_leave(void);

/* Skips the test where the hierarchy has no memory controller. */
void cgroup_limit_memory(const struct cgroup *group, const char *bytes);

#endif
