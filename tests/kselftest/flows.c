// SPDX-License-Identifier: MIT
#include "flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

static void take_closed(struct flow_records *records, const struct hadal_record *record,
			bool of_client)
{
	if (of_client) {
		records->client_closed_count++;
		records->client_closed = (const void *)record;
	} else {
		records->server_closed_count++;
		records->server_closed = (const void *)record;
	}
}

static void take_snapshot(struct flow_records *records, const struct hadal_record *record,
			  bool of_client)
{
	if (of_client) {
		records->client_snapshot_count++;
		records->client_snapshot = (const void *)record;
	} else {
		records->server_snapshot_count++;
		records->server_snapshot = (const void *)record;
	}
}

static void take(struct flow_records *records, const struct hadal_record *record, bool of_client)
{
	switch (record->type) {
	case HADAL_RECORD_TCP_ESTABLISHED:
		records->established_count++;
		records->established = (const void *)record;
		break;
	case HADAL_RECORD_TCP_ACCEPTED:
		records->accepted_count++;
		records->accepted = (const void *)record;
		break;
	case HADAL_RECORD_TCP_FAILED:
		records->failed_count++;
		records->failed = (const void *)record;
		break;
	case HADAL_RECORD_TCP_CLOSED:
		take_closed(records, record, of_client);
		break;
	case HADAL_RECORD_TCP_SNAPSHOT:
		take_snapshot(records, record, of_client);
		break;
	}
}

struct flow_records flow_gather(const struct recorder *recorder, uint32_t net_ns,
				uint16_t client_port, uint16_t server_port)
{
	struct flow_records records = { };
	size_t i;

	for (i = 0; i < recorder->count; i++) {
		const struct hadal_tcp *tcp = record_tcp(recorder->records[i]);

		if (!tcp || tcp->net_ns != net_ns)
			continue;
		if (tcp->local_port == client_port && tcp->peer_port == server_port)
			take(&records, recorder->records[i], true);
		else if (tcp->local_port == server_port && tcp->peer_port == client_port)
			take(&records, recorder->records[i], false);
	}
	return records;
}

bool is_tcp_type_in(const struct hadal_record *record, const void *tcp_type_in)
{
	const struct tcp_type_in *wanted = tcp_type_in;
	const struct hadal_tcp *tcp = record_tcp(record);

	return tcp && tcp->net_ns == wanted->net_ns &&
	       (!wanted->type || record->type == wanted->type);
}

size_t flow_count(const struct recorder *recorder, uint32_t net_ns, uint16_t type)
{
	const struct tcp_type_in wanted = { .net_ns = net_ns, .type = type };

	return recorder_count(recorder, is_tcp_type_in, &wanted);
}

void flow_wait(struct recorder *recorder, uint32_t net_ns, uint16_t type, size_t want)
{
	const struct tcp_type_in wanted = { .net_ns = net_ns, .type = type };

	recorder_wait(recorder, is_tcp_type_in, &wanted, want);
}

void flow_wait_closed(struct recorder *recorder, uint32_t net_ns, size_t ends)
{
	flow_wait(recorder, net_ns, HADAL_RECORD_TCP_CLOSED, ends);
}

static void check_address(const struct hadal_tcp *tcp, const uint8_t address[16], bool is_v6)
{
	struct in6_addr expected = IN6ADDR_LOOPBACK_INIT;
	const struct in_addr v4 = { htonl(INADDR_LOOPBACK) };
	char text[INET6_ADDRSTRLEN];

	if (!is_v6) {
		memset(&expected, 0, sizeof(expected));
		memcpy(&expected, &v4, sizeof(v4));
	}
	if (memcmp(&expected, address, sizeof(expected)) == 0)
		return;
	inet_ntop(AF_INET6, address, text, sizeof(text));
	harness_fail_at(__FILE__, __LINE__, false, "id %llu: address %s, family %u",
			(unsigned long long)tcp->id, text, tcp->family);
}

void flow_check_end(const struct hadal_tcp *tcp, const struct tcp_flow *flow, uint8_t role,
		    uint32_t net_ns)
{
	bool is_client = role == HADAL_TCP_CLIENT;

	EXPECT_EQ(net_ns, tcp->net_ns);
	EXPECT_EQ(role, tcp->role);
	EXPECT_EQ(flow->family == TCP_V6 ? AF_INET6 : AF_INET, tcp->family);
	EXPECT_EQ(flow->family == TCP_V4_MAPPED, !!(tcp->flags & HADAL_TCP_V4MAPPED));
	EXPECT_EQ(is_client ? flow->client_port : flow->server_port, tcp->local_port);
	EXPECT_EQ(is_client ? flow->server_port : flow->client_port, tcp->peer_port);
	check_address(tcp, tcp->local_address, flow->family == TCP_V6);
	check_address(tcp, tcp->peer_address, flow->family == TCP_V6);
	EXPECT_EQ(!(tcp->flags & HADAL_TCP_NO_OPEN_SEEN), !!tcp->id);
	EXPECT_NE(0, tcp->key);
}

