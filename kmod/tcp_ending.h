/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who ended a connection, and how. docs/abi.md has the table.
 */
#ifndef HADAL_TCP_ENDING_H
#define HADAL_TCP_ENDING_H

#include <linux/bits.h>
#include <net/tcp_states.h>

#include "conn_table.h"
#include "hadal.h"

struct sock;

u32 hadal_tcp_ending(const struct sock *sk, const struct hadal_conn *conn, int old_state,
		     u32 unread);

/* What comes from outside may be worked off in whichever call holds the socket. */
static inline bool hadal_tcp_ended_by_network(u32 ending)
{
	return BIT(ending) &
	       (BIT(HADAL_TCP_ENDING_RESET) | BIT(HADAL_TCP_ENDING_RESET_AFTER_CLOSE) |
		BIT(HADAL_TCP_ENDING_TIMED_OUT) | BIT(HADAL_TCP_ENDING_UNREACHABLE));
}

/*
 * Whether a reset goes out behind the change to CLOSE; one that went before was
 * seen. tcp_disconnect() sends none once both FINs are there.
 */
static inline bool hadal_tcp_ends_by_reset(u32 ending, int old_state)
{
	if (ending == HADAL_TCP_ENDING_ABORTED_UNREAD)
		return true;
	return BIT(ending) &
	       (BIT(HADAL_TCP_ENDING_ABORTED_LINGER) | BIT(HADAL_TCP_ENDING_DISCONNECTED) |
		BIT(HADAL_TCP_ENDING_NOT_ACCEPTED)) &&
	       old_state != TCP_CLOSING && old_state != TCP_LAST_ACK;
}

#endif /* HADAL_TCP_ENDING_H */
