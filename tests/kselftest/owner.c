// SPDX-License-Identifier: MIT
/* Whose a connection is: the process that connected it, the one that accepted it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgroups.h"
#include "children.h"
#include "flows.h"
#include "harness.h"
#include "host.h"
#include "load_tcp.h"
#include "netns.h"
#include "patience.h"
#include "recorder.h"
#include "uring.h"

#define PORT		8300
#define PAYLOAD		100	/* bytes that each client sends */
#define TALKS		40	/* connections of a test with several servers */
#define MPTCP		262	/* IPPROTO_MPTCP */

FIXTURE(owner) {
	struct recorder recorder;
	uint32_t net_ns;
};

FIXTURE_SETUP(owner)
{
	self->recorder.session.fd = -1;
	self->net_ns = netns_enter();
	recorder_begin(&self->recorder, NULL);
}

FIXTURE_TEARDOWN(owner)
{
	recorder_close(&self->recorder);
}

static struct flow_records gather(const struct owner *self, uint16_t client_port)
{
	return flow_gather(&self->recorder, self->net_ns, client_port, PORT);
}

static void check_caller(const struct hadal_tcp *tcp, pid_t pid, uint64_t ticks)
{
	EXPECT_EQ(HADAL_TCP_OWNER_CALLER, tcp->owner);
	EXPECT_EQ(pid, tcp->owner_tgid);
	EXPECT_EQ(ticks, ticks_of(tcp->owner_start_boottime));
}

/* ---- servers in processes of their own ---- */

/* What a server says of each connection that it took. pid 0: no more. */
struct taken {
	pid_t pid;
	uint16_t client_port;
	uint64_t ticks;
};

struct server {
	struct channel channel;
	int (*listener)(const struct server *server);	/* in the server */
	int inherited;
	pid_t pid;
};

static int inherited_listener(const struct server *server)
{
	return server->inherited;
}

static int own_listener_on_shared_port(const struct server *server)
{
	int fd = tcp_socket(TCP_V4);
	const int one = 1;

	(void)server;
	MUST(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	tcp_bind(fd, TCP_V4, PORT);
	MUST(listen(fd, 64));
	return fd;
}

static int passed_listener(const struct server *server)
{
	return descriptor_receive(server->channel.child);
}

static void take(int listener, const struct server *server)
{
	struct taken taken = { .pid = getpid(), .ticks = start_ticks(getpid()) };
	int fd = accept(listener, NULL, NULL);

	if (fd < 0) {
		ASSERT_EQ(EAGAIN, errno);	/* another server was faster */
		return;
	}
	taken.client_port = tcp_peer_port(fd);
	message_send(server->channel.child, &taken, sizeof(taken));
	tcp_receive_pattern(fd, PAYLOAD);
	tcp_read_end(fd);
	close(fd);
}

/* Serves until it is told to end. */
static void serve(void *argument)
{
	const struct server *server = argument;
	int listener = server->listener(server);
	struct pollfd fds[] = {
		{ .fd = listener, .events = POLLIN },
		{ .fd = server->channel.child, .events = POLLIN },
	};
	const struct taken last = { .pid = 0 };

	MUST(fcntl(listener, F_SETFL, O_NONBLOCK));
	signal_send(server->channel.child);
	for (;;) {
		MUST(poll(fds, 2, -1));
		if (fds[0].revents)
			take(listener, server);
		else if (fds[1].revents)
			break;
	}
	message_send(server->channel.child, &last, sizeof(last));
}

static void start_server(struct server *server, int (*listener)(const struct server *server),
			 int inherited)
{
	channel_open(&server->channel);
	server->listener = listener;
	server->inherited = inherited;
	server->pid = child_start(serve, server);
}

/* A client: sends, and ends when the server has. Closes @fd and returns its port. */
static uint16_t talk_over(int fd)
{
	uint16_t port = tcp_local_port(fd);

	tcp_send_pattern(fd, PAYLOAD);
	MUST(shutdown(fd, SHUT_WR));
	tcp_read_end(fd);
	close(fd);
	return port;
}

static uint16_t talk(void)
{
	return talk_over(tcp_connect(TCP_V4, 0, PORT));
}

static void check_taken(const struct owner *self, const struct taken *taken)
{
	const struct flow_records records = gather(self, taken->client_port);
	const struct tcp_flow flow = {
		.family = TCP_V4, .up = PAYLOAD,
		.client_port = taken->client_port, .server_port = PORT,
	};

	flow_check_life(&records, &flow, self->net_ns);
	flow_check_payload(&records, &flow);
	ASSERT_TRUE(records.accepted && records.server_closed && records.client_closed);
	check_caller(&records.accepted->tcp, taken->pid, taken->ticks);
	check_caller(&records.server_closed->tcp, taken->pid, taken->ticks);
	check_caller(&records.established->tcp, getpid(), start_ticks(getpid()));
	check_caller(&records.client_closed->tcp, getpid(), start_ticks(getpid()));
}

/* Returns how many connections the server has taken. */
static size_t end_server(const struct owner *self, struct server *server)
{
	struct taken taken;
	size_t count = 0;

	signal_send(server->channel.parent);
	for (;;) {
		message_receive(server->channel.parent, &taken, sizeof(taken));
		if (!taken.pid)
			break;
		ASSERT_EQ(server->pid, taken.pid);
		check_taken(self, &taken);
		count++;
	}
	child_finish(server->pid);
	channel_close(&server->channel);
	return count;
}

static void talk_to(struct owner *self, struct server *servers, size_t count)
{
	size_t i, taken = 0;

	for (i = 0; i < count; i++)
		signal_receive(servers[i].channel.parent);
	for (i = 0; i < TALKS; i++)
		talk();
	flow_wait_closed(&self->recorder, self->net_ns, 2 * TALKS);
	for (i = 0; i < count; i++)
		taken += end_server(self, &servers[i]);
	recorder_end(&self->recorder);
	EXPECT_EQ(TALKS, taken);
	EXPECT_EQ(TALKS, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ACCEPTED));
}

