// SPDX-License-Identifier: MIT
#include "diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

#define ANSWER_SIZE	8192	/* bytes */

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 body;
};

static void ask(int fd, struct request *request, uint16_t type, uint16_t flags)
{
	request->header = (struct nlmsghdr){
		.nlmsg_len = sizeof(*request),
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
	};
	MUST(send(fd, request, sizeof(*request), 0));
}

static const struct nlmsghdr *answer(int fd, char *buffer)
{
	const struct nlmsghdr *header = (const void *)buffer;
	ssize_t size = MUST(recv(fd, buffer, ANSWER_SIZE, 0));

	ASSERT_TRUE(NLMSG_OK(header, (size_t)size));
	return header;
}

/* The dump's answers come many in a message; one socket is the wanted one. */
static bool take_matching(const struct nlmsghdr *header, ssize_t size, uint16_t local_port,
			  uint16_t peer_port, struct inet_diag_sockid *id, unsigned int *found)
{
	for (; NLMSG_OK(header, size); header = NLMSG_NEXT(header, size)) {
		const struct inet_diag_msg *message = NLMSG_DATA(header);

		if (header->nlmsg_type == NLMSG_DONE)
			return false;
		ASSERT_EQ(SOCK_DIAG_BY_FAMILY, header->nlmsg_type);
		if (ntohs(message->id.idiag_sport) != local_port ||
		    ntohs(message->id.idiag_dport) != peer_port)
			continue;
		*id = message->id;
		(*found)++;
	}
	return true;
}

static void find(int fd, struct request *request, uint16_t local_port, uint16_t peer_port)
{
	char buffer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct inet_diag_sockid id;
	unsigned int found = 0;
	ssize_t size;

	ask(fd, request, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	do {
		size = MUST(recv(fd, buffer, sizeof(buffer), 0));
	} while (take_matching((const void *)buffer, size, local_port, peer_port, &id, &found));
	ASSERT_EQ(1, found);
	request->body.id = id;
}

void diag_load(void)
{
	char buffer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = MUST(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
	struct request request = {
		.body = {
			.sdiag_family = AF_INET,
			.sdiag_protocol = IPPROTO_TCP,
		},
	};
	const struct nlmsghdr *header;

	ask(fd, &request, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	header = answer(fd, buffer);
	ASSERT_EQ(NLMSG_DONE, header->nlmsg_type);
	ASSERT_EQ(0, *(const int *)NLMSG_DATA(header));
	close(fd);
}

void diag_destroy(uint8_t family, uint16_t local_port, uint16_t peer_port)
{
	char buffer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	int fd = MUST(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
	struct request request = {
		.body = {
			.sdiag_family = family,
			.sdiag_protocol = IPPROTO_TCP,
			.idiag_states = ~0U,
		},
	};
	const struct nlmsghdr *header;
	int error;

	find(fd, &request, local_port, peer_port);
	ask(fd, &request, SOCK_DESTROY, NLM_F_ACK);
	header = answer(fd, buffer);
	ASSERT_EQ(NLMSG_ERROR, header->nlmsg_type);
	error = ((const struct nlmsgerr *)NLMSG_DATA(header))->error;
	close(fd);
	if (error == -EOPNOTSUPP)
		harness_skip("the kernel cannot abort sockets");
	ASSERT_EQ(0, error);
}
