// SPDX-License-Identifier: MIT
/*
 * A reader that writes garbage wherever it can while a flood runs. The kernel
 * stays healthy, and another session reads clean and exact data.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
#include "recorder.h"

#define PORT		8600
#define PROCESSES	500
#define FLOWS		200
#define LONG_TEST	900	/* s */

FIXTURE(hostile) {
	struct recorder clean;
	uint32_t net_ns;
	int listener;
	struct channel channel;
	uint64_t sessions;
	uint64_t ring_memory;
};

static void drain(void *recorder)
{
	recorder_drain(recorder);
}

FIXTURE_SETUP(hostile)
{
	self->clean.session.fd = -1;
	self->sessions = hadal_sys("sessions");
	self->ring_memory = hadal_sys("ring_memory");
	self->net_ns = netns_enter();
	self->listener = tcp_listen(TCP_V4, PORT, 64);
	channel_open(&self->channel);
	recorder_begin(&self->clean, NULL);
	load_set_step(drain, &self->clean);
}

FIXTURE_TEARDOWN(hostile)
{
	load_set_step(NULL, NULL);
	recorder_close(&self->clean);
	channel_close(&self->channel);
	hadal_sys_wait("sessions", self->sessions);
	hadal_sys_wait("ring_memory", self->ring_memory);
}

