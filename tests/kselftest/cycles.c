// SPDX-License-Identifier: MIT
/*
 * The module comes and goes under a flood of processes, connections and
 * datagrams, while network namespaces come and go. The environment's HADAL_MODULE
 * names hadal.ko; it is not loaded before or after.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "floods.h"
#include "harness.h"
#include "host.h"
#include "load_tcp.h"
#include "modules.h"
#include "netns.h"
#include "recorder.h"

#define CYCLES		200
#define STARTS		40
#define FLOODS		5
#define FLOW_RING	(8U << 20)	/* bytes a CPU */
#define LEAK_BOUND	(64U << 10)	/* KiB */
#define LONG_TEST	3600	/* s */

FIXTURE(cycles) {
	pid_t floods[FLOODS];
	int listener;
};

static uint32_t flow_ring = FLOW_RING;	/* bytes a CPU */

FIXTURE_SETUP(cycles)
{
	ASSERT_EQ(-1, module_references("hadal"));
	netns_enter();
	self->listener = tcp_listen(TCP_V4, 8700, 64);
	self->floods[0] = child_start(flood_processes, NULL);
	self->floods[1] = child_start(flood_connections, &self->listener);
	self->floods[2] = child_start(flood_lasting_connections, NULL);
	self->floods[3] = child_start(flood_net_namespaces, NULL);
	self->floods[4] = child_start(flood_datagrams, NULL);
	/* What is tested shall not wait for its turn among what disturbs it. */
	MUST(setpriority(PRIO_PROCESS, 0, -20));
}

FIXTURE_TEARDOWN(cycles)
{
	floods_end(self->floods, FLOODS);
	module_unload();
	EXPECT_EQ(-1, module_references("hadal"));
}

static void check_idle(void)
{
	hadal_sys_wait("sessions", 0);
	hadal_sys_wait("ring_memory", 0);
	hadal_sys_wait("connections", 0);
	hadal_sys_wait("udp_flows", 0);
}

/* With all hooks. */
static void begin_session(struct recorder *recorder)
{
	struct hadal_config config;

	session_defaults(&config);
	config.classes |= HADAL_CLASS_BIT(HADAL_CLASS_CGROUP) | HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	config.flow_ring_size = flow_ring;
	recorder_begin(recorder, &config);
}

/* A whole session under the flood; it also tries to unload under it. */
static void use_session(void)
{
	struct recorder recorder;
	int i;

	begin_session(&recorder);
	recorder_dump(&recorder, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS |
				 HADAL_DUMP_CGROUPS | HADAL_DUMP_UDP);
	ASSERT_EQ(-EWOULDBLOCK, module_unload());
	for (i = 0; i < 5; i++) {
		usleep(2000);
		recorder_drain(&recorder);
	}
	EXPECT_LT(0, recorder.seen[HADAL_CLASS_PROCESS]);
	recorder_end_lossy(&recorder);
	recorder_check_counts(&recorder);
	recorder_close(&recorder);
}

static void hang_with_session(void *channel)
{
	struct recorder recorder;

	begin_session(&recorder);
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

/*
 * Most are loaded and unloaded, nothing else: to start and stop the hooks waits
 * for what grace periods take under the flood, seconds where it is emulated.
 */
static bool has_session(int number)
{
	return number % 4 == 3;
}

static void cycle(int number)
{
	module_load("");
	if (has_session(number)) {
		if (number % 8 == 3)
			use_session();
		else
			kill_session();
		check_idle();
	}
	module_unload_soon();
}

/* So large that what the sessions of these cycles have would exceed the bound if it were leaked. */
static uint32_t ring_that_shows(int first, int cycles)
{
	uint64_t rings = 0, size = FLOW_RING;
	int number;

	for (number = first; number < cycles; number++)
		rings += has_session(number) ? (uint64_t)MUST(sysconf(_SC_NPROCESSORS_ONLN)) : 0;
	ASSERT_LT(0, rings);
	while (rings * size <= (uint64_t)LEAK_BOUND << 10)
		size *= 2;
	return (uint32_t)size;
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
	int number, cycles = (int)harness_share(CYCLES), settled = cycles / 10;
	uint64_t available = 0, left;

	flow_ring = ring_that_shows(settled + 1, cycles);
	for (number = 0; number < cycles; number++) {
		cycle(number);
		if (number == settled)
			available = meminfo("MemAvailable:");
	}
	left = meminfo("MemAvailable:");
	harness_note("memory available: %llu KiB after %d cycles, %llu KiB after %d",
		     (unsigned long long)available, settled, (unsigned long long)left, cycles);
	EXPECT_LT(available, left + LEAK_BOUND);
}

/* The first session starts the probes, the last one stops them: over and over. */
TEST_F_TIMEOUT(cycles, sessions_under_flood, LONG_TEST)
{
	int number, starts = (int)harness_share(STARTS);

	module_load("");
	for (number = 0; number < starts; number++) {
		struct recorder recorder;

		recorder_begin(&recorder, NULL);
		recorder_drain(&recorder);
		recorder_end_lossy(&recorder);
		recorder_check_counts(&recorder);
		recorder_close(&recorder);
		check_idle();
	}
	module_unload_soon();
}

HARNESS_MAIN
