// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fdtable.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/ktime.h>
#include <net/inet_hashtables.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "cgroup.h"
#include "conn_table.h"
#include "dump.h"
#include "emit.h"
#include "process.h"
#include "tcp.h"
#include "udp.h"

#define FDS_AT_ONCE		1000
#define BUCKETS_AT_ONCE		4096
#define TOMBSTONE_LIFE		(300ULL * NSEC_PER_SEC)

/* ---- sockets that exist, into the table ---- */

/*
 * A socket leaves the hash before it passes to CLOSE: found under the bucket's
 * lock, its closing is yet to come.
 */
static void find_connections_in(struct inet_hashinfo *hashinfo, unsigned int slot)
{
	struct inet_ehash_bucket *bucket = &hashinfo->ehash[slot];
	spinlock_t *lock = inet_ehash_lockp(hashinfo, slot);
	struct hlist_nulls_node *node;
	struct sock *sk;

	if (hlist_nulls_empty(&bucket->chain))
		return;
	spin_lock_bh(lock);
	sk_nulls_for_each(sk, node, &bucket->chain)
		if (sk_fullsock(sk))
			hadal_tcp_found(sk);
	spin_unlock_bh(lock);
}

static void find_connections(struct inet_hashinfo *hashinfo)
{
	unsigned int slot;

	for (slot = 0; slot <= hashinfo->ehash_mask; slot++) {
		find_connections_in(hashinfo, slot);
		if (slot % BUCKETS_AT_ONCE == 0)
			cond_resched();
	}
}

static void find_listeners_in(struct inet_listen_hashbucket *bucket)
{
	struct hlist_nulls_node *node;
	struct sock *sk;

	if (hlist_nulls_empty(&bucket->nulls_head))
		return;
	/* As inet_unhash() does: on RT bottom halves wait for who holds it. */
	spin_lock(&bucket->lock);
	sk_nulls_for_each(sk, node, &bucket->nulls_head)
		hadal_tcp_found_listener(sk);
	spin_unlock(&bucket->lock);
}

static void find_listeners(struct inet_hashinfo *hashinfo)
{
	unsigned int slot;

	for (slot = 0; slot <= hashinfo->lhash2_mask; slot++) {
		find_listeners_in(&hashinfo->lhash2[slot]);
		cond_resched();
	}
}

/* Namespaces share one hash, or have one each; the listeners' is always shared. */
static void find_sockets(void)
{
	struct inet_hashinfo *common = init_net.ipv4.tcp_death_row.hashinfo, *own;
	struct net *net;

	find_connections(common);
	find_listeners(common);
	down_read(&net_rwsem);
	for_each_net(net) {
		own = net->ipv4.tcp_death_row.hashinfo;
		if (own && own->ehash != common->ehash)
			find_connections(own);
	}
	up_read(&net_rwsem);
}

/* ---- who holds them ---- */

struct claim {
	struct hadal_owner owner;
	unsigned int left;
};

static int claim_socket(const void *context, struct file *file, unsigned int fd)
{
	struct claim *claim = (struct claim *)context;
	struct socket *sock = sock_from_file(file);
	const struct sock *sk = sock ? READ_ONCE(sock->sk) : NULL;

	if (sk)
		hadal_tcp_claim(sk, &claim->owner);
	return --claim->left ? 0 : fd + 1;
}

/*
 * Some descriptors at a time: file_lock is not to be held for long. Returns false if
 * @task leads its process no more, see dump_process().
 */
static bool claim_sockets_of(struct task_struct *task)
{
	struct claim claim = { };
	bool is_leader;
	int fd = 0;

	rcu_read_lock();
	is_leader = pid_alive(task);
	if (is_leader)
		hadal_tcp_owner(&claim.owner, task, HADAL_TCP_OWNER_HOLDER);
	rcu_read_unlock();
	if (!is_leader)
		return false;
	do {
		claim.left = FDS_AT_ONCE;
		task_lock(task);
		fd = task->files ? iterate_fd(task->files, fd, claim_socket, &claim) : 0;
		task_unlock(task);
		cond_resched();
	} while (fd);
	return true;
}

/* The first process with a pid of at least *@number, with a reference; or NULL. */
static struct task_struct *next_process(u32 *number)
{
	struct task_struct *task = NULL;
	struct pid *pid;

	rcu_read_lock();
	while ((pid = find_ge_pid(*number, &init_pid_ns))) {
		*number = pid_nr(pid);
		task = pid_task(pid, PIDTYPE_TGID);
		if (task) {
			get_task_struct(task);
			break;
		}
		(*number)++;
	}
	rcu_read_unlock();
	return task;
}

static void claim_sockets(void)
{
	struct task_struct *task;
	u32 number = 1;

	while ((task = next_process(&number))) {
		number += task->flags & PF_KTHREAD || claim_sockets_of(task);
		put_task_struct(task);
	}
}

