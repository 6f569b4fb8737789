// SPDX-License-Identifier: MIT
/*
 * No probe runs preemptible: a module built with HADAL_DEBUG=y counts those
 * that reach emission, and those of them that could have been preempted.
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

TEST(never_preemptible)
{
	struct recorder recorder;
	uint64_t before;

	if (!file_exists(HADAL_SYS "debug_probes"))
		harness_skip("the module is not built with HADAL_DEBUG=y");
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

HARNESS_MAIN
