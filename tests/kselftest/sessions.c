// SPDX-License-Identifier: MIT
/* Sessions: several at once, their lives, and what is left when they end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "children.h"
#include "flows.h"
#include "harness.h"
#include "host.h"
#include "lives.h"
#include "load_process.h"
#include "load_tcp.h"
#include "modules.h"
#include "netns.h"
#include "patience.h"
#include "recorder.h"

#define LOAD	100	/* processes */

FIXTURE(sessions) {
	struct recorder recorder;
	uint64_t sessions;	/* what /sys said before */
	uint64_t ring_memory;
	long references;
	struct process_done processes[LOAD];
	struct process_life lives[LOAD];
};

FIXTURE_SETUP(sessions)
{
	self->recorder.session.fd = -1;
	self->sessions = hadal_sys("sessions");
	self->ring_memory = hadal_sys("ring_memory");
	self->references = module_references("hadal");
}

/* Everything is given back, however the session has ended. */
FIXTURE_TEARDOWN(sessions)
{
	recorder_close(&self->recorder);
	hadal_sys_wait("sessions", self->sessions);
	hadal_sys_wait("ring_memory", self->ring_memory);
	EXPECT_EQ(self->references, module_references("hadal"));
}

static void check_load(struct sessions *self, const struct recorder *recorder, unsigned int each)
{
	size_t i;

	lives_gather(recorder, self->processes, LOAD, self->lives);
	for (i = 0; i < LOAD; i++) {
		EXPECT_EQ(each, self->lives[i].forks);
		EXPECT_EQ(each, self->lives[i].exits);
	}
}

static void run_load(struct sessions *self)
{
	processes_run(self->processes, LOAD, PROCESS_EXITS);
}

/* ---- several ---- */

#define SEVERAL	5

TEST_F(sessions, several_at_once)
{
	struct recorder several[SEVERAL];
	struct tcp_flow flow = { .family = TCP_V6, .up = 1000, .down = 2000 };
	uint32_t net_ns = netns_enter();
	uint64_t id = 0;
	int i;

	for (i = 0; i < SEVERAL; i++)
		recorder_begin(&several[i], NULL);
	EXPECT_EQ(self->sessions + SEVERAL, hadal_sys("sessions"));
	run_load(self);
	tcp_run(&flow, tcp_listen(TCP_V6, 8500, 4));
	for (i = 0; i < SEVERAL; i++) {
		struct flow_records records;

		flow_wait_closed(&several[i], net_ns, 2);
		recorder_end(&several[i]);
		check_load(self, &several[i], 1);
		records = flow_gather(&several[i], net_ns, flow.client_port, flow.server_port);
		flow_check_life(&records, &flow, net_ns);
		flow_check_payload(&records, &flow);
		ASSERT_TRUE(records.established != NULL);
		if (id)
			EXPECT_EQ(id, records.established->tcp.id);
		id = records.established->tcp.id;
		recorder_close(&several[i]);
	}
}

#define MANY	64

TEST_F(sessions, many)
{
	struct hadal_config config;
	struct recorder *many = calloc(MANY, sizeof(*many));
	int i;

	session_defaults(&config);
	config.lifecycle_ring_size = 1U << 17;
	config.flow_ring_size = 4096;
	ASSERT_TRUE(many != NULL);
	for (i = 0; i < MANY; i++)
		recorder_begin(&many[i], &config);
	run_load(self);
	for (i = 0; i < MANY; i++) {
		recorder_end(&many[i]);
		check_load(self, &many[i], 1);
		recorder_close(&many[i]);
	}
	free(many);
}

TEST_F(sessions, classes_are_chosen)
{
	struct tcp_flow flow = { .family = TCP_V4 };
	uint32_t net_ns = netns_enter();
	struct recorder tcp_only;
	struct hadal_config config;

	session_defaults(&config);
	config.classes = HADAL_CLASS_BIT(HADAL_CLASS_PROCESS);
	recorder_begin(&self->recorder, &config);
	config.classes = HADAL_CLASS_BIT(HADAL_CLASS_TCP);
	recorder_begin(&tcp_only, &config);
	run_load(self);
	tcp_run(&flow, tcp_listen(TCP_V4, 8500, 4));
	flow_wait_closed(&tcp_only, net_ns, 2);
	recorder_end(&tcp_only);
	recorder_end(&self->recorder);
	check_load(self, &self->recorder, 1);
	EXPECT_EQ(0, self->recorder.seen[HADAL_CLASS_TCP]);
	EXPECT_EQ(0, tcp_only.seen[HADAL_CLASS_PROCESS]);
	EXPECT_EQ(1, flow_count(&tcp_only, net_ns, HADAL_RECORD_TCP_ESTABLISHED));
	recorder_close(&tcp_only);
}

