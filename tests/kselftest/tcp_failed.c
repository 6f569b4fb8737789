// SPDX-License-Identifier: MIT
/* A connect that comes to nothing gives one FAILED, with why. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"
#include "flows.h"
#include "harness.h"
#include "load_tcp.h"
#include "netns.h"
#include "recorder.h"

#define SECOND		1000000000ULL	/* ns */

FIXTURE(failed) {
	struct recorder recorder;
	uint32_t net_ns;
};

FIXTURE_SETUP(failed)
{
	self->recorder.session.fd = -1;
	self->net_ns = netns_enter();
	recorder_begin(&self->recorder, NULL);
}

FIXTURE_TEARDOWN(failed)
{
	recorder_close(&self->recorder);
}

/* The only TCP records of the namespace are as many FAILED; returns the last. */
static const struct hadal_record_tcp_failed *only_failed(struct failed *self, size_t count)
{
	const struct tcp_type_in wanted = { self->net_ns, HADAL_RECORD_TCP_FAILED };
	const struct hadal_record_tcp_failed *last = NULL;
	const struct hadal_record *record;
	size_t cursor = 0;

	recorder_wait(&self->recorder, is_tcp_type_in, &wanted, count);
	recorder_end(&self->recorder);
	ASSERT_EQ(count, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_FAILED));
	while ((record = recorder_find(&self->recorder, &cursor, is_tcp_type_in, &wanted)))
		last = (const void *)record;
	return last;
}

static void check_nothing_else(const struct failed *self)
{
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ESTABLISHED));
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ACCEPTED));
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_CLOSED));
}

static void check_client(const struct hadal_tcp *tcp, uint16_t peer_port)
{
	EXPECT_EQ(HADAL_TCP_CLIENT, tcp->role);
	EXPECT_EQ(HADAL_TCP_OWNER_CALLER, tcp->owner);
	EXPECT_EQ(getpid(), tcp->owner_tgid);
	EXPECT_EQ(peer_port, tcp->peer_port);
	EXPECT_EQ(0, tcp->key);
	EXPECT_NE(0, tcp->id);
	EXPECT_LT(0, tcp->start_time);
}

static void silent_address(struct sockaddr_in *address)
{
	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(81) };
	ASSERT_EQ(1, inet_pton(AF_INET, NETNS_SILENT_ADDRESS, &address->sin_addr));
}

/* A socket that is connecting to where no answer comes from. */
static int start_silent(void)
{
	int fd = MUST(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	struct sockaddr_in address;

	silent_address(&address);
	ASSERT_EQ(-1, connect(fd, (const void *)&address, sizeof(address)));
	ASSERT_EQ(EINPROGRESS, errno);
	return fd;
}

static void refuse(enum tcp_family family)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(family, 9, &address);
	int fd = tcp_socket(family);

	ASSERT_EQ(-1, connect(fd, (const void *)&address, length));
	ASSERT_EQ(ECONNREFUSED, errno);
	close(fd);
}

static void check_refused(struct failed *self, enum tcp_family family)
{
	const struct hadal_record_tcp_failed *failed;

	refuse(family);
	failed = only_failed(self, 1);
	EXPECT_EQ(ECONNREFUSED, failed->error);
	EXPECT_EQ(0, failed->syn_retransmitted);
	EXPECT_EQ(HADAL_TCP_RESET_RECEIVED,
		  failed->tcp.flags & (HADAL_TCP_RESET_RECEIVED | HADAL_TCP_RESET_SENT));
	EXPECT_LT(0, failed->duration);
	EXPECT_NE(0, failed->tcp.local_port);
	EXPECT_EQ(family == TCP_V6 ? AF_INET6 : AF_INET, failed->tcp.family);
	EXPECT_EQ(family == TCP_V4_MAPPED, !!(failed->tcp.flags & HADAL_TCP_V4MAPPED));
	check_client(&failed->tcp, 9);
	check_nothing_else(self);
}

TEST_F(failed, refused_v4)
{
	check_refused(self, TCP_V4);
}

TEST_F(failed, refused_v6)
{
	check_refused(self, TCP_V6);
}

TEST_F(failed, refused_v4_mapped)
{
	check_refused(self, TCP_V4_MAPPED);
}

