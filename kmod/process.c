// SPDX-License-Identifier: GPL-2.0-only
#include <linux/binfmts.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/percpu.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/task_io_accounting_ops.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

#include "compat.h"
#include "emit.h"
#include "process.h"

#define THREADS_SUMMED	4096	/* a bound; what exit leaves to sum is a few */
#define SUM_TRIES	4

/*
 * Where an exec record is put together: too large for the stack, and the path
 * is formatted before its length is known. An exec does not interrupt another
 * on its CPU. Made with the CPU, kept until the module goes.
 */
struct scratch {
	char path[PATH_MAX];
	struct hadal_record_process_exec record;
	u8 tail[2 * HADAL_PATH_RECORDED + 4096];
};

static DEFINE_PER_CPU(struct scratch *, scratches);

/* cpuhp prepare step. Without memory exec records have no strings there. */
void hadal_process_prepare_cpu(unsigned int cpu)
{
	if (!per_cpu(scratches, cpu))
		per_cpu(scratches, cpu) = kvzalloc(sizeof(struct scratch), GFP_KERNEL);
}

/* No probe may run any more. */
void hadal_process_free_scratch(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		kvfree(per_cpu(scratches, cpu));
		per_cpu(scratches, cpu) = NULL;
	}
}

/* ---- who ---- */

/*
 * The cgroup of the unified hierarchy; where that is not used for more than its
 * root, the one of the memory controller. Under rcu_read_lock().
 */
static __always_inline void task_cgroup_rcu(struct task_struct *task, u64 *id, u32 *hierarchy)
{
	struct cgroup *cgroup = task_dfl_cgroup(task);

#ifdef CONFIG_MEMCG
	if (!cgroup_parent(cgroup))
		cgroup = task_cgroup(task, memory_cgrp_id);
#endif
	*id = cgroup_id(cgroup);
	*hierarchy = cgroup->root->hierarchy_id;
}

/* The cgroup that what @task does is attributed to. */
void hadal_task_cgroup(struct task_struct *task, u64 *id, u32 *hierarchy)
{
	rcu_read_lock();
	task_cgroup_rcu(task, id, hierarchy);
	rcu_read_unlock();
}

/* @task is current, not yet running, or its alloc_lock is held. */
static void describe_namespaces(struct hadal_process *process, struct task_struct *task)
{
	struct pid_namespace *pid_ns = task_active_pid_ns(task);

	process->pid_ns = pid_ns ? pid_ns->ns.inum : 0;
	process->net_ns = task->nsproxy ? task->nsproxy->net_ns->ns.inum : 0;
}

/* What RCU guards, all at once: where it can be preempted each lock is two calls. */
static void describe_guarded(struct hadal_process *process, struct task_struct *task)
{
	const struct cred *cred;

	rcu_read_lock();
	process->parent_tgid = rcu_dereference(task->group_leader->real_parent)->tgid;
	task_cgroup_rcu(task, &process->cgroup_id, &process->cgroup_hierarchy);
	cred = __task_cred(task);
	/* In the initial user namespace an id is itself. */
	process->uid = __kuid_val(cred->uid);
	process->gid = __kgid_val(cred->gid);
	rcu_read_unlock();
}

/* The kernel keeps comm filled up with NULs; who changes it now may leave none at its end. */
static void describe_comm(struct hadal_process *process, const struct task_struct *leader)
{
	BUILD_BUG_ON(sizeof(process->comm) != sizeof(leader->comm));
	memcpy(process->comm, data_race(leader->comm), sizeof(process->comm));
	process->comm[sizeof(process->comm) - 1] = '\0';
}

/**
 * hadal_process_describe() - fill in what every process record has
 * @process: each byte is set; ns_tgid to 0
 * @task: a thread of the process: current, a child not yet running, or one
 *	whose alloc_lock is held
 */
void hadal_process_describe(struct hadal_process *process, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	process->ns_tgid = 0;
	process->mnt_ns = 0;
	process->start_boottime = leader->start_boottime;
	process->tgid = task->tgid;
	process->flags = task->flags & PF_KTHREAD ? HADAL_PROCESS_KERNEL : 0;
	describe_guarded(process, task);
	describe_namespaces(process, task);
	describe_comm(process, leader);
}

/* ---- fork ---- */

