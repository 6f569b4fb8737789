// SPDX-License-Identifier: MIT
/*
 * Connections that outlive the run, shown by SNAPSHOT, and those that were
 * there before the session.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "flows.h"
#include "harness.h"
#include "host.h"
#include "load_tcp.h"
#include "netns.h"
#include "recorder.h"

#define FLOWS		60
#define FIRST_PORT	8100	/* of the listeners, one a family */

FIXTURE(lasting) {
	struct recorder recorder;
	uint32_t net_ns;
	int listeners[TCP_FAMILIES];
	struct tcp_flow flows[FLOWS];
};

FIXTURE_SETUP(lasting)
{
	int family;

	self->recorder.session.fd = -1;
	self->net_ns = netns_enter();
	for (family = 0; family < TCP_FAMILIES; family++)
		self->listeners[family] = tcp_listen((enum tcp_family)family,
						     (uint16_t)(FIRST_PORT + family), 64);
	tcp_plan(self->flows, FLOWS, TCP_GRACEFUL_ENDINGS);
}

FIXTURE_TEARDOWN(lasting)
{
	recorder_close(&self->recorder);
}

/* Payload both ways, whatever the ending that is planned. */
static void exchange(const struct tcp_flow *flow)
{
	tcp_pump(flow->client, flow->server, flow->up);
	tcp_pump(flow->server, flow->client, flow->down);
	tcp_wait_acked(flow->client);
	tcp_wait_acked(flow->server);
}

static void open_flows(struct lasting *self)
{
	int i;

	for (i = 0; i < FLOWS; i++) {
		struct tcp_flow *flow = &self->flows[i];

		tcp_open(flow, self->listeners[flow->family]);
		exchange(flow);
	}
}

static void close_flows(struct lasting *self)
{
	int i;

	for (i = 0; i < FLOWS; i++) {
		close(self->flows[i].client);
		close(self->flows[i].server);
	}
}

static struct flow_records gather(const struct lasting *self, const struct tcp_flow *flow)
{
	return flow_gather(&self->recorder, self->net_ns, flow->client_port, flow->server_port);
}

static void check_snapshots(const struct flow_records *records, const struct tcp_flow *flow,
			    uint32_t net_ns, unsigned int times)
{
	ASSERT_EQ(1, records->client_snapshot_count);
	ASSERT_EQ(1, records->server_snapshot_count);
	flow_check_end(&records->client_snapshot->tcp, flow, HADAL_TCP_CLIENT, net_ns);
	flow_check_end(&records->server_snapshot->tcp, flow, HADAL_TCP_SERVER, net_ns);
	flow_check_counters(&records->client_snapshot->counters, (uint64_t)times * flow->up,
			    (uint64_t)times * flow->down);
	flow_check_counters(&records->server_snapshot->counters, (uint64_t)times * flow->down,
			    (uint64_t)times * flow->up);
	EXPECT_EQ(0, records->client_snapshot->counters.unread);
	EXPECT_EQ(TCP_STATE_ESTABLISHED, records->client_snapshot->state);
	EXPECT_EQ(TCP_STATE_ESTABLISHED, records->server_snapshot->state);
	EXPECT_EQ(records->client_snapshot->tcp.key, records->server_snapshot->tcp.key);
	EXPECT_NE(records->client_snapshot->tcp.id, records->server_snapshot->tcp.id);
}

static void check_owners(const struct flow_records *records, uint8_t owner, uint32_t flags)
{
	const struct hadal_tcp *client = &records->client_snapshot->tcp;
	const struct hadal_tcp *server = &records->server_snapshot->tcp;

	EXPECT_EQ(owner, client->owner);
	EXPECT_EQ(owner, server->owner);
	EXPECT_EQ(getpid(), client->owner_tgid);
	EXPECT_EQ(getpid(), server->owner_tgid);
	EXPECT_EQ(start_ticks(getpid()), ticks_of(client->owner_start_boottime));
	EXPECT_EQ(start_ticks(getpid()), ticks_of(server->owner_start_boottime));
	EXPECT_EQ(flags, client->flags & (HADAL_TCP_DUMPED | HADAL_TCP_NO_OPEN_SEEN));
	EXPECT_EQ(flags, server->flags & (HADAL_TCP_DUMPED | HADAL_TCP_NO_OPEN_SEEN));
}