static void check_counts(const struct flow_records *records)
{
	EXPECT_EQ(1, records->established_count);
	EXPECT_EQ(1, records->accepted_count);
	EXPECT_EQ(0, records->failed_count);
	EXPECT_EQ(1, records->client_closed_count);
	EXPECT_EQ(1, records->server_closed_count);
}

static bool has_whole_life(const struct flow_records *records)
{
	return records->established && records->accepted && records->client_closed &&
	       records->server_closed;
}

static void check_ids(const struct flow_records *records)
{
	const struct hadal_tcp *client = &records->client_closed->tcp;
	const struct hadal_tcp *server = &records->server_closed->tcp;

	EXPECT_EQ(records->established->tcp.id, client->id);
	EXPECT_EQ(records->accepted->tcp.id, server->id);
	EXPECT_NE(client->id, server->id);
	EXPECT_EQ(client->key, server->key);
	EXPECT_EQ(client->key, records->established->tcp.key);
	EXPECT_EQ(client->key, records->accepted->tcp.key);
}

static void check_times(const struct flow_records *records)
{
	const struct hadal_tcp *client = &records->established->tcp;

	EXPECT_LE(client->start_time, records->established->header.time);
	EXPECT_GE(records->established->header.time - client->start_time,
		  records->established->connect_latency);
	EXPECT_EQ(!(client->flags & HADAL_TCP_FASTOPEN), !!records->established->connect_latency);
	EXPECT_LT(0, client->start_time);
	EXPECT_EQ(client->start_time, records->client_closed->tcp.start_time);
	EXPECT_EQ(records->accepted->tcp.start_time, records->server_closed->tcp.start_time);
	EXPECT_LE(client->start_time, records->accepted->tcp.start_time);
	EXPECT_LE(records->accepted->tcp.start_time, records->accepted->header.time);
	EXPECT_LT(records->established->header.time, records->client_closed->header.time);
	EXPECT_LT(records->accepted->header.time, records->server_closed->header.time);
}

void flow_check_life(const struct flow_records *records, const struct tcp_flow *flow,
		     uint32_t net_ns)
{
	check_counts(records);
	if (!has_whole_life(records))
		return;
	flow_check_end(&records->established->tcp, flow, HADAL_TCP_CLIENT, net_ns);
	flow_check_end(&records->client_closed->tcp, flow, HADAL_TCP_CLIENT, net_ns);
	flow_check_end(&records->accepted->tcp, flow, HADAL_TCP_SERVER, net_ns);
	flow_check_end(&records->server_closed->tcp, flow, HADAL_TCP_SERVER, net_ns);
	check_ids(records);
	check_times(records);
}

void flow_check_counters(const struct hadal_tcp_counters *counters, uint64_t written,
			 uint64_t received)
{
	EXPECT_EQ(written, counters->written);
	EXPECT_EQ(written, counters->sent);
	EXPECT_EQ(written, counters->acked);
	EXPECT_EQ(received, counters->received);
}

static void check_graceful(const struct flow_records *records)
{
	EXPECT_EQ(0, records->client_closed->error);
	EXPECT_EQ(0, records->server_closed->error);
	EXPECT_NE(TCP_STATE_ESTABLISHED, records->client_closed->old_state);
	EXPECT_NE(TCP_STATE_ESTABLISHED, records->server_closed->old_state);
}

static void check_reset(const struct hadal_record_tcp_closed *by,
			const struct hadal_record_tcp_closed *of)
{
	EXPECT_EQ(0, by->error);
	EXPECT_EQ(TCP_STATE_ESTABLISHED, by->old_state);
	EXPECT_EQ(ECONNRESET, of->error);
	EXPECT_EQ(TCP_STATE_ESTABLISHED, of->old_state);
}

static void check_ending(const struct flow_records *records, const struct tcp_flow *flow)
{
	if (flow->ending < TCP_GRACEFUL_ENDINGS)
		check_graceful(records);
	else if (flow->ending == TCP_SERVER_RESETS)
		check_reset(records->server_closed, records->client_closed);
	else
		check_reset(records->client_closed, records->server_closed);
}

void flow_check_payload(const struct flow_records *records, const struct tcp_flow *flow)
{
	uint32_t unread = flow->ending == TCP_CLIENT_UNREAD ? flow->down : 0;

	if (!has_whole_life(records))
		return;
	flow_check_counters(&records->client_closed->counters, flow->up, flow->down);
	flow_check_counters(&records->server_closed->counters, flow->down, flow->up);
	EXPECT_EQ(unread, records->client_closed->counters.unread);
	EXPECT_EQ(0, records->server_closed->counters.unread);
	check_ending(records, flow);
}
