// SPDX-License-Identifier: MIT
/*
 * What the collector's memory does while short processes, or connections, come for
 * long at a rate; one JSON object on standard output.
 *
 *     flood processes|connections RATE SECONDS
 *
 * RATE a second, for so many seconds of the records' time, of 50 containers by
 * turns. A process is its fork, exec and exit, a millisecond after each other; a
 * connection is four records, of both ends, and every second one goes to an address
 * elsewhere, of which there are 65,536, and is two. Ends with 1 when something was
 * not counted, or memory still grew after the first of four parts of the time.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"
#include "replay.h"

#define START		(1000 * SECOND)
#define EPOCH		(1700000000 * SECOND)

enum {
	SERVICES = 50,
	FIRST_CGROUP = 1000,
	FIRST_TGID = 1000,
	TGIDS = 4 << 20,	/* given anew behind that, as the kernel does */
	PORTS_LOW = 32768, PORTS = 28000,
	SLACK_KIB = 1024,	/* what memory may grow by: another interval's tables */
};

struct flood {
	struct replay *replay;
	struct recorder recorder;
	struct actor services[SERVICES];
	char paths[SERVICES][32];
	uint64_t made;
	uint64_t settled_kib, last_kib, most_kib;	/* RSS: after the first part, and after */
};

static void take(void *context, const struct hadal_record *record)
{
	struct flood *flood = context;

	replay_record(flood->replay, record);
}

static void start_services(struct flood *flood)
{
	char path[160];

	for (uint32_t i = 0; i < SERVICES; i++) {
		snprintf(flood->paths[i], sizeof(flood->paths[i]), "/srv/service-%" PRIu32, i);
		flood->services[i] = (struct actor){
			.tgid = 2 + i, .parent = 1, .ns_tgid = 1, .net_ns = 4026532000U + i, .start = 10 + i,
			.cgroup = FIRST_CGROUP + i, .path = flood->paths[i],
		};
		snprintf(path, sizeof(path), "/ecs/%032" PRIx32 "/%064" PRIx32, i, i);
		record_cgroup(&flood->recorder, HADAL_RECORD_CGROUP_EXISTING, 0, FIRST_CGROUP + i, path, 0);
		record_existing(&flood->recorder, &flood->services[i]);
	}
}

/* ---- what comes ---- */

static void flood_process(struct flood *flood)
{
	struct actor actor = flood->services[flood->made % SERVICES];
	uint64_t time = flood->recorder.time;

	actor.parent = actor.tgid;
	actor.tgid = FIRST_TGID + (uint32_t)(flood->made % TGIDS);
	actor.start = time;
	actor.ns_tgid = 7;
	record_fork(&flood->recorder, &actor);
	flood->recorder.time = time + MILLISECOND;
	record_exec(&flood->recorder, &actor);
	flood->recorder.time = time + 2 * MILLISECOND;
	record_exit(&flood->recorder, &actor, 0, 0);
	flood->recorder.time = time;
}

static struct end end_at(const struct flood *flood, uint8_t role, const struct actor *owner)
{
	struct end end = end_of(2 * flood->made + role, flood->made + 1, role, owner, "10.1.0.1:8080", "10.1.0.2:8080");
	uint16_t port = (uint16_t)(PORTS_LOW + flood->made % PORTS);

	if (role == HADAL_TCP_CLIENT)
		end.tcp.local_port = port;
	else
		end.tcp.peer_port = port;
	return end;
}

static void close_end(struct flood *flood, struct end *end, uint64_t sent, uint64_t received)
{
	end->counters = (struct hadal_tcp_counters){ .acked = sent, .received = received };
	record_ending(&flood->recorder, end, HADAL_TCP_ENDING_LOCAL_CLOSE, 0);
}

static void flood_connection(struct flood *flood)
{
	const struct actor *from = &flood->services[flood->made % SERVICES];
	const struct actor *to = &flood->services[(flood->made + 1) % SERVICES];
	struct end client = end_at(flood, HADAL_TCP_CLIENT, from), server = end_at(flood, HADAL_TCP_SERVER, to);
	bool elsewhere = flood->made % 2;

	if (elsewhere) {
		client.tcp.peer_address[1] = 9;
		client.tcp.peer_address[2] = (uint8_t)(flood->made >> 9);
		client.tcp.peer_address[3] = (uint8_t)(flood->made >> 1);
	}
	record_established(&flood->recorder, &client, MILLISECOND);
	if (!elsewhere)
		record_accepted(&flood->recorder, &server);
	close_end(flood, &client, 100, 1000);
	if (!elsewhere)
		close_end(flood, &server, 1000, 100);
}

