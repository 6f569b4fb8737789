// SPDX-License-Identifier: MIT
/*
 * All at once, for kernels that watch: processes, connections, UDP sockets,
 * namespaces, cgroups and a CPU come and go, sessions too, and somebody wants the
 * module out. What is recorded is right as ever: nothing uncounted, each snapshot
 * of the connection that its entry is for.
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
#define ROUNDS	60	/* sessions of the reader that comes and goes */
#define HOOK_ROUNDS	20	/* where hooks do, too, which is slow */
#define LONG	1800	/* s */

#define UDP_IDLE	"/sys/module/hadal/parameters/udp_idle"	/* s */

#define CLASSES	(HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) | HADAL_CLASS_BIT(HADAL_CLASS_TCP))
#define ALL_CLASSES (CLASSES | HADAL_CLASS_BIT(HADAL_CLASS_CGROUP) | HADAL_CLASS_BIT(HADAL_CLASS_UDP))

#define ALL_DUMPS (HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS | HADAL_DUMP_CGROUPS | HADAL_DUMP_UDP)

enum {
	PROCESSES, CONNECTIONS, LASTING, DATAGRAMS, RESTING, NAMESPACES, CGROUPS, HOTPLUG,
	UNLOADERS, FLOODS
};

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
	self->steady.session.fd = -1;
	netns_enter();
	ASSERT_EQ(0, file_write(UDP_IDLE, "1"));
	self->listener = tcp_listen(TCP_V4, PORT, 64);
	self->floods[PROCESSES] = child_start(flood_processes, NULL);
	self->floods[CONNECTIONS] = child_start(flood_connections, &self->listener);
	self->floods[LASTING] = child_start(flood_lasting_connections, NULL);
	self->floods[DATAGRAMS] = child_start(flood_datagrams, NULL);
	self->floods[RESTING] = child_start(flood_resting_datagrams, NULL);
	self->floods[NAMESPACES] = child_start(flood_net_namespaces, NULL);
	self->floods[CGROUPS] = child_start(flood_cgroups, NULL);
	self->floods[HOTPLUG] = child_start(flood_cpu_hotplug, NULL);
}

FIXTURE_TEARDOWN(stress)
{
	floods_end(self->floods, FLOODS);
	file_write(CPU1_ONLINE, "1");
	file_write(UDP_IDLE, "120");
	recorder_close(&self->steady);
}

static void begin_steady(struct stress *self, uint32_t classes)
{
	struct hadal_config config;

	session_defaults(&config);
	config.classes = classes;
	recorder_begin(&self->steady, &config);
	self->floods[UNLOADERS] = child_start(want_unloaded, NULL);
}

/* Rules of the stream that are broken end the test; what was read is not kept. */
static void read_on(struct recorder *recorder)
{
	recorder_drain(recorder);
	ASSERT_STREQ("", recorder->fault);
	recorder_forget(recorder);
}

/* Some have stopped before they close, some never started. */
static void come_and_go(struct stress *self, int round, uint32_t steady_dumps)
{
	struct hadal_config config;
	struct recorder recorder;

	session_defaults(&config);
	config.classes = ALL_CLASSES;
	recorder_prepare(&recorder, &config);
	if (round % 3) {
		recorder_start(&recorder);
		recorder_dump(&recorder, ALL_DUMPS);
		recorder_end_lossy(&recorder);
		recorder_check_all_read(&recorder);
	}
	recorder_close(&recorder);
	read_on(&self->steady);
	recorder_dump(&self->steady, steady_dumps);
	read_on(&self->steady);
}

static void end_steady(struct stress *self)
{
	recorder_end_lossy(&self->steady);
	recorder_check_all_read(&self->steady);
	harness_note("%llu process records, %llu of cgroups, %llu of connections, %llu of UDP flows",
		     (unsigned long long)self->steady.seen[HADAL_CLASS_PROCESS],
		     (unsigned long long)self->steady.seen[HADAL_CLASS_CGROUP],
		     (unsigned long long)self->steady.seen[HADAL_CLASS_TCP],
		     (unsigned long long)self->steady.seen[HADAL_CLASS_UDP]);
	EXPECT_LT(0, self->steady.seen[HADAL_CLASS_PROCESS]);
	EXPECT_LT(0, self->steady.seen[HADAL_CLASS_TCP]);
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

	begin_steady(self, ALL_CLASSES);
	for (round = 0; round < ROUNDS; round++)
		come_and_go(self, round, HADAL_DUMP_CONNECTIONS | HADAL_DUMP_UDP);
	end_steady(self);
	EXPECT_LT(0, self->steady.seen[HADAL_CLASS_CGROUP]);
	EXPECT_LT(0, self->steady.seen[HADAL_CLASS_UDP]);
	check_debug_counts();
}

/* What is hooked only on demand, and the table of UDP flows, come and go with these sessions. */
TEST_F_TIMEOUT(stress, hooks_come_and_go, LONG)
{
	int round;

	begin_steady(self, CLASSES);
	for (round = 0; round < HOOK_ROUNDS; round++)
		come_and_go(self, round, HADAL_DUMP_CONNECTIONS);
	end_steady(self);
	EXPECT_EQ(0, self->steady.seen[HADAL_CLASS_CGROUP]);
	EXPECT_EQ(0, self->steady.seen[HADAL_CLASS_UDP]);
	check_debug_counts();
}

TEST(nothing_left)
{
	hadal_sys_wait("sessions", 0);
	hadal_sys_wait("ring_memory", 0);
	hadal_sys_wait("connections", 0);
	hadal_sys_wait("udp_flows", 0);
}

HARNESS_MAIN
