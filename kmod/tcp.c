// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cgroup.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/ktime.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "compat.h"
#include "filter.h"
#include "governor.h"
#include "mptcp.h"
#include "process.h"
#include "tcp.h"
#include "tcp_ending.h"
#include "tcp_numbers.h"

static const struct hadal_isn_pair no_isn;

/* MPTCP's own sockets, SCTP and DCCP pass the same tracepoint. */
bool hadal_tcp_is_ours(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_TCP && sk->sk_type == SOCK_STREAM &&
	       (sk->sk_family == AF_INET || sk->sk_family == AF_INET6);
}

static bool is_mptcp_socket(const struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_MPTCP && (sk->sk_family == AF_INET ||
						    sk->sk_family == AF_INET6);
}

/* ---- description ---- */

/*
 * Made by the kernel for itself: a file system's, say, which a process in mount()
 * connects. MPTCP makes its subflows so, but for the process.
 */
static bool is_of_kernel(const struct sock *sk)
{
	return sk->sk_kern_sock && !(sk->sk_protocol == IPPROTO_TCP && sk_is_mptcp(sk));
}

/* Who a socket is attributed to: @task. */
void hadal_tcp_owner(struct hadal_owner *owner, struct task_struct *task, u8 kind)
{
	owner->kind = task->flags & PF_KTHREAD ? HADAL_TCP_OWNER_KERNEL : kind;
	owner->tgid = task->tgid;
	owner->start_boottime = task->group_leader->start_boottime;
	owner->filters = hadal_filter_bits(task);
	rcu_read_lock();
	hadal_task_cgroup_rcu(task, &owner->cgroup_id, &owner->cgroup_hierarchy);
	rcu_read_unlock();
}

/* The owner of @sk, of TCP, MPTCP or UDP, is who calls. */
void hadal_tcp_caller(struct hadal_owner *owner, const struct sock *sk)
{
	hadal_tcp_owner(owner, current, is_of_kernel(sk) ? HADAL_TCP_OWNER_KERNEL :
							   HADAL_TCP_OWNER_CALLER);
}

/* The rest of the 16 bytes is zero. */
static __always_inline void put_v4(u8 to[16], __be32 address)
{
	memset(to, 0, 16);
	memcpy(to, &address, 4);
}

static bool is_v4mapped(const struct sock *sk)
{
	return ipv6_addr_v4mapped(&sk->sk_v6_daddr) || ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr);
}

static __always_inline void describe_addresses(struct hadal_tcp *tcp, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);

	/* inet_num is 0 after an automatic bind is undone, inet_sport is not. */
	tcp->local_port = ntohs(inet->inet_sport);
	tcp->peer_port = ntohs(inet->inet_dport);
	tcp->family = AF_INET;
	if (sk->sk_family == AF_INET6) {
		if (!is_v4mapped(sk)) {
			tcp->family = AF_INET6;
			memcpy(tcp->local_address, &sk->sk_v6_rcv_saddr, 16);
			memcpy(tcp->peer_address, &sk->sk_v6_daddr, 16);
			return;
		}
		tcp->flags |= HADAL_TCP_V4MAPPED;
	}
	put_v4(tcp->local_address, inet->inet_rcv_saddr);
	put_v4(tcp->peer_address, inet->inet_daddr);
}

static u64 socket_cgroup_id(const struct sock *sk)
{
	const struct cgroup *cgroup = READ_ONCE(sk->sk_cgrp_data.cgroup);

	return cgroup ? cgroup_id(cgroup) : 0;
}

static __always_inline void describe_owner(struct hadal_tcp *tcp, const struct hadal_owner *owner)
{
	tcp->owner = owner->kind;
	tcp->owner_tgid = owner->tgid;
	tcp->owner_start_boottime = owner->start_boottime;
	tcp->cgroup_id = owner->cgroup_id;
	tcp->cgroup_hierarchy = owner->cgroup_hierarchy;
}

/* Sets each byte of @tcp but the key, which is set where the record goes to a session. */
static __always_inline void describe(struct hadal_tcp *tcp, const struct sock *sk,
				     const struct hadal_conn *conn)
{
	tcp->id = conn->id;
	tcp->start_time = conn->time;
	tcp->role = conn->role;
	tcp->flags = READ_ONCE(conn->flags) | (sk->sk_kern_sock ? HADAL_TCP_KERNEL_SOCKET : 0) |
		     (sk_is_mptcp(sk) ? HADAL_TCP_MPTCP : 0);
	tcp->net_ns = sock_net(sk)->ns.inum;
	tcp->socket_cgroup_id = socket_cgroup_id(sk);
	describe_owner(tcp, &conn->owner);
	describe_addresses(tcp, sk);
}

