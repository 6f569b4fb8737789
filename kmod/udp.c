// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cgroup.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat.h"
#include "emit.h"
#include "governor.h"
#include "tcp.h"
#include "udp.h"
#include "udp_count.h"

static unsigned int udp_idle = 120;
module_param(udp_idle, uint, 0644);
MODULE_PARM_DESC(udp_idle, "seconds without a datagram after which a dump ends a UDP flow; 0: never");

/* ---- what found no room in the table ---- */

struct sums {
	u64 datagrams[HADAL_UDP_WAYS];
	u64 bytes[HADAL_UDP_WAYS];
};

/* Since the module was loaded; as it was when the table was made. */
static DEFINE_PER_CPU(struct sums, other);
static struct sums other_before;

static void sum_other(struct sums *sums)
{
	const struct sums *one;
	int cpu, way;

	*sums = (struct sums) { };
	for_each_possible_cpu(cpu) {
		one = per_cpu_ptr(&other, cpu);
		for (way = 0; way < HADAL_UDP_WAYS; way++) {
			sums->datagrams[way] += READ_ONCE(one->datagrams[way]);
			sums->bytes[way] += READ_ONCE(one->bytes[way]);
		}
	}
}

/* Datagrams that found no room, since the module was loaded. */
u64 hadal_udp_overflow(void)
{
	struct sums sums;

	sum_other(&sums);
	return sums.datagrams[HADAL_UDP_SENT] + sums.datagrams[HADAL_UDP_RECEIVED];
}

/* The table was made, nothing is hooked yet. */
void hadal_udp_begin(void)
{
	sum_other(&other_before);
}

/* ---- keys ---- */

static u64 ports_of(__be16 local, __be16 peer)
{
	return (u64)(__force u16)peer << 16 | (__force u16)local;
}

static u64 pair4(__be32 local, __be32 peer)
{
	return (u64)(__force u32)peer << 32 | (__force u32)local;
}

static void put_pair6(struct hadal_udp_key *key, const struct in6_addr *local,
		      const struct in6_addr *peer)
{
	memcpy(key->addresses, local, sizeof(*local));
	memcpy(key->addresses + 2, peer, sizeof(*peer));
}

static void key_of_sent(struct hadal_udp_key *key, const struct sk_buff *skb, u16 family)
{
	const struct udphdr *udp = hadal_udp_header(skb);
	const struct iphdr *ip4 = hadal_network_header(skb);
	const struct ipv6hdr *ip6 = hadal_network_header(skb);

	key->ports = (u64)family << 32 | ports_of(udp->source, udp->dest);
	if (family == AF_INET)
		key->addresses[0] = pair4(ip4->saddr, ip4->daddr);
	else
		put_pair6(key, &ip6->saddr, &ip6->daddr);
}

static void key_of_received(struct hadal_udp_key *key, const struct sk_buff *skb, u16 family)
{
	const struct udphdr *udp = hadal_udp_header(skb);
	const struct iphdr *ip4 = hadal_network_header(skb);
	const struct ipv6hdr *ip6 = hadal_network_header(skb);

	key->ports = (u64)family << 32 | ports_of(udp->dest, udp->source);
	if (family == AF_INET)
		key->addresses[0] = pair4(ip4->daddr, ip4->saddr);
	else
		put_pair6(key, &ip6->daddr, &ip6->saddr);
}

static u16 family_of(const struct hadal_udp_key *key)
{
	return key->ports >> 32;
}

/* What it has of the two ends in a header: first the sender's, then the receiver's. */
static void put_wire(struct hadal_udp_wire *wire, __be16 source, __be16 dest, __be32 saddr,
		     __be32 daddr)
{
	const struct udphdr udp = { .source = source, .dest = dest };
	const struct iphdr ip = { .saddr = saddr, .daddr = daddr };

	wire->ports = hadal_udp_wire_ports(&udp);
	wire->addresses = hadal_udp_wire_addresses(&ip);
}

