// SPDX-License-Identifier: GPL-2.0-only
#include <linux/ftrace.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/tracepoint.h>
#include <net/sock.h>
#include <trace/events/cgroup.h>
#include <trace/events/oom.h>
#include <trace/events/sched.h>
#include <trace/events/sock.h>
#include <trace/events/tcp.h>

#include "cgroup.h"
#include "compat.h"
#include "conn_table.h"
#include "dns.h"
#include "dump.h"
#include "emit.h"
#include "governor.h"
#include "probes.h"
#include "process.h"
#include "session.h"
#include "tcp.h"
#include "udp.h"
#include "udp_count.h"
#include "udp_table.h"

/* Sessions that run: hooks walk the list under RCU. */
LIST_HEAD(hadal_running_sessions);

/* Starting and stopping. CPU hotplug is waited for under it. */
static DEFINE_MUTEX(attach_lock);

/* ---- probes ---- */

static void probe_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	u64 began = hadal_hook_enter();

	hadal_process_fork(child);
	hadal_hook_leave(began);
}

static void probe_exec(void *data, struct task_struct *task, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	u64 began = hadal_hook_enter();

	hadal_process_exec(task, old_pid, bprm);
	hadal_hook_leave(began);
}

static void exit_of_last_thread(struct task_struct *task)
{
	u64 began = hadal_hook_enter();

	hadal_process_exit(task);
	hadal_hook_leave(began);
}

/* Where the tracepoint tells. */
static void probe_exit_told(void *data, struct task_struct *task, bool group_dead)
{
	if (group_dead)
		exit_of_last_thread(task);
}

/* Where it does not: see entry_acct_process(). Only the prototype is needed. */
static void probe_exit_untold(void *data, struct task_struct *task)
{
}

static void probe_oom(void *data, struct task_struct *victim, uid_t uid)
{
	u64 began = hadal_hook_enter();

	hadal_process_oom(victim);
	hadal_hook_leave(began);
}

static void probe_oom_pid(void *data, int pid)
{
	u64 began = hadal_hook_enter();

	hadal_process_oom_pid(pid);
	hadal_hook_leave(began);
}

/* The one that this kernel's tracepoint calls. */
#define PROBE_OOM	__builtin_choose_expr(HADAL_OOM_TELLS_TASK, probe_oom, probe_oom_pid)

static void reset_sent(const struct sock *sk)
{
	u64 began = hadal_hook_enter();

	hadal_tcp_reset_sent(sk);
	hadal_hook_leave(began);
}

static void probe_reset_sent(void *data, const struct sock *sk, const struct sk_buff *skb)
{
	reset_sent(sk);
}

static void probe_reset_sent_why(void *data, const struct sock *sk, const struct sk_buff *skb,
				 const hadal_reset_reason reason)
{
	reset_sent(sk);
}

static void probe_reset_received(void *data, struct sock *sk)
{
	u64 began = hadal_hook_enter();

	hadal_tcp_reset_received(sk);
	hadal_hook_leave(began);
}

/* The one that this kernel's tracepoint calls. */
#define PROBE_RESET_SENT \
	__builtin_choose_expr(HADAL_RESET_TELLS_WHY, probe_reset_sent_why, probe_reset_sent)

/*
 * Called by do_exit() once a process, when its last thread ends. That the count
 * of live threads is 0 at the tracepoint says less: several threads may see it.
 */
static void entry_acct_process(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			       struct ftrace_regs *regs)
{
	exit_of_last_thread(current);
}

static void entry_sock_graft(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			     struct ftrace_regs *regs)
{
	u64 began = hadal_hook_enter();

	hadal_tcp_graft((const struct sock *)hadal_ftrace_argument(regs, 0));
	hadal_hook_leave(began);
}

static void probe_cgroup_mkdir(void *data, struct cgroup *cgroup, const char *path)
{
	u64 began = hadal_hook_enter();

	hadal_cgroup_made(cgroup, path);
	hadal_hook_leave(began);
}

