// SPDX-License-Identifier: MIT
/*
 * Memory that is not there: each allocation of each call fails in turn, the
 * kernel's own and the module's alike (/proc/thread-self/fail-nth, of a kernel with
 * fault injection). Every time: ENOMEM or success, nothing kept, and the call
 * works when it is made again. The module is not loaded before or after; what
 * would leak unseen is kmemleak's to find.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

#define LONG		3600	/* s */
#define MOST		20000	/* allocations that a call may make */

/* ---- injection ---- */

struct injection {
	int fd;			/* fail-nth of this thread */
	unsigned int nth;
	unsigned int injected;	/* so far in this test */
	unsigned int failed;	/* of these calls, those that failed */
};

/* Allocations that may wait fail, too, and those of whatever order. */
static void enable_all_faults(void)
{
	static const char *const settings[] = {
		"failslab/ignore-gfp-wait", "fail_page_alloc/ignore-gfp-wait",
		"fail_page_alloc/ignore-gfp-highmem", "fail_page_alloc/min-order",
		"failslab/verbose", "fail_page_alloc/verbose",
	};
	char path[128];
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s", settings[i]);
		ASSERT_EQ(0, file_write(path, "0"));
	}
}

static void injection_begin(struct injection *injection)
{
	memset(injection, 0, sizeof(*injection));
	enable_all_faults();
	injection->fd = MUST(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
}

static void set_nth(const struct injection *injection, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	ASSERT_EQ(length, pwrite(injection->fd, text, (size_t)length, 0));
}

/* The next allocation in turn fails from here on. */
static void injection_arm(struct injection *injection)
{
	ASSERT_LT(injection->nth, MOST);
	set_nth(injection, ++injection->nth);
}

/* Whether one was made to fail: else there were fewer than that, and all have had their turn. */
static bool injection_disarm(struct injection *injection, int result)
{
	char text[16] = "";

	ASSERT_LT(0, pread(injection->fd, text, sizeof(text) - 1, 0));
	set_nth(injection, 0);
	if (atoi(text) != 0)
		return false;
	injection->injected++;
	injection->failed += result != 0;
	return true;
}

/* What a call is to return: without a failed allocation it succeeds. */
static void check_result(bool injected, int result)
{
	if (result)
		EXPECT_EQ(-ENOMEM, result);
	if (!injected)
		EXPECT_EQ(0, result);
}

/* Some had their turn, and it was noticed. */
static void injection_end(struct injection *injection)
{
	harness_note("%u allocations failed, %u calls with them", injection->injected, injection->failed);
	EXPECT_LT(0, injection->injected);
	EXPECT_LT(0, injection->failed);
}

/* ---- a session ---- */

FIXTURE(faults) {
	struct injection injection;
	struct recorder recorder;
	struct hadal_config config;
};

FIXTURE_SETUP(faults)
{
	self->recorder.session.fd = -1;
	ASSERT_EQ(-1, module_references("hadal"));
	module_load("");
	netns_enter();
	session_defaults(&self->config);
	self->config.classes |= HADAL_CLASS_BIT(HADAL_CLASS_CGROUP) | HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	self->config.lifecycle_ring_size = 16384;
	self->config.flow_ring_size = 16384;
	injection_begin(&self->injection);
}

FIXTURE_TEARDOWN(faults)
{
	set_nth(&self->injection, 0);	/* of a test that has ended half way */
	file_write(CPU1_ONLINE, "1");
	recorder_close(&self->recorder);
	module_unload_soon();
}

static void check_nothing_kept(void)
{
	hadal_sys_wait("sessions", 0);
	hadal_sys_wait("ring_memory", 0);
	EXPECT_EQ(0, hadal_sys("udp_flows"));
}

TEST_F_TIMEOUT(faults, open, LONG)
{
	bool injected;
	int fd, result;

	do {
		injection_arm(&self->injection);
		fd = open(HADAL_DEVICE_PATH, O_RDWR | O_CLOEXEC);
		result = fd < 0 ? -errno : 0;
		injected = injection_disarm(&self->injection, result);
		check_result(injected, result);
		if (fd >= 0)
			close(fd);
		check_nothing_kept();
	} while (injected);
	injection_end(&self->injection);
}

TEST_F_TIMEOUT(faults, configure, LONG)
{
	struct session *session = &self->recorder.session;
	bool injected;
	int result;

	do {
		ASSERT_EQ(0, session_open(session));
		injection_arm(&self->injection);
		result = session_configure(session, &self->config);
		injected = injection_disarm(&self->injection, result);
		check_result(injected, result);
		if (result) {
			EXPECT_EQ(0, hadal_sys("ring_memory"));
			EXPECT_EQ(-ENOTCONN, session_start(session));
			ASSERT_EQ(0, session_configure(session, &self->config));
		}
		session_close(session);
		check_nothing_kept();
	} while (injected);
	injection_end(&self->injection);
}

static void check_records(struct recorder *recorder)
{
	struct process_done process;

	processes_run(&process, 1, PROCESS_EXECS);
	recorder_drain(recorder);
	EXPECT_LE(3, recorder->seen[HADAL_CLASS_PROCESS]);
	recorder_check_counts(recorder);
}

/* What failed to start is started again and records. */
TEST_F_TIMEOUT(faults, start, LONG)
{
	bool injected;
	int result;

	do {
		recorder_prepare(&self->recorder, &self->config);
		injection_arm(&self->injection);
		result = session_start(&self->recorder.session);
		injected = injection_disarm(&self->injection, result);
		check_result(injected, result);
		if (result) {
			EXPECT_EQ(0, hadal_sys("connections"));
			recorder_start(&self->recorder);
		}
		check_records(&self->recorder);
		recorder_end_lossy(&self->recorder);
		recorder_close(&self->recorder);
		check_nothing_kept();
	} while (injected);
	injection_end(&self->injection);
}

/* Stopping can't fail, and nothing is recorded after it. */
TEST_F_TIMEOUT(faults, stop, LONG)
{
	struct process_done process;
	bool injected;
	int result;

	do {
		recorder_begin(&self->recorder, &self->config);
		check_records(&self->recorder);
		injection_arm(&self->injection);
		result = session_stop(&self->recorder.session);
		injected = injection_disarm(&self->injection, result);
		EXPECT_EQ(0, result);
		recorder_drain(&self->recorder);
		processes_run(&process, 1, PROCESS_EXECS);
		EXPECT_EQ(0, recorder_drain(&self->recorder));
		recorder_close(&self->recorder);
		check_nothing_kept();
	} while (injected);
	harness_note("%u allocations failed", self->injection.injected);
}

/* Writes into rings that are there: no allocation at all, but for the path of a cgroup. */
TEST_F(faults, dump_allocates_nothing)
{
	struct hadal_dump dump = {
		.what = HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS | HADAL_DUMP_UDP
	};
	int result;

	recorder_begin(&self->recorder, &self->config);
	do {
		injection_arm(&self->injection);
		result = session_dump(&self->recorder.session, &dump);
		EXPECT_TRUE(!injection_disarm(&self->injection, result));
		ASSERT_EQ(0, result);
		recorder_drain(&self->recorder);
		self->injection.nth = 0;
	} while (dump.state == HADAL_DUMP_MORE);
	recorder_end(&self->recorder);
}

/* Without memory for a path the dump is unfinished, and goes on where it was. */
TEST_F(faults, dump_of_cgroups)
{
	struct hadal_dump dump = { .what = HADAL_DUMP_CGROUPS };
	unsigned int unfinished = 0;
	uint64_t cgroups;
	bool injected;
	int result;

	recorder_begin(&self->recorder, &self->config);
	cgroups = recorder_dump(&self->recorder, HADAL_DUMP_CGROUPS);
	EXPECT_LT(0, cgroups);
	do {
		injection_arm(&self->injection);
		result = session_dump(&self->recorder.session, &dump);
		injected = injection_disarm(&self->injection, result);
		ASSERT_EQ(0, result);
		/* What kmemleak allocates to note an allocation may fail, too, and be missed by nobody. */
		unfinished += injected && dump.state == HADAL_DUMP_MORE;
		recorder_drain(&self->recorder);
	} while (injected || dump.state == HADAL_DUMP_MORE);
	EXPECT_LT(0, unfinished);
	EXPECT_EQ(cgroups, dump.records);
	recorder_end(&self->recorder);
}

static int map_part(const struct session *session, unsigned int part, int protection)
{
	void *place = ring_map_part(session, 0, HADAL_LANE_FLOW, part, protection);

	if (place == MAP_FAILED)
		return -errno;
	munmap(place, ring_part_length(session, HADAL_LANE_FLOW, part));
	return 0;
}

static void map_with_faults(struct faults *self, unsigned int part, int protection)
{
	bool injected;
	int result;

	self->injection.nth = 0;
	do {
		injection_arm(&self->injection);
		result = map_part(&self->recorder.session, part, protection);
		injected = injection_disarm(&self->injection, result);
		check_result(injected, result);
	} while (injected);
}

TEST_F_TIMEOUT(faults, mmap, LONG)
{
	ASSERT_EQ(0, session_open(&self->recorder.session));
	ASSERT_EQ(0, session_configure(&self->recorder.session, &self->config));
	map_with_faults(self, HADAL_RING_CONSUMER, PROT_READ | PROT_WRITE);
	map_with_faults(self, HADAL_RING_DATA, PROT_READ);
	injection_end(&self->injection);
	recorder_close(&self->recorder);
	check_nothing_kept();
}

/* ---- hooks: what is made to fail there is the kernel's own, and all that is done is told ---- */

static bool is_own_fork(const struct hadal_record *record, const void *unused)
{
	(void)unused;
	return record->type == HADAL_RECORD_PROCESS_FORK &&
	       record_process(record)->parent_tgid == (uint32_t)getpid();
}

static int fork_with_fault(struct injection *injection, bool *injected)
{
	pid_t pid;
	int result;

	injection_arm(injection);
	pid = fork();
	if (pid == 0)
		_exit(0);
	result = pid < 0 ? -errno : 0;
	*injected = injection_disarm(injection, result);
	if (pid > 0)
		MUST(waitpid(pid, NULL, 0));
	return result;
}

TEST_F_TIMEOUT(faults, fork, LONG)
{
	unsigned int forked = 0;
	bool injected;
	int result;

	recorder_begin(&self->recorder, &self->config);
	do {
		result = fork_with_fault(&self->injection, &injected);
		check_result(injected, result);
		forked += result == 0;
		recorder_drain(&self->recorder);
	} while (injected);
	recorder_end(&self->recorder);
	EXPECT_EQ(forked, recorder_count(&self->recorder, is_own_fork, NULL));
	injection_end(&self->injection);
}

struct datagrams {
	uint64_t sent;
	uint64_t received;
};

/* A socket that sends to itself: its flow is made under the fault. */
static int send_with_fault(struct injection *injection, bool *injected)
{
	struct sockaddr_storage address;
	socklen_t length = tcp_loopback(TCP_V4, 0, &address);
	int fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)), result;
	char byte = 0;

	MUST(bind(fd, (void *)&address, length));
	MUST(getsockname(fd, (void *)&address, &length));
	injection_arm(injection);
	result = sendto(fd, &byte, 1, 0, (void *)&address, length) < 0 ? -errno : 0;
	*injected = injection_disarm(injection, result);
	if (!result)
		ASSERT_EQ(1, MUST(recv(fd, &byte, 1, 0)));
	close(fd);
	return result;
}