/* ---- whose it is ---- */

/* Makes a recorder of a session that another process has configured with the defaults. */
static void adopt(struct recorder *recorder, int fd)
{
	memset(recorder, 0, sizeof(*recorder));
	recorder->session.fd = fd;
	ASSERT_EQ(0, session_query(&recorder->session));
	session_defaults(&recorder->session.config);
	ASSERT_EQ(0, session_map(&recorder->session));
	recorder->histories = calloc(recorder->session.query.possible_cpus * HADAL_LANES,
				     sizeof(*recorder->histories));
}

static void go_on_with_it(void *fd)
{
	struct sessions mine;

	adopt(&mine.recorder, *(int *)fd);
	run_load(&mine);
	recorder_end(&mine.recorder);
	check_load(&mine, &mine.recorder, 1);
	recorder_close(&mine.recorder);
}

/* The opener closes; its child reads on. */
TEST_F(sessions, forked_child)
{
	int fd;
	pid_t pid;

	recorder_begin(&self->recorder, NULL);
	fd = self->recorder.session.fd;
	pid = child_start(go_on_with_it, &fd);
	recorder_close(&self->recorder);
	child_finish(pid);
}

static void receive_and_go_on(void *channel)
{
	int fd = descriptor_receive(*(int *)channel);

	MUST(ioctl(fd, HADAL_IOC_START));
	go_on_with_it(&fd);
}

/* One that was passed a configured session starts and reads it. */
TEST_F(sessions, passed_descriptor)
{
	struct channel channel;
	pid_t pid;

	channel_open(&channel);
	pid = child_start(receive_and_go_on, &channel.child);
	recorder_prepare(&self->recorder, NULL);
	descriptor_send(channel.parent, self->recorder.session.fd);
	recorder_close(&self->recorder);
	child_finish(pid);
	channel_close(&channel);
}

/* ---- ends ---- */

static void open_and_hang(void *channel)
{
	struct recorder recorder;

	recorder_begin(&recorder, NULL);
	recorder_dump(&recorder, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS);
	signal_send(*(int *)channel);
	for (;;)
		pause();
}

TEST_F(sessions, killed_reader)
{
	struct channel channel;
	unsigned int round;
	int status;
	pid_t pid;

	channel_open(&channel);
	for (round = 0; round < harness_rounds(20); round++) {
		pid = child_start(open_and_hang, &channel.child);
		signal_receive(channel.parent);
		EXPECT_EQ(self->sessions + 1, hadal_sys("sessions"));
		EXPECT_LT(self->ring_memory, hadal_sys("ring_memory"));
		EXPECT_LT(self->references, module_references("hadal"));
		kill(pid, SIGKILL);
		MUST(waitpid(pid, &status, 0));
		ASSERT_EQ(SIGKILL, status);
		hadal_sys_wait("sessions", self->sessions);
		hadal_sys_wait("ring_memory", self->ring_memory);
		hadal_sys_wait("connections", 0);
	}
	channel_close(&channel);
}

/* A mapping keeps its session, and its memory stays good. */
TEST_F(sessions, closed_while_mapped)
{
	recorder_begin(&self->recorder, NULL);
	close(self->recorder.session.fd);
	run_load(self);
	recorder_drain(&self->recorder);
	check_load(self, &self->recorder, 1);
	ASSERT_STREQ("", self->recorder.fault);
	EXPECT_EQ(self->sessions + 1, hadal_sys("sessions"));
	self->recorder.session.fd = -1;
}

static void leave_without_closing(void *unused)
{
	struct recorder recorder;

	(void)unused;
	recorder_begin(&recorder, NULL);
}

TEST_F(sessions, left_without_closing)
{
	child_finish(child_start(leave_without_closing, NULL));
}

TEST_F(sessions, ring_memory_is_told)
{
	const struct session *session = &self->recorder.session;
	uint64_t least;

	recorder_prepare(&self->recorder, NULL);
	least = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) *
		(session->config.lifecycle_ring_size + session->config.flow_ring_size);
	EXPECT_LE(self->ring_memory + least, hadal_sys("ring_memory"));
	EXPECT_GE(hadal_sys("ring_memory_max"), hadal_sys("ring_memory"));
}

