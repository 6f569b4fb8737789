// SPDX-License-Identifier: MIT
/* Answers of DNS: each that a process receives is in one record, byte for byte. */
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cgroups.h"
#include "children.h"
#include "datagrams.h"
#include "harness.h"
#include "host.h"
#include "netns.h"
#include "patience.h"
#include "recorder.h"
#include "uring.h"

#define QR		0x80	/* in the third byte: an answer */
#define LONGEST		60000	/* bytes of a datagram */

FIXTURE(dns) {
	struct recorder recorder;
	struct hadal_config config;
	uint32_t net_ns;
};

FIXTURE_SETUP(dns)
{
	self->recorder.session.fd = -1;
	session_defaults(&self->config);
	self->config.classes = HADAL_CLASS_BIT(HADAL_CLASS_DNS);
	self->config.flow_ring_size = 1U << 22;
	self->net_ns = netns_enter();
	recorder_begin(&self->recorder, &self->config);
}

FIXTURE_TEARDOWN(dns)
{
	recorder_close(&self->recorder);
}

/* ---- answers ---- */

static unsigned char buffer[1 << 16];

/* No two are alike, and no two parts of one. */
static void fill(unsigned char *answer, size_t size, unsigned int seed)
{
	uint32_t state = seed * 2654435761U + 1;
	size_t i;

	for (i = 0; i < size; i++) {
		state = state * 1664525U + 1013904223U;
		answer[i] = (unsigned char)(state >> 24);
	}
	if (size > 2)
		answer[2] |= QR;
}

static void send_bytes(const struct end *from, const struct end *to, const void *bytes, size_t size)
{
	ASSERT_EQ(size, MUST(sendto(from->fd, bytes, size, 0, &to->address.any, to->length)));
}

static void answer(const struct end *from, const struct end *to, size_t size, unsigned int seed)
{
	static unsigned char bytes[LONGEST];

	fill(bytes, size, seed);
	send_bytes(from, to, bytes, size);
}

static void take(const struct end *at, size_t size)
{
	ASSERT_EQ(size, MUST(recv(at->fd, buffer, sizeof(buffer), 0)));
}

static void exchange(const struct end *server, const struct end *client, size_t size,
		     unsigned int seed)
{
	answer(server, client, size, seed);
	take(client, size);
}

/* ---- records ---- */

static bool is_answer(const struct hadal_record *record, const void *net_ns)
{
	const struct hadal_dns *dns = record_dns(record);

	return dns && dns->net_ns == *(const uint32_t *)net_ns;
}

static size_t count_answers(const struct dns *self)
{
	return recorder_count(&self->recorder, is_answer, &self->net_ns);
}

/* The one that is next in time, from 0. */
static const struct hadal_dns *answer_at(struct dns *self, size_t index)
{
	const struct hadal_record *record;
	size_t cursor = 0;

	recorder_drain(&self->recorder);
	recorder_sort(&self->recorder);
	do {
		record = recorder_find(&self->recorder, &cursor, is_answer, &self->net_ns);
		ASSERT_TRUE(record != NULL);
	} while (index--);
	return record_dns(record);
}

/* As in the record, which begins a header before. */
static const unsigned char *payload_of(const struct hadal_dns *dns)
{
	return (const unsigned char *)dns - sizeof(struct hadal_record) + dns->payload_offset;
}

static void check_bytes(const struct hadal_dns *dns, const void *bytes, size_t size)
{
	bool is_cut = size > HADAL_DNS_CAPTURED_MAX;

	EXPECT_EQ(size, dns->length);
	EXPECT_EQ(is_cut ? HADAL_DNS_CAPTURED_MAX : size, dns->captured);
	EXPECT_EQ(is_cut ? HADAL_DNS_TRUNCATED : 0, dns->flags & HADAL_DNS_TRUNCATED);
	EXPECT_EQ(0, memcmp(payload_of(dns), bytes, dns->captured));
}

