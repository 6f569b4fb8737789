// SPDX-License-Identifier: MIT
/*
 * How long the module keeps interrupts off, as the kernel's own tracepoints tell
 * it, in a guest of one CPU whose time stamp counter counts instructions: the
 * figures hold what the tracepoint itself takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datagrams.h"
#include "harness.h"
#include "host.h"
#include "load.h"
#include "load_process.h"
#include "load_tcp.h"
#include "netns.h"
#include "recorder.h"

#define BOUND		5000	/* instructions, some 740 of them the tracepoint's */
#define PLACES		64	/* functions of the module that do so */
#define PROCESSES	20	/* of each kind */
#define FLOWS		84	/* all families and endings */
#define LASTING		60	/* connections, and sockets of datagrams */
#define EVENTS		TRACING "events/preemptirq/"

/* A function that has turned interrupts off, or had a lock do so. */
struct place {
	char name[128];
	unsigned int times;
	uint64_t longest;	/* instructions */
};

struct sections {
	struct place places[PLACES];
	size_t count;
	bool off;		/* since then, by that place */
	uint64_t since;
	size_t by;
};

/* ---- the trace ---- */

static void set(const char *file, const char *value)
{
	ASSERT_EQ(0, file_write(file, value));
}

/* Events hold addresses by their distance from the kernel's text; modules begin 512 MiB behind its image's start. */
static void trace_begin(void)
{
	static const char of_modules[] = "caller_offs >= 0x1f000000 || parent_offs >= 0x1f000000";

	tracing_mount();
	set(TRACING "trace_clock", "x86-tsc");
	set(TRACING "buffer_size_kb", "32768");
	set(EVENTS "irq_disable/filter", of_modules);
	set(EVENTS "irq_enable/filter", of_modules);
	set(TRACING "trace", "");
	set(EVENTS "enable", "1");
}

static void trace_end(void)
{
	set(EVENTS "enable", "0");
}

static size_t find_place(struct sections *sections, const char *name)
{
	size_t i;

	for (i = 0; i < sections->count; i++) {
		if (!strcmp(sections->places[i].name, name))
			return i;
	}
	ASSERT_LT(sections->count, PLACES);
	snprintf(sections->places[i].name, sizeof(sections->places[i].name), "%s", name);
	return sections->count++;
}

/* "caller=_raw_spin_lock_irqsave+0x1/0x2 parent=conn_insert+0x3/0x4 [hadal]": conn_insert. */
static bool name_place(const char *text, char name[128])
{
	char caller[128], caller_of[16] = "", parent[128], parent_of[16] = "";
	bool whole;

	whole = sscanf(text, "caller=%127[^+]+%*s [%15[^]]] parent=%127[^+]+%*s [%15[^]]]",
		       caller, caller_of, parent, parent_of) >= 2;
	if (!whole)
		sscanf(text, "caller=%127[^+]+%*s parent=%127[^+]+%*s [%15[^]]]", caller, parent, parent_of);
	if (!strcmp(caller_of, "hadal"))
		strcpy(name, caller);
	else if (!strcmp(parent_of, "hadal"))
		strcpy(name, parent);
	else
		return false;
	return true;
}

/* "PROGRAM-PID [CPU] FLAGS TIME: irq_disable: caller=... parent=..." */
static void take_line(struct sections *sections, const char *line)
{
	const char *cpu = strstr(line, "] "), *event = strstr(line, "irq_disable: "), *place;
	bool off = event != NULL;
	unsigned long long now;
	char name[128];

	if (!event)
		event = strstr(line, "irq_enable: ");
	if (line[0] == '#' || !cpu || !event || sscanf(cpu + 1, " %*s %llu:", &now) != 1)
		return;
	place = strstr(event, "caller=");
	if (!place || !name_place(place, name))
		return;
	/* Else an event was lost, or a section ended elsewhere than in the module. */
	ASSERT_NE(off, sections->off);
	sections->off = off;
	if (off) {
		sections->since = now;
		sections->by = find_place(sections, name);
		return;
	}
	sections->places[sections->by].times++;
	if (now - sections->since > sections->places[sections->by].longest)
		sections->places[sections->by].longest = now - sections->since;
}

static void read_trace(struct sections *sections)
{
	FILE *file = fopen(TRACING "trace", "re");
	char line[1024];

	ASSERT_TRUE(file != NULL);
	while (fgets(line, sizeof(line), file))
		take_line(sections, line);
	fclose(file);
	EXPECT_TRUE(!sections->off);
}

