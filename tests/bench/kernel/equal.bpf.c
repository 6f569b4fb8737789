// SPDX-License-Identifier: GPL-2.0-only
/*
 * What hadal.ko records, recorded by eBPF: the same events, the same records,
 * the same table of live connections. Where eBPF can't reach or would pay more
 * for it, this does less, so that the comparison is in its favour:
 *
 *  - the path is bprm->filename, as it was asked for: bpf_d_path() is not
 *    allowed at exec;
 *  - of a process's threads, at exit, only what has ended and the last one count;
 *  - records have no sequence number; what is lost is one count, not one by class;
 *  - a close before accept() leaves no tombstone.
 */
#include "vmlinux.h"

#define _LINUX_TYPES_H	/* vmlinux.h has them */
#include "hadal.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define AF_INET		2
#define AF_INET6	10
#define PF_KTHREAD	0x00200000
#define SIGNAL_GROUP_EXIT 0x00000004
#define SOCK_DONE	1
#define PAGE_SHIFT	12

#define PATH_MOST	256
#define ARGV_MOST	256

char LICENSE[] SEC("license") = "GPL";

struct owner {
	__u64 start_boottime;
	__u64 cgroup_id;
	__u32 cgroup_hierarchy;
	__u32 tgid;
	__u64 kind;
};

struct conn {
	__u64 id;
	__u64 time;
	struct owner owner;
	__u32 flags;
	__u8 role;
	__u8 owned;
	__u16 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct conn);
} conns SEC(".maps");

/* An exec record with room for its strings, each at a fixed place. */
struct exec_record {
	struct hadal_record_process_exec exec;
	__u8 path[PATH_MOST];
	__u8 argv[ARGV_MOST];
};

__u64 secret[2];
__u64 next_id;
__u64 lost;

static __always_inline void *reserve(__u32 size, __u16 type, __u8 class, __u8 lane)
{
	struct hadal_record *record = bpf_ringbuf_reserve(&records, size, 0);

	if (!record) {
		__sync_fetch_and_add(&lost, 1);
		return NULL;
	}
	record->size = size;
	record->type = type;
	record->record_class = class;
	record->lane = lane;
	record->time = bpf_ktime_get_ns();
	record->sequence = 0;
	record->cpu = bpf_get_smp_processor_id();
	return record;
}

#define RESERVE(record, type, class, lane) reserve(sizeof(*(record)), type, class, lane)

