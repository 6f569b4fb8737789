// SPDX-License-Identifier: MIT
/*
 * Makes the captures that the collector is measured on: the same bytes each time.
 *
 *     generate load RECORDS FILE [SPACING]    services that call each other, processes, UDP, snapshots
 *     generate state FILE                     10,000 live connections, 5,000 processes
 *
 * A load is that of a host with 50 services in containers: three in five
 * connections have both ends on it, others go to private or public addresses or
 * come from there; a process lives for each fourth connection; of 2,000 lasting
 * connections and 500 flows of UDP there are snapshots; containers come and go.
 * SPACING: ns of the records' time from one to the next outside of snapshots, if
 * it is another than within them.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hadal/capture.h>

#include "document.h"
#include "records.h"

#define START	(1000 * SECOND)
#define EPOCH	(1700000000 * SECOND)

enum {
	CPUS = 4,
	SERVICES = 50,
	OPEN = 2000,		/* connections that live at a time, besides the lasting */
	LASTING = 2000,
	FLOWS = 500,
	PROCESSES = 400,	/* that live at a time, besides the services' own */
	RECORD_MAX = 4096,
	SPACING = 20000,	/* ns between records, if nothing is said: 50,000 a second */
	FIRST_CGROUP = 1000,
	HOST_NET_NS = 4026531840U,
};

struct open_connection {
	struct end client, server;
	bool has_client, has_server;
};

struct generator {
	struct hadal_capture_writer *writer;
	struct recorder recorder;
	uint64_t records;
	uint64_t spacing;	/* ns, of the next record from the one before */
	uint32_t cpu;
	uint64_t random;
	uint64_t next_id, next_tgid, next_cgroup;
	struct actor services[SERVICES];
	char paths[SERVICES][32];
	struct open_connection open[OPEN], lasting[LASTING];
	struct end flows[FLOWS];
	struct actor processes[PROCESSES];
	uint64_t next_snapshot;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "generate: %s: %s\n", what, strerror(-error));
	exit(EXIT_FAILURE);
}

/* A sequence that is the same on each machine. Source: Marsaglia, "Xorshift RNGs", 2003. */
static uint32_t draw(struct generator *generator, uint32_t below)
{
	generator->random ^= generator->random << 13;
	generator->random ^= generator->random >> 7;
	generator->random ^= generator->random << 17;
	return (uint32_t)(generator->random >> 32) % below;
}

static void take(void *context, const struct hadal_record *record)
{
	struct generator *generator = context;
	_Alignas(8) uint8_t copy[RECORD_MAX];
	struct hadal_record *header = (void *)copy;
	int result;

	memcpy(copy, record, record->size);
	header->cpu = generator->cpu;
	header->lane = record->record_class == HADAL_CLASS_TCP || record->record_class == HADAL_CLASS_UDP ?
		HADAL_LANE_FLOW : HADAL_LANE_LIFECYCLE;
	result = hadal_capture_add(generator->writer, header);
	if (result)
		die("adding a record", result);
	generator->records++;
	generator->recorder.time += generator->spacing;
}

static void add_document(struct generator *generator, const struct document *document)
{
	char *text = document_write(document);
	int result = text ? hadal_capture_add_document(generator->writer, text, strlen(text)) : -ENOMEM;

	free(text);
	if (result)
		die("adding a document", result);
}

/* ---- who there is ---- */

static void container_id(char id[65], uint64_t number)
{
	snprintf(id, 65, "%064" PRIx64, number);
}

static void service_address(char *text, size_t size, unsigned int service, unsigned int port)
{
	snprintf(text, size, "10.1.%u.%u:%u", service / 200, service % 200 + 2, port);
}

