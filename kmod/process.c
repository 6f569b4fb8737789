// SPDX-License-Identifier: GPL-2.0-only
#include <linux/binfmts.h>
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/nsproxy.h>
#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/seqlock.h>
#include <linux/string.h>
#include <linux/task_io_accounting_ops.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>
#include <net/net_namespace.h>

#include "compat.h"
#include "emit.h"
#include "exec_path.h"
#include "process.h"

#define THREADS_SUMMED	4096	/* a bound; what exit leaves to sum is a few */
#define SUM_TRIES	4

/* ---- who ---- */

/* @task is current, not yet running, or its alloc_lock is held. */
static __always_inline void describe_namespaces(struct hadal_process *process,
						struct task_struct *task)
{
	const struct pid_namespace *pid_ns = ns_of_pid(task_pid(task));

	process->pid_ns = pid_ns ? pid_ns->ns.inum : 0;
	process->net_ns = task->nsproxy ? task->nsproxy->net_ns->ns.inum : 0;
}

/* What RCU guards, all at once: where it can be preempted each lock is two calls. */
static __always_inline void describe_guarded(struct hadal_process *process,
					     struct task_struct *task)
{
	const struct cred *cred;

	rcu_read_lock();
	process->parent_tgid = rcu_dereference(task->group_leader->real_parent)->tgid;
	hadal_task_cgroup_rcu(task, &process->cgroup_id, &process->cgroup_hierarchy);
	cred = __task_cred(task);
	/* In the initial user namespace an id is itself. */
	process->uid = __kuid_val(cred->uid);
	process->gid = __kgid_val(cred->gid);
	rcu_read_unlock();
}

/* The kernel keeps comm filled up with NULs; who changes it now may leave none at its end. */
static __always_inline void describe_comm(struct hadal_process *process,
					  const struct task_struct *leader)
{
	BUILD_BUG_ON(sizeof(process->comm) != sizeof(leader->comm));
	memcpy(process->comm, data_race(leader->comm), sizeof(process->comm));
	process->comm[sizeof(process->comm) - 1] = '\0';
}

static __always_inline void describe(struct hadal_process *process, struct task_struct *task)
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

/**
 * hadal_process_describe() - fill in what every process record has
 * @process: each byte is set; ns_tgid to 0
 * @task: a thread of the process: current, a child not yet running, or one
 *	whose alloc_lock is held
 */
void hadal_process_describe(struct hadal_process *process, struct task_struct *task)
{
	describe(process, task);
}

/* ---- fork ---- */

/* In the namespace that a process is in its number is the last of those that it has. */
static u32 innermost_number(const struct pid *pid)
{
	return pid->numbers[pid->level].nr;
}

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
	describe(&record->process, child);
	record->process.ns_tgid = innermost_number(task_pid(child));
	if (record->process.parent_tgid != current->tgid)
		record->process.flags |= HADAL_PROCESS_SIBLING;
	hadal_emit_process_end(emission, child);
}

/* ---- exec ---- */

/**
 * struct text - one that goes into a record
 * @start: its first byte
 * @bytes: of it, without NUL, at most HADAL_PATH_RECORDED
 */
struct text {
	const char *start;
	u16 bytes;
};

/**
 * struct exec_strings - where the strings of an exec's record are
 * @path: of the file that runs
 * @script: what was named where an interpreter runs it
 * @argv: address in the process
 * @argv_bytes: that there are; a session gets up to its argv_max
 * @flags: HADAL_EXEC_*
 */
struct exec_strings {
	struct text path;
	struct text script;
	unsigned long argv;
	u32 argv_bytes;
	u16 flags;
};

static struct text cut(const char *start, size_t length, u16 *flags, u16 truncated)
{
	if (length > HADAL_PATH_RECORDED) {
		length = HADAL_PATH_RECORDED;
		*flags |= truncated;
	}
	return (struct text) { start, length };
}

static struct text cut_text(const char *start, u16 *flags, u16 truncated)
{
	return cut(start, strnlen(start, HADAL_PATH_RECORDED + 1), flags, truncated);
}

/* Of the file that runs. Without it, the name by which the file was opened. */
static struct text path_of(const struct linux_binprm *bprm, u16 *flags)
{
	size_t length;
	const char *path = hadal_exec_path(&bprm->file->f_path, &length);

