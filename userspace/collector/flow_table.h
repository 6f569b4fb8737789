/* SPDX-License-Identifier: MIT */
/*
 * Flows: what connections, or the flows of UDP, did since the last interval, by local owner and by
 * the peer as it was known then. Edges are made of them when both have names.
 */
#ifndef HADALD_FLOW_TABLE_H
#define HADALD_FLOW_TABLE_H

#include <stdint.h>

#include "address.h"
#include "dns_names.h"
#include "owner.h"
#include "values.h"

enum flow_peer {
	FLOW_PEER_OWNER,	/* the other end was seen on this host */
	FLOW_PEER_ADDRESS,
	FLOW_PEER_INTERNET,	/* any public address */
	FLOW_PEER_OTHER,	/* the table was full */
	FLOW_PEER_NONE,		/* what concerns a listener, whoever its clients are */
};

enum flow_transport {
	FLOW_TCP,
	FLOW_UDP,
};

struct flow_key {
	struct owner *owner;
	struct owner *peer_owner;	/* FLOW_PEER_OWNER */
	struct address peer;		/* FLOW_PEER_ADDRESS */
	struct dns_name *name;		/* of the peer, to the client; NULL: none */
	uint32_t net_ns;		/* FLOW_PEER_ADDRESS */
	uint16_t server_port;
	uint8_t role;			/* enum hadal_tcp_role: client or server; unknown: of owners->other */
	uint8_t form;			/* enum flow_peer */
	uint8_t transport;		/* enum flow_transport */
	uint8_t zero[7];
};

struct flow {
	UT_hash_handle hh;
	struct flow_key key;
	struct values values;
	uint64_t active;	/* live connections at this interval's end; none of UDP */
	struct live_rtt rtt;	/* of these */
};

struct flow_table {
	struct flow *table;
	struct owners *owners;
	unsigned int limit;
	struct counts *counts;
};

void flow_table_init(struct flow_table *table, unsigned int limit, struct owners *owners, struct counts *counts);
void flow_table_free(struct flow_table *table);

/*
 * The flow of that key, made at first use; beyond the bound one without peer
 * and port. NULL: no memory. Takes references of its own to the owners.
 */
struct flow *flow_get(struct flow_table *table, const struct flow_key *key);

/* At an interval's end, before its connections are counted: nothing is live any more. */
void flows_begin(struct flow_table *table);
void flow_remove(struct flow_table *table, struct flow *flow);

#endif