static void check_payload(const struct hadal_dns *dns, size_t size, unsigned int seed)
{
	static unsigned char bytes[LONGEST];

	fill(bytes, size, seed);
	check_bytes(dns, bytes, size);
}

static void check_ends(const struct hadal_dns *dns, int family, uint16_t port)
{
	union address address = loopback(family, 0);
	const void *bytes = family == AF_INET ? (void *)&address.v4.sin_addr :
						(void *)&address.v6.sin6_addr;
	size_t length = family == AF_INET ? 4 : 16;

	EXPECT_EQ(family, dns->family);
	EXPECT_EQ(port, dns->local_port);
	EXPECT_EQ(HADAL_DNS_PORT, dns->peer_port);
	EXPECT_EQ(0, memcmp(dns->local_address, bytes, length));
	EXPECT_EQ(0, memcmp(dns->peer_address, bytes, length));
}

static void check_owner(const struct hadal_dns *dns, pid_t pid)
{
	EXPECT_EQ(HADAL_TCP_OWNER_CALLER, dns->owner);
	EXPECT_EQ(pid, dns->owner_tgid);
	EXPECT_EQ(start_ticks(pid), ticks_of(dns->owner_start_boottime));
	EXPECT_NE(0, dns->cgroup_id);
	EXPECT_NE(0, dns->socket_cgroup_id);
}

/* Ends the session: exactly that many, none lost. */
static void end_with(struct dns *self, size_t answers)
{
	struct hadal_stats stats;

	recorder_end(&self->recorder);
	recorder_check_counts(&self->recorder);
	EXPECT_EQ(answers, count_answers(self));
	ASSERT_EQ(0, session_stats(&self->recorder.session, HADAL_CPU_ALL, &stats));
	EXPECT_EQ(answers, stats.class_stats[HADAL_CLASS_DNS].produced);
	EXPECT_EQ(0, stats.class_stats[HADAL_CLASS_UDP].produced);
	if (file_exists(HADAL_SYS "debug_preemptible"))
		EXPECT_EQ(0, hadal_sys("debug_preemptible"));
}

/* ---- sizes, families ---- */

static const size_t sizes[] = { 12, 13, 19, 20, 100, 511, 512, 513, 1232, 1472, 4096 };

#define SIZES	(sizeof(sizes) / sizeof(sizes[0]))

static void check_sizes(struct dns *self, struct end client, struct end server, int family,
			uint32_t flags)
{
	unsigned int i;

	for (i = 0; i < SIZES; i++)
		exchange(&server, &client, sizes[i], i);
	for (i = 0; i < SIZES; i++) {
		const struct hadal_dns *dns = answer_at(self, i);

		check_payload(dns, sizes[i], i);
		check_ends(dns, family, client.port);
		check_owner(dns, getpid());
		EXPECT_EQ(flags, dns->flags & ~(uint32_t)HADAL_DNS_TRUNCATED);
	}
	end_with(self, SIZES);
}

TEST_F(dns, v4)
{
	check_sizes(self, end_open(AF_INET), end_open_at(AF_INET, HADAL_DNS_PORT), AF_INET, 0);
}

TEST_F(dns, v6)
{
	check_sizes(self, end_open(AF_INET6), end_open_at(AF_INET6, HADAL_DNS_PORT), AF_INET6, 0);
}

TEST_F(dns, v4_mapped)
{
	check_sizes(self, end_open_mapped(), end_open_mapped_at(HADAL_DNS_PORT), AF_INET,
		    HADAL_DNS_V4MAPPED);
}

TEST_F(dns, connected)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);

	end_connect(&client, &server);
	check_sizes(self, client, server, AF_INET, 0);
}

/* ---- what is in several pieces ---- */

static void set_mtu(int bytes)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_mtu = bytes };
	int fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	MUST(ioctl(fd, SIOCSIFMTU, &request));
	close(fd);
}

