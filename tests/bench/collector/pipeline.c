// SPDX-License-Identifier: MIT
/*
 * The collector's work on a capture, measured; one JSON object on standard output.
 *
 *     pipeline time CAPTURE ROUNDS    CPU time of each stage, the best of the rounds
 *     pipeline once CAPTURE           the same without a clock, for callgrind
 *     pipeline memory CAPTURE         memory with all of it live
 *
 * What is measured: bench_read(), the capture from its file, checksums and
 * validation; bench_drain(), its records from rings of several CPUs through
 * libhadal's merge into the model, intervals with their OTLP encoding. What is
 * not: putting the records into the rings, which the kernel does in life.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "export.h"
#include "memory_ring.h"
#include "otlp_encode.h"
#include "replay.h"

#define SECOND		1000000000ULL
#define MINUTE		(60 * SECOND)

/* Callgrind collects within it, by its name. */
#define MEASURED	__attribute__((noipa))

enum {
	CPUS = 4,
	FLOW_RING = 1 << 20,		/* bytes, as hadald's by default */
	LIFECYCLE_RING = 256 << 10,
	WATERMARK_PART = 4,
	REQUEST_MAX = 4 << 20,
	CALIBRATION = 200000000,	/* turns */
};

/* A capture in memory, item behind item: its size with the kind, then itself. */
struct items {
	uint8_t *data;
	size_t size, room;
	uint64_t records;
};

struct item {
	uint64_t kind;
	uint64_t size;		/* bytes, filled up to 8 */
	uint8_t data[];
};

struct bench {
	struct replay *replay;
	struct memory_ring rings[CPUS][HADAL_LANES];
	struct hadal_reader *reader;
	uint64_t filled;	/* ns: the time of the newest record in the rings */
	uint64_t drained;	/* records */
	uint64_t encoded;	/* bytes */
	uint64_t points;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "pipeline: %s: %s\n", what, strerror(-error));
	exit(EXIT_FAILURE);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* ---- intervals ---- */

static int count_request(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	struct bench *bench = context;

	(void)signal;
	bench->encoded += size;
	bench->points += items;
	free(body);
	return 0;
}

static void encode_interval(void *context, struct replay *replay, uint64_t wall)
{
	struct bench *bench = context;
	struct export_host host = { .id = "bench" };
	struct hadal_stats stats = { .size = sizeof(stats) };
	struct export_source source = {
		.host = &host, .model = replay->model, .stats = &stats, .module_version = "bench",
		.module_state = "loaded", .start_time = replay->begun, .time = wall, .now = replay->now,
	};
	struct hadal_batch *batch = export_batch(&source);
	struct hadal_otlp_result encoded;
	int result = batch ? 0 : -ENOMEM;

	for (int signal = 0; signal < HADAL_SIGNALS && !result; signal++)
		result = hadal_otlp_encode(batch, (enum hadal_signal)signal, REQUEST_MAX, count_request, bench, &encoded);
	if (result)
		die("encoding", result);
	hadal_batch_free(batch);
}

/* ---- rings ---- */

static uint64_t clock_of_rings(void *context)
{
	const struct bench *bench = context;

	return bench->filled + READER_SLACK + 1;
}

static void open_bench(struct bench *bench, uint64_t begun)
{
	const struct reader_sources sources = { .clock = clock_of_rings, .context = bench };
	int result;

	memset(bench, 0, sizeof(*bench));
	result = replay_new(&bench->replay, begun, 10 * MINUTE);
	if (!result)
		result = reader_create(&bench->reader, &sources);
	if (result)
		die("no memory", result);
	bench->replay->interval = encode_interval;
	bench->replay->context = bench;
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		memory_ring_create(&bench->rings[cpu][HADAL_LANE_LIFECYCLE], LIFECYCLE_RING, cpu, HADAL_LANE_LIFECYCLE, 0);
		memory_ring_create(&bench->rings[cpu][HADAL_LANE_FLOW], FLOW_RING, cpu, HADAL_LANE_FLOW, 0);
		memory_ring_add_to(&bench->rings[cpu][HADAL_LANE_LIFECYCLE], bench->reader);
		memory_ring_add_to(&bench->rings[cpu][HADAL_LANE_FLOW], bench->reader);
	}
}

static void close_bench(struct bench *bench)
{
	reader_destroy(bench->reader);
	for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
		memory_ring_destroy(&bench->rings[cpu][HADAL_LANE_LIFECYCLE]);
		memory_ring_destroy(&bench->rings[cpu][HADAL_LANE_FLOW]);
	}
	replay_free(bench->replay);
}

