/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of UDP flows: what one socket exchanges with one peer, summed. It
 * is there while a session asks for them.
 *
 * A flow never follows its socket's pointer: that is a number, part of the key.
 * The number is good for as long as the socket lives, since
 *
 *  - who counts does so inside sendmsg() or recvmsg() of the socket, which a
 *    file keeps open meanwhile, with preemption disabled;
 *  - a socket that ends takes its flows out first (hadal_udp_take()), and no
 *    one sends or receives with it any more;
 *  - flows are made only while that is hooked on all CPUs.
 *
 * So a flow that is found for the socket at hand stays its own while the hook
 * runs, except that an idle one may be taken out by a dump: that waits for
 * hooks to end before it reads the sums, or gives the entry to another flow.
 * Each datagram is thus counted in exactly one flow, whose last record has it.
 *
 * Locks: a bucket's, a socket bucket's, the pool's: one at a time, interrupts
 * off.
 */
#ifndef HADAL_UDP_TABLE_H
#define HADAL_UDP_TABLE_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/types.h>

#include "conn_table.h"

struct sock;
struct hadal_udp_socket;

enum hadal_udp_way {
	HADAL_UDP_SENT,
	HADAL_UDP_RECEIVED,
	HADAL_UDP_WAYS,
};

/**
 * struct hadal_udp_key - the two ends of a flow
 * @addresses: IPv4: in the first, local in the low half; IPv6: two local, two peer;
 *	in network byte order, as loaded
 * @ports: family << 32 | peer << 16 | local, ports in network byte order
 */
struct hadal_udp_key {
	u64 addresses[4];
	u64 ports;
};

/**
 * struct hadal_udp_wire - the ends of a flow as its datagrams of one way have them
 * @addresses: IPv4: both, as they stand in the header; IPv6: 0
 * @ports: both, as they stand in the header
 */
struct hadal_udp_wire {
	u64 addresses;
	u64 ports;
};

struct hadal_udp_counts {
	atomic64_t datagrams;
	atomic64_t bytes;
};

/* Of an entry that is not in the table: no socket, and not NULL, which a buffer may have for its own. */
#define HADAL_UDP_NO_SOCKET	((const struct sock *)-1L)

/**
 * struct hadal_udp_flow - an entry
 * @sk: HADAL_UDP_NO_SOCKET: not in the table
 * @wire: @key by enum hadal_udp_way, for a fast look; set before @sk
 * @last: jiffies, of the last datagram
 * @counts: by enum hadal_udp_way
 * @key: set before @sk
 * @node: in a bucket or in the pool
 * @sibling: in the list of its socket's flows
 * @socket: with that list
 * @number: @sk, which stays when the flow is taken out
 * @start_time: ns, CLOCK_MONOTONIC
 * @flags: HADAL_UDP_*
 * @role: enum hadal_tcp_role
 */
struct hadal_udp_flow {
	/* All that is touched for each datagram, in this order. */
	const struct sock *sk;
	unsigned long last;
	struct hadal_udp_wire wire[HADAL_UDP_WAYS];
	struct hadal_udp_counts counts[HADAL_UDP_WAYS];
	struct hadal_udp_key key;

	struct hlist_node node;
	struct hlist_node sibling;
	struct hadal_udp_socket *socket;
	const struct sock *number;
	u64 id;
	u64 start_time;
	u64 socket_cgroup_id;
	struct hadal_owner owner;
	u32 net_ns;
	u32 flags;
	u8 role;
};

/* Flows that this CPU has counted last, by a hash of their keys; nobody where there is none. */
#define HADAL_UDP_SLOT_BITS	6

struct hadal_udp_slots {
	struct hadal_udp_flow *v4[HADAL_UDP_WAYS][1 << HADAL_UDP_SLOT_BITS];
	struct hadal_udp_flow *v6[HADAL_UDP_WAYS][1 << HADAL_UDP_SLOT_BITS];
};

DECLARE_PER_CPU(struct hadal_udp_slots, hadal_udp_slots);

/* @visit: returns whether it counts. */
struct hadal_udp_walk {
	bool (*visit)(struct hadal_udp_flow *flow, void *context);
	bool (*may)(unsigned int flows, void *context);
	void *context;
};

int hadal_udp_table_create(void);
void hadal_udp_table_destroy(void);
unsigned int hadal_udp_table_max(void);
unsigned int hadal_udp_table_live(void);
unsigned int hadal_udp_table_buckets(void);

struct hadal_udp_flow *hadal_udp_find(const struct sock *sk, const struct hadal_udp_key *key);
struct hadal_udp_flow *hadal_udp_insert(const struct hadal_udp_flow *image);
struct hadal_udp_flow *hadal_udp_take(const struct sock *sk);
struct hadal_udp_flow *hadal_udp_take_idle(unsigned int bucket, unsigned long before);
void hadal_udp_put_taken(struct hadal_udp_flow *flow);
void hadal_udp_put_idle(struct hadal_udp_flow *flow);
unsigned int hadal_udp_walk_bucket(unsigned int bucket, const struct hadal_udp_walk *walk);
bool hadal_udp_visit_owners(unsigned int bucket,
			    bool (*visit)(struct hadal_owner *owner, void *context), void *context);

#endif /* HADAL_UDP_TABLE_H */