TEST_F(owner, prefork)
{
	int listener = tcp_listen(TCP_V4, PORT, 64), i;
	struct server servers[4];

	for (i = 0; i < 4; i++)
		start_server(&servers[i], inherited_listener, listener);
	talk_to(self, servers, 4);
}

TEST_F(owner, reuseport)
{
	struct server servers[3];
	int i;

	for (i = 0; i < 3; i++)
		start_server(&servers[i], own_listener_on_shared_port, -1);
	talk_to(self, servers, 3);
}

/* As with socket activation: who listens is not who accepts. */
TEST_F(owner, passed_listener)
{
	struct server server;
	int listener;

	start_server(&server, passed_listener, -1);
	listener = tcp_listen(TCP_V4, PORT, 64);
	descriptor_send(server.channel.parent, listener);
	close(listener);
	talk_to(self, &server, 1);
}

/* As systemd does it: the listener is made in one cgroup, the service is in another. */
struct service {
	struct cgroup cgroup;
	struct server server;
};

static int activated_listener(const struct server *server)
{
	const struct service *service = (const void *)((const char *)server -
						       offsetof(struct service, server));

	cgroup_enter(&service->cgroup);
	return inherited_listener(server);
}

TEST_F(owner, socket_activation)
{
	struct cgroup activator;
	struct service service;
	uint16_t port;
	struct flow_records records;

	cgroup_make(&activator, "hadal-owner-activator");
	cgroup_make(&service.cgroup, "hadal-owner-service");
	cgroup_enter(&activator);
	start_server(&service.server, activated_listener, tcp_listen(TCP_V4, PORT, 64));
	signal_receive(service.server.channel.parent);
	port = talk();
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	EXPECT_EQ(1, end_server(self, &service.server));
	recorder_end(&self->recorder);
	records = gather(self, port);
	ASSERT_TRUE(records.accepted && records.server_closed);
	EXPECT_EQ(service.cgroup.id, records.accepted->tcp.cgroup_id);
	EXPECT_EQ(service.cgroup.id, records.server_closed->tcp.cgroup_id);
	EXPECT_EQ(activator.id, records.server_closed->tcp.socket_cgroup_id);
	cgroup_leave();
	cgroup_remove(&activator);
	cgroup_remove(&service.cgroup);
}

