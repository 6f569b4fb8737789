/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cgroup records.
 */
#ifndef HADAL_CGROUP_H
#define HADAL_CGROUP_H

#include "session.h"

void hadal_cgroup_made(struct cgroup *cgroup, const char *path);
void hadal_cgroup_removed(struct cgroup *cgroup);

void hadal_cgroup_dump_begin(struct hadal_dump_cursor *cursor);
bool hadal_cgroup_dump(struct hadal_session *session);
void hadal_cgroup_dump_end(struct hadal_dump_cursor *cursor);

#endif /* HADAL_CGROUP_H */
