/* SPDX-License-Identifier: MIT */
/*
 * sock_diag: the TCP sockets of a network namespace, read out, and those that
 * are destroyed, as it happens.
 */
#ifndef HADALD_INET_DIAG_H
#define HADALD_INET_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/tcp.h>

enum diag_kind {
	DIAG_OTHER,	/* nothing of use */
	DIAG_SOCKET,	/* one of a dump */
	DIAG_DESTROYED,	/* nobody asked: it is gone; neither inode nor cgroup are told */
	DIAG_END,	/* of a dump */
	DIAG_REFUSED,	/* a dump, by error */
};

struct diag_socket {
	uint64_t cookie;	/* of this socket and no other, while the host is up */
	uint64_t cgroup_id;	/* v2, of who called socket(); 0: not told */
	uint32_t inode;		/* 0: no file has it: not accepted yet, or closed */
	uint32_t drops;		/* of a listener; modulo 2^32 */
	uint32_t waiting, sending;	/* a listener's backlog, now and at most; else bytes unread, unacknowledged */
	uint8_t state;		/* the kernel's */
	bool mapped;		/* an IPv6 socket that speaks IPv4 */
	bool counted;		/* info is there */
	uint16_t family;	/* AF_INET, AF_INET6 */
	uint16_t local_port, peer_port;	/* host byte order */
	uint8_t local[16], peer[16];	/* AF_INET: the first 4 bytes */
	struct tcp_info info;	/* what an older kernel does not tell is 0 */
};

struct diag_message {
	enum diag_kind kind;
	int error;		/* -errno */
	struct diag_socket socket;
};

/* A socket of the calling thread's network namespace that does not wait; -errno. */
int inet_diag_open(void);

/* Asks for all TCP sockets of a family; the answers end with DIAG_END. Returns 0 or -errno. */
int inet_diag_request(int fd, uint8_t family);

/*
 * The first message in @length bytes, at a multiple of 4. Returns how many of them it took;
 * -EBADMSG: they begin with none that is whole.
 */
long inet_diag_parse(const void *bytes, size_t length, struct diag_message *message);

#endif