static void sum_datagrams(const struct recorder *recorder, struct datagrams *sum)
{
	const struct hadal_udp *flow;
	size_t i;

	for (i = 0; i < recorder->count; i++) {
		flow = record_udp(recorder->records[i]);
		if (!flow || flow->owner_tgid != (uint32_t)getpid())
			continue;
		EXPECT_EQ(HADAL_UDP_ENDED, flow->flags);
		sum->sent += flow->sent_datagrams;
		sum->received += flow->received_datagrams;
	}
}

TEST_F_TIMEOUT(faults, datagrams, LONG)
{
	struct datagrams told = { 0 };
	unsigned int sent = 0;
	bool injected;
	int result;

	recorder_begin(&self->recorder, &self->config);
	do {
		result = send_with_fault(&self->injection, &injected);
		if (result)
			EXPECT_TRUE(injected && (result == -ENOMEM || result == -ENOBUFS));
		sent += result == 0;
	} while (injected);
	recorder_end(&self->recorder);
	sum_datagrams(&self->recorder, &told);
	EXPECT_LT(0, sent);
	EXPECT_EQ(sent, told.sent);
	EXPECT_EQ(sent, told.received);
	injection_end(&self->injection);
}

/* ---- a CPU that comes online ---- */

static bool has_rings(struct session *session, unsigned int cpu)
{
	EXPECT_EQ(0, session_map(session));
	return session->rings[cpu * HADAL_LANES].consumer;
}