/* ---- start and stop ---- */

static bool is_clock_sync(const struct hadal_record *record, const void *unused)
{
	(void)unused;
	return record->type == HADAL_RECORD_CLOCK_SYNC;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	MUST(clock_gettime(clock, &now));
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

TEST_F(sessions, clock_sync)
{
	const struct hadal_record_clock_sync *sync;
	uint64_t monotonic, boottime, realtime;
	size_t cursor = 0;

	recorder_prepare(&self->recorder, NULL);
	monotonic = clock_ns(CLOCK_MONOTONIC);
	boottime = clock_ns(CLOCK_BOOTTIME);
	realtime = clock_ns(CLOCK_REALTIME);
	recorder_start(&self->recorder);
	recorder_drain(&self->recorder);
	ASSERT_EQ(1, recorder_count(&self->recorder, is_clock_sync, NULL));
	sync = (const void *)recorder_find(&self->recorder, &cursor, is_clock_sync, NULL);
	EXPECT_LE(monotonic, sync->monotonic);
	EXPECT_LE(boottime, sync->boottime);
	EXPECT_LE(realtime, sync->realtime);
	EXPECT_GE(clock_ns(CLOCK_MONOTONIC), sync->monotonic);
	EXPECT_GE(clock_ns(CLOCK_BOOTTIME), sync->boottime);
	EXPECT_GE(clock_ns(CLOCK_REALTIME), sync->realtime);
}

TEST_F(sessions, stop_and_start_again)
{
	recorder_begin(&self->recorder, NULL);
	run_load(self);
	recorder_end(&self->recorder);
	check_load(self, &self->recorder, 1);
	run_load(self);
	recorder_drain(&self->recorder);
	check_load(self, &self->recorder, 0);
	recorder_start(&self->recorder);
	run_load(self);
	recorder_end(&self->recorder);
	check_load(self, &self->recorder, 1);
	EXPECT_EQ(2, recorder_count(&self->recorder, is_clock_sync, NULL));
}

/* What began while nobody looked is found again, and what closed is gone. */
TEST_F(sessions, connections_of_the_pause)
{
	struct tcp_flow before = { .family = TCP_V4 }, during = { .family = TCP_V4 };
	uint32_t net_ns = netns_enter();
	int listener = tcp_listen(TCP_V4, 8500, 16);
	struct flow_records records;

	recorder_begin(&self->recorder, NULL);
	tcp_open(&before, listener);
	recorder_end(&self->recorder);
	tcp_end(&before);
	tcp_open(&during, listener);
	recorder_start(&self->recorder);
	recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS);
	records = flow_gather(&self->recorder, net_ns, before.client_port, 8500);
	EXPECT_EQ(0, records.client_snapshot_count);
	EXPECT_EQ(0, records.client_closed_count);
	records = flow_gather(&self->recorder, net_ns, during.client_port, 8500);
	ASSERT_TRUE(records.client_snapshot && records.server_snapshot);
	EXPECT_TRUE(records.client_snapshot->tcp.flags & HADAL_TCP_DUMPED);
	tcp_end(&during);
	flow_wait_closed(&self->recorder, net_ns, 2);
	close(listener);
}

TEST_F(sessions, started_twice)
{
	recorder_begin(&self->recorder, NULL);
	EXPECT_EQ(-EALREADY, session_start(&self->recorder.session));
	EXPECT_EQ(0, session_stop(&self->recorder.session));
	EXPECT_EQ(-EALREADY, session_stop(&self->recorder.session));
	EXPECT_EQ(0, session_start(&self->recorder.session));
}

#define TURNS	25

/* Stopped and started without end while records are made. */
TEST_F(sessions, started_over_and_over)
{
	struct hadal_stats stats;
	unsigned int turns = harness_rounds(TURNS), i;

	recorder_begin(&self->recorder, NULL);
	for (i = 0; i < turns; i++) {
		process_run(&self->processes[0]);
		ASSERT_EQ(0, session_stop(&self->recorder.session));
		ASSERT_EQ(0, session_start(&self->recorder.session));
		recorder_drain(&self->recorder);
	}
	recorder_end(&self->recorder);
	EXPECT_EQ(turns + 1, recorder_count(&self->recorder, is_clock_sync, NULL));
	ASSERT_EQ(0, session_stats(&self->recorder.session, HADAL_CPU_ALL, &stats));
	EXPECT_EQ(stats.class_stats[HADAL_CLASS_PROCESS].delivered,
		  self->recorder.seen[HADAL_CLASS_PROCESS]);
}