static void add_container(struct generator *generator, uint64_t cgroup, unsigned int service)
{
	struct document document;
	struct identity_answer *answer = &document.container;
	char path[256], id[65], address[32];

	container_id(id, cgroup);
	snprintf(path, sizeof(path), "/ecs/%032" PRIx64 "/%s", cgroup, id);
	record_cgroup(&generator->recorder, HADAL_RECORD_CGROUP_MKDIR, 0, cgroup, path, 0);
	memset(&document, 0, sizeof(document));
	document.kind = DOCUMENT_CONTAINER;
	answer->container = answer->task = IDENTITY_FOUND;
	snprintf(answer->container_id, sizeof(answer->container_id), "%s", id);
	snprintf(answer->facts.task.arn, sizeof(answer->facts.task.arn),
		 "arn:aws:ecs:eu-central-1:123456789012:task/prod/%032" PRIx64, cgroup);
	snprintf(answer->facts.task.family, sizeof(answer->facts.task.family), "family-%u", service);
	snprintf(answer->facts.task.service, sizeof(answer->facts.task.service), "service-%u", service);
	snprintf(answer->facts.task.cluster, sizeof(answer->facts.task.cluster), "prod");
	service_address(address, sizeof(address), service, 0);
	*strrchr(address, ':') = '\0';
	answer->facts.address_count = !address_parse(address, &answer->facts.addresses[0]);
	add_document(generator, &document);
}

static void add_service(struct generator *generator, unsigned int service)
{
	struct actor *actor = &generator->services[service];
	char address[32];
	struct end end;

	snprintf(generator->paths[service], sizeof(generator->paths[service]), "/srv/bin/server-%u", service);
	*actor = (struct actor){
		.tgid = (uint32_t)generator->next_tgid++, .parent = 1, .ns_tgid = 1,
		.net_ns = HOST_NET_NS + 1 + service, .start = 11 * SECOND + service,
		.cgroup = generator->next_cgroup++, .path = generator->paths[service],
	};
	add_container(generator, actor->cgroup, service);
	record_fork(&generator->recorder, actor);
	record_exec(&generator->recorder, actor);
	service_address(address, sizeof(address), service, 8080);
	end = end_of(generator->next_id++, 0, HADAL_TCP_SERVER, actor, address, "0.0.0.0:0");
	record_listening(&generator->recorder, &end);
}

static void add_host(struct generator *generator)
{
	static struct document document = {
		.kind = DOCUMENT_HOST,
		.host = { .id = "0123456789abcdef0123456789abcdef", .name = "bench", .cloud_account = "123456789012",
			  .cloud_region = "eu-central-1", .cloud_zone = "eu-central-1a", .net_ns = HOST_NET_NS,
			  .ephemeral_low = 32768, .ephemeral_high = 60999, .address_count = 1 },
	};

	if (address_parse("10.0.0.10", &document.host.addresses[0]))
		die("the host's address", -EINVAL);
	add_document(generator, &document);
}

static void begin(struct generator *generator, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int result = fd < 0 ? -errno : hadal_capture_create(&generator->writer, fd, "{}", EPOCH);

	if (result)
		die(path, result);
	generator->random = 88172645463325252ULL;
	generator->spacing = SPACING;
	generator->next_id = 1;
	generator->next_tgid = 1000;
	generator->next_cgroup = FIRST_CGROUP;
	generator->recorder = (struct recorder){ .sink = take, .context = generator, .time = START };
	record_clock(&generator->recorder, START, EPOCH);
	add_host(generator);
	for (unsigned int i = 0; i < SERVICES; i++)
		add_service(generator, i);
}

/* ---- connections ---- */

