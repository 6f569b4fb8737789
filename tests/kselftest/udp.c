// SPDX-License-Identifier: MIT
/* UDP flows: each datagram is in the counters of one flow, with all its bytes. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cgroups.h"
#include "children.h"
#include "datagrams.h"
#include "harness.h"
#include "host.h"
#include "modules.h"
#include "netns.h"
#include "patience.h"
#include "recorder.h"

#define PARAMETERS	"/sys/module/hadal/parameters/"
#define LONGEST		1400	/* bytes of a datagram */

FIXTURE(udp) {
	struct recorder recorder;
	struct hadal_config config;
	uint32_t net_ns;
};

FIXTURE_SETUP(udp)
{
	self->recorder.session.fd = -1;
	session_defaults(&self->config);
	self->config.classes = HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	self->config.flow_ring_size = 1U << 22;
	self->net_ns = netns_enter();
	recorder_begin(&self->recorder, &self->config);
}

FIXTURE_TEARDOWN(udp)
{
	recorder_close(&self->recorder);
}

/* ---- sockets ---- */

static char buffer[1 << 16];

static void send_many(const struct end *from, size_t size, unsigned int count)
{
	while (count--)
		ASSERT_EQ(size, MUST(send(from->fd, buffer, size, 0)));
}

static void send_to(const struct end *from, const struct end *to, size_t size, unsigned int count)
{
	while (count--)
		ASSERT_EQ(size, MUST(sendto(from->fd, buffer, size, 0, &to->address.any, to->length)));
}

static void receive(const struct end *at, size_t size, unsigned int count)
{
	while (count--)
		ASSERT_EQ(size, MUST(recv(at->fd, buffer, sizeof(buffer), 0)));
}

/* ---- what is told ---- */

struct counts {
	uint64_t sent, sent_bytes, received, received_bytes;
};

static bool is_flow(const struct udp *self, const struct hadal_udp *flow, uint16_t local,
		    uint16_t peer)
{
	return flow && flow->net_ns == self->net_ns && flow->local_port == local &&
	       flow->peer_port == peer;
}

/* The last that was told; its time and place in @record. */
static const struct hadal_udp *last_of(struct udp *self, uint16_t local, uint16_t peer)
{
	const struct hadal_udp *last = NULL, *flow;
	uint64_t time = 0;
	size_t i;

	for (i = 0; i < self->recorder.count; i++) {
		flow = record_udp(self->recorder.records[i]);
		if (!is_flow(self, flow, local, peer) || self->recorder.records[i]->time < time)
			continue;
		last = flow;
		time = self->recorder.records[i]->time;
	}
	ASSERT_TRUE(last != NULL);
	return last;
}

static void check_counts(const struct hadal_udp *flow, const struct counts *counts)
{
	EXPECT_EQ(counts->sent, flow->sent_datagrams);
	EXPECT_EQ(counts->sent_bytes, flow->sent_bytes);
	EXPECT_EQ(counts->received, flow->received_datagrams);
	EXPECT_EQ(counts->received_bytes, flow->received_bytes);
}

static void check_told(struct udp *self, uint16_t local, uint16_t peer, struct counts counts)
{
	recorder_dump(&self->recorder, HADAL_DUMP_UDP);
	check_counts(last_of(self, local, peer), &counts);
}

static bool is_end(const struct hadal_record *record, const void *net_ns)
{
	const struct hadal_udp *flow = record_udp(record);

	return flow && flow->net_ns == *(const uint32_t *)net_ns && flow->flags & HADAL_UDP_ENDED;
}

static size_t count_ends(const struct udp *self)
{
	return recorder_count(&self->recorder, is_end, &self->net_ns);
}

/* Each flow has exactly one last record, which nothing of it follows. Returns the sums of these. */
static struct counts sum_of_ends(struct udp *self)
{
	const struct hadal_record *record;
	struct counts sum = { 0 };
	size_t cursor = 0, i;

	recorder_sort(&self->recorder);
	while ((record = recorder_find(&self->recorder, &cursor, is_end, &self->net_ns))) {
		const struct hadal_udp *end = record_udp(record);

		for (i = cursor; i < self->recorder.count; i++) {
			const struct hadal_udp *later = record_udp(self->recorder.records[i]);

			ASSERT_TRUE(!later || later->id != end->id);
		}
		sum.sent += end->sent_datagrams;
		sum.sent_bytes += end->sent_bytes;
		sum.received += end->received_datagrams;
		sum.received_bytes += end->received_bytes;
	}
	return sum;
}

