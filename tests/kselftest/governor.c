// SPDX-License-Identifier: MIT
/* What hooks cost is told, and past the budget records are only counted. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "children.h"
#include "harness.h"
#include "host.h"
#include "load.h"
#include "load_process.h"
#include "load_tcp.h"
#include "netns.h"
#include "patience.h"
#include "recorder.h"

#define PORT		8450
#define PROCESSES	100
#define BUDGET		"/sys/module/hadal/parameters/hook_budget"	/* per cent */

FIXTURE(governor) {
	struct recorder recorder;
	int listener;
	char budget[16];	/* as it was */
};

FIXTURE_SETUP(governor)
{
	self->recorder.session.fd = -1;
	file_read(BUDGET, self->budget, sizeof(self->budget));
	netns_enter();
	self->listener = tcp_listen(TCP_V4, PORT, 64);
}

FIXTURE_TEARDOWN(governor)
{
	recorder_close(&self->recorder);
	file_write(BUDGET, self->budget);
}

static uint64_t governed(const struct recorder *recorder, enum hadal_class class)
{
	struct hadal_stats stats;

	ASSERT_EQ(0, session_stats(&recorder->session, HADAL_CPU_ALL, &stats));
	return stats.governed[class];
}

static uint64_t governed_as_told(const struct recorder *recorder)
{
	const struct hadal_record_lost *lost;
	uint64_t sum = 0;
	size_t i;
	int class;

	for (i = 0; i < recorder->count; i++) {
		if (recorder->records[i]->type != HADAL_RECORD_LOST)
			continue;
		lost = (const void *)recorder->records[i];
		for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
			EXPECT_LE(lost->governed[class], lost->count[class]);
			sum += lost->governed[class];
		}
	}
	return sum;
}

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Fork, exec and exit are a hit each; what hooks took is some of the time that went by. */
TEST_F(governor, tells_what_hooks_cost)
{
	struct process_done process = { .kind = PROCESS_EXECS };
	uint64_t hits, time, start = nanoseconds();
	int i;

	recorder_begin(&self->recorder, NULL);
	hits = hadal_sys("hook_hits");
	time = hadal_sys("hook_time");
	for (i = 0; i < PROCESSES; i++)
		process_run(&process);
	EXPECT_LE(hits + 3 * PROCESSES, hadal_sys("hook_hits"));
	EXPECT_LT(time, hadal_sys("hook_time"));
	EXPECT_GE(2 * (nanoseconds() - start), hadal_sys("hook_time") - time);
	recorder_end(&self->recorder);
}

static void run_until_closed(void)
{
	struct patience patience = patience_begin();

	while (netns_tcp_sockets() > 1)
		ASSERT_TRUE(patience_left(&patience));
}

static void one_connection(int listener)
{
	struct tcp_flow flow = { .family = TCP_V4, .up = 10, .down = 20 };

	tcp_run(&flow, listener);
}

/* To a listener that ends with it. */
static void flood_connections(void *unused)
{
	int listener = tcp_listen(TCP_V4, 0, 64);

	(void)unused;
	for (;;)
		one_connection(listener);
}

static void end(pid_t flood)
{
	EXPECT_EQ(0, waitpid(flood, NULL, WNOHANG));
	kill(flood, SIGKILL);
	waitpid(flood, NULL, 0);
}

/* Behind a gap one record of each lane makes the ring tell its loss. */
static void mark(struct governor *self)
{
	struct process_done process = { .kind = PROCESS_EXITS };
	unsigned int cpu;

	for (cpu = 0; cpu < 2; cpu++) {
		run_on_cpu(cpu);
		process_run(&process);
		one_connection(self->listener);
	}
	run_until_closed();
}

/*
 * A budget of one per cent is less than a flood of connections takes. What was only
 * counted is told in band, and the table has forgotten nothing.
 */
TEST_F(governor, counts_past_the_budget)
{
	struct patience patience = patience_begin();
	uint64_t live, before = hadal_sys("tcp/governed");
	pid_t flood;

	ASSERT_EQ(0, file_write(BUDGET, "1"));
	recorder_begin(&self->recorder, NULL);
	live = hadal_sys("connections");
	flood = child_start(flood_connections, NULL);
	while (governed(&self->recorder, HADAL_CLASS_TCP) < 1000) {
		recorder_drain(&self->recorder);
		ASSERT_TRUE(patience_left(&patience));
	}
	end(flood);
	run_until_closed();
	ASSERT_EQ(0, file_write(BUDGET, "0"));
	mark(self);
	hadal_sys_wait("connections", live);
	EXPECT_LE(before + 1000, hadal_sys("tcp/governed"));
	recorder_end_lossy(&self->recorder);
	recorder_check_counts(&self->recorder);
	EXPECT_EQ(governed(&self->recorder, HADAL_CLASS_TCP) +
		  governed(&self->recorder, HADAL_CLASS_PROCESS), governed_as_told(&self->recorder));
}

/* Without a bound nothing is only counted, whatever the load. */
TEST_F(governor, zero_is_no_bound)
{
	struct patience patience = patience_begin();
	pid_t flood;
	uint64_t hits;

	ASSERT_EQ(0, file_write(BUDGET, "0"));
	recorder_begin(&self->recorder, NULL);
	hits = hadal_sys("hook_hits") + 5000;
	flood = child_start(flood_connections, NULL);
	while (hadal_sys("hook_hits") < hits) {
		recorder_drain(&self->recorder);
		ASSERT_TRUE(patience_left(&patience));
	}
	end(flood);
	recorder_end_lossy(&self->recorder);
	EXPECT_EQ(0, governed(&self->recorder, HADAL_CLASS_TCP));
	EXPECT_EQ(0, governed(&self->recorder, HADAL_CLASS_PROCESS));
}

TEST_F(governor, a_budget_is_a_number)
{
	EXPECT_EQ(-EINVAL, file_write(BUDGET, "much"));
	EXPECT_EQ(-EINVAL, file_write(BUDGET, "-1"));
}

HARNESS_MAIN
