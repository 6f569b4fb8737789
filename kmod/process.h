/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Process records.
 */
#ifndef HADAL_PROCESS_H
#define HADAL_PROCESS_H

#include <linux/cgroup.h>
#include <linux/types.h>

#include "hadal.h"

struct linux_binprm;
struct task_struct;

#define HADAL_PATH_RECORDED	1024U	/* bytes of path or script in a record */

/* The longest record without argv. */
#define HADAL_RECORD_MAX \
	((u32)sizeof(struct hadal_record_process_exec) + 2 * HADAL_PATH_RECORDED)

void hadal_process_describe(struct hadal_process *process, struct task_struct *task);
void hadal_process_fork(struct task_struct *child);
void hadal_process_exec(struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm);
void hadal_process_oom(struct task_struct *victim);
void hadal_process_oom_pid(int pid);
void hadal_process_exit(struct task_struct *task);

/*
 * The cgroup that what a task does is attributed to: that of the unified hierarchy;
 * where that is not used for more than its root, the one of the memory controller.
 * Under rcu_read_lock().
 */
static __always_inline void hadal_task_cgroup_rcu(struct task_struct *task, u64 *id,
						  u32 *hierarchy)
{
	struct cgroup *cgroup = task_dfl_cgroup(task);

#ifdef CONFIG_MEMCG
	if (!cgroup_parent(cgroup))
		cgroup = task_cgroup(task, memory_cgrp_id);
#endif
	*id = cgroup_id(cgroup);
	*hierarchy = cgroup->root->hierarchy_id;
}

#endif /* HADAL_PROCESS_H */
