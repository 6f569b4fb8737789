/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "connection_table.h"

/* Pairs outlive their ends: the other end's records may come later. ns */
#define PAIR_AGE	10000000000ULL

void connection_table_init(struct connection_table *table)
{
	table->table = NULL;
	table->closed = NULL;
	table->pairs = NULL;
	table->released = NULL;
	table->start = 0;
	table->dump = 0;
	table->other = table->other_counted = (struct traffic){ 0 };
	table->other_known = false;
}

static bool is_udp(const struct connection_table *table)
{
	return table->config.transport == FLOW_UDP;
}

/* ---- pairs ---- */

static void pair_remove(struct connection_table *table, struct pair *pair)
{
	if (!pair->references)
		DL_DELETE(table->released, pair);
	HASH_DEL(table->pairs, pair);
	owner_put(table->owners, pair->client);
	owner_put(table->owners, pair->server);
	free(pair);
}

/* Loopback is every network namespace's own. */
static struct pair_key key_of_ends(const struct connection *connection)
{
	bool client = connection->role == HADAL_TCP_CLIENT;
	const struct address *from = client ? &connection->local : &connection->peer;
	const struct address *to = client ? &connection->peer : &connection->local;
	uint16_t from_port = client ? connection->local_port : connection->peer_port;
	uint16_t to_port = client ? connection->peer_port : connection->local_port;
	bool loopback = address_scope(to) == ADDRESS_LOOPBACK;
	struct pair_key key;

	memcpy(&key.words[0], from->bytes, sizeof(from->bytes));
	memcpy(&key.words[2], to->bytes, sizeof(to->bytes));
	key.words[4] = (uint64_t)from_port << 48 | (uint64_t)to_port << 32 | (loopback ? connection->net_ns : 0);
	return key;
}

static struct pair *pair_new(struct connection_table *table, const struct pair_key *key)
{
	struct pair *pair;

	if (HASH_COUNT(table->pairs) >= table->config.limit && table->released)
		pair_remove(table, table->released);
	if (HASH_COUNT(table->pairs) >= table->config.limit)
		return NULL;
	pair = calloc(1, sizeof(*pair));
	if (!pair)
		return NULL;
	pair->key = *key;
	HASH_ADD(hh, table->pairs, key, sizeof(pair->key), pair);
	if (TABLE_INSERTED(pair, hh))
		return pair;
	free(pair);
	return NULL;
}

static struct pair *pair_get(struct connection_table *table, const struct pair_key *key)
{
	struct pair *pair;

	HASH_FIND(hh, table->pairs, key, sizeof(*key), pair);
	if (pair && !pair->references)
		DL_DELETE(table->released, pair);
	if (!pair)
		pair = pair_new(table, key);
	if (!pair) {
		count(table->counts, COUNT_PAIRS_FULL);
		return NULL;
	}
	pair->references++;
	return pair;
}

/* @key: of the connection, from its record; 0: it has none. */
static struct pair *pair_of(struct connection_table *table, const struct connection *connection, uint64_t key)
{
	struct pair_key pair = { .words = { key } };

	if (is_udp(table))
		pair = key_of_ends(connection);
	else if (!key)
		return NULL;
	return pair_get(table, &pair);
}

static void pair_put(struct connection_table *table, struct pair *pair, uint64_t now)
{
	if (!pair || --pair->references)
		return;
	pair->released = now;
	DL_APPEND(table->released, pair);
}

static void pair_forget(struct connection_table *table, uint64_t now)
{
	while (table->released && now > table->released->released &&
	       now - table->released->released >= PAIR_AGE)
		pair_remove(table, table->released);
}

/* Enters what is known of this end. */
static void pair_note(struct connection_table *table, struct connection *connection)
{
	struct pair *pair = connection->pair;
	struct owner **end;

	if (!pair || !connection->owner)
		return;
	end = connection->role == HADAL_TCP_CLIENT ? &pair->client : &pair->server;
	owner_put(table->owners, *end);
	*end = owner_ref(connection->owner);
	if (connection->role == HADAL_TCP_SERVER)
		pair->server_port = connection->local_port;
}