static void probe_cgroup_rmdir(void *data, struct cgroup *cgroup, const char *path)
{
	u64 began = hadal_hook_enter();

	hadal_cgroup_removed(cgroup);
	hadal_hook_leave(began);
}

/*
 * What UDP does for each datagram is as short as timing it would be: the governor
 * is told only of what hadal_udp_count_*() and hadal_udp_end() do.
 */

/* int ip_send_skb(struct net *net, struct sk_buff *skb) */
static void entry_ip_send(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			  struct ftrace_regs *regs)
{
	preempt_disable_notrace();
	hadal_udp_send((const struct sk_buff *)hadal_ftrace_argument(regs, 1), AF_INET);
	preempt_enable_notrace();
}

/* int ip6_send_skb(struct sk_buff *skb) */
static void entry_ip6_send(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			   struct ftrace_regs *regs)
{
	preempt_disable_notrace();
	hadal_udp_send((const struct sk_buff *)hadal_ftrace_argument(regs, 0), AF_INET6);
	preempt_enable_notrace();
}

/* Flows are counted: their table is there. */
static DEFINE_STATIC_KEY_FALSE(udp_counts);

static void receive_answer(const struct sock *sk, const struct sk_buff *skb, int length)
{
	if (unlikely(hadal_dns_is_from_server(skb)))
		hadal_dns_receive(sk, skb, length);
}

/* Apart, so that for all other datagrams nothing is to be kept over a call. */
static noinline void receive_uncounted(const struct sock *sk, const struct sk_buff *skb, int length)
{
	receive_answer(sk, skb, length);
	hadal_udp_count_received(sk, skb, length);
}

/*
 * void skb_consume_udp(struct sock *sk, struct sk_buff *skb, int len)
 *
 * For flows and DNS both: a function with two callbacks costs more than they do.
 */
static void entry_consume_udp(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			      struct ftrace_regs *regs)
{
	const struct sock *sk = (const struct sock *)hadal_ftrace_argument(regs, 0);
	const struct sk_buff *skb = (const struct sk_buff *)hadal_ftrace_argument(regs, 1);
	int length = (int)hadal_ftrace_argument(regs, 2);

	preempt_disable_notrace();
	if (!static_branch_likely(&udp_counts))
		receive_answer(sk, skb, length);
	else if (unlikely(!hadal_udp_receive(sk, skb, length)))
		receive_uncounted(sk, skb, length);
	preempt_enable_notrace();
}

/*
 * void udp_destroy_sock(struct sock *sk), udpv6_destroy_sock(). Of many flows
 * each is told with preemption disabled, not all of them.
 */
static void entry_destroy_udp(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
			      struct ftrace_regs *regs)
{
	hadal_udp_end((const struct sock *)hadal_ftrace_argument(regs, 0));
}

/* A changed prototype must not compile. */
static void check_prototypes(void)
{
	check_trace_callback_type_sched_process_fork(probe_fork);
	check_trace_callback_type_sched_process_exec(probe_exec);
	check_trace_callback_type_sched_process_exit(
		__builtin_choose_expr(HADAL_EXIT_TELLS_GROUP_DEAD, probe_exit_told,
				      probe_exit_untold));
	check_trace_callback_type_mark_victim(PROBE_OOM);
	check_trace_callback_type_inet_sock_set_state(hadal_tcp_probe_state);
	check_trace_callback_type_cgroup_mkdir(probe_cgroup_mkdir);
	check_trace_callback_type_cgroup_rmdir(probe_cgroup_rmdir);
	check_trace_callback_type_tcp_send_reset(PROBE_RESET_SENT);
	check_trace_callback_type_tcp_receive_reset(probe_reset_received);
}

/* ---- tracepoints ---- */

struct hook {
	const char *name;
	void *probe;
	bool unused;
	struct tracepoint *tracepoint;
};