static __always_inline void submit(void *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* ---- processes ---- */

static __always_inline void describe_process(struct hadal_process *process,
					     struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct cgroup *cgroup = task->cgroups->dfl_cgrp;

	process->start_boottime = leader->start_boottime;
	process->tgid = task->tgid;
	process->parent_tgid = leader->real_parent->tgid;
	process->ns_tgid = 0;
	process->flags = task->flags & PF_KTHREAD ? HADAL_PROCESS_KERNEL : 0;
	process->cgroup_id = cgroup->kn->id;
	process->cgroup_hierarchy = cgroup->root->hierarchy_id;
	process->pid_ns = task->nsproxy->pid_ns_for_children->ns.inum;
	process->net_ns = task->nsproxy->net_ns->ns.inum;
	process->mnt_ns = 0;
	process->uid = task->real_cred->uid.val;
	process->gid = task->real_cred->gid.val;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct hadal_record_process *record;
	struct upid upid;

	if (child->pid != child->tgid)
		return 0;
	record = RESERVE(record, HADAL_RECORD_PROCESS_FORK, HADAL_CLASS_PROCESS,
			 HADAL_LANE_LIFECYCLE);
	if (!record)
		return 0;
	describe_process(&record->process, child);
	bpf_core_read(&upid, sizeof(upid), &child->thread_pid->numbers[child->thread_pid->level]);
	record->process.ns_tgid = upid.nr;
	if (record->process.parent_tgid != parent->tgid)
		record->process.flags |= HADAL_PROCESS_SIBLING;
	bpf_probe_read_kernel(record->process.comm, HADAL_COMM_LEN, child->comm);
	submit(record);
	return 0;
}

static __always_inline void put_argv(struct exec_record *record, struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	__u64 from = mm->arg_start;
	__u64 length = mm->arg_end - from;

	if (length > ARGV_MOST) {
		length = ARGV_MOST;
		record->exec.flags |= HADAL_EXEC_ARGV_TRUNCATED;
	}
	if (bpf_probe_read_user(record->argv, length, (const void *)from)) {
		record->exec.flags |= HADAL_EXEC_ARGV_TRUNCATED;
		length = 0;
	}
	record->exec.argv_len = length;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct exec_record *record;

	record = RESERVE(record, HADAL_RECORD_PROCESS_EXEC, HADAL_CLASS_PROCESS,
			 HADAL_LANE_LIFECYCLE);
	if (!record)
		return 0;
	describe_process(&record->exec.process, task);
	bpf_get_current_comm(record->exec.process.comm, HADAL_COMM_LEN);
	record->exec.old_tid = old_pid;
	record->exec.argc = bprm->argc;
	record->exec.flags = 0;
	record->exec.path_len = bpf_probe_read_kernel_str(record->path, PATH_MOST, bprm->filename);
	record->exec.script_len = bprm->interp != bprm->filename;
	put_argv(record, task);
	submit(record);
	return 0;
}

static __always_inline void sum_threads(struct hadal_record_process_exit *record,
					struct task_struct *task, struct signal_struct *signal)
{
	record->user_time = signal->utime + task->utime;
	record->system_time = signal->stime + task->stime;
	record->cpu_time = signal->sum_sched_runtime + task->se.sum_exec_runtime;
	record->minor_faults = signal->min_flt + task->min_flt;
	record->major_faults = signal->maj_flt + task->maj_flt;
	record->voluntary_switches = signal->nvcsw + task->nvcsw;
	record->involuntary_switches = signal->nivcsw + task->nivcsw;
	record->read_bytes = signal->ioac.read_bytes + task->ioac.read_bytes;
	record->write_bytes = signal->ioac.write_bytes + task->ioac.write_bytes;
}

/* Once a process, as hadal.ko does it. */
SEC("fentry/acct_process")
int BPF_PROG(on_exit)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct signal_struct *signal = task->signal;
	struct hadal_record_process_exit *record;

	record = RESERVE(record, HADAL_RECORD_PROCESS_EXIT, HADAL_CLASS_PROCESS,
			 HADAL_LANE_LIFECYCLE);
	if (!record)
		return 0;
	describe_process(&record->process, task);
	bpf_get_current_comm(record->process.comm, HADAL_COMM_LEN);
	if (signal->oom_mm)
		record->process.flags |= HADAL_PROCESS_OOM;
	record->exit_code = signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code :
								task->group_leader->exit_code;
	record->reserved = 0;
	record->max_rss = signal->maxrss << PAGE_SHIFT;
	sum_threads(record, task, signal);
	submit(record);
	return 0;
}

/* ---- the connection key: SipHash-2-4 of one 64-bit word ---- */

#define ROTATE(x, by) ((x) << (by) | (x) >> (64 - (by)))

#define ROUND(a, b, c, d)						\
	do {								\
		a += b; b = ROTATE(b, 13); b ^= a; a = ROTATE(a, 32);	\
		c += d; d = ROTATE(d, 16); d ^= c;			\
		a += d; d = ROTATE(d, 21); d ^= a;			\
		c += b; b = ROTATE(b, 17); b ^= c; c = ROTATE(c, 32);	\
	} while (0)

static __always_inline __u64 connection_key(__u32 client, __u32 server)
{
	__u64 a = 0x736f6d6570736575ULL ^ secret[0], b = 0x646f72616e646f6dULL ^ secret[1];
	__u64 c = 0x6c7967656e657261ULL ^ secret[0], d = 0x7465646279746573ULL ^ secret[1];
	__u64 word = (__u64)server << 32 | client, length = 8ULL << 56;

	d ^= word;
	ROUND(a, b, c, d);
	ROUND(a, b, c, d);
	a ^= word;
	d ^= length;
	ROUND(a, b, c, d);
	ROUND(a, b, c, d);
	a ^= length;
	c ^= 0xff;
	ROUND(a, b, c, d);
	ROUND(a, b, c, d);
	ROUND(a, b, c, d);
	ROUND(a, b, c, d);
	return a ^ b ^ c ^ d;
}

