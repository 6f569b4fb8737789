/* SPDX-License-Identifier: MIT */
/*
 * Ends of connections, live and lately closed. The module's counters are
 * absolute for each; what they grew by goes into flows, at the close and at
 * each interval, once it is known who is at the other end or that it will not
 * be known. What sockets exchange over UDP is kept likewise, in a table of its
 * own: an end is then what one socket exchanges with one peer.
 */
#ifndef HADALD_CONNECTION_TABLE_H
#define HADALD_CONNECTION_TABLE_H

#include <hadal/uapi.h>

#include "flow_table.h"
#include "listener_table.h"
#include "nat.h"
#include "peers.h"
#include "pool.h"
#include "process_table.h"

/* How long an end waits for the other to show itself, ns; over UDP till the interval's end. */
#define CONNECTION_SETTLE	2000000000ULL

struct connection_table_config {
	unsigned int limit;
	enum histogram_form histograms;
	uint8_t transport;	/* enum flow_transport */
	uint16_t ephemeral_low, ephemeral_high;	/* UDP: what clients' ports are */
	nat_fn nat;		/* NULL: nobody is asked */
	void *nat_context;
};

struct traffic {
	uint64_t acked;		/* UDP: sent */
	uint64_t received;
	uint64_t segments_sent;
	uint64_t segments_retransmitted;
};

/* What both ends know alike. TCP: the key of the connection. UDP: address and port of client and server. */
struct pair_key {
	uint64_t words[5];
};

/* Both ends of a connection by its key, while one of them is seen here. */
struct pair {
	UT_hash_handle hh;
	struct pair_key key;
	struct owner *client, *server;	/* NULL: not seen */
	bool entered;			/* the client's process had entered its container */
	uint16_t server_port;
	unsigned int references;	/* by connections */
	uint64_t released;		/* ns; when the last reference went */
	struct pair *prev, *next;	/* of those without references */
};

/* How a connection ended, but by FINs. */
struct connection_fate {
	int broken;	/* errno: no answer came any more; 0: not so */
	bool reset;
};

struct connection {
	UT_hash_handle hh;
	uint64_t id;
	struct owner *owner;		/* NULL: none known */
	struct process_key process;	/* who connected or accepted it; tgid 0: not known */
	struct pair *pair;		/* NULL: no key, or no room */
	struct dns_name *name;		/* of the peer, if this is the client; NULL: none */
	struct address local, peer;
	uint32_t net_ns;
	uint16_t local_port, peer_port;
	uint8_t role;			/* HADAL_TCP_CLIENT or HADAL_TCP_SERVER */
	bool opened;			/* to be counted as opened */
	bool entered;			/* this is the client, of a process that entered its container */
	bool nat_asked;			/* local and peer are as NAT leaves them, as far as it tells */
	struct connection_fate fate;	/* to be counted */
	bool closed;
	bool unaccepted;		/* closed before accept() took it: that may still come */
	bool baseline_missing;		/* the next counters begin the count */
	bool sent;			/* since its RTT was last recorded */
	uint64_t connect_latency;	/* ns, to be recorded; 0: none */
	uint64_t start;			/* ns, CLOCK_MONOTONIC; 0: not known */
	uint64_t seen;			/* ns, CLOCK_MONOTONIC, first */
	uint64_t closed_at;
	uint32_t srtt;			/* us; 0: none */
	uint32_t dump;			/* as in struct listener */
	struct traffic last, counted;
	struct connection *prev, *next;	/* of the closed, in order of closing */
};

struct connection_table {
	struct connection_table_config config;
	struct connection *table;
	struct connection *closed;
	struct pair *pairs;
	struct pair *released;
	struct pool connection_pool, pair_pool;
	struct process_table *processes;
	struct cgroups *cgroups;
	struct owners *owners;
	struct listener_table *listeners;
	struct peers *peers;
	struct dns_names *names;
	struct flow_table *flows;
	struct counts *counts;
	uint64_t evicted;	/* closed ends that made room before their time */
	uint64_t start;		/* ns, CLOCK_MONOTONIC: since when records came */
	uint32_t dump;		/* number of the last dump of connections that began */
	struct traffic other, other_counted;	/* UDP: what the module had no room to tell apart */
	bool other_known;	/* what of it was before is in other_counted */
	bool between;		/* what lives is counted within an interval: its end tells how it fares */
};

/* The rest of @table is the caller's to set before and stays; see model.c. */
void connection_table_init(struct connection_table *table);
void connection_table_free(struct connection_table *table);

/* Takes over a record of a connection (not of a listener). */
void connection_record(struct connection_table *table, const struct hadal_record *record);

/* The same for UDP, in a table for it. */
void connection_udp_record(struct connection_table *table, const struct hadal_record_udp_flow *record);

/* The owner of a socket as its record tells it; a reference for the caller, or NULL. */
struct owner *connection_owner(struct connection_table *table, const struct hadal_tcp *tcp, uint64_t now);

/* Now and then: counts closed ends that have waited for the other as long as they may; of TCP. */
void connections_expire(struct connection_table *table, uint64_t now);

/* Counts closed ends that have waited long enough for the other; all of them with @all. */
void connections_settle(struct connection_table *table, uint64_t now, bool all);

/*
 * At an interval's end: counts what live connections have done (all of them
 * with @all, else those that are settled), and how many each flow has.
 */
void connections_interval(struct connection_table *table, uint64_t now, bool all);

/* Sets how many live connections each process has. */
void connections_count_by_process(const struct connection_table *table);

/*
 * Another source tells of them from now on, by other ids: counts them all, and
 * forgets them. None has ended, so none is counted as closed.
 */
void connections_restart(struct connection_table *table, uint64_t now);

/* Ends those that neither dump @dump nor the one before it held. */
void connections_sweep(struct connection_table *table, uint32_t dump, uint64_t now);

#endif
