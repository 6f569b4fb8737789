/* SPDX-License-Identifier: MIT */
/*
 * The network namespaces in which there are processes, each with a socket of
 * sock_diag in it. Such a socket keeps its namespace alive, so it goes soon
 * after the last process.
 */
#ifndef HADALD_NET_SPACES_H
#define HADALD_NET_SPACES_H

#include <stdbool.h>
#include <stdint.h>

#include "counts.h"
#include "table.h"

enum { NET_SPACES = 1024 };	/* at most */

struct net_space {
	UT_hash_handle hh;
	uint32_t net_ns;	/* inode number */
	int fd;			/* of sock_diag in it; -1: not open */
	int failure;		/* -errno: why not; 0: it was not tried yet */
	unsigned int processes;
	int pid;		/* a process that is or was in it */
	bool existed;		/* it was there at the start: so may its connections have been */
	bool read_once;		/* its sockets have been read */
	uint64_t polled;	/* ns, CLOCK_MONOTONIC: when its sockets were last read, else since when it is known */
	uint64_t emptied;	/* ns, CLOCK_MONOTONIC: when the last process went */
	uint64_t cgroup_id;	/* of all its processes; 0: of several cgroups, or none known */
	bool mixed;		/* while that is being found: of several */
	uint8_t reading;	/* the family whose sockets are being read; 0: none */
	uint64_t reading_since;	/* ns, CLOCK_MONOTONIC */
};

struct net_spaces {
	struct net_space *table;
	uint32_t own;		/* the caller's: it may always be read */
	int epoll;		/* watches the sockets; data.ptr is the struct net_space */
	bool refused;		/* others may not be entered */
	struct counts *counts;
};

/* @epoll: a descriptor; borrowed. */
void net_spaces_init(struct net_spaces *spaces, uint32_t own, int epoll, struct counts *counts);
void net_spaces_free(struct net_spaces *spaces);

struct net_space *net_spaces_find(const struct net_spaces *spaces, uint32_t net_ns);

/* A process came into it; opens it if that is new. @existed: as in struct net_space. */
void net_spaces_join(struct net_spaces *spaces, uint32_t net_ns, int pid, bool existed, uint64_t now);
void net_spaces_leave(struct net_spaces *spaces, uint32_t net_ns, uint64_t now);

/* Closes those that have had no process for @age ns, and tries again what is not open. */
void net_spaces_sweep(struct net_spaces *spaces, uint64_t now, uint64_t age);

#endif
