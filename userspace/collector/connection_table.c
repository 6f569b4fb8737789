/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "connection_parts.h"

void connection_table_init(struct connection_table *table)
{
	table->table = NULL;
	table->closed = NULL;
	table->pairs = NULL;
	table->released = NULL;
	table->connection_pool = table->pair_pool = (struct pool){ NULL };
	table->start = 0;
	table->dump = 0;
	table->other = table->other_counted = (struct traffic){ 0 };
	table->other_known = false;
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

/* Takes over who its record says has it. */
static void connection_take_owner(struct connection_table *table, struct connection *connection,
				  const struct hadal_tcp *tcp, uint64_t now)
{
	connection->process = (struct process_key){
		.start_boottime = tcp->owner_start_boottime, .tgid = tcp->owner_tgid,
	};
	connection_set_owner(table, connection, connection_owner(table, tcp, now));
}

static void connection_fill(struct connection_table *table, struct connection *connection,
			    const struct hadal_tcp *tcp, uint64_t now)
{
	struct address reached = address_from_bytes(tcp->family, tcp->peer_address);

	connection->id = tcp->id;
	connection->role = connection_role(table, tcp);
	connection->local = address_from_bytes(tcp->family, tcp->local_address);
	connection->peer = reached;
	connection->local_port = tcp->local_port;
	connection->peer_port = tcp->peer_port;
	connection->net_ns = tcp->net_ns;
	connection->start = tcp->start_time;
	connection->seen = now;
	connection->dump = table->dump;
	/* Over UDP the ends are the key: that of the server's view. */
	if (is_udp(table) && connection->role == HADAL_TCP_CLIENT)
		see_through_nat(table, connection);
	connection->pair = pair_of(table, connection, tcp->key);
	connection->entered = connection->role == HADAL_TCP_CLIENT && client_entered(table, tcp);
	connection_take_owner(table, connection, tcp, now);
	if (connection->role == HADAL_TCP_CLIENT && connection->owner)
		connection->name = dns_names_find(table->names, connection->owner->cgroup, &reached,
						  tcp->start_time, now);
}

/* The key of a connection that was in use when it was first met is told later. */
static void connection_learn_key(struct connection_table *table, struct connection *connection,
				 const struct hadal_tcp *tcp)
{
	if (connection->pair || !tcp->key)
		return;
	connection->pair = pair_of(table, connection, tcp->key);
	pair_note(table, connection);
}

static void connection_release(struct connection_table *table, struct connection *connection, uint64_t now)
{
	pair_put(table, connection->pair, now);
	owner_put(table->owners, connection->owner);
	dns_name_put(connection->name);
}

static void connection_remove(struct connection_table *table, struct connection *connection, uint64_t now)
{
	if (connection->closed)
		DL_DELETE(table->closed, connection);
	HASH_DEL(table->table, connection);
	connection_release(table, connection, now);
	pool_put(&table->connection_pool, connection);
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
	table->evicted++;
	return true;
}

static struct connection *connection_new(struct connection_table *table, const struct hadal_tcp *tcp, uint64_t now)
{
	struct connection *connection;

	if (!make_room(table, now))
		return NULL;
	connection = pool_get(&table->connection_pool, sizeof(*connection));
	if (!connection)
		return NULL;
	connection->id = tcp->id;
	HASH_ADD(hh, table->table, id, sizeof(connection->id), connection);
	if (!TABLE_INSERTED(connection, hh)) {
		pool_put(&table->connection_pool, connection);
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
		connection_take_owner(table, connection, &record->tcp, record->header.time);
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

void connection_lives(struct connection_table *table, const struct hadal_tcp *tcp,
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
	connection_learn_key(table, connection, tcp);
	connection->dump = table->dump;
	/* Who has it may be found later than it was: not accepted yet, or looked for by poll. */
	if (!connection->owner || (!connection->process.tgid && tcp->owner_tgid))
		connection_take_owner(table, connection, tcp, now);
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

void connection_ends(struct connection_table *table, const struct hadal_tcp *tcp,
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
	connection_learn_key(table, connection, tcp);
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

/* ---- time ---- */

static void settle(struct connection_table *table, struct connection *connection, uint64_t now)
{
	count_connection(table, connection);
	connection_remove(table, connection, now);
}

void connections_expire(struct connection_table *table, uint64_t now)
{
	while (table->closed && now >= table->closed->closed_at + CONNECTION_SETTLE)
		settle(table, table->closed, now);
	pair_forget(table, now);
}

void connections_settle(struct connection_table *table, uint64_t now, bool all)
{
	struct connection *connection, *next;

	DL_FOREACH_SAFE(table->closed, connection, next) {
		if (all || settled(table, connection, now))
			settle(table, connection, now);
	}
	pair_forget(table, now);
}

static void count_live(struct flow *flow, const struct connection *connection)
{
	flow->active++;
	if (!connection->srtt)
		return;
	flow->rtt.sum += connection->srtt;
	flow->rtt.count++;
}

void connections_interval(struct connection_table *table, uint64_t now, bool all)
{
	struct connection *connection, *next;
	struct flow *flow;

	HASH_ITER(hh, table->table, connection, next) {
		if (connection->closed)
			continue;
		/* Whose other end may yet be seen would be live on an edge that is none. */
		if (!all && !settled(table, connection, now))
			continue;
		/* Who looks at the host between intervals changes nothing of what its end is counted as. */
		if (table->between && may_be_health_check(table, connection, now))
			continue;
		count_connection(table, connection);
		flow = is_udp(table) ? NULL : flow_of(table, connection);
		if (flow)
			count_live(flow, connection);
	}
}

void connections_count_by_process(const struct connection_table *table)
{
	struct connection *connection;
	struct process *process;

	for (process = table->processes->table; process; process = process->hh.next)
		process->active = 0;
	for (connection = table->table; connection; connection = connection->hh.next) {
		process = connection->closed ? NULL : process_of(table, connection);
		if (process)
			process->active++;
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

void connections_restart(struct connection_table *table, uint64_t now)
{
	struct connection *connection, *next;

	HASH_ITER(hh, table->table, connection, next)
		settle(table, connection, now);
	table->start = 0;	/* the new source's clock sets it */
	table->other = table->other_counted = (struct traffic){ 0 };
	table->other_known = false;
}

void connection_table_free(struct connection_table *table)
{
	struct connection *connection, *next;
	struct pair *pair, *next_pair;

	HASH_ITER(hh, table->table, connection, next)
		connection_remove(table, connection, 0);
	HASH_ITER(hh, table->pairs, pair, next_pair)
		pair_remove(table, pair);
	pool_clear(&table->connection_pool);
	pool_clear(&table->pair_pool);
}
