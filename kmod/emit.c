// SPDX-License-Identifier: GPL-2.0-only
/*
 * A record is built in its place, in this CPU's ring of the first session that
 * gets it, and copied from there into the rings of others; nobody sees it before
 * that is done. All callers have preemption disabled.
 */
#include <linux/cgroup.h>
#include <linux/percpu.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>
#include <linux/string.h>

#include "compat.h"
#include "conn_table.h"
#include "emit.h"
#include "filter.h"
#include "governor.h"
#include "tcp_numbers.h"

#ifdef HADAL_DEBUG
atomic64_t hadal_debug_probes;
atomic64_t hadal_debug_preemptible;
#endif

static __always_inline enum hadal_class class_of(u16 type)
{
	if (type >= HADAL_RECORD_DNS_ANSWER)
		return HADAL_CLASS_DNS;
	if (type >= HADAL_RECORD_UDP_FLOW)
		return HADAL_CLASS_UDP;
	if (type >= HADAL_RECORD_TCP_ESTABLISHED)
		return HADAL_CLASS_TCP;
	if (type >= HADAL_RECORD_CGROUP_MKDIR)
		return HADAL_CLASS_CGROUP;
	if (type >= HADAL_RECORD_PROCESS_FORK)
		return HADAL_CLASS_PROCESS;
	return HADAL_CLASS_CONTROL;
}

/*
 * As much is unread as should wake the reader. It clears the bit and looks at what is
 * unread, in this order: it sees the record, or we see the bit clear.
 */
void hadal_emit_wake(struct hadal_session *session)
{
	smp_mb();
	if (!READ_ONCE(session->wake_wanted) && !test_and_set_bit(0, &session->wake_wanted))
		irq_work_queue(&session->wake);
}

/* @ring had no room: its reader is to make some, however little is unread. */
noinline void hadal_emit_lost(struct hadal_session *session, struct hadal_ring *ring)
{
	hadal_ring_end(ring);
	hadal_emit_wake(session);
}

/* The place for a record of @size bytes, and its ring; NULL: lost and counted. */
static __always_inline void *begin_record(struct hadal_session *session, u32 size, u16 type,
					  enum hadal_class class, struct hadal_ring **ring)
{
	void *record;

	hadal_check_context();
	*ring = hadal_this_ring(session, hadal_lane_of(class));
	if (unlikely(!*ring)) {
		atomic64_inc(&session->no_ring[class]);
		return NULL;
	}
	record = hadal_ring_begin(*ring, size, type, class);
	if (unlikely(!record))
		hadal_emit_lost(session, *ring);
	return record;
}

static noinline void drop_record(struct hadal_session *session, enum hadal_class class)
{
	struct hadal_ring *ring = hadal_this_ring(session, hadal_lane_of(class));

	if (!ring) {
		atomic64_inc(&session->no_ring[class]);
		return;
	}
	hadal_ring_begin_governed(ring, class);
	hadal_emit_publish(session, ring);
}

/* As begin_record(), for a hook: the governor may want its record counted only. */
static __always_inline void *begin_hook_record(struct hadal_session *session, u32 size, u16 type,
					       enum hadal_class class, struct hadal_ring **ring)
{
	if (hadal_governed(hadal_lane_of(class))) {
		drop_record(session, class);
		return NULL;
	}
	return begin_record(session, size, type, class, ring);
}

/* @to, @image: whole records, not just their headers. */
static inline void copy_body(void *to, const void *image, u32 size)
{
	const u32 header = sizeof(struct hadal_record);

	memcpy(to + header, image + header, size - header);
}

static bool wants(const struct hadal_session *session, enum hadal_class class)
{
	return READ_ONCE(session->classes) & HADAL_CLASS_BIT(class);
}

u32 hadal_wanted_classes;

/* The list of running sessions has changed; its lock is held. */
void hadal_emit_note_sessions(void)
{
	struct hadal_session *session;
	u32 classes = 0;

	list_for_each_entry(session, &hadal_running_sessions, running)
		classes |= session->classes;
	WRITE_ONCE(hadal_wanted_classes, classes);
}

/* ---- what is due ---- */

static void count_filtered(struct hadal_session *session, enum hadal_class class)
{
	this_cpu_inc(session->cpus->filtered[class]);
}