static void check_pieces(struct dns *self, int family, size_t size)
{
	struct end client = end_open(family), server = end_open_at(family, HADAL_DNS_PORT);

	exchange(&server, &client, size, 7);
	check_payload(answer_at(self, 0), size, 7);
	end_with(self, 1);
}

TEST_F(dns, fragmented_v4)
{
	set_mtu(1500);
	check_pieces(self, AF_INET, 8192);
}

TEST_F(dns, fragmented_v6)
{
	set_mtu(1500);
	check_pieces(self, AF_INET6, 8192);
}

/* The captured part goes over several of them. */
TEST_F(dns, fragments_of_few_bytes)
{
	set_mtu(256);
	check_pieces(self, AF_INET, 2000);
}

/* Nothing of it stands where the headers do. */
TEST_F(dns, in_pages)
{
	check_pieces(self, AF_INET, 50000);
}

/* Put together by who sends, from parts within the header and behind it. */
TEST_F(dns, corked)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	unsigned char bytes[300];

	fill(bytes, sizeof(bytes), 3);
	end_connect(&server, &client);
	ASSERT_EQ(1, MUST(send(server.fd, bytes, 1, MSG_MORE)));
	ASSERT_EQ(10, MUST(send(server.fd, bytes + 1, 10, MSG_MORE)));
	ASSERT_EQ(289, MUST(send(server.fd, bytes + 11, 289, 0)));
	take(&client, sizeof(bytes));
	check_payload(answer_at(self, 0), sizeof(bytes), 3);
	end_with(self, 1);
}

/* ---- several joined into one ---- */

#define SEGMENT		100

/* Of bytes that look like answers unless @odd is among them, which looks like a question. */
static void fill_segments(unsigned char *bytes, size_t size, size_t odd)
{
	size_t i;

	fill(bytes, size, 11);
	for (i = 0; i * SEGMENT + 2 < size; i++)
		bytes[i * SEGMENT + 2] = i == odd ? 0 : QR;
}

/* Returns whether the kernel lets that many segments be. */
static bool send_segments(const struct end *server, const struct end *client, const void *bytes,
			  size_t size)
{
	ssize_t sent;

	MUST(setsockopt(server->fd, IPPROTO_UDP, UDP_SEGMENT, &(int){ SEGMENT }, sizeof(int)));
	sent = sendto(server->fd, bytes, size, 0, &client->address.any, client->length);
	if (sent < 0 && (errno == EINVAL || errno == EMSGSIZE))
		return false;
	ASSERT_EQ(size, MUST(sent));
	return true;
}

static unsigned int take_joined(const struct end *client, size_t size)
{
	unsigned int calls;

	MUST(setsockopt(client->fd, IPPROTO_UDP, UDP_GRO, &(int){ 1 }, sizeof(int)));
	for (calls = 0; size; calls++)
		size -= (size_t)MUST(recv(client->fd, buffer, sizeof(buffer), 0));
	return calls;
}

static void check_joined(struct dns *self, int family)
{
	struct end client = end_open(family), server = end_open_at(family, HADAL_DNS_PORT);
	unsigned char bytes[9 * SEGMENT + 50];
	unsigned int i;

	fill_segments(bytes, sizeof(bytes), 4);
	MUST(setsockopt(client.fd, IPPROTO_UDP, UDP_GRO, &(int){ 1 }, sizeof(int)));
	ASSERT_TRUE(send_segments(&server, &client, bytes, sizeof(bytes)));
	EXPECT_EQ(1, take_joined(&client, sizeof(bytes)));
	for (i = 0; i < 9; i++) {
		unsigned int segment = i < 4 ? i : i + 1;

		check_bytes(answer_at(self, i), bytes + segment * SEGMENT,
			    segment == 9 ? 50 : SEGMENT);
	}
	end_with(self, 9);
}

TEST_F(dns, joined)
{
	check_joined(self, AF_INET);
}

