/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a hook to the rings of every session that wants it.
 */
#ifndef HADAL_EMIT_H
#define HADAL_EMIT_H

#include <linux/compiler.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rculist.h>

#include "conn_table.h"
#include "governor.h"
#include "session.h"

struct cgroup;
struct sk_buff;
struct sock;
struct task_struct;

/**
 * struct hadal_isn_pair - initial sequence numbers, which make a connection key
 * @known: without it the key is 0
 */
struct hadal_isn_pair {
	u32 client;
	u32 server;
	bool known;
};

/**
 * struct hadal_emission - a record under way to the sessions that get it
 * @session: in whose ring of this CPU it is being built
 * @record: its place there; NULL: no session gets it
 *
 * Small enough to stay in registers.
 */
struct hadal_emission {
	struct hadal_session *session;
	void *record;
};

/* HADAL_CLASS_BIT of what the running sessions ask for, all together. */
extern u32 hadal_wanted_classes;

/* Is there a session that gets records of this class? */
static inline bool hadal_class_wanted(enum hadal_class class)
{
	return READ_ONCE(hadal_wanted_classes) & HADAL_CLASS_BIT(class);
}

void hadal_emit_note_sessions(void);
bool hadal_process_due_to(struct hadal_session *session, struct task_struct *task);
bool hadal_exec_due(struct task_struct *task);
struct hadal_emission hadal_emit_exec_next(struct hadal_session *session,
					   struct task_struct *task, u32 size, u32 argv);
bool hadal_cgroup_due_to(struct hadal_session *session, struct cgroup *cgroup);
void hadal_emit_cgroup(struct cgroup *cgroup, const struct hadal_record_cgroup *image,
		       const char *path, u16 type);
void hadal_emit_cgroup_existing(struct hadal_session *session, struct cgroup *cgroup,
				const struct hadal_record_cgroup *image, const char *path);
bool hadal_tcp_due_to(struct hadal_session *session, const struct sock *sk,
		      const struct hadal_conn *conn, u16 type);
bool hadal_emit_to(struct hadal_session *session, const struct hadal_record *image, u32 size,
		   u16 type);
void hadal_emit_existing(struct hadal_session *session, struct hadal_record_process *image,
			 const struct task_struct *task);
void hadal_emit_tcp_to(struct hadal_session *session, struct hadal_record *image, u32 size,
		       u16 type, const struct hadal_isn_pair *isn);
bool hadal_emit_udp_to(struct hadal_session *session, const struct hadal_udp *udp, u16 filters);
void hadal_emit_udp(const struct hadal_udp *udp, u16 filters);
void hadal_emit_dns(const struct hadal_dns *dns, u16 filters, const struct sk_buff *skb,
		    u32 offset);
u32 hadal_emit_room(struct hadal_session *session, enum hadal_lane lane);
bool hadal_emit_has_room(struct hadal_session *session, enum hadal_lane lane, u32 size);

#ifdef HADAL_DEBUG
extern atomic64_t hadal_debug_probes;
extern atomic64_t hadal_debug_preemptible;

static inline void hadal_check_context(void)
{
	atomic64_inc(&hadal_debug_probes);
	if (preemptible())
		atomic64_inc(&hadal_debug_preemptible);
}
#else
static inline void hadal_check_context(void) { }
#endif

/*
 * ---- the way of most records, inline in their hooks ----
 *
 * One session gets it, has no filter, and room. What is not so goes on in emit.c,
 * behind the session at which that shows.
 */

static __always_inline enum hadal_lane hadal_lane_of(enum hadal_class class)
{
	return class >= HADAL_CLASS_TCP ? HADAL_LANE_FLOW : HADAL_LANE_LIFECYCLE;
}

/* This CPU's; NULL: it has none. */
static __always_inline struct hadal_ring *hadal_this_ring(const struct hadal_session *session,
							  enum hadal_lane lane)
{
	return this_cpu_read(session->cpus->ring[lane]);
}

void hadal_emit_wake(struct hadal_session *session);
void hadal_emit_lost(struct hadal_session *session, struct hadal_ring *ring);

static __always_inline void hadal_emit_publish(struct hadal_session *session,
					       struct hadal_ring *ring)
{
	if (unlikely(hadal_ring_end(ring)))
		hadal_emit_wake(session);
}

/* What is before the first session. */
static __always_inline struct hadal_session *hadal_emit_before_first(void)
{
	return list_entry(&hadal_running_sessions, struct hadal_session, running);
}

/*
 * In the first session, if that gets all of the class. If not so, or there is no room,
 * @session says behind which to go on.
 */
static __always_inline struct hadal_emission hadal_emit_first(u32 size, u16 type,
							      enum hadal_class class)
{
	struct list_head *first = READ_ONCE(hadal_running_sessions.next);
	struct hadal_emission emission = {
		.session = hadal_emit_before_first(),
	};
	struct hadal_session *session = list_entry(first, struct hadal_session, running);
	enum hadal_lane lane = hadal_lane_of(class);
	struct hadal_ring *ring;

