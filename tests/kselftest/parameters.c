// SPDX-License-Identifier: MIT
/* Loaded with parameters of its own: the module's bounds, and what happens at them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "flows.h"
#include "harness.h"
#include "host.h"
#include "load_tcp.h"
#include "modules.h"
#include "netns.h"
#include "recorder.h"

#define PORT	8900
#define TABLE	64	/* entries: the least that there can be */
#define FLOWS	100	/* connections, 200 ends */

FIXTURE(parameters) {
	struct recorder recorder;
	uint32_t net_ns;
	struct tcp_flow flows[FLOWS];
};

FIXTURE_SETUP(parameters)
{
	self->recorder.session.fd = -1;
	ASSERT_EQ(-1, module_references("hadal"));
	self->net_ns = netns_enter();
}

FIXTURE_TEARDOWN(parameters)
{
	recorder_close(&self->recorder);
	if (module_references("hadal") >= 0)
		module_unload_soon();
}

static void open_all(struct parameters *self)
{
	int listener = tcp_listen(TCP_V4, PORT, 64), i;

	tcp_plan(self->flows, FLOWS, 1);
	for (i = 0; i < FLOWS; i++) {
		self->flows[i].family = TCP_V4;
		tcp_open(&self->flows[i], listener);
		tcp_exchange(&self->flows[i]);
	}
}

static void close_all(struct parameters *self)
{
	int i;

	for (i = 0; i < FLOWS; i++)
		tcp_end(&self->flows[i]);
}

/* Its opening was not seen, and still its close says how much it carried, and which it was. */
static unsigned int check_end(const struct hadal_record_tcp_closed *closed,
			      const struct tcp_flow *flow, uint8_t role, uint32_t net_ns)
{
	bool is_client = role == HADAL_TCP_CLIENT;

	flow_check_end(&closed->tcp, flow, role, net_ns);
	flow_check_counters(&closed->counters, is_client ? flow->up : flow->down,
			    is_client ? flow->down : flow->up);
	if (!(closed->tcp.flags & HADAL_TCP_NO_OPEN_SEEN))
		return 0;
	EXPECT_EQ(0, closed->tcp.owner_tgid);
	EXPECT_EQ(HADAL_TCP_OWNER_UNKNOWN, closed->tcp.owner);
	EXPECT_EQ(0, closed->tcp.start_time);
	return 1;
}

static unsigned int check_flow(const struct parameters *self, const struct tcp_flow *flow)
{
	const struct flow_records records = flow_gather(&self->recorder, self->net_ns,
							flow->client_port, PORT);

	ASSERT_EQ(1, records.established_count);
	ASSERT_EQ(1, records.accepted_count);
	ASSERT_EQ(1, records.client_closed_count);
	ASSERT_EQ(1, records.server_closed_count);
	EXPECT_EQ(records.client_closed->tcp.key, records.server_closed->tcp.key);
	return check_end(records.client_closed, flow, HADAL_TCP_CLIENT, self->net_ns) +
	       check_end(records.server_closed, flow, HADAL_TCP_SERVER, self->net_ns);
}

TEST_F(parameters, table_overflow)
{
	unsigned int unseen = 0;
	int i;

	module_load("connections_max=64");
	recorder_begin(&self->recorder, NULL);
	EXPECT_EQ(TABLE, self->recorder.session.query.connections_max);
	open_all(self);
	EXPECT_GE(TABLE, hadal_sys("connections"));
	EXPECT_LE(2 * FLOWS - TABLE, hadal_sys("connections_overflow"));
	close_all(self);
	flow_wait_closed(&self->recorder, self->net_ns, 2 * FLOWS);
	recorder_end(&self->recorder);
	for (i = 0; i < FLOWS; i++)
		unseen += check_flow(self, &self->flows[i]);
	EXPECT_LE(2 * FLOWS - TABLE, unseen);
	hadal_sys_wait("connections", 0);
}

/* What was there before and finds no room. */
TEST_F(parameters, table_overflow_at_start)
{
	int i;

	module_load("connections_max=64");
	open_all(self);
	recorder_begin(&self->recorder, NULL);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	EXPECT_LT(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_SNAPSHOT));
	EXPECT_GE(TABLE, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_SNAPSHOT));
	EXPECT_LE(2 * FLOWS - TABLE, hadal_sys("connections_overflow"));
	close_all(self);
	flow_wait_closed(&self->recorder, self->net_ns, 2 * FLOWS);
	recorder_end(&self->recorder);
	for (i = 0; i < FLOWS; i++) {
		const struct flow_records records = flow_gather(&self->recorder, self->net_ns,
								self->flows[i].client_port, PORT);

		ASSERT_EQ(1, records.client_closed_count);
		ASSERT_EQ(1, records.server_closed_count);
		check_end(records.client_closed, &self->flows[i], HADAL_TCP_CLIENT, self->net_ns);
		check_end(records.server_closed, &self->flows[i], HADAL_TCP_SERVER, self->net_ns);
	}
}