/* Both ends here, or one of them elsewhere: private, or public. */
static void open_connection(struct generator *generator, struct open_connection *connection)
{
	unsigned int from = draw(generator, SERVICES), to = (from + 1 + draw(generator, 5)) % SERVICES;
	unsigned int kind = draw(generator, 20), port = 32768 + draw(generator, 28000);
	uint64_t key = generator->next_id;
	char client[32], server[32];

	*connection = (struct open_connection){ .has_client = kind < 17, .has_server = kind < 12 || kind >= 17 };
	service_address(client, sizeof(client), from, port);
	service_address(server, sizeof(server), to, 8080);
	if (kind >= 12 && kind < 15)
		snprintf(server, sizeof(server), "10.2.0.%u:5432", draw(generator, 20));
	else if (kind >= 15 && kind < 17)
		snprintf(server, sizeof(server), "93.184.%u.%u:443", draw(generator, 200), draw(generator, 200));
	else if (kind >= 17)
		snprintf(client, sizeof(client), "203.0.%u.%u:%u", draw(generator, 200), draw(generator, 200), port);
	connection->client = end_of(generator->next_id++, key, HADAL_TCP_CLIENT, &generator->services[from], client, server);
	connection->server = end_of(generator->next_id++, key, HADAL_TCP_SERVER, &generator->services[to], server, client);
	if (connection->has_client) {
		generator->cpu = from % CPUS;
		record_established(&generator->recorder, &connection->client, 100000 + draw(generator, 900000));
	}
	if (connection->has_server) {
		generator->cpu = to % CPUS;
		record_accepted(&generator->recorder, &connection->server);
	}
}

static void exchange(struct generator *generator, struct open_connection *connection)
{
	uint64_t sent = 200 + draw(generator, 2000), received = 1000 + draw(generator, 20000);
	struct hadal_tcp_counters *client = &connection->client.counters, *server = &connection->server.counters;

	client->acked += sent;
	client->received += received;
	client->segments_out += 6 + (uint32_t)(received / 1400);
	client->srtt = server->srtt = 200 + draw(generator, 2000);
	server->acked += received;
	server->received += sent;
	server->segments_out += 6 + (uint32_t)(received / 1400);
}

static void close_connection(struct generator *generator, struct open_connection *connection)
{
	exchange(generator, connection);
	if (connection->has_client) {
		generator->cpu = draw(generator, CPUS);
		record_ending(&generator->recorder, &connection->client, HADAL_TCP_ENDING_LOCAL_CLOSE, 0);
	}
	if (connection->has_server) {
		generator->cpu = draw(generator, CPUS);
		record_ending(&generator->recorder, &connection->server, HADAL_TCP_ENDING_PEER_CLOSE, 0);
	}
}

static void fail_connection(struct generator *generator)
{
	unsigned int from = draw(generator, SERVICES);
	struct end end;
	char client[32];

	service_address(client, sizeof(client), from, 40000);
	end = end_of(generator->next_id++, 0, HADAL_TCP_CLIENT, &generator->services[from], client, "10.2.0.99:6379");
	record_failed(&generator->recorder, &end, ECONNREFUSED);
}

/* ---- what else happens ---- */

/* One ends, another begins in its place. */
static void live_process(struct generator *generator, struct actor *process)
{
	const struct actor *parent = &generator->services[draw(generator, SERVICES)];

	generator->cpu = draw(generator, CPUS);
	if (process->tgid)
		record_exit(&generator->recorder, process, draw(generator, 20) ? 0 : 256, 0);
	*process = *parent;
	process->parent = parent->tgid;
	process->tgid = (uint32_t)generator->next_tgid++;
	process->start = generator->recorder.time;
	process->path = "/usr/bin/healthcheck";
	record_fork(&generator->recorder, process);
	record_exec(&generator->recorder, process);
}

static void open_flow(struct generator *generator, struct end *flow)
{
	unsigned int from = draw(generator, SERVICES);
	char client[32];

	service_address(client, sizeof(client), from, 33000 + draw(generator, 20000));
	*flow = end_of(generator->next_id++, 0, HADAL_TCP_CLIENT, &generator->services[from], client, "10.0.0.2:53");
	flow->tcp.start_time = generator->recorder.time;
}

static void live_flow(struct generator *generator, struct end *flow)
{
	flow->counters.acked += 60;
	flow->counters.received += 180;
	record_udp(&generator->recorder, flow, HADAL_UDP_ENDED);
	open_flow(generator, flow);
}

