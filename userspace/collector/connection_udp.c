/* SPDX-License-Identifier: MIT */
/*
 * Flows of UDP, as ends of connections.
 */
#include <string.h>

#include "connection_parts.h"

static bool is_ephemeral(const struct connection_table *table, uint16_t port)
{
	return port >= table->config.ephemeral_low && port <= table->config.ephemeral_high;
}

/*
 * Who sent first, as the module saw it: it may have looked in the middle, when
 * the server answered. A port of the ephemeral range is a client's, if the other is not.
 */
static uint8_t udp_role(const struct connection_table *table, const struct hadal_udp *udp)
{
	bool local = is_ephemeral(table, udp->local_port), peer = is_ephemeral(table, udp->peer_port);

	if (local != peer)
		return local ? HADAL_TCP_CLIENT : HADAL_TCP_SERVER;
	return udp->role;
}

/* A flow as an end of a connection. */
static struct hadal_tcp end_of_udp(const struct connection_table *table, const struct hadal_udp *udp)
{
	struct hadal_tcp end = {
		.id = udp->id, .start_time = udp->start_time,
		.cgroup_id = udp->cgroup_id, .socket_cgroup_id = udp->socket_cgroup_id,
		.owner_start_boottime = udp->owner_start_boottime, .owner_tgid = udp->owner_tgid,
		.cgroup_hierarchy = udp->cgroup_hierarchy, .net_ns = udp->net_ns,
		.flags = udp->flags & HADAL_UDP_KERNEL_SOCKET ? HADAL_TCP_KERNEL_SOCKET : 0,
		.role = udp_role(table, udp), .owner = udp->owner, .family = udp->family,
		.local_port = udp->local_port, .peer_port = udp->peer_port,
	};

	memcpy(end.local_address, udp->local_address, sizeof(end.local_address));
	memcpy(end.peer_address, udp->peer_address, sizeof(end.peer_address));
	return end;
}

/* It has no start of its own: what a first dump holds was before, and what comes later has come since. */
static void take_other(struct connection_table *table, const struct hadal_udp *udp)
{
	struct flow_key key = {
		.owner = table->owners->other, .form = FLOW_PEER_OTHER, .transport = table->config.transport,
	};
	struct flow *flow;

	table->other = (struct traffic){ .acked = udp->sent_bytes, .received = udp->received_bytes };
	if (!table->other_known)
		table->other_counted = table->other;
	table->other_known = true;
	if (memcmp(&table->other, &table->other_counted, sizeof(table->other)) == 0)
		return;
	flow = flow_get(table->flows, &key);
	if (!flow)
		return;
	flow->values.acked += growth(table, table->other.acked, &table->other_counted.acked);
	flow->values.received += growth(table, table->other.received, &table->other_counted.received);
}

void connection_udp_record(struct connection_table *table, const struct hadal_record_udp_flow *record)
{
	const struct hadal_udp *udp = &record->udp;
	struct hadal_tcp_counters counters = { .acked = udp->sent_bytes, .received = udp->received_bytes };
	struct hadal_tcp end = end_of_udp(table, udp);

	if (udp->flags & HADAL_UDP_OTHER)
		take_other(table, udp);
	else if (udp->flags & HADAL_UDP_ENDED)
		connection_ends(table, &end, &counters, (struct connection_fate){ 0 }, record->header.time);
	else
		connection_lives(table, &end, &counters, record->header.time);
}
