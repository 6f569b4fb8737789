// SPDX-License-Identifier: MIT
/*
 * seeds DIRECTORY: writes what fuzzing starts from, one file per kind of record
 * for fuzz_records, rings with all of them for fuzz_reader, a capture with all of
 * them for fuzz_capture, messages for fuzz_dns.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <hadal/capture.h>

#include "dns_messages.h"
#include "fuzz.h"
#include "records.h"

struct seeds {
	const char *directory;
	unsigned int count;
	FILE *all;	/* every record, for fuzz_records */
	FILE *rings;	/* the same through rings, for fuzz_reader */
	struct hadal_capture_writer *capture;	/* the same, for fuzz_capture */
};

static FILE *create(const char *directory, const char *target, const char *name)
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
	file = create(seeds->directory, "records", name);
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

static void record_answer(struct recorder *recorder)
{
	struct dns_builder built;
	struct {
		struct hadal_record_dns_answer answer;
		uint8_t payload[512];
	} record = {
		.answer.header = { .type = HADAL_RECORD_DNS_ANSWER, .record_class = HADAL_CLASS_DNS,
				   .lane = HADAL_LANE_FLOW, .time = recorder->time++ },
		.answer.dns = { .family = 2, .local_port = 40000, .peer_port = HADAL_DNS_PORT,
				.owner_tgid = 4711, .owner = HADAL_TCP_OWNER_CALLER,
				.payload_offset = sizeof(record.answer) },
	};

	dns_build_usual(&built);
	memcpy(record.payload, built.bytes, built.size);
	record.answer.dns.captured = (uint16_t)built.size;
	record.answer.dns.length = (uint32_t)built.size;
	record.answer.header.size = (uint32_t)(sizeof(record.answer) + built.size + 7) & ~7U;
	recorder->sink(recorder->context, &record.answer.header);
}

static void record_all(struct recorder *recorder)
{
	const struct actor actor = {
		.tgid = 4711, .parent = 1, .ns_tgid = 12, .net_ns = 4026531840, .start = SECOND,
		.cgroup = 99, .path = "/usr/bin/\xc3\xa9t\x1b[31m\xff",
	};

	record_clock(recorder, 1000, 1700000000 * SECOND);
	record_dump(recorder, HADAL_RECORD_DUMP_START, HADAL_DUMP_PROCESSES);
	record_processes(recorder, &actor);
	record_connections(recorder, &actor);
	record_answer(recorder);
	record_dump(recorder, HADAL_RECORD_DUMP_END, HADAL_DUMP_PROCESSES);
}

static void write_message(const char *directory, const char *name, const struct dns_builder *built,
			  size_t size)
{
	FILE *file = create(directory, "dns", name);
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
	FILE *file = create(directory, "capture", "all");

	put(file, 1, 1);
	if (fflush(file) || hadal_capture_create(writer, fileno(file), "{}", 1700000000 * SECOND))
		exit(EXIT_FAILURE);
	return file;
}

static int end_capture(struct hadal_capture_writer *writer, FILE *file)
{
	static const char document[] = "{\"kind\":\"test\"}";

	if (hadal_capture_add_document(writer, document, strlen(document)))
		exit(EXIT_FAILURE);
	return hadal_capture_finish(writer, NULL) || fclose(file);
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
	seeds.all = create(argv[1], "records", "all");
	seeds.rings = create(argv[1], "reader", "all");
	capture = begin_capture(argv[1], &seeds.capture);
	recorder.context = &seeds;
	record_all(&recorder);
	add_trouble(seeds.rings);
	write_messages(argv[1]);
	return fclose(seeds.all) || fclose(seeds.rings) || end_capture(seeds.capture, capture) ?
		EXIT_FAILURE : EXIT_SUCCESS;
}
