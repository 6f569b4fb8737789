/* SPDX-License-Identifier: MIT */
/*
 * Edges: (local workload, role, peer, server port, transport) with what adds up
 * on them since they began, and what concerns a listener of the workload. These
 * are the series that are shipped.
 */
#ifndef HADALD_EDGE_TABLE_H
#define HADALD_EDGE_TABLE_H

#include "flow_table.h"
#include "peers.h"
#include "points_plan.h"
#include "values.h"
#include "workload.h"

struct edge_key {
	struct workload *workload;
	struct workload *peer;		/* PEER_WORKLOAD */
	const char *peer_name;		/* of another kind; NULL for none */
	const char *via;		/* as in struct peer */
	uint16_t server_port;		/* 0: left out */
	uint8_t role;
	uint8_t kind;			/* enum peer_kind */
	uint8_t transport;		/* enum flow_transport */
	uint8_t zero[3];
};

struct edge {
	UT_hash_handle hh;
	struct edge_key key;
	struct values values;
	uint64_t active;
	struct live_rtt rtt;	/* of these */
	uint64_t start_time;	/* ns since the epoch */
	uint64_t active_time;	/* ns since the epoch: when something was last added, or was live */
	struct dns_name *dns;	/* whose text key.peer_name is; NULL: it is from elsewhere */
	bool ended;		/* to be shipped as ended and then removed */

	enum points_state state;	/* folded: in an edge of the workload `other` */
	bool late;		/* told, and not in this interval's batch */
	bool begun;		/* its series have been in a batch */
	bool others;		/* others add up in it */
	struct values *shipped;	/* what is shipped of it; NULL: values */
	uint64_t shipped_since;	/* ns since the epoch: start of shipped */
	uint64_t shipped_active;	/* live connections, where shipped is not NULL */
	uint64_t size;		/* bytes, as points_decayed() */
	uint64_t weighed;	/* bytes that are in size */
};

struct edge_table_config {
	unsigned int host_limit;
	unsigned int workload_limit;
	uint16_t ephemeral_low, ephemeral_high;	/* ports that name no service by themselves */
};

struct edge_table {
	struct edge_table_config config;
	struct edge *table;
	uint64_t since;		/* ns since the epoch: when what new edges count began */
	uint64_t planned;	/* ns since the epoch: when it was decided last who is told */
	unsigned int folded;	/* edges that had no series of their own then */
	struct workloads *workloads;	/* of which `other` is */
	struct counts *counts;
};

void edge_table_init(struct edge_table *table, const struct edge_table_config *config, struct workloads *workloads,
		     struct counts *counts);
void edge_table_free(struct edge_table *table);

/*
 * Adds a flow to its edge: moves its values, adds its live connections.
 * @wall: ns since the epoch. Beyond the bounds the edge is that of the
 * workload's other peers. Returns false when memory is short: the flow keeps all.
 */
bool edge_add(struct edge_table *table, struct workload *workload, struct workload *peer_workload,
	      const struct peer *peer, struct flow *flow, uint64_t wall);

/*
 * The edge of @workload to all that has none of its own, with the role and
 * transport of @like, made at first use. NULL: no memory.
 */
struct edge *edge_other(struct edge_table *table, struct workload *workload, const struct edge *like, uint64_t wall);

/* Whether it is the one of the workload `other`. */
bool edge_is_others(const struct edge_table *table, const struct edge *edge);

/* Before the flows of an interval, which began at @since, are added: nothing is live any more. */
void edges_begin(struct edge_table *table, uint64_t since);

/* Marks edges as ended on which nothing has happened for @age ns. */
void edges_end_idle(struct edge_table *table, uint64_t wall, uint64_t age);

/* Marks all as ended. */
void edges_end_all(struct edge_table *table);

/* "client" or "server"; NULL: it has none. Static. */
const char *edge_role_name(uint8_t role);

/* "tcp" or "udp". Static. */
const char *edge_transport_name(uint8_t transport);

/* Removes those that are marked as ended; their end has been shipped. */
void edges_remove_ended(struct edge_table *table);

#endif