static inline bool process_passes(const struct hadal_session *session, struct task_struct *task)
{
	return likely(!session->filter) || hadal_filter_passes_task(session->filter, task);
}

static inline bool tcp_passes(const struct hadal_session *session, const struct sock *sk,
			      const struct hadal_conn *conn, u16 type)
{
	return likely(!session->filter) ||
	       hadal_filter_passes_tcp(session->filter, sk, conn, type);
}

/* Does its filter let the process pass? Counts it if not. */
inline bool hadal_process_due_to(struct hadal_session *session, struct task_struct *task)
{
	if (process_passes(session, task))
		return true;
	count_filtered(session, HADAL_CLASS_PROCESS);
	return false;
}

/* Does its filter let the socket pass? Counts it if not. */
inline bool hadal_tcp_due_to(struct hadal_session *session, const struct sock *sk,
			     const struct hadal_conn *conn, u16 type)
{
	if (tcp_passes(session, sk, conn, type))
		return true;
	count_filtered(session, HADAL_CLASS_TCP);
	return false;
}

/**
 * hadal_emit_has_room() - would a dump do harm by writing more here and now?
 * @session: whose ring
 * @lane: enum hadal_lane
 * @size: bytes to write
 *
 * A quarter of the ring is left to events. Into an empty ring anything may be
 * written, or it would never be; and where this CPU has no ring, what is
 * written is lost and counted.
 */
bool hadal_emit_has_room(struct hadal_session *session, enum hadal_lane lane, u32 size)
{
	const struct hadal_ring *ring = hadal_this_ring(session, lane);
	u32 room;

	if (!ring)
		return true;
	room = hadal_ring_room(ring);
	return room == ring->size || room >= size + ring->size / 4;
}

/* Bytes that a dump may write here and now; a quarter of the ring is left to events. */
u32 hadal_emit_room(struct hadal_session *session, enum hadal_lane lane)
{
	const struct hadal_ring *ring = hadal_this_ring(session, lane);
	u32 room;

	if (!ring)
		return U32_MAX;
	room = hadal_ring_room(ring);
	return room - min(room, ring->size / 4);
}

static __always_inline bool emit_to(struct hadal_session *session,
				    const struct hadal_record *image, u32 size, u16 type)
{
	struct hadal_ring *ring;
	struct hadal_record *record = begin_record(session, size, type, class_of(type), &ring);

	if (unlikely(!record))
		return false;
	copy_body(record, image, size);
	hadal_emit_publish(session, ring);
	return true;
}

/**
 * hadal_emit_to() - write a record into one session
 * @session: a running session
 * @image: a record of which the header is not filled in
 * @size: bytes, header included, a multiple of 8
 * @type: enum hadal_record_type
 *
 * Return: whether it was written; if not it is counted as lost.
 */
bool hadal_emit_to(struct hadal_session *session, const struct hadal_record *image, u32 size,
		   u16 type)
{
	return emit_to(session, image, size, type);
}

/* ---- from hooks, to all sessions ---- */

/**
 * hadal_emit_process_next() - a record's place in the next session that gets it
 * @session: behind which to look; what holds the list of sessions is before the first
 * @task: a thread of the process
 * @size: bytes
 * @type: enum hadal_record_type
 *
 * Return: without a record: there is none.
 */
struct hadal_emission hadal_emit_process_next(struct hadal_session *session,
					      struct task_struct *task, u32 size, u16 type)
{
	struct hadal_ring *ring;
	void *record;

	list_for_each_entry_continue_rcu(session, &hadal_running_sessions, running) {
		if (!wants(session, HADAL_CLASS_PROCESS) || !hadal_process_due_to(session, task))
			continue;
		record = begin_hook_record(session, size, type, HADAL_CLASS_PROCESS, &ring);
		if (likely(record))
			return (struct hadal_emission) { session, record };
	}
	return (struct hadal_emission) { };
}

/* Into the sessions behind the one that has it. */
void hadal_emit_process_copy(struct hadal_emission emission, struct task_struct *task)
{
	const struct hadal_record *record = emission.record;
	struct hadal_emission copy = emission;

	for (;;) {
		copy = hadal_emit_process_next(copy.session, task, record->size, record->type);
		if (!copy.record)
			return;
		copy_body(copy.record, record, record->size);
		hadal_emit_publish(copy.session,
				   hadal_this_ring(copy.session, HADAL_LANE_LIFECYCLE));
	}
}

