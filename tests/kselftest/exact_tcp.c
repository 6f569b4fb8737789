// SPDX-License-Identifier: MIT
/* Every connection gives exactly its records, exact to the byte on both sides. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "children.h"
#include "destroyed.h"
#include "flows.h"
#include "harness.h"
#include "host.h"
#include "load.h"
#include "load_tcp.h"
#include "netns.h"
#include "recorder.h"

#define FLOWS		420	/* families, endings and sizes in all mixtures */
#define LONG_TEST	1200	/* s */

FIXTURE(tcp) {
	struct recorder recorder;
	uint32_t net_ns;
	int listeners[TCP_FAMILIES];
	struct tcp_flow *flows;
};

static void drain(void *recorder)
{
	recorder_drain(recorder);
}

FIXTURE_SETUP(tcp)
{
	int family;

	self->recorder.session.fd = -1;
	self->flows = calloc(FLOWS, sizeof(*self->flows));
	ASSERT_TRUE(self->flows != NULL);
	self->net_ns = netns_enter();
	recorder_begin(&self->recorder, NULL);
	load_set_step(drain, &self->recorder);
	for (family = 0; family < TCP_FAMILIES; family++)
		self->listeners[family] = tcp_listen((enum tcp_family)family,
						     (uint16_t)(8000 + family), 64);
}

FIXTURE_TEARDOWN(tcp)
{
	load_set_step(NULL, NULL);
	recorder_close(&self->recorder);
	free(self->flows);
}

/*
 * The kernel's choice of ports starts elsewhere every ten seconds and may come back
 * to one: each flow has some to choose from that no other has.
 */
static void give_ports(size_t index)
{
	unsigned int first = 20000 + 8 * (unsigned int)index;
	char range[32];

	snprintf(range, sizeof(range), "%u %u", first, first + 7);
	netns_sysctl("ipv4/ip_local_port_range", range);
}

static void run(struct tcp *self, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		give_ports(i);
		tcp_run(&self->flows[i], self->listeners[self->flows[i].family]);
	}
	flow_wait_closed(&self->recorder, self->net_ns, 2 * count);
	recorder_end(&self->recorder);
}

static void check_totals(const struct tcp *self, size_t count)
{
	EXPECT_EQ(count, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ESTABLISHED));
	EXPECT_EQ(count, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ACCEPTED));
	EXPECT_EQ(2 * count, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_CLOSED));
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_FAILED));
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_SNAPSHOT));
}

static void check(const struct tcp *self, size_t count)
{
	size_t i;

	check_totals(self, count);
	for (i = 0; i < count; i++) {
		const struct tcp_flow *flow = &self->flows[i];
		struct flow_records records = flow_gather(&self->recorder, self->net_ns,
							  flow->client_port, flow->server_port);

		flow_check_life(&records, flow, self->net_ns);
		flow_check_payload(&records, flow);
	}
}

TEST_F_TIMEOUT(tcp, all_endings, LONG_TEST)
{
	tcp_plan(self->flows, FLOWS, TCP_ENDINGS);
	tcp_plan_ports(self->flows, FLOWS);
	run(self, FLOWS);
	check(self, FLOWS);
}

/* Ids are of this boot of the module, keys of the world: none comes twice. */
static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void check_distinct(uint64_t *numbers, size_t count)
{
	size_t i;

	qsort(numbers, count, sizeof(*numbers), compare_numbers);
	for (i = 1; i < count; i++)
		ASSERT_NE(numbers[i - 1], numbers[i]);
}

TEST_F(tcp, ids_and_keys_are_distinct)
{
	const size_t count = 100;
	uint64_t ids[200], keys[100];
	size_t cursor = 0, ends = 0, connections = 0;
	const struct hadal_record *record;
	const struct tcp_type_in closed = { self->net_ns, HADAL_RECORD_TCP_CLOSED };

	tcp_plan(self->flows, count, TCP_GRACEFUL_ENDINGS);
	run(self, count);
	while ((record = recorder_find(&self->recorder, &cursor, is_tcp_type_in, &closed))) {
		const struct hadal_tcp *tcp = record_tcp(record);

		ids[ends++] = tcp->id;
		if (tcp->role == HADAL_TCP_CLIENT)
			keys[connections++] = tcp->key;
	}
	ASSERT_EQ(count, connections);
	check_distinct(ids, ends);
	check_distinct(keys, connections);
}

