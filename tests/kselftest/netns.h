/* SPDX-License-Identifier: MIT */
/* A network namespace for this process and its children: nothing else speaks in it. */
#ifndef KSELFTEST_NETNS_H
#define KSELFTEST_NETNS_H

#include <stdint.h>

/* What is sent to this address goes nowhere and gets no answer. */
#define NETNS_SILENT_ADDRESS	"198.51.100.1"

/* Enters a new namespace with loopback up; returns its inode number. */
uint32_t netns_enter(void);

/* Writes below /proc/sys/net/. */
void netns_sysctl(const char *name, const char *value);

/* How many TCP sockets the namespace has in any state, time-wait apart. */
unsigned int netns_tcp_sockets(void);

#endif