static void put_wires(struct hadal_udp_wire wire[HADAL_UDP_WAYS], const struct hadal_udp_key *key)
{
	__be16 local = (__force __be16)key->ports, peer = (__force __be16)(key->ports >> 16);
	bool is_v4 = family_of(key) == AF_INET;
	__be32 local4 = is_v4 ? (__force __be32)key->addresses[0] : 0;
	__be32 peer4 = is_v4 ? (__force __be32)(key->addresses[0] >> 32) : 0;

	put_wire(&wire[HADAL_UDP_SENT], local, peer, local4, peer4);
	put_wire(&wire[HADAL_UDP_RECEIVED], peer, local, peer4, local4);
}

/* ---- a new flow ---- */

static void describe_flow(struct hadal_udp_flow *flow, const struct sock *sk,
			  enum hadal_udp_way way)
{
	const struct cgroup *cgroup = READ_ONCE(sk->sk_cgrp_data.cgroup);

	flow->last = jiffies;
	flow->start_time = ktime_get_ns();
	flow->id = hadal_conn_new_id();
	flow->net_ns = sock_net(sk)->ns.inum;
	flow->socket_cgroup_id = cgroup ? cgroup_id(cgroup) : 0;
	flow->role = way == HADAL_UDP_SENT ? HADAL_TCP_CLIENT : HADAL_TCP_SERVER;
	if (sk->sk_kern_sock)
		flow->flags |= HADAL_UDP_KERNEL_SOCKET;
	if (sk->sk_family == AF_INET6 && family_of(&flow->key) == AF_INET)
		flow->flags |= HADAL_UDP_V4MAPPED;
	if (in_task())
		hadal_tcp_caller(&flow->owner, sk);
}

static struct hadal_udp_flow *make_flow(const struct sock *sk, const struct hadal_udp_key *key,
					enum hadal_udp_way way)
{
	struct hadal_udp_flow image = { .sk = HADAL_UDP_NO_SOCKET, .number = sk, .key = *key };

	put_wires(image.wire, key);
	describe_flow(&image, sk, way);
	return hadal_udp_insert(&image);
}

/* See hadal_udp_receive(). */
static bool is_from_dns_server(const struct hadal_udp_wire *wire, enum hadal_udp_way way)
{
	return way == HADAL_UDP_RECEIVED && (u16)wire->ports == (__force u16)htons(HADAL_DNS_PORT);
}

/* The next datagram of this way of the flow on this CPU finds it at once. */
static void note_in_slot(struct hadal_udp_flow *flow, enum hadal_udp_way way)
{
	const struct hadal_udp_wire *wire = &flow->wire[way];
	u64 mixed = flow->key.addresses[2] + flow->key.addresses[3];
	u32 slot;

	if (is_from_dns_server(wire, way))
		return;
	if (family_of(&flow->key) == AF_INET) {
		slot = hadal_udp_hash(wire->addresses, wire->ports);
		__this_cpu_write(hadal_udp_slots.v4[way][slot], flow);
	} else {
		slot = hadal_udp_hash(mixed, wire->ports);
		__this_cpu_write(hadal_udp_slots.v6[way][slot], flow);
	}
}

/* ---- counting, where this CPU has not counted the flow before, or not so ---- */

/* With HADAL_DEBUG: what is about to be read of @sk is there. */
static void check_socket(const struct sock *sk)
{
#ifdef HADAL_DEBUG
	WARN_ON_ONCE(!sk_fullsock(sk));
#endif
}

static u32 datagrams_in(const struct sk_buff *skb, u32 bytes)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	if (!info->gso_size)
		return 1;
	return info->gso_segs ?: DIV_ROUND_UP(bytes, info->gso_size);
}

static void count_other(enum hadal_udp_way way, u32 datagrams, u32 bytes)
{
	this_cpu_add(other.datagrams[way], datagrams);
	this_cpu_add(other.bytes[way], bytes);
}

static void count(const struct sock *sk, const struct hadal_udp_key *key, enum hadal_udp_way way,
		  u32 datagrams, u32 bytes)
{
	u64 began = hadal_hook_begin();
	struct hadal_udp_flow *flow = hadal_udp_find(sk, key);

	if (!flow)
		flow = make_flow(sk, key, way);
	if (flow) {
		note_in_slot(flow, way);
		hadal_udp_add(flow, way, datagrams, bytes);
	} else {
		count_other(way, datagrams, bytes);
	}
	hadal_hook_end(began);
}

