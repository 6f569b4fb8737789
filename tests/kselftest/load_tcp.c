// SPDX-License-Identifier: MIT
#include "load_tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "harness.h"
#include "load.h"
#include "patience.h"

#define CHUNK		16384	/* bytes a call */
#define STALL		60000	/* ms without progress after which a load has failed */

/* One direction of a connection while its payload moves. */
struct stream {
	int from;
	int to;
	uint32_t bytes;
	uint32_t sent;
	uint32_t received;
};

/* Period 251: a shift by any power of two shows. */
static unsigned char pattern_at(uint32_t offset)
{
	return (unsigned char)(offset % 251);
}

static void fill(unsigned char *buffer, uint32_t offset, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		buffer[i] = pattern_at(offset + (uint32_t)i);
}

static void check(const unsigned char *buffer, uint32_t offset, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (buffer[i] != pattern_at(offset + (uint32_t)i))
			harness_fail_at(__FILE__, __LINE__, true, "wrong byte at %u of the payload",
					offset + (uint32_t)i);
	}
}

socklen_t tcp_loopback(enum tcp_family family, uint16_t port, struct sockaddr_storage *address)
{
	struct sockaddr_in *in = (void *)address;
	struct sockaddr_in6 *in6 = (void *)address;

	memset(address, 0, sizeof(*address));
	if (family == TCP_V4) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(*in);
	}
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	inet_pton(AF_INET6, family == TCP_V6 ? "::1" : "::ffff:127.0.0.1", &in6->sin6_addr);
	return sizeof(*in6);
}

int tcp_socket(enum tcp_family family)
{
	return MUST(socket(family == TCP_V4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

void tcp_bind(int fd, enum tcp_family family, uint16_t port)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(family, port, &address);

	MUST(bind(fd, (const void *)&address, length));
}

static void bind_any(int fd, uint16_t port)
{
	const struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	MUST(bind(fd, (const void *)&any, sizeof(any)));
}

int tcp_listen(enum tcp_family family, uint16_t port, int backlog)
{
	int fd = tcp_socket(family);
	const int one = 1;

	MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	if (family == TCP_V4_MAPPED)
		bind_any(fd, port);
	else
		tcp_bind(fd, family, port);
	MUST(listen(fd, backlog));
	return fd;
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET)
		return ntohs(((const struct sockaddr_in *)address)->sin_port);
	return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
}

uint16_t tcp_local_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	MUST(getsockname(fd, (void *)&address, &length));
	return port_of(&address);
}

uint16_t tcp_peer_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	MUST(getpeername(fd, (void *)&address, &length));
	return port_of(&address);
}

int tcp_connect(enum tcp_family family, uint16_t client_port, uint16_t server_port)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(family, server_port, &address);
	int fd = tcp_socket(family);

	if (client_port)
		tcp_bind(fd, family, client_port);
	MUST(connect(fd, (const void *)&address, length));
	return fd;
}

void tcp_open(struct tcp_flow *flow, int listener)
{
	flow->server_port = tcp_local_port(listener);
	flow->client = tcp_connect(flow->family, flow->client_port, flow->server_port);
	flow->client_port = tcp_local_port(flow->client);
	flow->server = MUST(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
	ASSERT_EQ(flow->client_port, tcp_peer_port(flow->server));
}

static bool would_block(ssize_t done)
{
	return done < 0 && errno == EAGAIN;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool stream_send(struct stream *stream)
{
	unsigned char buffer[CHUNK];
	uint32_t size = smaller(stream->bytes - stream->sent, CHUNK);
	ssize_t done;

	if (!size)
		return false;
	fill(buffer, stream->sent, size);
	done = send(stream->from, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (would_block(done))
		return false;
	stream->sent += (uint32_t)MUST(done);
	return true;
}

static bool stream_receive(struct stream *stream)
{
	unsigned char buffer[CHUNK];
	uint32_t size = smaller(stream->bytes - stream->received, CHUNK);
	ssize_t done;

	if (!size)
		return false;
	done = recv(stream->to, buffer, size, MSG_DONTWAIT);
	if (would_block(done))
		return false;
	ASSERT_LT(0, MUST(done));
	check(buffer, stream->received, (size_t)done);
	stream->received += (uint32_t)done;
	return true;
}

static bool stream_done(const struct stream *stream)
{
	return stream->received == stream->bytes;
}

static void stream_wait(const struct stream *stream)
{
	struct pollfd fds[] = {
		{ .fd = stream->from, .events = stream->sent < stream->bytes ? POLLOUT : 0 },
		{ .fd = stream->to, .events = POLLIN },
	};

	ASSERT_LT(0, MUST(poll(fds, 2, STALL)));
}

static void stream_move(struct stream *stream)
{
	bool moved = stream_send(stream);

	moved |= stream_receive(stream);
	if (!moved && !stream_done(stream))
		stream_wait(stream);
	load_step();
}

void tcp_pump(int from, int to, uint32_t bytes)
{
	struct stream stream = { .from = from, .to = to, .bytes = bytes };

	while (!stream_done(&stream))
		stream_move(&stream);
}

void tcp_send_pattern(int fd, uint32_t bytes)
{
	struct stream stream = { .from = fd, .bytes = bytes };

	while (stream.sent < bytes) {
		struct pollfd writable = { .fd = fd, .events = POLLOUT };

		if (!stream_send(&stream))
			ASSERT_LT(0, MUST(poll(&writable, 1, STALL)));
	}
}

void tcp_receive_pattern(int fd, uint32_t bytes)
{
	struct stream stream = { .to = fd, .bytes = bytes };

	while (stream.received < bytes) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };

		if (!stream_receive(&stream))
			ASSERT_LT(0, MUST(poll(&readable, 1, STALL)));
	}
}

/* Both directions at once, as far as the ending leaves that to this step. */
void tcp_exchange(struct tcp_flow *flow)
{
	struct stream up = { .from = flow->client, .to = flow->server, .bytes = flow->up };
	struct stream down = { .from = flow->server, .to = flow->client, .bytes = flow->down };

	if (flow->ending == TCP_HALF_CLOSE)
		down.bytes = 0;
	if (flow->ending == TCP_CLIENT_UNREAD) {
		tcp_send_pattern(flow->server, flow->down);
		down.bytes = 0;
	}
	while (!stream_done(&up) || !stream_done(&down)) {
		if (!stream_done(&up))
			stream_move(&up);
		if (!stream_done(&down))
			stream_move(&down);
	}
}

void tcp_read_end(int fd)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	char byte;

	ASSERT_LT(0, MUST(poll(&readable, 1, STALL)));
	ASSERT_EQ(0, MUST(recv(fd, &byte, 1, 0)));
}

