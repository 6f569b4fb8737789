// SPDX-License-Identifier: MIT
#include "destroyed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"
#include "harness.h"
#include "patience.h"

#define RECEIVE_BUFFER	(32 << 20)	/* bytes */

static void join(int fd, int group)
{
	MUST(setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)));
}

void destroyed_open(struct destroyed *destroyed)
{
	/* Without an address of its own a socket gets no multicast from the kernel. */
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	const int size = RECEIVE_BUFFER;

	memset(destroyed, 0, sizeof(*destroyed));
	destroyed->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (destroyed->fd < 0 && errno == EPROTONOSUPPORT)
		harness_skip("the kernel has no sock_diag");
	MUST(destroyed->fd);
	MUST(setsockopt(destroyed->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	MUST(bind(destroyed->fd, (const void *)&address, sizeof(address)));
	diag_load();
	join(destroyed->fd, SKNLGRP_INET_TCP_DESTROY);
	join(destroyed->fd, SKNLGRP_INET6_TCP_DESTROY);
}

static struct destroyed_socket *append(struct destroyed *destroyed)
{
	if (destroyed->count == destroyed->capacity) {
		destroyed->capacity = destroyed->capacity ? 2 * destroyed->capacity : 256;
		destroyed->sockets = reallocarray(destroyed->sockets, destroyed->capacity,
						  sizeof(*destroyed->sockets));
		ASSERT_TRUE(destroyed->sockets != NULL);
	}
	return &destroyed->sockets[destroyed->count++];
}

/* False: the message has no tcp_info. */
static bool find_info(const struct nlmsghdr *header, struct tcp_info *info)
{
	const struct inet_diag_msg *message = NLMSG_DATA(header);
	struct rtattr *attribute = (struct rtattr *)(message + 1);
	size_t left = header->nlmsg_len - NLMSG_LENGTH(sizeof(*message));

	memset(info, 0, sizeof(*info));
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left)) {
		size_t size = RTA_PAYLOAD(attribute);

		if (attribute->rta_type != INET_DIAG_INFO)
			continue;
		memcpy(info, RTA_DATA(attribute), size < sizeof(*info) ? size : sizeof(*info));
		return true;
	}
	return false;
}

static void take(struct destroyed *destroyed, const struct nlmsghdr *header)
{
	const struct inet_diag_msg *message = NLMSG_DATA(header);
	struct tcp_info info;

	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || !find_info(header, &info))
		return;
	if (!message->id.idiag_dport)	/* listened, or never connected */
		return;
	*append(destroyed) = (struct destroyed_socket){
		.family = message->idiag_family,
		.local_port = ntohs(message->id.idiag_sport),
		.peer_port = ntohs(message->id.idiag_dport),
		.bytes_acked = info.tcpi_bytes_acked,
		.bytes_received = info.tcpi_bytes_received,
		.bytes_sent = info.tcpi_bytes_sent,
		.bytes_retransmitted = info.tcpi_bytes_retrans,
		.segments_out = info.tcpi_segs_out,
		.segments_in = info.tcpi_segs_in,
		.data_segments_out = info.tcpi_data_segs_out,
		.data_segments_in = info.tcpi_data_segs_in,
	};
}

static void drain(struct destroyed *destroyed)
{
	char buffer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *header = (const void *)buffer;
	ssize_t size;

	while ((size = recv(destroyed->fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
		ASSERT_TRUE(NLMSG_OK(header, (size_t)size));
		take(destroyed, header);
	}
	ASSERT_EQ(EAGAIN, errno);
}

void destroyed_wait(struct destroyed *destroyed, size_t want)
{
	struct patience patience = patience_begin();

	do {
		drain(destroyed);
	} while (destroyed->count < want && patience_left(&patience));
	ASSERT_EQ(want, destroyed->count);
}

void destroyed_close(struct destroyed *destroyed)
{
	close(destroyed->fd);
	free(destroyed->sockets);
	memset(destroyed, 0, sizeof(*destroyed));
	destroyed->fd = -1;
}

const struct destroyed_socket *destroyed_find(const struct destroyed *destroyed,
					      uint16_t local_port, uint16_t peer_port)
{
	const struct destroyed_socket *found = NULL;
	size_t i;

	for (i = 0; i < destroyed->count; i++) {
		const struct destroyed_socket *socket = &destroyed->sockets[i];

		if (socket->local_port != local_port || socket->peer_port != peer_port)
			continue;
		ASSERT_TRUE(found == NULL);
		found = socket;
	}
	return found;
}
