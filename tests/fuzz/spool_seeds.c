// SPDX-License-Identifier: MIT
#include "spool_seeds.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "series.h"
#include "sink_state.h"
#include "spool_batch.h"
#include "spool_form.h"
#include "spool_segment.h"

static const struct hadal_metric_info metrics[] = {
	{ "hadal.tcp.io", "By", "Payload", HADAL_COUNTER },
	{ "container.cpu.time", "s", NULL, HADAL_COUNTER },
	{ "hadal.tcp.connection.active", "{connection}", NULL, HADAL_UP_DOWN_COUNTER },
	{ "hadal.workload.info", "1", NULL, HADAL_GAUGE },
	{ "hadal.tcp.rtt", "s", NULL, HADAL_EXPONENTIAL_HISTOGRAM },
	{ "hadal.tcp.connect.duration", "s", NULL, HADAL_HISTOGRAM },
};

static __attribute__((noreturn)) void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void add_points(struct hadal_batch *batch, struct hadal_resource *resource)
{
	static const double bounds[] = { 0.001, 0.1 };
	static const uint64_t counts[] = { 3, 0, 1 };
	static const struct hadal_exponential_histogram_value scaled = {
		.scale = 2, .offset = -30, .counts = counts, .count = 3, .zero_count = 1, .sum = 0.25, .min = 0.01, .max = 0.2,
		.has_extremes = true,
	};
	static const struct hadal_histogram_value explicit = {
		.bounds = bounds, .bound_count = 2, .counts = counts, .sum = 0.25,
	};
	struct hadal_point at = { .start_time = 1700000000000000000, .time = 1700000010000000000 };

	at.attributes = HADAL_ATTRIBUTES(batch, hadal_string("hadal.peer.name", "api"), hadal_int("server.port", 443),
					 hadal_bool("b", true), hadal_double("d", 0.5));
	hadal_metric_add_int(hadal_resource_metric(resource, &metrics[0]), &at, 4711);
	hadal_metric_add_double(hadal_resource_metric(resource, &metrics[1]), &at, 0.125);
	hadal_metric_add_int(hadal_resource_metric(resource, &metrics[2]), &at, -1);
	hadal_metric_add_int(hadal_resource_metric(resource, &metrics[3]), &at, 1);
	hadal_metric_add_exponential_histogram(hadal_resource_metric(resource, &metrics[4]), &at, &scaled);
	hadal_metric_add_histogram(hadal_resource_metric(resource, &metrics[5]), &at, &explicit);
	at.attributes = NULL;
	at.no_recorded_value = true;
	hadal_metric_add_int(hadal_resource_metric(resource, &metrics[0]), &at, 0);
}

static struct hadal_batch *make_batch(void)
{
	static const char *const arguments[] = { "sh", "-c" };
	struct hadal_batch *batch = hadal_batch_new(0);
	struct hadal_resource *resource = hadal_batch_resource(batch,
			HADAL_ATTRIBUTES(batch, hadal_string("service.name", "web")));
	const struct hadal_log_record record = {
		.event_name = "process.exited", .time = 1, .observed_time = 2, .severity = HADAL_SEVERITY_INFO, .body = "b",
		.attributes = HADAL_ATTRIBUTES(batch, hadal_strings("process.command_args", arguments, 2)),
	};

	add_points(batch, resource);
	hadal_resource_log(resource, &record);
	if (hadal_batch_error(batch))
		die("the batch");
	return batch;
}

static void write_seed(const char *directory, const char *target, const char *name, int first, const void *data,
		       size_t size)
{
	FILE *file = seed_create(directory, target, name);

	if (!file)
		die(name);
	fputc(first, file);
	fwrite(data, size, 1, file);
	fclose(file);
}

static void write_form(const char *directory, struct hadal_batch *batch)
{
	struct hadal_wire form = { 0 };

	if (hadal_spool_form_write(batch, &form))
		die("the form");
	write_seed(directory, "batch", "form", 1, form.bytes, form.size);
	free(form.bytes);
}

/* What was written to a file of the directory, as a seed. */
static void copy_seed(const char *directory, const char *target, int at, const char *name)
{
	uint8_t bytes[65536];
	const int fd = openat(at, name, O_RDONLY | O_CLOEXEC);
	const ssize_t size = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

	if (size < 0)
		die(name);
	close(fd);
	unlinkat(at, name, 0);
	write_seed(directory, target, "usual", 1, bytes, (size_t)size);
}

static void write_segment(const char *directory, int at, const uint8_t *data, size_t size)
{
	static const uint8_t run[HADAL_SPOOL_RUN_SIZE], boot[SPOOL_BOOT_SIZE];
	struct hadal_spool_entry entry = { .sequence = 1, .size = size };
	struct spool_segment *segment;
	struct spool_slot slot;

	if (spool_segment_create(at, entry.sequence, run, boot, &segment))
		die("a segment");
	for (; entry.sequence < 4; entry.sequence++) {
		if (spool_segment_reserve(segment) || spool_segment_write(segment, &entry, data, &slot))
			die("a record");
		spool_segment_add(segment, &slot);
	}
	copy_seed(directory, "segment", at, segment->name);
	spool_segment_free(segment);
}

static void write_state(const char *directory, const char *path, int at, struct hadal_batch *batch)
{
	struct hadal_series_table *table = hadal_series_new(0);
	struct hadal_sink_state state = { .position = 2 };

	hadal_series_totals(table, batch);
	if (hadal_series_save(table, &state.series, &state.series_size) || hadal_sink_state_write(path, "seed", &state))
		die("a state");
	copy_seed(directory, "state", at, "sink-seed.state");
	free(state.series);
	hadal_series_free(table);
}

void spool_seeds_write(const char *directory)
{
	char path[] = "/tmp/hadal-seeds.XXXXXX";
	const int at = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct hadal_batch *batch = make_batch();
	uint8_t *data;
	size_t size;

	if (at < 0 || hadal_spool_pack(batch, &data, &size))
		die(path);
	write_form(directory, batch);
	write_seed(directory, "batch", "packed", 0, data, size);
	write_segment(directory, at, data, size);
	write_state(directory, path, at, batch);
	hadal_batch_free(batch);
	free(data);
	close(at);
	rmdir(path);
}