static struct owner *other_end(const struct connection *connection)
{
	if (!connection->pair)
		return NULL;
	return connection->role == HADAL_TCP_CLIENT ? connection->pair->server : connection->pair->client;
}

/* ---- owners ---- */

static struct owner *owner_of_process(struct connection_table *table, const struct hadal_tcp *tcp, uint64_t now)
{
	const struct process *process = NULL;
	struct cgroup *cgroup;

	if (tcp->owner_tgid)
		process = process_find(table->processes, tcp->owner_tgid, tcp->owner_start_boottime);
	if (process && (!tcp->cgroup_id || (process->cgroup_id == tcp->cgroup_id &&
					    process->cgroup_hierarchy == tcp->cgroup_hierarchy)))
		return owner_ref(process->owner);
	cgroup = cgroup_get(table->cgroups, tcp->cgroup_hierarchy, tcp->cgroup_id, (int)tcp->owner_tgid, now);
	if (!cgroup && !process)
		return NULL;
	return owner_get(table->owners, cgroup, process ? process->executable : "");
}

/* UDP knows no listeners. */
static struct owner *owner_of_listener(const struct connection_table *table, const struct hadal_tcp *tcp)
{
	struct address local = address_from_bytes(tcp->family, tcp->local_address);

	return is_udp(table) ? NULL : listener_owner(table->listeners, tcp->net_ns, &local, tcp->local_port);
}

/* Nobody has taken the connection yet: it is for those who listen. */
static struct owner *owner_of_socket(struct connection_table *table, const struct hadal_tcp *tcp, uint64_t now)
{
	struct owner *listening = NULL;
	struct cgroup *cgroup;

	if (tcp->role == HADAL_TCP_SERVER)
		listening = owner_of_listener(table, tcp);
	if (listening)
		return owner_ref(listening);
	/* After the listener: what an MPTCP listener accepts has the flag too. */
	if (tcp->flags & HADAL_TCP_KERNEL_SOCKET)
		return owner_ref(table->owners->kernel);
	cgroup = cgroup_get(table->cgroups, 0, tcp->socket_cgroup_id, 0, now);
	return cgroup ? owner_get(table->owners, cgroup, "") : NULL;
}

struct owner *connection_owner(struct connection_table *table, const struct hadal_tcp *tcp, uint64_t now)
{
	struct owner *owner;

	if (tcp->owner == HADAL_TCP_OWNER_KERNEL)
		return owner_ref(table->owners->kernel);
	owner = owner_of_process(table, tcp, now);
	return owner ? owner : owner_of_socket(table, tcp, now);
}

/* ---- counting ---- */

static struct flow *flow_of(struct connection_table *table, const struct connection *connection)
{
	struct owner *other = other_end(connection);
	bool client = connection->role == HADAL_TCP_CLIENT;
	struct flow_key key = {
		.owner = connection->owner ? connection->owner : table->owners->unknown,
		.role = connection->role,
		.transport = table->config.transport,
		.server_port = client ? connection->peer_port : connection->local_port,
	};

	if (other) {
		key.form = FLOW_PEER_OWNER;
		key.peer_owner = other;
		if (client && connection->pair->server_port)
			key.server_port = connection->pair->server_port;
	} else if (peers_is_internet(table->peers, &connection->peer)) {
		key.form = FLOW_PEER_INTERNET;
	} else {
		key.form = FLOW_PEER_ADDRESS;
		key.peer = connection->peer;
		key.net_ns = connection->net_ns;
	}
	return flow_get(table->flows, &key);
}

/* Counters never fall; if they seem to, nothing is made up. */
static uint64_t growth(struct connection_table *table, uint64_t last, uint64_t *counted)
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