static __always_inline __u64 key_of(struct tcp_sock *tp, __u8 role)
{
	__u32 sent = tp->snd_una - (__u32)tp->bytes_acked;
	__u32 received = tp->rcv_nxt - (__u32)tp->bytes_received - 1;

	return role == HADAL_TCP_SERVER ? connection_key(received, sent - 1) :
					  connection_key(sent, received);
}

/* ---- sockets ---- */

static __always_inline void set_owner(struct owner *owner)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct cgroup *cgroup = task->cgroups->dfl_cgrp;

	owner->kind = task->flags & PF_KTHREAD ? HADAL_TCP_OWNER_KERNEL : HADAL_TCP_OWNER_CALLER;
	owner->tgid = task->tgid;
	owner->start_boottime = task->group_leader->start_boottime;
	owner->cgroup_id = cgroup->kn->id;
	owner->cgroup_hierarchy = cgroup->root->hierarchy_id;
}

static __always_inline void describe_v6(struct hadal_tcp *tcp, struct sock *sk)
{
	__u32 *local = (__u32 *)tcp->local_address, *peer = (__u32 *)tcp->peer_address;
	struct in6_addr *from = &sk->__sk_common.skc_v6_rcv_saddr;
	struct in6_addr *to = &sk->__sk_common.skc_v6_daddr;

	tcp->family = AF_INET6;
	local[0] = from->in6_u.u6_addr32[0];
	local[1] = from->in6_u.u6_addr32[1];
	local[2] = from->in6_u.u6_addr32[2];
	local[3] = from->in6_u.u6_addr32[3];
	peer[0] = to->in6_u.u6_addr32[0];
	peer[1] = to->in6_u.u6_addr32[1];
	peer[2] = to->in6_u.u6_addr32[2];
	peer[3] = to->in6_u.u6_addr32[3];
}

static __always_inline void describe_v4(struct hadal_tcp *tcp, struct sock *sk)
{
	__u64 *local = (__u64 *)tcp->local_address, *peer = (__u64 *)tcp->peer_address;

	tcp->family = AF_INET;
	local[0] = sk->__sk_common.skc_rcv_saddr;
	local[1] = 0;
	peer[0] = sk->__sk_common.skc_daddr;
	peer[1] = 0;
}

static __always_inline bool is_mapped(struct in6_addr *address)
{
	return !address->in6_u.u6_addr32[0] && !address->in6_u.u6_addr32[1] &&
	       address->in6_u.u6_addr32[2] == bpf_htonl(0xffff);
}

static __always_inline void describe(struct hadal_tcp *tcp, struct sock *sk, struct tcp_sock *tp,
				     const struct conn *conn)
{
	struct cgroup *cgroup = sk->sk_cgrp_data.cgroup;

	tcp->id = conn->id;
	tcp->key = 0;
	tcp->start_time = conn->time;
	tcp->role = conn->role;
	tcp->flags = conn->flags;
	if (BPF_CORE_READ_BITFIELD(tp, is_mptcp))
		tcp->flags |= HADAL_TCP_MPTCP;
	tcp->net_ns = sk->__sk_common.skc_net.net->ns.inum;
	tcp->socket_cgroup_id = cgroup ? cgroup->kn->id : 0;
	tcp->owner = conn->owner.kind;
	tcp->owner_tgid = conn->owner.tgid;
	tcp->owner_start_boottime = conn->owner.start_boottime;
	tcp->cgroup_id = conn->owner.cgroup_id;
	tcp->cgroup_hierarchy = conn->owner.cgroup_hierarchy;
	tcp->local_port = bpf_ntohs(tp->inet_conn.icsk_inet.inet_sport);
	tcp->peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	if (sk->__sk_common.skc_family == AF_INET6 && !is_mapped(&sk->__sk_common.skc_v6_daddr) &&
	    !is_mapped(&sk->__sk_common.skc_v6_rcv_saddr)) {
		describe_v6(tcp, sk);
		return;
	}
	describe_v4(tcp, sk);
	if (sk->__sk_common.skc_family == AF_INET6)
		tcp->flags |= HADAL_TCP_V4MAPPED;
}

