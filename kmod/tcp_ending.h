/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who ended a connection, and how. docs/abi.md has the table.
 */
#ifndef HADAL_TCP_ENDING_H
#define HADAL_TCP_ENDING_H

#include "conn_table.h"
#include "hadal.h"

struct sock;

u32 hadal_tcp_ending(const struct sock *sk, const struct hadal_conn *conn, int old_state,
		     u32 unread);
bool hadal_tcp_ended_by_network(u32 ending);
bool hadal_tcp_ends_by_reset(u32 ending, int old_state);

#endif /* HADAL_TCP_ENDING_H */
