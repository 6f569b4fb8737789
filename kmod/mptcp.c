// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "mptcp.h"

#define SET_BITS	7
#define SET_SLOTS	4

/* What the two ends of a connection are, in a form that compares byte by byte. */
struct ends {
	u8 local_address[16];
	u8 peer_address[16];
	u16 local_port;
	u16 peer_port;
	u32 net_ns;
};

struct slot {
	struct ends ends;
	struct hadal_mptcp_child child;	/* id 0: the slot is free */
};

/*
 * In a set that is full whoever comes takes over a slot, each in its turn: the one
 * that was in it, not seen yet, then never gets its owner, and the listener's
 * stands for it.
 */
struct set {
	struct slot slots[SET_SLOTS];
	unsigned int next;	/* to be taken */
};

static struct set sets[1 << SET_BITS];
static DEFINE_RAW_SPINLOCK(sets_lock);

static struct set *set_of(const struct ends *ends)
{
	return &sets[hash_32(jhash(ends, sizeof(*ends), 0), SET_BITS)];
}

static struct slot *find_slot(struct set *set, const struct ends *ends)
{
	unsigned int i;

	for (i = 0; i < SET_SLOTS; i++)
		if (set->slots[i].child.id && !memcmp(&set->slots[i].ends, ends, sizeof(*ends)))
			return &set->slots[i];
	return NULL;
}

/* What had the same ends is gone. */
static struct slot *slot_to_fill(struct set *set, const struct ends *ends)
{
	struct slot *slot = find_slot(set, ends);
	unsigned int i;

	if (slot)
		return slot;
	for (i = 0; i < SET_SLOTS; i++)
		if (!set->slots[i].child.id)
			return &set->slots[i];
	return &set->slots[set->next++ % SET_SLOTS];
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
	raw_spin_lock_irqsave(&sets_lock, flags);
	*slot_to_fill(set_of(&new.ends), &new.ends) = new;
	raw_spin_unlock_irqrestore(&sets_lock, flags);
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

	put_ends(&wanted, ends);
	raw_spin_lock_irqsave(&sets_lock, flags);
	slot = find_slot(set_of(&wanted), &wanted);
	if (slot) {
		*child = slot->child;
		slot->child.id = 0;
	}
	raw_spin_unlock_irqrestore(&sets_lock, flags);
	return slot;
}
