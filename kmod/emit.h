/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a hook to the rings of every session that wants it.
 */
#ifndef HADAL_EMIT_H
#define HADAL_EMIT_H

#include "session.h"

struct cgroup;
struct hadal_conn;
struct hadal_conn_key;
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
 * @ring: that ring
 */
struct hadal_emission {
	struct hadal_session *session;
	struct hadal_ring *ring;
};

/**
 * struct hadal_wanted - what the running sessions ask for, all together
 * @classes: HADAL_CLASS_BIT of each
 * @argv: bytes, of the most curious
 */
struct hadal_wanted {
	u32 classes;
	u32 argv;
};

extern struct hadal_wanted hadal_wanted;

/* Is there a session that gets records of this class? */
static inline bool hadal_class_wanted(enum hadal_class class)
{
	return READ_ONCE(hadal_wanted.classes) & HADAL_CLASS_BIT(class);
}

void hadal_emit_note_sessions(void);
bool hadal_process_due_to(struct hadal_session *session, struct task_struct *task);
void *hadal_emit_process_begin(struct hadal_emission *emission, struct task_struct *task, u32 size,
			       u16 type);
void hadal_emit_process_end(struct hadal_emission *emission, struct task_struct *task,
			    struct hadal_record *record);
bool hadal_exec_due(struct task_struct *task);
void hadal_emit_exec(struct task_struct *task, struct hadal_record_process_exec *image);
bool hadal_cgroup_due_to(struct hadal_session *session, struct cgroup *cgroup);
void hadal_emit_cgroup(struct cgroup *cgroup, const struct hadal_record_cgroup *image,
		       const char *path, u16 type);
void hadal_emit_cgroup_existing(struct hadal_session *session, struct cgroup *cgroup,
				const struct hadal_record_cgroup *image, const char *path);
bool hadal_tcp_due_to(struct hadal_session *session, const struct sock *sk,
		      const struct hadal_conn *conn, u16 type);
void *hadal_emit_tcp_begin(struct hadal_emission *emission, const struct sock *sk,
			   const struct hadal_conn *conn, u32 size, u16 type);
void hadal_emit_tcp_end(struct hadal_emission *emission, const struct sock *sk,
			const struct hadal_conn *conn, struct hadal_record *record,
			struct hadal_conn_key *key);
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
#endif

#endif /* HADAL_EMIT_H */