/* The child can't run yet. Threads are not processes. */
void hadal_process_fork(struct task_struct *child)
{
	struct hadal_record_process *record;
	struct hadal_emission emission;

	if (child->pid != child->tgid)
		return;
	emission = hadal_emit_process_begin(child, sizeof(*record), HADAL_RECORD_PROCESS_FORK);
	record = emission.record;
	if (!record)
		return;
	hadal_process_describe(&record->process, child);
	record->process.ns_tgid = task_pid_nr_ns(child, task_active_pid_ns(child));
	hadal_emit_process_end(emission, child);
}

/* ---- exec ---- */

static u16 put_string(u8 *to, const char *text, size_t length, u16 *flags, u16 truncated)
{
	if (length > HADAL_PATH_RECORDED) {
		length = HADAL_PATH_RECORDED;
		*flags |= truncated;
	}
	memcpy(to, text, length);
	return length;
}

static u16 put_text(u8 *to, const char *text, u16 *flags, u16 truncated)
{
	return put_string(to, text, strnlen(text, HADAL_PATH_RECORDED + 1), flags, truncated);
}

/*
 * Of the file that runs: d_path() takes no lock that sleeps, but on RT. It writes to
 * the end of its buffer.
 */
static u16 put_path(u8 *to, struct linux_binprm *bprm, struct scratch *scratch, u16 *flags)
{
	const char *path = ERR_PTR(-EOPNOTSUPP), *end = scratch->path + sizeof(scratch->path) - 1;

	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		path = d_path(&bprm->file->f_path, scratch->path, sizeof(scratch->path));
	if (IS_ERR(path))
		return put_text(to, bprm->filename, flags, HADAL_EXEC_PATH_TRUNCATED);
	return put_string(to, path, end - path, flags, HADAL_EXEC_PATH_TRUNCATED);
}

/* As much as is in memory: what is not ends it. */
static u16 put_argv(u8 *to, const struct mm_struct *mm, u32 limit, u16 *flags)
{
	unsigned long from = mm->arg_start, end = mm->arg_end;
	u32 done, want;

	if (!limit || end <= from)
		return 0;
	want = min_t(unsigned long, end - from, limit);
	if (!access_ok((void __user *)from, want))
		return 0;
	pagefault_disable();
	done = want - __copy_from_user_inatomic(to, (void __user *)from, want);
	pagefault_enable();
	if (done < end - from)
		*flags |= HADAL_EXEC_ARGV_TRUNCATED;
	return done;
}

static void describe_exec(struct hadal_record_process_exec *record, struct task_struct *task,
			  pid_t old_pid, const struct linux_binprm *bprm)
{
	hadal_process_describe(&record->process, task);
	record->old_tid = old_pid;
	record->argc = bprm->argc;
	record->path_len = 0;
	record->script_len = 0;
	record->argv_len = 0;
	record->flags = 0;
	record->strings_offset = sizeof(*record);
	memset(record->reserved, 0, sizeof(record->reserved));
}

static void put_strings(struct scratch *scratch, struct task_struct *task,
			struct linux_binprm *bprm)
{
	struct hadal_record_process_exec *record = &scratch->record;
	u8 *tail = (u8 *)(record + 1);

	record->path_len = put_path(tail, bprm, scratch, &record->flags);
	tail += record->path_len;
	if (bprm->interp != bprm->filename)
		record->script_len = put_text(tail, bprm->filename, &record->flags,
					      HADAL_EXEC_SCRIPT_TRUNCATED);
	tail += record->script_len;
	if (task->mm)
		record->argv_len = put_argv(tail, task->mm, READ_ONCE(hadal_wanted.argv), &record->flags);
}

/* @task: current, in its new image. */
void hadal_process_exec(struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct scratch *scratch = this_cpu_read(scratches);
	struct hadal_record_process_exec bare HADAL_ALL_SET;

	if (!hadal_exec_due(task))
		return;
	if (scratch) {
		describe_exec(&scratch->record, task, old_pid, bprm);
		put_strings(scratch, task, bprm);
		hadal_emit_exec(task, &scratch->record);
	} else {
		describe_exec(&bare, task, old_pid, bprm);
		bare.flags = HADAL_EXEC_PATH_TRUNCATED | HADAL_EXEC_ARGV_TRUNCATED;
		hadal_emit_exec(task, &bare);
	}
}

/* ---- chosen by the OOM killer ---- */

