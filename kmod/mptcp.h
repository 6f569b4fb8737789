/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * accept() returns an MPTCP socket, never the subflow that carries it, and what
 * leads from one to the other is private to the kernel. But the MPTCP socket has
 * the addresses of its first subflow: by these the subflow gets its owner.
 */
#ifndef HADAL_MPTCP_H
#define HADAL_MPTCP_H

#include "hadal.h"

struct sock;

/**
 * struct hadal_mptcp_child - a subflow that a listener has made
 * @sk: a number: by it the table of live connections knows whether it lives
 * @id: of its connection
 */
struct hadal_mptcp_child {
	const struct sock *sk;
	u64 id;
};

void hadal_mptcp_await(const struct hadal_tcp *ends, const struct hadal_mptcp_child *child);
bool hadal_mptcp_take(const struct hadal_tcp *ends, struct hadal_mptcp_child *child);

#endif /* HADAL_MPTCP_H */
