// SPDX-License-Identifier: MIT
/*
 * The way of points from the model to requests, measured step by step; one
 * JSON object on standard output.
 *
 *     way CAPTURE services|full ROUNDS DIRECTORY [points]
 *
 * An interval of profile services is 60 s of the capture's time, one of profile
 * full 10 s. Each is exported, made increments, packed, appended to a spool in
 * DIRECTORY; then for each kind of sink read from there, decoded, totalled and
 * made requests as that kind makes them. Times are CPU time of the best round,
 * for all intervals together. What is not in them: the network, and fsync. With
 * "points" there are no log records.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge_points.h"
#include "export.h"
#include "gzip.h"
#include "json_lines.h"
#include "otlp_encode.h"
#include "prometheus_write.h"
#include "replay.h"
#include "series.h"
#include "spool.h"
#include "spool_batch.h"

#define SECOND		1000000000ULL
#define MINUTE		(60 * SECOND)

/* A function that callgrind's figures are asked for, by its name. */
#define MEASURED	__attribute__((noipa))

enum {
	POINTS = 500,			/* of an interval of profile services, as by default */
	JSON_CHUNK = 1 << 20,		/* as the sink's */
};

enum step {
	STEP_EXPORT,
	STEP_INCREMENTS,
	STEP_PACK,
	STEP_APPEND,
	STEP_READ,
	STEP_UNPACK,
	STEP_TOTALS,
	STEP_OTLP,
	STEP_GZIP,
	STEP_REMOTE_WRITE,
	STEP_JSON_LINES,
	STEPS,
};

static const char *const step_names[STEPS] = {
	"export", "increments", "pack", "append", "read", "unpack", "totals", "otlp", "gzip", "remote_write", "json_lines",
};

enum kind {
	KIND_OTLP,
	KIND_REMOTE_WRITE,
	KIND_JSON_LINES,
	KINDS,
};

static const char *const kind_names[KINDS] = { "otlp", "remote_write", "json_lines" };

struct sum {
	uint64_t items, requests, raw, sent;	/* bytes: before compression, and as they are sent */
};

struct way {
	bool full, without_logs;
	uint64_t next;			/* ns since 1970: when an interval is over */
	uint64_t begun, ended;		/* likewise: of what is shipped */
	unsigned int intervals;
	uint64_t points, logs;
	uint64_t spooled;		/* bytes */
	uint64_t spent[STEPS];		/* ns */
	struct sum sums[KINDS][HADAL_SIGNALS];
	struct hadal_series_table *increments, *totals[KINDS];
	struct hadal_spool *spool;
};

