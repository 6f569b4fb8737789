// SPDX-License-Identifier: GPL-2.0-only
#include <linux/cgroup.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat.h"
#include "dns.h"
#include "emit.h"
#include "governor.h"
#include "tcp.h"

#define FLAGS_BYTE	2	/* of the header of DNS */
#define QR		0x80	/* in it: an answer */

/* ---- what is the same for all answers in one buffer ---- */

static void put_ends(struct hadal_dns *dns, const struct sk_buff *skb)
{
	const struct udphdr *udp = hadal_udp_header(skb);
	const struct iphdr *ip4 = hadal_network_header(skb);
	const struct ipv6hdr *ip6 = hadal_network_header(skb);

	dns->local_port = ntohs(udp->dest);
	dns->peer_port = ntohs(udp->source);
	if (skb->protocol == htons(ETH_P_IP)) {
		dns->family = AF_INET;
		memcpy(dns->local_address, &ip4->daddr, sizeof(ip4->daddr));
		memcpy(dns->peer_address, &ip4->saddr, sizeof(ip4->saddr));
	} else {
		dns->family = AF_INET6;
		memcpy(dns->local_address, &ip6->daddr, sizeof(ip6->daddr));
		memcpy(dns->peer_address, &ip6->saddr, sizeof(ip6->saddr));
	}
}

static void put_socket(struct hadal_dns *dns, const struct sock *sk)
{
	const struct cgroup *cgroup = READ_ONCE(sk->sk_cgrp_data.cgroup);

	dns->net_ns = sock_net(sk)->ns.inum;
	dns->socket_cgroup_id = cgroup ? cgroup_id(cgroup) : 0;
	if (sk->sk_kern_sock)
		dns->flags |= HADAL_DNS_KERNEL_SOCKET;
	if (sk->sk_family == AF_INET6 && dns->family == AF_INET)
		dns->flags |= HADAL_DNS_V4MAPPED;
}

static void put_owner(struct hadal_dns *dns, const struct hadal_owner *owner)
{
	dns->owner = owner->kind;
	dns->owner_tgid = owner->tgid;
	dns->owner_start_boottime = owner->start_boottime;
	dns->cgroup_id = owner->cgroup_id;
	dns->cgroup_hierarchy = owner->cgroup_hierarchy;
}

/* ---- each of them ---- */

static bool is_answer(const struct sk_buff *skb, u32 offset, u32 length)
{
	u8 copy[HADAL_DNS_HEADER_MIN];
	const u8 *header;

	if (length < HADAL_DNS_HEADER_MIN)
		return false;
	header = skb_header_pointer(skb, offset, sizeof(copy), copy);
	return header && header[FLAGS_BYTE] & QR;
}

static void put_payload(struct hadal_dns *dns, u32 length)
{
	dns->length = length;
	dns->captured = min_t(u32, length, HADAL_DNS_CAPTURED_MAX);
	dns->payload_offset = sizeof(struct hadal_record_dns_answer);
	dns->flags &= ~HADAL_DNS_TRUNCATED;
	if (dns->captured < length)
		dns->flags |= HADAL_DNS_TRUNCATED;
}

/* Joined datagrams are of one size, the last one apart. */
static void emit_answers(struct hadal_dns *dns, u16 filters, const struct sk_buff *skb)
{
	u32 step = skb_shinfo(skb)->gso_size ?: skb->len, offset = 0, length;
	unsigned int left;

	for (left = HADAL_DNS_SEGMENTS_MAX; left && offset < skb->len; left--) {
		length = min(step, skb->len - offset);
		if (is_answer(skb, offset, length)) {
			put_payload(dns, length);
			hadal_emit_dns(dns, filters, skb, offset);
		}
		offset += length;
	}
}

static void receive(const struct sock *sk, const struct sk_buff *skb)
{
	struct hadal_owner owner HADAL_ALL_SET;
	struct hadal_dns dns = { };

	put_ends(&dns, skb);
	put_socket(&dns, sk);
	hadal_tcp_owner(&owner, current, sk->sk_kern_sock ? HADAL_TCP_OWNER_KERNEL :
							    HADAL_TCP_OWNER_CALLER);
	put_owner(&dns, &owner);
	emit_answers(&dns, owner.filters, skb);
}

/*
 * Of a datagram from port 53, in the system call of who receives it; parameters as
 * those of hadal_udp_receive().
 */
void hadal_dns_receive(const struct sock *sk, const struct sk_buff *skb, int length)
{
	u64 began;

	if (!hadal_class_wanted(HADAL_CLASS_DNS) || !hadal_is_udp(sk) ||
	    hadal_udp_is_peek(skb, length))
		return;
	began = hadal_hook_begin();
	receive(sk, skb);
	hadal_hook_end(began);
}
