// SPDX-License-Identifier: MIT
/*
 * What a module built with HADAL_DEBUG=y counts: no probe runs preemptible, of
 * those that reach emission; no snapshot is of another connection than the one
 * that its entry in the table is for.
 */
#include <unistd.h>

#include "children.h"
#include "flows.h"
#include "harness.h"
#include "host.h"
#include "load.h"
#include "load_process.h"
#include "load_tcp.h"
#include "netns.h"
#include "recorder.h"

#define PROCESSES	20	/* of each kind */
#define FLOWS		84	/* all families and endings */

static void drain(void *recorder)
{
	recorder_drain(recorder);
}

static void run_processes(void)
{
	struct process_done processes[PROCESSES];
	int kind;

	for (kind = PROCESS_EXITS; kind < PROCESS_KILLED; kind++)
		processes_run(processes, PROCESSES, (enum process_kind)kind);
}

static void run_connections(void)
{
	struct tcp_flow flows[FLOWS];
	int listeners[TCP_FAMILIES], family;
	size_t i;

	for (family = 0; family < TCP_FAMILIES; family++)
		listeners[family] = tcp_listen((enum tcp_family)family,
					       (uint16_t)(8800 + family), 16);
	tcp_plan(flows, FLOWS, TCP_ENDINGS);
	for (i = 0; i < FLOWS; i++)
		tcp_run(&flows[i], listeners[flows[i].family]);
	for (family = 0; family < TCP_FAMILIES; family++)
		close(listeners[family]);
}

static void needs_debug_build(void)
{
	if (!file_exists(HADAL_SYS "debug_probes"))
		harness_skip("the module is not built with HADAL_DEBUG=y");
}

TEST(never_preemptible)
{
	struct recorder recorder;
	uint64_t before;

	needs_debug_build();
	before = hadal_sys("debug_probes");
	netns_enter();
	recorder_begin(&recorder, NULL);
	load_set_step(drain, &recorder);
	run_processes();
	run_connections();
	recorder_dump(&recorder, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS);
	recorder_end(&recorder);
	EXPECT_LE(before + recorder.count, hadal_sys("debug_probes"));
	EXPECT_LT(4 * FLOWS + 2 * PROCESS_KILLED * PROCESSES, recorder.count);
	EXPECT_EQ(0, hadal_sys("debug_preemptible"));
	recorder_close(&recorder);
}

/* Sockets are freed and used again between the snapshots. */
TEST(never_mistaken)
{
	struct tcp_flow lasting[TCP_FAMILIES];
	int listeners[TCP_FAMILIES], family, round;
	struct recorder recorder;
	uint64_t before;

	needs_debug_build();
	before = hadal_sys("debug_compared");
	netns_enter();
	recorder_begin(&recorder, NULL);
	load_set_step(drain, &recorder);
	tcp_plan(lasting, TCP_FAMILIES, 1);
	for (family = 0; family < TCP_FAMILIES; family++) {
		lasting[family].family = (enum tcp_family)family;
		listeners[family] = tcp_listen((enum tcp_family)family,
					       (uint16_t)(8810 + family), 16);
		tcp_open(&lasting[family], listeners[family]);
	}
	for (round = 0; round < 5; round++) {
		run_connections();
		recorder_dump(&recorder, HADAL_DUMP_CONNECTIONS);
		for (family = 0; family < TCP_FAMILIES; family++)
			tcp_pump(lasting[family].client, lasting[family].server, 1000);
	}
	/* Listeners and both ends, each time; a listener is learnt at its first. */
	EXPECT_LE(before + (5 * 3 - 1) * TCP_FAMILIES, hadal_sys("debug_compared"));
	EXPECT_EQ(0, hadal_sys("debug_mistaken"));
	recorder_end(&recorder);
	recorder_close(&recorder);
}

HARNESS_MAIN