TEST_F(lasting, snapshots)
{
	unsigned int times;
	int i;

	recorder_begin(&self->recorder, NULL);
	open_flows(self);
	for (times = 1; times <= 3; times++) {
		recorder_drain(&self->recorder);
		recorder_forget(&self->recorder);
		recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
		for (i = 0; i < FLOWS; i++) {
			struct flow_records records = gather(self, &self->flows[i]);

			check_snapshots(&records, &self->flows[i], self->net_ns, times);
			check_owners(&records, HADAL_TCP_OWNER_CALLER, 0);
			exchange(&self->flows[i]);
		}
	}
	close_flows(self);
	flow_wait_closed(&self->recorder, self->net_ns, 2 * FLOWS);
	recorder_end(&self->recorder);
	for (i = 0; i < FLOWS; i++) {
		struct flow_records records = gather(self, &self->flows[i]);

		ASSERT_EQ(1, records.client_closed_count);
		ASSERT_EQ(1, records.server_closed_count);
		flow_check_counters(&records.client_closed->counters, 4ULL * self->flows[i].up,
				    4ULL * self->flows[i].down);
		flow_check_counters(&records.server_closed->counters, 4ULL * self->flows[i].down,
				    4ULL * self->flows[i].up);
		EXPECT_EQ(records.client_snapshot->tcp.id, records.client_closed->tcp.id);
	}
}

/* One end has closed, the other not: a FIN is sent, acknowledged and received. */
TEST_F(lasting, snapshot_of_half_closed)
{
	struct tcp_flow *flow = &self->flows[0];
	struct flow_records records;

	flow->up = 12345;
	flow->down = 70000;
	recorder_begin(&self->recorder, NULL);
	tcp_open(flow, self->listeners[flow->family]);
	exchange(flow);
	MUST(shutdown(flow->client, SHUT_WR));
	tcp_read_end(flow->server);
	tcp_wait_acked(flow->client);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	records = gather(self, flow);
	ASSERT_TRUE(records.client_snapshot && records.server_snapshot);
	EXPECT_EQ(TCP_STATE_FIN_WAIT2, records.client_snapshot->state);
	EXPECT_EQ(TCP_STATE_CLOSE_WAIT, records.server_snapshot->state);
	flow_check_counters(&records.client_snapshot->counters, flow->up, flow->down);
	flow_check_counters(&records.server_snapshot->counters, flow->down, flow->up);
	EXPECT_EQ(0, records.server_snapshot->counters.unread);
	EXPECT_EQ(records.client_snapshot->tcp.key, records.server_snapshot->tcp.key);
	close(flow->client);
	close(flow->server);
}

TEST_F(lasting, snapshot_of_unread)
{
	struct tcp_flow *flow = &self->flows[0];
	struct flow_records records;

	recorder_begin(&self->recorder, NULL);
	tcp_open(flow, self->listeners[flow->family]);
	tcp_send_pattern(flow->client, 777);
	tcp_wait_unread(flow->server, 777);
	tcp_wait_acked(flow->client);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	records = gather(self, flow);
	ASSERT_TRUE(records.client_snapshot && records.server_snapshot);
	flow_check_counters(&records.client_snapshot->counters, 777, 0);
	flow_check_counters(&records.server_snapshot->counters, 0, 777);
	EXPECT_EQ(777, records.server_snapshot->counters.unread);
	close(flow->client);
	close(flow->server);
}

/* ---- the table of live connections ---- */

