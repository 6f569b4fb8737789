/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP records, and what the table of live connections is told.
 */
#ifndef HADAL_TCP_H
#define HADAL_TCP_H

#include <linux/types.h>

#include "conn_table.h"
#include "emit.h"

struct sock;

void hadal_tcp_probe_state(void *data, const struct sock *sk, const int old_state,
			   const int new_state);
void hadal_tcp_graft(const struct sock *sk);
void hadal_tcp_reset_sent(const struct sock *sk);
void hadal_tcp_reset_received(const struct sock *sk);

bool hadal_tcp_is_ours(const struct sock *sk);
void hadal_tcp_found(const struct sock *sk);
void hadal_tcp_found_listener(const struct sock *sk);
void hadal_tcp_claim(const struct sock *sk, const struct hadal_owner *owner);
void hadal_tcp_owner(struct hadal_owner *owner, struct task_struct *task, u8 kind);
void hadal_tcp_caller(struct hadal_owner *owner, const struct sock *sk);
bool hadal_tcp_snapshot(struct hadal_session *session, struct hadal_conn *conn);

/* Bytes of the longest record that hadal_tcp_snapshot() writes. */
#define HADAL_TCP_SNAPSHOT_SIZE	((u32)sizeof(struct hadal_record_tcp_snapshot))

#endif /* HADAL_TCP_H */
