/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A datagram is counted where it is handed to IP, and where the application has
 * taken it: both in the system call of the socket that it is of. This is what is
 * done for each, inline in the probes: no key is built and nothing is called
 * where this CPU has counted the flow before. All else is hadal_udp_count_*().
 *
 * Preemption is disabled.
 */
#ifndef HADAL_UDP_COUNT_H
#define HADAL_UDP_COUNT_H

#include <linux/hash.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/sock.h>

#include "udp_table.h"

/* See there for what each is for. */
void hadal_udp_count_sent(const struct sk_buff *skb, u16 family);
void hadal_udp_count_received(const struct sock *sk, const struct sk_buff *skb, int length);

static __always_inline const void *hadal_network_header(const struct sk_buff *skb)
{
	return skb->head + skb->network_header;
}

static __always_inline const struct udphdr *hadal_udp_header(const struct sk_buff *skb)
{
	return (const void *)(skb->head + skb->transport_header);
}

static __always_inline u64 hadal_udp_half6(const struct in6_addr *address, unsigned int half)
{
	u64 value;

	memcpy(&value, (const u8 *)address + 8 * half, sizeof(value));
	return value;
}

/* Whole sockets only: one in TIME_WAIT, or a request, ends before these fields. */
static __always_inline bool hadal_is_udp(const struct sock *sk)
{
	return sk && sk->sk_protocol == IPPROTO_UDP && sk->sk_type == SOCK_DGRAM;
}

/*
 * Of what is received: who peeks says so by a negative length, of which 0 has
 * none. What is peeked is still in the queue.
 */
static inline bool hadal_udp_is_peek(const struct sk_buff *skb, int length)
{
	return length < 0 || (!length && data_race(READ_ONCE(skb->next)));
}

/* As they stand in the headers of little-endian machines: one load each. */
static __always_inline u64 hadal_udp_wire_ports(const struct udphdr *udp)
{
	return (u32)(__force u16)udp->dest << 16 | (__force u16)udp->source;
}

static __always_inline u64 hadal_udp_wire_addresses(const struct iphdr *ip)
{
	return (u64)(__force u32)ip->daddr << 32 | (__force u32)ip->saddr;
}

/* The slot of a flow: the local port stands for the socket. */
static __always_inline u32 hadal_udp_hash(u64 addresses, u64 ports)
{
	return hash_64(addresses + ports, HADAL_UDP_SLOT_BITS);
}

/* Of IPv6 the peer's address tells most. */
static __always_inline u64 hadal_udp_mixed(const struct in6_addr *peer)
{
	return hadal_udp_half6(peer, 0) + hadal_udp_half6(peer, 1);
}

/* The acquire pairs with the release of find_or_add(): what the flow is for is set. */
static __always_inline bool hadal_udp_is(const struct hadal_udp_flow *flow, const struct sock *sk,
					 enum hadal_udp_way way, u64 ports)
{
	return likely(smp_load_acquire(&flow->sk) == sk) && likely(flow->wire[way].ports == ports);
}

static __always_inline bool hadal_udp_between(const struct hadal_udp_flow *flow,
					      const struct in6_addr *local,
					      const struct in6_addr *peer)
{
	return flow->key.addresses[0] == hadal_udp_half6(local, 0) &&
	       flow->key.addresses[1] == hadal_udp_half6(local, 1) &&
	       flow->key.addresses[2] == hadal_udp_half6(peer, 0) &&
	       flow->key.addresses[3] == hadal_udp_half6(peer, 1);
}

/* The line of @last is written to anyway: to ask whether it has changed would cost more. */
static __always_inline void hadal_udp_add(struct hadal_udp_flow *flow, enum hadal_udp_way way,
					  u32 datagrams, u32 bytes)
{
	atomic64_add(bytes, &flow->counts[way].bytes);
	atomic64_add(datagrams, &flow->counts[way].datagrams);
	WRITE_ONCE(flow->last, jiffies);
}