/* What is said of a socket that has no entry. */
static void image_of_unknown(struct hadal_conn *image, const struct sock *sk)
{
	*image = (struct hadal_conn) {
		.sk = sk,
		.role = hadal_tcp_role_of(sk),
		.flags = HADAL_TCP_NO_OPEN_SEEN,
	};
}

/* ---- debug builds: is a socket still the one that its entry is for? ---- */

static u64 isn_number(const struct hadal_isn_pair *isn)
{
	return isn->known ? (u64)isn->client << 32 | isn->server : 0;
}

static void identify(struct hadal_conn *conn, const struct sock *sk,
		     const struct hadal_isn_pair *isn)
{
	struct hadal_tcp tcp = { .net_ns = sock_net(sk)->ns.inum };

	describe_addresses(&tcp, sk);
	hadal_conn_identify(&conn->identity, &tcp, isn_number(isn));
}

/* Of a socket whose lock is held. */
static void note_identity(struct hadal_conn *conn, const struct sock *sk)
{
	struct hadal_isn_pair isn HADAL_ALL_SET;

	if (!HADAL_IDENTIFIES)
		return;
	hadal_tcp_isn_pair(&isn, sk, conn->role);
	identify(conn, sk, &isn);
}

/* Of one that may change meanwhile: its sequence numbers are learnt later. */
static void note_tuple(struct hadal_conn *conn, const struct sock *sk)
{
	if (HADAL_IDENTIFIES)
		identify(conn, sk, &no_isn);
}

/* ---- opening ---- */

static void on_connect(const struct sock *sk)
{
	struct hadal_conn *conn = hadal_conn_new(sk, HADAL_TCP_CLIENT, HADAL_CONN_CONNECTING);

	if (unlikely(!conn))
		return;
	conn->time = ktime_get_ns();
	hadal_tcp_caller(&conn->owner, sk);
	hadal_conn_insert(conn);
}

static void emit_established(const struct sock *sk, struct hadal_conn *conn)
{
	struct hadal_record_tcp_established *record;
	struct hadal_emission emission;

	emission = hadal_emit_tcp_begin(sk, conn, sizeof(*record), HADAL_RECORD_TCP_ESTABLISHED);
	record = emission.record;
	if (!record)
		return;
	describe(&record->tcp, sk, conn);
	record->connect_latency = 0;
	if (tcp_sk(sk)->syn_fastopen)
		record->tcp.flags |= HADAL_TCP_FASTOPEN;
	else if (conn->time)
		record->connect_latency = record->header.time - conn->time;
	hadal_emit_tcp_end(emission, sk, conn, &conn->key);
}

/* The table was full, or nobody looked yet. */
static noinline void connected_unknown(const struct sock *sk)
{
	struct hadal_conn image HADAL_ALL_SET;

	image_of_unknown(&image, sk);
	image.role = HADAL_TCP_CLIENT;
	emit_established(sk, &image);
}

static void on_connected(const struct sock *sk)
{
	struct hadal_conn *conn = hadal_conn_find(sk);

	if (unlikely(!conn)) {
		connected_unknown(sk);
		return;
	}
	emit_established(sk, conn);
	note_identity(conn, sk);
	hadal_conn_set_state(conn, HADAL_CONN_OPEN);
}

static void emit_accepted(const struct sock *sk, struct hadal_conn *conn, u32 flags)
{
	struct hadal_record_tcp_accepted *record;
	struct hadal_emission emission;

	emission = hadal_emit_tcp_begin(sk, conn, sizeof(*record), HADAL_RECORD_TCP_ACCEPTED);
	record = emission.record;
	if (!record)
		return;
	describe(&record->tcp, sk, conn);
	record->tcp.flags |= flags;
	hadal_emit_tcp_end(emission, sk, conn, &conn->key);
}

/* The first subflow of an MPTCP socket, or one that joins: nothing tells which. */
static void await_mptcp(const struct sock *sk, u64 id)
{
	const struct hadal_mptcp_child child = { .sk = sk, .id = id };
	struct hadal_tcp ends = { .net_ns = sock_net(sk)->ns.inum };

	describe_addresses(&ends, sk);
	hadal_mptcp_await(&ends, &child);
}