/* ---- an accepted connection that goes to another process ---- */

static void close_passed(void *channel)
{
	int fd = descriptor_receive(*(int *)channel);

	tcp_receive_pattern(fd, PAYLOAD);
	tcp_read_end(fd);
	close(fd);
}

TEST_F(owner, passed_connection)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = PAYLOAD };
	struct flow_records records;
	struct channel channel;
	pid_t pid;

	channel_open(&channel);
	pid = child_start(close_passed, &channel.child);
	tcp_open(&flow, tcp_listen(TCP_V4, PORT, 16));
	descriptor_send(channel.parent, flow.server);
	close(flow.server);
	tcp_send_pattern(flow.client, PAYLOAD);
	MUST(shutdown(flow.client, SHUT_WR));
	tcp_read_end(flow.client);
	close(flow.client);
	child_finish(pid);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, flow.client_port);
	flow_check_life(&records, &flow, self->net_ns);
	flow_check_payload(&records, &flow);
	ASSERT_TRUE(records.accepted && records.server_closed);
	check_caller(&records.accepted->tcp, getpid(), start_ticks(getpid()));
	check_caller(&records.server_closed->tcp, getpid(), start_ticks(getpid()));
	channel_close(&channel);
}

/* A connection that the parent made and the child uses is still the parent's. */
static void close_inherited(void *fd)
{
	close(*(int *)fd);
}

TEST_F(owner, inherited_connection)
{
	struct tcp_flow flow = { .family = TCP_V6, .up = 10, .down = 20 };
	struct flow_records records;
	pid_t pid;

	tcp_open(&flow, tcp_listen(TCP_V6, PORT, 16));
	tcp_exchange(&flow);
	pid = child_start(close_inherited, &flow.client);
	child_finish(pid);
	tcp_end(&flow);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, flow.client_port);
	flow_check_life(&records, &flow, self->net_ns);
	flow_check_payload(&records, &flow);
	check_caller(&records.client_closed->tcp, getpid(), start_ticks(getpid()));
}

/* ---- threads ---- */

static void *connect_in_thread(void *flow)
{
	((struct tcp_flow *)flow)->client = tcp_connect(TCP_V4, 0, PORT);
	return NULL;
}

static void *accept_in_thread(void *argument)
{
	struct tcp_flow *flow = argument;
	int listener = flow->server;

	flow->server = MUST(accept(listener, NULL, NULL));
	return NULL;
}

static void run_in_thread(void *(*body)(void *), void *argument)
{
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, body, argument));
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST_F(owner, thread)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 1, .down = 2, .server_port = PORT };
	struct flow_records records;

	flow.server = tcp_listen(TCP_V4, PORT, 16);
	run_in_thread(connect_in_thread, &flow);
	run_in_thread(accept_in_thread, &flow);
	flow.client_port = tcp_local_port(flow.client);
	tcp_exchange(&flow);
	tcp_end(&flow);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, flow.client_port);
	flow_check_life(&records, &flow, self->net_ns);
	check_caller(&records.established->tcp, getpid(), start_ticks(getpid()));
	check_caller(&records.accepted->tcp, getpid(), start_ticks(getpid()));
}

static void check_uring(struct owner *self, bool by_worker)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 300, .down = 40, .server_port = PORT };
	int listener = tcp_listen(TCP_V4, PORT, 16);
	struct flow_records records;

	flow.client = tcp_connect(TCP_V4, 0, PORT);
	flow.client_port = tcp_local_port(flow.client);
	flow.server = uring_accept(listener, by_worker);
	tcp_exchange(&flow);
	tcp_end(&flow);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, flow.client_port);
	flow_check_life(&records, &flow, self->net_ns);
	flow_check_payload(&records, &flow);
	ASSERT_TRUE(records.accepted != NULL);
	check_caller(&records.accepted->tcp, getpid(), start_ticks(getpid()));
	close(listener);
}