	return path ? cut(path, length, flags, HADAL_EXEC_PATH_TRUNCATED) :
		      cut_text(bprm->interp, flags, HADAL_EXEC_PATH_TRUNCATED);
}

static void find_argv(struct exec_strings *strings, const struct mm_struct *mm)
{
	unsigned long bytes = mm->arg_end - mm->arg_start;

	strings->argv = mm->arg_start;
	strings->argv_bytes = 0;
	if (mm->arg_end > mm->arg_start && access_ok((void __user *)mm->arg_start, bytes))
		strings->argv_bytes = min_t(unsigned long, bytes, INT_MAX);
}

static void find_strings(struct exec_strings *strings, const struct task_struct *task,
			 const struct linux_binprm *bprm)
{
	strings->flags = 0;
	strings->path = path_of(bprm, &strings->flags);
	strings->script = (struct text) { };
	if (bprm->interp != bprm->filename)
		strings->script = cut_text(bprm->filename, &strings->flags,
					   HADAL_EXEC_SCRIPT_TRUNCATED);
	find_argv(strings, task->mm);
}

static u8 *put_text(u8 *to, const struct text *text)
{
	memcpy(to, text->start, text->bytes);
	return to + text->bytes;
}

/* As much as is in memory: what is not ends it, and is zero in the record. */
static u32 put_argv(u8 *to, const struct exec_strings *strings, u32 want)
{
	u32 missing;

	pagefault_disable();
	missing = __copy_from_user_inatomic(to, (void __user *)strings->argv, want);
	pagefault_enable();
	if (unlikely(missing))
		memset(to + want - missing, 0, missing);
	return want - missing;
}

static void write_exec(struct hadal_record_process_exec *record, struct task_struct *task,
		       pid_t old_pid, const struct linux_binprm *bprm)
{
	/* What fills the record up to its size; strings may go over it. */
	memset((u8 *)record + record->header.size - sizeof(u64), 0, sizeof(u64));
	describe(&record->process, task);
	record->old_tid = old_pid;
	record->argc = bprm->argc;
	record->argv_len = 0;
	record->strings_offset = sizeof(*record);
	memset(record->reserved, 0, sizeof(record->reserved));
}

/* @argv_max: bytes, of the session; 0: it wants none, and so nothing is cut. */
static void write_strings(struct hadal_record_process_exec *record,
			  const struct exec_strings *strings, u32 argv_max)
{
	u8 *tail = put_text((u8 *)(record + 1), &strings->path);

	record->path_len = strings->path.bytes;
	record->script_len = strings->script.bytes;
	record->flags = strings->flags;
	if (strings->script.bytes)
		tail = put_text(tail, &strings->script);
	if (!argv_max || !strings->argv_bytes)
		return;
	record->argv_len = put_argv(tail, strings, min(strings->argv_bytes, argv_max));
	if (record->argv_len < strings->argv_bytes)
		record->flags |= HADAL_EXEC_ARGV_TRUNCATED;
}

/*
 * @task: current, in its new image. The record's size differs between sessions, so it
 * is written in each.
 */
void hadal_process_exec(struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct hadal_emission emission = { .session = hadal_emit_before_first() };
	struct exec_strings strings HADAL_ALL_SET;
	u32 size;

	if (!hadal_exec_due(task))
		return;
	find_strings(&strings, task, bprm);
	size = sizeof(struct hadal_record_process_exec) + strings.path.bytes + strings.script.bytes;
	do {
		emission = hadal_emit_exec_next(emission.session, task, size, strings.argv_bytes);
		if (!emission.record)
			return;
		write_exec(emission.record, task, old_pid, bprm);
		write_strings(emission.record, &strings, emission.session->config.argv_max);
		hadal_emit_publish(emission.session,
				   hadal_this_ring(emission.session, HADAL_LANE_LIFECYCLE));
	} while (unlikely(!hadal_emit_is_last(&emission)));
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
	describe(&record->process, victim);
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
	describe(&record->process, task);
	if (task->signal->oom_mm)
		record->process.flags |= HADAL_PROCESS_OOM;
	record->exit_code = exit_code(task);
	record->reserved = 0;
	record->max_rss = (u64)task->signal->maxrss << PAGE_SHIFT;
	sum_threads(record, task);
	hadal_emit_process_end(emission, task);
}