/* Several datagrams in one buffer. */
static __always_inline bool hadal_udp_is_several(const struct sk_buff *skb)
{
	return skb_shinfo(skb)->gso_size;
}

static __always_inline bool hadal_udp_count4(const struct sock *sk, const struct sk_buff *skb,
					     enum hadal_udp_way way, u32 bytes)
{
	u64 ports = hadal_udp_wire_ports(hadal_udp_header(skb));
	u64 addresses = hadal_udp_wire_addresses(hadal_network_header(skb));
	struct hadal_udp_flow *flow;

	flow = __this_cpu_read(hadal_udp_slots.v4[way][hadal_udp_hash(addresses, ports)]);
	if (!hadal_udp_is(flow, sk, way, ports) || unlikely(flow->wire[way].addresses != addresses))
		return false;
	hadal_udp_add(flow, way, 1, bytes);
	return true;
}

static __always_inline bool hadal_udp_count6(const struct sock *sk, const struct sk_buff *skb,
					     enum hadal_udp_way way, u32 bytes)
{
	const struct ipv6hdr *ip = hadal_network_header(skb);
	u64 ports = hadal_udp_wire_ports(hadal_udp_header(skb));
	const struct in6_addr *local = way == HADAL_UDP_SENT ? &ip->saddr : &ip->daddr;
	const struct in6_addr *peer = way == HADAL_UDP_SENT ? &ip->daddr : &ip->saddr;
	u32 slot = hadal_udp_hash(hadal_udp_mixed(peer), ports);
	struct hadal_udp_flow *flow;

	flow = __this_cpu_read(hadal_udp_slots.v6[way][slot]);
	if (!hadal_udp_is(flow, sk, way, ports) || unlikely(!hadal_udp_between(flow, local, peer)))
		return false;
	hadal_udp_add(flow, way, 1, bytes);
	return true;
}

/* What is sent begins with the header of IP. */
static __always_inline u32 hadal_udp_payload(const struct sk_buff *skb)
{
	return skb->len - skb_network_header_len(skb) - sizeof(struct udphdr);
}

/**
 * hadal_udp_send() - ip_send_skb(), ip6_send_skb()
 * @skb: with headers; of whatever protocol and socket, or none
 * @family: of it
 *
 * Whose socket has a flow is UDP's. So nothing is asked of a socket before, which
 * may be none that has the answers.
 * Of others what stands for ports may be behind what was written: IP has set where
 * it begins, and skb_shared_info, which is longer, follows in the same memory.
 */
static __always_inline void hadal_udp_send(const struct sk_buff *skb, u16 family)
{
	bool done;

	if (unlikely(hadal_udp_is_several(skb)))
		done = false;
	else if (family == AF_INET)
		done = hadal_udp_count4(skb->sk, skb, HADAL_UDP_SENT, hadal_udp_payload(skb));
	else
		done = hadal_udp_count6(skb->sk, skb, HADAL_UDP_SENT, hadal_udp_payload(skb));
	if (unlikely(!done))
		hadal_udp_count_sent(skb, family);
}

/**
 * hadal_udp_receive() - skb_consume_udp()
 * @sk: the socket
 * @skb: a datagram, or several where UDP_GRO is on; begins with the payload
 * @length: what the application got of it; negative: it peeked
 *
 * UDP-Lite comes here, too, but none of its sockets has a flow.
 *
 * Return: false: not counted yet, hadal_udp_count_received() is to follow. It is so
 * for each from a server of DNS: whoever wants these need not ask of all others.
 */
static __always_inline bool hadal_udp_receive(const struct sock *sk, const struct sk_buff *skb,
					      int length)
{
	if (unlikely(length <= 0 || hadal_udp_is_several(skb)))
		return false;
	if (likely(skb->protocol == htons(ETH_P_IP)))
		return hadal_udp_count4(sk, skb, HADAL_UDP_RECEIVED, skb->len);
	return hadal_udp_count6(sk, skb, HADAL_UDP_RECEIVED, skb->len);
}

#endif /* HADAL_UDP_COUNT_H */
