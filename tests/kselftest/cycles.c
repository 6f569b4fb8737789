// SPDX-License-Identifier: MIT
/*
 * The module comes and goes under a flood of processes and connections. The
 * environment's HADAL_MODULE names hadal.ko; it is not loaded before or after.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "harness.h"
#include "host.h"
#include "load_process.h"
#include "load_tcp.h"
#include "modules.h"
#include "netns.h"
#include "recorder.h"

#define CYCLES		200
#define SETTLED		20	/* cycles after which nothing more may be kept */
#define STARTS		40
#define FLOODS		3
#define LEAK_BOUND	(64U << 10)	/* KiB; the sessions' rings alone take 4 times that */
#define LONG_TEST	3600	/* s */

FIXTURE(cycles) {
	pid_t floods[FLOODS];
	int listener;
};

/* The flood fills what time the rest leaves: an emulated machine has little. */
static void give_way(void)
{
	MUST(nice(5));
}

static void flood_processes(void *unused)
{
	struct process_done processes[6];
	int kind;

	(void)unused;
	give_way();
	for (;;) {
		for (kind = PROCESS_EXITS; kind < PROCESS_KILLED; kind++)
			processes_run(processes, 1, (enum process_kind)kind);
	}
}

static void flood_connections(void *listener)
{
	struct tcp_flow flow;
	size_t i;

	give_way();
	for (i = 0;; i++) {
		tcp_plan(&flow, 1, 1);
		flow.family = TCP_V4;
		flow.ending = (enum tcp_ending)(i % TCP_CLIENT_UNREAD);
		tcp_run(&flow, *(int *)listener);
	}
}

/* Connections that stay open over many cycles, used now and then. */
static void keep_connections(void *unused)
{
	int listener = tcp_listen(TCP_V6, 8701, 64), i;
	struct tcp_flow flows[30];

	(void)unused;
	tcp_plan(flows, 30, 1);
	for (i = 0; i < 30; i++) {
		flows[i].family = TCP_V6;
		tcp_open(&flows[i], listener);
	}
	for (i = 0;; i++) {
		tcp_pump(flows[i % 30].client, flows[i % 30].server, 1000);
		usleep(1000);
		if (i % 10 == 0) {
			tcp_end(&flows[i % 30]);
			flows[i % 30].client_port = 0;
			tcp_open(&flows[i % 30], listener);
		}
	}
}

FIXTURE_SETUP(cycles)
{
	ASSERT_EQ(-1, module_references("hadal"));
	netns_enter();
	self->listener = tcp_listen(TCP_V4, 8700, 64);
	self->floods[0] = child_start(flood_processes, NULL);
	self->floods[1] = child_start(flood_connections, &self->listener);
	self->floods[2] = child_start(keep_connections, NULL);
}

FIXTURE_TEARDOWN(cycles)
{
	int i;

	for (i = 0; i < FLOODS; i++) {
		EXPECT_EQ(0, waitpid(self->floods[i], NULL, WNOHANG));
		kill(self->floods[i], SIGKILL);
		waitpid(self->floods[i], NULL, 0);
	}
	module_unload();
	EXPECT_EQ(-1, module_references("hadal"));
}

static void check_idle(void)
{
	hadal_sys_wait("sessions", 0);
	hadal_sys_wait("ring_memory", 0);
	hadal_sys_wait("connections", 0);
}

static void check_counts(const struct recorder *recorder)
{
	struct hadal_stats stats;
	unsigned int class;

	ASSERT_EQ(0, session_stats(&recorder->session, HADAL_CPU_ALL, &stats));
	for (class = 0; class < HADAL_CLASS_SLOTS; class++)
		EXPECT_EQ(stats.class_stats[class].produced,
			  stats.class_stats[class].delivered + stats.class_stats[class].lost);
}

/* A whole session under the flood, which also tries to unload under it. */
static void use_session(void)
{
	struct recorder recorder;
	int i;

	recorder_begin(&recorder, NULL);
	recorder_dump(&recorder, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS);
	ASSERT_EQ(-EWOULDBLOCK, module_unload());
	for (i = 0; i < 5; i++) {
		usleep(2000);
		recorder_drain(&recorder);
	}
	EXPECT_LT(0, recorder.seen[HADAL_CLASS_PROCESS]);
	recorder_end_lossy(&recorder);
	check_counts(&recorder);
	recorder_close(&recorder);
}

static void hang_with_session(void *channel)
{
	struct recorder recorder;

	recorder_begin(&recorder, NULL);
	signal_send(*(int *)channel);
	for (;;)
		recorder_drain(&recorder);
}

static void kill_session(void)
{
	struct channel channel;
	pid_t pid;

	channel_open(&channel);
	pid = child_start(hang_with_session, &channel.child);
	signal_receive(channel.parent);
	ASSERT_EQ(-EWOULDBLOCK, module_unload());
	kill(pid, SIGKILL);
	MUST(waitpid(pid, NULL, 0));
	channel_close(&channel);
}

static void cycle(int number)
{
	module_load("");
	switch (number % 4) {
	case 0:
	case 2:		/* loaded and unloaded, nothing else */
		break;
	case 1:
		use_session();
		check_idle();
		break;
	case 3:
		kill_session();
		check_idle();
		break;
	}
	module_unload_soon();
}

static uint64_t meminfo(const char *label)
{
	char text[4096], *line;

	file_read("/proc/meminfo", text, sizeof(text));
	line = strstr(text, label);
	ASSERT_TRUE(line != NULL);
	return strtoull(line + strlen(label), NULL, 10);
}

TEST_F_TIMEOUT(cycles, under_flood, LONG_TEST)
{
	uint64_t available = 0, left;
	int number;

	for (number = 0; number < CYCLES; number++) {
		cycle(number);
		if (number == SETTLED)
			available = meminfo("MemAvailable:");
	}
	left = meminfo("MemAvailable:");
	harness_note("memory available: %llu KiB after %d cycles, %llu KiB after %d",
		     (unsigned long long)available, SETTLED, (unsigned long long)left, CYCLES);
	EXPECT_LT(available, left + LEAK_BOUND);
}

/* The first session starts the probes, the last one stops them: over and over. */
TEST_F_TIMEOUT(cycles, sessions_under_flood, LONG_TEST)
{
	int number;

	module_load("");
	for (number = 0; number < STARTS; number++) {
		struct recorder recorder;

		recorder_begin(&recorder, NULL);
		recorder_drain(&recorder);
		recorder_end_lossy(&recorder);
		check_counts(&recorder);
		recorder_close(&recorder);
		check_idle();
	}
	module_unload_soon();
}

HARNESS_MAIN