static void count_traffic(struct connection_table *table, struct connection *connection, struct values *values)
{
	struct traffic *last = &connection->last, *counted = &connection->counted;
	uint64_t sent = growth_of_segments(table, last->segments_sent, &counted->segments_sent);

	values->acked += growth(table, last->acked, &counted->acked);
	values->received += growth(table, last->received, &counted->received);
	values->segments_sent += sent;
	values->segments_retransmitted += growth_of_segments(table, last->segments_retransmitted,
							     &counted->segments_retransmitted);
	if (sent && connection->srtt)
		values_rtt(values, table->config.histograms, connection->srtt / 1e6, table->counts);
}

static void count_connection(struct connection_table *table, struct connection *connection)
{
	struct values *values;
	struct flow *flow;

	/* A flow of UDP is nothing but its traffic: without any it makes no edge. */
	if (is_udp(table) && memcmp(&connection->last, &connection->counted, sizeof(connection->last)) == 0)
		return;
	flow = flow_of(table, connection);
	if (!flow)
		return;
	values = &flow->values;
	if (!connection->owner)
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
}

/* Whether more will not be learnt about who is at the other end. */
static bool settled(const struct connection_table *table, const struct connection *connection, uint64_t now)
{
	uint64_t since = connection->closed ? connection->closed_at : connection->seen;

	if (!is_udp(table) && now >= since + CONNECTION_SETTLE)
		return true;
	if (connection->unaccepted)
		return false;
	return other_end(connection) || !connection->pair ||
	       peers_is_internet(table->peers, &connection->peer);
}

/* ---- the table ---- */

static struct connection *connection_find(const struct connection_table *table, uint64_t id)
{
	struct connection *connection;

	HASH_FIND(hh, table->table, &id, sizeof(id), connection);
	return connection;
}

static uint8_t connection_role(const struct connection_table *table, const struct hadal_tcp *tcp)
{
	if (tcp->role == HADAL_TCP_CLIENT || tcp->role == HADAL_TCP_SERVER)
		return tcp->role;
	return owner_of_listener(table, tcp) ? HADAL_TCP_SERVER : HADAL_TCP_CLIENT;
}

/* Takes the reference to @owner. */
static void connection_set_owner(struct connection_table *table, struct connection *connection, struct owner *owner)
{
	owner_put(table->owners, connection->owner);
	connection->owner = owner;
	pair_note(table, connection);
}

static void connection_fill(struct connection_table *table, struct connection *connection,
			    const struct hadal_tcp *tcp, uint64_t now)
{
	connection->id = tcp->id;
	connection->role = connection_role(table, tcp);
	connection->local = address_from_bytes(tcp->family, tcp->local_address);
	connection->peer = address_from_bytes(tcp->family, tcp->peer_address);
	connection->local_port = tcp->local_port;
	connection->peer_port = tcp->peer_port;
	connection->net_ns = tcp->net_ns;
	connection->seen = now;
	connection->dump = table->dump;
	connection->pair = pair_of(table, connection, tcp->key);
	connection_set_owner(table, connection, connection_owner(table, tcp, now));
}

static void connection_release(struct connection_table *table, struct connection *connection, uint64_t now)
{
	pair_put(table, connection->pair, now);
	owner_put(table->owners, connection->owner);
}

static void connection_remove(struct connection_table *table, struct connection *connection, uint64_t now)
{
	if (connection->closed)
		DL_DELETE(table->closed, connection);
	HASH_DEL(table->table, connection);
	connection_release(table, connection, now);
	free(connection);
}

/* The closed that wait make room before the living do. */
static bool make_room(struct connection_table *table, uint64_t now)
{
	if (HASH_COUNT(table->table) < table->config.limit)
		return true;
	if (!table->closed)
		return false;
	count_connection(table, table->closed);
	connection_remove(table, table->closed, now);
	return true;
}

static struct connection *connection_new(struct connection_table *table, const struct hadal_tcp *tcp, uint64_t now)
{
	struct connection *connection;

	if (!make_room(table, now))
		return NULL;
	connection = calloc(1, sizeof(*connection));
	if (!connection)
		return NULL;
	connection->id = tcp->id;
	HASH_ADD(hh, table->table, id, sizeof(connection->id), connection);
	if (!TABLE_INSERTED(connection, hh)) {
		free(connection);
		return NULL;
	}
	connection_fill(table, connection, tcp, now);
	return connection;
}

