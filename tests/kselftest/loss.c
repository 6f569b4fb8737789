// SPDX-License-Identifier: MIT
/* Rings that are far too small: every record is delivered or counted as lost. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "flows.h"
#include "harness.h"
#include "host.h"
#include "lives.h"
#include "load.h"
#include "load_process.h"
#include "load_tcp.h"
#include "netns.h"
#include "patience.h"
#include "recorder.h"

#define PORT		8400
#define PROCESSES	600
#define CONNECTIONS	300
#define PAGE		4096

FIXTURE(loss) {
	struct recorder recorder;
	uint32_t net_ns;
	int listener;
	struct process_done *processes;
	struct process_life *lives;
	struct hadal_class_stats before[HADAL_CLASS_SLOTS];	/* in /sys */
};

static const char *const class_names[] = {
	[HADAL_CLASS_CONTROL] = "control",
	[HADAL_CLASS_PROCESS] = "process",
	[HADAL_CLASS_TCP] = "tcp",
};

static uint64_t sys_count(unsigned int class, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/%s", class_names[class], what);
	return hadal_sys(name);
}

static void read_sys(struct hadal_class_stats *stats)
{
	unsigned int class;

	for (class = 0; class < sizeof(class_names) / sizeof(class_names[0]); class++) {
		if (!class_names[class])
			continue;
		stats[class].produced = sys_count(class, "produced");
		stats[class].delivered = sys_count(class, "delivered");
		stats[class].lost = sys_count(class, "lost");
		stats[class].bytes = sys_count(class, "bytes");
	}
}

FIXTURE_SETUP(loss)
{
	self->recorder.session.fd = -1;
	self->net_ns = netns_enter();
	self->listener = tcp_listen(TCP_V4, PORT, 64);
	self->processes = calloc(PROCESSES, sizeof(*self->processes));
	self->lives = calloc(PROCESSES, sizeof(*self->lives));
	ASSERT_TRUE(self->processes && self->lives);
	read_sys(self->before);
}

FIXTURE_TEARDOWN(loss)
{
	load_set_step(NULL, NULL);
	recorder_close(&self->recorder);
	free(self->processes);
	free(self->lives);
}

static void begin(struct recorder *recorder, uint32_t lifecycle, uint32_t flow)
{
	struct hadal_config config;

	session_defaults(&config);
	config.lifecycle_ring_size = lifecycle;
	config.flow_ring_size = flow;
	recorder_begin(recorder, &config);
}

static void run_connections(int listener, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct tcp_flow flow = { .family = TCP_V4, .up = 10, .down = 20 };

		tcp_run(&flow, listener);
	}
}

/* Until nothing but the listener is left: what is to come of the load has come. */
static void wait_closed(void)
{
	struct patience patience = patience_begin();

	while (netns_tcp_sockets() > 1)
		ASSERT_TRUE(patience_left(&patience));
}

static void flood_on(struct loss *self, unsigned int cpu)
{
	run_on_cpu(cpu);
	processes_run(self->processes, PROCESSES, PROCESS_EXITS);
	run_connections(self->listener, CONNECTIONS);
}

/* One record of each lane on each CPU: behind a gap it makes the ring tell its loss. */
static void mark(struct loss *self)
{
	struct process_done process = { .kind = PROCESS_EXITS };
	unsigned int cpu;

	for (cpu = 0; cpu < 2; cpu++) {
		run_on_cpu(cpu);
		process_run(&process);
		run_connections(self->listener, 1);
		recorder_drain(&self->recorder);
	}
	wait_closed();
}

/* ---- the sums ---- */

static void check_sums(const struct recorder *recorder, const struct hadal_stats *stats)
{
	unsigned int class;

	for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
		const struct hadal_class_stats *of = &stats->class_stats[class];

		EXPECT_EQ(of->produced, of->delivered + of->lost);
		EXPECT_EQ(of->delivered, recorder->seen[class]);
		EXPECT_EQ(of->bytes, recorder->bytes[class]);
		EXPECT_EQ(of->lost, recorder->lost[class]);
	}
}

static void check_cpus_add_up(const struct session *session, const struct hadal_stats *all)
{
	struct hadal_stats of, sum = { };
	unsigned int cpu, class;

	for (cpu = 0; cpu < session->query.possible_cpus; cpu++) {
		if (session_stats(session, cpu, &of))
			continue;
		for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
			sum.class_stats[class].produced += of.class_stats[class].produced;
			sum.class_stats[class].delivered += of.class_stats[class].delivered;
			sum.class_stats[class].lost += of.class_stats[class].lost;
			sum.class_stats[class].bytes += of.class_stats[class].bytes;
		}
	}
	EXPECT_EQ(0, memcmp(sum.class_stats, all->class_stats, sizeof(sum.class_stats)));
}

