/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "address.h"
#include "degraded_sockets.h"

/* The kernel's states: linux/tcp_states.h. */
enum {
	STATE_ESTABLISHED = 1, STATE_SYN_SENT = 2, STATE_FIN_WAIT1 = 4, STATE_FIN_WAIT2 = 5, STATE_CLOSE = 7,
	STATE_CLOSE_WAIT = 8, STATE_LAST_ACK = 9, STATE_LISTEN = 10, STATE_CLOSING = 11,
};

#define ID_BIT		(1ULL << 63)	/* the module's ids have it not */
#define PORT_AGE	60000000000ULL	/* ns: a server's connections may outlive its listener */

enum {
	FORGET_POLLS = 2,	/* what the last ones have not found is gone */
	HOLDER_TRIES = 3,
	WANTED_MANY = 256,	/* sockets without holder: then every process is looked at */
};

struct polled_socket {
	UT_hash_handle hh;
	uint64_t cookie;
	struct hadal_tcp tcp;
	struct hadal_tcp_counters counters;
	uint64_t told_received;		/* of counters, at most: what was told does not fall */
	uint32_t inode;
	uint32_t poll;			/* that found it last */
	uint32_t backlog, waiting, drops;
	uint8_t state;
	uint8_t tries;			/* to find its holder */
	bool listener;
	bool told;
	bool gone;			/* destroyed; kept so that a poll that began before does not find it new */
	bool queued;			/* in unowned */
	UT_hash_handle hh_inode;	/* in unowned */
};

struct port_key {
	uint32_t net_ns;
	uint32_t port;
};

struct polled_port {
	UT_hash_handle hh;
	struct port_key key;
	uint64_t seen;			/* ns, CLOCK_MONOTONIC */
};

void degraded_sockets_init(struct degraded_sockets *sockets, const struct config *config, unsigned int limit,
			   struct record_queue *queue, struct counts *counts)
{
	*sockets = (struct degraded_sockets){
		.config = config, .limit = limit, .queue = queue, .counts = counts,
		.ephemeral_low = 32768, .ephemeral_high = 60999,
	};
}

/* ---- roles ---- */

static struct polled_port *port_find(const struct degraded_sockets *sockets, uint32_t net_ns, uint16_t number)
{
	struct port_key key = { .net_ns = net_ns, .port = number };
	struct polled_port *port;

	HASH_FIND(hh, sockets->ports, &key, sizeof(key), port);
	return port;
}

static void port_seen(struct degraded_sockets *sockets, uint32_t net_ns, uint16_t number, uint64_t now)
{
	struct polled_port *port = port_find(sockets, net_ns, number);

	if (!port) {
		if (HASH_COUNT(sockets->ports) >= sockets->limit)
			return;
		port = calloc(1, sizeof(*port));
		if (!port)
			return;
		port->key = (struct port_key){ .net_ns = net_ns, .port = number };
		HASH_ADD(hh, sockets->ports, key, sizeof(port->key), port);
		if (!TABLE_INSERTED(port, hh)) {
			free(port);
			return;
		}
	}
	port->seen = now;
}

static void ports_forget(struct degraded_sockets *sockets, uint64_t now)
{
	struct polled_port *port, *next;

	HASH_ITER(hh, sockets->ports, port, next) {
		if (now < port->seen + PORT_AGE)
			continue;
		HASH_DEL(sockets->ports, port);
		free(port);
	}
}

static bool is_ephemeral(const struct degraded_sockets *sockets, uint16_t port)
{
	return port >= sockets->ephemeral_low && port <= sockets->ephemeral_high;
}

/* sock_diag does not tell who connected: who listens does, or lately did; else which port the kernel chose. */
static uint8_t role_of(const struct degraded_sockets *sockets, const struct hadal_tcp *tcp)
{
	if (port_find(sockets, tcp->net_ns, tcp->local_port))
		return HADAL_TCP_SERVER;
	if (is_ephemeral(sockets, tcp->peer_port) && !is_ephemeral(sockets, tcp->local_port))
		return HADAL_TCP_SERVER;
	return HADAL_TCP_CLIENT;
}

