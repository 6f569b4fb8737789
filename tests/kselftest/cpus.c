// SPDX-License-Identifier: MIT
/*
 * As many CPUs as the machine has, or could have: rings are made for those that are
 * there, memory is taken for no more, and what happens on each is recorded. For
 * guests of one CPU, and of few out of many possible ones.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "children.h"
#include "harness.h"
#include "host.h"
#include "load_process.h"
#include "load_tcp.h"
#include "netns.h"
#include "recorder.h"

#define PORT		8730
#define CPUS		64	/* numbers that can be told here */
#define PROCESSES	5	/* on each CPU */
#define RING		16384	/* bytes */

FIXTURE(cpus) {
	struct recorder recorder;
	struct hadal_config config;
	bool online[CPUS];
	unsigned int count;	/* of those online */
	int listener;
};

/* "0-1,4": marks these; returns the last. */
static unsigned int read_list(const char *path, bool *marks)
{
	char text[256], *at = text;
	unsigned long first, last = 0;

	file_read(path, text, sizeof(text));
	while (*at && *at != '\n') {
		first = last = strtoul(at, &at, 10);
		if (*at == '-')
			last = strtoul(at + 1, &at, 10);
		ASSERT_LT(last, CPUS);
		while (first <= last)
			marks[first++] = true;
		at += *at == ',';
	}
	return (unsigned int)last;
}

FIXTURE_SETUP(cpus)
{
	unsigned int i;

	self->recorder.session.fd = -1;
	read_list("/sys/devices/system/cpu/online", self->online);
	for (i = 0; i < CPUS; i++)
		self->count += self->online[i];
	session_defaults(&self->config);
	self->config.classes |= HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	self->config.lifecycle_ring_size = RING;
	self->config.flow_ring_size = RING;
	netns_enter();
	self->listener = tcp_listen(TCP_V4, PORT, 8);
}

FIXTURE_TEARDOWN(cpus)
{
	recorder_close(&self->recorder);
}

/* Beside its data a ring has the page of each side's position. */
static uint64_t footprint(const struct session *session)
{
	return HADAL_LANES * (RING + 2 * (uint64_t)session->query.page_size);
}

TEST_F(cpus, memory_for_those_online)
{
	bool possible[CPUS] = { false };
	const struct session *session = &self->recorder.session;
	unsigned int cpu, last = read_list("/sys/devices/system/cpu/possible", possible);
	uint64_t before = hadal_sys("ring_memory");

	recorder_prepare(&self->recorder, &self->config);
	EXPECT_EQ(last + 1, session->query.possible_cpus);
	EXPECT_EQ(before + self->count * footprint(session), hadal_sys("ring_memory"));
	for (cpu = 0; cpu <= last; cpu++)
		EXPECT_EQ(self->online[cpu], session->rings[cpu * HADAL_LANES].consumer != NULL);
}

TEST_F(cpus, no_ring_of_others)
{
	struct session *session = &self->recorder.session;
	struct hadal_stats stats;
	unsigned int cpu;

	recorder_prepare(&self->recorder, &self->config);
	for (cpu = 0; cpu < CPUS; cpu++) {
		if (self->online[cpu])
			continue;
		EXPECT_EQ(-ENXIO, session_stats(session, cpu, &stats));
		EXPECT_EQ(MAP_FAILED, ring_map_part(session, cpu, HADAL_LANE_FLOW,
						    HADAL_RING_DATA, PROT_READ));
		EXPECT_EQ(ENXIO, errno);
	}
}

struct place {
	unsigned int cpu;
	int listener;
};

static void run_there(void *argument)
{
	struct process_done processes[PROCESSES];
	const struct place *place = argument;
	struct tcp_flow flow = { .family = TCP_V4, .up = 10, .down = 20 };

	run_on_cpu(place->cpu);
	processes_run(processes, PROCESSES, PROCESS_EXITS);
	tcp_run(&flow, place->listener);
}

static uint64_t produced_on(struct cpus *self, uint32_t cpu, unsigned int class)
{
	struct hadal_stats stats;

	EXPECT_EQ(0, session_stats(&self->recorder.session, cpu, &stats));
	return stats.class_stats[class].produced;
}

TEST_F(cpus, each_records)
{
	struct place place = { .listener = self->listener };

	recorder_begin(&self->recorder, &self->config);
	for (place.cpu = 0; place.cpu < CPUS; place.cpu++) {
		if (!self->online[place.cpu])
			continue;
		child_finish(child_start(run_there, &place));
		recorder_dump(&self->recorder, HADAL_DUMP_CONNECTIONS | HADAL_DUMP_UDP);
		EXPECT_LE(2 * PROCESSES, produced_on(self, place.cpu, HADAL_CLASS_PROCESS));
		EXPECT_LT(0, produced_on(self, place.cpu, HADAL_CLASS_TCP));
	}
	recorder_end(&self->recorder);
	recorder_check_all_read(&self->recorder);
}

HARNESS_MAIN
