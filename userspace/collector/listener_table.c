/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "listener_table.h"

struct listen_port {
	UT_hash_handle hh;
	struct listen_key key;
	struct listener *listeners;
};

void listener_table_init(struct listener_table *table, unsigned int limit, struct owners *owners,
			 struct counts *counts)
{
	*table = (struct listener_table){ .limit = limit, .owners = owners, .counts = counts };
}

static struct listen_port *port_find(const struct listener_table *table, uint32_t net_ns, uint16_t port)
{
	struct listen_key key = { .net_ns = net_ns, .port = port };
	struct listen_port *found;

	HASH_FIND(hh, table->ports, &key, sizeof(key), found);
	return found;
}

static struct listen_port *port_get(struct listener_table *table, uint32_t net_ns, uint16_t number)
{
	struct listen_port *port = port_find(table, net_ns, number);

	if (port)
		return port;
	port = calloc(1, sizeof(*port));
	if (!port)
		return NULL;
	port->key = (struct listen_key){ .net_ns = net_ns, .port = number };
	HASH_ADD(hh, table->ports, key, sizeof(port->key), port);
	if (TABLE_INSERTED(port, hh))
		return port;
	free(port);
	return NULL;
}

static void port_put(struct listener_table *table, struct listen_port *port)
{
	if (port->listeners)
		return;
	HASH_DEL(table->ports, port);
	free(port);
}

struct listener *listener_find(const struct listener_table *table, uint64_t id)
{
	struct listener *listener;

	HASH_FIND(hh, table->table, &id, sizeof(id), listener);
	return listener;
}

static void listener_remove(struct listener_table *table, struct listener *listener)
{
	DL_DELETE(listener->port->listeners, listener);
	port_put(table, listener->port);
	HASH_DEL(table->table, listener);
	owner_put(table->owners, listener->owner);
	free(listener);
}

static struct listener *listener_new(struct listener_table *table, const struct hadal_tcp *tcp)
{
	struct listener *listener = NULL;

	if (HASH_COUNT(table->table) < table->limit)
		listener = calloc(1, sizeof(*listener));
	if (!listener)
		return NULL;
	listener->id = tcp->id;
	listener->address = address_from_bytes(tcp->family, tcp->local_address);
	listener->port = port_get(table, tcp->net_ns, tcp->local_port);
	if (!listener->port) {
		free(listener);
		return NULL;
	}
	HASH_ADD(hh, table->table, id, sizeof(listener->id), listener);
	if (!TABLE_INSERTED(listener, hh)) {
		port_put(table, listener->port);
		free(listener);
		return NULL;
	}
	DL_APPEND(listener->port->listeners, listener);
	return listener;
}

/* The port is not always chosen yet when the socket first listens. */
static bool listens_there(const struct listener *listener, const struct hadal_tcp *tcp)
{
	struct address address = address_from_bytes(tcp->family, tcp->local_address);

	return listener->port->key.port == tcp->local_port && address_equal(&listener->address, &address);
}

/* The same socket, there where it listens now. */
static struct listener *listener_move(struct listener_table *table, struct listener *old, const struct hadal_tcp *tcp)
{
	uint32_t dropped = old->dropped;
	struct listener *listener;
	bool met = old->met;

	listener_remove(table, old);
	listener = listener_new(table, tcp);
	if (!listener)
		return NULL;
	listener->dropped = dropped;
	listener->met = met;
	return listener;
}

struct listener *listener_opened(struct listener_table *table, const struct hadal_tcp *tcp, struct owner *owner,
				 uint32_t dump)
{
	struct listener *listener = listener_find(table, tcp->id);

	if (!listener)
		listener = listener_new(table, tcp);
	else if (!listens_there(listener, tcp))
		listener = listener_move(table, listener, tcp);
	if (!listener) {
		count(table->counts, COUNT_LISTENERS_FULL);
		owner_put(table->owners, owner);
		return NULL;
	}
	owner_put(table->owners, listener->owner);
	listener->owner = owner;
	listener->dump = dump;
	return listener;
}

/*
 * A listener's count begins with its LISTENING: the socket may have had a life
 * before. Where that was lost, with nothing, if it began since @start.
 */
static uint32_t drops_before(const struct hadal_record_tcp_listener *record, uint64_t start)
{
	bool begins = record->header.type == HADAL_RECORD_TCP_LISTENING && !(record->tcp.flags & HADAL_TCP_DUMPED);
	bool since = record->tcp.start_time && record->tcp.start_time >= start;

	return begins || !since ? record->dropped : 0;
}

uint32_t listener_drops(struct listener_table *table, struct listener *listener,
			const struct hadal_record_tcp_listener *record, uint64_t start)
{
	uint32_t before = listener && listener->met ? listener->dropped : drops_before(record, start);
	uint32_t dropped = record->dropped - before;

	if (listener) {
		listener->dropped = record->dropped;
		listener->met = true;
	}
	if (dropped <= INT32_MAX)
		return dropped;
	count(table->counts, COUNT_COUNTER_WENT_BACK);
	return 0;
}

void listener_closed(struct listener_table *table, uint64_t id)
{
	struct listener *listener = listener_find(table, id);

	if (listener)
		listener_remove(table, listener);
}

struct owner *listener_owner(const struct listener_table *table, uint32_t net_ns, const struct address *address,
			     uint16_t port)
{
	const struct listen_port *found = port_find(table, net_ns, port);
	const struct listener *listener, *any = NULL;

	if (!found)
		return NULL;
	DL_FOREACH(found->listeners, listener) {
		if (address_equal(&listener->address, address))
			return listener->owner;
		if (!any && address_unspecified(&listener->address))
			any = listener;
	}
	return any ? any->owner : NULL;
}

void listener_table_sweep(struct listener_table *table, uint32_t dump)
{
	struct listener *listener, *next;

	HASH_ITER(hh, table->table, listener, next) {
		if (listener->dump + 1 < dump)
			listener_remove(table, listener);
	}
}

void listener_table_free(struct listener_table *table)
{
	struct listener *listener, *next;

	HASH_ITER(hh, table->table, listener, next)
		listener_remove(table, listener);
}
