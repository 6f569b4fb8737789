// SPDX-License-Identifier: GPL-2.0-only
/* Part of debug builds alone. */
#include "conn_identity.h"

#ifdef __KERNEL__
#include <linux/string.h>
#endif

atomic64_t hadal_debug_compared;
atomic64_t hadal_debug_mistaken;

/**
 * hadal_conn_identify() - the connection is this one
 * @identity: filled in
 * @tcp: its addresses, ports and namespace
 * @isn: see struct hadal_conn_identity
 */
void hadal_conn_identify(struct hadal_conn_identity *identity, const struct hadal_tcp *tcp,
			 u64 isn)
{
	identity->isn = isn;
	identity->net_ns = tcp->net_ns;
	identity->local_port = tcp->local_port;
	identity->peer_port = tcp->peer_port;
	memcpy(identity->local_address, tcp->local_address, sizeof(identity->local_address));
	memcpy(identity->peer_address, tcp->peer_address, sizeof(identity->peer_address));
	identity->known = true;
}

static bool same_tuple(const struct hadal_conn_identity *identity, const struct hadal_tcp *tcp)
{
	return identity->net_ns == tcp->net_ns && identity->local_port == tcp->local_port &&
	       identity->peer_port == tcp->peer_port &&
	       !memcmp(identity->local_address, tcp->local_address,
		       sizeof(identity->local_address)) &&
	       !memcmp(identity->peer_address, tcp->peer_address,
		       sizeof(identity->peer_address));
}

static bool same_isn(const struct hadal_conn_identity *identity, u64 isn)
{
	return !identity->isn || !isn || identity->isn == isn;
}

/**
 * hadal_conn_compare() - is it still the one it was?
 * @identity: what is not known of it is learnt
 * @tcp: of the socket now
 * @isn: of the socket now, or 0
 *
 * If not, hadal_debug_mistaken counts it.
 */
void hadal_conn_compare(struct hadal_conn_identity *identity, const struct hadal_tcp *tcp,
			u64 isn)
{
	if (!identity->known) {
		hadal_conn_identify(identity, tcp, isn);
		return;
	}
	atomic64_inc(&hadal_debug_compared);
	if (!same_tuple(identity, tcp) || !same_isn(identity, isn))
		atomic64_inc(&hadal_debug_mistaken);
	if (!identity->isn)
		identity->isn = isn;
}