TEST_F(owner, io_uring)
{
	check_uring(self, false);
}

TEST_F(owner, io_uring_worker)
{
	check_uring(self, true);
}

/* ---- closed before accept() ---- */

TEST_F(owner, reset_before_accept)
{
	const struct tcp_type_in accepted = { self->net_ns, HADAL_RECORD_TCP_ACCEPTED };
	int listener = tcp_listen(TCP_V4, PORT, 16), client, server;
	struct flow_records records;
	uint16_t port;

	client = tcp_connect(TCP_V4, 0, PORT);
	port = tcp_local_port(client);
	tcp_send_pattern(client, PAYLOAD);
	tcp_wait_acked(client);
	tcp_reset(client);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	server = MUST(accept(listener, NULL, NULL));
	recorder_wait(&self->recorder, is_tcp_type_in, &accepted, 1);
	close(server);
	recorder_end(&self->recorder);
	records = gather(self, port);
	ASSERT_EQ(1, records.server_closed_count);
	ASSERT_EQ(1, records.accepted_count);
	EXPECT_EQ(HADAL_TCP_NOT_ACCEPTED | HADAL_TCP_RESET_RECEIVED, records.server_closed->tcp.flags);
	EXPECT_EQ(HADAL_TCP_OWNER_UNKNOWN, records.server_closed->tcp.owner);
	EXPECT_EQ(0, records.server_closed->tcp.owner_tgid);
	EXPECT_EQ(ECONNRESET, records.server_closed->error);
	EXPECT_EQ(PAYLOAD, records.server_closed->counters.received);
	EXPECT_EQ(PAYLOAD, records.server_closed->counters.unread);
	EXPECT_EQ(HADAL_TCP_ACCEPTED_AFTER_CLOSE,
		  records.accepted->tcp.flags & HADAL_TCP_ACCEPTED_AFTER_CLOSE);
	EXPECT_EQ(records.server_closed->tcp.id, records.accepted->tcp.id);
	EXPECT_EQ(records.server_closed->tcp.key, records.accepted->tcp.key);
	EXPECT_EQ(records.client_closed->tcp.key, records.server_closed->tcp.key);
	check_caller(&records.accepted->tcp, getpid(), start_ticks(getpid()));
}

TEST_F(owner, listener_closed_before_accept)
{
	int listener = tcp_listen(TCP_V4, PORT, 16);
	struct flow_records records;
	int clients[5], i;

	for (i = 0; i < 5; i++)
		clients[i] = tcp_connect(TCP_V4, (uint16_t)(9000 + i), PORT);
	close(listener);
	flow_wait_closed(&self->recorder, self->net_ns, 10);
	recorder_end(&self->recorder);
	for (i = 0; i < 5; i++) {
		close(clients[i]);
		records = gather(self, (uint16_t)(9000 + i));
		ASSERT_EQ(1, records.server_closed_count);
		ASSERT_EQ(1, records.client_closed_count);
		EXPECT_EQ(0, records.accepted_count);
		EXPECT_EQ(HADAL_TCP_NOT_ACCEPTED | HADAL_TCP_RESET_SENT, records.server_closed->tcp.flags);
		EXPECT_EQ(getpid(), records.server_closed->closer_tgid);
		EXPECT_EQ(ECONNRESET, records.client_closed->error);
	}
}