/*
 * What stands for an entry where there is none. The id is one, and says no more:
 * NO_OPEN_SEEN, as at the close.
 */
static struct hadal_conn image_of_new(const struct sock *sk, u8 role, u8 state)
{
	return (struct hadal_conn) {
		.sk = sk,
		.id = hadal_conn_new_id(),
		.time = ktime_get_ns(),
		.flags = HADAL_TCP_NO_OPEN_SEEN,
		.role = role,
		.state = state,
	};
}

/* A subflow of MPTCP: accept() returns the MPTCP socket, never this. */
static noinline void on_subflow(const struct sock *sk, struct hadal_conn *conn)
{
	struct hadal_conn image HADAL_ALL_SET;

	if (!conn) {
		image = image_of_new(sk, HADAL_TCP_SERVER, HADAL_CONN_PENDING);
		emit_accepted(sk, &image, 0);
		return;
	}
	emit_accepted(sk, conn, 0);
	hadal_conn_set_state(conn, HADAL_CONN_OPEN);
	await_mptcp(sk, conn->id);
}

/*
 * A child of a listener; whoever accepts it is not known yet, unless it was
 * accepted before the handshake ended: TCP Fast Open.
 */
static void on_child(const struct sock *sk)
{
	struct hadal_conn *conn = hadal_conn_new(sk, HADAL_TCP_SERVER, HADAL_CONN_PENDING);
	struct hadal_conn *there;

	if (likely(conn)) {
		/* TCP's own reading for the segment that ends the handshake. */
		conn->time = tcp_sk(sk)->tcp_clock_cache;
		note_identity(conn, sk);
		there = hadal_conn_insert_new(conn);
	} else {
		there = hadal_conn_find(sk);
	}
	if (unlikely(there != conn)) {
		/* Both ends connected at once. */
		if (there->role == HADAL_TCP_CLIENT)
			on_connected(sk);
		return;
	}
	if (unlikely(sk_is_mptcp(sk)))
		on_subflow(sk, conn);
}

static void on_established(const struct sock *sk, int old_state)
{
	if (old_state == TCP_SYN_SENT)
		on_connected(sk);
	else
		on_child(sk);
}

static void describe_queue(struct hadal_record_tcp_listener *record, const struct sock *sk)
{
	record->backlog = READ_ONCE(sk->sk_max_ack_backlog);
	record->waiting = READ_ONCE(sk->sk_ack_backlog);
	record->dropped = atomic_read(&sk->sk_drops);
	record->reserved = 0;
}

static void emit_listener(const struct sock *sk, const struct hadal_conn *conn, u16 type)
{
	struct hadal_record_tcp_listener *record;
	struct hadal_emission emission;

	emission = hadal_emit_tcp_begin(sk, conn, sizeof(*record), type);
	record = emission.record;
	if (!record)
		return;
	describe(&record->tcp, sk, conn);
	if (!record->tcp.local_port)
		record->tcp.flags |= HADAL_TCP_PORT_UNKNOWN;
	describe_queue(record, sk);
	hadal_emit_tcp_end_keyless(emission, sk, conn);
}

static noinline void on_listen(const struct sock *sk)
{
	struct hadal_conn *conn = hadal_conn_new(sk, HADAL_TCP_LISTENER, HADAL_CONN_CONNECTING);
	struct hadal_conn image HADAL_ALL_SET;

	if (!conn) {
		image = image_of_new(sk, HADAL_TCP_LISTENER, HADAL_CONN_CONNECTING);
		hadal_tcp_caller(&image.owner, sk);
		emit_listener(sk, &image, HADAL_RECORD_TCP_LISTENING);
		return;
	}
	conn->time = ktime_get_ns();
	hadal_tcp_caller(&conn->owner, sk);
	hadal_conn_insert(conn);
	emit_listener(sk, conn, HADAL_RECORD_TCP_LISTENING);
	hadal_conn_set_state(conn, HADAL_CONN_LISTENING);
}

/* ---- accept ---- */

/* accept() returns a socket that closed while it waited. */
static noinline void accept_closed(const struct sock *sk, const struct hadal_owner *owner)
{
	struct hadal_conn conn HADAL_ALL_SET;

	if (!hadal_conn_remove(sk, &conn) || conn.state != HADAL_CONN_TOMBSTONE)
		return;
	conn.owner = *owner;
	conn.time = 0;
	emit_accepted(sk, &conn, HADAL_TCP_ACCEPTED_AFTER_CLOSE);
}