/**
 * hadal_emit_existing() - write a process that a dump found
 * @session: a running session
 * @image: the record without its header
 * @task: of the process
 *
 * Its record has its time before the process is looked at once more: if it
 * still lives then, its exit comes later, in time too.
 */
void hadal_emit_existing(struct hadal_session *session, struct hadal_record_process *image,
			 const struct task_struct *task)
{
	struct hadal_record_process *record;
	struct hadal_ring *ring;

	record = begin_record(session, sizeof(*record), HADAL_RECORD_PROCESS_EXISTING,
			      HADAL_CLASS_PROCESS, &ring);
	if (!record)
		return;
	copy_body(record, image, sizeof(*record));
	if (!atomic_read(&task->signal->live))
		record->process.flags |= HADAL_PROCESS_ENDED;
	hadal_emit_publish(session, ring);
}

/**
 * hadal_emit_exec_next() - a place for an exec's record in the next session that gets it
 * @session: behind which to look; what holds the list of sessions is before the first
 * @task: the process
 * @size: bytes without argv
 * @argv: bytes of argv that there are, of which a session gets up to its argv_max
 *
 * Return: without a record: there is none. With it, as of hadal_emit_process_next(),
 * but that hadal_emit_publish() is to follow.
 */
struct hadal_emission hadal_emit_exec_next(struct hadal_session *session,
					   struct task_struct *task, u32 size, u32 argv)
{
	struct hadal_ring *ring;
	void *record;
	u32 whole;

	list_for_each_entry_continue_rcu(session, &hadal_running_sessions, running) {
		if (!wants(session, HADAL_CLASS_PROCESS) || !hadal_process_due_to(session, task))
			continue;
		whole = ALIGN(size + min(argv, session->config.argv_max), 8);
		record = begin_hook_record(session, whole, HADAL_RECORD_PROCESS_EXEC,
					   HADAL_CLASS_PROCESS, &ring);
		if (likely(record))
			return (struct hadal_emission) { session, record };
	}
	return (struct hadal_emission) { };
}

/**
 * hadal_exec_due() - is there a session that gets a record of this exec?
 * @task: the process
 *
 * If so hadal_emit_exec_next() is to follow; if not, the sessions that filter it have
 * counted that.
 */
bool hadal_exec_due(struct task_struct *task)
{
	struct hadal_session *session;

	if (!hadal_class_wanted(HADAL_CLASS_PROCESS))
		return false;
	list_for_each_entry_rcu(session, &hadal_running_sessions, running)
		if (wants(session, HADAL_CLASS_PROCESS) && process_passes(session, task))
			return true;
	list_for_each_entry_rcu(session, &hadal_running_sessions, running)
		if (wants(session, HADAL_CLASS_PROCESS))
			count_filtered(session, HADAL_CLASS_PROCESS);
	return false;
}

/* Does its filter let the cgroup pass? Counts it if not. */
bool hadal_cgroup_due_to(struct hadal_session *session, struct cgroup *cgroup)
{
	if (likely(!session->filter) || hadal_filter_passes_cgroup(session->filter, cgroup))
		return true;
	count_filtered(session, HADAL_CLASS_CGROUP);
	return false;
}

/* The record's place, filled in; hadal_emit_publish() is to follow. NULL: lost and counted. */
static struct hadal_record_cgroup *begin_cgroup(struct hadal_session *session,
						const struct hadal_record_cgroup *image,
						const char *path, u16 type,
						struct hadal_ring **ring)
{
	u32 used = sizeof(*image) + image->path_len;
	u32 size = ALIGN(used, 8);
	struct hadal_record_cgroup *record;

	record = begin_record(session, size, type, HADAL_CLASS_CGROUP, ring);
	if (!record)
		return NULL;
	copy_body(record, image, sizeof(*image));
	memcpy(record + 1, path, image->path_len);
	memset((u8 *)record + used, 0, size - used);
	return record;
}

/**
 * hadal_emit_cgroup() - write a record of a cgroup into each session that gets it
 * @cgroup: the cgroup
 * @image: the record without its header
 * @path: @image->path_len bytes
 * @type: enum hadal_record_type
 */