TEST_F(dns, joined_v6)
{
	check_joined(self, AF_INET6);
}

/* No more than that of one buffer, where the kernel makes longer ones at all. */
TEST_F(dns, many_joined)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	size_t count = HADAL_DNS_SEGMENTS_MAX + 10;
	unsigned char bytes[(HADAL_DNS_SEGMENTS_MAX + 10) * SEGMENT];

	fill_segments(bytes, sizeof(bytes), count);
	MUST(setsockopt(client.fd, IPPROTO_UDP, UDP_GRO, &(int){ 1 }, sizeof(int)));
	if (!send_segments(&server, &client, bytes, count * SEGMENT)) {
		count = HADAL_DNS_SEGMENTS_MAX;
		ASSERT_TRUE(send_segments(&server, &client, bytes, count * SEGMENT));
	}
	EXPECT_EQ(1, take_joined(&client, count * SEGMENT));
	end_with(self, HADAL_DNS_SEGMENTS_MAX);
}

/* ---- what is no answer ---- */

static void send_question(const struct end *from, const struct end *to, size_t size)
{
	unsigned char bytes[64];

	fill(bytes, sizeof(bytes), 1);
	bytes[2] = 0;
	send_bytes(from, to, bytes, size);
	take(to, size);
}

static void check_none(struct dns *self, int family)
{
	struct end client = end_open(family), server = end_open_at(family, HADAL_DNS_PORT);
	struct end other = end_open_at(family, HADAL_DNS_PORT + 1);
	size_t size;

	send_question(&client, &server, 40);
	send_question(&server, &client, 40);
	for (size = 0; size < HADAL_DNS_HEADER_MIN; size++)
		exchange(&server, &client, size, 1);
	exchange(&other, &client, 100, 1);
	exchange(&client, &server, 100, 1);
	end_with(self, 0);
}

TEST_F(dns, no_answers)
{
	check_none(self, AF_INET);
}

TEST_F(dns, no_answers_v6)
{
	check_none(self, AF_INET6);
}

/* What nobody reads was not received. */
TEST_F(dns, unread)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);

	answer(&server, &client, 100, 1);
	close(client.fd);
	end_with(self, 0);
}

struct raw_answer {
	struct udphdr udp;
	unsigned char payload[60];
};

static void send_raw(const struct end *client, uint16_t checksum)
{
	int raw = MUST(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP));
	struct raw_answer bytes = {
		.udp = { .source = htons(HADAL_DNS_PORT), .dest = htons(client->port),
			 .len = htons(sizeof(bytes)), .check = htons(checksum) },
	};

	fill(bytes.payload, sizeof(bytes.payload), 5);
	ASSERT_EQ(sizeof(bytes), MUST(sendto(raw, &bytes, sizeof(bytes), 0, &client->address.any,
					     client->length)));
	close(raw);
}

/* A wrong checksum is found when the datagram is read; 0 is none. */
TEST_F(dns, bad_checksum)
{
	struct end client = end_open(AF_INET);

	send_raw(&client, 0x1234);
	EXPECT_EQ(-1, recv(client.fd, buffer, sizeof(buffer), MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	send_raw(&client, 0);
	take(&client, 60);
	check_payload(answer_at(self, 0), 60, 5);
	end_with(self, 1);
}

/* A protocol of its own. */
TEST_F(dns, udplite)
{
	int lite = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDPLITE);
	struct end end = { .fd = lite, .address = loopback(AF_INET, HADAL_DNS_PORT),
			   .length = sizeof(end.address.v4) };

	if (lite < 0 && errno == EPROTONOSUPPORT) {
		harness_note("from 7.0 on kernels have no UDP-Lite");
		return;
	}
	MUST(lite);
	MUST(bind(lite, &end.address.any, end.length));
	exchange(&end, &end, 100, 1);
	end_with(self, 0);
}

/* ---- ways to receive ---- */

static void peek(const struct end *at, size_t size, ssize_t expected)
{
	ASSERT_EQ(expected, MUST(recv(at->fd, buffer, size, MSG_PEEK)));
}

TEST_F(dns, peeked)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);

	answer(&server, &client, 100, 1);
	peek(&client, 200, 100);
	peek(&client, 30, 30);
	peek(&client, 0, 0);
	recorder_drain(&self->recorder);
	EXPECT_EQ(0, count_answers(self));
	take(&client, 100);
	check_payload(answer_at(self, 0), 100, 1);
	end_with(self, 1);
}

