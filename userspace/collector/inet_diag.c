/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "inet_diag.h"
#include "netlink.h"

#define REQUEST_SEQUENCE	1	/* notifications have 0 */
#define STATE(number)		(1U << (number))

/* Kernel states by number, linux/tcp_states.h: all but SYN_RECV, TIME_WAIT, CLOSE and NEW_SYN_RECV. */
#define STATES	(STATE(1) | STATE(2) | STATE(4) | STATE(5) | STATE(8) | STATE(9) | STATE(10) | STATE(11))

enum {
	RECEIVE_BYTES = 2 * 1024 * 1024,
	DROPS_INDEX = 8,	/* in SKMEMINFO: SK_MEMINFO_DROPS */
};

/* Where a group is not to be had, closed sockets are known by their absence alone. */
static void join_groups(int fd)
{
	int groups[] = { SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY }, bytes = RECEIVE_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof(groups[i]));
}

int inet_diag_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	int result;

	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address))) {
		result = -errno;
		close(fd);
		return result;
	}
	join_groups(fd);
	return fd;
}

int inet_diag_request(int fd, uint8_t family)
{
	char buffer[NLMSG_SPACE(sizeof(struct inet_diag_req_v2))] = { 0 };
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request;

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = REQUEST_SEQUENCE;
	request = mnl_nlmsg_put_extra_header(header, sizeof(*request));
	request->sdiag_family = family;
	request->sdiag_protocol = IPPROTO_TCP;
	request->idiag_ext = 1U << (INET_DIAG_INFO - 1) | 1U << (INET_DIAG_SKMEMINFO - 1);
	request->idiag_states = STATES;
	return send(fd, header, header->nlmsg_len, 0) < 0 ? -errno : 0;
}

/* ---- a message ---- */

static bool is_mapped(const uint8_t address[16])
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(address, prefix, sizeof(prefix)) == 0;
}

/* A listener on all of IPv6 has no mapped address, and serves IPv4 also. */
static void take_addresses(struct diag_socket *to, const struct inet_diag_msg *from)
{
	uint8_t local[16], peer[16];

	memcpy(local, from->id.idiag_src, sizeof(local));
	memcpy(peer, from->id.idiag_dst, sizeof(peer));
	to->family = from->idiag_family;
	to->mapped = from->idiag_family == AF_INET6 && is_mapped(local);
	if (to->mapped) {
		to->family = AF_INET;
		memmove(local, local + 12, 4);
		memmove(peer, peer + 12, 4);
	}
	memcpy(to->local, local, to->family == AF_INET ? 4 : 16);
	memcpy(to->peer, peer, to->family == AF_INET ? 4 : 16);
	to->local_port = ntohs(from->id.idiag_sport);
	to->peer_port = ntohs(from->id.idiag_dport);
}

static int take_attribute(const struct nlattr *attribute, void *socket)
{
	struct diag_socket *to = socket;
	const unsigned char *data = mnl_attr_get_payload(attribute);
	size_t length = mnl_attr_get_payload_len(attribute);

	switch (mnl_attr_get_type(attribute)) {
	case INET_DIAG_INFO:
		memcpy(&to->info, data, length < sizeof(to->info) ? length : sizeof(to->info));
		to->counted = length >= offsetof(struct tcp_info, tcpi_min_rtt);
		break;
	case INET_DIAG_CGROUP_ID:
		if (length >= sizeof(to->cgroup_id))
			memcpy(&to->cgroup_id, data, sizeof(to->cgroup_id));
		break;
	case INET_DIAG_SKMEMINFO:
		if (length >= (DROPS_INDEX + 1) * sizeof(to->drops))
			memcpy(&to->drops, data + DROPS_INDEX * sizeof(to->drops), sizeof(to->drops));
		break;
	}
	return MNL_CB_OK;
}

static int take_socket(const struct nlmsghdr *header, struct diag_message *message)
{
	const struct inet_diag_msg *from = mnl_nlmsg_get_payload(header);
	struct diag_socket *to = &message->socket;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(*from) ||
	    (from->idiag_family != AF_INET && from->idiag_family != AF_INET6))
		return -EBADMSG;
	take_addresses(to, from);
	to->cookie = (uint64_t)from->id.idiag_cookie[1] << 32 | from->id.idiag_cookie[0];
	to->inode = from->idiag_inode;
	to->state = from->idiag_state;
	to->waiting = from->idiag_rqueue;
	to->sending = from->idiag_wqueue;
	mnl_attr_parse(header, sizeof(*from), take_attribute, to);
	message->kind = header->nlmsg_seq == REQUEST_SEQUENCE ? DIAG_SOCKET : DIAG_DESTROYED;
	return 0;
}

static int take_error(const struct nlmsghdr *header, struct diag_message *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

	if (mnl_nlmsg_get_payload_len(header) < sizeof(error->error))
		return -EBADMSG;
	message->kind = DIAG_REFUSED;
	message->error = error->error < 0 ? error->error : -EPROTO;
	return 0;
}

long inet_diag_parse(const void *bytes, size_t length, struct diag_message *message)
{
	const struct nlmsghdr *header = bytes;
	int result = 0;

	if (!netlink_is_whole(header, length))
		return -EBADMSG;
	*message = (struct diag_message){ .kind = DIAG_OTHER };
	if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
		result = take_socket(header, message);
	else if (header->nlmsg_type == NLMSG_DONE)
		message->kind = DIAG_END;
	else if (header->nlmsg_type == NLMSG_ERROR)
		result = take_error(header, message);
	if (result)
		return result;
	return NLMSG_ALIGN(header->nlmsg_len);
}