/* ---- poll ---- */

#define SMALLEST_RING	4096	/* bytes */

static int poll_events(const struct recorder *recorder, int timeout)
{
	struct pollfd fd = { .fd = recorder->session.fd, .events = POLLIN };

	MUST(poll(&fd, 1, timeout));
	return fd.revents;
}

static void make_processes(void *unused)
{
	struct process_done process = { .kind = PROCESS_EXITS };
	int i;

	(void)unused;
	for (i = 0; i < 400; i++)
		process_run(&process);
}

TEST_F(sessions, poll_at_watermark)
{
	struct hadal_config config;
	pid_t pid;

	session_defaults(&config);
	config.watermark = 65536;
	recorder_begin(&self->recorder, &config);
	EXPECT_EQ(0, poll_events(&self->recorder, 0));
	run_on_cpu(0);
	pid = child_start(make_processes, NULL);
	EXPECT_EQ(POLLIN, poll_events(&self->recorder, 60000));
	child_finish(pid);
	EXPECT_EQ(POLLIN, poll_events(&self->recorder, 0));
	recorder_drain(&self->recorder);
	EXPECT_EQ(0, poll_events(&self->recorder, 0));
	pid = child_start(make_processes, NULL);	/* it wakes more than once */
	EXPECT_EQ(POLLIN, poll_events(&self->recorder, 60000));
	child_finish(pid);
}

/* A ring that is full is less than its size where the next record does not fit. */
TEST_F(sessions, poll_below_the_watermark)
{
	struct hadal_config config;
	pid_t pid;

	session_defaults(&config);
	config.lifecycle_ring_size = config.flow_ring_size = SMALLEST_RING;
	config.watermark = SMALLEST_RING;
	recorder_begin(&self->recorder, &config);
	pid = child_start(make_processes, NULL);
	child_finish(pid);
	EXPECT_EQ(POLLIN, poll_events(&self->recorder, 0));
	recorder_drain(&self->recorder);
	EXPECT_EQ(0, poll_events(&self->recorder, 0));
	pid = child_start(make_processes, NULL);
	EXPECT_EQ(POLLIN, poll_events(&self->recorder, 60000));
	child_finish(pid);
	recorder_end_lossy(&self->recorder);
	EXPECT_LT(0, self->recorder.lost[HADAL_CLASS_PROCESS]);
}

TEST_F(sessions, poll_before_configure)
{
	ASSERT_EQ(0, session_open(&self->recorder.session));
	EXPECT_EQ(POLLERR, poll_events(&self->recorder, 0));
}

/* ---- a reader that is stopped ---- */

#define STOPPED_RING	16384	/* bytes */
#define STOPPED_LOST	2000	/* records: some twenty times what its ring of a CPU holds */

static void read_until_told(void *channel)
{
	struct hadal_config config;
	struct recorder recorder;

	session_defaults(&config);
	config.lifecycle_ring_size = STOPPED_RING;
	recorder_begin(&recorder, &config);
	signal_send(*(int *)channel);
	while (recv(*(int *)channel, NULL, 0, MSG_DONTWAIT) < 0) {
		poll_events(&recorder, 20);
		recorder_drain(&recorder);
	}
	recorder_end_lossy(&recorder);
	recorder_check_all_read(&recorder);
	EXPECT_LE(STOPPED_LOST, recorder.lost[HADAL_CLASS_PROCESS]);
	recorder_close(&recorder);
}