/* Not known yet: a Fast Open child before its handshake ended, or no room was. */
static noinline void accept_unknown(const struct sock *sk, const struct hadal_owner *owner)
{
	struct hadal_conn *conn = hadal_conn_new(sk, HADAL_TCP_SERVER, HADAL_CONN_PENDING);
	u64 time = sk->sk_state == TCP_SYN_RECV ? ktime_get_ns() : 0;
	struct hadal_conn image HADAL_ALL_SET;

	if (!conn) {
		image = image_of_new(sk, HADAL_TCP_SERVER, HADAL_CONN_PENDING);
		image.time = time;
		image.owner = *owner;
		emit_accepted(sk, &image, 0);
		return;
	}
	conn->time = time;
	conn->owner = *owner;
	note_identity(conn, sk);
	hadal_conn_insert(conn);
	emit_accepted(sk, conn, 0);
	hadal_conn_set_state(conn, HADAL_CONN_OPEN);
}

/*
 * @msk has the addresses of its first subflow, which had its ACCEPTED when it was
 * established. From now on that has an owner, if it is still there.
 */
static void claim_mptcp(const struct sock *msk, const struct hadal_owner *owner)
{
	struct hadal_tcp ends = { .net_ns = sock_net(msk)->ns.inum };
	struct hadal_mptcp_child child;

	describe_addresses(&ends, msk);
	if (hadal_mptcp_take(&ends, &child))
		hadal_conn_claim(child.sk, child.id, owner);
}

/**
 * hadal_tcp_graft() - a socket gets its file: in accept(), of whatever family
 * @sk: the accepted socket
 *
 * Called under the socket's lock by the process that accepts.
 */
void hadal_tcp_graft(const struct sock *sk)
{
	struct hadal_owner owner HADAL_ALL_SET;
	struct hadal_conn *conn;

	if (is_mptcp_socket(sk)) {
		hadal_tcp_caller(&owner, sk);
		claim_mptcp(sk, &owner);
		return;
	}
	if (!hadal_tcp_is_ours(sk) || sk->sk_state == TCP_LISTEN)
		return;
	hadal_tcp_caller(&owner, sk);
	if (sk->sk_state == TCP_CLOSE) {
		accept_closed(sk, &owner);
		return;
	}
	conn = hadal_conn_own(sk, &owner);
	if (unlikely(!conn)) {
		accept_unknown(sk, &owner);
		return;
	}
	if (conn->state != HADAL_CONN_PENDING)
		return;
	emit_accepted(sk, conn, 0);
	hadal_conn_set_state(conn, HADAL_CONN_OPEN);
}

/* ---- closing ---- */

static void emit_failed(const struct sock *sk, const struct hadal_conn *conn)
{
	struct hadal_record_tcp_failed *record;
	struct hadal_emission emission;

	emission = hadal_emit_tcp_begin(sk, conn, sizeof(*record), HADAL_RECORD_TCP_FAILED);
	record = emission.record;
	if (!record)
		return;
	describe(&record->tcp, sk, conn);
	record->duration = conn->time ? record->header.time - conn->time : 0;
	record->error = READ_ONCE(sk->sk_err);
	record->syn_retransmitted = tcp_sk(sk)->total_retrans;
	hadal_emit_tcp_end_keyless(emission, sk, conn);
}

/* A close in softirq is the network's doing, whoever happens to run. */
static u32 closer_tgid(u32 ending)
{
	if (!in_task() || current->flags & PF_KTHREAD || hadal_tcp_ended_by_network(ending))
		return 0;
	return current->tgid;
}

static void emit_closed(const struct sock *sk, struct hadal_conn *conn, int old_state)
{
	struct hadal_record_tcp_closed *record;
	struct hadal_emission emission;

	emission = hadal_emit_tcp_begin(sk, conn, sizeof(*record), HADAL_RECORD_TCP_CLOSED);
	record = emission.record;
	if (!record)
		return;
	describe(&record->tcp, sk, conn);
	if (conn->state == HADAL_CONN_UNACCEPTED)
		record->tcp.flags |= HADAL_TCP_NOT_ACCEPTED;
	hadal_tcp_count(&record->counters, sk, old_state, conn->role);
	record->old_state = old_state;
	record->error = READ_ONCE(sk->sk_err);
	record->ending = hadal_tcp_ending(sk, conn, old_state, record->counters.unread);
	record->closer_tgid = closer_tgid(record->ending);
	if (hadal_tcp_ends_by_reset(record->ending, old_state))
		record->tcp.flags |= HADAL_TCP_RESET_SENT;
	hadal_emit_tcp_end(emission, sk, conn, &conn->key);
}

