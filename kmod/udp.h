/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UDP flows: their records. What is done for each datagram is udp_count.h.
 */
#ifndef HADAL_UDP_H
#define HADAL_UDP_H

#include <linux/types.h>

#include "udp_table.h"

struct hadal_session;
struct sock;

/* Idle flows that may be ended at once, with one wait for hooks to end. */
#define HADAL_UDP_IDLE_AT_ONCE	1024U
#define HADAL_UDP_RECORD_SIZE	((u32)sizeof(struct hadal_record_udp_flow))

void hadal_udp_begin(void);
void hadal_udp_end(const struct sock *sk);

bool hadal_udp_tell(struct hadal_session *session, const struct hadal_udp_flow *flow);
bool hadal_udp_tell_other(struct hadal_session *session);
bool hadal_udp_end_idle(u32 *bucket, unsigned int count);
u64 hadal_udp_overflow(void);

#endif /* HADAL_UDP_H */