static void live_container(struct generator *generator)
{
	uint64_t cgroup = generator->next_cgroup++;

	add_container(generator, cgroup, draw(generator, SERVICES));
	record_cgroup(&generator->recorder, HADAL_RECORD_CGROUP_RMDIR, 0, cgroup, NULL, 0);
}

static void snapshot_of(struct generator *generator, const struct open_connection *connection)
{
	if (connection->has_client)
		record_snapshot(&generator->recorder, &connection->client);
	if (connection->has_server)
		record_snapshot(&generator->recorder, &connection->server);
}

static void take_snapshot(struct generator *generator)
{
	static const uint32_t what = HADAL_DUMP_CONNECTIONS | HADAL_DUMP_UDP;
	const uint64_t spacing = generator->spacing;

	generator->cpu = 0;
	generator->spacing = SPACING;	/* the module makes one at once, whatever else goes on */
	record_dump(&generator->recorder, HADAL_RECORD_DUMP_START, what);
	for (unsigned int i = 0; i < LASTING; i++) {
		exchange(generator, &generator->lasting[i]);
		snapshot_of(generator, &generator->lasting[i]);
	}
	for (unsigned int i = 0; i < OPEN; i++)
		snapshot_of(generator, &generator->open[i]);
	for (unsigned int i = 0; i < FLOWS; i++)
		record_udp(&generator->recorder, &generator->flows[i], 0);
	record_dump(&generator->recorder, HADAL_RECORD_DUMP_END, what);
	generator->spacing = spacing;
	generator->next_snapshot = generator->recorder.time + 10 * SECOND;
}

static void turn(struct generator *generator, unsigned int number)
{
	struct open_connection *connection = &generator->open[number % OPEN];

	if (number >= OPEN)
		close_connection(generator, connection);
	open_connection(generator, connection);
	if (number % 4 == 0)
		live_process(generator, &generator->processes[number / 4 % PROCESSES]);
	if (number % 8 == 0)
		live_flow(generator, &generator->flows[number / 8 % FLOWS]);
	if (number % 100 == 0)
		fail_connection(generator);
	if (number % 1000 == 0)
		live_container(generator);
	if (number >= OPEN && generator->recorder.time >= generator->next_snapshot)
		take_snapshot(generator);
}

/* @spacing: 0 for the usual one */
static void make_load(struct generator *generator, uint64_t records, uint64_t spacing)
{
	for (unsigned int i = 0; i < LASTING; i++)
		open_connection(generator, &generator->lasting[i]);
	for (unsigned int i = 0; i < FLOWS; i++)
		open_flow(generator, &generator->flows[i]);
	if (spacing)
		generator->spacing = spacing;
	generator->next_snapshot = generator->recorder.time + 10 * SECOND;
	for (unsigned int i = 0; generator->records < records; i++)
		turn(generator, i);
}

/* Each connection with both its ends. */
static void make_state(struct generator *generator)
{
	static struct actor processes[5000];
	static struct open_connection connections[10000];

	for (unsigned int i = 0; i < 5000; i++)
		live_process(generator, &processes[i]);
	for (unsigned int i = 0; i < 10000; i++) {
		do
			open_connection(generator, &connections[i]);
		while (!connections[i].has_client || !connections[i].has_server);
	}
}

static void finish(struct generator *generator)
{
	static const struct hadal_totals totals = { .lost = { 0 } };
	int result = hadal_capture_finish(generator->writer, &totals);

	if (result)
		die("the end", result);
}

int main(int argc, char **argv)
{
	static struct generator generator;

	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "load")) {
		begin(&generator, argv[3]);
		make_load(&generator, strtoull(argv[2], NULL, 10), argc == 5 ? strtoull(argv[4], NULL, 10) : 0);
	} else if (argc == 3 && !strcmp(argv[1], "state")) {
		begin(&generator, argv[2]);
		make_state(&generator);
	} else {
		fprintf(stderr, "usage: generate load RECORDS FILE [SPACING] | generate state FILE\n");
		return 2;
	}
	finish(&generator);
	return EXIT_SUCCESS;
}