TEST_F(dns, short_buffers)
{
	static const size_t shorts[] = { 0, 1, 11, 12, 99 };
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	unsigned int i, count = sizeof(shorts) / sizeof(shorts[0]);

	for (i = 0; i < count; i++) {
		answer(&server, &client, 100, i);
		ASSERT_EQ(shorts[i], MUST(recv(client.fd, buffer, shorts[i], 0)));
	}
	answer(&server, &client, 100, i);
	ASSERT_EQ(100, MUST(recv(client.fd, buffer, 10, MSG_TRUNC)));
	for (i = 0; i <= count; i++)
		check_payload(answer_at(self, i), 100, i);
	end_with(self, count + 1);
}

/* Not taken: the memory that it was to go to is not there. */
TEST_F(dns, bad_buffer)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	void *volatile nowhere = (void *)8;

	answer(&server, &client, 100, 1);
	EXPECT_EQ(-1, recv(client.fd, nowhere, 100, 0));
	EXPECT_EQ(EFAULT, errno);
	exchange(&server, &client, 100, 2);
	check_payload(answer_at(self, 0), 100, 2);
	end_with(self, 1);
}

#define BATCH	8

TEST_F(dns, batches)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		answer(&server, &client, 50 + i, i);
		parts[i] = (struct iovec){ .iov_base = buffer, .iov_len = 100 };
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	ASSERT_EQ(BATCH, MUST(recvmmsg(client.fd, messages, BATCH, 0, NULL)));
	for (i = 0; i < BATCH; i++)
		check_payload(answer_at(self, i), 50 + i, i);
	end_with(self, BATCH);
}

/* ---- whose ---- */

struct receiver {
	const struct end *client;
	const struct cgroup *group;
	int ready;
};

static void receive_in_group(void *argument)
{
	struct receiver *receiver = argument;

	cgroup_enter(receiver->group);
	signal_send(receiver->ready);
	take(receiver->client, 100);
	signal_receive(receiver->ready);
}

/* Of who receives it, not of who made the socket. */
TEST_F(dns, owner)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	const struct hadal_dns *dns;
	struct channel channel;
	struct cgroup group;
	pid_t pid;

	cgroup_make(&group, "hadal-dns");
	channel_open(&channel);
	pid = child_start(receive_in_group, &(struct receiver){ &client, &group, channel.child });
	signal_receive(channel.parent);
	answer(&server, &client, 100, 1);
	recorder_wait(&self->recorder, is_answer, &self->net_ns, 1);
	dns = answer_at(self, 0);
	check_owner(dns, pid);
	EXPECT_EQ(group.id, dns->cgroup_id);
	EXPECT_EQ(0, dns->cgroup_hierarchy);
	EXPECT_NE(group.id, dns->socket_cgroup_id);
	signal_send(channel.parent);
	child_finish(pid);
	cgroup_remove(&group);
	end_with(self, 1);
}

static void check_uring(struct dns *self, bool by_worker)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);

	answer(&server, &client, 100, 1);
	ASSERT_EQ(100, uring_receive(client.fd, buffer, sizeof(buffer), by_worker));
	check_payload(answer_at(self, 0), 100, 1);
	check_owner(answer_at(self, 0), getpid());
	end_with(self, 1);
}

TEST_F(dns, io_uring)
{
	check_uring(self, false);
}

TEST_F(dns, io_uring_worker)
{
	check_uring(self, true);
}