/* It had no entry: the table was full, or it never came to be established. */
static noinline void close_unknown(const struct sock *sk, int old_state)
{
	struct hadal_conn image HADAL_ALL_SET;

	image_of_unknown(&image, sk);
	switch (old_state) {
	case TCP_CLOSE:
	case TCP_SYN_RECV:
		return;
	case TCP_LISTEN:
		image.role = HADAL_TCP_LISTENER;
		emit_listener(sk, &image, HADAL_RECORD_TCP_LISTENER_CLOSED);
		return;
	case TCP_SYN_SENT:
		image.role = HADAL_TCP_CLIENT;
		emit_failed(sk, &image);
		return;
	default:
		emit_closed(sk, &image, old_state);
	}
}

/*
 * One that was found while it connected may have come to be established at that very
 * moment: its event had found no entry yet.
 */
static bool never_established(int old_state)
{
	return BIT(old_state) & (TCPF_SYN_SENT | TCPF_SYN_RECV | TCPF_CLOSE);
}

static void close_known(const struct sock *sk, struct hadal_conn *conn, int old_state)
{
	switch (conn->state) {
	case HADAL_CONN_LISTENING:
		emit_listener(sk, conn, HADAL_RECORD_TCP_LISTENER_CLOSED);
		return;
	case HADAL_CONN_CONNECTING:
		if (likely(never_established(old_state)))
			emit_failed(sk, conn);
		else
			emit_closed(sk, conn, old_state);
		return;
	case HADAL_CONN_UNACCEPTED:
	case HADAL_CONN_OPEN:
		emit_closed(sk, conn, old_state);
		return;
	}
}

static noinline void bury(struct hadal_conn *conn)
{
	hadal_conn_bury(conn, ktime_get_coarse_ns());
}

/* The table comes first and always: what it holds must be alive. */
static void on_close(const struct sock *sk, int old_state)
{
	struct hadal_conn *conn = hadal_conn_close(sk);

	if (unlikely(!conn)) {
		close_unknown(sk, old_state);
		return;
	}
	close_known(sk, conn, old_state);
	if (unlikely(conn->state == HADAL_CONN_UNACCEPTED))
		bury(conn);
	else
		hadal_conn_free(conn);
}

static __always_inline void on_state(const struct sock *sk, int old_state, int new_state)
{
	switch (new_state) {
	case TCP_SYN_SENT:
		on_connect(sk);
		return;
	case TCP_ESTABLISHED:
		on_established(sk, old_state);
		return;
	case TCP_LISTEN:
		on_listen(sk);
		return;
	case TCP_CLOSE:
		on_close(sk, old_state);
		return;
	}
}

/* Half of a connection's changes of state say nothing here: asked before all else. */
static __always_inline bool state_matters(int new_state)
{
	return BIT(new_state) & (TCPF_SYN_SENT | TCPF_ESTABLISHED | TCPF_LISTEN | TCPF_CLOSE);
}

/**
 * hadal_tcp_probe_state() - the probe of inet_sock_set_state
 * @data: not used
 * @sk: the socket
 * @old_state: TCP_*
 * @new_state: TCP_*
 *
 * Called before sk->sk_state is stored, under the socket's lock. It is hit most of all
 * probes, so it stands here, where all that it calls is inline.
 */
void hadal_tcp_probe_state(void *data, const struct sock *sk, const int old_state,
			   const int new_state)
{
	u64 began;

	if (!state_matters(new_state) || !hadal_tcp_is_ours(sk))
		return;
	began = hadal_hook_enter();
	on_state(sk, old_state, new_state);
	hadal_hook_leave(began);
}

/* ---- resets ---- */

/* None of a listener's, nor of what only stands in for a socket (time-wait, a request). */
static bool has_connection(const struct sock *sk)
{
	return sk_fullsock(sk) && hadal_tcp_is_ours(sk) && sk->sk_state != TCP_LISTEN &&
	       sk->sk_state != TCP_CLOSE;
}

/**
 * hadal_tcp_reset_sent() - tcp_send_reset
 * @sk: for which; NULL: for a segment that belongs to none
 */
void hadal_tcp_reset_sent(const struct sock *sk)
{
	if (sk && has_connection(sk))
		hadal_conn_add_flags(sk, HADAL_TCP_RESET_SENT);
}

