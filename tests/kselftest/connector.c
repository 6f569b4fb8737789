// SPDX-License-Identifier: MIT
#include "connector.h"

#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "patience.h"

#define RECEIVE_BUFFER	(64 << 20)	/* bytes: no load makes more unread events */

static void subscribe(int fd, enum proc_cn_mcast_op operation)
{
	struct {
		struct nlmsghdr header;
		struct cn_msg message;
		enum proc_cn_mcast_op operation;
	} __attribute__((packed)) request = {
		.header = { .nlmsg_len = sizeof(request), .nlmsg_type = NLMSG_DONE },
		.message = { .id = { CN_IDX_PROC, CN_VAL_PROC }, .len = sizeof(operation) },
		.operation = operation,
	};

	MUST(send(fd, &request, sizeof(request), 0));
}

static void await_acknowledgement(struct connector *connector);

void connector_open(struct connector *connector)
{
	const struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC };
	const int size = RECEIVE_BUFFER;

	memset(connector, 0, sizeof(*connector));
	connector->fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR);
	if (connector->fd < 0 && errno == EPROTONOSUPPORT)
		harness_skip("the kernel has no process connector");
	MUST(connector->fd);
	MUST(bind(connector->fd, (const void *)&address, sizeof(address)));
	MUST(setsockopt(connector->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)));
	subscribe(connector->fd, PROC_CN_MCAST_LISTEN);
	await_acknowledgement(connector);
}

static struct connector_event *append(struct connector *connector)
{
	if (connector->count == connector->capacity) {
		connector->capacity = connector->capacity ? 2 * connector->capacity : 1024;
		connector->events = reallocarray(connector->events, connector->capacity,
						 sizeof(*connector->events));
		ASSERT_TRUE(connector->events != NULL);
	}
	return &connector->events[connector->count++];
}

static void take(struct connector *connector, const struct proc_event *event)
{
	switch ((unsigned int)event->what) {
	case PROC_EVENT_FORK:
		*append(connector) = (struct connector_event){
			.what = CONNECTOR_FORK,
			.tid = event->event_data.fork.child_pid,
			.tgid = event->event_data.fork.child_tgid,
			.parent_tgid = event->event_data.fork.parent_tgid,
		};
		break;
	case PROC_EVENT_EXEC:
		*append(connector) = (struct connector_event){
			.what = CONNECTOR_EXEC,
			.tid = event->event_data.exec.process_pid,
			.tgid = event->event_data.exec.process_tgid,
		};
		break;
	case PROC_EVENT_EXIT:
		*append(connector) = (struct connector_event){
			.what = CONNECTOR_EXIT,
			.tid = event->event_data.exit.process_pid,
			.tgid = event->event_data.exit.process_tgid,
			.exit_code = event->event_data.exit.exit_code,
		};
		break;
	}
}

/* Returns false when nothing has come. */
static bool receive_one(struct connector *connector, int flags, struct proc_event *event)
{
	char buffer[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct cn_msg *message = NLMSG_DATA((struct nlmsghdr *)buffer);
	ssize_t size = recv(connector->fd, buffer, sizeof(buffer), flags);

	if (size < 0 && errno == EAGAIN)
		return false;
	ASSERT_LT(0, MUST(size));	/* ENOBUFS: events were lost */
	memset(event, 0, sizeof(*event));
	memcpy(event, message->data,
	       message->len < sizeof(*event) ? message->len : sizeof(*event));
	return true;
}

/* Whoever else has subscribed makes events come before ours is answered. */
static void await_acknowledgement(struct connector *connector)
{
	struct proc_event event;

	do {
		receive_one(connector, 0, &event);
	} while ((unsigned int)event.what != PROC_EVENT_NONE);
}

void connector_drain(struct connector *connector)
{
	struct proc_event event;

	while (receive_one(connector, MSG_DONTWAIT, &event))
		take(connector, &event);
}

void connector_close(struct connector *connector)
{
	subscribe(connector->fd, PROC_CN_MCAST_IGNORE);
	close(connector->fd);
	free(connector->events);
	memset(connector, 0, sizeof(*connector));
	connector->fd = -1;
}

size_t connector_count(const struct connector *connector, enum connector_what what, pid_t tgid)
{
	size_t i, count = 0;

	for (i = 0; i < connector->count; i++) {
		const struct connector_event *event = &connector->events[i];

		count += event->what == what && event->tgid == tgid && event->tid == tgid;
	}
	return count;
}

void connector_wait_exits(struct connector *connector, const struct process_done *processes,
			  size_t count)
{
	struct patience patience = patience_begin();
	size_t i = 0;

	while (i < count) {
		connector_drain(connector);
		while (i < count && connector_count(connector, CONNECTOR_EXIT, processes[i].pid))
			i++;
		ASSERT_TRUE(patience_left(&patience));
	}
}
