// SPDX-License-Identifier: MIT
#include "floods.h"

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroups.h"
#include "children.h"
#include "harness.h"
#include "host.h"
#include "load_process.h"
#include "load_tcp.h"
#include "netns.h"

static void give_way(void)
{
	MUST(nice(5));
}

void flood_processes(void *unused)
{
	struct process_done processes[6];
	int kind;

	(void)unused;
	give_way();
	for (;;) {
		for (kind = PROCESS_EXITS; kind < PROCESS_KILLED; kind++)
			processes_run(processes, 1, (enum process_kind)kind);
	}
}

void flood_connections(void *listener)
{
	struct tcp_flow flow;
	size_t i;

	give_way();
	for (i = 0;; i++) {
		tcp_plan(&flow, 1, 1);
		flow.family = TCP_V4;
		flow.ending = (enum tcp_ending)(i % TCP_CLIENT_UNREAD);
		tcp_run(&flow, *(int *)listener);
	}
}

void flood_lasting_connections(void *unused)
{
	int listener = tcp_listen(TCP_V6, 8701, 64), i;
	struct tcp_flow flows[30];

	(void)unused;
	tcp_plan(flows, 30, 1);
	for (i = 0; i < 30; i++) {
		flows[i].family = TCP_V6;
		tcp_open(&flows[i], listener);
	}
	for (i = 0;; i++) {
		tcp_pump(flows[i % 30].client, flows[i % 30].server, 1000);
		usleep(1000);
		if (i % 10 == 0) {
			tcp_end(&flows[i % 30]);
			flows[i % 30].client_port = 0;
			tcp_open(&flows[i % 30], listener);
		}
	}
}

/* Connected to itself: what it sends it receives. */
static int open_datagrams(enum tcp_family family)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(family, 0, &address);
	int fd = MUST(socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	MUST(bind(fd, (void *)&address, length));
	MUST(getsockname(fd, (void *)&address, &length));
	MUST(connect(fd, (void *)&address, length));
	return fd;
}

static enum tcp_family datagram_family(size_t index)
{
	return index % 2 ? TCP_V4 : TCP_V6;
}

static void use_datagrams(int fd, size_t size)
{
	char bytes[200] = { 0 };

	ASSERT_EQ(size, MUST(send(fd, bytes, size, 0)));
	ASSERT_EQ(size, MUST(recv(fd, bytes, sizeof(bytes), 0)));
}

void flood_datagrams(void *unused)
{
	size_t i, left;
	int fd;

	(void)unused;
	give_way();
	for (i = 0;; i++) {
		fd = open_datagrams(datagram_family(i));
		for (left = i % 4; left; left--)
			use_datagrams(fd, i % 200);
		close(fd);
	}
}

#define RESTING		40	/* sockets */

void flood_resting_datagrams(void *unused)
{
	int fds[RESTING];
	size_t i;

	(void)unused;
	for (i = 0; i < RESTING; i++)
		fds[i] = open_datagrams(datagram_family(i));
	for (i = 0;; i++) {
		use_datagrams(fds[i % RESTING], 100);
		usleep(1050000 / RESTING);
		if (i % 3 == 0) {
			close(fds[i % RESTING]);
			fds[i % RESTING] = open_datagrams(datagram_family(i));
		}
	}
}

/* The namespace goes with the process, and takes open connections and sockets along. */
static void use_net_namespace(void *unused)
{
	struct tcp_flow flow;
	int listener;

	(void)unused;
	netns_enter();
	listener = tcp_listen(TCP_V4, 8702, 8);
	tcp_plan(&flow, 1, 1);
	flow.family = TCP_V4;
	tcp_open(&flow, listener);
	tcp_exchange(&flow);
	use_datagrams(open_datagrams(TCP_V6), 10);
}

void flood_net_namespaces(void *unused)
{
	(void)unused;
	give_way();
	for (;;)
		child_finish(child_start(use_net_namespace, NULL));
}

void flood_cgroups(void *unused)
{
	struct process_done process;
	struct cgroup group;

	(void)unused;
	give_way();
	for (;;) {
		cgroup_make(&group, "kselftest-flood");
		cgroup_enter(&group);
		processes_run(&process, 1, PROCESS_EXECS);
		cgroup_leave();
		cgroup_remove(&group);
	}
}

void flood_cpu_hotplug(void *unused)
{
	(void)unused;
	for (;;) {
		ASSERT_EQ(0, file_write(CPU1_ONLINE, "0"));
		usleep(20000);
		ASSERT_EQ(0, file_write(CPU1_ONLINE, "1"));
		usleep(20000);
	}
}

void floods_end(const pid_t *floods, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!floods[i])
			continue;
		EXPECT_EQ(0, waitpid(floods[i], NULL, WNOHANG));
		kill(floods[i], SIGKILL);
		waitpid(floods[i], NULL, 0);
	}
}