/* Whether this end was opened while the collector looked. */
static bool opened_here(const struct connection_table *table, const struct hadal_tcp *tcp)
{
	return !(tcp->flags & (HADAL_TCP_DUMPED | HADAL_TCP_NO_OPEN_SEEN)) && tcp->start_time &&
	       tcp->start_time >= table->start;
}

/* ---- records ---- */

/* The module had no room for it: it will not name this end again. */
static bool untracked(const struct hadal_tcp *tcp)
{
	return !tcp->id || tcp->flags & HADAL_TCP_NO_OPEN_SEEN;
}

/* Its opening is all that is told of such an end. */
static void count_untracked(struct connection_table *table, const struct hadal_tcp *tcp, uint64_t now)
{
	struct connection connection = { .opened = true };

	count(table->counts, COUNT_OPEN_NOT_SEEN);
	connection_fill(table, &connection, tcp, now);
	count_connection(table, &connection);
	connection_release(table, &connection, now);
}

static struct connection *connection_open(struct connection_table *table, const struct hadal_tcp *tcp, uint64_t now)
{
	struct connection *connection = connection_find(table, tcp->id);

	if (connection)
		return connection;
	connection = connection_new(table, tcp, now);
	if (!connection) {
		count(table->counts, COUNT_CONNECTIONS_FULL);
		return NULL;
	}
	connection->opened = !(tcp->flags & HADAL_TCP_DUMPED);
	connection->baseline_missing = !connection->opened;
	return connection;
}

static void established(struct connection_table *table, const struct hadal_record_tcp_established *record)
{
	struct connection *connection;

	if (untracked(&record->tcp)) {
		count_untracked(table, &record->tcp, record->header.time);
		return;
	}
	connection = connection_open(table, &record->tcp, record->header.time);
	if (connection && !(record->tcp.flags & HADAL_TCP_FASTOPEN))
		connection->connect_latency = record->connect_latency;
}

static void accepted(struct connection_table *table, const struct hadal_record_tcp_accepted *record)
{
	struct connection *connection;

	if (untracked(&record->tcp)) {
		count_untracked(table, &record->tcp, record->header.time);
		return;
	}
	if (record->tcp.flags & HADAL_TCP_ACCEPTED_AFTER_CLOSE) {
		connection = connection_find(table, record->tcp.id);
		if (!connection)
			count(table->counts, COUNT_ACCEPT_TOO_LATE);
	} else {
		connection = connection_open(table, &record->tcp, record->header.time);
	}
	if (connection)
		connection_set_owner(table, connection, connection_owner(table, &record->tcp, record->header.time));
}

static void failed(struct connection_table *table, const struct hadal_record_tcp_failed *record)
{
	struct connection connection = { 0 };
	struct flow *flow;

	connection_fill(table, &connection, &record->tcp, record->header.time);
	connection.role = HADAL_TCP_CLIENT;
	flow = flow_of(table, &connection);
	if (flow)
		errors_add(&flow->values.failed, (int)record->error, 1, table->counts);
	connection_release(table, &connection, record->header.time);
}

static struct traffic traffic_of(const struct hadal_tcp_counters *counters)
{
	return (struct traffic){
		.acked = counters->acked,
		.received = counters->received,
		.segments_sent = counters->segments_out,
		.segments_retransmitted = counters->segments_retransmitted,
	};
}

/* A connection met for the first time, by its counters. */
static void set_baseline(struct connection_table *table, struct connection *connection,
			 const struct hadal_tcp *tcp, const struct hadal_tcp_counters *counters)
{
	if (opened_here(table, tcp))
		connection->opened = !is_udp(table);
	else
		connection->counted = traffic_of(counters);
}