/* ---- sessions ---- */

static int count_flow_hooks(void)
{
	return is_hooked("ip_send_skb") + is_hooked("ip6_send_skb") +
	       is_hooked("udp_destroy_sock") + is_hooked("udpv6_destroy_sock");
}

static void begin_flows(struct recorder *flows)
{
	struct hadal_config config;

	session_defaults(&config);
	config.classes = HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	recorder_begin(flows, &config);
}

static void end_flows(struct recorder *flows)
{
	recorder_end(flows);
	recorder_close(flows);
}

/* One function alone, and that only while somebody asks. */
TEST_F(dns, hooked_on_demand)
{
	struct recorder without, flows;

	recorder_begin(&without, NULL);
	EXPECT_TRUE(is_hooked("skb_consume_udp"));
	EXPECT_EQ(0, count_flow_hooks());
	begin_flows(&flows);
	EXPECT_EQ(4, count_flow_hooks());
	recorder_end(&self->recorder);
	EXPECT_TRUE(is_hooked("skb_consume_udp"));
	end_flows(&flows);
	EXPECT_TRUE(!is_hooked("skb_consume_udp"));
	EXPECT_EQ(0, count_flow_hooks());
	ASSERT_EQ(0, session_start(&self->recorder.session));
	EXPECT_TRUE(is_hooked("skb_consume_udp"));
	EXPECT_EQ(0, count_flow_hooks());
	recorder_end(&without);
	recorder_close(&without);
	recorder_end(&self->recorder);
	EXPECT_TRUE(!is_hooked("skb_consume_udp"));
}

/* Who asks for flows alone gets no answers, and who asks for answers no flows. */
TEST_F(dns, each_class_alone)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	struct hadal_dump dump = { .what = HADAL_DUMP_UDP };
	struct hadal_stats stats;
	struct recorder flows;

	begin_flows(&flows);
	exchange(&server, &client, 100, 1);
	close(client.fd);
	close(server.fd);
	EXPECT_EQ(-EINVAL, session_dump(&self->recorder.session, &dump));
	recorder_end(&flows);
	ASSERT_EQ(0, session_stats(&flows.session, HADAL_CPU_ALL, &stats));
	EXPECT_EQ(2, stats.class_stats[HADAL_CLASS_UDP].produced);
	EXPECT_EQ(0, stats.class_stats[HADAL_CLASS_DNS].produced);
	recorder_close(&flows);
	end_with(self, 1);
}

struct stream {
	pthread_t thread;
	struct end client;
	struct end server;
	volatile bool stop;
	volatile unsigned int count;
};

/* So many that the ring holds those of a session's start and stop. */
static void *stream_answers(void *argument)
{
	struct stream *stream = argument;

	unsigned int i;

	for (i = 0; !stream->stop; i++) {
		exchange(&stream->server, &stream->client, 20 + i % 100, i);
		stream->count = i + 1;
		usleep(200);
	}
	return NULL;
}

static void stream_begin(struct stream *stream)
{
	*stream = (struct stream){ .client = end_open(AF_INET),
				   .server = end_open_at(AF_INET, HADAL_DNS_PORT) };
	MUST(-pthread_create(&stream->thread, NULL, stream_answers, stream));
}

static void stream_end(struct stream *stream)
{
	stream->stop = true;
	pthread_join(stream->thread, NULL);
	close(stream->client.fd);
	close(stream->server.fd);
}

#define TURNS	10
#define SOME	20	/* answers */

static void wait_for_some(const struct stream *stream)
{
	struct patience patience = patience_begin();
	unsigned int before = stream->count;

	while (stream->count - before < SOME)
		ASSERT_TRUE(patience_left(&patience));
}