/* The kernel soon uses the memory of sockets that nobody accepted for others, which somebody does. */
TEST_F(owner, accepted_after_unaccepted)
{
	enum { ROUNDS = 10, CLIENTS = 16 };
	struct tcp_flow flows[ROUNDS * CLIENTS] = { };
	struct flow_records records;
	int clients[CLIENTS], i, round, listener;

	for (i = 0; i < ROUNDS * CLIENTS; i++)
		flows[i] = (struct tcp_flow) { .family = TCP_V4, .up = PAYLOAD };
	tcp_plan_ports(flows, ROUNDS * CLIENTS);
	for (round = 0; round < ROUNDS; round++) {
		listener = tcp_listen(TCP_V4, PORT, CLIENTS);
		for (i = 0; i < CLIENTS; i++)
			clients[i] = tcp_connect(TCP_V4, 0, PORT);
		close(listener);
		listener = tcp_listen(TCP_V4, PORT, CLIENTS);
		for (i = round * CLIENTS; i < (round + 1) * CLIENTS; i++) {
			tcp_open(&flows[i], listener);
			tcp_exchange(&flows[i]);
			tcp_end(&flows[i]);
		}
		for (i = 0; i < CLIENTS; i++)
			close(clients[i]);
		close(listener);
	}
	flow_wait_closed(&self->recorder, self->net_ns, 4 * ROUNDS * CLIENTS);
	recorder_end(&self->recorder);
	EXPECT_EQ(ROUNDS * CLIENTS,
		  flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ACCEPTED));
	for (i = 0; i < ROUNDS * CLIENTS; i++) {
		records = gather(self, flows[i].client_port);
		flow_check_life(&records, &flows[i], self->net_ns);
		flow_check_payload(&records, &flows[i]);
	}
}

/* Closed in good order by the client before accept(): data and end wait in the queue. */
TEST_F(owner, closed_before_accept)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = PAYLOAD, .server_port = PORT };
	int listener = tcp_listen(TCP_V4, PORT, 16), server;
	struct flow_records records;
	int client = tcp_connect(TCP_V4, 0, PORT);

	flow.client_port = tcp_local_port(client);
	tcp_send_pattern(client, PAYLOAD);
	close(client);
	server = MUST(accept(listener, NULL, NULL));
	tcp_receive_pattern(server, PAYLOAD);
	tcp_read_end(server);
	close(server);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, flow.client_port);
	flow_check_life(&records, &flow, self->net_ns);
	flow_check_payload(&records, &flow);
	check_caller(&records.accepted->tcp, getpid(), start_ticks(getpid()));
}

/* ---- TCP Fast Open ---- */

static int fast_open_listener(void)
{
	int fd = tcp_socket(TCP_V4);
	const int queue = 64;

	netns_sysctl("ipv4/tcp_fastopen", "3");
	tcp_bind(fd, TCP_V4, PORT);
	MUST(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)));
	MUST(listen(fd, 64));
	return fd;
}

static int fast_open_connect(void)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V4, PORT, &address);
	int fd = tcp_socket(TCP_V4);
	unsigned char payload[PAYLOAD];
	int i;

	for (i = 0; i < PAYLOAD; i++)
		payload[i] = (unsigned char)i;	/* as tcp_receive_pattern() wants it */
	ASSERT_EQ(PAYLOAD, MUST(sendto(fd, payload, PAYLOAD, MSG_FASTOPEN, (const void *)&address,
				       length)));
	return fd;
}

static bool sent_in_syn(int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
	return info.tcpi_options & TCPI_OPT_SYN_DATA;
}

static struct tcp_flow fast_open_flow(int listener, bool in_syn)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = PAYLOAD, .server_port = PORT };

	flow.client = fast_open_connect();
	flow.client_port = tcp_local_port(flow.client);
	flow.server = MUST(accept(listener, NULL, NULL));
	tcp_receive_pattern(flow.server, PAYLOAD);
	tcp_wait_acked(flow.client);
	ASSERT_EQ(in_syn, sent_in_syn(flow.client));
	tcp_end(&flow);
	return flow;
}

static void check_fast_open(const struct owner *self, const struct tcp_flow *flow, bool in_syn)
{
	struct flow_records records = gather(self, flow->client_port);

	flow_check_life(&records, flow, self->net_ns);
	flow_check_payload(&records, flow);
	ASSERT_TRUE(records.established && records.accepted);
	check_caller(&records.established->tcp, getpid(), start_ticks(getpid()));
	check_caller(&records.accepted->tcp, getpid(), start_ticks(getpid()));
	if (in_syn) {
		EXPECT_TRUE(records.established->tcp.flags & HADAL_TCP_FASTOPEN);
		EXPECT_EQ(0, records.established->connect_latency);
	}
}