/* ---- what is made of it ---- */

static uint64_t status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	uint64_t value = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)))
			value = strtoull(line + strlen(name) + 1, NULL, 10);
	}
	if (file)
		fclose(file);
	return value;
}

static uint64_t processes_counted(const struct model *model)
{
	const struct workload *workload;
	uint64_t sum = 0;

	for (workload = model->workloads.table; workload; workload = workload->hh.next)
		sum += workload->exits.success;
	return sum;
}

static uint64_t connections_counted(const struct model *model)
{
	const struct edge *edge;
	uint64_t sum = 0;

	for (edge = model->edges.table; edge; edge = edge->hh.next)
		sum += edge->key.role == HADAL_TCP_CLIENT ? edge->values.opened : 0;
	return sum;
}

static void sample(struct flood *flood, bool settled)
{
	flood->last_kib = status_kib("VmRSS");
	if (!settled)
		flood->settled_kib = flood->last_kib;
	if (flood->last_kib > flood->most_kib)
		flood->most_kib = flood->last_kib;
}

static void run(struct flood *flood, void (*one)(struct flood *flood), uint64_t rate, uint64_t seconds)
{
	for (uint64_t second = 0; second < seconds; second++) {
		for (uint64_t i = 0; i < rate; i++) {
			flood->recorder.time = START + second * SECOND + i * SECOND / rate;
			one(flood);
			flood->made++;
		}
		sample(flood, second >= seconds / 4);
	}
}

static void print_incidents(const struct model *model)
{
	const char *comma = "";

	for (int i = 0; i < COUNTS; i++) {
		if (!model->counts.value[i])
			continue;
		printf("%s\"%s\":%" PRIu64, comma, count_name((enum count)i), model->counts.value[i]);
		comma = ",";
	}
}

static int report(const struct flood *flood, uint64_t counted)
{
	const struct model *model = flood->replay->model;
	bool grew = flood->most_kib > flood->settled_kib + SLACK_KIB;

	printf("{\"made\":%" PRIu64 ",\"counted\":%" PRIu64 ",\"records\":%" PRIu64 ",\"rss_kib_settled\":%" PRIu64
	       ",\"rss_kib_at_end\":%" PRIu64 ",\"peak_kib\":%" PRIu64 ",\"processes\":%u,\"connection_ends\":%u,"
	       "\"incidents\":{",
	       flood->made, counted, flood->replay->records, flood->settled_kib, flood->last_kib, status_kib("VmHWM"),
	       HASH_COUNT(model->processes.table), HASH_COUNT(model->connections.table));
	print_incidents(model);
	printf("}}\n");
	if (grew)
		fprintf(stderr, "flood: memory grew: %" PRIu64 " KiB, and %" PRIu64 " before\n", flood->most_kib,
			flood->settled_kib);
	if (counted != flood->made)
		fprintf(stderr, "flood: %" PRIu64 " of %" PRIu64 " are counted\n", counted, flood->made);
	return grew || counted != flood->made ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static struct flood flood = { .recorder = { .sink = take, .context = &flood, .time = START } };
	bool processes = argc == 4 && !strcmp(argv[1], "processes");
	uint64_t rate = argc == 4 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t seconds = argc == 4 ? strtoull(argv[3], NULL, 10) : 0;
	int status;

	if (!rate || seconds < 4 || (!processes && strcmp(argv[1], "connections"))) {
		fprintf(stderr, "usage: flood processes|connections RATE SECONDS, at least 4\n");
		return 2;
	}
	if (replay_new(&flood.replay, EPOCH, UINT64_MAX)) {
		fprintf(stderr, "flood: no memory\n");
		return EXIT_FAILURE;
	}
	record_clock(&flood.recorder, START, EPOCH);
	start_services(&flood);
	run(&flood, processes ? flood_process : flood_connection, rate, seconds);
	replay_finish(flood.replay);
	status = report(&flood, processes ? processes_counted(flood.replay->model) :
				connections_counted(flood.replay->model));
	replay_free(flood.replay);
	return status;
}
