/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a hook to the rings of every session that wants it.
 */
#ifndef HADAL_EMIT_H
#define HADAL_EMIT_H

#include "session.h"

struct hadal_conn;
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
 * struct hadal_wanted - what the running sessions ask for, all together
 * @classes: HADAL_CLASS_BIT of each
 * @argv: bytes, of the most curious
 * @filters: one of them has a filter
 */
struct hadal_wanted {
	u32 classes;
	u32 argv;
	bool filters;
};

extern struct hadal_wanted hadal_wanted;

bool hadal_filters_pass_process(struct task_struct *task);
bool hadal_filters_pass_tcp(const struct sock *sk, const struct hadal_conn *conn, u16 type);

/* Is there a session that gets records of this class? */
static inline bool hadal_class_wanted(enum hadal_class class)
{
	return READ_ONCE(hadal_wanted.classes) & HADAL_CLASS_BIT(class);
}

/**
 * hadal_process_due() - is a record of this process to be made?
 * @task: a thread of it
 *
 * If so hadal_emit_process() or hadal_emit_exec() follows, which asks for each
 * session.
 */
static inline bool hadal_process_due(struct task_struct *task)
{
	return hadal_class_wanted(HADAL_CLASS_PROCESS) &&
	       (likely(!READ_ONCE(hadal_wanted.filters)) || hadal_filters_pass_process(task));
}

/**
 * hadal_tcp_due() - is a record of this socket to be made?
 * @sk: the socket
 * @conn: its entry in the table, or what stands for it
 * @type: enum hadal_record_type
 *
 * If so hadal_emit_tcp() follows, which asks for each session.
 */
static inline bool hadal_tcp_due(const struct sock *sk, const struct hadal_conn *conn, u16 type)
{
	return hadal_class_wanted(HADAL_CLASS_TCP) &&
	       (likely(!READ_ONCE(hadal_wanted.filters)) || hadal_filters_pass_tcp(sk, conn, type));
}

void hadal_emit_note_sessions(void);
bool hadal_process_due_to(struct hadal_session *session, struct task_struct *task);
void hadal_emit_process(struct task_struct *task, const struct hadal_record *image, u32 size,
			u16 type);
void hadal_emit_exec(struct task_struct *task, struct hadal_record_process_exec *image);
bool hadal_tcp_due_to(struct hadal_session *session, const struct sock *sk,
		      const struct hadal_conn *conn, u16 type);
void hadal_emit_tcp(const struct sock *sk, const struct hadal_conn *conn,
		    struct hadal_record *image, u32 size, u16 type,
		    const struct hadal_isn_pair *isn);
bool hadal_emit_to(struct hadal_session *session, const struct hadal_record *image, u32 size,
		   u16 type);
void hadal_emit_existing(struct hadal_session *session, struct hadal_record_process *image,
			 const struct task_struct *task);
void hadal_emit_tcp_to(struct hadal_session *session, struct hadal_record *image, u32 size,
		       u16 type, const struct hadal_isn_pair *isn);
bool hadal_emit_has_room(struct hadal_session *session, enum hadal_lane lane, u32 size);

#ifdef HADAL_DEBUG
extern atomic64_t hadal_debug_probes;
extern atomic64_t hadal_debug_preemptible;
#endif

#endif /* HADAL_EMIT_H */