/*
 * IP sends for TCP, too, since 6.13 over IPv4 with the socket in TIME_WAIT that
 * answers: so the header is asked first. Raw sockets may send by any protocol.
 */
static bool is_udp_sent(const struct sk_buff *skb, u16 family)
{
	const struct iphdr *ip = hadal_network_header(skb);

	if (family != AF_INET)
		return skb->sk && sk_fullsock(skb->sk) && hadal_is_udp(skb->sk);
	if (ip->protocol != IPPROTO_UDP || !skb->sk)
		return false;
	check_socket(skb->sk);
	return skb->sk->sk_type == SOCK_DGRAM;
}

/**
 * hadal_udp_count_sent() - count what a UDP socket sends
 * @skb: a datagram, or several of one UDP_SEGMENT send, with headers; others are left out
 * @family: of the datagram
 */
void hadal_udp_count_sent(const struct sk_buff *skb, u16 family)
{
	u32 bytes = hadal_udp_payload(skb);
	struct hadal_udp_key key = { };

	if (!is_udp_sent(skb, family))
		return;
	key_of_sent(&key, skb, family);
	count(skb->sk, &key, HADAL_UDP_SENT, datagrams_in(skb, bytes), bytes);
}

/* Count what a socket receives; parameters as those of hadal_udp_receive(). */
void hadal_udp_count_received(const struct sock *sk, const struct sk_buff *skb, int length)
{
	u16 family = skb->protocol == htons(ETH_P_IP) ? AF_INET : AF_INET6;
	struct hadal_udp_key key = { };

	if (!hadal_is_udp(sk) || hadal_udp_is_peek(skb, length))
		return;
	key_of_received(&key, skb, family);
	count(sk, &key, HADAL_UDP_RECEIVED, datagrams_in(skb, skb->len), skb->len);
}

/* ---- records ---- */

static void put_addresses(struct hadal_udp *udp, const struct hadal_udp_key *key)
{
	memset(udp->local_address, 0, sizeof(udp->local_address));
	memset(udp->peer_address, 0, sizeof(udp->peer_address));
	if (udp->family == AF_INET) {
		*(u32 *)udp->local_address = (u32)key->addresses[0];
		*(u32 *)udp->peer_address = (u32)(key->addresses[0] >> 32);
		return;
	}
	memcpy(udp->local_address, key->addresses, 16);
	memcpy(udp->peer_address, key->addresses + 2, 16);
}

static void put_ends(struct hadal_udp *udp, const struct hadal_udp_key *key)
{
	udp->family = family_of(key);
	udp->local_port = ntohs((__force __be16)(key->ports & 0xffff));
	udp->peer_port = ntohs((__force __be16)(key->ports >> 16 & 0xffff));
	put_addresses(udp, key);
}

static void put_owner(struct hadal_udp *udp, const struct hadal_owner *owner)
{
	udp->owner = owner->kind;
	udp->owner_tgid = owner->tgid;
	udp->owner_start_boottime = owner->start_boottime;
	udp->cgroup_id = owner->cgroup_id;
	udp->cgroup_hierarchy = owner->cgroup_hierarchy;
}

static void put_counts(struct hadal_udp *udp, const struct hadal_udp_flow *flow)
{
	const struct hadal_udp_counts *sent = &flow->counts[HADAL_UDP_SENT];
	const struct hadal_udp_counts *received = &flow->counts[HADAL_UDP_RECEIVED];

	udp->sent_datagrams = atomic64_read(&sent->datagrams);
	udp->sent_bytes = atomic64_read(&sent->bytes);
	udp->received_datagrams = atomic64_read(&received->datagrams);
	udp->received_bytes = atomic64_read(&received->bytes);
}

static u64 last_time(const struct hadal_udp_flow *flow)
{
	unsigned long last = READ_ONCE(flow->last);
	/* A datagram on another CPU may be of a later tick than the one that is seen here. */
	long ticks = max((long)(jiffies - last), 0L);

	return max(ktime_get_ns() - ticks * (u64)(NSEC_PER_SEC / HZ), flow->start_time);
}