static __always_inline void insert(struct sock *sk, __u8 role, bool owned)
{
	struct conn conn = {
		.id = __sync_fetch_and_add(&next_id, 1) + 1,
		.time = bpf_ktime_get_ns(),
		.role = role,
		.owned = owned,
	};
	__u64 key = (__u64)sk;

	if (owned)
		set_owner(&conn.owner);
	bpf_map_update_elem(&conns, &key, &conn, BPF_ANY);
}

static __always_inline void on_connected(struct sock *sk, struct tcp_sock *tp,
					 const struct conn *conn)
{
	struct hadal_record_tcp_established *record;

	record = RESERVE(record, HADAL_RECORD_TCP_ESTABLISHED, HADAL_CLASS_TCP, HADAL_LANE_FLOW);
	if (!record)
		return;
	describe(&record->tcp, sk, tp, conn);
	record->connect_latency = record->header.time - conn->time;
	record->tcp.key = key_of(tp, HADAL_TCP_CLIENT);
	submit(record);
}

static __always_inline void on_listener(struct sock *sk, struct tcp_sock *tp,
					const struct conn *conn, __u16 type)
{
	struct hadal_record_tcp_listener *record;

	record = RESERVE(record, type, HADAL_CLASS_TCP, HADAL_LANE_FLOW);
	if (!record)
		return;
	describe(&record->tcp, sk, tp, conn);
	record->backlog = sk->sk_max_ack_backlog;
	record->waiting = sk->sk_ack_backlog;
	record->dropped = (__u32)sk->sk_drops.counter;
	record->reserved = 0;
	submit(record);
}

static __always_inline void on_failed(struct sock *sk, struct tcp_sock *tp,
				      const struct conn *conn)
{
	struct hadal_record_tcp_failed *record;

	record = RESERVE(record, HADAL_RECORD_TCP_FAILED, HADAL_CLASS_TCP, HADAL_LANE_FLOW);
	if (!record)
		return;
	describe(&record->tcp, sk, tp, conn);
	record->duration = record->header.time - conn->time;
	record->error = sk->sk_err;
	record->syn_retransmitted = tp->total_retrans;
	submit(record);
}

static __always_inline bool fin_was_sent(int state)
{
	return state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2 || state == TCP_CLOSING ||
	       state == TCP_LAST_ACK;
}

static __always_inline void count(struct hadal_tcp_counters *counters, struct sock *sk,
				  struct tcp_sock *tp, int state, __u8 role)
{
	__u32 una = tp->snd_una, nxt = tp->snd_nxt, write = tp->write_seq;
	__u64 acked = tp->bytes_acked, received = tp->bytes_received;
	__u32 syn = role == HADAL_TCP_CLIENT;
	__u32 fin = fin_was_sent(state);
	__u32 fin_acked = state == TCP_FIN_WAIT2 ||
			  ((state == TCP_CLOSING || state == TCP_LAST_ACK) && una == write);
	__u32 done = sk->__sk_common.skc_flags >> SOCK_DONE & 1;

	counters->acked = acked - syn - fin_acked;
	counters->sent = acked + (__u32)(nxt - una) - syn - (fin && nxt == write);
	counters->written = acked + (__u32)(write - una) - syn - fin;
	counters->received = received - done;
	counters->unread = tp->rcv_nxt - tp->copied_seq - done;
	counters->retransmitted = tp->bytes_retrans;
	counters->segments_out = tp->segs_out;
	counters->segments_in = tp->segs_in;
	counters->data_segments_out = tp->data_segs_out;
	counters->data_segments_in = tp->data_segs_in;
	counters->segments_retransmitted = tp->total_retrans;
	counters->srtt = tp->srtt_us >> 3;
	counters->rttvar = tp->mdev_us >> 2;
	counters->min_rtt = tp->rtt_min.s[0].v == ~0U ? 0 : tp->rtt_min.s[0].v;
	counters->congestion_window = tp->snd_cwnd;
}