static void die(const char *what, int error)
{
	fprintf(stderr, "way: %s: %s\n", what, strerror(-error));
	exit(EXIT_FAILURE);
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void note(struct way *way, enum step step, uint64_t since)
{
	way->spent[step] += cpu_ns() - since;
}

/* ---- into the spool ---- */

static MEASURED struct hadal_batch *step_export(const struct way *way, struct replay *replay, uint64_t wall)
{
	/* The shipper's own counts, and what hadald uses, have points too. */
	static const struct self self = { .usage = { 1, 1, 1 } };
	static const struct hadal_ship_stats shipped = {
		.sink_count = 1,
		.sink[0] = { .name = "otlp", .signal = { { .accepted = 1 }, { .accepted = 1 } } },
	};
	static const struct hadal_stats stats = { .size = sizeof(stats) };
	struct export_host host = { .id = "0123456789abcdef0123456789abcdef", .name = "bench",
				    .cloud_account = "123456789012", .cloud_region = "eu-central-1",
				    .cloud_zone = "eu-central-1a" };
	const struct export_source source = {
		.host = &host, .self = &self, .model = replay->model, .stats = &stats, .shipped = &shipped,
		.module_version = "bench", .module_state = "loaded", .start_time = replay->begun, .time = wall,
		.points = way->full ? POINTS_UNLIMITED : POINTS, .full = way->full, .now = replay->now,
	};
	struct hadal_batch *batch = export_batch(&source);

	if (!batch || hadal_batch_error(batch))
		die("exporting", batch ? hadal_batch_error(batch) : -ENOMEM);
	return batch;
}

static MEASURED void step_increments(struct way *way, struct hadal_batch *batch)
{
	if (hadal_series_increments(way->increments, batch))
		die("more series than fit", -ENOSPC);
}

static MEASURED void step_pack(struct hadal_batch *batch, uint8_t **data, size_t *size)
{
	const int result = hadal_spool_pack(batch, data, size);

	if (result)
		die("packing", result);
}

static MEASURED uint64_t step_append(struct way *way, const uint64_t *items, const uint8_t *data, size_t size)
{
	uint64_t sequence;
	const int result = hadal_spool_append(way->spool, items, data, size, &sequence);

	if (result)
		die("appending", result);
	return sequence;
}

/* The batch's way into the spool; its number there. */
static uint64_t spool_batch(struct way *way, struct hadal_batch *batch)
{
	struct hadal_batch_counts counts;
	uint64_t items[HADAL_SIGNALS], sequence, since = cpu_ns();
	uint8_t *data;
	size_t size;

	step_increments(way, batch);
	note(way, STEP_INCREMENTS, since);
	counts = hadal_batch_counts(batch);
	items[HADAL_SIGNAL_METRICS] = counts.points;
	items[HADAL_SIGNAL_LOGS] = counts.records;
	since = cpu_ns();
	step_pack(batch, &data, &size);
	hadal_batch_free(batch);
	note(way, STEP_PACK, since);
	since = cpu_ns();
	sequence = step_append(way, items, data, size);
	free(data);
	note(way, STEP_APPEND, since);
	way->points += counts.points;
	way->logs += counts.records;
	way->spooled += size;
	return sequence;
}

/* ---- and out of it ---- */

static MEASURED void step_read(struct way *way, uint64_t sequence, struct hadal_spool_record *record)
{
	const int result = hadal_spool_read(way->spool, sequence, record);

	if (result)
		die("reading", result);
}

static MEASURED struct hadal_batch *step_unpack(const struct hadal_spool_record *record)
{
	struct hadal_batch *batch;
	const char *wrong;
	const int result = hadal_spool_unpack(record->data, record->entry.size, &batch, &wrong);

	if (result)
		die(wrong, result);
	return batch;
}

static MEASURED void step_totals(struct hadal_series_table *table, struct hadal_batch *batch)
{
	if (hadal_series_totals(table, batch))
		die("more series than fit", -ENOSPC);
}

static MEASURED void step_gzip(const uint8_t *body, size_t size, struct sum *sum)
{
	uint8_t *packed;
	size_t packed_size;
	const int result = hadal_gzip(body, size, &packed, &packed_size);

	if (result)
		die("gzip", result);
	free(packed);
	sum->sent += packed_size;
}

static void add_request(struct sum *sum, uint64_t items, size_t raw)
{
	sum->items += items;
	sum->requests++;
	sum->raw += raw;
}

static int compress_request(void *context, enum hadal_signal signal, uint64_t items, uint8_t *body, size_t size)
{
	struct way *way = context;
	const uint64_t since = cpu_ns();

	add_request(&way->sums[KIND_OTLP][signal], items, size);
	step_gzip(body, size, &way->sums[KIND_OTLP][signal]);
	free(body);
	note(way, STEP_GZIP, since);
	return 0;
}

static MEASURED void step_otlp(struct way *way, struct hadal_batch *batch)
{
	struct hadal_otlp_result result;

	for (int signal = 0; signal < HADAL_SIGNALS; signal++)
		if (hadal_otlp_encode(batch, (enum hadal_signal)signal, HADAL_REQUEST_BYTES, compress_request, way, &result))
			die("OTLP", -ENOMEM);
}

static int take_write(void *context, const struct prometheus_write_request *request)
{
	struct sum *sum = context;

	add_request(sum, request->items, request->raw_size);
	sum->sent += request->size;
	free(request->body);
	return 0;
}

static MEASURED void step_remote_write(struct way *way, const struct hadal_batch *batch)
{
	struct prometheus_write_result result;

	if (prometheus_write_encode(batch, 0, hadal_batch_counts(batch).points, PROMETHEUS_WRITE_BYTES, take_write,
				    &way->sums[KIND_REMOTE_WRITE][HADAL_SIGNAL_METRICS], &result))
		die("remote write", -ENOMEM);
}

static int take_lines(void *context, const struct json_lines *lines)
{
	struct sum *sum = context;

	add_request(sum, lines->items, lines->size);
	sum->sent += lines->size;
	free(lines->text);
	return 0;
}

static MEASURED void step_json_lines(struct way *way, const struct hadal_batch *batch)
{
	const struct hadal_batch_counts counts = hadal_batch_counts(batch);
	const uint64_t items[HADAL_SIGNALS] = { counts.points, counts.records };
	struct json_lines_result result;

	for (int signal = 0; signal < HADAL_SIGNALS; signal++)
		if (json_lines_encode(batch, (enum hadal_signal)signal, false, 0, items[signal], JSON_CHUNK, take_lines,
				      &way->sums[KIND_JSON_LINES][signal], &result))
			die("JSON lines", -ENOMEM);
}

/* What is compressed meanwhile is a step of its own. */
static void make_requests(struct way *way, enum kind kind, struct hadal_batch *batch)
{
	static const enum step steps[KINDS] = { STEP_OTLP, STEP_REMOTE_WRITE, STEP_JSON_LINES };
	const uint64_t since = cpu_ns(), compressed = way->spent[STEP_GZIP];

	if (kind == KIND_OTLP)
		step_otlp(way, batch);
	else if (kind == KIND_REMOTE_WRITE)
		step_remote_write(way, batch);
	else
		step_json_lines(way, batch);
	hadal_batch_free(batch);
	note(way, steps[kind], since);
	way->spent[steps[kind]] -= way->spent[STEP_GZIP] - compressed;
}

/* As one sink does. Of the steps that all kinds have, OTLP's alone are counted. */
static void serve(struct way *way, enum kind kind, uint64_t sequence)
{
	struct hadal_spool_record record;
	struct hadal_batch *batch;
	uint64_t at[4];

	at[0] = cpu_ns();
	step_read(way, sequence, &record);
	at[1] = cpu_ns();
	batch = step_unpack(&record);
	free(record.data);
	at[2] = cpu_ns();
	step_totals(way->totals[kind], batch);
	at[3] = cpu_ns();
	for (int i = 0; kind == KIND_OTLP && i < 3; i++)
		way->spent[STEP_READ + i] += at[i + 1] - at[i];
	make_requests(way, kind, batch);
}

/* ---- intervals ---- */

static void ship_interval(void *context, struct replay *replay, uint64_t wall)
{
	struct way *way = context;
	struct hadal_batch *batch;
	uint64_t sequence, since;

	if (wall < way->next)
		return;
	way->next = wall + (way->full ? 10 * SECOND : MINUTE) - SECOND;
	since = cpu_ns();
	batch = step_export(way, replay, wall);
	note(way, STEP_EXPORT, since);
	sequence = spool_batch(way, batch);
	for (int kind = 0; kind < KINDS; kind++)
		serve(way, (enum kind)kind, sequence);
	hadal_spool_release(way->spool, sequence + 1);
	way->intervals++;
	way->ended = wall;
}

static void lost(void *context, const struct hadal_spool_entry *entry, enum hadal_spool_loss why)
{
	(void)context;
	(void)entry;
	(void)why;
	die("the spool dropped a record", -ENOSPC);
}

static void say(void *context, enum hadal_ship_log_level level, const char *message)
{
	(void)context;
	(void)level;
	fprintf(stderr, "way: %s\n", message);
}

static void open_way(struct way *way, bool full, bool without_logs, const char *directory)
{
	const struct hadal_spool_config config = {
		.directory = directory, .bytes = 256 << 20, .age_ms = 6 * 3600 * 1000, .memory_bytes = 64 << 20,
		.memory_records = 1024, .lost = lost, .say = say,
	};
	struct hadal_spool_stats stats;
	int result;

	*way = (struct way){ .full = full, .without_logs = without_logs, .increments = hadal_series_new(0) };
	for (int kind = 0; kind < KINDS; kind++)
		way->totals[kind] = hadal_series_new(0);
	result = hadal_spool_open(&config, &way->spool);
	if (result)
		die("the spool", result);
	hadal_spool_stats(way->spool, &stats);
	if (!stats.owned)
		die(directory, -EACCES);
}

static void close_way(struct way *way)
{
	hadal_spool_close(way->spool);
	hadal_series_free(way->increments);
	for (int kind = 0; kind < KINDS; kind++)
		hadal_series_free(way->totals[kind]);
}

static void run(struct way *way, int fd)
{
	struct hadal_capture_reader *capture;
	struct replay *replay;
	int result;

	lseek(fd, 0, SEEK_SET);
	result = hadal_capture_open(&capture, fd);
	if (result)
		die("the capture", result);
	way->begun = hadal_capture_realtime(capture);
	way->next = way->begun + (way->full ? 10 * SECOND : MINUTE) - SECOND;
	result = replay_new(&replay, way->begun, 10 * MINUTE);
	if (result)
		die("the model", result);
	replay->model->config.lifecycle = !way->without_logs;
	replay->interval = ship_interval;
	replay->context = way;
	result = replay_capture(replay, capture);
	if (result)
		die(replay->error, result);
	replay_free(replay);
	hadal_capture_close(capture);
	if (!way->intervals)
		die("the capture has no whole interval", -EINVAL);
}

/* ---- figures ---- */

static uint64_t all_spent(const struct way *way)
{
	uint64_t sum = 0;

	for (int step = STEP_EXPORT; step <= STEP_GZIP; step++)
		sum += way->spent[step];
	return sum;
}

static void print_sum(const char *name, const struct sum *sum)
{
	printf("\"%s\":{\"items\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"raw\":%" PRIu64 ",\"sent\":%" PRIu64 "}", name,
	       sum->items, sum->requests, sum->raw, sum->sent);
}

static void print_figures(const struct way *way)
{
	printf("{\"intervals\":%u,\"seconds\":%.3f,\"points\":%" PRIu64 ",\"logs\":%" PRIu64 ",\"spooled\":%" PRIu64
	       ",\"series\":%zu,\"ns\":{", way->intervals, (double)(way->ended - way->begun) / 1e9, way->points, way->logs,
	       way->spooled, hadal_series_count(way->increments));
	for (int step = 0; step < STEPS; step++)
		printf("%s\"%s\":%" PRIu64, step ? "," : "", step_names[step], way->spent[step]);
	printf("},\"sinks\":{");
	for (int kind = 0; kind < KINDS; kind++) {
		printf("%s\"%s\":{", kind ? "," : "", kind_names[kind]);
		print_sum("metrics", &way->sums[kind][HADAL_SIGNAL_METRICS]);
		printf(",");
		print_sum("logs", &way->sums[kind][HADAL_SIGNAL_LOGS]);
		printf("}");
	}
	printf("}}\n");
}

int main(int argc, char **argv)
{
	const bool points = argc == 6 && strcmp(argv[5], "points") == 0;
	const int fd = argc == 5 || points ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	static struct way way, best;
	unsigned long rounds;

	if ((argc != 5 && !points) || (strcmp(argv[2], "services") != 0 && strcmp(argv[2], "full") != 0)) {
		fprintf(stderr, "usage: way CAPTURE services|full ROUNDS DIRECTORY [points]\n");
		return 2;
	}
	if (fd < 0)
		die(argv[1], -errno);
	rounds = strtoul(argv[3], NULL, 10);
	for (unsigned long i = 0; !i || i < rounds; i++) {
		open_way(&way, strcmp(argv[2], "full") == 0, points, argv[4]);
		run(&way, fd);
		if (!i || all_spent(&way) < all_spent(&best))
			best = way;
		if (i + 1 < rounds)
			close_way(&way);
	}
	best.increments = way.increments;
	print_figures(&best);
	close_way(&way);
	close(fd);
	return EXIT_SUCCESS;
}