/* Sets each byte of @udp. */
static void describe(struct hadal_udp *udp, const struct hadal_udp_flow *flow, u32 flags)
{
	udp->id = flow->id;
	udp->start_time = flow->start_time;
	udp->last_time = last_time(flow);
	udp->socket_cgroup_id = flow->socket_cgroup_id;
	udp->net_ns = flow->net_ns;
	udp->flags = flow->flags | flags;
	udp->role = flow->role;
	put_owner(udp, &flow->owner);
	put_counts(udp, flow);
	put_ends(udp, &flow->key);
}

static u16 filters_of(const struct hadal_udp_flow *flow)
{
	return READ_ONCE(flow->owner.filters);
}

/* It is out of the table, and nobody counts in it. Preemption is disabled. */
static void tell_end(const struct hadal_udp_flow *flow, u32 flags)
{
	struct hadal_udp udp HADAL_ALL_SET;

	describe(&udp, flow, HADAL_UDP_ENDED | flags);
	hadal_emit_udp(&udp, filters_of(flow));
}

/* udp_destroy_sock(): the last user of the socket is gone. */
void hadal_udp_end(const struct sock *sk)
{
	struct hadal_udp_flow *flow;
	u64 began;

	while ((flow = hadal_udp_take(sk))) {
		preempt_disable_notrace();
		began = hadal_hook_begin();
		tell_end(flow, 0);
		hadal_udp_put_taken(flow);
		hadal_hook_end(began);
		preempt_enable_notrace();
	}
}

/* @flow is in the table, its bucket locked. Whether the session gets a record of it. */
bool hadal_udp_tell(struct hadal_session *session, const struct hadal_udp_flow *flow)
{
	struct hadal_udp udp HADAL_ALL_SET;

	describe(&udp, flow, 0);
	return hadal_emit_udp_to(session, &udp, filters_of(flow));
}

/* Whether there is anything to tell. */
bool hadal_udp_tell_other(struct hadal_session *session)
{
	struct hadal_udp udp = { .flags = HADAL_UDP_OTHER };
	struct sums sums;

	sum_other(&sums);
	udp.sent_datagrams = sums.datagrams[HADAL_UDP_SENT] -
				    other_before.datagrams[HADAL_UDP_SENT];
	udp.sent_bytes = sums.bytes[HADAL_UDP_SENT] - other_before.bytes[HADAL_UDP_SENT];
	udp.received_datagrams = sums.datagrams[HADAL_UDP_RECEIVED] -
					other_before.datagrams[HADAL_UDP_RECEIVED];
	udp.received_bytes = sums.bytes[HADAL_UDP_RECEIVED] -
				    other_before.bytes[HADAL_UDP_RECEIVED];
	if (!udp.sent_datagrams && !udp.received_datagrams)
		return false;
	return hadal_emit_udp_to(session, &udp, 0);
}

static unsigned int take_idle_flows(struct hlist_head *taken, u32 *bucket, unsigned int count,
				    unsigned long before)
{
	struct hadal_udp_flow *flow;
	unsigned int got = 0;

	while (got < count && *bucket < hadal_udp_table_buckets()) {
		flow = hadal_udp_take_idle(*bucket, before);
		if (flow) {
			hlist_add_head(&flow->node, taken);
			got++;
		} else {
			++*bucket;
		}
	}
	return got;
}

/**
 * hadal_udp_end_idle() - end flows that had no datagram for long
 * @bucket: where to look from; where to go on
 * @count: that many at most
 *
 * May sleep.
 *
 * Return: whether there may be more.
 */
bool hadal_udp_end_idle(u32 *bucket, unsigned int count)
{
	unsigned int idle = READ_ONCE(udp_idle);
	struct hadal_udp_flow *flow;
	struct hlist_node *next;
	HLIST_HEAD(taken);

	if (!idle || !take_idle_flows(&taken, bucket, count, jiffies - (unsigned long)idle * HZ))
		return false;
	/* A hook that found one in a slot of its CPU has counted then. */
	synchronize_rcu();
	hlist_for_each_entry_safe(flow, next, &taken, node) {
		hlist_del_init(&flow->node);
		preempt_disable();
		tell_end(flow, HADAL_UDP_IDLE);
		preempt_enable();
		hadal_udp_put_idle(flow);
		cond_resched();
	}
	return *bucket < hadal_udp_table_buckets();
}