/**
 * hadal_dump_prime() - fill the table with what is there
 *
 * The probes are live and the table armed. May sleep.
 */
void hadal_dump_prime(void)
{
	find_sockets();
	claim_sockets();
}

/* ---- a session's dump ---- */

/* One instant on three clocks, as near as they can be read. */
void hadal_dump_clock_sync(struct hadal_session *session)
{
	struct hadal_record_clock_sync record = { };
	unsigned long flags;

	local_irq_save(flags);
	record.monotonic = ktime_get_ns();
	record.boottime = ktime_get_boottime_ns();
	record.realtime = ktime_get_real_ns();
	local_irq_restore(flags);

	preempt_disable();
	hadal_emit_to(session, &record.header, sizeof(record), HADAL_RECORD_CLOCK_SYNC);
	preempt_enable();
}

/* Each stage returns whether it is done; false: the ring is too full to go on. */

static bool emit_frame(struct hadal_session *session, u16 type)
{
	struct hadal_record_dump record = {
		.what = session->dump.what,
		.dump = session->dump.number,
		.records = session->dump.records,
	};
	bool done = false;

	preempt_disable();
	if (hadal_emit_has_room(session, HADAL_LANE_LIFECYCLE, sizeof(record)))
		done = hadal_emit_to(session, &record.header, sizeof(record), type);
	preempt_enable();
	return done;
}

static void emit_process(struct hadal_session *session, struct task_struct *task)
{
	struct hadal_record_process record = { };

	hadal_process_describe(&record.process, task);
	record.process.ns_tgid = task_tgid_nr_ns(task, task_active_pid_ns(task));
	hadal_emit_existing(session, &record, task);
	session->dump.records++;
}

enum outcome {
	TOLD,
	NO_ROOM,
	REPLACED,
};

static enum outcome tell_process(struct hadal_session *session, struct task_struct *task)
{
	if (!pid_alive(task))
		return REPLACED;
	if (!hadal_emit_has_room(session, HADAL_LANE_LIFECYCLE,
				 sizeof(struct hadal_record_process)))
		return NO_ROOM;
	if (hadal_process_due_to(session, task))
		emit_process(session, task);
	return TOLD;
}

/*
 * A thread that executes a file takes the place of the one that led the process,
 * whose group_leader it is then, unreferenced: for as long as RCU keeps it. Where
 * preemption is disabled RCU waits.
 */
static enum outcome dump_process(struct hadal_session *session, struct task_struct *task)
{
	enum outcome outcome;

	task_lock(task);
	preempt_disable();
	outcome = tell_process(session, task);
	preempt_enable();
	task_unlock(task);
	return outcome;
}

static bool dump_processes(struct hadal_session *session)
{
	struct hadal_dump_cursor *cursor = &session->dump;
	enum outcome outcome = TOLD;
	struct task_struct *task;

	while (outcome != NO_ROOM && (task = next_process(&cursor->next))) {
		/* A zombie has told its exit, or will not any more. */
		outcome = atomic_read(&task->signal->live) ? dump_process(session, task) : TOLD;
		cursor->next += outcome == TOLD;
		put_task_struct(task);
		cond_resched();
	}
	return outcome != NO_ROOM;
}

static bool bucket_fits(unsigned int entries, void *context)
{
	return hadal_emit_has_room(context, HADAL_LANE_FLOW, entries * HADAL_TCP_SNAPSHOT_SIZE);
}

static bool dump_connection(struct hadal_conn *conn, void *context)
{
	return hadal_tcp_snapshot(context, conn);
}

static bool dump_connections(struct hadal_session *session)
{
	const struct hadal_conn_walk walk = { .visit = dump_connection, .context = session };
	struct hadal_dump_cursor *cursor = &session->dump;
	u64 now = ktime_get_ns(), expired = now - min(now, TOMBSTONE_LIFE);
	unsigned int visited;

	for (; cursor->next < hadal_conn_table_buckets(); cursor->next++) {
		preempt_disable();
		visited = hadal_conn_walk_bucket(cursor->next, &walk, bucket_fits);
		preempt_enable();
		if (visited == UINT_MAX)
			return false;
		cursor->records += visited;
		hadal_conn_expire_bucket(cursor->next, expired);
		if (cursor->next % BUCKETS_AT_ONCE == 0)
			cond_resched();
	}
	return true;
}

static bool flows_fit(unsigned int flows, void *context)
{
	return hadal_emit_has_room(context, HADAL_LANE_FLOW, flows * HADAL_UDP_RECORD_SIZE);
}

static bool dump_flow(struct hadal_udp_flow *flow, void *context)
{
	return hadal_udp_tell(context, flow);
}

