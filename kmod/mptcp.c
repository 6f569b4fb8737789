// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "mptcp.h"

#define SLOT_BITS	9

/* What the two ends of a connection are, in a form that compares byte by byte. */
struct ends {
	u8 local_address[16];
	u8 peer_address[16];
	u16 local_port;
	u16 peer_port;
	u32 net_ns;
};

/*
 * A slot is taken over by whoever comes last: the one that was in it, not
 * accepted yet, then never gets its owner, and the listener's stands for it.
 */
struct slot {
	struct ends ends;
	struct hadal_mptcp_child child;
};

static struct slot slots[1 << SLOT_BITS];
static DEFINE_RAW_SPINLOCK(slots_lock);

static struct slot *slot_of(const struct ends *ends)
{
	return &slots[hash_32(jhash(ends, sizeof(*ends), 0), SLOT_BITS)];
}

static void put_ends(struct ends *ends, const struct hadal_tcp *tcp)
{
	memcpy(ends->local_address, tcp->local_address, sizeof(ends->local_address));
	memcpy(ends->peer_address, tcp->peer_address, sizeof(ends->peer_address));
	ends->local_port = tcp->local_port;
	ends->peer_port = tcp->peer_port;
	ends->net_ns = tcp->net_ns;
}

/**
 * hadal_mptcp_await() - the MPTCP socket of a subflow is to be seen yet
 * @ends: net_ns, addresses and ports are looked at
 * @child: the subflow
 */
void hadal_mptcp_await(const struct hadal_tcp *ends, const struct hadal_mptcp_child *child)
{
	struct slot new = { .child = *child };
	unsigned long flags;

	put_ends(&new.ends, ends);
	raw_spin_lock_irqsave(&slots_lock, flags);
	*slot_of(&new.ends) = new;
	raw_spin_unlock_irqrestore(&slots_lock, flags);
}

/**
 * hadal_mptcp_take() - an MPTCP socket is seen, in accept() or held by a process
 * @ends: as for hadal_mptcp_await()
 * @child: its first subflow, which may be gone meanwhile
 *
 * Return: whether one was awaited.
 */
bool hadal_mptcp_take(const struct hadal_tcp *ends, struct hadal_mptcp_child *child)
{
	unsigned long flags;
	struct ends wanted;
	struct slot *slot;
	bool found;

	put_ends(&wanted, ends);
	slot = slot_of(&wanted);
	raw_spin_lock_irqsave(&slots_lock, flags);
	found = slot->child.id && !memcmp(&slot->ends, &wanted, sizeof(wanted));
	if (found) {
		*child = slot->child;
		slot->child.id = 0;
	}
	raw_spin_unlock_irqrestore(&slots_lock, flags);
	return found;
}