/* ---- one flow ---- */

static void check_ends(const struct hadal_udp *flow, int family, uint32_t flags, uint8_t role)
{
	union address address = loopback(family, 0);
	const void *bytes = family == AF_INET ? (void *)&address.v4.sin_addr :
						(void *)&address.v6.sin6_addr;
	size_t length = family == AF_INET ? 4 : 16;

	EXPECT_EQ(family, flow->family);
	EXPECT_EQ(0, memcmp(flow->local_address, bytes, length));
	EXPECT_EQ(0, memcmp(flow->peer_address, bytes, length));
	EXPECT_EQ(flags, flow->flags);
	EXPECT_EQ(role, flow->role);
	EXPECT_EQ(HADAL_TCP_OWNER_CALLER, flow->owner);
	EXPECT_EQ(getpid(), flow->owner_tgid);
	EXPECT_EQ(start_ticks(getpid()), ticks_of(flow->owner_start_boottime));
	EXPECT_NE(0, flow->cgroup_id);
	EXPECT_NE(0, flow->socket_cgroup_id);
}

/* Ten there, three back, in one dump; then one more each way, and the end. */
static void exchange(struct udp *self, struct end client, struct end server, int family,
		     uint32_t client_flags, uint32_t server_flags)
{
	uint64_t live = hadal_sys("udp_flows");
	struct counts up = { 10, 1000, 3, 150 }, down = { 3, 150, 10, 1000 };

	end_connect(&client, &server);
	send_many(&client, 100, 10);
	receive(&server, 100, 10);
	send_to(&server, &client, 50, 3);
	receive(&client, 50, 3);
	EXPECT_EQ(live + 2, hadal_sys("udp_flows"));
	recorder_dump(&self->recorder, HADAL_DUMP_UDP);
	check_counts(last_of(self, client.port, server.port), &up);
	check_counts(last_of(self, server.port, client.port), &down);
	check_ends(last_of(self, client.port, server.port), family, client_flags, HADAL_TCP_CLIENT);
	check_ends(last_of(self, server.port, client.port), family, server_flags, HADAL_TCP_SERVER);

	send_many(&client, LONGEST, 1);
	receive(&server, LONGEST, 1);
	close(client.fd);
	close(server.fd);
	recorder_drain(&self->recorder);
	up = (struct counts){ 11, 1000 + LONGEST, 3, 150 };
	down = (struct counts){ 3, 150, 11, 1000 + LONGEST };
	check_counts(last_of(self, client.port, server.port), &up);
	check_counts(last_of(self, server.port, client.port), &down);
	EXPECT_EQ(client_flags | HADAL_UDP_ENDED, last_of(self, client.port, server.port)->flags);
	EXPECT_EQ(server_flags | HADAL_UDP_ENDED, last_of(self, server.port, client.port)->flags);
	EXPECT_EQ(2, count_ends(self));
	EXPECT_EQ(live, hadal_sys("udp_flows"));
	recorder_end(&self->recorder);
	recorder_check_counts(&self->recorder);
}

TEST_F(udp, v4)
{
	exchange(self, end_open(AF_INET), end_open(AF_INET), AF_INET, 0, 0);
}

TEST_F(udp, v6)
{
	exchange(self, end_open(AF_INET6), end_open(AF_INET6), AF_INET6, 0, 0);
}

TEST_F(udp, v4_mapped)
{
	exchange(self, end_open_mapped(), end_open_mapped(), AF_INET, HADAL_UDP_V4MAPPED,
		 HADAL_UDP_V4MAPPED);
}

/* ---- many peers of one socket ---- */

#define PEERS	300

