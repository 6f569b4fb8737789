// SPDX-License-Identifier: MIT
/*
 * The loads and the kernel's own records of them, without the module: what the
 * other tests compare with must be right by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "connector.h"
#include "destroyed.h"
#include "harness.h"
#include "load_process.h"
#include "load_tcp.h"
#include "netns.h"

#include <unistd.h>

#define PROCESSES	40	/* of each kind */
#define FLOWS		210	/* each family with each ending, ten times over */

/*
 * Where a thread calls exec, the old leader ends, and its heir later under the
 * same ids; whether the leader's end is told with its own id is a race.
 */
static size_t most_exits(enum process_kind kind)
{
	return kind == PROCESS_EXECS_IN_THREAD ? 2 : 1;
}

static size_t execs_due(enum process_kind kind)
{
	return kind == PROCESS_EXECS || kind == PROCESS_VFORK_EXECS ||
	       kind == PROCESS_EXECS_IN_THREAD;
}

static void check_kind(struct connector *connector, enum process_kind kind)
{
	struct process_done processes[PROCESSES];
	size_t i;

	processes_run(processes, PROCESSES, kind);
	connector_wait_exits(connector, processes, PROCESSES);
	for (i = 0; i < PROCESSES; i++) {
		pid_t pid = processes[i].pid;

		EXPECT_EQ(1, connector_count(connector, CONNECTOR_FORK, pid));
		EXPECT_EQ(execs_due(kind), connector_count(connector, CONNECTOR_EXEC, pid));
		EXPECT_LE(1, connector_count(connector, CONNECTOR_EXIT, pid));
		EXPECT_GE(most_exits(kind), connector_count(connector, CONNECTOR_EXIT, pid));
	}
}

TEST(processes)
{
	struct connector connector;
	int kind;

	connector_open(&connector);
	for (kind = PROCESS_EXITS; kind < PROCESS_KILLED; kind++)
		check_kind(&connector, (enum process_kind)kind);
	connector_close(&connector);
}

TEST(killed_processes)
{
	static const int signals[] = { 1, 6, 9, 11, 15 };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct process_done process = { .kind = PROCESS_KILLED, .code = signals[i] };

		process_run(&process);
	}
}

static void run_flows(struct tcp_flow *flows, size_t count, unsigned int endings)
{
	int listeners[TCP_FAMILIES];
	int family;
	size_t i;

	for (family = 0; family < TCP_FAMILIES; family++)
		listeners[family] = tcp_listen((enum tcp_family)family,
					       (uint16_t)(8000 + family), 16);
	tcp_plan(flows, count, endings);
	tcp_plan_ports(flows, count);
	for (i = 0; i < count; i++)
		tcp_run(&flows[i], listeners[flows[i].family]);
	for (family = 0; family < TCP_FAMILIES; family++)
		close(listeners[family]);
}

TEST(connections)
{
	struct tcp_flow flows[FLOWS];

	netns_enter();
	run_flows(flows, FLOWS, TCP_ENDINGS);
	EXPECT_EQ(0, netns_tcp_sockets());
}

/*
 * Raw numbers. An active end's SYN and each end's FIN are among what is
 * acknowledged. A FIN received counts too, if it came before the socket had
 * passed its place to one in time-wait: that depends on a delayed ACK.
 */
static void check_destroyed_end(const struct destroyed_socket *end, uint32_t sent, uint32_t syn,
				uint32_t received)
{
	ASSERT_TRUE(end != NULL);
	EXPECT_EQ(sent + syn + 1, end->bytes_acked);
	EXPECT_LE(received, end->bytes_received);
	EXPECT_GE(received + 1, end->bytes_received);
	EXPECT_EQ(sent, end->bytes_sent - end->bytes_retransmitted);
}

static void check_destroyed(const struct destroyed *destroyed, const struct tcp_flow *flow)
{
	check_destroyed_end(destroyed_find(destroyed, flow->client_port, flow->server_port),
			    flow->up, 1, flow->down);
	check_destroyed_end(destroyed_find(destroyed, flow->server_port, flow->client_port),
			    flow->down, 0, flow->up);
}

TEST(connections_as_destroyed)
{
	struct tcp_flow flows[FLOWS];
	struct destroyed destroyed;
	size_t i;

	netns_enter();
	destroyed_open(&destroyed);
	run_flows(flows, FLOWS, TCP_HALF_CLOSE + 1);
	destroyed_wait(&destroyed, 2 * (size_t)FLOWS);
	for (i = 0; i < FLOWS; i++)
		check_destroyed(&destroyed, &flows[i]);
	destroyed_close(&destroyed);
}

HARNESS_MAIN