static bool dump_flows(struct hadal_session *session)
{
	const struct hadal_udp_walk walk = {
		.visit = dump_flow, .may = flows_fit, .context = session,
	};
	struct hadal_dump_cursor *cursor = &session->dump;
	unsigned int visited;

	for (; cursor->next < hadal_udp_table_buckets(); cursor->next++) {
		preempt_disable();
		visited = hadal_udp_walk_bucket(cursor->next, &walk);
		preempt_enable();
		if (visited == UINT_MAX)
			return false;
		cursor->records += visited;
		if (cursor->next % BUCKETS_AT_ONCE == 0)
			cond_resched();
	}
	return true;
}

/* Their last records go to every session: they are none of this dump's. */
static bool end_idle_flows(struct hadal_session *session)
{
	unsigned int count;

	do {
		preempt_disable();
		count = hadal_emit_room(session, HADAL_LANE_FLOW) / HADAL_UDP_RECORD_SIZE;
		preempt_enable();
		if (!count)
			return false;
	} while (hadal_udp_end_idle(&session->dump.next, min(count, HADAL_UDP_IDLE_AT_ONCE)));
	return true;
}

static bool dump_other(struct hadal_session *session)
{
	bool done = false;

	preempt_disable();
	if (flows_fit(1, session)) {
		session->dump.records += hadal_udp_tell_other(session);
		done = true;
	}
	preempt_enable();
	return done;
}

static bool run_udp_stage(struct hadal_session *session)
{
	if (!(session->dump.what & HADAL_DUMP_UDP))
		return true;
	switch (session->dump.stage) {
	case HADAL_STAGE_UDP:
		return dump_flows(session);
	case HADAL_STAGE_UDP_IDLE:
		return end_idle_flows(session);
	default:
		return dump_other(session);
	}
}

static bool run_stage(struct hadal_session *session)
{
	switch (session->dump.stage) {
	case HADAL_STAGE_START:
		return emit_frame(session, HADAL_RECORD_DUMP_START);
	case HADAL_STAGE_CGROUPS:
		return !(session->dump.what & HADAL_DUMP_CGROUPS) || hadal_cgroup_dump(session);
	case HADAL_STAGE_PROCESSES:
		return !(session->dump.what & HADAL_DUMP_PROCESSES) || dump_processes(session);
	case HADAL_STAGE_CONNECTIONS:
		return !(session->dump.what & HADAL_DUMP_CONNECTIONS) || dump_connections(session);
	case HADAL_STAGE_UDP:
	case HADAL_STAGE_UDP_IDLE:
	case HADAL_STAGE_UDP_OTHER:
		return run_udp_stage(session);
	case HADAL_STAGE_END:
		return emit_frame(session, HADAL_RECORD_DUMP_END);
	default:
		return true;
	}
}

static void next_stage(struct hadal_dump_cursor *cursor)
{
	cursor->stage = cursor->stage == HADAL_STAGE_END ? HADAL_STAGE_IDLE : cursor->stage + 1;
	if (cursor->stage == HADAL_STAGE_CGROUPS && cursor->what & HADAL_DUMP_CGROUPS)
		hadal_cgroup_dump_begin(cursor);
	/* Pid 0 is no process. */
	cursor->next = cursor->stage == HADAL_STAGE_PROCESSES ? 1 : 0;
}

static void begin_dump(struct hadal_session *session, u32 what)
{
	struct hadal_dump_cursor *cursor = &session->dump;

	*cursor = (struct hadal_dump_cursor) {
		.stage = HADAL_STAGE_START,
		.what = what,
		.number = cursor->number + 1,
	};
	hadal_dump_clock_sync(session);
}

/* Its session stops. */
void hadal_dump_abandon(struct hadal_session *session)
{
	hadal_cgroup_dump_end(&session->dump);
	session->dump.stage = HADAL_STAGE_IDLE;
}

#define KNOWN_DUMPS	(HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS | HADAL_DUMP_CGROUPS | \
			 HADAL_DUMP_UDP)

/**
 * hadal_dump_step() - write as much of a dump as fits
 * @session: whose rings get it
 * @dump: what is asked for; gets state and records
 *
 * The session's lock is held, and it runs.
 *
 * Return: 0 or -EINVAL.
 */
int hadal_dump_step(struct hadal_session *session, struct hadal_dump *dump)
{
	struct hadal_dump_cursor *cursor = &session->dump;

	if (!dump->what || dump->what & ~KNOWN_DUMPS || dump->reserved)
		return -EINVAL;
	if (dump->what & HADAL_DUMP_UDP && !(session->classes & HADAL_CLASS_BIT(HADAL_CLASS_UDP)))
		return -EINVAL;
	if (cursor->stage != HADAL_STAGE_IDLE && dump->what != cursor->what)
		return -EINVAL;

	if (cursor->stage == HADAL_STAGE_IDLE)
		begin_dump(session, dump->what);
	while (cursor->stage != HADAL_STAGE_IDLE && run_stage(session))
		next_stage(cursor);
	dump->state = cursor->stage == HADAL_STAGE_IDLE ? HADAL_DUMP_DONE : HADAL_DUMP_MORE;
	dump->records = cursor->records;
	return 0;
}
