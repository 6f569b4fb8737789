/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of live connections and listeners, by socket.
 *
 * TCP sockets are reused without a grace period, and no debugging tool sees a
 * stale one. A pointer in the table may be followed under exactly this rule:
 *
 *  - each TCP socket passes inet_sock_set_state(-> CLOSE) before it is freed,
 *    and the probe there removes its entry under the bucket's lock, before any
 *    filter, whether or not a session wants the record. An entry that waits for
 *    accept() it makes one that nobody follows, there and then;
 *  - who follows the pointer of an entry holds that lock;
 *  - entries are made only while that probe is live on all CPUs
 *    (hadal_conn_table_arm), and never for a socket in CLOSE;
 *  - the pointer of a tombstone, or of what becomes one, is a number, never followed.
 *
 * Locks: a socket's own lock or a hash bucket's of TCP, then one of this
 * table's, never back. Interrupts are off under the latter, and nothing is
 * done but bounded copies.
 *
 * The events of one socket follow each other under its own lock. So the entry
 * that a probe looked up for the socket at hand stays while the probe runs; but
 * a walker may read it: state is changed last.
 *
 * No dependence on the rest of the module, so that it is tested in user space
 * too.
 */
#ifndef HADAL_CONN_TABLE_H
#define HADAL_CONN_TABLE_H

#ifdef __KERNEL__
#include <linux/list.h>
#include <linux/types.h>
#include <asm/barrier.h>
#else
#include "kernel_shim.h"
#endif

#include "conn_identity.h"

struct sock;

enum hadal_conn_state {
	HADAL_CONN_CONNECTING,	/* connect() under way */
	HADAL_CONN_PENDING,	/* established, waits for accept() */
	HADAL_CONN_OPEN,
	HADAL_CONN_LISTENING,
	HADAL_CONN_UNACCEPTED,	/* closes before accept(); a tombstone in a moment */
	HADAL_CONN_TOMBSTONE,	/* closed before accept(), which may yet return it */
};

/**
 * struct hadal_owner - the process that a socket is attributed to
 * @filters: slots of the filters by cgroup that it passes, see filter.h
 * @kind: enum hadal_tcp_owner
 */
struct hadal_owner {
	u64 start_boottime;
	u64 cgroup_id;
	u32 cgroup_hierarchy;
	u32 tgid;
	u16 filters;
	u8 kind;
};

/**
 * struct hadal_conn_key - a connection's key as it was computed last
 * @session: for which, its number; 0: not computed
 */
struct hadal_conn_key {
	u64 key;
	u64 session;
};

/**
 * struct hadal_conn - an entry
 * @time: ns, CLOCK_MONOTONIC: of connect() or establishment, 0 not seen; of a
 *	tombstone: when it closed
 * @flags: HADAL_TCP_*; some are added while a walker reads
 * @role: enum hadal_tcp_role
 * @state: enum hadal_conn_state
 * @key: for events of the socket alone: a walker of the table does not look at it
 * @identity: nothing, but in debug builds
 */
struct hadal_conn {
	struct hlist_node node;
	const struct sock *sk;
	u64 id;
	u64 time;
	struct hadal_owner owner;
	u32 flags;
	u8 role;
	u8 state;
	struct hadal_conn_key key;
	struct hadal_conn_identity identity;
};

/* @visit: returns whether it counts. */
struct hadal_conn_walk {
	bool (*visit)(struct hadal_conn *conn, void *context);
	void *context;
};

int hadal_conn_table_create(void);
void hadal_conn_table_destroy(void);
void hadal_conn_table_arm(bool armed);
u64 hadal_conn_new_id(void);
unsigned int hadal_conn_table_max(void);
unsigned long hadal_conn_table_live(void);
u64 hadal_conn_table_overflow(void);
unsigned int hadal_conn_table_buckets(void);

struct hadal_conn *hadal_conn_new(const struct sock *sk, u8 role, u8 state);
void hadal_conn_insert(struct hadal_conn *conn);
struct hadal_conn *hadal_conn_insert_new(struct hadal_conn *conn);
struct hadal_conn *hadal_conn_find(const struct sock *sk);
bool hadal_conn_remove(const struct sock *sk, struct hadal_conn *copy);
struct hadal_conn *hadal_conn_close(const struct sock *sk);
void hadal_conn_free(struct hadal_conn *conn);
void hadal_conn_bury(struct hadal_conn *conn, u64 now);
struct hadal_conn *hadal_conn_own(const struct sock *sk, const struct hadal_owner *owner);
void hadal_conn_add_flags(const struct sock *sk, u32 flags);
void hadal_conn_claim(const struct sock *sk, u64 id, const struct hadal_owner *owner);
unsigned int hadal_conn_walk_bucket(unsigned int bucket, const struct hadal_conn_walk *walk,
				    bool (*may)(unsigned int entries, void *context));
bool hadal_conn_visit_owners(unsigned int bucket,
			     bool (*visit)(struct hadal_owner *owner, void *context),
			     void *context);
void hadal_conn_expire_bucket(unsigned int bucket, u64 before);

/* After this a walker shows the entry as what it has become. */
static inline void hadal_conn_set_state(struct hadal_conn *conn, enum hadal_conn_state state)
{
	/* Pairs with the acquire of hadal_conn_walk_bucket(). */
	smp_store_release(&conn->state, state);
}

#endif /* HADAL_CONN_TABLE_H */