static bool is_loopback(const struct hadal_tcp *tcp)
{
	struct address local = address_from_bytes(tcp->family, tcp->local_address);
	struct address peer = address_from_bytes(tcp->family, tcp->peer_address);

	return address_scope(&local) == ADDRESS_LOOPBACK || address_equal(&local, &peer);
}

/*
 * The kernel's sequence numbers, of which the module makes keys, are not told.
 * Both ends know their addresses: that pairs them within a host, where nothing
 * translates between them. Loopback is each namespace's own.
 */
static uint64_t key_of(const struct hadal_tcp *tcp)
{
	bool client = tcp->role == HADAL_TCP_CLIENT;
	const uint8_t *from = client ? tcp->local_address : tcp->peer_address;
	const uint8_t *to = client ? tcp->peer_address : tcp->local_address;
	uint64_t words[5], key = ID_BIT;

	memcpy(&words[0], from, 16);
	memcpy(&words[2], to, 16);
	words[4] = (uint64_t)(client ? tcp->local_port : tcp->peer_port) << 48 |
		   (uint64_t)(client ? tcp->peer_port : tcp->local_port) << 32 |
		   (is_loopback(tcp) ? tcp->net_ns : 0);
	for (unsigned int i = 0; i < 5; i++)
		key = table_hash_step(key, words[i]);
	return key ? key : 1;
}

/* ---- what a message says ---- */

static void take_ends(struct hadal_tcp *tcp, const struct net_space *space, const struct diag_socket *socket)
{
	tcp->id = socket->cookie | ID_BIT;
	tcp->net_ns = space->net_ns;
	tcp->family = socket->family;
	tcp->flags = HADAL_TCP_INDIRECT | (socket->mapped ? HADAL_TCP_V4MAPPED : 0);
	tcp->local_port = socket->local_port;
	tcp->peer_port = socket->peer_port;
	memcpy(tcp->local_address, socket->local, sizeof(tcp->local_address));
	memcpy(tcp->peer_address, socket->peer, sizeof(tcp->peer_address));
	/* Earlier it was not there, at least not for a poll; the truth lies between. */
	tcp->start_time = space->polled;
	if (space->existed && !space->read_once)
		tcp->flags |= HADAL_TCP_DUMPED;
}

static uint64_t less(uint64_t number, uint64_t by)
{
	return number > by ? number - by : 0;
}

/* Payload handed to the network, each byte once. */
static uint64_t payload_sent(const struct tcp_info *info)
{
	return less(info->tcpi_bytes_sent, info->tcpi_bytes_retrans);
}

/*
 * SYN and FIN take a sequence number each, and the kernel counts them with the
 * bytes that the peer has acknowledged: a client's SYN, and a FIN behind all that was sent.
 */
static bool fin_acked(const struct hadal_tcp *tcp, const struct tcp_info *info)
{
	return info->tcpi_bytes_acked > payload_sent(info) + (tcp->role == HADAL_TCP_CLIENT);
}

static bool peer_closed(uint8_t state)
{
	return state == STATE_CLOSE_WAIT || state == STATE_LAST_ACK || state == STATE_CLOSING;
}

/*
 * Whether the peer's FIN is among the bytes received. In CLOSE the state tells
 * it no more: where this end's FIN was acknowledged the two closed properly.
 */
static bool fin_received(const struct hadal_tcp *tcp, const struct diag_socket *socket)
{
	if (socket->state == STATE_CLOSE)
		return fin_acked(tcp, &socket->info);
	/* The kernel reads the state twice, both times before the counters: it may change between. */
	return peer_closed(socket->state) || peer_closed(socket->info.tcpi_state);
}

