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

bool hadal_process_due(struct task_struct *task);
bool hadal_process_due_to(struct hadal_session *session, struct task_struct *task);
void hadal_emit_process(struct task_struct *task, struct hadal_record *image, u32 size, u16 type);
void hadal_emit_exec(struct task_struct *task, struct hadal_record_process_exec *image);
bool hadal_tcp_due(const struct sock *sk, const struct hadal_conn *conn, u16 type);
bool hadal_tcp_due_to(struct hadal_session *session, const struct sock *sk,
		      const struct hadal_conn *conn, u16 type);
void hadal_emit_tcp(const struct sock *sk, const struct hadal_conn *conn,
		    struct hadal_record *image, u32 size, u16 type,
		    const struct hadal_isn_pair *isn);
bool hadal_emit_to(struct hadal_session *session, struct hadal_record *image, u32 size, u16 type);
void hadal_emit_existing(struct hadal_session *session, struct hadal_record_process *image,
			 const struct task_struct *task);
void hadal_emit_tcp_to(struct hadal_session *session, struct hadal_record *image, u32 size,
		       u16 type, const struct hadal_isn_pair *isn);
u32 hadal_argv_wanted(void);
bool hadal_emit_has_room(struct hadal_session *session, enum hadal_lane lane, u32 size);

#ifdef HADAL_DEBUG
extern atomic64_t hadal_debug_probes;
extern atomic64_t hadal_debug_preemptible;
#endif

#endif /* HADAL_EMIT_H */