	if (unlikely(first == &hadal_running_sessions) ||
	    unlikely(!(session->unfiltered & HADAL_CLASS_BIT(class))) ||
	    hadal_may_be_governed(lane))
		return emission;
	ring = hadal_this_ring(session, lane);
	if (unlikely(!ring))
		return emission;
	hadal_check_context();
	emission.session = session;
	emission.record = hadal_ring_begin(ring, size, type, class);
	if (unlikely(!emission.record))
		hadal_emit_lost(session, ring);
	return emission;
}

static __always_inline bool hadal_emit_is_last(const struct hadal_emission *emission)
{
	return READ_ONCE(emission->session->running.next) == &hadal_running_sessions;
}

struct hadal_emission hadal_emit_process_next(struct hadal_session *session,
					      struct task_struct *task, u32 size, u16 type);
void hadal_emit_process_copy(struct hadal_emission emission, struct task_struct *task);

/**
 * hadal_emit_process_begin() - begin a record of a process
 * @task: a thread of the process
 * @size: bytes
 * @type: enum hadal_record_type
 *
 * Return: with the record, of which the caller sets each byte behind the header
 * before hadal_emit_process_end(), which must follow; without: no session gets it.
 */
static __always_inline struct hadal_emission hadal_emit_process_begin(struct task_struct *task,
								      u32 size, u16 type)
{
	struct hadal_emission emission = hadal_emit_first(size, type, HADAL_CLASS_PROCESS);

	if (likely(emission.record) || !hadal_class_wanted(HADAL_CLASS_PROCESS))
		return emission;
	return hadal_emit_process_next(emission.session, task, size, type);
}

/* The record is complete. */
static __always_inline void hadal_emit_process_end(struct hadal_emission emission,
						   struct task_struct *task)
{
	if (unlikely(!hadal_emit_is_last(&emission)))
		hadal_emit_process_copy(emission, task);
	hadal_emit_publish(emission.session,
			   hadal_this_ring(emission.session, HADAL_LANE_LIFECYCLE));
}

struct hadal_emission hadal_emit_tcp_next(struct hadal_session *session, const struct sock *sk,
					  const struct hadal_conn *conn, u32 size, u16 type);
void hadal_emit_tcp_copy(struct hadal_emission emission, const struct sock *sk,
			 const struct hadal_conn *conn, struct hadal_conn_key *key);
u64 hadal_emit_compute_key(const struct hadal_session *session, const struct sock *sk,
			   const struct hadal_conn *conn, struct hadal_conn_key *key);

/* Each record of the class has struct hadal_tcp behind the header. */
static __always_inline struct hadal_tcp *hadal_tcp_in(struct hadal_record *record)
{
	return (struct hadal_tcp *)(record + 1);
}

/* Of one connection the key is the same at each of its events. @key: not NULL. */
static __always_inline u64 hadal_emit_key(const struct hadal_session *session,
					  const struct sock *sk, const struct hadal_conn *conn,
					  struct hadal_conn_key *key)
{
	if (key->session == session->number)
		return key->key;
	return hadal_emit_compute_key(session, sk, conn, key);
}

/**
 * hadal_emit_tcp_begin() - begin a record of a socket
 * @sk: the socket, its lock held
 * @conn: its entry in the table, or what stands for it
 * @size: bytes
 * @type: enum hadal_record_type
 *
 * Return: with the record, of which the caller sets each byte behind the header but
 * the key before hadal_emit_tcp_end(), which must follow; without: no session gets it.
 */
static __always_inline struct hadal_emission hadal_emit_tcp_begin(const struct sock *sk,
								  const struct hadal_conn *conn,
								  u32 size, u16 type)
{
	struct hadal_emission emission = hadal_emit_first(size, type, HADAL_CLASS_TCP);

	if (likely(emission.record) || !hadal_class_wanted(HADAL_CLASS_TCP))
		return emission;
	return hadal_emit_tcp_next(emission.session, sk, conn, size, type);
}

/* In all sessions that get it. @key: NULL: it has none. */
static __always_inline void hadal_emit_tcp_publish(struct hadal_emission emission,
						   const struct sock *sk,
						   const struct hadal_conn *conn,
						   struct hadal_conn_key *key)
{
	if (unlikely(!hadal_emit_is_last(&emission)))
		hadal_emit_tcp_copy(emission, sk, conn, key);
	hadal_emit_publish(emission.session, hadal_this_ring(emission.session, HADAL_LANE_FLOW));
}

/**
 * hadal_emit_tcp_end() - a record of a socket is complete
 * @emission: what hadal_emit_tcp_begin() returned
 * @sk: the socket
 * @conn: as it was for hadal_emit_tcp_begin()
 * @key: what is known of the connection's key, and learns it
 */
static __always_inline void hadal_emit_tcp_end(struct hadal_emission emission,
					       const struct sock *sk,
					       const struct hadal_conn *conn,
					       struct hadal_conn_key *key)
{
	hadal_tcp_in(emission.record)->key = hadal_emit_key(emission.session, sk, conn, key);
	hadal_emit_tcp_publish(emission, sk, conn, key);
}

/* As hadal_emit_tcp_end(), of what is no connection, or never came to be one. */
static __always_inline void hadal_emit_tcp_end_keyless(struct hadal_emission emission,
						       const struct sock *sk,
						       const struct hadal_conn *conn)
{
	hadal_tcp_in(emission.record)->key = 0;
	hadal_emit_tcp_publish(emission, sk, conn, NULL);
}

#endif /* HADAL_EMIT_H */
