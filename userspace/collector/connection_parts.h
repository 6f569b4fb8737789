/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the table of connections call of each other: connection_table.c takes
 * records, connection_pair.c knows the other end, connection_count.c counts into flows,
 * connection_udp.c makes ends of flows of UDP.
 */
#ifndef HADALD_CONNECTION_PARTS_H
#define HADALD_CONNECTION_PARTS_H

#include "connection_table.h"

static inline bool is_udp(const struct connection_table *table)
{
	return table->config.transport == FLOW_UDP;
}

/* ---- connection_pair.c ---- */

/* The pair of @connection, whose key is @key (of TCP; 0: none), with a reference; NULL: no key, or no room. */
struct pair *pair_of(struct connection_table *table, const struct connection *connection, uint64_t key);

/* Gives a reference back. */
void pair_put(struct connection_table *table, struct pair *pair, uint64_t now);

/* Out of the table, at once; nobody refers to it. */
void pair_remove(struct connection_table *table, struct pair *pair);

/* Forgets those that nobody has referred to for long. */
void pair_forget(struct connection_table *table, uint64_t now);

/* Notes in its pair what @connection tells of this end. */
void pair_note(struct connection_table *table, struct connection *connection);

/* Who is seen at the other end; NULL: nobody. */
struct owner *other_end(const struct connection *connection);

/* Puts what is behind the host's NAT in the place of the address that stands for it; asks once for each. */
void see_through_nat(struct connection_table *table, struct connection *connection);

/* ---- connection_count.c ---- */

/* Where @connection counts; NULL: no room, which is counted. */
struct flow *flow_of(struct connection_table *table, struct connection *connection);

/* By how much a counter that is @last now has grown since it was @counted, which it is then. */
uint64_t growth(struct connection_table *table, uint64_t last, uint64_t *counted);

/* Who made or accepted it; NULL: not known any more. */
struct process *process_of(const struct connection_table *table, const struct connection *connection);

/* Whether its client's process had entered a container: the first sign of a health check. */
bool client_entered(const struct connection_table *table, const struct hadal_tcp *tcp);

/* Adds what @connection has done since it was counted last. */
void count_connection(struct connection_table *table, struct connection *connection);

/* Whether its end may yet show that it was a health check. */
bool may_be_health_check(const struct connection_table *table, const struct connection *connection, uint64_t now);

/* Whether all that will be known of the other end is. */
bool settled(const struct connection_table *table, const struct connection *connection, uint64_t now);

/* ---- connection_table.c ---- */

/* A live end has these counters now. */
void connection_lives(struct connection_table *table, const struct hadal_tcp *tcp,
		      const struct hadal_tcp_counters *counters, uint64_t now);

/* An end has ended with these, and so. */
void connection_ends(struct connection_table *table, const struct hadal_tcp *tcp,
		     const struct hadal_tcp_counters *counters, struct connection_fate fate, uint64_t now);

#endif
