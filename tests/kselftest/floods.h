/* SPDX-License-Identifier: MIT */
/*
 * Loads without end, each for a process of its own (child_start()): they fill
 * what time the rest leaves, since an emulated machine has little.
 */
#ifndef KSELFTEST_FLOODS_H
#define KSELFTEST_FLOODS_H

#include <stddef.h>
#include <sys/types.h>

/* Processes of every kind. */
void flood_processes(void *unused);

/* Connections of every ending to *(int *)listener, a TCP_V4 one. */
void flood_connections(void *listener);

/* Connections that stay open for long, used now and then. */
void flood_lasting_connections(void *unused);

/* UDP sockets of IPv4 and IPv6 that come and go, with or without datagrams. */
void flood_datagrams(void *unused);

/* UDP sockets that rest about a second, then are used, or replaced by others. */
void flood_resting_datagrams(void *unused);

/* A network namespace after the other, each left with connections and datagrams' sockets in it. */
void flood_net_namespaces(void *unused);

/* A cgroup after the other, each with a process in it. */
void flood_cgroups(void *unused);

/* CPU 1 goes and comes. */
void flood_cpu_hotplug(void *unused);

/* Ends them, 0: never begun; one that has ended by itself is a failure. */
void floods_end(const pid_t *floods, size_t count);

#endif
