// SPDX-License-Identifier: MIT
/*
 * seeds DIRECTORY: writes what fuzzing starts from, one file per kind of record
 * for fuzz_records, rings with all of them for fuzz_reader, a capture with all of
 * them and of documents for fuzz_capture, these for fuzz_document, messages for
 * fuzz_dns, files for fuzz_build, messages of netlink for fuzz_netlink, what a
 * spool holds (spool_seeds.c), modules (module_seeds.c).
 */
#include <errno.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hadal/capture.h>

#include "dns_messages.h"
#include "elf_images.h"
#include "fuzz.h"
#include "module_seeds.h"
#include "records.h"
#include "spool_seeds.h"

struct seeds {
	const char *directory;
	unsigned int count;
	FILE *all;	/* every record, for fuzz_records */
	FILE *rings;	/* the same through rings, for fuzz_reader */
	struct hadal_capture_writer *capture;	/* the same, for fuzz_capture */
};

FILE *seed_create(const char *directory, const char *target, const char *name)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, target);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return NULL;
	snprintf(path, sizeof(path), "%s/%s/%s", directory, target, name);
	file = fopen(path, "wb");
	if (!file) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	return file;
}

static void put(FILE *file, uint64_t value, size_t bytes)
{
	fwrite(&value, bytes, 1, file);
}

static void append_to_ring(FILE *file, const struct hadal_record *record)
{
	put(file, FUZZ_APPEND, 1);
	put(file, record->lane, 1);	/* rings 0 and 1: the lanes of CPU 0 */
	put(file, record->size, 2);
	fwrite(record, record->size, 1, file);
	put(file, FUZZ_CLOCK, 1);
	put(file, 1000, 4);
}

static void write_seed(void *context, const struct hadal_record *record)
{
	struct seeds *seeds = context;
	char name[64];
	FILE *file;

	snprintf(name, sizeof(name), "%02u-type-%u", seeds->count++, record->type);
	file = seed_create(seeds->directory, "records", name);
	fwrite(record, record->size, 1, file);
	fclose(file);
	fwrite(record, record->size, 1, seeds->all);
	append_to_ring(seeds->rings, record);
	if (hadal_capture_add(seeds->capture, record))
		exit(EXIT_FAILURE);
}

static void record_processes(struct recorder *recorder, const struct actor *actor)
{
	record_existing(recorder, actor);
	record_fork(recorder, actor);
	record_exec(recorder, actor);
	record_exit(recorder, actor, 256, 0);
	record_exit(recorder, actor, 9, HADAL_PROCESS_OOM);
}

static void record_connections(struct recorder *recorder, const struct actor *actor)
{
	struct end client = end_of(1, 7, HADAL_TCP_CLIENT, actor, "10.0.0.1:40000", "10.0.0.2:80");
	struct end server = end_of(2, 7, HADAL_TCP_SERVER, actor, "[fd00::2]:80", "[fd00::1]:40000");
	struct end listener = end_of(3, 0, HADAL_TCP_LISTENER, actor, "0.0.0.0:80", "0.0.0.0:0");

	record_listening(recorder, &listener);
	record_established(recorder, &client, 3 * MILLISECOND);
	record_accepted(recorder, &server);
	client.counters = (struct hadal_tcp_counters){ .written = 5, .sent = 5, .acked = 5 };
	record_snapshot(recorder, &client);
	record_closed(recorder, &client, 5, 0);
	record_closed(recorder, &server, 8, 104);
	record_failed(recorder, &client, 111);
	record_listener_closed(recorder, &listener);
}

static void record_all(struct recorder *recorder)
{
	const struct actor actor = {
		.tgid = 4711, .parent = 1, .ns_tgid = 12, .net_ns = 4026531840, .start = SECOND,
		.cgroup = 99, .path = "/usr/bin/\xc3\xa9t\x1b[31m\xff",
	};
	struct dns_builder built;

	record_clock(recorder, 1000, 1700000000 * SECOND);
	record_dump(recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_PROCESSES);
	record_processes(recorder, &actor);
	record_connections(recorder, &actor);
	dns_build_usual(&built);
	record_answer(recorder, &actor, built.bytes, built.size);
	record_dump(recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_PROCESSES);
}

static void write_message(const char *directory, const char *name, const struct dns_builder *built,
			  size_t size)
{
	FILE *file = seed_create(directory, "dns", name);
	size_t more = built->size - size;

	fputc((int)(more >> 8 & 0xff), file);
	fputc((int)(more & 0xff), file);
	fwrite(built->bytes, size, 1, file);
	fclose(file);
}

