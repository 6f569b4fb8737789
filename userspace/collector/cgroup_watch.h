/* SPDX-License-Identifier: MIT */
/*
 * Knows the paths of cgroups that may be gone by the time they are asked for:
 * it watches the tree of cgroup v2 and notes each directory when it is made.
 * A container that lives for a blink is thus known.
 */
#ifndef HADALD_CGROUP_WATCH_H
#define HADALD_CGROUP_WATCH_H

#include <stddef.h>
#include <stdint.h>

#include "counts.h"

enum {
	CGROUP_WATCH_DIRECTORIES = 4096,	/* watched at a time */
	CGROUP_WATCH_PATHS = 16384,		/* remembered; the oldest go first */
};

struct cgroup_watch;

/* Returns 0; -ENOENT: no cgroup v2 here; -errno of inotify. */
int cgroup_watch_open(struct cgroup_watch **watch);

/* The same below @root. */
int cgroup_watch_open_at(const char *root, struct cgroup_watch **watch);
void cgroup_watch_close(struct cgroup_watch *watch);

/* Readable when there is something to update. */
int cgroup_watch_fd(const struct cgroup_watch *watch);

/* Takes over what has changed. */
void cgroup_watch_update(struct cgroup_watch *watch, struct counts *counts);

/* As hadal_cgroup_path(), for hierarchy 0, from memory. Returns 0, -ENOENT, -ENAMETOOLONG. */
int cgroup_watch_path(const struct cgroup_watch *watch, uint64_t id, char *path, size_t size);

#endif