TEST_F(udp, many_peers)
{
	struct end server = end_open(AF_INET), *peers = calloc(PEERS, sizeof(*peers));
	unsigned int i;

	ASSERT_TRUE(peers != NULL);
	for (i = 0; i < PEERS; i++) {
		peers[i] = end_open(AF_INET);
		send_to(&peers[i], &server, 10 + i, 1 + i % 3);
		receive(&server, 10 + i, 1 + i % 3);
		send_to(&server, &peers[i], i, 1);
		receive(&peers[i], i, 1);
	}
	recorder_dump(&self->recorder, HADAL_DUMP_UDP);
	close(server.fd);
	recorder_drain(&self->recorder);
	EXPECT_EQ(PEERS, count_ends(self));
	for (i = 0; i < PEERS; i++) {
		struct counts there = { 1 + i % 3, (10 + i) * (1 + i % 3), 1, i };
		struct counts here = { 1, i, there.sent, there.sent_bytes };

		check_counts(last_of(self, peers[i].port, server.port), &there);
		check_counts(last_of(self, server.port, peers[i].port), &here);
		close(peers[i].fd);
	}
	recorder_drain(&self->recorder);
	EXPECT_EQ(2 * PEERS, count_ends(self));
	recorder_end(&self->recorder);
}

/* ---- ways to send and to receive ---- */

#define BATCH	8

static void fill_batch(struct mmsghdr *messages, struct iovec *parts, size_t size)
{
	unsigned int i;

	memset(messages, 0, BATCH * sizeof(*messages));
	for (i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ .iov_base = buffer, .iov_len = size };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

TEST_F(udp, batches)
{
	struct end client = end_open(AF_INET), server = end_open(AF_INET);
	struct mmsghdr messages[BATCH];
	struct iovec parts[BATCH];

	end_connect(&client, &server);
	fill_batch(messages, parts, 77);
	ASSERT_EQ(BATCH, MUST(sendmmsg(client.fd, messages, BATCH, 0)));
	fill_batch(messages, parts, 200);
	ASSERT_EQ(BATCH, MUST(recvmmsg(server.fd, messages, BATCH, 0, NULL)));
	check_told(self, client.port, server.port, (struct counts){ BATCH, 77 * BATCH, 0, 0 });
	check_told(self, server.port, client.port, (struct counts){ 0, 0, BATCH, 77 * BATCH });
	recorder_end(&self->recorder);
}

/* 950 bytes in segments of 100 are ten datagrams. */
static void send_segmented(const struct end *client)
{
	int segment = 100;

	MUST(setsockopt(client->fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)));
	send_many(client, 950, 1);
	segment = 0;
	MUST(setsockopt(client->fd, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)));
}

static void check_segmented(struct udp *self, int family)
{
	struct end client = end_open(family), server = end_open(family);

	end_connect(&client, &server);
	send_segmented(&client);
	receive(&server, 100, 9);
	receive(&server, 50, 1);
	check_told(self, client.port, server.port, (struct counts){ 10, 950, 0, 0 });
	check_told(self, server.port, client.port, (struct counts){ 0, 0, 10, 950 });
}

TEST_F(udp, segmented)
{
	check_segmented(self, AF_INET);
	check_segmented(self, AF_INET6);
	recorder_end(&self->recorder);
}

/* The receiver gets them as one. */
TEST_F(udp, segmented_and_joined)
{
	struct end client = end_open(AF_INET), server = end_open(AF_INET);
	size_t left = 950;

	MUST(setsockopt(server.fd, IPPROTO_UDP, UDP_GRO, &(int){ 1 }, sizeof(int)));
	end_connect(&client, &server);
	send_segmented(&client);
	while (left)
		left -= (size_t)MUST(recv(server.fd, buffer, sizeof(buffer), 0));
	check_told(self, server.port, client.port, (struct counts){ 0, 0, 10, 950 });
	recorder_end(&self->recorder);
}

static void check_corked(struct udp *self, int family)
{
	struct end client = end_open(family), server = end_open(family);

	end_connect(&client, &server);
	ASSERT_EQ(10, MUST(send(client.fd, buffer, 10, MSG_MORE)));
	ASSERT_EQ(20, MUST(send(client.fd, buffer, 20, MSG_MORE)));
	ASSERT_EQ(30, MUST(send(client.fd, buffer, 30, 0)));
	receive(&server, 60, 1);
	/* One that is never finished is never sent. */
	ASSERT_EQ(5, MUST(send(client.fd, buffer, 5, MSG_MORE)));
	close(client.fd);
	recorder_drain(&self->recorder);
	check_counts(last_of(self, client.port, server.port), &(struct counts){ 1, 60, 0, 0 });
	check_told(self, server.port, client.port, (struct counts){ 0, 0, 1, 60 });
}

TEST_F(udp, corked)
{
	check_corked(self, AF_INET);
	check_corked(self, AF_INET6);
	recorder_end(&self->recorder);
}