static struct hook hooks[] = {
	{ .name = "sched_process_fork", .probe = probe_fork },
	{ .name = "sched_process_exec", .probe = probe_exec },
	{ .name = "sched_process_exit", .probe = probe_exit_told,
	  .unused = !HADAL_EXIT_TELLS_GROUP_DEAD },
	{ .name = "mark_victim", .probe = PROBE_OOM },
	{ .name = "inet_sock_set_state", .probe = hadal_tcp_probe_state },
	{ .name = "tcp_send_reset", .probe = PROBE_RESET_SENT },
	{ .name = "tcp_receive_reset", .probe = probe_reset_received },
};

/* Attached only while a session asks for the class: with them the kernel formats paths. */
static struct hook cgroup_hooks[] = {
	{ .name = "cgroup_mkdir", .probe = probe_cgroup_mkdir },
	{ .name = "cgroup_rmdir", .probe = probe_cgroup_rmdir },
};

static void match_hooks(struct tracepoint *tracepoint, struct hook *list, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (!strcmp(tracepoint->name, list[i].name))
			list[i].tracepoint = tracepoint;
}

static void match_tracepoint(struct tracepoint *tracepoint, void *context)
{
	match_hooks(tracepoint, hooks, ARRAY_SIZE(hooks));
	match_hooks(tracepoint, cgroup_hooks, ARRAY_SIZE(cgroup_hooks));
}

static void detach_tracepoints(const struct hook *list, unsigned int count)
{
	while (count--)
		if (!list[count].unused)
			tracepoint_probe_unregister(list[count].tracepoint, list[count].probe, NULL);
}

static int attach_tracepoint(const struct hook *hook)
{
	if (hook->unused)
		return 0;
	if (!hook->tracepoint) {
		pr_err("hadal: this kernel has no tracepoint %s\n", hook->name);
		return -EOPNOTSUPP;
	}
	return tracepoint_probe_register(hook->tracepoint, hook->probe, NULL);
}

static int attach_tracepoints(const struct hook *list, unsigned int count)
{
	unsigned int i;
	int error;

	for (i = 0; i < count; i++) {
		error = attach_tracepoint(&list[i]);
		if (error) {
			detach_tracepoints(list, i);
			return error;
		}
	}
	return 0;
}

/* Sessions that run and ask for cgroups, under attach_lock. */
static unsigned int cgroup_sessions;

static bool asks_for_cgroups(const struct hadal_session *session)
{
	return session->classes & HADAL_CLASS_BIT(HADAL_CLASS_CGROUP);
}

static int attach_cgroup_hooks(const struct hadal_session *session)
{
	int error = 0;

	if (!asks_for_cgroups(session))
		return 0;
	if (!cgroup_sessions)
		error = attach_tracepoints(cgroup_hooks, ARRAY_SIZE(cgroup_hooks));
	if (!error)
		cgroup_sessions++;
	return error;
}

/* Whoever runs these still is waited for where sessions are, and before unloading. */
static void detach_cgroup_hooks(const struct hadal_session *session)
{
	if (asks_for_cgroups(session) && !--cgroup_sessions)
		detach_tracepoints(cgroup_hooks, ARRAY_SIZE(cgroup_hooks));
}

/* ---- function entries ---- */

struct entry {
	char *function;
	bool unused;
	struct ftrace_ops ops;
};

/* PERMANENT: kernel.ftrace_enabled = 0 must not silence us unnoticed. */
static struct entry entries[] = {
	{ .function = "security_sock_graft",
	  .ops = { .func = entry_sock_graft,
		   .flags = FTRACE_OPS_FL_PERMANENT | HADAL_FTRACE_SAVE } },
	{ .function = "acct_process",
	  .unused = HADAL_EXIT_TELLS_GROUP_DEAD,
	  .ops = { .func = entry_acct_process, .flags = FTRACE_OPS_FL_PERMANENT } },
};

#define UDP_ENTRY(name, callback)						\
	{									\
		.function = name,						\
		.ops = { .func = callback,					\
			 .flags = FTRACE_OPS_FL_PERMANENT | HADAL_FTRACE_SAVE }	\
	}

/*
 * In this order: what takes flows out is there before any is made, and after. What
 * counts at receive_entry, udp_counts, comes last and goes first.
 */