/* It holds what is open, each end and listener, and nothing that has closed. */
TEST_F(lasting, table_follows)
{
	uint64_t before;
	size_t round;

	recorder_begin(&self->recorder, NULL);
	before = hadal_sys("connections");
	for (round = 0; round < 3; round++) {
		open_flows(self);
		EXPECT_EQ(before + 2 * FLOWS, hadal_sys("connections"));
		close_flows(self);
		flow_wait_closed(&self->recorder, self->net_ns, 2 * FLOWS * (round + 1));
		hadal_sys_wait("connections", before);
		tcp_plan(self->flows, FLOWS, TCP_GRACEFUL_ENDINGS);
	}
	recorder_end(&self->recorder);
	hadal_sys_wait("connections", 0);
}

static void fill_namespace(void *channel)
{
	uint32_t net_ns = netns_enter();
	int listener = tcp_listen(TCP_V6, 8300, 64), i;
	struct tcp_flow flow;

	for (i = 0; i < FLOWS; i++) {
		tcp_plan(&flow, 1, 1);
		flow.family = TCP_V6;
		tcp_open(&flow, listener);
	}
	message_send(*(int *)channel, &net_ns, sizeof(net_ns));
}

/* All in it close with the last process, and the namespace goes. */
TEST_F(lasting, namespace_goes)
{
	struct channel channel;
	uint64_t before;
	uint32_t net_ns;
	pid_t pid;

	channel_open(&channel);
	recorder_begin(&self->recorder, NULL);
	before = hadal_sys("connections");
	pid = child_start(fill_namespace, &channel.child);
	message_receive(channel.parent, &net_ns, sizeof(net_ns));
	child_finish(pid);
	flow_wait_closed(&self->recorder, net_ns, 2 * FLOWS);
	recorder_end(&self->recorder);
	EXPECT_EQ(FLOWS, flow_count(&self->recorder, net_ns, HADAL_RECORD_TCP_ESTABLISHED));
	EXPECT_EQ(2 * FLOWS, flow_count(&self->recorder, net_ns, HADAL_RECORD_TCP_CLOSED));
	EXPECT_EQ(1, flow_count(&self->recorder, net_ns, HADAL_RECORD_TCP_LISTENER_CLOSED));
	EXPECT_LE(TCP_FAMILIES, before);
	channel_close(&channel);
}

/* ---- there before the session ---- */

static void check_listeners(const struct lasting *self)
{
	const struct tcp_type_in wanted = { self->net_ns, HADAL_RECORD_TCP_LISTENING };
	const struct hadal_record *record;
	unsigned int seen = 0;
	size_t cursor = 0;

	while ((record = recorder_find(&self->recorder, &cursor, is_tcp_type_in, &wanted))) {
		const struct hadal_record_tcp_listener *listener = (const void *)record;

		seen |= 1U << (listener->tcp.local_port - FIRST_PORT);
		EXPECT_EQ(HADAL_TCP_LISTENER, listener->tcp.role);
		EXPECT_TRUE(listener->tcp.flags & HADAL_TCP_DUMPED);
		EXPECT_EQ(HADAL_TCP_OWNER_HOLDER, listener->tcp.owner);
		EXPECT_EQ(getpid(), listener->tcp.owner_tgid);
		EXPECT_EQ(64, listener->backlog);
		EXPECT_EQ(0, listener->tcp.key);
	}
	EXPECT_EQ(7, seen);
	EXPECT_EQ(TCP_FAMILIES, flow_count(&self->recorder, self->net_ns,
					   HADAL_RECORD_TCP_LISTENING));
}