static struct hadal_tcp_counters counters_of(const struct hadal_tcp *tcp, const struct diag_socket *socket)
{
	const struct tcp_info *info = &socket->info;
	uint64_t sent = payload_sent(info), acked = less(info->tcpi_bytes_acked, tcp->role == HADAL_TCP_CLIENT);
	bool fin = fin_received(tcp, socket);

	return (struct hadal_tcp_counters){
		.written = sent + info->tcpi_notsent_bytes,
		.sent = sent,
		.acked = acked < sent ? acked : sent,
		.received = less(info->tcpi_bytes_received, fin),
		.retransmitted = info->tcpi_bytes_retrans,
		.unread = socket->waiting,
		.segments_out = info->tcpi_segs_out,
		.segments_in = info->tcpi_segs_in,
		.data_segments_out = info->tcpi_data_segs_out,
		.data_segments_in = info->tcpi_data_segs_in,
		.segments_retransmitted = info->tcpi_total_retrans,
		.srtt = info->tcpi_rtt,
		.rttvar = info->tcpi_rttvar,
		.min_rtt = info->tcpi_min_rtt == UINT32_MAX ? 0 : info->tcpi_min_rtt,
		.congestion_window = info->tcpi_snd_cwnd,
	};
}

/* ---- the table ---- */

static struct polled_socket *socket_find(const struct degraded_sockets *sockets, uint64_t cookie)
{
	struct polled_socket *polled;

	HASH_FIND(hh, sockets->table, &cookie, sizeof(cookie), polled);
	return polled;
}

static void unqueue(struct degraded_sockets *sockets, struct polled_socket *polled)
{
	if (!polled->queued)
		return;
	polled->queued = false;
	HASH_DELETE(hh_inode, sockets->unowned, polled);
}

static void socket_remove(struct degraded_sockets *sockets, struct polled_socket *polled)
{
	unqueue(sockets, polled);
	HASH_DEL(sockets->table, polled);
	pool_put(&sockets->pool, polled);
}

static struct polled_socket *socket_new(struct degraded_sockets *sockets, uint64_t cookie)
{
	struct polled_socket *polled = NULL;

	if (HASH_COUNT(sockets->table) < sockets->limit)
		polled = pool_get(&sockets->pool, sizeof(*polled));
	if (!polled) {
		count(sockets->counts, COUNT_SOCKETS_FULL);
		return NULL;
	}
	polled->cookie = cookie;
	HASH_ADD(hh, sockets->table, cookie, sizeof(polled->cookie), polled);
	if (TABLE_INSERTED(polled, hh))
		return polled;
	pool_put(&sockets->pool, polled);
	return NULL;
}

/* One not held yet may be later: who accepts it is another. */
static void look_for_holder(struct degraded_sockets *sockets, struct polled_socket *polled)
{
	if (polled->queued || !polled->inode || polled->tcp.owner_tgid || polled->tries >= HOLDER_TRIES)
		return;
	polled->tries++;
	HASH_ADD(hh_inode, sockets->unowned, inode, sizeof(polled->inode), polled);
	polled->queued = TABLE_INSERTED(polled, hh_inode);
}

/* ---- filters, as the module has them ---- */

static bool port_is_among(const struct hadal_port_range *ranges, uint32_t count, uint16_t port)
{
	for (uint32_t i = 0; i < count; i++) {
		if (port >= ranges[i].first && port <= ranges[i].last)
			return true;
	}
	return false;
}

static bool either_is_among(const struct hadal_port_range *ranges, uint32_t count, const struct hadal_tcp *tcp)
{
	return port_is_among(ranges, count, tcp->local_port) || port_is_among(ranges, count, tcp->peer_port);
}

static bool passes(const struct degraded_sockets *sockets, const struct hadal_tcp *tcp)
{
	const struct config *config = sockets->config;

	if (!config->filter_loopback && is_loopback(tcp))
		return false;
	if (config->filter_port_count && !either_is_among(config->filter_ports, config->filter_port_count, tcp))
		return false;
	return !either_is_among(config->filter_not_ports, config->filter_not_port_count, tcp);
}