static struct entry udp_entries[] = {
	UDP_ENTRY("udp_destroy_sock", entry_destroy_udp),
	UDP_ENTRY("udpv6_destroy_sock", entry_destroy_udp),
	UDP_ENTRY("ip_send_skb", entry_ip_send),
	UDP_ENTRY("ip6_send_skb", entry_ip6_send),
};

static struct entry receive_entry = UDP_ENTRY("skb_consume_udp", entry_consume_udp);

static void detach_entries(struct entry *list, unsigned int count)
{
	while (count--)
		if (!list[count].unused)
			unregister_ftrace_function(&list[count].ops);
}

/* Never registered: its filter shows what an empty one is. */
static struct ftrace_ops nothing = { .func = entry_sock_graft };

/*
 * ftrace_set_filter() that gets no memory for the function says success and
 * leaves the filter empty, which would trace every function there is. All empty
 * filters are one.
 */
static int set_filter(struct entry *entry)
{
	int error = ftrace_set_filter(&nothing, NULL, 0, 1);

	if (!error)
		error = ftrace_set_filter(&entry->ops, entry->function,
					  strlen(entry->function), 1);
	/* No function of that name can be traced. */
	if (error == -EINVAL)
		return -EOPNOTSUPP;
	if (error)
		return error;
	if (rcu_access_pointer(entry->ops.func_hash->filter_hash) ==
	    rcu_access_pointer(nothing.func_hash->filter_hash))
		return -ENOMEM;
	return 0;
}

static int attach_entry(struct entry *entry)
{
	int error;

	if (entry->unused)
		return 0;
	error = set_filter(entry);
	if (!error)
		error = register_ftrace_function(&entry->ops);
	if (error)
		pr_err("hadal: can't trace function %s: error %d\n", entry->function, error);
	return error;
}

static int attach_entries(struct entry *list, unsigned int count)
{
	unsigned int i;
	int error;

	for (i = 0; i < count; i++) {
		error = attach_entry(&list[i]);
		if (error) {
			detach_entries(list, i);
			return error;
		}
	}
	return 0;
}

/* ---- all of it ---- */

/* Every probe that began has ended, and no session list is being walked. */
static void wait_for_probes(void)
{
	tracepoint_synchronize_unregister();
	synchronize_rcu();
}

static int attach(void)
{
	int error;

	check_prototypes();
	error = hadal_conn_table_create();
	if (error)
		return error;
	for_each_kernel_tracepoint(match_tracepoint, NULL);
	error = attach_tracepoints(hooks, ARRAY_SIZE(hooks));
	if (error)
		goto destroy_table;
	error = attach_entries(entries, ARRAY_SIZE(entries));
	if (error)
		goto detach_tracepoints;
	hadal_conn_table_arm(true);
	hadal_dump_prime();
	return 0;

detach_tracepoints:
	detach_tracepoints(hooks, ARRAY_SIZE(hooks));
destroy_table:
	wait_for_probes();
	hadal_conn_table_destroy();
	return error;
}

static void detach(void)
{
	hadal_conn_table_arm(false);
	detach_entries(entries, ARRAY_SIZE(entries));
	detach_tracepoints(hooks, ARRAY_SIZE(hooks));
	wait_for_probes();
	hadal_conn_table_destroy();
}

/* ---- what is received by UDP: while a session asks for flows or DNS ---- */

/* Sessions that run and do, under attach_lock. */
static unsigned int receiving_sessions;

static bool asks_for_received(const struct hadal_session *session)
{
	return session->classes &
	       (HADAL_CLASS_BIT(HADAL_CLASS_UDP) | HADAL_CLASS_BIT(HADAL_CLASS_DNS));
}

static int attach_receive_hook(const struct hadal_session *session)
{
	int error = 0;

	if (!asks_for_received(session))
		return 0;
	if (!receiving_sessions)
		error = attach_entry(&receive_entry);
	if (!error)
		receiving_sessions++;
	return error;
}