static bool is_at_watermark(const struct memory_ring *ring)
{
	return ring->size - memory_ring_room(ring) >= ring->size / WATERMARK_PART;
}

/* As the module would have written it there. Returns whether it would wake the reader. */
static bool put_record(struct bench *bench, const struct hadal_record *record)
{
	struct memory_ring *ring = &bench->rings[record->cpu % CPUS][record->lane];
	struct hadal_record *header, own;

	if (memory_ring_room(ring) < record->size)
		die("a record does not fit a ring", -ENOBUFS);
	header = memory_ring_append(ring, record->type, record->size, record->time);
	own = *header;
	memcpy(header, record, record->size);
	header->sequence = own.sequence;
	header->cpu = own.cpu;
	memory_ring_publish(ring);
	bench->filled = record->time;
	return is_at_watermark(ring);
}

/* ---- what is measured ---- */

static MEASURED uint64_t bench_read(int fd)
{
	struct hadal_capture_reader *capture;
	const struct hadal_record *record;
	struct hadal_capture_end end;
	struct hadal_text document;
	int item, result = hadal_capture_open(&capture, fd);

	while (!result && (item = hadal_capture_next(capture, &record, &document)) != HADAL_CAPTURE_END)
		result = item < 0 ? item : 0;
	if (result)
		die("reading the capture", result);
	hadal_capture_ending(capture, &end);
	if (!end.is_whole) {
		fprintf(stderr, "pipeline: %s\n", end.why);
		exit(EXIT_FAILURE);
	}
	hadal_capture_close(capture);
	return end.records;
}

static MEASURED void bench_drain(struct bench *bench)
{
	const struct hadal_record *record;
	int result;

	while ((result = hadal_reader_next(bench->reader, &record)) > 0) {
		replay_record(bench->replay, record);
		bench->drained++;
	}
	if (result)
		die(hadal_reader_error(bench->reader), result);
}

static MEASURED void bench_finish(struct bench *bench)
{
	replay_finish(bench->replay);
}

/* ---- a round ---- */

static void keep(struct items *items, uint64_t kind, const void *data, size_t size)
{
	size_t filled = (size + 8) & ~(size_t)7;
	struct item *item;

	if (items->size + sizeof(*item) + filled > items->room) {
		items->room = 2 * items->room + (1 << 20);
		items->data = realloc(items->data, items->room);
		if (!items->data)
			die("the capture in memory", -ENOMEM);
	}
	item = (void *)(items->data + items->size);
	*item = (struct item){ .kind = kind, .size = filled };
	memcpy(item->data, data, size);
	items->size += sizeof(*item) + filled;
	items->records += kind == HADAL_CAPTURE_RECORD;
}

static struct items load(int fd, uint64_t *begun)
{
	struct items items = { .data = NULL };
	struct hadal_capture_reader *capture;
	const struct hadal_record *record;
	struct hadal_text document;
	int item, result = hadal_capture_open(&capture, fd);

	if (result)
		die(capture ? hadal_capture_why(capture) : "the capture", result);
	*begun = hadal_capture_realtime(capture);
	while ((item = hadal_capture_next(capture, &record, &document)) > 0) {
		if (item == HADAL_CAPTURE_RECORD)
			keep(&items, (uint64_t)item, record, record->size);
		else
			keep(&items, (uint64_t)item, document.data, document.length + 1);
	}
	hadal_capture_close(capture);
	return items;
}

static uint64_t drain_timed(struct bench *bench)
{
	uint64_t since = cpu_ns();

	bench_drain(bench);
	return cpu_ns() - since;
}

static MEASURED uint64_t take_document(struct bench *bench, const char *text)
{
	uint64_t since = cpu_ns();
	int result = replay_document(bench->replay, (struct hadal_text){ text, strlen(text) });

	if (result)
		die(bench->replay->error, result);
	return cpu_ns() - since;
}

/* Returns ns of CPU. */
static uint64_t run_rings(struct bench *bench, const struct items *items)
{
	const struct item *item;
	uint64_t spent = 0, since;

	for (size_t at = 0; at < items->size; at += sizeof(*item) + item->size) {
		item = (const void *)(items->data + at);
		if (item->kind == HADAL_CAPTURE_DOCUMENT) {
			spent += drain_timed(bench);
			spent += take_document(bench, (const char *)item->data);
		} else if (put_record(bench, (const void *)item->data)) {
			spent += drain_timed(bench);
		}
	}
	spent += drain_timed(bench);
	since = cpu_ns();
	bench_finish(bench);
	return spent + cpu_ns() - since;
}

