// SPDX-License-Identifier: MIT
/* What hooks cost is told, and past the budget records are only counted. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "children.h"
#include "datagrams.h"
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
	uint64_t live;		/* connections in the table before the flood */
	bool is_judged;		/* by the governor */
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

static volatile sig_atomic_t is_over;

static void note_end(int signal)
{
	(void)signal;
	is_over = 1;
}

/*
 * Floods end when a turn does: a connection that dies before it is accepted would
 * keep its entry for minutes.
 */
static void end_when_told(void)
{
	MUST(sigaction(SIGTERM, &(struct sigaction){ .sa_handler = note_end, .sa_flags = SA_RESTART }, NULL));
}

/* The least work of the kernel's for a record of ours. */
static void listen_and_stop(int socket)
{
	MUST(listen(socket, 1));
	MUST(shutdown(socket, SHUT_RD));
}

/*
 * Connections to a listener that ends with it, and between them what makes hooks
 * take more than a hundredth of the time on a kernel that checks each access too.
 */
static void flood_sockets(void *unused)
{
	int listener = tcp_listen(TCP_V4, 0, 64), other = tcp_socket(TCP_V4), i;

	(void)unused;
	end_when_told();
	tcp_bind(other, TCP_V4, 0);
	while (!is_over) {
		one_connection(listener);
		for (i = 0; i < 20; i++)
			listen_and_stop(other);
	}
}

static void end(pid_t flood)
{
	EXPECT_EQ(0, waitpid(flood, NULL, WNOHANG));
	kill(flood, SIGTERM);
	child_finish(flood);
}

/* Behind a gap one record of each lane makes the ring tell its loss, if it has room. */
static void mark(struct governor *self)
{
	struct process_done process = { .kind = PROCESS_EXITS };
	unsigned int cpu;

	recorder_drain(&self->recorder);
	for (cpu = 0; cpu < 2; cpu++) {
		run_on_cpu(cpu);
		process_run(&process);
		one_connection(self->listener);
	}
	run_until_closed();
}

/* Answers of DNS to oneself. */
static void flood_answers(void *unused)
{
	struct end client = end_open(AF_INET), server = end_open_at(AF_INET, HADAL_DNS_PORT);
	char bytes[64] = { 0, 0, (char)0x80 };

	(void)unused;
	end_when_told();
	while (!is_over) {
		MUST(sendto(server.fd, bytes, sizeof(bytes), 0, &client.address.any, client.length));
		MUST(recv(client.fd, bytes, sizeof(bytes), 0));
	}
}

#define JUDGED_HITS	(2 * 10 * 8 * 61)	/* a second: twice what a window is judged by, ten windows */

struct hits {
	uint64_t count;
	uint64_t time;		/* ns */
};

static struct hits hits_now(void)
{
	return (struct hits) { hadal_sys("hook_hits"), nanoseconds() };
}

/* Of so few hits as a guest has time for that is slow itself, or checks each access, nothing is said. */
static bool hits_are_judged_since(struct hits before)
{
	struct hits now = hits_now();

	return (now.count - before.count) * 1000000000 >= JUDGED_HITS * (now.time - before.time);
}

static bool are_too_few(void)
{
	struct hits before = hits_now();

	sleep(1);
	return !hits_are_judged_since(before);
}

/* Where a flood may well be too slow that is asked first, elsewhere when nothing has come of it. */
static void wait_for_governed(struct governor *self, unsigned int class)
{
	struct patience patience = patience_begin();
	struct hits before = hits_now();
	bool too_few = harness_slowness() > 1 && are_too_few();

	while (!too_few && governed(&self->recorder, class) < 1000) {
		recorder_drain(&self->recorder);
		if (patience_left(&patience))
			continue;
		ASSERT_TRUE(!hits_are_judged_since(before));
		too_few = true;
	}
	if (too_few)
		harness_note("too few hits to be judged");
	self->is_judged = !too_few;
}

static void record_past_the_budget(struct governor *self, unsigned int class, void (*flood)(void *unused))
{
	struct hadal_config config;
	pid_t pid;

	session_defaults(&config);
	config.classes |= HADAL_CLASS_BIT(class);
	ASSERT_EQ(0, file_write(BUDGET, "1"));
	recorder_begin(&self->recorder, &config);
	self->live = hadal_sys("connections");
	pid = child_start(flood, NULL);
	wait_for_governed(self, class);
	end(pid);
	run_until_closed();
	ASSERT_EQ(0, file_write(BUDGET, "0"));
	mark(self);
}

/* What was only counted is told in band, and in /sys. */
static void check_governed(struct governor *self, unsigned int class, uint64_t before, const char *file)
{
	uint64_t sum = 0;
	unsigned int i;

	if (self->is_judged) {
		EXPECT_LE(before + 1000, hadal_sys(file));
		EXPECT_LE(1000, governed(&self->recorder, class));
	}
	recorder_end_lossy(&self->recorder);
	recorder_check_counts(&self->recorder);
	for (i = 0; i < HADAL_CLASS_SLOTS; i++)
		sum += governed(&self->recorder, i);
	EXPECT_EQ(sum, governed_as_told(&self->recorder));
}

/* A budget of one per cent is less than a flood of sockets takes. The table has forgotten nothing. */
TEST_F(governor, counts_past_the_budget)
{
	uint64_t before = hadal_sys("tcp/governed");

	record_past_the_budget(self, HADAL_CLASS_TCP, flood_sockets);
	hadal_sys_wait("connections", self->live);
	check_governed(self, HADAL_CLASS_TCP, before, "tcp/governed");
}

TEST_F(governor, counts_answers_past_the_budget)
{
	uint64_t before = hadal_sys("dns/governed");

	record_past_the_budget(self, HADAL_CLASS_DNS, flood_answers);
	check_governed(self, HADAL_CLASS_DNS, before, "dns/governed");
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
	flood = child_start(flood_sockets, NULL);
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