static void write_messages(const char *directory)
{
	struct dns_builder built;

	dns_build_usual(&built);
	write_message(directory, "usual", &built, built.size);
	write_message(directory, "cut", &built, built.size - 20);
	dns_begin(&built, DNS_ANSWERED | 3, 1, 0);
	dns_put_question(&built, "nowhere.example", 28);
	write_message(directory, "nxdomain", &built, built.size);
}

/* Behind the byte that says whether the file goes on as a hole. */
static void write_images(const char *directory)
{
	static const char *const names[] = { "32-little", "64-little", "32-big", "64-big", "32-little-sections",
					     "64-little-sections", "32-big-sections", "64-big-sections" };
	struct elf_image image;
	FILE *file;

	for (unsigned int form = 0; form < 8; form++) {
		image_usual(&image, form & 1, form & 2);
		if (form & 4)
			image_by_sections(&image);
		file = seed_create(directory, "build", names[form]);
		put(file, form & 1, 1);
		fwrite(image.bytes, image.size, 1, file);
		fclose(file);
	}
}

/* Numbers that are missing, a reading between, a position from elsewhere. */
static void add_trouble(FILE *file)
{
	put(file, FUZZ_DROP, 1);
	put(file, 0, 1);
	put(file, FUZZ_READ, 1);
	put(file, 5, 1);
	put(file, FUZZ_RELEASE, 1);
	put(file, FUZZ_CONSUMER, 1);
	put(file, 1, 1);
	put(file, 4, 4);
	put(file, FUZZ_FINAL, 1);
	put(file, 1, 1);
}

/* Behind the byte that has checksums mended. */
static FILE *begin_capture(const char *directory, struct hadal_capture_writer **writer)
{
	FILE *file = seed_create(directory, "capture", "all");

	put(file, 1, 1);
	if (fflush(file) || hadal_capture_create(writer, fileno(file), "{}", 1700000000 * SECOND))
		exit(EXIT_FAILURE);
	return file;
}

static const char *const documents[] = {
	"{\"kind\":\"configuration\",\"version\":1,\"peers.networks\":[\"203.0.113.0/24\"],\"peers.load_balancers\":"
	"[\"2001:db8::/32\"],\"proxies.containers\":[\"ecs-service-connect-*\"],\"proxies.executables\":[\"envoy\"]}",
	"{\"kind\":\"host\",\"version\":1,\"host.id\":\"h\",\"cloud.region\":\"eu-central-1\",\"net_ns\":4026531840,"
	"\"ephemeral_low\":32768,\"ephemeral_high\":60999,\"addresses\":[\"10.0.0.1\",\"fe80::1\"]}",
	"{\"kind\":\"container\",\"version\":1,\"container.id\":\"c\",\"answer\":\"found\",\"task_answer\":\"unavailable\","
	"\"container.name\":\"web\",\"host_network\":true,\"addresses\":[\"172.17.0.2\"],\"ports\":[{\"host_port\":8080,"
	"\"port\":80,\"udp\":true,\"host_address\":\"::\"}],\"aws.ecs.task.arn\":\"arn:aws:ecs:r:1:task/c/t\"}",
	"{\"kind\":\"executable\",\"version\":1,\"process.pid\":4711,\"start_boottime\":1000000000,"
	"\"process.executable.path\":\"/usr/bin/true\"}",
	"{\"kind\":\"cgroup\",\"version\":1,\"hierarchy\":1,\"id\":99,\"path\":\"/system.slice/a.service\"}",
	"{\"kind\":\"test\"}",
};

static void write_documents(const char *directory)
{
	char name[16];
	FILE *file;

	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		snprintf(name, sizeof(name), "%zu", i);
		file = seed_create(directory, "document", name);
		fputs(documents[i], file);
		fclose(file);
	}
}

static void add_documents(struct hadal_capture_writer *writer)
{
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++)
		if (hadal_capture_add_document(writer, documents[i], strlen(documents[i])))
			exit(EXIT_FAILURE);
}

/* ---- netlink: the first byte says of what ---- */

struct message {
	_Alignas(8) uint8_t bytes[1024];
	size_t size;
};

static void extend(struct message *message, const void *data, size_t size)
{
	memcpy(message->bytes + message->size, data, size);
	message->size += NLMSG_ALIGN(size);
}

static struct message begin_message(uint16_t type, const void *fixed, size_t size)
{
	struct nlmsghdr header = { .nlmsg_type = type, .nlmsg_seq = 7 };
	struct message message = { .size = 0 };

	extend(&message, &header, sizeof(header));
	extend(&message, fixed, size);
	return message;
}