static void peek(const struct end *at, size_t size, ssize_t expected)
{
	ASSERT_EQ(expected, MUST(recv(at->fd, buffer, size, MSG_PEEK)));
}

static void check_peeked(struct udp *self, int family)
{
	struct end client = end_open(family), server = end_open(family);

	end_connect(&client, &server);
	send_many(&client, 100, 1);
	send_many(&client, 0, 1);
	peek(&server, 200, 100);
	peek(&server, 30, 30);
	peek(&server, 0, 0);
	check_told(self, client.port, server.port, (struct counts){ 2, 100, 0, 0 });
	/* What does not fit the buffer was received all the same. */
	ASSERT_EQ(30, MUST(recv(server.fd, buffer, 30, 0)));
	peek(&server, 100, 0);
	check_told(self, server.port, client.port, (struct counts){ 0, 0, 1, 100 });
	receive(&server, 0, 1);
	check_told(self, server.port, client.port, (struct counts){ 0, 0, 2, 100 });
	send_many(&client, 100, 1);
	ASSERT_EQ(0, MUST(recv(server.fd, buffer, 0, 0)));
	check_told(self, server.port, client.port, (struct counts){ 0, 0, 3, 200 });
	send_many(&client, 100, 1);
	ASSERT_EQ(100, MUST(recv(server.fd, buffer, 10, MSG_TRUNC)));
	check_told(self, server.port, client.port, (struct counts){ 0, 0, 4, 300 });
}

TEST_F(udp, peeked)
{
	check_peeked(self, AF_INET);
	check_peeked(self, AF_INET6);
	recorder_end(&self->recorder);
}

/* What nobody reads was not received; what is refused was sent. */
TEST_F(udp, unread_and_refused)
{
	struct end client = end_open(AF_INET), server = end_open(AF_INET), gone = end_open(AF_INET);

	close(gone.fd);
	send_to(&client, &server, 10, 2);
	send_to(&client, &gone, 10, 1);
	check_told(self, client.port, server.port, (struct counts){ 2, 20, 0, 0 });
	check_told(self, client.port, gone.port, (struct counts){ 1, 10, 0, 0 });
	close(server.fd);
	close(client.fd);
	recorder_end(&self->recorder);
	EXPECT_EQ(2, count_ends(self));
}

static void check_not_counted(struct udp *self, uint64_t flows_before)
{
	EXPECT_EQ(flows_before, hadal_sys("udp_flows"));
	EXPECT_EQ(0, recorder_dump(&self->recorder, HADAL_DUMP_UDP));
	recorder_end(&self->recorder);
}

/* They may speak UDP all the same. */
TEST_F(udp, raw_sockets_are_not_counted)
{
	int raw = MUST(socket(AF_INET, SOCK_RAW, IPPROTO_UDP));
	union address address = loopback(AF_INET, 9);
	uint64_t flows = hadal_sys("udp_flows");

	MUST(sendto(raw, buffer, 64, 0, &address.any, sizeof(address.v4)));
	check_not_counted(self, flows);
}

/* A protocol of its own. */
TEST_F(udp, udplite_is_not_counted)
{
	uint64_t flows = hadal_sys("udp_flows");
	union address address = loopback(AF_INET, 0);
	socklen_t length = sizeof(address.v4);
	int lite = socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);

	if (lite < 0 && errno == EPROTONOSUPPORT) {
		harness_note("from 7.0 on kernels have no UDP-Lite");
		return;
	}
	MUST(lite);
	MUST(bind(lite, &address.any, length));
	MUST(getsockname(lite, &address.any, &length));
	MUST(sendto(lite, buffer, 64, 0, &address.any, length));
	ASSERT_EQ(64, MUST(recv(lite, buffer, sizeof(buffer), 0)));
	check_not_counted(self, flows);
}

/* ---- several CPUs at once ---- */

#define SENDERS		4
#define EACH		20000

struct job {
	pthread_t thread;
	const struct end *from;
	const struct end *to;
	unsigned int cpu;
	unsigned int count;
	struct counts done;
	volatile bool *stop;
};

static void bind_thread(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	MUST(sched_setaffinity(0, sizeof(set), &set));
}

