/* SPDX-License-Identifier: MIT */
#include <hadal/hadal.h>
#include <hadal/names.h>
#include <stdlib.h>

#include <hadal/names.h>
#include <hadal/uapi.h>

#include "edge_points.h"
#include "edge_table.h"

_Static_assert(sizeof(struct edge_key) == 40, "edge_key is hashed as bytes and must have no padding");

void edge_table_init(struct edge_table *table, const struct edge_table_config *config, struct workloads *workloads,
		     struct counts *counts)
{
	*table = (struct edge_table){ .config = *config, .workloads = workloads, .counts = counts };
}

static struct edge *edge_find(const struct edge_table *table, const struct edge_key *key)
{
	struct edge *edge;

	HASH_FIND(hh, table->table, key, sizeof(*key), edge);
	return edge;
}

static bool is_other(const struct edge_key *key)
{
	return key->kind == PEER_OTHER && !key->peer_name && !key->via && !key->server_port;
}

/* @dns: whose text key->peer_name is, or NULL. */
static struct edge *edge_new(struct edge_table *table, const struct edge_key *key, struct dns_name *dns,
			     uint64_t wall)
{
	struct edge *edge = calloc(1, sizeof(*edge));

	if (!edge)
		return NULL;
	edge->key = *key;
	edge->start_time = table->since;
	edge->active_time = wall;
	HASH_ADD(hh, table->table, key, sizeof(edge->key), edge);
	if (!TABLE_INSERTED(edge, hh)) {
		free(edge);
		return NULL;
	}
	key->workload->references++;
	if (key->peer)
		key->peer->references++;
	if (!is_other(key))
		key->workload->edges++;
	if (dns) {
		edge->dns = dns_name_ref(dns);
		key->workload->named++;
	}
	return edge;
}

/* Counts which bound is reached. The edges to other come on top: two a workload and transport at most. */
static bool has_room(struct edge_table *table, const struct edge_key *key)
{
	if (is_other(key))
		return true;
	if (key->workload->edges >= table->config.workload_limit) {
		count(table->counts, COUNT_EDGES_WORKLOAD_FULL);
		return false;
	}
	if (HASH_COUNT(table->table) >= table->config.host_limit) {
		count(table->counts, COUNT_EDGES_HOST_FULL);
		return false;
	}
	return true;
}

static struct edge *edge_get(struct edge_table *table, const struct edge_key *key, struct dns_name *dns,
			     uint64_t wall)
{
	struct edge *edge = edge_find(table, key);
	struct edge_key other;

	if (edge)
		return edge;
	if (has_room(table, key))
		return edge_new(table, key, dns, wall);
	other = (struct edge_key){ .workload = key->workload, .role = key->role, .kind = PEER_OTHER,
				   .transport = key->transport };
	return edge_get(table, &other, NULL, wall);
}

struct edge *edge_other(struct edge_table *table, struct workload *workload, const struct edge *like, uint64_t wall)
{
	struct edge_key key = { .workload = workload, .role = like->key.role, .kind = PEER_OTHER,
				.transport = like->key.transport };

	return edge_get(table, &key, NULL, wall);
}

bool edge_is_others(const struct edge_table *table, const struct edge *edge)
{
	return edge->key.workload == table->workloads->other && is_other(&edge->key);
}

static struct edge_key key_of(struct edge_table *table, struct workload *workload, struct workload *peer_workload,
			      const struct peer *peer, const struct flow *flow)
{
	struct edge_key key = { .workload = workload, .role = flow->key.role, .kind = (uint8_t)peer->kind,
				.transport = flow->key.transport };

	if (flow->key.form == FLOW_PEER_OTHER)
		return key;
	key.peer = peer_workload;
	key.peer_name = peer_workload ? NULL : peer->name;
	key.via = peer->via;
	key.server_port = workload_port(workload, peer->port, table->config.ephemeral_low,
					table->config.ephemeral_high, table->counts);
	/* Two edges without peer and port would have one name. */
	if (key.kind == PEER_NONE && !key.server_port)
		key.kind = PEER_OTHER;
	return key;
}