TEST_F(lasting, there_before)
{
	int i;

	open_flows(self);
	recorder_begin(&self->recorder, NULL);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	check_listeners(self);
	for (i = 0; i < FLOWS; i++) {
		struct flow_records records = gather(self, &self->flows[i]);

		check_snapshots(&records, &self->flows[i], self->net_ns, 1);
		check_owners(&records, HADAL_TCP_OWNER_HOLDER, HADAL_TCP_DUMPED);
		EXPECT_EQ(0, records.client_snapshot->tcp.start_time);
		exchange(&self->flows[i]);
	}
	close_flows(self);
	flow_wait_closed(&self->recorder, self->net_ns, 2 * FLOWS);
	recorder_end(&self->recorder);
	for (i = 0; i < FLOWS; i++) {
		struct flow_records records = gather(self, &self->flows[i]);

		ASSERT_EQ(1, records.client_closed_count);
		ASSERT_EQ(1, records.server_closed_count);
		flow_check_counters(&records.client_closed->counters, 2ULL * self->flows[i].up,
				    2ULL * self->flows[i].down);
		EXPECT_EQ(records.client_snapshot->tcp.id, records.client_closed->tcp.id);
		EXPECT_EQ(records.client_snapshot->tcp.key, records.client_closed->tcp.key);
		EXPECT_EQ(HADAL_TCP_DUMPED, records.client_closed->tcp.flags & HADAL_TCP_DUMPED);
	}
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ESTABLISHED));
	EXPECT_EQ(0, flow_count(&self->recorder, self->net_ns, HADAL_RECORD_TCP_ACCEPTED));
}

/* The listener's backlog tells roles apart; here it is none. */
TEST_F(lasting, there_before_with_backlog_0)
{
	struct tcp_flow *flow = &self->flows[0];
	int listener = tcp_listen(TCP_V4, 8200, 0);
	struct flow_records records;

	flow->family = TCP_V4;
	flow->up = 333;
	flow->down = 4444;
	tcp_open(flow, listener);
	exchange(flow);
	recorder_begin(&self->recorder, NULL);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	records = gather(self, flow);
	check_snapshots(&records, flow, self->net_ns, 1);
	close(flow->client);
	close(flow->server);
	close(listener);
}

/* A connection that waits for accept() when the session begins, and is accepted then. */
TEST_F(lasting, waiting_for_accept)
{
	struct tcp_flow flow = {
		.family = TCP_V4, .up = 5000, .down = 600, .server_port = FIRST_PORT,
	};
	struct flow_records records;

	flow.client = tcp_connect(TCP_V4, 0, FIRST_PORT);
	flow.client_port = tcp_local_port(flow.client);
	recorder_begin(&self->recorder, NULL);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	flow.server = MUST(accept(self->listeners[TCP_V4], NULL, NULL));
	exchange(&flow);
	tcp_end(&flow);
	flow_wait_closed(&self->recorder, self->net_ns, 2);
	recorder_end(&self->recorder);
	records = gather(self, &flow);
	ASSERT_EQ(1, records.accepted_count);
	ASSERT_EQ(1, records.server_closed_count);
	EXPECT_EQ(HADAL_TCP_OWNER_CALLER, records.accepted->tcp.owner);
	EXPECT_EQ(getpid(), records.accepted->tcp.owner_tgid);
	EXPECT_EQ(records.accepted->tcp.id, records.server_closed->tcp.id);
	flow_check_counters(&records.server_closed->counters, flow.down, flow.up);
}

/* What one session's dump found is the same to the next, and what began under it is no find. */
TEST_F(lasting, ids_last_over_sessions)
{
	struct tcp_flow *early = &self->flows[0], *late = &self->flows[1];
	struct flow_records one, two;
	struct recorder second;

	tcp_open(early, self->listeners[early->family]);
	recorder_begin(&self->recorder, NULL);
	tcp_open(late, self->listeners[late->family]);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	recorder_begin(&second, NULL);
	recorder_dump(&second, HADAL_DUMP_CONNECTIONS);
	one = gather(self, early);
	two = flow_gather(&second, self->net_ns, early->client_port, early->server_port);
	ASSERT_TRUE(one.client_snapshot && two.client_snapshot);
	EXPECT_EQ(one.client_snapshot->tcp.id, two.client_snapshot->tcp.id);
	EXPECT_EQ(one.client_snapshot->tcp.key, two.client_snapshot->tcp.key);
	one = gather(self, late);
	two = flow_gather(&second, self->net_ns, late->client_port, late->server_port);
	ASSERT_TRUE(one.established && two.client_snapshot && two.server_snapshot);
	EXPECT_EQ(one.established->tcp.id, two.client_snapshot->tcp.id);
	EXPECT_EQ(one.accepted->tcp.id, two.server_snapshot->tcp.id);
	EXPECT_EQ(HADAL_TCP_OWNER_CALLER, two.server_snapshot->tcp.owner);
	EXPECT_EQ(0, two.server_snapshot->tcp.flags & HADAL_TCP_DUMPED);
	recorder_close(&second);
}

