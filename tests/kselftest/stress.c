// SPDX-License-Identifier: MIT
/*
 * All at once, for kernels that watch: processes, connections, namespaces,
 * cgroups and a CPU come and go, sessions too, and somebody wants the module
 * out. What is recorded is right as ever: nothing uncounted, each snapshot of the
 * connection that its entry is for.
 */
#include <errno.h>
#include <unistd.h>

#include "children.h"
#include "floods.h"
#include "harness.h"
#include "host.h"
#include "load_tcp.h"
#include "modules.h"
#include "netns.h"
#include "recorder.h"

#define PORT	8710
#define ROUNDS	120	/* sessions of the reader that comes and goes */
#define LONG	1800	/* s */

enum { PROCESSES, CONNECTIONS, LASTING, NAMESPACES, CGROUPS, HOTPLUG, UNLOADERS, FLOODS };

FIXTURE(stress) {
	pid_t floods[FLOODS];
	int listener;
	struct recorder steady;		/* from the first moment to the last */
};

static void want_unloaded(void *unused)
{
	(void)unused;
	for (;;) {
		ASSERT_EQ(-EWOULDBLOCK, module_unload());
		usleep(10000);
	}
}

FIXTURE_SETUP(stress)
{
	netns_enter();
	self->listener = tcp_listen(TCP_V4, PORT, 64);
	recorder_begin(&self->steady, NULL);
	self->floods[PROCESSES] = child_start(flood_processes, NULL);
	self->floods[CONNECTIONS] = child_start(flood_connections, &self->listener);
	self->floods[LASTING] = child_start(flood_lasting_connections, NULL);
	self->floods[NAMESPACES] = child_start(flood_net_namespaces, NULL);
	self->floods[CGROUPS] = child_start(flood_cgroups, NULL);
	self->floods[HOTPLUG] = child_start(flood_cpu_hotplug, NULL);
	self->floods[UNLOADERS] = child_start(want_unloaded, NULL);
}

FIXTURE_TEARDOWN(stress)
{
	floods_end(self->floods, FLOODS);
	file_write(CPU1_ONLINE, "1");
	recorder_close(&self->steady);
}

/* Rules of the stream that are broken end the test; what was read is not kept. */
static void read_on(struct recorder *recorder)
{
	recorder_drain(recorder);
	ASSERT_STREQ("", recorder->fault);
	recorder_forget(recorder);
}

static void come_and_go(struct stress *self, int round)
{
	struct recorder recorder;

	recorder_prepare(&recorder, NULL);
	if (round % 3) {
		recorder_start(&recorder);
		recorder_dump(&recorder, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS);
		recorder_end_lossy(&recorder);
		recorder_check_counts(&recorder);
	}
	recorder_close(&recorder);
	read_on(&self->steady);
	recorder_dump(&self->steady, HADAL_DUMP_CONNECTIONS);
	read_on(&self->steady);
}

/* It is for kernels that watch, and so for modules that do. */
static void check_debug_counts(void)
{
	EXPECT_LT(0, hadal_sys("debug_compared"));
	EXPECT_EQ(0, hadal_sys("debug_mistaken"));
	EXPECT_EQ(0, hadal_sys("debug_preemptible"));
}

TEST_F_TIMEOUT(stress, everything_at_once, LONG)
{
	int round;

	for (round = 0; round < ROUNDS; round++)
		come_and_go(self, round);
	recorder_end_lossy(&self->steady);
	recorder_check_counts(&self->steady);
	harness_note("%llu process records, %llu of connections",
		     (unsigned long long)self->steady.seen[HADAL_CLASS_PROCESS],
		     (unsigned long long)self->steady.seen[HADAL_CLASS_TCP]);
	EXPECT_LT(0, self->steady.seen[HADAL_CLASS_PROCESS]);
	EXPECT_LT(0, self->steady.seen[HADAL_CLASS_TCP]);
	check_debug_counts();
}

TEST(nothing_left)
{
	hadal_sys_wait("sessions", 0);
	hadal_sys_wait("ring_memory", 0);
	hadal_sys_wait("connections", 0);
}

HARNESS_MAIN