void hadal_emit_cgroup(struct cgroup *cgroup, const struct hadal_record_cgroup *image,
		       const char *path, u16 type)
{
	struct hadal_session *session;
	struct hadal_ring *ring;

	list_for_each_entry_rcu(session, &hadal_running_sessions, running) {
		if (!wants(session, HADAL_CLASS_CGROUP) || !hadal_cgroup_due_to(session, cgroup))
			continue;
		if (hadal_governed(HADAL_LANE_LIFECYCLE))
			drop_record(session, HADAL_CLASS_CGROUP);
		else if (begin_cgroup(session, image, path, type, &ring))
			hadal_emit_publish(session, ring);
	}
}

/*
 * As hadal_emit_existing(): the record has its time before the cgroup is looked
 * at once more, so that a removal that is not seen here comes later, in time too.
 */
void hadal_emit_cgroup_existing(struct hadal_session *session, struct cgroup *cgroup,
				const struct hadal_record_cgroup *image, const char *path)
{
	struct hadal_record_cgroup *record;
	struct hadal_ring *ring;

	record = begin_cgroup(session, image, path, HADAL_RECORD_CGROUP_EXISTING, &ring);
	if (!record)
		return;
	if (!(READ_ONCE(cgroup->self.flags) & CSS_ONLINE))
		record->flags |= HADAL_CGROUP_REMOVED;
	hadal_emit_publish(session, ring);
}

/*
 * Sequence numbers of a live connection help to forge segments: they leave
 * only as a hash under the session's secret.
 */
static inline u64 connection_key(const struct hadal_session *session,
				 const struct hadal_isn_pair *isn)
{
	const siphash_key_t *key = (const siphash_key_t *)session->config.key;

	if (!isn->known)
		return 0;
	return siphash_2u32(isn->client, isn->server, key) ?: 1;
}

/**
 * hadal_emit_tcp_to() - write a record of a socket into one session
 * @session: a running session
 * @image: the record without its header
 * @size: bytes
 * @type: enum hadal_record_type
 * @isn: makes the connection's key
 */
void hadal_emit_tcp_to(struct hadal_session *session, struct hadal_record *image, u32 size,
		       u16 type, const struct hadal_isn_pair *isn)
{
	hadal_tcp_in(image)->key = connection_key(session, isn);
	emit_to(session, image, size, type);
}

/**
 * hadal_emit_compute_key() - a connection's key for a session
 * @session: that
 * @sk: the socket, its lock held
 * @conn: its entry
 * @key: learns it
 *
 * Return: the key.
 */
u64 hadal_emit_compute_key(const struct hadal_session *session, const struct sock *sk,
			   const struct hadal_conn *conn, struct hadal_conn_key *key)
{
	struct hadal_isn_pair isn HADAL_ALL_SET;

	hadal_tcp_isn_pair(&isn, sk, conn->role);
	key->key = connection_key(session, &isn);
	key->session = session->number;
	return key->key;
}

/* As hadal_emit_process_next(), of a socket. */
struct hadal_emission hadal_emit_tcp_next(struct hadal_session *session, const struct sock *sk,
					  const struct hadal_conn *conn, u32 size, u16 type)
{
	struct hadal_ring *ring;
	void *record;

	list_for_each_entry_continue_rcu(session, &hadal_running_sessions, running) {
		if (!wants(session, HADAL_CLASS_TCP) || !hadal_tcp_due_to(session, sk, conn, type))
			continue;
		record = begin_hook_record(session, size, type, HADAL_CLASS_TCP, &ring);
		if (likely(record))
			return (struct hadal_emission) { session, record };
	}
	return (struct hadal_emission) { };
}

/* As hadal_emit_process_copy(), of a socket. */
void hadal_emit_tcp_copy(struct hadal_emission emission, const struct sock *sk,
			 const struct hadal_conn *conn, struct hadal_conn_key *key)
{
	const struct hadal_record *record = emission.record;
	struct hadal_emission copy = emission;

	for (;;) {
		copy = hadal_emit_tcp_next(copy.session, sk, conn, record->size, record->type);
		if (!copy.record)
			return;
		copy_body(copy.record, record, record->size);
		hadal_tcp_in(copy.record)->key =
			key ? hadal_emit_key(copy.session, sk, conn, key) : 0;
		hadal_emit_publish(copy.session, hadal_this_ring(copy.session, HADAL_LANE_FLOW));
	}
}