/* On one socket, to one peer: all add to the same flow. */
static void *send_job(void *argument)
{
	struct job *job = argument;
	static __thread char mine[64];
	unsigned int i;

	bind_thread(job->cpu);
	for (i = 0; i < job->count; i++)
		MUST(sendto(job->from->fd, mine, 1 + i % 64, 0, &job->to->address.any, job->to->length));
	return NULL;
}

static void *receive_job(void *argument)
{
	struct job *job = argument;
	static __thread char mine[64];
	ssize_t size;

	bind_thread(job->cpu);
	while (!*job->stop) {
		size = recv(job->to->fd, mine, sizeof(mine), MSG_DONTWAIT);
		if (size < 0) {
			sched_yield();
			continue;
		}
		job->done.received++;
		job->done.received_bytes += (uint64_t)size;
	}
	return NULL;
}

TEST_F(udp, parallel)
{
	struct end client = end_open(AF_INET), server = end_open(AF_INET);
	struct counts sent = { 0 }, received = { 0 };
	struct job senders[SENDERS], receivers[SENDERS];
	unsigned int count = harness_share(EACH), i, j;
	volatile bool stop = false;

	for (i = 0; i < SENDERS; i++) {
		receivers[i] = (struct job){ .to = &server, .cpu = i % 2, .stop = &stop };
		senders[i] = (struct job){ .from = &client, .to = &server, .cpu = i % 2,
					   .count = count };
		MUST(-pthread_create(&receivers[i].thread, NULL, receive_job, &receivers[i]));
		MUST(-pthread_create(&senders[i].thread, NULL, send_job, &senders[i]));
	}
	for (i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	stop = true;
	for (i = 0; i < SENDERS; i++) {
		pthread_join(receivers[i].thread, NULL);
		received.received += receivers[i].done.received;
		received.received_bytes += receivers[i].done.received_bytes;
		for (j = 0; j < count; j++)
			sent.sent_bytes += 1 + j % 64;
		sent.sent += count;
	}
	EXPECT_LT(0, received.received);
	check_told(self, client.port, server.port, sent);
	check_told(self, server.port, client.port, received);
	recorder_end(&self->recorder);
}

/* ---- sockets that come and go ---- */

#define CHURNERS	4
#define SOCKETS		1500	/* each */
#define DATAGRAMS	3	/* each way, each */

/* Ends that close at once: the memory of one is soon that of another. */
static void *churn_job(void *argument)
{
	struct job *job = argument;
	unsigned int i, j;

	bind_thread(job->cpu);
	for (i = 0; i < job->count; i++) {
		struct end a = end_open(i & 1 ? AF_INET : AF_INET6);
		struct end b = end_open(i & 1 ? AF_INET : AF_INET6);
		char byte[100];

		for (j = 0; j < DATAGRAMS; j++) {
			MUST(sendto(a.fd, byte, 1 + i % 100, 0, &b.address.any, b.length));
			MUST(recv(b.fd, byte, sizeof(byte), 0));
		}
		job->done.sent += DATAGRAMS;
		job->done.sent_bytes += DATAGRAMS * (1 + i % 100);
		close(a.fd);
		close(b.fd);
	}
	return NULL;
}

static void churn(struct udp *self, void (*meanwhile)(struct udp *self))
{
	uint64_t live = hadal_sys("udp_flows");
	struct job jobs[CHURNERS];
	unsigned int count = harness_share(SOCKETS), i, flows = 2 * count * CHURNERS;
	struct counts due = { 0 }, sum;

	for (i = 0; i < CHURNERS; i++) {
		jobs[i] = (struct job){ .cpu = i % 2, .count = count };
		MUST(-pthread_create(&jobs[i].thread, NULL, churn_job, &jobs[i]));
	}
	while (count_ends(self) < flows / 2)
		meanwhile(self);
	for (i = 0; i < CHURNERS; i++) {
		pthread_join(jobs[i].thread, NULL);
		due.sent += jobs[i].done.sent;
		due.sent_bytes += jobs[i].done.sent_bytes;
	}
	recorder_end(&self->recorder);
	sum = sum_of_ends(self);
	EXPECT_EQ(due.sent, sum.sent);
	EXPECT_EQ(due.sent_bytes, sum.sent_bytes);
	EXPECT_EQ(due.sent, sum.received);
	EXPECT_EQ(due.sent_bytes, sum.received_bytes);
	EXPECT_LE(flows, count_ends(self));
	EXPECT_EQ(live, hadal_sys("udp_flows"));
}

static void just_drain(struct udp *self)
{
	recorder_drain(&self->recorder);
}

static void dump_too(struct udp *self)
{
	recorder_dump(&self->recorder, HADAL_DUMP_UDP);
}

TEST_F(udp, churn)
{
	churn(self, just_drain);
	EXPECT_EQ(2 * harness_share(SOCKETS) * CHURNERS, count_ends(self));
}

TEST_F(udp, churn_and_dumps)
{
	churn(self, dump_too);
	EXPECT_EQ(2 * harness_share(SOCKETS) * CHURNERS, count_ends(self));
}

static void in_namespace(void *argument)
{
	uint32_t *net_ns = argument, own = netns_enter();
	struct end a = end_open(AF_INET6), b = end_open(AF_INET6);

	message_send((int)*net_ns, &own, sizeof(own));
	send_to(&a, &b, 10, 4);
	receive(&b, 10, 4);
}

/* The process ends, with it its sockets and their namespace. */
TEST_F(udp, namespace_ends)
{
	struct channel channel;
	uint32_t fd, own;
	struct counts sum;

	channel_open(&channel);
	fd = (uint32_t)channel.child;
	child_finish(child_start(in_namespace, &fd));
	message_receive(channel.parent, &own, sizeof(own));
	self->net_ns = own;
	recorder_end(&self->recorder);
	EXPECT_EQ(2, count_ends(self));
	sum = sum_of_ends(self);
	EXPECT_EQ(4, sum.sent);
	EXPECT_EQ(4, sum.received);
	EXPECT_EQ(40, sum.received_bytes);
}

/* ---- idle flows ---- */

static void set_idle(const char *seconds)
{
	ASSERT_EQ(0, file_write(PARAMETERS "udp_idle", seconds));
}

static bool was_idle(const struct hadal_record *record, const void *net_ns)
{
	return is_end(record, net_ns) && record_udp(record)->flags & HADAL_UDP_IDLE;
}

TEST_F(udp, idle)
{
	struct end client = end_open(AF_INET), server = end_open(AF_INET);
	struct patience patience = patience_begin();
	uint64_t first, live = hadal_sys("udp_flows");

	send_to(&client, &server, 10, 2);
	recorder_dump(&self->recorder, HADAL_DUMP_UDP);
	EXPECT_EQ(0, count_ends(self));
	first = last_of(self, client.port, server.port)->id;
	set_idle("1");
	while (hadal_sys("udp_flows") > live && patience_left(&patience))
		recorder_dump(&self->recorder, HADAL_DUMP_UDP);
	EXPECT_EQ(1, recorder_count(&self->recorder, was_idle, &self->net_ns));
	check_counts(last_of(self, client.port, server.port), &(struct counts){ 2, 20, 0, 0 });
	/* The socket lives, and begins another. */
	send_to(&client, &server, 10, 1);
	close(client.fd);
	set_idle("120");
	recorder_end(&self->recorder);
	check_counts(last_of(self, client.port, server.port), &(struct counts){ 1, 10, 0, 0 });
	EXPECT_NE(first, last_of(self, client.port, server.port)->id);
	EXPECT_EQ(2, count_ends(self));
	EXPECT_EQ(live, hadal_sys("udp_flows"));
}

#define LASTING		40	/* sockets of each thread */
#define ROUNDS		8

/* Sockets that rest for about as long as makes a flow idle, then send or close. */
static void *rest_job(void *argument)
{
	const struct timespec rest = { .tv_sec = 1, .tv_nsec = 20000000 };
	struct job *job = argument;
	struct end ends[LASTING];
	unsigned int i, round;

	bind_thread(job->cpu);
	for (i = 0; i < LASTING; i++)
		ends[i] = end_open(i & 1 ? AF_INET : AF_INET6);
	for (round = 0; round < harness_rounds(ROUNDS); round++) {
		for (i = 0; i < LASTING; i++) {
			send_to(&ends[i], &ends[i], 10 + i, 1);
			job->done.sent_bytes += 10 + i;
		}
		job->done.sent += LASTING;
		nanosleep(&rest, NULL);
		for (i = round % 2; i < LASTING; i += 2) {
			close(ends[i].fd);
			ends[i] = end_open(i & 1 ? AF_INET : AF_INET6);
		}
	}
	for (i = 0; i < LASTING; i++)
		close(ends[i].fd);
	*job->stop = true;
	return NULL;
}

/* Dumps end flows that their sockets use, or end, at the same moment. */
TEST_F(udp, idle_or_not)
{
	uint64_t live = hadal_sys("udp_flows");
	struct job jobs[CHURNERS];
	bool stops[CHURNERS] = { false };
	struct counts due = { 0 }, sum;
	unsigned int i;

	set_idle("1");
	for (i = 0; i < CHURNERS; i++) {
		jobs[i] = (struct job){ .cpu = i % 2, .stop = &stops[i] };
		MUST(-pthread_create(&jobs[i].thread, NULL, rest_job, &jobs[i]));
	}
	for (i = 0; i < CHURNERS; i++) {
		while (!*jobs[i].stop)
			recorder_dump(&self->recorder, HADAL_DUMP_UDP);
		pthread_join(jobs[i].thread, NULL);
		due.sent += jobs[i].done.sent;
		due.sent_bytes += jobs[i].done.sent_bytes;
	}
	set_idle("120");
	recorder_end(&self->recorder);
	sum = sum_of_ends(self);
	EXPECT_EQ(due.sent, sum.sent);
	EXPECT_EQ(due.sent_bytes, sum.sent_bytes);
	EXPECT_LT(0, recorder_count(&self->recorder, was_idle, &self->net_ns));
	EXPECT_EQ(live, hadal_sys("udp_flows"));
}

/* ---- sessions ---- */

static int count_hooked(void)
{
	return is_hooked("ip_send_skb") + is_hooked("ip6_send_skb") + is_hooked("skb_consume_udp") +
	       is_hooked("udp_destroy_sock") + is_hooked("udpv6_destroy_sock");
}

/* Hooked while a session asks for it, not while another runs. */
TEST_F(udp, hooked_on_demand)
{
	struct recorder without;

	recorder_begin(&without, NULL);
	EXPECT_EQ(5, count_hooked());
	EXPECT_TRUE(is_hooked("security_sock_graft"));
	recorder_end(&self->recorder);
	EXPECT_EQ(0, count_hooked());
	EXPECT_TRUE(is_hooked("security_sock_graft"));
	EXPECT_EQ(0, hadal_sys("udp_flows"));
	ASSERT_EQ(0, session_start(&self->recorder.session));
	EXPECT_EQ(5, count_hooked());
	recorder_end(&without);
	recorder_close(&without);
	EXPECT_EQ(5, count_hooked());
	recorder_end(&self->recorder);
	EXPECT_EQ(0, count_hooked());
	EXPECT_TRUE(!is_hooked("security_sock_graft"));
}

TEST_F(udp, two_sessions)
{
	struct end client = end_open(AF_INET), server = end_open(AF_INET);
	struct udp second = { .config = self->config, .net_ns = self->net_ns };

	send_to(&client, &server, 10, 1);
	recorder_begin(&second.recorder, &second.config);
	send_to(&client, &server, 10, 1);
	check_told(&second, client.port, server.port, (struct counts){ 2, 20, 0, 0 });
	close(client.fd);
	recorder_end(&second.recorder);
	recorder_end(&self->recorder);
	EXPECT_EQ(1, count_ends(self));
	EXPECT_EQ(1, count_ends(&second));
	recorder_close(&second.recorder);
}

static struct hadal_class_stats stats_of(const struct udp *self, uint64_t *filtered)
{
	struct hadal_stats stats;

	ASSERT_EQ(0, session_stats(&self->recorder.session, HADAL_CPU_ALL, &stats));
	*filtered = stats.filtered[HADAL_CLASS_UDP];
	return stats.class_stats[HADAL_CLASS_UDP];
}

/* A second session with a filter: all that is due to it is told or counted as filtered. */
static void begin_filtered(struct udp *self, struct udp *filtered, void (*set)(struct hadal_config *config))
{
	*filtered = (struct udp){ .config = self->config, .net_ns = self->net_ns };
	set(&filtered->config);
	recorder_begin(&filtered->recorder, &filtered->config);
}

static void end_filtered(struct udp *self, struct udp *filtered, unsigned int passed)
{
	uint64_t none, left_out;
	struct hadal_class_stats all, some;

	recorder_end(&filtered->recorder);
	recorder_end(&self->recorder);
	all = stats_of(self, &none);
	some = stats_of(filtered, &left_out);
	EXPECT_EQ(0, none);
	EXPECT_EQ(all.produced, some.produced + left_out);
	EXPECT_EQ(passed, some.produced);
	EXPECT_EQ(passed, some.delivered);
	EXPECT_EQ(passed, count_ends(filtered));
	recorder_close(&filtered->recorder);
}

static struct end filtered_server;

static void only_server(struct hadal_config *config)
{
	config->port_count = 1;
	config->ports[0] = (struct hadal_port_range){ filtered_server.port, filtered_server.port };
}

TEST_F(udp, filter_of_ports)
{
	struct end client = end_open(AF_INET), other = end_open(AF_INET6), self_made = end_open(AF_INET6);
	struct udp filtered;

	filtered_server = end_open(AF_INET);
	begin_filtered(self, &filtered, only_server);
	send_to(&client, &filtered_server, 10, 1);
	receive(&filtered_server, 10, 1);
	send_to(&other, &self_made, 10, 1);
	close(client.fd);
	close(filtered_server.fd);
	close(other.fd);
	end_filtered(self, &filtered, 2);
}

static void no_loopback(struct hadal_config *config)
{
	config->flags = HADAL_CONFIG_NO_LOOPBACK;
}

static void check_loopback(struct udp *self, int family)
{
	struct end client = end_open(family), server = end_open(family);
	struct udp filtered;

	begin_filtered(self, &filtered, no_loopback);
	send_to(&client, &server, 10, 1);
	close(client.fd);
	end_filtered(self, &filtered, 0);
}

TEST_F(udp, filter_of_loopback)
{
	check_loopback(self, AF_INET);
}

TEST_F(udp, filter_of_loopback_v6)
{
	check_loopback(self, AF_INET6);
}

static struct cgroup group;

static void only_group(struct hadal_config *config)
{
	config->cgroup_count = 1;
	config->cgroups[0] = group.id;
}

/* By where the owner was when it first used the flow, also if that was before the session. */
TEST_F(udp, filter_of_cgroups)
{
	struct end before = end_open(AF_INET), in = end_open(AF_INET), out = end_open(AF_INET);
	struct udp filtered;

	cgroup_make(&group, "hadal-udp");
	cgroup_enter(&group);
	send_to(&before, &out, 10, 1);
	begin_filtered(self, &filtered, only_group);
	send_to(&in, &out, 10, 1);
	cgroup_leave();
	send_to(&out, &in, 10, 1);
	close(before.fd);
	close(in.fd);
	close(out.fd);
	end_filtered(self, &filtered, 2);
	cgroup_remove(&group);
}

TEST_F(udp, dump_needs_the_class)
{
	struct hadal_dump dump = { .what = HADAL_DUMP_UDP };
	struct recorder without;

	recorder_begin(&without, NULL);
	EXPECT_EQ(-EINVAL, session_dump(&without.session, &dump));
	recorder_end(&without);
	recorder_close(&without);
	EXPECT_EQ(0, session_dump(&self->recorder.session, &dump));
}

/* A ring of a page: what is lost is counted, and a dump loses nothing. */
TEST_F(udp, loss)
{
	struct udp small = { .config = self->config, .net_ns = self->net_ns };
	struct end server = end_open(AF_INET), *peers = calloc(PEERS, sizeof(*peers));
	struct hadal_class_stats stats;
	uint64_t filtered;
	unsigned int i;

	ASSERT_TRUE(peers != NULL);
	small.config.flow_ring_size = 4096;
	recorder_begin(&small.recorder, &small.config);
	for (i = 0; i < PEERS; i++) {
		peers[i] = end_open(AF_INET);
		send_to(&server, &peers[i], 10, 1);
	}
	EXPECT_EQ(PEERS, recorder_dump(&small.recorder, HADAL_DUMP_UDP));
	stats = stats_of(&small, &filtered);
	EXPECT_EQ(PEERS, stats.delivered);
	EXPECT_EQ(0, stats.lost);
	close(server.fd);
	recorder_end_lossy(&small.recorder);
	stats = stats_of(&small, &filtered);
	EXPECT_EQ(2 * PEERS, stats.produced);
	EXPECT_EQ(stats.produced, stats.delivered + stats.lost);
	EXPECT_LT(0, stats.lost);
	recorder_close(&small.recorder);
	recorder_end(&self->recorder);
	EXPECT_EQ(PEERS, count_ends(self));
}

HARNESS_MAIN