void tcp_reset(int fd)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	close(fd);
}

static void wait_for_level(int fd, unsigned long request, int level)
{
	struct patience patience = patience_begin();
	int seen = 0;

	do {
		MUST(ioctl(fd, request, &seen));
	} while (seen != level && patience_left(&patience));
	ASSERT_EQ(level, seen);
}

void tcp_wait_acked(int fd)
{
	wait_for_level(fd, SIOCOUTQ, 0);
}

void tcp_wait_unread(int fd, uint32_t bytes)
{
	wait_for_level(fd, SIOCINQ, (int)bytes);
}

static void close_in_order(int first, int second)
{
	MUST(shutdown(first, SHUT_WR));
	tcp_read_end(second);
	close(first);
	close(second);
}

static void half_close(const struct tcp_flow *flow)
{
	MUST(shutdown(flow->client, SHUT_WR));
	tcp_read_end(flow->server);
	tcp_pump(flow->server, flow->client, flow->down);
	close(flow->server);
	tcp_read_end(flow->client);
	close(flow->client);
}

/* A socket that was reset tells so once. */
static void close_after_reset(int fd)
{
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	char byte;

	ASSERT_LT(0, MUST(poll(&readable, 1, STALL)));
	ASSERT_EQ(-1, recv(fd, &byte, 1, 0));
	ASSERT_EQ(ECONNRESET, errno);
	close(fd);
}

static void close_unread(const struct tcp_flow *flow)
{
	tcp_wait_unread(flow->client, flow->down);
	tcp_wait_acked(flow->client);
	tcp_wait_acked(flow->server);
	close(flow->client);
	close_after_reset(flow->server);
}

void tcp_end(struct tcp_flow *flow)
{
	switch (flow->ending) {
	case TCP_CLIENT_CLOSES:
		close_in_order(flow->client, flow->server);
		break;
	case TCP_SERVER_CLOSES:
		close_in_order(flow->server, flow->client);
		break;
	case TCP_HALF_CLOSE:
		half_close(flow);
		break;
	case TCP_BOTH_CLOSE:
		close(flow->client);
		close(flow->server);
		break;
	case TCP_CLIENT_RESETS:
		tcp_wait_acked(flow->client);
		tcp_wait_acked(flow->server);
		tcp_reset(flow->client);
		close_after_reset(flow->server);
		break;
	case TCP_SERVER_RESETS:
		tcp_wait_acked(flow->client);
		tcp_wait_acked(flow->server);
		tcp_reset(flow->server);
		close_after_reset(flow->client);
		break;
	case TCP_CLIENT_UNREAD:
		close_unread(flow);
		break;
	case TCP_ENDINGS:
		break;
	}
	flow->client = -1;
	flow->server = -1;
}

void tcp_run(struct tcp_flow *flow, int listener)
{
	tcp_open(flow, listener);
	tcp_exchange(flow);
	tcp_end(flow);
	load_step();
}

uint32_t tcp_some_size(size_t index)
{
	static const uint32_t sizes[] = { 0, 1, 2, 5, 251, 1460, 12345, 70000, 99999, 262144 };

	return sizes[index % (sizeof(sizes) / sizeof(sizes[0]))];
}

#define FIRST_PLANNED_PORT	10000

void tcp_plan_ports(struct tcp_flow *flows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		flows[i].client_port = (uint16_t)(FIRST_PLANNED_PORT + i);
}

void tcp_plan(struct tcp_flow *flows, size_t count, unsigned int endings)
{
	size_t i;

	for (i = 0; i < count; i++) {
		flows[i] = (struct tcp_flow){
			.family = (enum tcp_family)(i % TCP_FAMILIES),
			.ending = (enum tcp_ending)(i / TCP_FAMILIES % endings),
			.up = tcp_some_size(i / 3),
			.down = tcp_some_size(i / 5 + 3),
			.client = -1,
			.server = -1,
		};
		/* Unread is only what there is and what the receive buffer takes. */
		if (flows[i].ending == TCP_CLIENT_UNREAD)
			flows[i].down = 1 + flows[i].down % 20000;
		/* A port that a reset leaves free at once must not be chosen again. */
		if (flows[i].ending >= TCP_GRACEFUL_ENDINGS)
			flows[i].client_port = (uint16_t)(FIRST_PLANNED_PORT + i);
	}
}