static void stop(pid_t pid)
{
	int status;

	kill(pid, SIGSTOP);
	MUST(waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
}

/* Returns how many records of it were lost, to whoever. */
static uint64_t load_and_read(struct sessions *self)
{
	uint64_t before = hadal_sys("process/lost");

	run_load(self);
	recorder_drain(&self->recorder);
	check_load(self, &self->recorder, 1);
	recorder_forget(&self->recorder);
	return hadal_sys("process/lost") - before;
}

/*
 * Stopped for minutes, as by a debugger or a freezer: nothing in the module counts
 * them, so that what comes meanwhile stands for them, many times what the rings
 * hold. Its own records are lost, counted and told; it costs no memory, another
 * reader has all; and when it goes on it has room again.
 */
TEST_F(sessions, stopped_reader)
{
	struct patience patience = patience_begin();
	struct channel channel;
	uint64_t lost = 0, memory;
	pid_t pid;

	channel_open(&channel);
	recorder_begin(&self->recorder, NULL);
	pid = child_start(read_until_told, &channel.child);
	signal_receive(channel.parent);
	load_and_read(self);
	stop(pid);
	memory = hadal_sys("ring_memory");
	while (lost < STOPPED_LOST) {
		lost += load_and_read(self);
		ASSERT_TRUE(patience_left(&patience));
	}
	EXPECT_EQ(memory, hadal_sys("ring_memory"));
	EXPECT_EQ(-EWOULDBLOCK, module_unload());
	kill(pid, SIGCONT);
	while (load_and_read(self))
		ASSERT_TRUE(patience_left(&patience));
	signal_send(channel.parent);
	child_finish(pid);
	recorder_end(&self->recorder);
	channel_close(&channel);
}

/* ---- CPUs that come and go ---- */

static bool is_ring_added(const struct hadal_record *record, const void *unused)
{
	(void)unused;
	return record->type == HADAL_RECORD_RING_ADDED;
}

static size_t count_on_cpu(const struct recorder *recorder, uint32_t cpu)
{
	size_t i, count = 0;

	for (i = 0; i < recorder->count; i++) {
		const struct hadal_record *record = recorder->records[i];

		count += record->cpu == cpu && record->record_class == HADAL_CLASS_PROCESS;
	}
	return count;
}

static void set_cpu1(const char *online)
{
	if (!file_exists(CPU1_ONLINE))
		harness_skip("CPU 1 cannot be switched");
	ASSERT_EQ(0, file_write(CPU1_ONLINE, online));
}

/* A test that fails half way must leave the CPU on. */
FIXTURE(hotplug) {
	struct sessions sessions;
};

FIXTURE_SETUP(hotplug)
{
	fixture_setup_sessions(&self->sessions);
}

FIXTURE_TEARDOWN(hotplug)
{
	file_write(CPU1_ONLINE, "1");
	fixture_teardown_sessions(&self->sessions);
}

TEST_F(hotplug, new_cpu_gets_rings)
{
	struct sessions *base = &self->sessions;
	const struct hadal_record_ring_added *added;
	size_t cursor = 0;

	set_cpu1("0");
	recorder_begin(&base->recorder, NULL);
	ASSERT_TRUE(base->recorder.session.rings[1 * HADAL_LANES].consumer == NULL);
	set_cpu1("1");
	run_on_cpu(1);
	run_load(base);
	recorder_drain(&base->recorder);
	ASSERT_EQ(1, recorder_count(&base->recorder, is_ring_added, NULL));
	added = (const void *)recorder_find(&base->recorder, &cursor, is_ring_added, NULL);
	EXPECT_EQ(1, added->added_cpu);
	recorder_end(&base->recorder);
	check_load(base, &base->recorder, 1);
	EXPECT_LE(2 * LOAD, count_on_cpu(&base->recorder, 1));
}

/* Its rings stay: what was in them can be read, and it goes on there. */
TEST_F(hotplug, cpu_goes_and_comes)
{
	struct sessions *base = &self->sessions;
	struct process_done first[LOAD];
	int round;

	recorder_begin(&base->recorder, NULL);
	for (round = 0; round < 3; round++) {
		run_on_cpu(1);
		run_load(base);
		memcpy(first, base->processes, sizeof(first));
		run_on_cpu(0);
		set_cpu1("0");
		run_load(base);
		set_cpu1("1");
		recorder_drain(&base->recorder);
		check_load(base, &base->recorder, 1);
		memcpy(base->processes, first, sizeof(first));
		check_load(base, &base->recorder, 1);
	}
	recorder_end(&base->recorder);
	EXPECT_EQ(0, recorder_count(&base->recorder, is_ring_added, NULL));
}

static void switch_cpu1(void *times)
{
	int i;

	for (i = 0; i < *(int *)times; i++) {
		set_cpu1("0");
		set_cpu1("1");
	}
}

/* While processes are made, with sessions that come and go. */
TEST_F(hotplug, under_load)
{
	struct sessions *base = &self->sessions;
	struct recorder other;
	int times = 10, i;
	pid_t pid;

	recorder_begin(&base->recorder, NULL);
	pid = child_start(switch_cpu1, &times);
	for (i = 0; i < 10; i++) {
		recorder_begin(&other, NULL);
		run_load(base);
		recorder_end(&other);
		check_load(base, &other, 1);
		recorder_close(&other);
	}
	child_finish(pid);
	recorder_end(&base->recorder);
	check_load(base, &base->recorder, 1);
}

HARNESS_MAIN