static void hold(void *channel)
{
	signal_send(*(int *)channel);
	signal_receive(*(int *)channel);
}

/* Only a child still holds the sockets. */
TEST_F(lasting, holder_is_another_process)
{
	struct tcp_flow *flow = &self->flows[0];
	struct flow_records records;
	struct channel channel;
	pid_t pid;

	channel_open(&channel);
	tcp_open(flow, self->listeners[flow->family]);
	pid = child_start(hold, &channel.child);
	signal_receive(channel.parent);
	close(flow->client);
	close(flow->server);
	recorder_begin(&self->recorder, NULL);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	records = gather(self, flow);
	ASSERT_TRUE(records.client_snapshot && records.server_snapshot);
	EXPECT_EQ(pid, records.client_snapshot->tcp.owner_tgid);
	EXPECT_EQ(pid, records.server_snapshot->tcp.owner_tgid);
	EXPECT_EQ(start_ticks(pid), ticks_of(records.client_snapshot->tcp.owner_start_boottime));
	signal_send(channel.parent);
	child_finish(pid);
	channel_close(&channel);
}

/* ---- the dump's frame ---- */

static bool is_of_dump(const struct hadal_record *record)
{
	switch (record->type) {
	case HADAL_RECORD_PROCESS_EXISTING:
	case HADAL_RECORD_TCP_SNAPSHOT:
		return true;
	case HADAL_RECORD_TCP_LISTENING:
		return record_tcp(record)->flags & HADAL_TCP_DUMPED;
	default:
		return false;
	}
}

static bool has_type(const struct hadal_record *record, const void *type)
{
	return record->type == *(const uint16_t *)type;
}

static const struct hadal_record *only(const struct recorder *recorder, uint16_t type)
{
	size_t cursor = 0;

	ASSERT_EQ(1, recorder_count(recorder, has_type, &type));
	return recorder_find(recorder, &cursor, has_type, &type);
}

static void check_frame(struct recorder *recorder, uint32_t what, uint64_t records)
{
	const struct hadal_record_dump *start, *end;
	uint64_t between = 0;
	size_t i;

	recorder_sort(recorder);
	start = (const void *)only(recorder, HADAL_RECORD_DUMP_START);
	end = (const void *)only(recorder, HADAL_RECORD_DUMP_END);
	EXPECT_EQ(what, start->what);
	EXPECT_EQ(what, end->what);
	EXPECT_EQ(1, start->dump);
	EXPECT_EQ(1, end->dump);
	EXPECT_EQ(records, end->records);
	for (i = 0; i < recorder->count; i++) {
		const struct hadal_record *record = recorder->records[i];

		if (!is_of_dump(record))
			continue;
		between++;
		EXPECT_LE(start->header.time, record->time);
		EXPECT_GE(end->header.time, record->time);
	}
	EXPECT_EQ(records, between);
}

TEST_F(lasting, dump_frame)
{
	const uint32_t both = HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS;
	uint64_t records;

	open_flows(self);
	recorder_begin(&self->recorder, NULL);
	records = recorder_dump(&self->recorder, both);
	EXPECT_LE(2 * FLOWS + TCP_FAMILIES, records);
	check_frame(&self->recorder, both, records);
	recorder_end(&self->recorder);
	close_flows(self);
}

