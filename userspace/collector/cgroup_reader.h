/* SPDX-License-Identifier: MIT */
/*
 * Reads the files of a cgroup. They are opened anew for each reading: to keep
 * them open would take a dozen descriptors for each container.
 */
#ifndef HADALD_CGROUP_READER_H
#define HADALD_CGROUP_READER_H

#include "cgroup_files.h"

struct cgroup_reader;

/*
 * For the cgroups mounted at @root (NULL: /sys/fs/cgroup), of the version that is
 * found there. Returns 0 and *@reader, for cgroup_reader_close(); -ENOMEM.
 */
int cgroup_reader_open(const char *root, struct cgroup_reader **reader);
void cgroup_reader_close(struct cgroup_reader *reader);

/*
 * What the cgroup at @path, as in /proc/PID/cgroup, uses. Returns how many of its
 * files were not of their form, and are left out; -ENOENT: it is gone, or not
 * to be read.
 */
int cgroup_reader_read(struct cgroup_reader *reader, const char *path, struct usage *usage);

#endif