static uint32_t random_word(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

/* ---- what it does to its own rings ---- */

/* Every way to write to what is mapped read-only; none may work. */
static void try_to_get_write(const struct session *session, const struct ring *ring)
{
	size_t length = ring_part_length(session, ring->lane, HADAL_RING_DATA), at;
	unsigned char *start = (void *)ring->producer;

	ASSERT_EQ(MAP_FAILED, ring_map_part(session, ring->cpu, ring->lane, HADAL_RING_DATA,
					    PROT_READ | PROT_WRITE));
	for (at = 0; at < length; at += session->query.page_size)
		ASSERT_EQ(-1, mprotect(start + at, session->query.page_size,
				       PROT_READ | PROT_WRITE));
}

static void scribble(const struct session *session, const struct ring *ring, uint64_t *seed)
{
	uint32_t *words = (void *)ring->consumer;
	size_t i;

	for (i = 0; i < session->query.page_size / sizeof(*words); i++)
		words[i] = random_word(seed);
}

/* Where a position hurts most: just before, just behind and far from the right one. */
static uint32_t nasty_position(const struct ring *ring, uint64_t *seed)
{
	uint32_t commit = HADAL_COMMIT_POSITION(ring_commit(ring));

	switch (random_word(seed) % 6) {
	case 0:
		return commit;
	case 1:
		return commit + 1 + random_word(seed) % 64;
	case 2:
		return commit - random_word(seed) % ring->data_size;
	case 3:
		return commit - ring->data_size - random_word(seed) % 64;
	case 4:
		return commit + ring->data_size;
	default:
		return random_word(seed);
	}
}

static void move_position(const struct ring *ring, uint64_t *seed)
{
	__atomic_store_n(&ring->consumer->position, nasty_position(ring, seed), __ATOMIC_RELAXED);
}

/* Reads at random too: nothing in the mapping may fault. */
static uint32_t read_something(const struct session *session, const struct ring *ring,
			       uint64_t *seed)
{
	size_t length = ring_part_length(session, ring->lane, HADAL_RING_DATA);
	const volatile uint32_t *words = (void *)ring->producer;

	return words[random_word(seed) % (length / sizeof(*words))];
}

static void rage(struct session *session, uint64_t seed)
{
	size_t i, rings = session->query.possible_cpus * HADAL_LANES;
	uint32_t sum = 0;
	unsigned int round;

	for (round = 0;; round++) {
		for (i = 0; i < rings; i++) {
			const struct ring *ring = &session->rings[i];

			if (!ring->consumer)
				continue;
			if (round % 64 == 0)
				scribble(session, ring, &seed);
			move_position(ring, &seed);
			sum += read_something(session, ring, &seed);
		}
		if (round % 256 == 0) {
			struct hadal_dump dump = { .what = HADAL_DUMP_CONNECTIONS };
			struct hadal_stats stats;

			session_dump(session, &dump);
			session_stats(session, HADAL_CPU_ALL, &stats);
			sum += dump.state;
		}
		if (sum == 0xdeadbeef)	/* so that it is used */
			sched_yield();
	}
}

static void be_hostile(void *argument)
{
	const struct hostile *self = argument;
	struct session session;
	struct hadal_config config;
	size_t i;

	load_set_step(NULL, NULL);
	session_defaults(&config);
	config.lifecycle_ring_size = 4096;
	config.flow_ring_size = 4096;
	config.argv_max = 1024;
	ASSERT_EQ(0, session_open(&session));
	ASSERT_EQ(0, session_configure(&session, &config));
	ASSERT_EQ(0, session_map(&session));
	ASSERT_EQ(0, session_start(&session));
	for (i = 0; i < session.query.possible_cpus * HADAL_LANES; i++) {
		if (session.rings[i].consumer)
			try_to_get_write(&session, &session.rings[i]);
	}
	signal_send(self->channel.child);
	rage(&session, (uint64_t)getpid());
}

/* ---- what the others see ---- */

static void check_processes(struct hostile *self, const struct process_done *processes, size_t count)
{
	struct process_life *lives = calloc(count, sizeof(*lives));
	size_t i;

	ASSERT_TRUE(lives != NULL);
	lives_gather(&self->clean, processes, count, lives);
	for (i = 0; i < count; i++) {
		EXPECT_EQ(1, lives[i].forks);
		EXPECT_EQ(1, lives[i].execs);
		EXPECT_EQ(1, lives[i].exits);
	}
	free(lives);
}

static void check_flows(struct hostile *self, const struct tcp_flow *flows, size_t count)
{
	size_t i;

	EXPECT_EQ(count, flow_count(&self->clean, self->net_ns, HADAL_RECORD_TCP_ESTABLISHED));
	EXPECT_EQ(2 * count, flow_count(&self->clean, self->net_ns, HADAL_RECORD_TCP_CLOSED));
	for (i = 0; i < count; i++) {
		struct flow_records records = flow_gather(&self->clean, self->net_ns,
							  flows[i].client_port, PORT);

		flow_check_life(&records, &flows[i], self->net_ns);
		flow_check_payload(&records, &flows[i]);
	}
}

static void run_flood(struct hostile *self)
{
	const unsigned int lives = harness_share(PROCESSES), connections = harness_share(FLOWS);
	struct process_done *processes = calloc(lives, sizeof(*processes));
	struct tcp_flow *flows = calloc(connections, sizeof(*flows));
	size_t i;

	ASSERT_TRUE(processes && flows);
	tcp_plan(flows, connections, TCP_ENDINGS);
	tcp_plan_ports(flows, connections);
	for (i = 0; i < connections; i++) {
		flows[i].family = TCP_V4;
		tcp_run(&flows[i], self->listener);
	}
	processes_run(processes, lives, PROCESS_EXECS);
	flow_wait_closed(&self->clean, self->net_ns, 2 * connections);
	recorder_end(&self->clean);
	check_processes(self, processes, lives);
	check_flows(self, flows, connections);
	free(processes);
	free(flows);
}

TEST_F_TIMEOUT(hostile, one_reader, LONG_TEST)
{
	pid_t pid = child_start(be_hostile, self);

	signal_receive(self->channel.parent);
	run_flood(self);
	ASSERT_EQ(0, waitpid(pid, NULL, WNOHANG));	/* it is still at it */
	kill(pid, SIGKILL);
	MUST(waitpid(pid, NULL, 0));
}

TEST_F_TIMEOUT(hostile, three_readers_killed_meanwhile, LONG_TEST)
{
	struct process_done process = { .kind = PROCESS_EXECS };
	pid_t pids[3];
	unsigned int round;
	int i, j;

	for (round = 0; round < harness_rounds(5); round++) {
		for (i = 0; i < 3; i++) {
			pids[i] = child_start(be_hostile, self);
			signal_receive(self->channel.parent);
		}
		for (i = 0; i < 3; i++) {
			for (j = 0; j < 20; j++)
				process_run(&process);
			recorder_drain(&self->clean);
			kill(pids[i], SIGKILL);
			MUST(waitpid(pids[i], NULL, 0));
		}
	}
	run_flood(self);
}

/* A liar is served by its own lies only, and its counts stay true. */
TEST_F(hostile, counts_stay_true)
{
	struct process_done process = { .kind = PROCESS_EXITS };
	struct hadal_config config;
	struct hadal_stats stats;
	struct session session;
	uint64_t seed = 3;
	unsigned int class;
	size_t i, round;

	session_defaults(&config);
	config.lifecycle_ring_size = 4096;
	config.flow_ring_size = 4096;
	ASSERT_EQ(0, session_open(&session));
	ASSERT_EQ(0, session_configure(&session, &config));
	ASSERT_EQ(0, session_map(&session));
	ASSERT_EQ(0, session_start(&session));
	for (round = 0; round < 300; round++) {
		process_run(&process);
		for (i = 0; i < session.query.possible_cpus * HADAL_LANES; i++) {
			if (session.rings[i].consumer)
				move_position(&session.rings[i], &seed);
		}
		recorder_drain(&self->clean);
	}
	ASSERT_EQ(0, session_stop(&session));
	ASSERT_EQ(0, session_stats(&session, HADAL_CPU_ALL, &stats));
	for (class = 0; class < HADAL_CLASS_SLOTS; class++)
		EXPECT_EQ(stats.class_stats[class].produced,
			  stats.class_stats[class].delivered + stats.class_stats[class].lost);
	EXPECT_LE(600, stats.class_stats[HADAL_CLASS_PROCESS].produced);
	session_close(&session);
	recorder_end(&self->clean);
}

HARNESS_MAIN