TEST_F(parameters, table_of_absurd_size)
{
	module_load("connections_max=0");
	EXPECT_EQ(TABLE, hadal_sys("connections_max"));
	module_unload_soon();
	module_load("connections_max=4294967295");
	EXPECT_LE(1 << 16, hadal_sys("connections_max"));
	EXPECT_GE(1 << 24, hadal_sys("connections_max"));
}

/* ---- UDP flows ---- */

#define UDP_TABLE	16	/* flows: the least that there can be */
#define UDP_PEERS	40
#define UDP_EACH	2	/* datagrams to each */
#define UDP_SIZE	10	/* bytes of each */

static void begin_udp(struct parameters *self)
{
	struct hadal_config config;

	session_defaults(&config);
	config.classes = HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	recorder_begin(&self->recorder, &config);
}

static void send_to_peers(int fd)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char bytes[UDP_SIZE] = { 0 };
	int i;

	for (i = 0; i < UDP_EACH * UDP_PEERS; i++) {
		peer.sin_port = htons((uint16_t)(PORT + i % UDP_PEERS));
		MUST(sendto(fd, bytes, sizeof(bytes), 0, (void *)&peer, sizeof(peer)));
	}
}

static bool is_other(const struct hadal_record *record, const void *what)
{
	(void)what;
	return record_udp(record) && record_udp(record)->flags == HADAL_UDP_OTHER;
}

static bool is_last(const struct hadal_record *record, const void *what)
{
	(void)what;
	return record_udp(record) && record_udp(record)->flags & HADAL_UDP_ENDED;
}

static void check_other(struct parameters *self, uint64_t datagrams)
{
	const struct hadal_record *record;
	size_t cursor = 0;

	recorder_forget(&self->recorder);
	recorder_dump(&self->recorder, HADAL_DUMP_UDP);
	record = recorder_find(&self->recorder, &cursor, is_other, NULL);
	ASSERT_TRUE(record != NULL);
	EXPECT_EQ(datagrams, record_udp(record)->sent_datagrams);
	EXPECT_EQ(datagrams * UDP_SIZE, record_udp(record)->sent_bytes);
	EXPECT_EQ(0, record_udp(record)->received_datagrams);
	EXPECT_TRUE(!recorder_find(&self->recorder, &cursor, is_other, NULL));
}

/* What finds no room is told as one, and each datagram once all the same. */
TEST_F(parameters, udp_table_overflow)
{
	const uint64_t without = UDP_EACH * (UDP_PEERS - UDP_TABLE);
	const struct hadal_record *record;
	uint64_t sent = 0, bytes = 0;
	size_t cursor = 0;
	int fd;

	module_load("udp_flows_max=16");
	EXPECT_EQ(UDP_TABLE, hadal_sys("udp_flows_max"));
	begin_udp(self);
	fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	send_to_peers(fd);
	EXPECT_EQ(UDP_TABLE, hadal_sys("udp_flows"));
	EXPECT_EQ(without, hadal_sys("udp_overflow"));
	check_other(self, without);
	close(fd);
	EXPECT_EQ(0, hadal_sys("udp_flows"));
	recorder_drain(&self->recorder);
	while ((record = recorder_find(&self->recorder, &cursor, is_last, NULL))) {
		sent += record_udp(record)->sent_datagrams;
		bytes += record_udp(record)->sent_bytes;
	}
	EXPECT_EQ(UDP_EACH * UDP_PEERS - without, sent);
	EXPECT_EQ(sent * UDP_SIZE, bytes);

	/* There is room again. */
	fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	send_to_peers(fd);
	EXPECT_EQ(2 * without, hadal_sys("udp_overflow"));
	check_other(self, 2 * without);
	recorder_end(&self->recorder);

	/* A new table counts anew. */
	ASSERT_EQ(0, session_start(&self->recorder.session));
	send_to_peers(fd);
	EXPECT_EQ(3 * without, hadal_sys("udp_overflow"));
	check_other(self, without);
	recorder_end(&self->recorder);
	close(fd);
}

TEST_F(parameters, udp_table_of_absurd_size)
{
	module_load("udp_flows_max=0");
	EXPECT_EQ(UDP_TABLE, hadal_sys("udp_flows_max"));
	module_unload_soon();
	module_load("udp_flows_max=4294967295");
	EXPECT_LE(1 << 14, hadal_sys("udp_flows_max"));
	EXPECT_GE(1 << 24, hadal_sys("udp_flows_max"));
}

TEST_F(parameters, ring_memory)
{
	struct hadal_config config;

	module_load("ring_memory_max=100000");
	EXPECT_EQ(100000, hadal_sys("ring_memory_max"));
	session_defaults(&config);
	ASSERT_EQ(0, session_open(&self->recorder.session));
	EXPECT_EQ(-ENOSPC, session_configure(&self->recorder.session, &config));
	config.lifecycle_ring_size = 4096;
	config.flow_ring_size = 4096;
	EXPECT_EQ(0, session_configure(&self->recorder.session, &config));
}

HARNESS_MAIN
