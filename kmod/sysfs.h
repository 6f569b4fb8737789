/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /sys/class/misc/hadal/: one value a file.
 */
#ifndef HADAL_SYSFS_H
#define HADAL_SYSFS_H

struct attribute_group;

extern const struct attribute_group *hadal_sysfs_groups[];

#endif /* HADAL_SYSFS_H */