/* ---- udp ---- */

/* Does its filter let the flow pass? Counts it if not. */
static bool udp_due_to(struct hadal_session *session, const struct hadal_udp *udp, u16 filters)
{
	if (likely(!session->filter) || hadal_filter_passes_udp(session->filter, udp, filters))
		return true;
	count_filtered(session, HADAL_CLASS_UDP);
	return false;
}

static void write_udp(struct hadal_session *session, struct hadal_ring *ring,
		      struct hadal_record_udp_flow *record, const struct hadal_udp *udp)
{
	record->udp = *udp;
	hadal_emit_publish(session, ring);
}

/**
 * hadal_emit_udp_to() - write a flow into one session, if it gets it; for a dump
 * @session: a running session
 * @udp: what is told of it
 * @filters: slots of the filters by cgroup that it passes
 *
 * Return: whether it was due.
 */
bool hadal_emit_udp_to(struct hadal_session *session, const struct hadal_udp *udp, u16 filters)
{
	struct hadal_record_udp_flow *record;
	struct hadal_ring *ring;

	if (!udp_due_to(session, udp, filters))
		return false;
	record = begin_record(session, sizeof(*record), HADAL_RECORD_UDP_FLOW, HADAL_CLASS_UDP,
			      &ring);
	if (record)
		write_udp(session, ring, record, udp);
	return true;
}

/* The end of a flow, into each session that gets it. */
void hadal_emit_udp(const struct hadal_udp *udp, u16 filters)
{
	struct hadal_record_udp_flow *record;
	struct hadal_session *session;
	struct hadal_ring *ring;

	list_for_each_entry_rcu(session, &hadal_running_sessions, running) {
		if (!wants(session, HADAL_CLASS_UDP) || !udp_due_to(session, udp, filters))
			continue;
		record = begin_hook_record(session, sizeof(*record), HADAL_RECORD_UDP_FLOW,
					   HADAL_CLASS_UDP, &ring);
		if (record)
			write_udp(session, ring, record, udp);
	}
}

/* ---- dns ---- */

/* Does its filter let the answer pass? Counts it if not. */
static bool dns_due_to(struct hadal_session *session, const struct hadal_dns *dns, u16 filters)
{
	if (likely(!session->filter) || hadal_filter_passes_dns(session->filter, dns, filters))
		return true;
	count_filtered(session, HADAL_CLASS_DNS);
	return false;
}

/* Bytes that the buffer says it has, and does not give, are told as not captured. */
static void write_dns(struct hadal_record_dns_answer *record, const struct hadal_dns *dns,
		      const struct sk_buff *skb, u32 offset)
{
	u32 room = record->header.size - sizeof(*record), captured = dns->captured;
	u8 *payload = (u8 *)(record + 1);

	record->dns = *dns;
	if (unlikely(skb_copy_bits(skb, offset, payload, captured))) {
		captured = 0;
		record->dns.captured = 0;
		record->dns.flags |= HADAL_DNS_TRUNCATED;
	}
	memset(payload + captured, 0, room - captured);
}

/**
 * hadal_emit_dns() - write an answer into each session that gets it
 * @dns: what is told of it
 * @filters: slots of the filters by cgroup that its receiver passes
 * @skb: where @dns->captured bytes of it stand
 * @offset: from there on
 */
void hadal_emit_dns(const struct hadal_dns *dns, u16 filters, const struct sk_buff *skb,
		    u32 offset)
{
	u32 size = ALIGN(sizeof(struct hadal_record_dns_answer) + dns->captured, 8);
	struct hadal_record_dns_answer *record;
	struct hadal_session *session;
	struct hadal_ring *ring;

	list_for_each_entry_rcu(session, &hadal_running_sessions, running) {
		if (!wants(session, HADAL_CLASS_DNS) || !dns_due_to(session, dns, filters))
			continue;
		record = begin_hook_record(session, size, HADAL_RECORD_DNS_ANSWER,
					   HADAL_CLASS_DNS, &ring);
		if (!record)
			continue;
		write_dns(record, dns, skb, offset);
		hadal_emit_publish(session, ring);
	}
}
