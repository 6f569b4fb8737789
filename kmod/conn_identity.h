/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which connection an entry of the table stands for. Debug builds compare it at
 * each snapshot with what is in the socket: nothing else shows a socket that was
 * reused while the table still had it.
 */
#ifndef HADAL_CONN_IDENTITY_H
#define HADAL_CONN_IDENTITY_H

#ifdef __KERNEL__
#include <linux/atomic.h>
#include <linux/types.h>
#else
#include "kernel_shim.h"
#endif

#include "hadal.h"

#ifdef HADAL_DEBUG
#define HADAL_IDENTIFIES	true

/**
 * struct hadal_conn_identity - as it was when the connection came to be
 * @isn: client's initial sequence number << 32 | server's, which tells one life
 *	of a tuple from the next; 0: not known
 * @known: the rest is
 */
struct hadal_conn_identity {
	u64 isn;
	u32 net_ns;
	u16 local_port;
	u16 peer_port;
	u8 local_address[16];
	u8 peer_address[16];
	bool known;
};

extern atomic64_t hadal_debug_compared;
extern atomic64_t hadal_debug_mistaken;
#else
#define HADAL_IDENTIFIES	false

struct hadal_conn_identity { };
#endif

void hadal_conn_identify(struct hadal_conn_identity *identity, const struct hadal_tcp *tcp,
			 u64 isn);
void hadal_conn_compare(struct hadal_conn_identity *identity, const struct hadal_tcp *tcp,
			u64 isn);

#endif /* HADAL_CONN_IDENTITY_H */
