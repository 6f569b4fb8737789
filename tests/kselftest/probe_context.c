// SPDX-License-Identifier: MIT
/*
 * What a module built with HADAL_DEBUG=y counts: no probe runs preemptible, of
 * those that reach emission; no snapshot is of another connection than the one
 * that its entry in the table is for. It warns of sockets that it must not read.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "children.h"
#include "flows.h"
#include "harness.h"
#include "host.h"
#include "load.h"
#include "load_process.h"
#include "load_tcp.h"
#include "netns.h"
#include "recorder.h"

#define PROCESSES	20	/* of each kind */
#define FLOWS		84	/* all families and endings */

static void drain(void *recorder)
{
	recorder_drain(recorder);
}

static void run_processes(void)
{
	struct process_done processes[PROCESSES];
	int kind;

	for (kind = PROCESS_EXITS; kind < PROCESS_KILLED; kind++)
		processes_run(processes, PROCESSES, (enum process_kind)kind);
}

static void run_connections(void)
{
	struct tcp_flow flows[FLOWS];
	int listeners[TCP_FAMILIES], family;
	size_t i;

	for (family = 0; family < TCP_FAMILIES; family++)
		listeners[family] = tcp_listen((enum tcp_family)family,
					       (uint16_t)(8800 + family), 16);
	tcp_plan(flows, FLOWS, TCP_ENDINGS);
	for (i = 0; i < FLOWS; i++)
		tcp_run(&flows[i], listeners[flows[i].family]);
	for (family = 0; family < TCP_FAMILIES; family++)
		close(listeners[family]);
}

static void needs_debug_build(void)
{
	if (!file_exists(HADAL_SYS "debug_probes"))
		harness_skip("the module is not built with HADAL_DEBUG=y");
}

TEST(never_preemptible)
{
	struct recorder recorder;
	uint64_t before;

	needs_debug_build();
	before = hadal_sys("debug_probes");
	netns_enter();
	recorder_begin(&recorder, NULL);
	load_set_step(drain, &recorder);
	run_processes();
	run_connections();
	recorder_dump(&recorder, HADAL_DUMP_PROCESSES | HADAL_DUMP_CONNECTIONS);
	recorder_end(&recorder);
	EXPECT_LE(before + recorder.count, hadal_sys("debug_probes"));
	EXPECT_LT(4 * FLOWS + 2 * PROCESS_KILLED * PROCESSES, recorder.count);
	EXPECT_EQ(0, hadal_sys("debug_preemptible"));
	recorder_close(&recorder);
}

/* Sockets are freed and used again between the snapshots. */
TEST(never_mistaken)
{
	struct tcp_flow lasting[TCP_FAMILIES];
	int listeners[TCP_FAMILIES], family, round;
	struct recorder recorder;
	uint64_t before;

	needs_debug_build();
	before = hadal_sys("debug_compared");
	netns_enter();
	recorder_begin(&recorder, NULL);
	load_set_step(drain, &recorder);
	tcp_plan(lasting, TCP_FAMILIES, 1);
	for (family = 0; family < TCP_FAMILIES; family++) {
		lasting[family].family = (enum tcp_family)family;
		listeners[family] = tcp_listen((enum tcp_family)family,
					       (uint16_t)(8810 + family), 16);
		tcp_open(&lasting[family], listeners[family]);
	}
	for (round = 0; round < 5; round++) {
		run_connections();
		recorder_dump(&recorder, HADAL_DUMP_CONNECTIONS);
		for (family = 0; family < TCP_FAMILIES; family++)
			tcp_pump(lasting[family].client, lasting[family].server, 1000);
	}
	/* Listeners and both ends, each time; a listener is learnt at its first. */
	EXPECT_LE(before + (5 * 3 - 1) * TCP_FAMILIES, hadal_sys("debug_compared"));
	EXPECT_EQ(0, hadal_sys("debug_mistaken"));
	recorder_end(&recorder);
	recorder_close(&recorder);
}

/* ---- sockets in TIME_WAIT ---- */

/* A segment over IPv4 from one loopback port to another, as its checksum sees it. */
struct late_segment {
	struct {
		uint32_t source;
		uint32_t destination;
		uint16_t protocol;
		uint16_t length;
	} pseudo;
	struct tcphdr tcp;
};

static uint16_t checksum(const void *data, size_t length)
{
	const uint16_t *word = data;
	uint32_t sum = 0;

	for (; length; length -= 2)
		sum += *word++;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~(sum + (sum >> 16));
}

static void send_late(int raw, uint16_t source, uint16_t destination)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct late_segment segment = {
		.pseudo = {
			.source = htonl(INADDR_LOOPBACK),
			.destination = htonl(INADDR_LOOPBACK),
			.protocol = htons(IPPROTO_TCP),
			.length = htons(sizeof(segment.tcp)),
		},
		.tcp = {
			.source = htons(source),
			.dest = htons(destination),
			.doff = sizeof(segment.tcp) / 4,
			.ack = 1,
		},
	};

	segment.tcp.check = checksum(&segment, sizeof(segment));
	ASSERT_EQ(sizeof(segment.tcp), MUST(sendto(raw, &segment.tcp, sizeof(segment.tcp), 0,
						   (const struct sockaddr *)&to, sizeof(to))));
}

/* Until one comes that goes from there; what was sent comes, too. */
static void wait_for_answer(int raw, uint16_t source)
{
	struct {
		struct iphdr ip;
		struct tcphdr tcp;
	} segment;

	do
		MUST(recv(raw, &segment, sizeof(segment), 0));
	while (segment.tcp.source != htons(source));
	/* It is no reset, which a socket that is gone would answer with. */
	ASSERT_TRUE(segment.tcp.ack && !segment.tcp.rst);
}

/*
 * Since 6.13 what TIME_WAIT answers passes the hook of UDP with its socket, which has
 * not what is asked of those of UDP.
 */
TEST(reads_nothing_of_time_wait)
{
	struct tcp_flow flow;
	struct recorder recorder;
	struct hadal_config config;
	int listener, raw;

	needs_debug_build();
	netns_enter();
	session_defaults(&config);
	config.classes = HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	recorder_begin(&recorder, &config);
	listener = tcp_listen(TCP_V4, 8820, 16);
	tcp_plan(&flow, 1, 1);
	tcp_run(&flow, listener);
	raw = MUST(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
	send_late(raw, 8820, flow.client_port);
	wait_for_answer(raw, flow.client_port);
	close(raw);
	close(listener);
	recorder_dump(&recorder, HADAL_DUMP_UDP);
	recorder_end(&recorder);
	EXPECT_EQ(0, recorder.seen[HADAL_CLASS_UDP]);
	recorder_close(&recorder);
}

HARNESS_MAIN