/* Returns whether there was room; what is filtered is counted, as the module counts it. */
static bool add(struct degraded_sockets *sockets, const struct hadal_record *record, size_t size)
{
	if (passes(sockets, hadal_record_tcp(record)))
		return record_queue_add(sockets->queue, record, size);
	sockets->queue->stats.filtered[HADAL_CLASS_TCP]++;
	return false;
}

/* ---- records ---- */

static struct hadal_record header_of(uint16_t type, uint64_t time)
{
	return (struct hadal_record){ .type = type, .record_class = HADAL_CLASS_TCP, .lane = HADAL_LANE_FLOW,
				      .time = time };
}

static void tell_listener(struct degraded_sockets *sockets, const struct polled_socket *polled, uint16_t type,
			  uint32_t flags, uint64_t now)
{
	struct hadal_record_tcp_listener record = {
		.header = header_of(type, now), .tcp = polled->tcp, .backlog = polled->backlog,
		.waiting = polled->waiting, .dropped = polled->drops,
	};

	record.tcp.flags |= flags;
	add(sockets, &record.header, sizeof(record));
}

/* What was there before is told by its counters alone. */
static void tell_open(struct degraded_sockets *sockets, const struct polled_socket *polled, uint64_t now)
{
	struct hadal_record_tcp_established established = {
		.header = header_of(HADAL_RECORD_TCP_ESTABLISHED, now), .tcp = polled->tcp,
	};
	struct hadal_record_tcp_accepted accepted = {
		.header = header_of(HADAL_RECORD_TCP_ACCEPTED, now), .tcp = polled->tcp,
	};

	if (polled->tcp.flags & HADAL_TCP_DUMPED)
		return;
	if (polled->tcp.role == HADAL_TCP_CLIENT)
		add(sockets, &established.header, sizeof(established));
	else
		add(sockets, &accepted.header, sizeof(accepted));
}

static void tell_counters(struct degraded_sockets *sockets, struct polled_socket *polled, uint64_t now)
{
	struct hadal_record_tcp_snapshot record = {
		.header = header_of(HADAL_RECORD_TCP_SNAPSHOT, now), .tcp = polled->tcp,
		.counters = polled->counters, .state = polled->state,
	};

	polled->told_received = polled->counters.received;
	add(sockets, &record.header, sizeof(record));
}

/* Nobody answered, or somebody refused: the kernel counts the segment that said so. */
static void tell_failed(struct degraded_sockets *sockets, const struct hadal_tcp *tcp,
			const struct diag_socket *socket, uint64_t now)
{
	struct hadal_record_tcp_failed record = {
		.header = header_of(HADAL_RECORD_TCP_FAILED, now), .tcp = *tcp,
		.error = socket->info.tcpi_segs_in ? ECONNREFUSED : 0,
		.syn_retransmitted = socket->info.tcpi_total_retrans,
	};

	add(sockets, &record.header, sizeof(record));
}

/*
 * How it ended is not told. Without an acknowledged FIN, and with nothing that
 * waited for an answer, it was a reset, from either end: looks_reset() of the
 * model takes it so by the state.
 */
static void tell_closed(struct degraded_sockets *sockets, const struct hadal_tcp *tcp,
			const struct hadal_tcp_counters *counters, const struct diag_socket *socket, uint64_t now)
{
	bool reset = !fin_acked(tcp, &socket->info) && !socket->info.tcpi_retransmits;
	struct hadal_record_tcp_closed record = {
		.header = header_of(HADAL_RECORD_TCP_CLOSED, now), .tcp = *tcp, .counters = *counters,
		.old_state = reset ? STATE_ESTABLISHED : STATE_CLOSE,
	};

	add(sockets, &record.header, sizeof(record));
}

/* ---- polls ---- */