/* @victim: a thread of the process: current, or its alloc_lock is held. */
void hadal_process_oom(struct task_struct *victim)
{
	struct hadal_record_process *record;
	struct hadal_emission emission;

	emission = hadal_emit_process_begin(victim, sizeof(*record), HADAL_RECORD_PROCESS_OOM);
	record = emission.record;
	if (!record)
		return;
	hadal_process_describe(&record->process, victim);
	record->process.flags |= HADAL_PROCESS_OOM;
	hadal_emit_process_end(emission, victim);
}

/* As hadal_process_oom(), by id in the initial pid namespace. */
void hadal_process_oom_pid(int pid)
{
	struct task_struct *victim;

	rcu_read_lock();
	victim = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_PID);
	if (victim)
		hadal_process_oom(victim);
	rcu_read_unlock();
}

/* ---- exit ---- */

static void add_thread(struct hadal_record_process_exit *record, const struct task_struct *thread)
{
	record->user_time += thread->utime;
	record->system_time += thread->stime;
	record->cpu_time += thread->se.sum_exec_runtime;
	record->minor_faults += thread->min_flt;
	record->major_faults += thread->maj_flt;
	record->voluntary_switches += thread->nvcsw;
	record->involuntary_switches += thread->nivcsw;
#ifdef CONFIG_TASK_IO_ACCOUNTING
	record->read_bytes += thread->ioac.read_bytes;
	record->write_bytes += thread->ioac.write_bytes;
#endif
}

static void set_to_ended_threads(struct hadal_record_process_exit *record,
				 const struct signal_struct *signal)
{
	record->user_time = signal->utime;
	record->system_time = signal->stime;
	record->cpu_time = signal->sum_sched_runtime;
	record->minor_faults = signal->min_flt;
	record->major_faults = signal->maj_flt;
	record->voluntary_switches = signal->nvcsw;
	record->involuntary_switches = signal->nivcsw;
#ifdef CONFIG_TASK_IO_ACCOUNTING
	record->read_bytes = signal->ioac.read_bytes;
	record->write_bytes = signal->ioac.write_bytes;
#else
	record->read_bytes = 0;
	record->write_bytes = 0;
#endif
}

/*
 * On RT a writer can be preempted, and who waits for it sleeps: there its number
 * is taken as it is, odd while it writes.
 */
static unsigned int sums_begin(const struct signal_struct *signal)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return raw_read_seqcount(&signal->stats_lock.seqcount.seqcount);
	return read_seqbegin(&signal->stats_lock);
}

static bool sums_retry(const struct signal_struct *signal, unsigned int seq)
{
	return seq & 1 || read_seqretry(&signal->stats_lock, seq);
}

/*
 * As thread_group_cputime() sums: what ended threads left in signal, and the
 * threads still there. A thread released meanwhile moves from one to the other;
 * then once more, a few times at most and without the lock.
 */
static void sum_threads(struct hadal_record_process_exit *record, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct task_struct *thread;
	unsigned int seq, try, count;

	rcu_read_lock();
	for (try = 0; try < SUM_TRIES; try++) {
		seq = sums_begin(signal);
		set_to_ended_threads(record, signal);
		count = 0;
		/* for_each_thread() names tasklist_lock where RCU lists are proven. */
		list_for_each_entry_rcu(thread, &signal->thread_head, thread_node) {
			if (count++ >= THREADS_SUMMED)
				break;
			add_thread(record, thread);
		}
		if (!sums_retry(signal, seq))
			break;
	}
	rcu_read_unlock();
}

static u32 exit_code(const struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;

	return signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code :
						   task->group_leader->exit_code;
}

/* @task: current, the last thread of its process; its mm is gone. */
void hadal_process_exit(struct task_struct *task)
{
	struct hadal_record_process_exit *record;
	struct hadal_emission emission;

	emission = hadal_emit_process_begin(task, sizeof(*record), HADAL_RECORD_PROCESS_EXIT);
	record = emission.record;
	if (!record)
		return;
	hadal_process_describe(&record->process, task);
	if (task->signal->oom_mm)
		record->process.flags |= HADAL_PROCESS_OOM;
	record->exit_code = exit_code(task);
	record->reserved = 0;
	record->max_rss = (u64)task->signal->maxrss << PAGE_SHIFT;
	sum_threads(record, task);
	hadal_emit_process_end(emission, task);
}