/* What /sys has added since the beginning is what this only session says. */
static void check_sys(const struct loss *self, const struct hadal_stats *stats)
{
	struct hadal_class_stats now[HADAL_CLASS_SLOTS] = { };
	unsigned int class;

	read_sys(now);
	for (class = 0; class < HADAL_CLASS_SLOTS; class++) {
		const struct hadal_class_stats *of = &stats->class_stats[class];

		EXPECT_EQ(of->produced, now[class].produced - self->before[class].produced);
		EXPECT_EQ(of->delivered, now[class].delivered - self->before[class].delivered);
		EXPECT_EQ(of->lost, now[class].lost - self->before[class].lost);
		EXPECT_EQ(of->bytes, now[class].bytes - self->before[class].bytes);
	}
}

static void check_nothing_untold(const struct recorder *recorder)
{
	unsigned int cpu, lane;

	for (cpu = 0; cpu < recorder->session.query.possible_cpus; cpu++) {
		for (lane = 0; lane < HADAL_LANES; lane++)
			EXPECT_EQ(0, recorder_lost_at_end(recorder, cpu, lane));
	}
}

static void check_all(struct loss *self, struct hadal_stats *stats)
{
	ASSERT_EQ(0, session_stats(&self->recorder.session, HADAL_CPU_ALL, stats));
	check_sums(&self->recorder, stats);
	check_cpus_add_up(&self->recorder.session, stats);
	check_nothing_untold(&self->recorder);
	check_sys(self, stats);
}

/* ---- tests ---- */

TEST_F(loss, rings_of_a_page)
{
	struct hadal_stats stats;

	begin(&self->recorder, PAGE, PAGE);
	flood_on(self, 0);
	flood_on(self, 1);
	wait_closed();
	recorder_drain(&self->recorder);
	mark(self);
	recorder_end_lossy(&self->recorder);
	check_all(self, &stats);
	EXPECT_LT(1000, stats.class_stats[HADAL_CLASS_PROCESS].lost);
	EXPECT_LT(1000, stats.class_stats[HADAL_CLASS_TCP].lost);
	EXPECT_LE(4 * PROCESSES, stats.class_stats[HADAL_CLASS_PROCESS].produced);
	EXPECT_LE(8 * CONNECTIONS, stats.class_stats[HADAL_CLASS_TCP].produced);
	recorder_close(&self->recorder);
	check_sys(self, &stats);	/* also when the session is gone */
}

/* The loss at the end shows in commit, before any record comes behind it. */
TEST_F(loss, at_the_end)
{
	struct hadal_stats stats;
	unsigned int cpu;
	uint64_t untold = 0;

	begin(&self->recorder, PAGE, PAGE);
	flood_on(self, 0);
	wait_closed();
	recorder_end_lossy(&self->recorder);
	ASSERT_EQ(0, session_stats(&self->recorder.session, HADAL_CPU_ALL, &stats));
	for (cpu = 0; cpu < self->recorder.session.query.possible_cpus; cpu++) {
		untold += recorder_lost_at_end(&self->recorder, cpu, HADAL_LANE_LIFECYCLE);
		untold += recorder_lost_at_end(&self->recorder, cpu, HADAL_LANE_FLOW);
	}
	EXPECT_LT(0, untold);
	EXPECT_EQ(stats.class_stats[HADAL_CLASS_CONTROL].lost +
		  stats.class_stats[HADAL_CLASS_PROCESS].lost +
		  stats.class_stats[HADAL_CLASS_TCP].lost,
		  untold + self->recorder.lost[HADAL_CLASS_CONTROL] +
		  self->recorder.lost[HADAL_CLASS_PROCESS] +
		  self->recorder.lost[HADAL_CLASS_TCP]);
}

static void flood_connections(void *unused)
{
	int listener = tcp_listen(TCP_V4, 0, 64);

	(void)unused;
	for (;;)
		run_connections(listener, 1);
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	MUST(waitpid(pid, NULL, 0));
}