static bool is_connected(uint8_t state)
{
	return state == STATE_ESTABLISHED || state == STATE_FIN_WAIT1 || state == STATE_FIN_WAIT2 ||
	       peer_closed(state);
}

static void take_state(struct degraded_sockets *sockets, struct polled_socket *polled,
		       const struct diag_socket *socket)
{
	polled->poll = sockets->poll;
	polled->state = socket->state;
	if (socket->inode && !polled->queued)
		polled->inode = socket->inode;
	if (socket->cgroup_id)
		polled->tcp.socket_cgroup_id = socket->cgroup_id;
	if (polled->listener) {
		polled->waiting = socket->waiting;
		polled->backlog = socket->sending;
		polled->drops = socket->drops;
	} else if (socket->counted) {
		polled->counters = counters_of(&polled->tcp, socket);
	}
	look_for_holder(sockets, polled);
}

void degraded_sockets_seen(struct degraded_sockets *sockets, const struct net_space *space,
			   const struct diag_socket *socket, uint64_t now)
{
	struct polled_socket *polled = socket_find(sockets, socket->cookie);
	bool listener = socket->state == STATE_LISTEN;

	/* What has no counters is what is left of a socket that was destroyed. */
	if ((polled && polled->gone) || (!listener && !socket->counted))
		return;
	if (listener)
		port_seen(sockets, space->net_ns, socket->local_port, now);
	if (!polled) {
		polled = socket_new(sockets, socket->cookie);
		if (!polled)
			return;
		polled->listener = listener;
		take_ends(&polled->tcp, space, socket);
		polled->tcp.role = listener ? HADAL_TCP_LISTENER : role_of(sockets, &polled->tcp);
		polled->tcp.key = listener ? 0 : key_of(&polled->tcp);
	}
	take_state(sockets, polled, socket);
}

void degraded_sockets_hold(struct degraded_sockets *sockets, uint32_t inode, const struct hadal_process *holder)
{
	struct polled_socket *polled;

	HASH_FIND(hh_inode, sockets->unowned, &inode, sizeof(inode), polled);
	if (!polled)
		return;
	polled->tcp.owner = HADAL_TCP_OWNER_HOLDER;
	polled->tcp.owner_tgid = holder->tgid;
	polled->tcp.owner_start_boottime = holder->start_boottime;
	polled->tcp.cgroup_id = holder->cgroup_id;
	unqueue(sockets, polled);
}

bool degraded_sockets_want(const struct degraded_sockets *sockets, uint64_t cgroup_id)
{
	const struct polled_socket *polled;

	if (HASH_CNT(hh_inode, sockets->unowned) > WANTED_MANY)
		return true;
	for (polled = sockets->unowned; polled; polled = polled->hh_inode.next) {
		if (!polled->tcp.socket_cgroup_id || polled->tcp.socket_cgroup_id == cgroup_id)
			return true;
	}
	return false;
}

static void tell_new(struct degraded_sockets *sockets, struct polled_socket *polled, uint64_t now)
{
	if (polled->told || polled->gone)
		return;
	if (polled->listener)
		tell_listener(sockets, polled, HADAL_RECORD_TCP_LISTENING, 0, now);
	else if (is_connected(polled->state))
		tell_open(sockets, polled, now);
	else
		return;
	polled->told = true;
}

void degraded_sockets_polled(struct degraded_sockets *sockets, bool whole, uint64_t now)
{
	struct polled_socket *polled, *next;

	while (sockets->unowned)
		unqueue(sockets, sockets->unowned);
	for (polled = sockets->table; polled; polled = polled->hh.next) {
		if (polled->listener)
			tell_new(sockets, polled, now);
	}
	HASH_ITER(hh, sockets->table, polled, next) {
		if (!whole && !polled->gone)
			polled->poll = sockets->poll;
		if (sockets->poll - polled->poll >= FORGET_POLLS)
			socket_remove(sockets, polled);
		else
			tell_new(sockets, polled, now);
	}
	ports_forget(sockets, now);
}

