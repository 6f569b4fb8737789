/* SPDX-License-Identifier: MIT */
/*
 * What connections did, into flows and processes.
 */
#include <string.h>

#include "connection_parts.h"

/* ---- counting ---- */

struct flow *flow_of(struct connection_table *table, struct connection *connection)
{
	struct owner *other = other_end(connection);
	bool client = connection->role == HADAL_TCP_CLIENT;
	struct flow_key key = {
		.owner = connection->owner ? connection->owner : table->owners->unknown,
		.role = connection->role,
		.transport = table->config.transport,
	};

	if (!other)
		see_through_nat(table, connection);
	key.server_port = client ? connection->peer_port : connection->local_port;
	if (other) {
		key.form = FLOW_PEER_OWNER;
		key.peer_owner = other;
		if (client && connection->pair->server_port)
			key.server_port = connection->pair->server_port;
	} else if (peers_is_internet(table->peers, &connection->peer)) {
		key.form = FLOW_PEER_INTERNET;
		key.name = connection->name;
	} else {
		key.form = FLOW_PEER_ADDRESS;
		key.name = connection->name;
		key.peer = connection->peer;
		key.net_ns = connection->net_ns;
	}
	return flow_get(table->flows, &key);
}

/* Counters never fall; if they seem to, nothing is made up. */
uint64_t growth(struct connection_table *table, uint64_t last, uint64_t *counted)
{
	uint64_t grown = last - *counted;

	if (last < *counted) {
		count(table->counts, COUNT_COUNTER_WENT_BACK);
		grown = 0;
	}
	*counted = last;
	return grown;
}

/* The kernel counts segments in 32 bits: a fall by more than half of these is a wrap. */
static uint64_t growth_of_segments(struct connection_table *table, uint64_t last, uint64_t *counted)
{
	uint64_t before = *counted;

	if (last >= before || before - last <= INT32_MAX)
		return growth(table, last, counted);
	*counted = last;
	return (uint32_t)(last - before);
}

/* Of a live connection that goes on, its interval's end is to tell how it fares. */
static bool is_between(const struct connection_table *table, const struct connection *connection)
{
	return table->between && !connection->closed;
}

static void count_traffic(struct connection_table *table, struct connection *connection, struct values *values)
{
	struct traffic *last = &connection->last, *counted = &connection->counted;
	uint64_t sent = growth_of_segments(table, last->segments_sent, &counted->segments_sent);

	values->acked += growth(table, last->acked, &counted->acked);
	values->received += growth(table, last->received, &counted->received);
	values->segments_sent += sent;
	values->segments_retransmitted += growth_of_segments(table, last->segments_retransmitted,
							     &counted->segments_retransmitted);
	connection->sent |= sent > 0;
	if (!connection->sent || is_between(table, connection))
		return;
	connection->sent = false;
	if (connection->srtt)
		values_rtt(values, table->config.histograms, connection->srtt / 1e6, table->counts);
}

struct process *process_of(const struct connection_table *table, const struct connection *connection)
{
	return connection->process.tgid ? process_find(table->processes, connection->process.tgid,
						       connection->process.start_boottime) : NULL;
}

/* For who looks at this host; the process may be forgotten. */
static void count_for_process(const struct connection_table *table, const struct connection *connection,
			      uint64_t opened, uint64_t sent, uint64_t received)
{
	struct process *process = process_of(table, connection);

	if (!process)
		return;
	process->opened += opened;
	process->sent += sent;
	process->received += received;
}

/* ---- health checks ---- */

#define HEALTH_TIME	1000000000ULL	/* ns */

enum { HEALTH_BYTES = 4096 };

/* As checks are, and much else too. @end: of it, or now. */
static bool is_brief(const struct connection *connection, uint64_t end)
{
	return connection->opened && connection->start && end - connection->start <= HEALTH_TIME &&
	       connection->last.acked + connection->last.received <= HEALTH_BYTES;
}

/* By a load balancer, or by the container's own health command over loopback. */
bool may_be_health_check(const struct connection_table *table, const struct connection *connection, uint64_t now)
{
	if (is_udp(table) || !is_brief(connection, now))
		return false;
	if (connection->role == HADAL_TCP_SERVER && peers_is_balancer(table->peers, &connection->peer))
		return true;
	return address_scope(&connection->peer) == ADDRESS_LOOPBACK &&
	       (connection->entered || (connection->pair && connection->pair->entered));
}

static bool is_health_check(const struct connection_table *table, const struct connection *connection)
{
	return connection->closed && !connection->fate.broken &&
	       may_be_health_check(table, connection, connection->closed_at);
}

static void count_health_check(struct connection_table *table, struct connection *connection)
{
	bool client = connection->role == HADAL_TCP_CLIENT;
	struct flow_key key = {
		.owner = connection->owner ? connection->owner : table->owners->unknown,
		.role = connection->role, .form = FLOW_PEER_NONE, .transport = table->config.transport,
		.server_port = client ? connection->peer_port : connection->local_port,
	};
	struct flow *flow = flow_get(table->flows, &key);

	if (flow)
		flow->values.health_checks++;
}

bool client_entered(const struct connection_table *table, const struct hadal_tcp *tcp)
{
	const struct process *process = process_find(table->processes, tcp->owner_tgid, tcp->owner_start_boottime);

	return process && process->entered;
}

void count_connection(struct connection_table *table, struct connection *connection)
{
	uint64_t opened, sent, received;
	struct values *values;
	struct flow *flow;

	/* A flow of UDP is nothing but its traffic: without any it makes no edge. */
	if (is_udp(table) && memcmp(&connection->last, &connection->counted, sizeof(connection->last)) == 0)
		return;
	if (is_health_check(table, connection)) {
		count_health_check(table, connection);
		return;
	}
	flow = flow_of(table, connection);
	if (!flow)
		return;
	values = &flow->values;
	opened = values->opened;
	sent = values->acked;
	received = values->received;
	if (!connection->owner && !is_between(table, connection))
		count(table->counts, COUNT_OWNER_UNKNOWN);
	values->opened += connection->opened;
	values->reset += connection->fate.reset;
	if (connection->fate.broken)
		errors_add(&values->broken, connection->fate.broken, 1, table->counts);
	connection->opened = false;
	connection->fate = (struct connection_fate){ 0 };
	if (connection->connect_latency)
		values_connect(values, table->config.histograms, (double)connection->connect_latency / 1e9,
			       table->counts);
	connection->connect_latency = 0;
	count_traffic(table, connection, values);
	count_for_process(table, connection, values->opened - opened, values->acked - sent,
			  values->received - received);
}

/* Whether more will not be learnt about who is at the other end. */
bool settled(const struct connection_table *table, const struct connection *connection, uint64_t now)
{
	uint64_t since = connection->closed ? connection->closed_at : connection->seen;

	if (!is_udp(table) && now >= since + CONNECTION_SETTLE)
		return true;
	if (connection->unaccepted)
		return false;
	return other_end(connection) || !connection->pair ||
	       peers_is_internet(table->peers, &connection->peer);
}
