/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the sequence numbers and counters of a socket say: payload to the byte,
 * and the initial sequence numbers. docs/abi.md has the definitions.
 */
#ifndef HADAL_TCP_NUMBERS_H
#define HADAL_TCP_NUMBERS_H

#include "emit.h"

struct sock;

u8 hadal_tcp_role_of(const struct sock *sk);
void hadal_tcp_isn_pair(struct hadal_isn_pair *isn, const struct sock *sk, u8 role);
void hadal_tcp_count(struct hadal_tcp_counters *counters, const struct sock *sk, int state, u8 role);
void hadal_tcp_count_live(struct hadal_tcp_counters *counters, struct hadal_isn_pair *isn,
			  const struct sock *sk, u8 role);

#endif /* HADAL_TCP_NUMBERS_H */