static void check_every_process(struct loss *self, size_t count)
{
	size_t i;

	lives_gather(&self->recorder, self->processes, count, self->lives);
	for (i = 0; i < count; i++) {
		EXPECT_EQ(1, self->lives[i].forks);
		EXPECT_EQ(1, self->lives[i].exits);
	}
}

/* Connections come in floods, and no process is lost by that. */
TEST_F(loss, lifecycle_lane_is_safe)
{
	const unsigned int count = harness_rounds(PROCESSES);
	struct hadal_stats stats;
	pid_t pid;

	begin(&self->recorder, 1U << 20, PAGE);
	pid = child_start(flood_connections, NULL);
	processes_run(self->processes, count, PROCESS_EXITS);
	while (!session_stats(&self->recorder.session, HADAL_CPU_ALL, &stats) &&
	       stats.class_stats[HADAL_CLASS_TCP].lost < 500)
		usleep(1000);
	stop(pid);
	recorder_end_lossy(&self->recorder);
	ASSERT_EQ(0, session_stats(&self->recorder.session, HADAL_CPU_ALL, &stats));
	EXPECT_EQ(0, stats.class_stats[HADAL_CLASS_PROCESS].lost);
	EXPECT_LE(500, stats.class_stats[HADAL_CLASS_TCP].lost);
	check_every_process(self, count);
}

static uint64_t lost_so_far(const struct recorder *recorder)
{
	struct hadal_stats stats;
	uint64_t lost = 0;
	unsigned int class;

	ASSERT_EQ(0, session_stats(&recorder->session, HADAL_CPU_ALL, &stats));
	for (class = 0; class < HADAL_CLASS_SLOTS; class++)
		lost += stats.class_stats[class].lost;
	return lost;
}

static void wait_lost_more(const struct recorder *recorder)
{
	struct patience patience = patience_begin();
	uint64_t before = lost_so_far(recorder);

	while (lost_so_far(recorder) == before)
		ASSERT_TRUE(patience_left(&patience));
}

/* Reads while it is lost: many gaps, each with its LOST, all adding up. */
TEST_F(loss, gaps_while_reading)
{
	const uint16_t lost = HADAL_RECORD_LOST;
	struct hadal_stats stats;
	pid_t floods[2];
	size_t gaps, i;

	begin(&self->recorder, PAGE, PAGE);
	for (i = 0; i < 2; i++)
		floods[i] = child_start(flood_connections, NULL);
	do {
		wait_lost_more(&self->recorder);
		recorder_drain(&self->recorder);
		for (i = gaps = 0; i < self->recorder.count; i++)
			gaps += self->recorder.records[i]->type == lost;
	} while (gaps < 50);
	for (i = 0; i < 2; i++)
		stop(floods[i]);
	wait_closed();
	recorder_drain(&self->recorder);
	mark(self);
	recorder_end_lossy(&self->recorder);
	check_all(self, &stats);
}

/* What one reader loses, another has. */
TEST_F(loss, is_the_sessions_own)
{
	struct recorder wide;
	struct hadal_stats stats;

	begin(&self->recorder, PAGE, PAGE);
	begin(&wide, 1U << 20, 1U << 20);
	flood_on(self, 0);
	wait_closed();
	recorder_end_lossy(&self->recorder);
	ASSERT_EQ(0, session_stats(&self->recorder.session, HADAL_CPU_ALL, &stats));
	EXPECT_LT(0, stats.class_stats[HADAL_CLASS_PROCESS].lost);
	recorder_end(&wide);
	EXPECT_EQ(CONNECTIONS, flow_count(&wide, self->net_ns, HADAL_RECORD_TCP_ESTABLISHED));
	EXPECT_EQ(2 * CONNECTIONS, flow_count(&wide, self->net_ns, HADAL_RECORD_TCP_CLOSED));
	recorder_close(&wide);
}

/* A record that a ring of a page cannot take with all else in it is lost, not cut. */
TEST_F(loss, long_records)
{
	struct hadal_config config;
	struct hadal_stats stats;

	session_defaults(&config);
	config.lifecycle_ring_size = PAGE;
	config.argv_max = PAGE / 4;
	recorder_begin(&self->recorder, &config);
	processes_run(self->processes, 100, PROCESS_EXECS);
	recorder_drain(&self->recorder);
	mark(self);
	recorder_end_lossy(&self->recorder);
	check_all(self, &stats);
	EXPECT_LT(0, stats.class_stats[HADAL_CLASS_PROCESS].lost);
}

HARNESS_MAIN