/* Flows come and go beside it: not one answer is missed or told twice. */
TEST_F(dns, flows_come_and_go)
{
	struct stream stream;
	struct recorder flows;
	unsigned int i;

	stream_begin(&stream);
	for (i = 0; i < harness_rounds(TURNS); i++) {
		begin_flows(&flows);
		wait_for_some(&stream);
		recorder_drain(&self->recorder);
		end_flows(&flows);
	}
	stream_end(&stream);
	end_with(self, stream.count);
	for (i = 0; i < stream.count; i += stream.count / 20)
		check_payload(answer_at(self, i), 20 + i % 100, i);
}

static uint64_t received_by_flows(const struct recorder *flows, uint16_t port)
{
	const struct hadal_udp *flow;
	uint64_t received = 0;
	size_t i;

	for (i = 0; i < flows->count; i++) {
		flow = record_udp(flows->records[i]);
		if (flow && flow->local_port == port && flow->flags & HADAL_UDP_ENDED)
			received += flow->received_datagrams;
	}
	return received;
}

/* And the other way round. */
TEST_F(dns, comes_and_goes_beside_flows)
{
	struct stream stream;
	struct recorder flows;
	unsigned int i;

	begin_flows(&flows);
	stream_begin(&stream);
	for (i = 0; i < TURNS; i++) {
		wait_for_some(&stream);
		recorder_end(&self->recorder);
		ASSERT_EQ(0, session_start(&self->recorder.session));
	}
	stream_end(&stream);
	recorder_end(&flows);
	EXPECT_EQ(stream.count, received_by_flows(&flows, stream.client.port));
	recorder_close(&flows);
	recorder_end(&self->recorder);
	EXPECT_LE(TURNS * (SOME - 1), count_answers(self));
}

TEST_F(dns, two_sessions)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	struct dns second = { .config = self->config, .net_ns = self->net_ns };

	exchange(&server, &client, 600, 1);
	recorder_begin(&second.recorder, &second.config);
	exchange(&server, &client, 700, 2);
	check_payload(answer_at(self, 0), 600, 1);
	check_payload(answer_at(self, 1), 700, 2);
	check_payload(answer_at(&second, 0), 700, 2);
	end_with(&second, 1);
	end_with(self, 2);
	recorder_close(&second.recorder);
}

/* ---- filters ---- */

static void check_filtered(struct dns *self, const struct hadal_config *config, bool passes)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	struct end client6 = end_open(AF_INET6), server6 = end_open_at(AF_INET6, HADAL_DNS_PORT);
	struct dns filtered = { .config = *config, .net_ns = self->net_ns };
	struct hadal_stats stats;

	recorder_begin(&filtered.recorder, &filtered.config);
	exchange(&server, &client, 100, 1);
	exchange(&server6, &client6, 100, 1);
	end_with(&filtered, passes ? 2 : 0);
	ASSERT_EQ(0, session_stats(&filtered.recorder.session, HADAL_CPU_ALL, &stats));
	EXPECT_EQ(passes ? 0 : 2, stats.filtered[HADAL_CLASS_DNS]);
	recorder_close(&filtered.recorder);
	end_with(self, 2);
}

TEST_F(dns, filter_of_its_port)
{
	self->config.port_count = 1;
	self->config.ports[0] = (struct hadal_port_range){ HADAL_DNS_PORT, HADAL_DNS_PORT };
	check_filtered(self, &self->config, true);
}

TEST_F(dns, filter_of_other_ports)
{
	self->config.port_count = 1;
	self->config.ports[0] = (struct hadal_port_range){ 80, 443 };
	check_filtered(self, &self->config, false);
}

TEST_F(dns, filter_without_its_port)
{
	self->config.flags = HADAL_CONFIG_EXCLUDE_PORTS;
	self->config.port_count = 1;
	self->config.ports[0] = (struct hadal_port_range){ 1, 100 };
	check_filtered(self, &self->config, false);
}

TEST_F(dns, filter_of_loopback)
{
	self->config.flags = HADAL_CONFIG_NO_LOOPBACK;
	check_filtered(self, &self->config, false);
}