static void run_on_cpu1(void *unused)
{
	struct process_done process;

	(void)unused;
	run_on_cpu(1);
	processes_run(&process, 1, PROCESS_EXITS);
}

static uint64_t lost_processes(const struct session *session)
{
	struct hadal_stats stats;

	EXPECT_EQ(0, session_stats(session, HADAL_CPU_ALL, &stats));
	return stats.class_stats[HADAL_CLASS_PROCESS].lost;
}

/* Returns whether the CPU came without rings: then what happens there is lost, and counted. */
static bool check_cpu1(struct recorder *recorder)
{
	bool without = !has_rings(&recorder->session, 1);

	child_finish(child_start(run_on_cpu1, NULL));
	recorder_drain(recorder);
	if (without)
		EXPECT_LE(2, lost_processes(&recorder->session));
	else
		EXPECT_EQ(0, lost_processes(&recorder->session));
	recorder_check_counts(recorder);
	return without;
}

/*
 * The kernel itself may fail to bring it up. If it does not, no failure of the
 * module's keeps the CPU away.
 */
TEST_F_TIMEOUT(faults, cpu_comes_online, LONG)
{
	unsigned int without_rings = 0;
	bool injected;
	int result;

	do {
		ASSERT_EQ(0, file_write(CPU1_ONLINE, "0"));
		recorder_begin(&self->recorder, &self->config);
		injection_arm(&self->injection);
		result = file_write(CPU1_ONLINE, "1");
		injected = injection_disarm(&self->injection, result);
		check_result(injected, result);
		if (result)
			ASSERT_EQ(0, file_write(CPU1_ONLINE, "1"));
		without_rings += check_cpu1(&self->recorder);
		recorder_end_lossy(&self->recorder);
		recorder_close(&self->recorder);
		check_nothing_kept();
	} while (injected);
	harness_note("%u times without rings", without_rings);
	EXPECT_LT(0, without_rings);
	injection_end(&self->injection);
}

/* ---- the module itself ---- */

static int load(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0) < 0 ? -errno : 0;
}

TEST_TIMEOUT(module_load, LONG)
{
	const char *path = getenv("HADAL_MODULE");
	struct injection injection;
	bool injected;
	int fd, result;

	ASSERT_TRUE(path);
	fd = MUST(open(path, O_RDONLY | O_CLOEXEC));
	injection_begin(&injection);
	do {
		injection_arm(&injection);
		result = load(fd);
		injected = injection_disarm(&injection, result);
		check_result(injected, result);
		EXPECT_EQ(result == 0, file_exists(HADAL_DEVICE_PATH));
		if (!result)
			module_unload_soon();
		EXPECT_EQ(-1, module_references("hadal"));
	} while (injected);
	injection_end(&injection);
	close(fd);
}

HARNESS_MAIN
