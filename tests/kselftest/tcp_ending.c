// SPDX-License-Identifier: MIT
/* Who ended a connection, and how: each way provoked, and told at both ends. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"
#include "flows.h"
#include "harness.h"
#include "load_tcp.h"
#include "netns.h"
#include "patience.h"
#include "recorder.h"

#define PORT	8002

FIXTURE(ending) {
	struct recorder recorder;
	struct tcp_flow flow;
	uint32_t net_ns;
	int listener;
	int max_orphans;	/* the host's, not to be had from inside the namespace */
};

FIXTURE_SETUP(ending)
{
	self->recorder.session.fd = -1;
	self->max_orphans = MUST(open("/proc/sys/net/ipv4/tcp_max_orphans", O_RDWR | O_CLOEXEC));
	self->net_ns = netns_enter();
	recorder_begin(&self->recorder, NULL);
	self->listener = tcp_listen(TCP_V4, PORT, 16);
	self->flow = (struct tcp_flow){ .family = TCP_V4 };
	tcp_open(&self->flow, self->listener);
}

FIXTURE_TEARDOWN(ending)
{
	recorder_close(&self->recorder);
	close(self->max_orphans);
}

/* Waits for as many closed ends, and ends the session. */
static struct flow_records records_of(struct ending *self, size_t ends)
{
	flow_wait_closed(&self->recorder, self->net_ns, ends);
	recorder_end(&self->recorder);
	return flow_gather(&self->recorder, self->net_ns, self->flow.client_port, PORT);
}

#define RESETS		(HADAL_TCP_RESET_SENT | HADAL_TCP_RESET_RECEIVED)

/* Here what one end sends the other gets: in the flags of both, or of none. */
static void check_resets(const struct hadal_record_tcp_closed *one,
			 const struct hadal_record_tcp_closed *other)
{
	bool sent = one->tcp.flags & HADAL_TCP_RESET_SENT;
	bool received = one->tcp.flags & HADAL_TCP_RESET_RECEIVED;

	EXPECT_EQ(received, !!(other->tcp.flags & HADAL_TCP_RESET_SENT));
	EXPECT_EQ(sent, !!(other->tcp.flags & HADAL_TCP_RESET_RECEIVED));
}

static bool is_reset(uint32_t ending)
{
	return ending == HADAL_TCP_ENDING_RESET || ending == HADAL_TCP_ENDING_RESET_AFTER_CLOSE;
}

static void expect_both(struct ending *self, uint32_t client, uint32_t server)
{
	struct flow_records records = records_of(self, 2);

	ASSERT_TRUE(records.client_closed && records.server_closed);
	EXPECT_EQ(client, records.client_closed->ending);
	EXPECT_EQ(server, records.server_closed->ending);
	EXPECT_EQ(is_reset(client), !!(records.client_closed->tcp.flags & HADAL_TCP_RESET_RECEIVED));
	EXPECT_EQ(is_reset(server), !!(records.server_closed->tcp.flags & HADAL_TCP_RESET_RECEIVED));
	if (!is_reset(client))
		check_resets(records.client_closed, records.server_closed);
}

static void expect_client(struct ending *self, uint32_t ending, uint32_t resets)
{
	struct flow_records records = records_of(self, 1);

	ASSERT_TRUE(records.client_closed != NULL);
	EXPECT_EQ(ending, records.client_closed->ending);
	EXPECT_EQ(0, records.client_closed->closer_tgid);
	EXPECT_EQ(resets, records.client_closed->tcp.flags & RESETS);
}

static void set_option(int fd, int level, int name, int value)
{
	MUST(setsockopt(fd, level, name, &value, sizeof(value)));
}

/*
 * What comes in is dropped before TCP sees it: a peer that is gone without a word.
 * Its own end goes at once with its descriptor; nobody would hear of a FIN.
 */