static void check_filter_of_cgroup(struct dns *self, bool is_in)
{
	struct cgroup group;

	cgroup_make(&group, "hadal-dns-filter");
	self->config.cgroup_count = 1;
	self->config.cgroups[0] = group.id;
	if (is_in)
		cgroup_enter(&group);
	check_filtered(self, &self->config, is_in);
	cgroup_leave();
	cgroup_remove(&group);
}

TEST_F(dns, filter_of_cgroup)
{
	check_filter_of_cgroup(self, true);
}

TEST_F(dns, filter_of_other_cgroup)
{
	check_filter_of_cgroup(self, false);
}

/* ---- loss ---- */

#define FLOOD	1000

struct totals {
	uint64_t produced, delivered, lost;
};

static struct totals read_totals(void)
{
	return (struct totals){ hadal_sys("dns/produced"), hadal_sys("dns/delivered"),
				hadal_sys("dns/lost") };
}

/* A ring of a page whose reader stands still: what is lost is counted everywhere alike. */
TEST_F(dns, loss)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	struct dns small = { .config = self->config, .net_ns = self->net_ns };
	struct totals before, after;
	struct hadal_stats stats;
	unsigned int i;

	recorder_end(&self->recorder);
	small.config.flow_ring_size = 4096;
	recorder_begin(&small.recorder, &small.config);
	before = read_totals();
	run_on_cpu(0);
	for (i = 0; i < FLOOD; i++)
		exchange(&server, &client, 12 + i, i);
	recorder_drain(&small.recorder);
	/* Behind the gap, so that its LOST record is there. */
	exchange(&server, &client, 100, FLOOD);
	recorder_end_lossy(&small.recorder);
	after = read_totals();
	ASSERT_EQ(0, session_stats(&small.recorder.session, HADAL_CPU_ALL, &stats));
	EXPECT_EQ(FLOOD + 1, stats.class_stats[HADAL_CLASS_DNS].produced);
	EXPECT_EQ(FLOOD + 1, after.produced - before.produced);
	EXPECT_EQ(FLOOD + 1, after.delivered - before.delivered + after.lost - before.lost);
	EXPECT_EQ(stats.class_stats[HADAL_CLASS_DNS].lost, small.recorder.lost[HADAL_CLASS_DNS]);
	EXPECT_EQ(stats.class_stats[HADAL_CLASS_DNS].delivered, count_answers(&small));
	EXPECT_LT(FLOOD / 2, small.recorder.lost[HADAL_CLASS_DNS]);
	recorder_check_counts(&small.recorder);
	for (i = 0; i + 1 < count_answers(&small); i++)
		check_payload(answer_at(&small, i), 12 + i, i);
	check_payload(answer_at(&small, i), 100, FLOOD);
	recorder_close(&small.recorder);
}

/* ---- several CPUs ---- */

#define THREADS		4
#define EACH		3000

struct job {
	pthread_t thread;
	struct end client;
	struct end server;
	unsigned int cpu;
};

static void *answer_job(void *argument)
{
	struct job *job = argument;
	unsigned char question[12] = { 0 };
	unsigned int i;

	run_on_cpu(job->cpu);
	question[2] = QR;
	for (i = 0; i < harness_share(EACH); i++) {
		send_bytes(&job->server, &job->client, question, sizeof(question));
		ASSERT_EQ(12, MUST(recv(job->client.fd, question, sizeof(question), 0)));
	}
	return NULL;
}

TEST_F(dns, parallel)
{
	struct end server = end_open_at(AF_INET, HADAL_DNS_PORT);
	struct job jobs[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		jobs[i] = (struct job){ .client = end_open(AF_INET), .server = server,
					.cpu = i % 2 };
		MUST(-pthread_create(&jobs[i].thread, NULL, answer_job, &jobs[i]));
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(jobs[i].thread, NULL);
	end_with(self, THREADS * harness_share(EACH));
}

HARNESS_MAIN