TEST_F(owner, fast_open)
{
	int listener = fast_open_listener();
	struct tcp_flow first = fast_open_flow(listener, false);
	struct tcp_flow second = fast_open_flow(listener, true);

	flow_wait_closed(&self->recorder, self->net_ns, 4);
	recorder_end(&self->recorder);
	check_fast_open(self, &first, false);
	check_fast_open(self, &second, true);
}

/* The server waits in accept() on another CPU: it may win before the handshake has ended. */
static void accept_fast_opens(void *listener)
{
	int i, fd;

	run_on_cpu(1);
	for (i = 0; i < TALKS; i++) {
		fd = MUST(accept(*(int *)listener, NULL, NULL));
		tcp_receive_pattern(fd, PAYLOAD);
		tcp_read_end(fd);
		close(fd);
	}
}

TEST_F(owner, fast_open_race)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = PAYLOAD, .server_port = PORT };
	int listener = fast_open_listener(), i, fd;
	uint16_t ports[TALKS];
	pid_t pid = child_start(accept_fast_opens, &listener);

	run_on_cpu(0);
	for (i = 0; i < TALKS; i++) {
		fd = fast_open_connect();
		ports[i] = tcp_local_port(fd);
		MUST(shutdown(fd, SHUT_WR));
		tcp_read_end(fd);
		close(fd);
	}
	flow_wait_closed(&self->recorder, self->net_ns, 2 * TALKS);
	recorder_end(&self->recorder);
	for (i = 0; i < TALKS; i++) {
		struct flow_records records = gather(self, ports[i]);

		flow.client_port = ports[i];
		flow_check_life(&records, &flow, self->net_ns);
		flow_check_payload(&records, &flow);
		ASSERT_TRUE(records.accepted != NULL);
		EXPECT_EQ(pid, records.accepted->tcp.owner_tgid);
	}
	child_finish(pid);
}

/* ---- MPTCP ---- */

static int mptcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, MPTCP);

	if (fd < 0 && (errno == EPROTONOSUPPORT || errno == ENOPROTOOPT))
		harness_skip("no MPTCP");
	return MUST(fd);
}

static int mptcp_listener(void)
{
	int fd = mptcp_socket();

	tcp_bind(fd, TCP_V4, PORT);
	MUST(listen(fd, 16));
	return fd;
}

static void check_mptcp(struct owner *self, struct tcp_flow *flow, int listener, bool is_mptcp)
{
	const uint32_t flag = is_mptcp ? HADAL_TCP_MPTCP : 0;
	struct flow_records records;

	flow->client_port = tcp_local_port(flow->client);
	flow->server_port = PORT;
	/* An accept() before the subflow is established would not give it its owner. */
	if (is_mptcp)
		flow_wait(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ACCEPTED, 1);
	flow->server = MUST(accept(listener, NULL, NULL));
	tcp_exchange(flow);
	tcp_end(flow);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, flow->client_port);
	flow_check_life(&records, flow, self->net_ns);
	flow_check_payload(&records, flow);
	ASSERT_TRUE(records.established && records.accepted);
	check_caller(&records.established->tcp, getpid(), start_ticks(getpid()));
	if (is_mptcp)
		EXPECT_EQ(HADAL_TCP_OWNER_UNKNOWN, records.accepted->tcp.owner);
	else
		check_caller(&records.accepted->tcp, getpid(), start_ticks(getpid()));
	check_caller(&records.server_closed->tcp, getpid(), start_ticks(getpid()));
	EXPECT_EQ(flag, records.established->tcp.flags & HADAL_TCP_MPTCP);
	EXPECT_EQ(flag, records.accepted->tcp.flags & HADAL_TCP_MPTCP);
}

/* What a Go program's listener is, and what most of its clients are. */
TEST_F(owner, mptcp_listener_plain_client)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 70000, .down = 12345 };
	int listener = mptcp_listener();

	flow.client = tcp_connect(TCP_V4, 0, PORT);
	check_mptcp(self, &flow, listener, false);
}

static int mptcp_connect(void)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V4, PORT, &address);
	int fd = mptcp_socket();

	MUST(connect(fd, (const void *)&address, length));
	return fd;
}