uint64_t degraded_sockets_tell_all(struct degraded_sockets *sockets, uint64_t now)
{
	struct polled_socket *polled;
	uint64_t told = 0;

	for (polled = sockets->table; polled; polled = polled->hh.next) {
		if (polled->gone || !polled->told || !passes(sockets, &polled->tcp))
			continue;
		told++;
		if (polled->listener)
			tell_listener(sockets, polled, HADAL_RECORD_TCP_LISTENING, HADAL_TCP_DUMPED, now);
		else
			tell_counters(sockets, polled, now);
	}
	return told;
}

/* ---- the end ---- */

/* Linger 0 and disconnect() clear the counters before: what was known then stands. */
static struct hadal_tcp_counters last_counters(const struct polled_socket *polled, const struct diag_socket *socket)
{
	struct hadal_tcp_counters last = counters_of(&polled->tcp, socket);

	if (last.segments_out < polled->counters.segments_out || last.acked < polled->counters.acked)
		return polled->counters;
	if (last.received < polled->told_received)
		last.received = polled->told_received;
	return last;
}

static void known_destroyed(struct degraded_sockets *sockets, struct polled_socket *polled,
			    const struct diag_socket *socket, uint64_t now)
{
	struct hadal_tcp_counters last;

	if (polled->gone)
		return;
	if (polled->listener) {
		if (polled->told)
			tell_listener(sockets, polled, HADAL_RECORD_TCP_LISTENER_CLOSED, 0, now);
	} else if (polled->state == STATE_SYN_SENT && !socket->info.tcpi_bytes_acked) {
		tell_failed(sockets, &polled->tcp, socket, now);
	} else {
		last = last_counters(polled, socket);
		tell_closed(sockets, &polled->tcp, &last, socket, now);
	}
	polled->gone = true;
	polled->poll = sockets->poll;
	unqueue(sockets, polled);
}

/*
 * It came and went between two polls. What never connected has no peer; whose
 * counters were cleared leaves nothing to tell.
 */
static void unknown_destroyed(struct degraded_sockets *sockets, const struct net_space *space,
			      const struct diag_socket *socket, uint64_t now)
{
	struct polled_socket *gone;
	struct hadal_tcp_counters counters;
	struct hadal_tcp tcp = { 0 };

	if (!socket->peer_port || !socket->counted || !socket->info.tcpi_segs_out)
		return;
	take_ends(&tcp, space, socket);
	tcp.role = role_of(sockets, &tcp);
	tcp.key = key_of(&tcp);
	tcp.socket_cgroup_id = space->cgroup_id;
	if (tcp.role == HADAL_TCP_CLIENT && !socket->info.tcpi_bytes_acked && !socket->info.tcpi_bytes_received) {
		tell_failed(sockets, &tcp, socket, now);
		return;
	}
	counters = counters_of(&tcp, socket);
	tell_closed(sockets, &tcp, &counters, socket, now);
	gone = socket_new(sockets, socket->cookie);
	if (!gone)
		return;
	gone->gone = true;
	gone->poll = sockets->poll;
}

void degraded_sockets_destroyed(struct degraded_sockets *sockets, const struct net_space *space,
				const struct diag_socket *socket, uint64_t now)
{
	struct polled_socket *polled = socket_find(sockets, socket->cookie);

	if (polled)
		known_destroyed(sockets, polled, socket, now);
	else
		unknown_destroyed(sockets, space, socket, now);
}

void degraded_sockets_free(struct degraded_sockets *sockets)
{
	struct polled_socket *polled, *next;
	struct polled_port *port, *next_port;

	HASH_ITER(hh, sockets->table, polled, next)
		socket_remove(sockets, polled);
	HASH_ITER(hh, sockets->ports, port, next_port) {
		HASH_DEL(sockets->ports, port);
		free(port);
	}
	pool_clear(&sockets->pool);
}
