/* SPDX-License-Identifier: MIT */
/* UDP sockets of loopback. */
#ifndef KSELFTEST_DATAGRAMS_H
#define KSELFTEST_DATAGRAMS_H

#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT	103
#endif
#ifndef UDP_GRO
#define UDP_GRO		104
#endif

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct end {
	int fd;
	uint16_t port;
	union address address;	/* where others reach it */
	socklen_t length;	/* of address */
};

union address loopback(int family, uint16_t port);

/* Bound to a port that the kernel chooses, or to one. */
struct end end_open(int family);
struct end end_open_at(int family, uint16_t port);

/* An IPv6 socket that speaks IPv4, bound to no address. */
struct end end_open_mapped(void);
struct end end_open_mapped_at(uint16_t port);

void end_connect(const struct end *end, const struct end *peer);

#endif
