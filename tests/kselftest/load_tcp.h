/* SPDX-License-Identifier: MIT */
/*
 * TCP connections over loopback with known payloads and a known end. Both ends
 * are in this process unless a test hands one of them to another; what one end
 * sends is checked byte for byte at the other.
 */
#ifndef KSELFTEST_LOAD_TCP_H
#define KSELFTEST_LOAD_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum tcp_family {
	TCP_V4,
	TCP_V6,
	TCP_V4_MAPPED,		/* IPv6 sockets on both sides that speak IPv4 */
	TCP_FAMILIES,
};

enum tcp_ending {
	TCP_CLIENT_CLOSES,	/* the other end reads the end of file, then closes */
	TCP_SERVER_CLOSES,
	TCP_HALF_CLOSE,		/* down is sent after the client's shutdown(SHUT_WR) */
	TCP_BOTH_CLOSE,		/* one right behind the other, unasked */
	TCP_GRACEFUL_ENDINGS,
	TCP_CLIENT_RESETS = TCP_GRACEFUL_ENDINGS,	/* SO_LINGER 0 when all is read */
	TCP_SERVER_RESETS,
	TCP_CLIENT_UNREAD,	/* the client closes and has read nothing of down */
	TCP_ENDINGS,
};

struct tcp_flow {
	enum tcp_family family;
	enum tcp_ending ending;
	uint32_t up;		/* bytes from client to server */
	uint32_t down;		/* bytes from server to client */
	uint16_t client_port;	/* out; if not 0, the port to connect from */
	uint16_t server_port;	/* out */
	int client;		/* descriptors; -1: closed, or not here */
	int server;
};

/* 127.0.0.1, ::1 or ::ffff:127.0.0.1 with that port. Returns the length. */
socklen_t tcp_loopback(enum tcp_family family, uint16_t port, struct sockaddr_storage *address);

/* A socket of the family; for TCP_V4_MAPPED an IPv6 one. */
int tcp_socket(enum tcp_family family);

/* Listens on loopback (TCP_V4_MAPPED: on ::). Port 0: the kernel chooses. */
int tcp_listen(enum tcp_family family, uint16_t port, int backlog);

/* Binds to loopback; port 0: the kernel chooses. */
void tcp_bind(int fd, enum tcp_family family, uint16_t port);

uint16_t tcp_local_port(int fd);
uint16_t tcp_peer_port(int fd);

/* Connects to a listener's port without accept(): the kernel completes it. */
int tcp_connect(enum tcp_family family, uint16_t client_port, uint16_t server_port);

/* The steps of a flow; tcp_run() takes all of them. */
void tcp_open(struct tcp_flow *flow, int listener);
void tcp_exchange(struct tcp_flow *flow);
void tcp_end(struct tcp_flow *flow);
void tcp_run(struct tcp_flow *flow, int listener);

/* Sends bytes from one end to the other, which reads and checks them. */
void tcp_pump(int from, int to, uint32_t bytes);

/* Each on one side; the other side does the other in a process of its own. */
void tcp_send_pattern(int fd, uint32_t bytes);
void tcp_receive_pattern(int fd, uint32_t bytes);

/* Reads what must be the end of file. */
void tcp_read_end(int fd);

/* Closes so that the peer gets a reset. */
void tcp_reset(int fd);

/* Until the peer's TCP has acknowledged all that was written. */
void tcp_wait_acked(int fd);

/* Until that many bytes wait to be read. */
void tcp_wait_unread(int fd, uint32_t bytes);

/* A spread of payload sizes: none, one byte, odd, over many segments. */
uint32_t tcp_some_size(size_t index);

/* flows[i] with all families and payloads, the first endings of the enum, mixed. */
void tcp_plan(struct tcp_flow *flows, size_t count, unsigned int endings);

/*
 * Each of them from a port of its own, so that ports tell them apart: the kernel
 * chooses one again once the end that was there has closed last, or was reset. Once
 * in a network namespace.
 */
void tcp_plan_ports(struct tcp_flow *flows, size_t count);

#endif