static void fall_silent(int fd)
{
	const struct linger at_once = { .l_onoff = 1 };
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = { .len = 1, .filter = &nothing };

	MUST(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
	MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
}

/* Fills all buffers between; some of what is sent can't leave. */
static void flood(int fd)
{
	static const char block[65536];

	while (send(fd, block, sizeof(block), MSG_DONTWAIT) > 0)
		;
}

static void read_all(int fd)
{
	static char block[65536];

	while (MUST(recv(fd, block, sizeof(block), 0)) > 0)
		;
}

/* ---- FINs ---- */

TEST_F(ending, client_closes)
{
	self->flow.ending = TCP_CLIENT_CLOSES;
	tcp_end(&self->flow);
	expect_both(self, HADAL_TCP_ENDING_LOCAL_CLOSE, HADAL_TCP_ENDING_PEER_CLOSE);
}

TEST_F(ending, server_closes)
{
	self->flow.ending = TCP_SERVER_CLOSES;
	tcp_end(&self->flow);
	expect_both(self, HADAL_TCP_ENDING_PEER_CLOSE, HADAL_TCP_ENDING_LOCAL_CLOSE);
}

/* The peer's FIN comes while the socket is still held: it passes on from there. */
TEST_F(ending, peer_closes_before_close)
{
	MUST(shutdown(self->flow.client, SHUT_WR));
	tcp_read_end(self->flow.server);
	close(self->flow.server);
	tcp_read_end(self->flow.client);
	expect_both(self, HADAL_TCP_ENDING_LOCAL_CLOSE, HADAL_TCP_ENDING_PEER_CLOSE);
	close(self->flow.client);
}

/* The client's FIN waits behind data that the server has no room for. */
TEST_F(ending, fins_cross)
{
	flood(self->flow.client);
	MUST(shutdown(self->flow.client, SHUT_WR));
	MUST(shutdown(self->flow.server, SHUT_WR));
	tcp_read_end(self->flow.client);
	read_all(self->flow.server);
	expect_both(self, HADAL_TCP_ENDING_BOTH_CLOSE, HADAL_TCP_ENDING_LOCAL_CLOSE);
	close(self->flow.client);
	close(self->flow.server);
}

/* ---- this end aborts, the other is reset ---- */

TEST_F(ending, linger)
{
	struct flow_records records;

	tcp_reset(self->flow.client);
	records = records_of(self, 2);
	ASSERT_TRUE(records.client_closed && records.server_closed);
	EXPECT_EQ(HADAL_TCP_ENDING_ABORTED_LINGER, records.client_closed->ending);
	EXPECT_EQ(getpid(), records.client_closed->closer_tgid);
	EXPECT_EQ(HADAL_TCP_ENDING_RESET, records.server_closed->ending);
	EXPECT_EQ(0, records.server_closed->closer_tgid);
	EXPECT_EQ(HADAL_TCP_RESET_SENT, records.client_closed->tcp.flags & RESETS);
	EXPECT_EQ(HADAL_TCP_RESET_RECEIVED, records.server_closed->tcp.flags & RESETS);
	close(self->flow.server);
}

TEST_F(ending, linger_after_shutdown)
{
	MUST(shutdown(self->flow.client, SHUT_WR));
	tcp_read_end(self->flow.server);
	tcp_reset(self->flow.client);
	expect_both(self, HADAL_TCP_ENDING_ABORTED_LINGER, HADAL_TCP_ENDING_RESET);
	close(self->flow.server);
}

TEST_F(ending, does_not_wait_for_fin)
{
	set_option(self->flow.client, IPPROTO_TCP, TCP_LINGER2, -1);
	close(self->flow.client);
	expect_both(self, HADAL_TCP_ENDING_ABORTED_LINGER, HADAL_TCP_ENDING_RESET);
	close(self->flow.server);
}

TEST_F(ending, unread)
{
	struct flow_records records;

	tcp_send_pattern(self->flow.server, 1000);
	tcp_wait_unread(self->flow.client, 1000);
	close(self->flow.client);
	records = records_of(self, 2);
	ASSERT_TRUE(records.client_closed && records.server_closed);
	EXPECT_EQ(HADAL_TCP_ENDING_ABORTED_UNREAD, records.client_closed->ending);
	EXPECT_EQ(getpid(), records.client_closed->closer_tgid);
	EXPECT_EQ(1000, records.client_closed->counters.unread);
	EXPECT_EQ(HADAL_TCP_ENDING_RESET, records.server_closed->ending);
	close(self->flow.server);
}

TEST_F(ending, unread_after_shutdown)
{
	MUST(shutdown(self->flow.client, SHUT_WR));
	tcp_read_end(self->flow.server);
	tcp_send_pattern(self->flow.server, 1000);
	tcp_wait_unread(self->flow.client, 1000);
	close(self->flow.client);
	expect_both(self, HADAL_TCP_ENDING_ABORTED_UNREAD, HADAL_TCP_ENDING_RESET);
	close(self->flow.server);
}

/* Unread data is no reason here. */
TEST_F(ending, disconnect)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	tcp_send_pattern(self->flow.server, 1000);
	tcp_wait_unread(self->flow.client, 1000);
	MUST(connect(self->flow.client, &nobody, sizeof(nobody)));
	expect_both(self, HADAL_TCP_ENDING_DISCONNECTED, HADAL_TCP_ENDING_RESET);
	close(self->flow.client);
	close(self->flow.server);
}

/* The reset is worked off in the call that held the socket, which did not close it. */
TEST_F(ending, data_after_shutdown)
{
	MUST(shutdown(self->flow.client, SHUT_RDWR));
	tcp_read_end(self->flow.server);
	tcp_send_pattern(self->flow.server, 1000);
	expect_both(self, HADAL_TCP_ENDING_RESET_AFTER_CLOSE, HADAL_TCP_ENDING_RESET);
	close(self->flow.client);
	close(self->flow.server);
}

TEST_F(ending, listener_closed)
{
	uint16_t client_port;
	int waiting;

	waiting = tcp_connect(TCP_V4, 0, PORT);
	client_port = tcp_local_port(waiting);
	close(self->listener);
	self->flow.client_port = client_port;
	expect_both(self, HADAL_TCP_ENDING_RESET, HADAL_TCP_ENDING_NOT_ACCEPTED);
	close(waiting);
}

