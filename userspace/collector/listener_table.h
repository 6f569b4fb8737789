/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets: who owns (network namespace, address, port).
 */
#ifndef HADALD_LISTENER_TABLE_H
#define HADALD_LISTENER_TABLE_H

#include <hadal/uapi.h>

#include "address.h"
#include "owner.h"

struct listen_key {
	uint32_t net_ns;
	uint32_t port;
};

struct listen_port;

struct listener {
	UT_hash_handle hh;
	uint64_t id;
	struct address address;		/* unspecified: any */
	struct owner *owner;
	struct listen_port *port;
	struct listener *prev, *next;	/* of one port */
	uint32_t dropped;		/* attempts counted so far, as the kernel counts */
	bool met;			/* dropped is from a record */
	uint32_t dump;			/* the last dump that held it, or that was under way when it came */
};

struct listener_table {
	struct listener *table;
	struct listen_port *ports;
	struct owners *owners;
	unsigned int limit;
	struct counts *counts;
};

void listener_table_init(struct listener_table *table, unsigned int limit, struct owners *owners,
			 struct counts *counts);
void listener_table_free(struct listener_table *table);

/*
 * A socket listens; takes over the reference to @owner. Returns the listener,
 * valid until it closes; NULL: there is no room.
 */
struct listener *listener_opened(struct listener_table *table, const struct hadal_tcp *tcp, struct owner *owner,
				 uint32_t dump);
struct listener *listener_find(const struct listener_table *table, uint64_t id);
void listener_closed(struct listener_table *table, uint64_t id);

/*
 * The attempts dropped that @record tells and none before it did. @listener:
 * NULL if it is met for the first time now, and will not be again. @start: ns,
 * CLOCK_MONOTONIC, since when records came; what was dropped before is not told.
 */
uint32_t listener_drops(struct listener_table *table, struct listener *listener,
			const struct hadal_record_tcp_listener *record, uint64_t start);

/* Who listens there; NULL: nobody that is known. No reference is taken. */
struct owner *listener_owner(const struct listener_table *table, uint32_t net_ns, const struct address *address,
			     uint16_t port);

/* Drops those that neither dump @dump nor the one before it held. */
void listener_table_sweep(struct listener_table *table, uint32_t dump);

#endif