/* The key is the session's: another secret gives another number. */
TEST_F(tcp, key_depends_on_the_secret)
{
	struct hadal_config config;
	struct flow_records mine, others;
	struct recorder other;

	session_defaults(&config);
	config.key[0] ^= 1;
	recorder_begin(&other, &config);
	tcp_plan(self->flows, 1, 1);
	run(self, 1);
	recorder_drain(&other);
	mine = flow_gather(&self->recorder, self->net_ns, self->flows[0].client_port,
			   self->flows[0].server_port);
	others = flow_gather(&other, self->net_ns, self->flows[0].client_port,
			     self->flows[0].server_port);
	flow_check_life(&others, &self->flows[0], self->net_ns);
	ASSERT_TRUE(mine.established && others.established);
	EXPECT_NE(mine.established->tcp.key, others.established->tcp.key);
	EXPECT_EQ(mine.established->tcp.id, others.established->tcp.id);
	recorder_close(&other);
}

/* ---- many at once, over both CPUs ---- */

#define WORKERS		4
#define WORKER_FLOWS	(FLOWS / WORKERS)

struct work {
	struct tcp_flow *flows;
	int *listeners;
};

static void run_share(void *argument)
{
	const struct work *work = argument;
	int listener = tcp_listen(TCP_V6, 0, 16);
	size_t i;

	load_set_step(NULL, NULL);
	for (i = 0; i < WORKER_FLOWS; i++) {
		work->flows[i].family = TCP_V6;
		tcp_run(&work->flows[i], listener);
	}
}

TEST_F_TIMEOUT(tcp, parallel, LONG_TEST)
{
	size_t size = WORKERS * WORKER_FLOWS * sizeof(struct tcp_flow);
	struct tcp_flow *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct work work[WORKERS];
	pid_t pids[WORKERS];
	int i;

	ASSERT_TRUE(shared != MAP_FAILED);
	tcp_plan(shared, WORKERS * WORKER_FLOWS, TCP_ENDINGS);
	tcp_plan_ports(shared, WORKERS * WORKER_FLOWS);
	for (i = 0; i < WORKERS; i++) {
		work[i] = (struct work){ shared + i * WORKER_FLOWS, self->listeners };
		pids[i] = child_start(run_share, &work[i]);
	}
	for (i = 0; i < WORKERS; i++)
		child_finish(pids[i]);
	flow_wait_closed(&self->recorder, self->net_ns, 2UL * WORKERS * WORKER_FLOWS);
	recorder_end(&self->recorder);
	memcpy(self->flows, shared, size);
	check(self, WORKERS * WORKER_FLOWS);
}

/* ---- both ends close at the same moment, each on a CPU of its own ---- */

#define CROSSINGS	100

struct crossing {
	atomic_uint here;
	atomic_uint round;
	int channel;
};

static void meet(struct crossing *crossing, unsigned int round)
{
	atomic_fetch_add(&crossing->here, 1);
	while (atomic_load(&crossing->here) < 2 * round)
		sched_yield();
}

static void close_server_ends(void *argument)
{
	struct crossing *crossing = argument;
	unsigned int round;

	run_on_cpu(0);
	for (round = 1; round <= CROSSINGS; round++) {
		int fd = descriptor_receive(crossing->channel);

		signal_send(crossing->channel);
		meet(crossing, round);
		close(fd);
	}
}

static void cross(struct tcp_flow *flow, int listener, struct crossing *crossing, int channel,
		  unsigned int round)
{
	tcp_open(flow, listener);
	tcp_exchange(flow);
	descriptor_send(channel, flow->server);
	close(flow->server);
	signal_receive(channel);
	meet(crossing, round);
	close(flow->client);
}

