/* SPDX-License-Identifier: MIT */
/*
 * The other end of a connection, by the key that both have, or behind the host's NAT.
 */
#include <errno.h>
#include <string.h>

#include "connection_parts.h"

/* Pairs outlive their ends: the other end's records may come later. ns */
#define PAIR_AGE	10000000000ULL

/* ---- pairs ---- */

static void pair_free(struct connection_table *table, struct pair *pair)
{
	HASH_DEL(table->pairs, pair);
	owner_put(table->owners, pair->client);
	owner_put(table->owners, pair->server);
	pool_put(&table->pair_pool, pair);
}

void pair_remove(struct connection_table *table, struct pair *pair)
{
	if (!pair->references)
		DL_DELETE(table->released, pair);
	pair_free(table, pair);
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
	pair = pool_get(&table->pair_pool, sizeof(*pair));
	if (!pair)
		return NULL;
	pair->key = *key;
	HASH_ADD(hh, table->pairs, key, sizeof(pair->key), pair);
	if (TABLE_INSERTED(pair, hh))
		return pair;
	pool_put(&table->pair_pool, pair);
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

struct pair *pair_of(struct connection_table *table, const struct connection *connection, uint64_t key)
{
	struct pair_key pair = { .words = { key } };

	if (is_udp(table))
		pair = key_of_ends(connection);
	else if (!key)
		return NULL;
	return pair_get(table, &pair);
}

/* Over UDP ends of the same addresses may come again. */
static bool is_done(const struct connection_table *table, const struct pair *pair)
{
	return !is_udp(table) && pair->client && pair->server;
}

void pair_put(struct connection_table *table, struct pair *pair, uint64_t now)
{
	if (!pair || --pair->references)
		return;
	if (is_done(table, pair)) {
		pair_free(table, pair);
		return;
	}
	pair->released = now;
	DL_APPEND(table->released, pair);
}

void pair_forget(struct connection_table *table, uint64_t now)
{
	while (table->released && now > table->released->released &&
	       now - table->released->released >= PAIR_AGE)
		pair_remove(table, table->released);
}

void pair_note(struct connection_table *table, struct connection *connection)
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
	pair->entered |= connection->entered;
}

struct owner *other_end(const struct connection *connection)
{
	if (!connection->pair)
		return NULL;
	return connection->role == HADAL_TCP_CLIENT ? connection->pair->server : connection->pair->client;
}

/* ---- NAT ---- */

/* Loopback of another namespace than the host's is not what the host's NAT would mean by it. */
static bool may_be_translated(const struct connection_table *table, const struct connection *connection)
{
	if (address_scope(&connection->peer) == ADDRESS_LOOPBACK)
		return connection->net_ns == table->peers->host_net_ns;
	return connection->role == HADAL_TCP_CLIENT || peers_is_host(table->peers, &connection->peer);
}

/* A server keeps its own address and port: those that it listens at. */
static void take_real(struct connection *connection, const struct nat_view *real)
{
	if (connection->role == HADAL_TCP_CLIENT) {
		connection->local = real->local;
		connection->local_port = real->local_port;
	}
	connection->peer = real->peer;
	connection->peer_port = real->peer_port;
}

/*
 * Puts what is really at the other end in the place of the address that stood
 * for it: behind a client's DNAT, and behind SNAT to an address of this host.
 */
void see_through_nat(struct connection_table *table, struct connection *connection)
{
	struct nat_view real, seen = {
		.local = connection->local, .peer = connection->peer,
		.local_port = connection->local_port, .peer_port = connection->peer_port,
	};
	int result;

	if (!table->config.nat || connection->nat_asked || !may_be_translated(table, connection))
		return;
	connection->nat_asked = true;
	result = table->config.nat(table->config.nat_context, is_udp(table), &seen, &real);
	if (result > 0)
		take_real(connection, &real);
	else if (result < 0)
		count(table->counts, result == -EBUSY ? COUNT_NAT_LOOKUPS_FULL : COUNT_NAT_UNANSWERED);
}