static void add_attribute(struct message *message, uint16_t type, const void *data, size_t size)
{
	struct nlattr attribute = { .nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = type };

	extend(message, &attribute, sizeof(attribute));
	extend(message, data, size);
}

static void write_netlink(const char *directory, const char *name, uint8_t of, struct message *message)
{
	FILE *file = seed_create(directory, "netlink", name);

	((struct nlmsghdr *)message->bytes)->nlmsg_len = (uint32_t)message->size;
	put(file, of, 1);
	fwrite(message->bytes, message->size, 1, file);
	fclose(file);
}

static void write_process_event(const char *directory)
{
	struct proc_event event = { .what = PROC_EVENT_FORK, .timestamp_ns = 1000000 };
	const struct cn_msg connector = {
		.id = { CN_IDX_PROC, CN_VAL_PROC }, .seq = 1, .len = sizeof(event),
	};
	struct message message;

	event.event_data.fork.parent_pid = event.event_data.fork.parent_tgid = 1;
	event.event_data.fork.child_pid = event.event_data.fork.child_tgid = 2;
	message = begin_message(NLMSG_DONE, &connector, sizeof(connector));
	extend(&message, &event, sizeof(event));
	write_netlink(directory, "process", 0, &message);
}

static void write_socket(const char *directory)
{
	const struct inet_diag_msg socket = { .idiag_family = 2, .idiag_state = 1, .idiag_inode = 12345 };
	const struct tcp_info info = { .tcpi_bytes_acked = 10, .tcpi_bytes_received = 20 };
	struct message message = begin_message(SOCK_DIAG_BY_FAMILY, &socket, sizeof(socket));
	const uint64_t cgroup = 4711;

	add_attribute(&message, INET_DIAG_INFO, &info, sizeof(info));
	add_attribute(&message, INET_DIAG_CGROUP_ID, &cgroup, sizeof(cgroup));
	write_netlink(directory, "socket", 1, &message);
}

/* One direction; addresses and ports as on the wire. */
static void add_tuple(struct message *message, uint16_t type, uint32_t source, uint32_t destination)
{
	struct message addresses = { .size = 0 }, ports = { .size = 0 }, tuple = { .size = 0 };
	const uint16_t from = 0x409c, to = 0x5000;
	const uint8_t tcp = 6;

	add_attribute(&addresses, CTA_IP_V4_SRC, &source, sizeof(source));
	add_attribute(&addresses, CTA_IP_V4_DST, &destination, sizeof(destination));
	add_attribute(&ports, CTA_PROTO_NUM, &tcp, sizeof(tcp));
	add_attribute(&ports, CTA_PROTO_SRC_PORT, &from, sizeof(from));
	add_attribute(&ports, CTA_PROTO_DST_PORT, &to, sizeof(to));
	add_attribute(&tuple, NLA_F_NESTED | CTA_TUPLE_IP, addresses.bytes, addresses.size);
	add_attribute(&tuple, NLA_F_NESTED | CTA_TUPLE_PROTO, ports.bytes, ports.size);
	add_attribute(message, NLA_F_NESTED | type, tuple.bytes, tuple.size);
}

static void write_translation(const char *directory)
{
	const struct nfgenmsg general = { .nfgen_family = 2 };
	struct message message = begin_message(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, &general,
					       sizeof(general));

	add_tuple(&message, CTA_TUPLE_ORIG, 0x020011ac, 0x0500000a);
	add_tuple(&message, CTA_TUPLE_REPLY, 0x030011ac, 0x020011ac);
	write_netlink(directory, "translation", 2, &message);
}

int main(int argc, char **argv)
{
	struct recorder recorder = { .sink = write_seed };
	struct seeds seeds;
	FILE *capture;

	if (argc != 2) {
		fprintf(stderr, "usage: seeds DIRECTORY\n");
		return EXIT_FAILURE;
	}
	seeds = (struct seeds){ .directory = argv[1] };
	seeds.all = seed_create(argv[1], "records", "all");
	seeds.rings = seed_create(argv[1], "reader", "all");
	capture = begin_capture(argv[1], &seeds.capture);
	recorder.context = &seeds;
	add_documents(seeds.capture);
	record_all(&recorder);
	add_trouble(seeds.rings);
	write_messages(argv[1]);
	write_documents(argv[1]);
	write_images(argv[1]);
	write_process_event(argv[1]);
	write_socket(argv[1]);
	write_translation(argv[1]);
	module_seeds_write(argv[1]);
	spool_seeds_write(argv[1]);
	return fclose(seeds.all) || fclose(seeds.rings) || hadal_capture_finish(seeds.capture, NULL) || fclose(capture) ?
		EXIT_FAILURE : EXIT_SUCCESS;
}
