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

static struct listener *listener_find(const struct listener_table *table, uint64_t id)
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

void listener_opened(struct listener_table *table, const struct hadal_tcp *tcp, struct owner *owner,
		     uint32_t dump)
{
	struct listener *listener = listener_find(table, tcp->id);

	if (listener && !listens_there(listener, tcp)) {
		listener_remove(table, listener);
		listener = NULL;
	}
	if (!listener)
		listener = listener_new(table, tcp);
	if (!listener) {
		count(table->counts, COUNT_LISTENERS_FULL);
		owner_put(table->owners, owner);
		return;
	}
	owner_put(table->owners, listener->owner);
	listener->owner = owner;
	listener->dump = dump;
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
