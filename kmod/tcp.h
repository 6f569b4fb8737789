/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP records, and what the table of live connections is told.
 */
#ifndef HADAL_TCP_H
#define HADAL_TCP_H

#include <linux/bits.h>
#include <linux/types.h>
#include <net/tcp_states.h>

#include "conn_table.h"
#include "emit.h"

struct sock;

/* Half of a connection's changes of state say nothing here: asked before all else. */
static __always_inline bool hadal_tcp_state_matters(int new_state)
{
	return BIT(new_state) & (TCPF_SYN_SENT | TCPF_ESTABLISHED | TCPF_LISTEN | TCPF_CLOSE);
}

void hadal_tcp_state(const struct sock *sk, int old_state, int new_state);
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