static uint64_t read_timed(int fd)
{
	uint64_t since = cpu_ns();

	lseek(fd, 0, SEEK_SET);
	bench_read(fd);
	return cpu_ns() - since;
}

/* Of one dependent chain, so that it tells the clock of the core and nothing else. */
static MEASURED uint64_t calibrate(void)
{
	uint64_t since = cpu_ns(), value = 88172645463325252ULL;

	for (unsigned int i = 0; i < CALIBRATION; i++) {
		value ^= value << 13;
		value ^= value >> 7;
		value ^= value << 17;
		__asm__ volatile("" : "+r"(value));
	}
	return cpu_ns() - since;
}

static void check_all(const struct bench *bench, const struct items *items)
{
	struct hadal_totals totals;

	hadal_reader_totals(bench->reader, &totals);
	if (bench->drained == items->records && !totals.lost_by_gap)
		return;
	fprintf(stderr, "pipeline: %" PRIu64 " records of %" PRIu64 " came through\n", bench->drained, items->records);
	exit(EXIT_FAILURE);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a && a < b ? a : b;
}

static void measure_time(int fd, unsigned int rounds)
{
	uint64_t begun, read_ns = 0, rings_ns = 0, loop_ns = 0;
	struct items items = load(fd, &begun);
	static struct bench bench;

	for (unsigned int i = 0; i < rounds; i++) {
		loop_ns = least(loop_ns, calibrate());
		read_ns = least(read_ns, read_timed(fd));
		open_bench(&bench, begun);
		rings_ns = least(rings_ns, run_rings(&bench, &items));
		check_all(&bench, &items);
		if (i + 1 < rounds)
			close_bench(&bench);
	}
	printf("{\"records\":%" PRIu64 ",\"read_ns\":%" PRIu64 ",\"rings_ns\":%" PRIu64 ",\"loop_ns\":%" PRIu64
	       ",\"loop_turns\":%u,\"encoded_bytes\":%" PRIu64 ",\"points\":%" PRIu64 ",\"edges\":%u,\"rounds\":%u}\n",
	       items.records, read_ns, rings_ns, loop_ns, CALIBRATION, bench.encoded, bench.points,
	       HASH_COUNT(bench.replay->model->edges.table), rounds);
	close_bench(&bench);
	free(items.data);
}

static void run_once(int fd)
{
	static struct bench bench;
	uint64_t begun;
	struct items items = load(fd, &begun);

	lseek(fd, 0, SEEK_SET);
	bench_read(fd);
	open_bench(&bench, begun);
	run_rings(&bench, &items);
	check_all(&bench, &items);
	printf("{\"records\":%" PRIu64 "}\n", items.records);
	close_bench(&bench);
	free(items.data);
}

/* ---- memory ---- */

static unsigned long status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long value = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, strlen(name)))
			value = strtoul(line + strlen(name) + 1, NULL, 10);
	}
	if (file)
		fclose(file);
	return value;
}

static void measure_memory(int fd)
{
	struct hadal_capture_reader *capture;
	struct bench bench = { .replay = NULL };
	struct model *model;
	int result = hadal_capture_open(&capture, fd);

	if (!result)
		result = replay_new(&bench.replay, hadal_capture_realtime(capture), 10 * MINUTE);
	if (result)
		die("the capture", result);
	bench.replay->interval = encode_interval;
	bench.replay->context = &bench;
	result = replay_capture(bench.replay, capture);
	if (result)
		die(bench.replay->error, result);
	hadal_capture_close(capture);
	model = bench.replay->model;
	printf("{\"rss_kib\":%lu,\"peak_kib\":%lu,\"connection_ends\":%u,\"processes\":%u}\n", status_kib("VmRSS"),
	       status_kib("VmHWM"), HASH_COUNT(model->connections.table), HASH_COUNT(model->processes.table));
	replay_free(bench.replay);
}

int main(int argc, char **argv)
{
	int fd = argc >= 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;

	if (argc >= 3 && fd < 0)
		die(argv[2], -errno);
	if (argc == 4 && !strcmp(argv[1], "time")) {
		measure_time(fd, (unsigned int)strtoul(argv[3], NULL, 10));
	} else if (argc == 3 && !strcmp(argv[1], "once")) {
		run_once(fd);
	} else if (argc == 3 && !strcmp(argv[1], "memory")) {
		measure_memory(fd);
	} else {
		fprintf(stderr, "usage: pipeline time CAPTURE ROUNDS | once CAPTURE | memory CAPTURE\n");
		return 2;
	}
	close(fd);
	return EXIT_SUCCESS;
}