TEST_F(owner, mptcp_both_ends)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 70000, .down = 12345 };
	int listener = mptcp_listener();

	flow.client = mptcp_connect();
	check_mptcp(self, &flow, listener, true);
}

/* What was there before: the process holds the MPTCP socket, not the subflow. */
TEST_F(owner, mptcp_held)
{
	int listener = mptcp_listener(), client = mptcp_connect();
	const uint16_t client_port = tcp_local_port(client);
	int server = MUST(accept(listener, NULL, NULL));
	struct flow_records records;

	recorder_close(&self->recorder);
	recorder_begin(&self->recorder, NULL);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	records = gather(self, client_port);
	ASSERT_TRUE(records.client_snapshot && records.server_snapshot);
	EXPECT_EQ(HADAL_TCP_OWNER_HOLDER, records.client_snapshot->tcp.owner);
	EXPECT_EQ(getpid(), records.client_snapshot->tcp.owner_tgid);
	EXPECT_EQ(HADAL_TCP_OWNER_HOLDER, records.server_snapshot->tcp.owner);
	EXPECT_EQ(getpid(), records.server_snapshot->tcp.owner_tgid);
	close(client);
	close(server);
	close(listener);
}

/* What accept() returns later is not the subflow: that is not waited for. */
TEST_F(owner, mptcp_accepted_behind_start)
{
	struct tcp_flow flow = { .family = TCP_V4, .server_port = PORT, .up = PAYLOAD };
	int listener = mptcp_listener();
	struct flow_records records;

	flow.client = mptcp_connect();
	flow.client_port = tcp_local_port(flow.client);
	flow_wait(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ACCEPTED, 1);
	recorder_close(&self->recorder);
	recorder_begin(&self->recorder, NULL);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	flow.server = MUST(accept(listener, NULL, NULL));
	tcp_exchange(&flow);
	tcp_end(&flow);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, flow.client_port);
	ASSERT_TRUE(records.server_snapshot && records.server_closed);
	EXPECT_EQ(0, records.server_closed->tcp.flags & HADAL_TCP_NOT_ACCEPTED);
	check_caller(&records.server_closed->tcp, getpid(), start_ticks(getpid()));
	close(listener);
}

/* ---- sockets of the kernel ---- */

struct share {
	pthread_t thread;
	char directory[32];
	int error;	/* of mount(), once it is ended */
	bool is_ended;
};

static void *mount_share(void *argument)
{
	struct share *share = argument;
	char options[64];

	snprintf(options, sizeof(options), "ip=127.0.0.1,port=%u,sec=none,vers=3.0", PORT);
	share->error = mount("//127.0.0.1/share", share->directory, "cifs", 0, options) ? errno : 0;
	__atomic_store_n(&share->is_ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static void begin_mount(struct share *share)
{
	strcpy(share->directory, "/tmp/hadal-owner-XXXXXX");
	ASSERT_TRUE(mkdtemp(share->directory));
	ASSERT_EQ(0, pthread_create(&share->thread, NULL, mount_share, share));
}

static void end_mount(struct share *share)
{
	ASSERT_EQ(0, pthread_join(share->thread, NULL));
	rmdir(share->directory);
}

/* Its connection; the test is skipped where there is no such file system. */
static int accept_mount(struct share *share, int listener)
{
	struct patience patience = patience_begin();
	int fd;

	MUST(fcntl(listener, F_SETFL, O_NONBLOCK));
	while ((fd = accept(listener, NULL, NULL)) < 0) {
		ASSERT_EQ(EAGAIN, errno);
		if (__atomic_load_n(&share->is_ended, __ATOMIC_ACQUIRE) && share->error == ENODEV) {
			end_mount(share);
			harness_skip("no CIFS");
		}
		ASSERT_TRUE(patience_left(&patience));
	}
	return fd;
}

/* A process mounts: the file system's socket connects in its call, and is not its own. */
TEST_F(owner, kernel_socket)
{
	int listener = tcp_listen(TCP_V4, PORT, 16), server;
	struct flow_records records;
	uint16_t client_port;
	struct share share = { };

	begin_mount(&share);
	server = accept_mount(&share, listener);
	client_port = tcp_peer_port(server);
	close(listener);
	close(server);
	end_mount(&share);
	EXPECT_NE(0, share.error);
	recorder_end(&self->recorder);
	records = gather(self, client_port);
	ASSERT_TRUE(records.established != NULL);
	EXPECT_EQ(HADAL_TCP_OWNER_KERNEL, records.established->tcp.owner);
	EXPECT_EQ(getpid(), records.established->tcp.owner_tgid);
	EXPECT_EQ(HADAL_TCP_KERNEL_SOCKET,
		  records.established->tcp.flags & HADAL_TCP_KERNEL_SOCKET);
}

/* ---- cgroups ---- */

struct move {
	struct cgroup at_socket;	/* where socket() is called */
	struct cgroup later;		/* where connect() or accept() is */
	int channel;
};

static void serve_from_another_cgroup(void *argument)
{
	const struct move *move = argument;
	int listener, fd;

	cgroup_enter(&move->at_socket);
	listener = tcp_listen(TCP_V4, PORT, 16);
	cgroup_enter(&move->later);
	signal_send(move->channel);
	fd = MUST(accept(listener, NULL, NULL));
	tcp_receive_pattern(fd, PAYLOAD);
	tcp_read_end(fd);
	close(fd);
}

static uint16_t talk_from_another_cgroup(const struct move *move)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V4, PORT, &address);
	int fd;

	cgroup_enter(&move->at_socket);
	fd = tcp_socket(TCP_V4);
	cgroup_enter(&move->later);
	MUST(connect(fd, (const void *)&address, length));
	return talk_over(fd);
}

