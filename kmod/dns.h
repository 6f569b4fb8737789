/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Answers of DNS, as applications take them from their UDP sockets. What they say
 * is for user space to find out.
 */
#ifndef HADAL_DNS_H
#define HADAL_DNS_H

#include <linux/types.h>

#include "hadal.h"
#include "udp_count.h"

/* Asked for each datagram; @skb as for hadal_udp_receive(). */
static __always_inline bool hadal_dns_is_from_server(const struct sk_buff *skb)
{
	return hadal_udp_header(skb)->source == htons(HADAL_DNS_PORT);
}

void hadal_dns_receive(const struct sock *sk, const struct sk_buff *skb, int length);

#endif /* HADAL_DNS_H */