/* As for detach_cgroup_hooks(). */
static void detach_receive_hook(const struct hadal_session *session)
{
	if (asks_for_received(session) && !--receiving_sessions)
		unregister_ftrace_function(&receive_entry.ops);
}

/* ---- udp flows: while a session asks for them ---- */

/* Sessions that run and ask for it, under attach_lock. */
static unsigned int udp_sessions;

static int attach_udp(void)
{
	int error = hadal_udp_table_create();

	if (error)
		return error;
	hadal_udp_begin();
	error = attach_entries(udp_entries, ARRAY_SIZE(udp_entries));
	if (error) {
		wait_for_probes();
		hadal_udp_table_destroy();
		return error;
	}
	static_branch_enable(&udp_counts);
	return 0;
}

static void detach_udp(void)
{
	static_branch_disable(&udp_counts);
	detach_entries(udp_entries, ARRAY_SIZE(udp_entries));
	wait_for_probes();
	hadal_udp_table_destroy();
}

static bool asks_for_udp(const struct hadal_session *session)
{
	return session->classes & HADAL_CLASS_BIT(HADAL_CLASS_UDP);
}

static int attach_udp_hooks(const struct hadal_session *session)
{
	int error = 0;

	if (!asks_for_udp(session))
		return 0;
	if (!udp_sessions)
		error = attach_udp();
	if (!error)
		udp_sessions++;
	return error;
}

static void detach_udp_hooks(const struct hadal_session *session)
{
	if (asks_for_udp(session) && !--udp_sessions)
		detach_udp();
}

/**
 * hadal_probes_start() - events begin for a session
 * @session: configured, not running
 *
 * The first one attaches the probes and fills the table. May sleep.
 *
 * Return: 0; -ENOMEM; -EOPNOTSUPP where the kernel lacks what is hooked;
 * -EBUSY where kernel.ftrace_enabled is 0.
 */
int hadal_probes_start(struct hadal_session *session)
{
	bool is_first;
	int error;

	mutex_lock(&attach_lock);
	is_first = list_empty(&hadal_running_sessions);
	error = hadal_filter_publish(session->filter, !is_first);
	if (error)
		goto unlock;
	if (is_first)
		error = attach();
	if (error)
		goto withdraw_filter;
	error = attach_cgroup_hooks(session);
	if (error)
		goto detach;
	error = attach_receive_hook(session);
	if (error)
		goto detach_cgroups;
	error = attach_udp_hooks(session);
	if (error)
		goto detach_receive;
	list_add_tail_rcu(&session->running, &hadal_running_sessions);
	hadal_emit_note_sessions();
	goto unlock;

detach_receive:
	detach_receive_hook(session);
detach_cgroups:
	detach_cgroup_hooks(session);
detach:
	if (is_first)
		detach();
withdraw_filter:
	hadal_filter_withdraw(session->filter);
	/* Hooks of other sessions may have found it: it is freed when the session is. */
	synchronize_rcu();
unlock:
	mutex_unlock(&attach_lock);
	return error;
}

/* After this no hook knows of @session. May sleep. */
void hadal_probes_stop(struct hadal_session *session)
{
	mutex_lock(&attach_lock);
	list_del_rcu(&session->running);
	hadal_emit_note_sessions();
	hadal_filter_withdraw(session->filter);
	detach_cgroup_hooks(session);
	if (list_empty(&hadal_running_sessions))
		detach();
	else
		synchronize_rcu();
	detach_udp_hooks(session);
	detach_receive_hook(session);
	mutex_unlock(&attach_lock);
	INIT_LIST_HEAD(&session->running);
}

/*
 * The module goes. ftrace keeps what a filter was set to for as long as the ops
 * might be used again.
 */
void hadal_probes_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(entries); i++)
		ftrace_free_filter(&entries[i].ops);
	for (i = 0; i < ARRAY_SIZE(udp_entries); i++)
		ftrace_free_filter(&udp_entries[i].ops);
	ftrace_free_filter(&receive_entry.ops);
	ftrace_free_filter(&nothing);
}
