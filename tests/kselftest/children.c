// SPDX-License-Identifier: MIT
#include "children.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

pid_t child_start(void (*body)(void *argument), void *argument)
{
	pid_t pid;

	fflush(stdout);
	pid = MUST(fork());
	if (pid == 0) {
		harness_in_child();
		body(argument);
		_exit(harness_failed());
	}
	return pid;
}

void child_finish(pid_t pid)
{
	int status;

	MUST(waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
}

void channel_open(struct channel *channel)
{
	int pair[2];

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	channel->parent = pair[0];
	channel->child = pair[1];
}

void channel_close(struct channel *channel)
{
	close(channel->parent);
	close(channel->child);
}

void message_send(int fd, const void *message, size_t size)
{
	ASSERT_EQ(size, MUST(send(fd, message, size, MSG_NOSIGNAL)));
}

void message_receive(int fd, void *message, size_t size)
{
	ASSERT_EQ(size, MUST(recv(fd, message, size, 0)));
}

void signal_send(int fd)
{
	message_send(fd, "", 1);
}

void signal_receive(int fd)
{
	char nothing;

	message_receive(fd, &nothing, 1);
}

void descriptor_send(int fd, int descriptor)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { .room = "" };
	struct iovec vector = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
	MUST(sendmsg(fd, &message, MSG_NOSIGNAL));
}

int descriptor_receive(int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char nothing;
	struct iovec vector = { .iov_base = &nothing, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1,
		.msg_control = control.room, .msg_controllen = sizeof(control.room),
	};
	const struct cmsghdr *header;
	int descriptor;

	MUST(recvmsg(fd, &message, MSG_CMSG_CLOEXEC));
	header = CMSG_FIRSTHDR(&message);
	ASSERT_TRUE(header && header->cmsg_type == SCM_RIGHTS);
	memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
	return descriptor;
}

void run_on_cpu(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	MUST(sched_setaffinity(0, sizeof(set), &set));
}