/* With rings of a page the dump takes many calls, and loses nothing. */
TEST_F(lasting, dump_in_slices)
{
	const uint32_t both = HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS;
	struct hadal_config config;
	struct hadal_dump dump = { .what = both };
	unsigned int calls = 0;
	int i;

	session_defaults(&config);
	config.lifecycle_ring_size = 4096;
	config.flow_ring_size = 4096;
	open_flows(self);
	recorder_begin(&self->recorder, &config);
	do {
		ASSERT_EQ(0, session_dump(&self->recorder.session, &dump));
		recorder_drain(&self->recorder);
		calls++;
	} while (dump.state == HADAL_DUMP_MORE);
	EXPECT_LT(5, calls);
	check_frame(&self->recorder, both, dump.records);
	for (i = 0; i < FLOWS; i++) {
		struct flow_records records = gather(self, &self->flows[i]);

		check_snapshots(&records, &self->flows[i], self->net_ns, 1);
	}
	recorder_end(&self->recorder);
	close_flows(self);
}

/* ---- processes that exist ---- */

/* Processes of /proc, each once, with what /proc says of them. */
static void check_process(const struct recorder *recorder, pid_t pid)
{
	const struct hadal_process *found = NULL;
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < recorder->count; i++) {
		const struct hadal_record *record = recorder->records[i];

		if (record->type != HADAL_RECORD_PROCESS_EXISTING ||
		    record_process(record)->tgid != (uint32_t)pid)
			continue;
		found = record_process(record);
		count++;
	}
	ASSERT_EQ(1, count);
	EXPECT_EQ(start_ticks(pid), ticks_of(found->start_boottime));
	EXPECT_EQ(namespace_of(pid, "net"), found->net_ns);
	EXPECT_EQ(pid, found->ns_tgid);
}

TEST_F(lasting, existing_processes)
{
	struct channel channel;
	pid_t children[20];
	int i;

	channel_open(&channel);
	for (i = 0; i < 20; i++) {
		children[i] = child_start(hold, &channel.child);
		signal_receive(channel.parent);
	}
	recorder_begin(&self->recorder, NULL);
	recorder_dump(&self->recorder, HADAL_DUMP_PROCESSES);
	check_process(&self->recorder, 1);
	check_process(&self->recorder, getpid());
	for (i = 0; i < 20; i++)
		check_process(&self->recorder, children[i]);
	for (i = 0; i < 20; i++)
		signal_send(channel.parent);
	for (i = 0; i < 20; i++)
		child_finish(children[i]);
	channel_close(&channel);
}

static const struct hadal_process *existing(const struct recorder *recorder, uint32_t tgid)
{
	size_t i;

	for (i = 0; i < recorder->count; i++) {
		if (recorder->records[i]->type == HADAL_RECORD_PROCESS_EXISTING &&
		    record_process(recorder->records[i])->tgid == tgid)
			return record_process(recorder->records[i]);
	}
	return NULL;
}

TEST_F(lasting, kernel_threads_are_flagged)
{
	const struct hadal_process *kthreadd, *me;
	size_t i, flagged = 0;

	recorder_begin(&self->recorder, NULL);
	recorder_dump(&self->recorder, HADAL_DUMP_PROCESSES);
	kthreadd = existing(&self->recorder, 2);
	me = existing(&self->recorder, (uint32_t)getpid());
	ASSERT_TRUE(kthreadd && me);
	EXPECT_STREQ("kthreadd", kthreadd->comm);
	EXPECT_EQ(HADAL_PROCESS_KERNEL, kthreadd->flags);
	EXPECT_EQ(0, me->flags);
	for (i = 0; i < self->recorder.count; i++) {
		const struct hadal_process *process = record_process(self->recorder.records[i]);

		if (!process || !(process->flags & HADAL_PROCESS_KERNEL))
			continue;
		flagged++;
		if (process->tgid != 2)
			EXPECT_EQ(2, process->parent_tgid);
	}
	EXPECT_LT(10, flagged);
}

HARNESS_MAIN