TEST_F(tcp, closes_cross)
{
	struct crossing *crossing = mmap(NULL, sizeof(*crossing), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct channel channel;
	unsigned int round;
	pid_t pid;

	ASSERT_TRUE(crossing != MAP_FAILED);
	channel_open(&channel);
	crossing->channel = channel.child;
	pid = child_start(close_server_ends, crossing);
	run_on_cpu(1);
	tcp_plan(self->flows, CROSSINGS, 1);
	for (round = 1; round <= CROSSINGS; round++) {
		struct tcp_flow *flow = &self->flows[round - 1];

		flow->ending = TCP_BOTH_CLOSE;
		cross(flow, self->listeners[flow->family], crossing, channel.parent, round);
	}
	child_finish(pid);
	flow_wait_closed(&self->recorder, self->net_ns, 2 * CROSSINGS);
	recorder_end(&self->recorder);
	check(self, CROSSINGS);
	channel_close(&channel);
}

/* ---- resets with data under way ---- */

/* Fills the connection until neither side takes more; returns the bytes written. */
static uint64_t flood(int fd)
{
	static const char chunk[8192];
	uint64_t written = 0;
	ssize_t done;

	while ((done = send(fd, chunk, sizeof(chunk), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
		written += (uint64_t)done;
	ASSERT_EQ(EAGAIN, errno);
	return written;
}

static void check_order(const struct flow_records *records, uint64_t written)
{
	const struct hadal_tcp_counters *sender, *receiver;

	ASSERT_TRUE(records->client_closed && records->server_closed);
	sender = &records->client_closed->counters;
	receiver = &records->server_closed->counters;
	EXPECT_EQ(written, sender->written);
	EXPECT_GE(sender->written, sender->sent);
	EXPECT_GE(sender->sent, receiver->received);
	EXPECT_GE(receiver->received, sender->acked);
	EXPECT_EQ(receiver->received, receiver->unread);
	EXPECT_LT(0, sender->acked);
}

TEST_F(tcp, reset_with_data_under_way)
{
	struct tcp_flow *flow = &self->flows[0];
	struct flow_records records;
	uint64_t written;

	tcp_plan(flow, 1, 1);
	tcp_open(flow, self->listeners[flow->family]);
	written = flood(flow->client);
	tcp_reset(flow->client);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	close(flow->server);
	recorder_end(&self->recorder);
	records = flow_gather(&self->recorder, self->net_ns, flow->client_port, flow->server_port);
	flow_check_life(&records, flow, self->net_ns);
	check_order(&records, written);
	EXPECT_EQ(getpid(), records.client_closed->closer_tgid);
	EXPECT_EQ(ECONNRESET, records.server_closed->error);
}

/* The reader goes away with much unread: its kernel resets. */
TEST_F(tcp, reader_leaves_data_unread)
{
	struct tcp_flow *flow = &self->flows[0];
	struct flow_records records;
	uint64_t written;

	tcp_plan(flow, 1, 1);
	tcp_open(flow, self->listeners[flow->family]);
	written = flood(flow->client);
	close(flow->server);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	close(flow->client);
	recorder_end(&self->recorder);
	records = flow_gather(&self->recorder, self->net_ns, flow->client_port, flow->server_port);
	flow_check_life(&records, flow, self->net_ns);
	check_order(&records, written);
	EXPECT_EQ(TCP_STATE_ESTABLISHED, records.server_closed->old_state);
	EXPECT_EQ(getpid(), records.server_closed->closer_tgid);
}

/* connect(AF_UNSPEC) resets; the same socket then makes another connection. */
static void disconnect(int fd)
{
	const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

	MUST(connect(fd, &nobody, sizeof(nobody)));
}

TEST_F(tcp, socket_used_twice)
{
	struct tcp_flow first = { .family = TCP_V4, .up = 70000, .down = 5 };
	struct tcp_flow second = { .family = TCP_V4, .up = 12345, .down = 99999 };
	struct flow_records one, two;
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V4, 8000, &address);

	tcp_open(&first, self->listeners[TCP_V4]);
	tcp_exchange(&first);
	tcp_wait_acked(first.client);
	tcp_wait_acked(first.server);
	disconnect(first.client);
	close(first.server);
	MUST(connect(first.client, (const void *)&address, length));
	second.client = first.client;
	second.client_port = tcp_local_port(second.client);
	second.server_port = 8000;
	second.server = MUST(accept(self->listeners[TCP_V4], NULL, NULL));
	tcp_exchange(&second);
	tcp_end(&second);
	flow_wait_closed(&self->recorder, self->net_ns, 4);
	recorder_end(&self->recorder);
	ASSERT_NE(first.client_port, second.client_port);
	check_totals(self, 2);
	one = flow_gather(&self->recorder, self->net_ns, first.client_port, 8000);
	two = flow_gather(&self->recorder, self->net_ns, second.client_port, 8000);
	flow_check_life(&one, &first, self->net_ns);
	flow_check_life(&two, &second, self->net_ns);
	ASSERT_TRUE(one.client_closed && one.server_closed && two.client_closed);
	flow_check_counters(&one.client_closed->counters, first.up, first.down);
	flow_check_counters(&one.server_closed->counters, first.down, first.up);
	EXPECT_EQ(ECONNRESET, one.server_closed->error);
	flow_check_payload(&two, &second);
	EXPECT_NE(one.client_closed->tcp.id, two.client_closed->tcp.id);
	EXPECT_NE(one.client_closed->tcp.key, two.client_closed->tcp.key);
}

/* ---- listeners ---- */

static const struct hadal_record_tcp_listener *find_listener(const struct tcp *self, uint16_t type,
							     uint16_t port)
{
	const struct tcp_type_in wanted = { self->net_ns, type };
	const struct hadal_record *record;
	size_t cursor = 0;

	while ((record = recorder_find(&self->recorder, &cursor, is_tcp_type_in, &wanted))) {
		if (record_tcp(record)->local_port == port)
			return (const void *)record;
	}
	return NULL;
}

TEST_F(tcp, listeners)
{
	const struct hadal_record_tcp_listener *opened, *closed;
	int family;

	for (family = 0; family < TCP_FAMILIES; family++)
		close(self->listeners[family]);
	recorder_end(&self->recorder);
	EXPECT_EQ(3, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_LISTENING));
	EXPECT_EQ(3, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_LISTENER_CLOSED));
	for (family = 0; family < TCP_FAMILIES; family++) {
		uint16_t port = (uint16_t)(8000 + family);

		opened = find_listener(self, HADAL_RECORD_TCP_LISTENING, port);
		closed = find_listener(self, HADAL_RECORD_TCP_LISTENER_CLOSED, port);
		ASSERT_TRUE(opened && closed);
		EXPECT_EQ(opened->tcp.id, closed->tcp.id);
		EXPECT_EQ(0, opened->tcp.key);
		EXPECT_EQ(HADAL_TCP_LISTENER, opened->tcp.role);
		EXPECT_EQ(HADAL_TCP_OWNER_CALLER, opened->tcp.owner);
		EXPECT_EQ(getpid(), opened->tcp.owner_tgid);
		EXPECT_EQ(family == TCP_V4 ? AF_INET : AF_INET6, opened->tcp.family);
		EXPECT_EQ(0, opened->tcp.peer_port);
	}
}

/* Its port is chosen after the hook. */
TEST_F(tcp, listener_without_bind)
{
	const struct hadal_record_tcp_listener *opened, *closed;
	int fd = tcp_socket(TCP_V4);
	uint16_t port;

	MUST(listen(fd, 7));
	port = tcp_local_port(fd);
	close(fd);
	recorder_end(&self->recorder);
	opened = find_listener(self, HADAL_RECORD_TCP_LISTENING, 0);
	ASSERT_TRUE(opened != NULL);
	EXPECT_TRUE(opened->tcp.flags & HADAL_TCP_PORT_UNKNOWN);
	closed = find_listener(self, HADAL_RECORD_TCP_LISTENER_CLOSED, port);
	ASSERT_TRUE(closed != NULL);
	EXPECT_EQ(opened->tcp.id, closed->tcp.id);
	EXPECT_EQ(0, closed->tcp.flags & HADAL_TCP_PORT_UNKNOWN);
	EXPECT_EQ(7, closed->backlog);
}

/* A second listen() only changes the backlog. */
TEST_F(tcp, listen_twice)
{
	MUST(listen(self->listeners[TCP_V4], 5));
	recorder_end(&self->recorder);
	EXPECT_EQ(3, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_LISTENING));
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_LISTENER_CLOSED));
}