/*
 * A crawler's names would take all of a workload's edges: beyond the bound its
 * peers are again what they are by address. Returns the name that stays, or NULL.
 */
static struct dns_name *bound_names(struct edge_table *table, struct edge_key *key, const struct peer *peer)
{
	if (!peer->dns || key->peer_name != peer->dns->text)
		return NULL;
	if (key->workload->named < WORKLOAD_NAMES || edge_find(table, key))
		return peer->dns;
	count(table->counts, COUNT_NAMES_WORKLOAD_FULL);
	key->peer_name = peer->plain_name;
	key->kind = (uint8_t)peer->plain_kind;
	return NULL;
}

bool edge_add(struct edge_table *table, struct workload *workload, struct workload *peer_workload,
	      const struct peer *peer, struct flow *flow, uint64_t wall)
{
	struct edge_key key = key_of(table, workload, peer_workload, peer, flow);
	struct dns_name *dns = bound_names(table, &key, peer);
	struct edge *edge = edge_get(table, &key, dns, wall);

	if (!edge) {
		count(table->counts, COUNT_EDGES_HOST_FULL);
		return false;
	}
	edge->active += flow->active;
	edge->rtt.sum += flow->rtt.sum;
	edge->rtt.count += flow->rtt.count;
	if (edge->active || !values_empty(&flow->values)) {
		edge->active_time = wall;
		edge->ended = false;
		workload->active_time = wall;
		workload->ended = false;
	}
	edge_ship_flow(table, edge, flow, wall);
	values_move(&edge->values, &flow->values, table->counts);
	return true;
}

void edges_begin(struct edge_table *table, uint64_t since)
{
	table->since = since;
	for (struct edge *edge = table->table; edge; edge = edge->hh.next) {
		edge->active = 0;
		edge->shipped_active = 0;
		edge->rtt = (struct live_rtt){ 0 };
	}
}

void edges_end_idle(struct edge_table *table, uint64_t wall, uint64_t age)
{
	for (struct edge *edge = table->table; edge; edge = edge->hh.next) {
		/* What it has counted may be still to be told. */
		if (!edge->late && wall > edge->active_time && wall - edge->active_time >= age)
			edge->ended = true;
	}
}

void edges_end_all(struct edge_table *table)
{
	for (struct edge *edge = table->table; edge; edge = edge->hh.next)
		edge->ended = true;
}

static void edge_remove(struct edge_table *table, struct edge *edge)
{
	edge->key.workload->references--;
	if (edge->key.peer)
		edge->key.peer->references--;
	if (!is_other(&edge->key))
		edge->key.workload->edges--;
	if (edge->dns) {
		edge->key.workload->named--;
		dns_name_put(edge->dns);
	}
	HASH_DEL(table->table, edge);
	values_clear(&edge->values);
	if (edge->shipped)
		values_clear(edge->shipped);
	free(edge->shipped);
	free(edge);
}

void edges_remove_ended(struct edge_table *table)
{
	struct edge *edge, *next;

	HASH_ITER(hh, table->table, edge, next) {
		if (edge->ended)
			edge_remove(table, edge);
	}
}

void edge_table_free(struct edge_table *table)
{
	struct edge *edge, *next;

	HASH_ITER(hh, table->table, edge, next)
		edge_remove(table, edge);
}

const char *edge_role_name(uint8_t role)
{
	switch (role) {
	case HADAL_TCP_CLIENT:
		return HADAL_VALUE_ROLE_CLIENT;
	case HADAL_TCP_SERVER:
		return HADAL_VALUE_ROLE_SERVER;
	default:
		return NULL;
	}
}

const char *edge_transport_name(uint8_t transport)
{
	return transport == FLOW_UDP ? HADAL_VALUE_TRANSPORT_UDP : HADAL_VALUE_TRANSPORT_TCP;
}
