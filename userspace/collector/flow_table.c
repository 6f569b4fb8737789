/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "flow_table.h"

_Static_assert(sizeof(struct flow_key) == 56, "flow_key is hashed as bytes and must have no padding");

void flow_table_init(struct flow_table *table, unsigned int limit, struct owners *owners, struct counts *counts)
{
	*table = (struct flow_table){ .limit = limit, .owners = owners, .counts = counts };
}

static struct flow *flow_find(const struct flow_table *table, const struct flow_key *key)
{
	struct flow *flow;

	HASH_FIND(hh, table->table, key, sizeof(*key), flow);
	return flow;
}

static struct flow *flow_new(struct flow_table *table, const struct flow_key *key)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (!flow)
		return NULL;
	flow->key = *key;
	HASH_ADD(hh, table->table, key, sizeof(flow->key), flow);
	if (!TABLE_INSERTED(flow, hh)) {
		free(flow);
		return NULL;
	}
	owner_ref(key->owner);
	if (key->peer_owner)
		owner_ref(key->peer_owner);
	if (key->name)
		dns_name_ref(key->name);
	return flow;
}

struct flow *flow_get(struct flow_table *table, const struct flow_key *key)
{
	struct flow *flow = flow_find(table, key);
	struct flow_key other;

	if (flow)
		return flow;
	if (HASH_COUNT(table->table) < table->limit || key->form == FLOW_PEER_OTHER) {
		flow = flow_new(table, key);
		if (!flow)
			count(table->counts, COUNT_FLOWS_FULL);
		return flow;
	}
	count(table->counts, COUNT_FLOWS_FULL);
	other = (struct flow_key){ .owner = key->owner, .role = key->role, .form = FLOW_PEER_OTHER,
				   .transport = key->transport };
	return flow_get(table, &other);
}

void flows_begin(struct flow_table *table)
{
	for (struct flow *flow = table->table; flow; flow = flow->hh.next) {
		flow->active = 0;
		flow->rtt = (struct live_rtt){ 0 };
	}
}

void flow_remove(struct flow_table *table, struct flow *flow)
{
	HASH_DEL(table->table, flow);
	values_clear(&flow->values);
	owner_put(table->owners, flow->key.owner);
	owner_put(table->owners, flow->key.peer_owner);
	dns_name_put(flow->key.name);
	free(flow);
}

void flow_table_free(struct flow_table *table)
{
	struct flow *flow, *next;

	HASH_ITER(hh, table->table, flow, next)
		flow_remove(table, flow);
}