static void take_counters(struct connection_table *table, struct connection *connection,
			  const struct hadal_tcp_counters *counters)
{
	connection->last = traffic_of(counters);
	connection->srtt = counters->srtt;
	if (!connection->baseline_missing)
		return;
	count(table->counts, COUNT_BASELINE_MISSING);
	connection->baseline_missing = false;
	connection->counted = connection->last;
}

static void connection_lives(struct connection_table *table, const struct hadal_tcp *tcp,
			     const struct hadal_tcp_counters *counters, uint64_t now)
{
	struct connection *connection = connection_find(table, tcp->id);

	if (!connection) {
		connection = connection_new(table, tcp, now);
		if (!connection) {
			count(table->counts, COUNT_CONNECTIONS_FULL);
			return;
		}
		set_baseline(table, connection, tcp, counters);
	}
	if (connection->closed)
		return;
	take_counters(table, connection, counters);
	connection->dump = table->dump;
	if (!connection->owner)
		connection_set_owner(table, connection, connection_owner(table, tcp, now));
}

static void snapshot(struct connection_table *table, const struct hadal_record_tcp_snapshot *record)
{
	connection_lives(table, &record->tcp, &record->counters, record->header.time);
}

/*
 * As was_reset(), of a module that does not tell. The peer's reset shows in the
 * error (EPIPE: it came after the peer's FIN). This end's own leaves none: a
 * close that skips FIN, out of a state that has not sent one. Source:
 * tcp_reset(), tcp_close(), tcp_disconnect() of the kernel.
 */
static bool looks_reset(const struct hadal_record_tcp_closed *record)
{
	switch (record->error) {
	case ECONNRESET:
	case EPIPE:
	case ECONNABORTED:
		return true;
	case 0:
		return record->old_state == TCP_ESTABLISHED || record->old_state == TCP_SYN_RECV ||
		       record->old_state == TCP_CLOSE_WAIT;
	default:
		return false;
	}
}

/*
 * Whether the connection ended by a reset, from whichever end. What had ended
 * otherwise before, by a time-out or by the FINs of both, a reset behind it ends
 * no more. Some endings reset only if there is anything to reset: the module
 * tells whether this end did.
 */
static bool was_reset(const struct hadal_record_tcp_closed *record)
{
	switch (record->ending) {
	case HADAL_TCP_ENDING_UNKNOWN:
		return looks_reset(record);
	case HADAL_TCP_ENDING_RESET:
	case HADAL_TCP_ENDING_RESET_AFTER_CLOSE:
	case HADAL_TCP_ENDING_ABORTED_UNREAD:
	case HADAL_TCP_ENDING_DESTROYED:
		return true;
	case HADAL_TCP_ENDING_ABORTED_LINGER:
	case HADAL_TCP_ENDING_DISCONNECTED:
	case HADAL_TCP_ENDING_NOT_ACCEPTED:
	case HADAL_TCP_ENDING_KERNEL:
		return record->tcp.flags & HADAL_TCP_RESET_SENT;
	default:
		return false;
	}
}

/* An old module leaves only the error to tell by. */
static bool was_broken(const struct hadal_record_tcp_closed *record)
{
	switch (record->ending) {
	case HADAL_TCP_ENDING_UNKNOWN:
		return record->error && !looks_reset(record);
	case HADAL_TCP_ENDING_TIMED_OUT:
	case HADAL_TCP_ENDING_UNREACHABLE:
		return true;
	default:
		return false;
	}
}

static struct connection_fate fate_of(const struct hadal_record_tcp_closed *record)
{
	return (struct connection_fate){
		.broken = was_broken(record) ? (int)record->error : 0,
		.reset = was_reset(record),
	};
}

static void close_connection(struct connection_table *table, struct connection *connection, uint64_t now)
{
	connection->closed = true;
	connection->closed_at = now;
	DL_APPEND(table->closed, connection);
	if (!settled(table, connection, now))
		return;
	count_connection(table, connection);
	connection_remove(table, connection, now);
}