TEST_F(ending, destroyed)
{
	diag_destroy(AF_INET, self->flow.client_port, PORT);
	expect_both(self, HADAL_TCP_ENDING_DESTROYED, HADAL_TCP_ENDING_RESET);
	close(self->flow.client);
	close(self->flow.server);
}

/* ---- no answer ---- */

TEST_F(ending, retransmissions_time_out)
{
	fall_silent(self->flow.server);
	set_option(self->flow.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 500);
	tcp_send_pattern(self->flow.client, 1000);
	expect_client(self, HADAL_TCP_ENDING_TIMED_OUT, 0);
}

/* It says goodbye by a reset. */
TEST_F(ending, keepalive_times_out)
{
	fall_silent(self->flow.server);
	set_option(self->flow.client, IPPROTO_TCP, TCP_KEEPIDLE, 1);
	set_option(self->flow.client, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set_option(self->flow.client, IPPROTO_TCP, TCP_KEEPCNT, 1);
	set_option(self->flow.client, SOL_SOCKET, SO_KEEPALIVE, 1);
	expect_client(self, HADAL_TCP_ENDING_TIMED_OUT, HADAL_TCP_RESET_SENT);
}

/* Closed by its process, then given up: nobody acknowledges its FIN. */
TEST_F(ending, orphan_times_out)
{
	fall_silent(self->flow.server);
	set_option(self->flow.client, IPPROTO_TCP, TCP_USER_TIMEOUT, 500);
	close(self->flow.client);
	expect_client(self, HADAL_TCP_ENDING_TIMED_OUT, 0);
}

/* Another address of loopback; without it no route leads there. */
#define PASSING_ADDRESS	"203.0.113.7"

static void passing_address(struct sockaddr_in *address, uint16_t port)
{
	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
	ASSERT_EQ(1, inet_pton(AF_INET, PASSING_ADDRESS, &address->sin_addr));
}

static void add_address(struct ifreq *request, int control)
{
	struct sockaddr_in address;

	*request = (struct ifreq){ .ifr_name = "lo:1" };
	passing_address(&address, 0);
	memcpy(&request->ifr_addr, &address, sizeof(address));
	MUST(ioctl(control, SIOCSIFADDR, request));
}

static void remove_address(struct ifreq *request, int control)
{
	MUST(ioctl(control, SIOCGIFFLAGS, request));
	request->ifr_flags = (short)(request->ifr_flags & ~IFF_UP);
	MUST(ioctl(control, SIOCSIFFLAGS, request));
}

/* What is under way is tried again, and finds no way. */
TEST_F(ending, route_gone)
{
	int control = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	int listener = tcp_socket(TCP_V4), client = tcp_socket(TCP_V4), server;
	struct flow_records records;
	struct sockaddr_in address;
	struct ifreq request;

	add_address(&request, control);
	passing_address(&address, PORT);
	MUST(bind(listener, (const void *)&address, sizeof(address)));
	MUST(listen(listener, 1));
	tcp_bind(client, TCP_V4, 0);
	MUST(connect(client, (const void *)&address, sizeof(address)));
	server = MUST(accept(listener, NULL, NULL));
	fall_silent(server);
	ASSERT_EQ(4, MUST(send(client, "lost", 4, 0)));
	remove_address(&request, control);
	set_option(client, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000);
	self->flow.client_port = tcp_local_port(client);
	records = records_of(self, 1);
	ASSERT_TRUE(records.client_closed != NULL);
	EXPECT_EQ(HADAL_TCP_ENDING_UNREACHABLE, records.client_closed->ending);
	EXPECT_EQ(ENETUNREACH, records.client_closed->error);
	EXPECT_EQ(0, records.client_closed->closer_tgid);
	close(client);
	close(server);
	close(listener);
	close(control);
}

/* ---- the kernel gives up ---- */

static void set_max_orphans(const struct ending *self, const char *value)
{
	MUST(pwrite(self->max_orphans, value, strlen(value), 0));
}

/*
 * Orphans are counted now and then: one is there, whose FIN nobody acknowledges,
 * until another is one too many.
 */
TEST_F(ending, too_many_orphans)
{
	struct patience patience = patience_begin();
	struct flow_records records;
	char saved[32] = "";

	MUST(pread(self->max_orphans, saved, sizeof(saved) - 1, 0));
	fall_silent(self->flow.server);
	close(self->flow.client);
	set_max_orphans(self, "0");
	while (!flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_CLOSED) &&
	       patience_left(&patience))
		recorder_drain(&self->recorder);
	set_max_orphans(self, saved);
	records = records_of(self, 1);
	ASSERT_TRUE(records.client_closed != NULL);
	EXPECT_EQ(HADAL_TCP_ENDING_KERNEL, records.client_closed->ending);
}

HARNESS_MAIN