TEST_F(failed, refused_many)
{
	int i;

	for (i = 0; i < 500; i++)
		refuse((enum tcp_family)(i % TCP_FAMILIES));
	EXPECT_EQ(ECONNREFUSED, only_failed(self, 500)->error);
	check_nothing_else(self);
}

/* Each try of the same socket is one of its own. */
TEST_F(failed, refused_twice_on_one_socket)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V4, 9, &address);
	int fd = tcp_socket(TCP_V4);
	const struct tcp_type_in wanted = { self->net_ns, HADAL_RECORD_TCP_FAILED };
	const struct hadal_record *first, *second;
	size_t cursor = 0;

	ASSERT_EQ(-1, connect(fd, (const void *)&address, length));
	ASSERT_EQ(-1, connect(fd, (const void *)&address, length));
	close(fd);
	only_failed(self, 2);
	first = recorder_find(&self->recorder, &cursor, is_tcp_type_in, &wanted);
	second = recorder_find(&self->recorder, &cursor, is_tcp_type_in, &wanted);
	EXPECT_NE(record_tcp(first)->id, record_tcp(second)->id);
}

static void wait_error(int fd, int error)
{
	struct pollfd failed = { .fd = fd };
	socklen_t size = sizeof(int);
	int seen = 0;

	ASSERT_LT(0, MUST(poll(&failed, 1, 120000)));
	MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &seen, &size));
	ASSERT_EQ(error, seen);
}

/*
 * How many SYNs a kernel repeats for what is set depends on its version. Not
 * after a connect() that waited: it has disconnected the socket.
 */
static uint32_t retransmits(int fd)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size));
	return info.tcpi_total_retrans;
}

TEST_F(failed, timed_out)
{
	const struct hadal_record_tcp_failed *failed;
	int fd;

	netns_sysctl("ipv4/tcp_syn_retries", "1");
	fd = start_silent();
	wait_error(fd, ETIMEDOUT);
	failed = only_failed(self, 1);
	EXPECT_EQ(ETIMEDOUT, failed->error);
	EXPECT_LE(1, failed->syn_retransmitted);
	EXPECT_EQ(retransmits(fd), failed->syn_retransmitted);
	EXPECT_LE(1 * SECOND, failed->duration);
	check_client(&failed->tcp, 81);
	check_nothing_else(self);
	close(fd);
}

/* The last record of the listener, in time: one waits, and so many SYNs were dropped. */
static void check_queue(const struct failed *self, uint16_t type, uint32_t dropped)
{
	const struct tcp_type_in wanted = { self->net_ns, type };
	const struct hadal_record_tcp_listener *listener = NULL;
	const struct hadal_record *record;
	size_t cursor = 0;

	while ((record = recorder_find(&self->recorder, &cursor, is_tcp_type_in, &wanted)))
		listener = (const void *)record;
	ASSERT_TRUE(listener != NULL);
	EXPECT_EQ(0, listener->backlog);
	EXPECT_EQ(1, listener->waiting);
	EXPECT_EQ(dropped, listener->dropped);
}

/* A listener with a full queue answers no SYN. */
TEST_F(failed, timed_out_at_full_listener)
{
	int listener = tcp_listen(TCP_V6, 8001, 0), taken, fd;
	const struct hadal_record_tcp_failed *failed;
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V6, 8001, &address);
	const struct tcp_type_in gone = { self->net_ns, HADAL_RECORD_TCP_LISTENER_CLOSED };
	const int tries = 1;

	taken = tcp_connect(TCP_V6, 0, 8001);
	fd = tcp_socket(TCP_V6);
	MUST(fcntl(fd, F_SETFL, O_NONBLOCK));
	MUST(setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof(tries)));
	ASSERT_EQ(-1, connect(fd, (const void *)&address, length));
	ASSERT_EQ(EINPROGRESS, errno);
	wait_error(fd, ETIMEDOUT);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	close(listener);
	recorder_wait(&self->recorder, is_tcp_type_in, &gone, 1);
	failed = only_failed(self, 1);
	EXPECT_EQ(ETIMEDOUT, failed->error);
	EXPECT_LE(1, failed->syn_retransmitted);
	EXPECT_EQ(retransmits(fd), failed->syn_retransmitted);
	recorder_sort(&self->recorder);
	check_queue(self, HADAL_RECORD_TCP_LISTENING, 1 + failed->syn_retransmitted);
	check_queue(self, HADAL_RECORD_TCP_LISTENER_CLOSED, 1 + failed->syn_retransmitted);
	EXPECT_EQ(1, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ESTABLISHED));
	check_client(&failed->tcp, 8001);
	close(fd);
	close(taken);
}