static void check_sections(const char *what, size_t at_least)
{
	struct sections sections = { 0 };
	size_t i, total = 0;

	read_trace(&sections);
	for (i = 0; i < sections.count; i++) {
		const struct place *place = &sections.places[i];

		harness_note("%s: %s: %u times, at most %llu instructions", what, place->name,
			     place->times, (unsigned long long)place->longest);
		EXPECT_GE(BOUND, place->longest);
		total += place->times;
	}
	EXPECT_LE(at_least, total);
}

/* ---- what is recorded meanwhile ---- */

static void drain(void *recorder)
{
	recorder_drain(recorder);
}

static void begin(struct recorder *recorder, uint32_t ring_size)
{
	struct hadal_config config;

	session_defaults(&config);
	config.classes |= HADAL_CLASS_BIT(HADAL_CLASS_CGROUP) | HADAL_CLASS_BIT(HADAL_CLASS_UDP) |
			  HADAL_CLASS_BIT(HADAL_CLASS_DNS);
	config.lifecycle_ring_size = ring_size;
	config.flow_ring_size = ring_size;
	recorder_begin(recorder, &config);
}

static void run_processes(void)
{
	struct process_done processes[PROCESSES];
	int kind;

	for (kind = PROCESS_EXITS; kind < PROCESS_KILLED; kind++)
		processes_run(processes, PROCESSES, (enum process_kind)kind);
}

static void run_connections(uint16_t port)
{
	int listeners[TCP_FAMILIES], family;
	struct tcp_flow flows[FLOWS];
	size_t i;

	for (family = 0; family < TCP_FAMILIES; family++)
		listeners[family] = tcp_listen((enum tcp_family)family, (uint16_t)(port + family), 16);
	tcp_plan(flows, FLOWS, TCP_ENDINGS);
	for (i = 0; i < FLOWS; i++)
		tcp_run(&flows[i], listeners[flows[i].family]);
	for (family = 0; family < TCP_FAMILIES; family++)
		close(listeners[family]);
}

static void run_datagrams(void)
{
	struct end end = end_open(AF_INET), other = end_open(AF_INET6);
	char bytes[500] = { 0 };
	int i;

	for (i = 0; i < 100; i++) {
		MUST(sendto(end.fd, bytes, (size_t)i, 0, &end.address.any, end.length));
		MUST(recv(end.fd, bytes, sizeof(bytes), 0));
		MUST(sendto(other.fd, bytes, (size_t)i, 0, &other.address.any, other.length));
		MUST(recv(other.fd, bytes, sizeof(bytes), 0));
	}
	close(end.fd);
	close(other.fd);
}

static void run_all(uint16_t port)
{
	run_processes();
	run_connections(port);
	run_datagrams();
}

TEST(records)
{
	struct recorder recorder;

	netns_enter();
	trace_begin();
	begin(&recorder, 1U << 20);
	load_set_step(drain, &recorder);
	run_all(8900);
	recorder_end(&recorder);
	recorder_close(&recorder);
	trace_end();
	check_sections("records", 10 * FLOWS);
}

TEST(records_lost)
{
	struct recorder recorder;

	netns_enter();
	trace_begin();
	begin(&recorder, 4096);
	run_all(8910);
	recorder_end_lossy(&recorder);
	recorder_check_counts(&recorder);
	recorder_close(&recorder);
	trace_end();
	check_sections("records lost", 10 * FLOWS);
}

/* Everything is dumped while there is much to be found, which then goes at once. */
TEST(dumps)
{
	struct tcp_flow flows[LASTING];
	struct end ends[LASTING];
	struct recorder recorder;
	int listener, i;

	netns_enter();
	listener = tcp_listen(TCP_V4, 8920, LASTING);
	tcp_plan(flows, LASTING, 1);
	for (i = 0; i < LASTING; i++) {
		flows[i].family = TCP_V4;
		tcp_open(&flows[i], listener);
		ends[i] = end_open(AF_INET);
	}
	trace_begin();
	begin(&recorder, 1U << 20);
	for (i = 0; i < LASTING; i++)
		MUST(sendto(ends[i].fd, "datagram", 8, 0, &ends[i].address.any, ends[i].length));
	recorder_dump(&recorder, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS |
				 HADAL_DUMP_CGROUPS | HADAL_DUMP_UDP);
	for (i = 0; i < LASTING; i++) {
		tcp_end(&flows[i]);
		close(ends[i].fd);
	}
	recorder_end(&recorder);
	recorder_close(&recorder);
	trace_end();
	check_sections("dumps", 2 * LASTING);
}

HARNESS_MAIN