static __always_inline void on_closed(struct sock *sk, struct tcp_sock *tp, int state,
				      const struct conn *conn)
{
	struct hadal_record_tcp_closed *record;

	record = RESERVE(record, HADAL_RECORD_TCP_CLOSED, HADAL_CLASS_TCP, HADAL_LANE_FLOW);
	if (!record)
		return;
	describe(&record->tcp, sk, tp, conn);
	count(&record->counters, sk, tp, state, conn->role);
	record->old_state = state;
	record->error = sk->sk_err;
	record->closer_tgid = bpf_get_current_pid_tgid() >> 32;
	record->ending = HADAL_TCP_ENDING_UNKNOWN;	/* the module does more here */
	record->tcp.key = key_of(tp, conn->role);
	submit(record);
}

static __always_inline void on_close(struct sock *sk, struct tcp_sock *tp, int state)
{
	__u64 key = (__u64)sk;
	struct conn *conn = bpf_map_lookup_elem(&conns, &key);

	if (!conn)
		return;
	if (conn->role == HADAL_TCP_LISTENER)
		on_listener(sk, tp, conn, HADAL_RECORD_TCP_LISTENER_CLOSED);
	else if (state == TCP_SYN_SENT)
		on_failed(sk, tp, conn);
	else
		on_closed(sk, tp, state, conn);
	bpf_map_delete_elem(&conns, &key);
}

static __always_inline void on_established(struct sock *sk, struct tcp_sock *tp, int state)
{
	__u64 key = (__u64)sk;
	struct conn *conn;

	if (state != TCP_SYN_SENT) {
		insert(sk, HADAL_TCP_SERVER, false);
		return;
	}
	conn = bpf_map_lookup_elem(&conns, &key);
	if (conn)
		on_connected(sk, tp, conn);
}

static __always_inline void on_listen(struct sock *sk, struct tcp_sock *tp)
{
	__u64 key = (__u64)sk;
	struct conn *conn;

	insert(sk, HADAL_TCP_LISTENER, true);
	conn = bpf_map_lookup_elem(&conns, &key);
	if (conn)
		on_listener(sk, tp, conn, HADAL_RECORD_TCP_LISTENING);
}

static __always_inline bool is_ours(struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP && sk->sk_type == SOCK_STREAM &&
	       (sk->__sk_common.skc_family == AF_INET || sk->__sk_common.skc_family == AF_INET6);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old_state, int new_state)
{
	struct tcp_sock *tp;

	if (!is_ours(sk))
		return 0;
	if (new_state == TCP_SYN_SENT) {
		insert(sk, HADAL_TCP_CLIENT, true);
		return 0;
	}
	if (new_state != TCP_ESTABLISHED && new_state != TCP_CLOSE && new_state != TCP_LISTEN)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return 0;
	if (new_state == TCP_ESTABLISHED)
		on_established(sk, tp, old_state);
	else if (new_state == TCP_CLOSE)
		on_close(sk, tp, old_state);
	else
		on_listen(sk, tp);
	return 0;
}

SEC("fentry/security_sock_graft")
int BPF_PROG(on_graft, struct sock *sk)
{
	struct hadal_record_tcp_accepted *record;
	__u64 key = (__u64)sk;
	struct tcp_sock *tp;
	struct conn *conn;

	if (!is_ours(sk) || sk->__sk_common.skc_state == TCP_LISTEN)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	conn = bpf_map_lookup_elem(&conns, &key);
	if (!tp || !conn || conn->owned)
		return 0;
	set_owner(&conn->owner);
	conn->owned = true;
	record = RESERVE(record, HADAL_RECORD_TCP_ACCEPTED, HADAL_CLASS_TCP, HADAL_LANE_FLOW);
	if (!record)
		return 0;
	describe(&record->tcp, sk, tp, conn);
	record->tcp.key = key_of(tp, HADAL_TCP_SERVER);
	submit(record);
	return 0;
}
