// SPDX-License-Identifier: MIT
/* Loaded with parameters of its own: the module's bounds, and what happens at them. */
#include <errno.h>
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
