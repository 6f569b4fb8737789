/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own record of TCP sockets that are destroyed, with the raw
 * numbers of tcp_info: the multicast groups of sock_diag, of this network
 * namespace. They come from a work queue, some time after the close; for
 * sockets that were reset by their owner the numbers are zero by then.
 */
#ifndef KSELFTEST_DESTROYED_H
#define KSELFTEST_DESTROYED_H

#include <stddef.h>
#include <stdint.h>

struct destroyed_socket {
	uint8_t family;
	uint16_t local_port;
	uint16_t peer_port;
	uint64_t bytes_acked;		/* SYN and FIN count */
	uint64_t bytes_received;	/* FIN counts, unless a time-wait socket got it */
	uint64_t bytes_sent;
	uint64_t bytes_retransmitted;
	uint32_t segments_out;
	uint32_t segments_in;
	uint32_t data_segments_out;
	uint32_t data_segments_in;
};

struct destroyed {
	int fd;
	struct destroyed_socket *sockets;
	size_t count;
	size_t capacity;
};

/* Listens from now on; skips the test where the kernel cannot tell. */
void destroyed_open(struct destroyed *destroyed);

/* Waits until that many sockets with a peer were destroyed; asserts that they are. */
void destroyed_wait(struct destroyed *destroyed, size_t want);
void destroyed_close(struct destroyed *destroyed);

/* The one of these ports; NULL: none. More than one fails the test. */
const struct destroyed_socket *destroyed_find(const struct destroyed *destroyed,
					      uint16_t local_port, uint16_t peer_port);

#endif