/* ---- the kernel's own record ---- */

static void check_end_as_destroyed(const struct destroyed_socket *raw,
				   const struct hadal_record_tcp_closed *closed)
{
	uint32_t syn = closed->tcp.role == HADAL_TCP_CLIENT;

	ASSERT_TRUE(raw && closed);
	EXPECT_EQ(raw->bytes_acked, closed->counters.acked + syn + 1);
	/* A FIN that a time-wait socket got is not counted. */
	EXPECT_LE(raw->bytes_received, closed->counters.received + 1);
	EXPECT_GE(raw->bytes_received, closed->counters.received);
	EXPECT_EQ(raw->bytes_sent - raw->bytes_retransmitted, closed->counters.sent);
	EXPECT_EQ(raw->bytes_retransmitted, closed->counters.retransmitted);
	EXPECT_EQ(raw->data_segments_in, closed->counters.data_segments_in);
	EXPECT_EQ(raw->data_segments_out, closed->counters.data_segments_out);
	/* The last acknowledgement may leave after the close. */
	EXPECT_LE(raw->segments_out, closed->counters.segments_out + 1);
	/* One may still come between the close and the end of the socket. */
	EXPECT_LE(raw->segments_in, closed->counters.segments_in + 1);
	EXPECT_GE(raw->segments_in, closed->counters.segments_in);
}

TEST_F(tcp, as_destroyed_sockets_tell)
{
	const size_t count = 90;
	struct destroyed destroyed;
	size_t i;

	destroyed_open(&destroyed);
	tcp_plan(self->flows, count, TCP_HALF_CLOSE + 1);
	tcp_plan_ports(self->flows, count);
	run(self, count);
	destroyed_wait(&destroyed, 2 * count);
	check(self, count);
	for (i = 0; i < count; i++) {
		uint16_t client = self->flows[i].client_port, server = self->flows[i].server_port;
		struct flow_records records = flow_gather(&self->recorder, self->net_ns, client,
							  server);

		check_end_as_destroyed(destroyed_find(&destroyed, client, server),
				       records.client_closed);
		check_end_as_destroyed(destroyed_find(&destroyed, server, client),
				       records.server_closed);
	}
	destroyed_close(&destroyed);
}

HARNESS_MAIN
