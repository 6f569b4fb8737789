/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/connector.h>
#include <linux/cn_proc.h>

#include "proc_connector.h"

enum { RECEIVE_BYTES = 4 * 1024 * 1024 };	/* the kernel halves it where it may not be had */

struct subscription {
	struct nlmsghdr header;
	unsigned char message[sizeof(struct cn_msg) + sizeof(enum proc_cn_mcast_op)];
};

static int subscribe(int fd)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	struct cn_msg head = {
		.id = { .idx = CN_IDX_PROC, .val = CN_VAL_PROC }, .len = sizeof(enum proc_cn_mcast_op),
	};
	enum proc_cn_mcast_op operation = PROC_CN_MCAST_LISTEN;
	struct subscription request = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof(request.message)), .nlmsg_type = NLMSG_DONE },
	};
	int bytes = RECEIVE_BYTES;

	memcpy(request.message, &head, sizeof(head));
	memcpy(request.message + sizeof(head), &operation, sizeof(operation));
	/* Beyond the limit of others where CAP_NET_ADMIN allows it. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return send(fd, &request, request.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

int proc_connector_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
	int result;

	if (fd < 0)
		return -errno;
	result = subscribe(fd);
	if (!result)
		return fd;
	close(fd);
	return result;
}

/* Of which event @bytes of its data are there. */
static bool has_data(size_t length, size_t bytes)
{
	return length >= offsetof(struct proc_event, event_data) + bytes;
}

#define HAS(event, length, member) has_data(length, sizeof((event)->event_data.member))

static bool take_fork(const struct proc_event *event, size_t length, struct proc_event_facts *facts)
{
	if (!HAS(event, length, fork))
		return false;
	if (event->event_data.fork.child_pid != event->event_data.fork.child_tgid)
		return true;
	facts->kind = PROC_FORKED;
	facts->tgid = event->event_data.fork.child_tgid;
	facts->parent_tgid = event->event_data.fork.parent_tgid;
	return true;
}

static bool take_exec(const struct proc_event *event, size_t length, struct proc_event_facts *facts)
{
	if (!HAS(event, length, exec))
		return false;
	facts->kind = PROC_EXECED;
	facts->tgid = event->event_data.exec.process_tgid;
	return true;
}

/* Older kernels end it before the parent's ids. */
static bool take_exit(const struct proc_event *event, size_t length, struct proc_event_facts *facts)
{
	bool first = event->event_data.exit.process_pid == event->event_data.exit.process_tgid;

	if (!has_data(length, offsetof(struct exit_proc_event, parent_pid)))
		return false;
	facts->kind = first ? PROC_EXITED : PROC_THREAD_EXITED;
	facts->tgid = event->event_data.exit.process_tgid;
	facts->exit_code = event->event_data.exit.exit_code;
	return true;
}

/* @length: bytes of @event that were told; the rest is 0. */
static bool take_event(const struct proc_event *event, size_t length, struct proc_event_facts *facts)
{
	switch ((unsigned int)event->what) {
	case PROC_EVENT_FORK:
		return take_fork(event, length, facts);
	case PROC_EVENT_EXEC:
		return take_exec(event, length, facts);
	case (unsigned int)PROC_EVENT_EXIT:
		return take_exit(event, length, facts);
	default:
		return true;
	}
}

int proc_connector_parse(const void *bytes, size_t length, struct proc_event_facts *facts)
{
	static const size_t heads = NLMSG_HDRLEN + sizeof(struct cn_msg);
	struct proc_event_facts found;
	struct proc_event event = { 0 };
	struct nlmsghdr header;
	struct cn_msg head;
	size_t data;

	if (length < heads)
		return -EBADMSG;
	memcpy(&header, bytes, sizeof(header));
	memcpy(&head, (const char *)bytes + NLMSG_HDRLEN, sizeof(head));
	if (header.nlmsg_len < heads || header.nlmsg_len > length || head.id.idx != CN_IDX_PROC ||
	    head.id.val != CN_VAL_PROC || head.len > header.nlmsg_len - heads ||
	    head.len < offsetof(struct proc_event, event_data))
		return -EBADMSG;
	data = head.len < sizeof(event) ? head.len : sizeof(event);
	memcpy(&event, (const char *)bytes + heads, data);
	found = (struct proc_event_facts){
		.kind = PROC_OTHER, .time = event.timestamp_ns, .cpu = event.cpu, .sequence = head.seq,
	};
	if (!take_event(&event, data, &found) || found.tgid < 0 || found.parent_tgid < 0)
		return -EBADMSG;
	*facts = found;
	return 0;
}