/**
 * hadal_tcp_reset_received() - tcp_receive_reset
 * @sk: locked, about to pass to CLOSE
 */
void hadal_tcp_reset_received(const struct sock *sk)
{
	if (has_connection(sk))
		hadal_conn_add_flags(sk, HADAL_TCP_RESET_RECEIVED);
}

/* ---- what was there before ---- */

static u8 state_of_found(const struct sock *sk, u8 role)
{
	if (sk->sk_state == TCP_SYN_SENT)
		return HADAL_CONN_CONNECTING;
	/* accept() returns the MPTCP socket, never this: see on_subflow(). */
	if (sk_is_mptcp(sk))
		return HADAL_CONN_OPEN;
	/* Not yet given to accept(), nor left behind by close(). */
	if (role == HADAL_TCP_SERVER && !READ_ONCE(sk->sk_socket) && !sock_flag(sk, SOCK_DEAD))
		return HADAL_CONN_PENDING;
	return HADAL_CONN_OPEN;
}

static void insert_found(const struct sock *sk, u8 role, u8 state)
{
	struct hadal_conn *conn;
	u64 id;

	/* A probe that saw it open knows more. */
	if (hadal_conn_find(sk))
		return;
	conn = hadal_conn_new(sk, role, state);
	if (!conn)
		return;
	conn->flags = HADAL_TCP_DUMPED;
	note_tuple(conn, sk);
	id = conn->id;
	/* One that sees it accepted meanwhile uses its own entry, or replaces this. */
	if (hadal_conn_insert_new(conn) == conn && sk_is_mptcp(sk))
		await_mptcp(sk, id);
}

/* @sk is in the hash of established sockets, its bucket locked. */
void hadal_tcp_found(const struct sock *sk)
{
	u8 role = hadal_tcp_role_of(sk);

	if (hadal_tcp_is_ours(sk))
		insert_found(sk, role, state_of_found(sk, role));
}

/* @sk is in the hash of listeners, its bucket locked. */
void hadal_tcp_found_listener(const struct sock *sk)
{
	if (hadal_tcp_is_ours(sk) && sk->sk_state == TCP_LISTEN)
		insert_found(sk, HADAL_TCP_LISTENER, HADAL_CONN_LISTENING);
}

/* A process that may be @owner was found to hold @sk, of whatever family. */
void hadal_tcp_claim(const struct sock *sk, const struct hadal_owner *owner)
{
	if (is_mptcp_socket(sk))
		claim_mptcp(sk, owner);
	else
		hadal_conn_claim(sk, 0, owner);
}

static void snapshot_listener(struct hadal_session *session, struct hadal_conn *conn)
{
	struct hadal_record_tcp_listener record HADAL_ALL_SET;

	describe(&record.tcp, conn->sk, conn);
	record.tcp.flags |= HADAL_TCP_DUMPED;
	describe_queue(&record, conn->sk);
	if (HADAL_IDENTIFIES)
		hadal_conn_compare(&conn->identity, &record.tcp, 0);
	hadal_emit_tcp_to(session, &record.header, sizeof(record), HADAL_RECORD_TCP_LISTENING,
			  &no_isn);
}

static void snapshot_connection(struct hadal_session *session, struct hadal_conn *conn)
{
	struct hadal_record_tcp_snapshot record HADAL_ALL_SET;
	struct hadal_isn_pair isn HADAL_ALL_SET;

	describe(&record.tcp, conn->sk, conn);
	record.state = READ_ONCE(conn->sk->sk_state);
	record.reserved = 0;
	hadal_tcp_count_live(&record.counters, &isn, conn->sk, conn->role);
	if (HADAL_IDENTIFIES)
		hadal_conn_compare(&conn->identity, &record.tcp, isn_number(&isn));
	hadal_emit_tcp_to(session, &record.header, sizeof(record), HADAL_RECORD_TCP_SNAPSHOT, &isn);
}

/*
 * @conn is open or listening, and its bucket locked: its socket is alive. Whether
 * the session gets a record of it.
 */
bool hadal_tcp_snapshot(struct hadal_session *session, struct hadal_conn *conn)
{
	bool is_listener = conn->role == HADAL_TCP_LISTENER;
	u16 type = is_listener ? HADAL_RECORD_TCP_LISTENING : HADAL_RECORD_TCP_SNAPSHOT;

	if (!hadal_tcp_due_to(session, conn->sk, conn, type))
		return false;
	if (is_listener)
		snapshot_listener(session, conn);
	else
		snapshot_connection(session, conn);
	return true;
}