/* Closed and not in the table, and no room for it: counted as it is. */
static void count_closed(struct connection_table *table, const struct hadal_tcp *tcp,
			 const struct hadal_tcp_counters *counters, struct connection_fate fate, uint64_t now)
{
	struct connection connection = { .fate = fate };

	count(table->counts, COUNT_CONNECTIONS_FULL);
	connection_fill(table, &connection, tcp, now);
	set_baseline(table, &connection, tcp, counters);
	take_counters(table, &connection, counters);
	count_connection(table, &connection);
	connection_release(table, &connection, now);
}

static void connection_ends(struct connection_table *table, const struct hadal_tcp *tcp,
			    const struct hadal_tcp_counters *counters, struct connection_fate fate, uint64_t now)
{
	struct connection *connection = connection_find(table, tcp->id);

	if (!connection) {
		if (!opened_here(table, tcp))
			count(table->counts, COUNT_BASELINE_MISSING);
		connection = connection_new(table, tcp, now);
		if (!connection) {
			count_closed(table, tcp, counters, fate, now);
			return;
		}
		set_baseline(table, connection, tcp, counters);
	}
	if (connection->closed)
		return;
	take_counters(table, connection, counters);
	connection->fate = fate;
	connection->unaccepted = tcp->flags & HADAL_TCP_NOT_ACCEPTED;
	close_connection(table, connection, now);
}

static void closed(struct connection_table *table, const struct hadal_record_tcp_closed *record)
{
	if (untracked(&record->tcp))
		count(table->counts, COUNT_BASELINE_MISSING);
	else
		connection_ends(table, &record->tcp, &record->counters, fate_of(record), record->header.time);
}

void connection_record(struct connection_table *table, const struct hadal_record *record)
{
	switch (record->type) {
	case HADAL_RECORD_TCP_ESTABLISHED:
		established(table, (const struct hadal_record_tcp_established *)record);
		break;
	case HADAL_RECORD_TCP_ACCEPTED:
		accepted(table, (const struct hadal_record_tcp_accepted *)record);
		break;
	case HADAL_RECORD_TCP_FAILED:
		failed(table, (const struct hadal_record_tcp_failed *)record);
		break;
	case HADAL_RECORD_TCP_SNAPSHOT:
		snapshot(table, (const struct hadal_record_tcp_snapshot *)record);
		break;
	case HADAL_RECORD_TCP_CLOSED:
		closed(table, (const struct hadal_record_tcp_closed *)record);
		break;
	default:
		count(table->counts, COUNT_RECORD_UNKNOWN);
	}
}

/* ---- udp ---- */

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

/* ---- time ---- */

void connections_settle(struct connection_table *table, uint64_t now, bool all)
{
	struct connection *connection, *next;

	DL_FOREACH_SAFE(table->closed, connection, next) {
		if (!all && !settled(table, connection, now))
			continue;
		count_connection(table, connection);
		connection_remove(table, connection, now);
	}
	pair_forget(table, now);
}

void connections_interval(struct connection_table *table, uint64_t now, bool all)
{
	struct connection *connection, *next;
	struct flow *flow;

	HASH_ITER(hh, table->table, connection, next) {
		if (connection->closed)
			continue;
		if (all || settled(table, connection, now))
			count_connection(table, connection);
		flow = is_udp(table) ? NULL : flow_of(table, connection);
		if (flow)
			flow->active++;
	}
}

void connections_sweep(struct connection_table *table, uint32_t dump, uint64_t now)
{
	struct connection *connection, *next;

	table->other_known = true;	/* none, if a whole dump holds none */
	HASH_ITER(hh, table->table, connection, next) {
		if (connection->closed || connection->dump + 1 >= dump)
			continue;
		count(table->counts, COUNT_CLOSE_NOT_SEEN);
		close_connection(table, connection, now);
	}
}

void connection_table_free(struct connection_table *table)
{
	struct connection *connection, *next;
	struct pair *pair, *next_pair;

	HASH_ITER(hh, table->table, connection, next)
		connection_remove(table, connection, 0);
	HASH_ITER(hh, table->pairs, pair, next_pair)
		pair_remove(table, pair);
}