static void check_cgroups(const struct hadal_tcp *tcp, const struct move *move)
{
	EXPECT_EQ(move->later.id, tcp->cgroup_id);
	EXPECT_EQ(0, tcp->cgroup_hierarchy);
	EXPECT_EQ(move->at_socket.id, tcp->socket_cgroup_id);
}

static void make_groups(struct move *move, const char *first, const char *second)
{
	cgroup_make(&move->at_socket, first);
	cgroup_make(&move->later, second);
}

static void remove_groups(const struct move *move)
{
	cgroup_remove(&move->at_socket);
	cgroup_remove(&move->later);
}

TEST_F(owner, cgroups)
{
	struct move client, server;
	struct flow_records records;
	struct channel channel;
	uint16_t port;
	pid_t pid;

	make_groups(&client, "hadal-owner-c1", "hadal-owner-c2");
	make_groups(&server, "hadal-owner-s1", "hadal-owner-s2");
	channel_open(&channel);
	server.channel = channel.child;
	pid = child_start(serve_from_another_cgroup, &server);
	signal_receive(channel.parent);
	port = talk_from_another_cgroup(&client);
	child_finish(pid);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, port);
	ASSERT_TRUE(records.established && records.accepted && records.client_closed &&
		    records.server_closed);
	check_cgroups(&records.established->tcp, &client);
	check_cgroups(&records.client_closed->tcp, &client);
	check_cgroups(&records.accepted->tcp, &server);
	check_cgroups(&records.server_closed->tcp, &server);
	cgroup_leave();
	remove_groups(&client);
	remove_groups(&server);
	channel_close(&channel);
}

/* ---- namespaces ---- */

/* A socket belongs to the namespace that it was made in, wherever its process is. */
TEST_F(owner, socket_keeps_its_namespace)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 5, .down = 6, .server_port = PORT };
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V4, PORT, &address);
	int listener = tcp_listen(TCP_V4, PORT, 16);
	struct flow_records records;

	flow.client = tcp_socket(TCP_V4);
	ASSERT_NE(self->net_ns, netns_enter());
	MUST(connect(flow.client, (const void *)&address, length));
	flow.client_port = tcp_local_port(flow.client);
	flow.server = MUST(accept(listener, NULL, NULL));
	tcp_exchange(&flow);
	tcp_end(&flow);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, flow.client_port);
	flow_check_life(&records, &flow, self->net_ns);
	flow_check_payload(&records, &flow);
}

HARNESS_MAIN
