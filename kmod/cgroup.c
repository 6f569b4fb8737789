// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cgroup.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "cgroup.h"
#include "compat.h"
#include "emit.h"
#include "process.h"

/* ---- made and removed ---- */

/* Sets each byte behind the header. */
static void describe(struct hadal_record_cgroup *record, const struct cgroup *cgroup)
{
	record->cgroup_id = cgroup_id(cgroup);
	record->hierarchy = cgroup->root->hierarchy_id;
	record->level = cgroup->level;
	record->path_len = 0;
	record->flags = 0;
	record->path_offset = sizeof(*record);
	record->reserved = 0;
}

/* The kernel's own buffer has room for as much as is recorded, its NUL included. */
static void measure(struct hadal_record_cgroup *record, const char *path)
{
	record->path_len = strnlen(path, HADAL_PATH_RECORDED);
	if (record->path_len >= HADAL_PATH_RECORDED - 1)
		record->flags |= HADAL_CGROUP_PATH_TRUNCATED;
}

/*
 * cgroup_mkdir: under the lock of all cgroups. @path is formatted already, since
 * the tracepoint is on.
 */
void hadal_cgroup_made(struct cgroup *cgroup, const char *path)
{
	struct hadal_record_cgroup record HADAL_ALL_SET;

	describe(&record, cgroup);
	measure(&record, path);
	hadal_emit_cgroup(cgroup, &record, path, HADAL_RECORD_CGROUP_MKDIR);
}

/* cgroup_rmdir: likewise. Its path was told when it was made, or dumped. */
void hadal_cgroup_removed(struct cgroup *cgroup)
{
	struct hadal_record_cgroup record HADAL_ALL_SET;

	describe(&record, cgroup);
	hadal_emit_cgroup(cgroup, &record, "", HADAL_RECORD_CGROUP_RMDIR);
}

/* ---- those that exist ---- */

/*
 * The walk goes on from the cgroup that it holds, also when that is removed
 * meanwhile: its place among its siblings stays known. Only the unified
 * hierarchy can be walked from a module.
 */
static struct cgroup_subsys_state *next_cgroup(struct cgroup_subsys_state *at)
{
	struct cgroup_subsys_state *next = at;

	rcu_read_lock();
	do {
		next = css_next_descendant_pre(next, &cgrp_dfl_root.cgrp.self);
	} while (next && !css_tryget_online(next));
	rcu_read_unlock();
	css_put(at);
	return next;
}

/* In ioctl context: the path takes a lock that may sleep on RT. False: no room. */
static bool dump_one(struct hadal_session *session, struct cgroup *cgroup, char *path)
{
	struct hadal_record_cgroup record HADAL_ALL_SET;
	bool done = false;

	describe(&record, cgroup);
	if (cgroup_path(cgroup, path, HADAL_PATH_RECORDED) < 0)
		record.flags |= HADAL_CGROUP_PATH_TRUNCATED;
	measure(&record, path);
	preempt_disable();
	if (hadal_emit_has_room(session, HADAL_LANE_LIFECYCLE,
				sizeof(record) + HADAL_PATH_RECORDED)) {
		if (hadal_cgroup_due_to(session, cgroup)) {
			hadal_emit_cgroup_existing(session, cgroup, &record, path);
			session->dump.records++;
		}
		done = true;
	}
	preempt_enable();
	return done;
}

void hadal_cgroup_dump_begin(struct hadal_dump_cursor *cursor)
{
	cursor->cgroup = &cgrp_dfl_root.cgrp.self;
	css_get(cursor->cgroup);
}

/**
 * hadal_cgroup_dump() - write the cgroups that exist, as many as fit
 * @session: its lock is held
 *
 * Return: whether that is all of them.
 */
bool hadal_cgroup_dump(struct hadal_session *session)
{
	struct hadal_dump_cursor *cursor = &session->dump;
	char *path = kzalloc(HADAL_PATH_RECORDED, GFP_KERNEL);

	if (!path)
		return false;
	while (cursor->cgroup && dump_one(session, cursor->cgroup->cgroup, path)) {
		cursor->cgroup = next_cgroup(cursor->cgroup);
		cond_resched();
	}
	kfree(path);
	return !cursor->cgroup;
}

/* The dump is done, or will not be. */
void hadal_cgroup_dump_end(struct hadal_dump_cursor *cursor)
{
	if (cursor->cgroup)
		css_put(cursor->cgroup);
	cursor->cgroup = NULL;
}