TEST_F(failed, closed_while_connecting)
{
	const struct hadal_record_tcp_failed *failed;

	close(start_silent());
	failed = only_failed(self, 1);
	EXPECT_EQ(0, failed->error);
	check_client(&failed->tcp, 81);
	check_nothing_else(self);
}

TEST_F(failed, disconnected_while_connecting)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };
	const struct hadal_record_tcp_failed *failed;
	int fd = start_silent();

	MUST(connect(fd, &nobody, sizeof(nobody)));
	failed = only_failed(self, 1);
	EXPECT_EQ(0, failed->error);
	check_client(&failed->tcp, 81);
	check_nothing_else(self);
	close(fd);
}

TEST_F(failed, no_port_free)
{
	int listener = tcp_listen(TCP_V4, 8001, 16), fd, first, second;
	const struct hadal_record_tcp_failed *failed;
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V4, 8001, &address);

	netns_sysctl("ipv4/ip_local_port_range", "40000 40001");
	first = tcp_connect(TCP_V4, 0, 8001);
	second = tcp_connect(TCP_V4, 0, 8001);
	fd = tcp_socket(TCP_V4);
	ASSERT_EQ(-1, connect(fd, (const void *)&address, length));
	ASSERT_EQ(EADDRNOTAVAIL, errno);
	failed = only_failed(self, 1);
	EXPECT_EQ(0, failed->error);
	check_client(&failed->tcp, 8001);
	EXPECT_EQ(2, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ESTABLISHED));
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_CLOSED));
	close(fd);
	close(first);
	close(second);
	close(listener);
}

/* Aborted from outside, as `ss -K` does it. */
TEST_F(failed, aborted_while_connecting)
{
	const struct hadal_record_tcp_failed *failed;
	int fd = start_silent();

	diag_destroy(AF_INET, tcp_local_port(fd), 81);
	failed = only_failed(self, 1);
	EXPECT_EQ(ECONNABORTED, failed->error);
	check_client(&failed->tcp, 81);
	check_nothing_else(self);
	close(fd);
}

/* Not a failed connect: it had been established. */
TEST_F(failed, reset_after_establishing)
{
	struct tcp_flow flow = { .family = TCP_V4, .ending = TCP_SERVER_RESETS };
	int listener = tcp_listen(TCP_V4, 8001, 16);
	struct flow_records records;

	tcp_run(&flow, listener);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = flow_gather(&self->recorder, self->net_ns, flow.client_port, 8001);
	flow_check_life(&records, &flow, self->net_ns);
	ASSERT_TRUE(records.client_closed != NULL);
	EXPECT_EQ(ECONNRESET, records.client_closed->error);
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_FAILED));
	close(listener);
}

TEST_F(failed, aborted_after_establishing)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 1000, .down = 2000 };
	int listener = tcp_listen(TCP_V4, 8001, 16);
	struct flow_records records;

	tcp_open(&flow, listener);
	tcp_exchange(&flow);
	tcp_wait_acked(flow.client);
	tcp_wait_acked(flow.server);
	diag_destroy(AF_INET, flow.client_port, 8001);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = flow_gather(&self->recorder, self->net_ns, flow.client_port, 8001);
	flow_check_life(&records, &flow, self->net_ns);
	ASSERT_TRUE(records.client_closed && records.server_closed);
	EXPECT_EQ(ECONNABORTED, records.client_closed->error);
	EXPECT_EQ(ECONNRESET, records.server_closed->error);
	flow_check_counters(&records.client_closed->counters, 1000, 2000);
	flow_check_counters(&records.server_closed->counters, 2000, 1000);
	close(flow.client);
	close(flow.server);
	close(listener);
}

HARNESS_MAIN
