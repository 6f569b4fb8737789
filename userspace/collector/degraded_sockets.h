/* SPDX-License-Identifier: MIT */
/*
 * TCP without the module: what sock_diag says of sockets now and then, and when
 * one is destroyed, as records of connections and listeners.
 *
 * A socket is known by its cookie. It is told when a poll finds it first, its
 * counters with each dump, its end when the kernel says so. One that lived
 * between two polls has nothing but its end: that has its counters and its
 * addresses, but says nothing of who had it. Then a namespace whose processes
 * are all of one cgroup tells, or for a server the listener; else nobody does.
 */
#ifndef HADALD_DEGRADED_SOCKETS_H
#define HADALD_DEGRADED_SOCKETS_H

#include "config.h"
#include "degraded_processes.h"
#include "inet_diag.h"
#include "pool.h"

struct polled_socket;
struct polled_port;

struct degraded_sockets {
	const struct config *config;
	struct polled_socket *table;	/* by cookie */
	struct polled_port *ports;	/* where somebody listens, or lately did */
	struct polled_socket *unowned;	/* by inode: whose holder is to be looked for */
	struct pool pool;
	unsigned int limit;
	struct record_queue *queue;
	struct counts *counts;
	uint16_t ephemeral_low, ephemeral_high;
	uint32_t poll;			/* number of the last poll that began */
};

/* @limit: sockets. */
void degraded_sockets_init(struct degraded_sockets *sockets, const struct config *config, unsigned int limit,
			   struct record_queue *queue, struct counts *counts);
void degraded_sockets_free(struct degraded_sockets *sockets);

/* Takes over a socket that a poll of @space has found, or that was destroyed there. */
void degraded_sockets_seen(struct degraded_sockets *sockets, const struct net_space *space,
			   const struct diag_socket *socket, uint64_t now);
void degraded_sockets_destroyed(struct degraded_sockets *sockets, const struct net_space *space,
				const struct diag_socket *socket, uint64_t now);

/* A descriptor of process @holder is the socket of that inode. */
void degraded_sockets_hold(struct degraded_sockets *sockets, uint32_t inode, const struct hadal_process *holder);

/* Whether some of those whose holder is looked for are of that cgroup, or of an unknown one. */
bool degraded_sockets_want(const struct degraded_sockets *sockets, uint64_t cgroup_id);

/*
 * Holders have been looked for: tells what is new, and forgets what is gone.
 * @whole: all namespaces were read; else nothing is taken for gone.
 */
void degraded_sockets_polled(struct degraded_sockets *sockets, bool whole, uint64_t now);

/* Tells all with their counters. Returns how many records that makes. */
uint64_t degraded_sockets_tell_all(struct degraded_sockets *sockets, uint64_t now);

#endif
