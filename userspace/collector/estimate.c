/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <hadal/capture.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "estimate.h"
#include "replay.h"
#include "series.h"
#include "sink_remote_write.h"
#include "spool_batch.h"

#define SECOND		1000000000.0
#define MONTH		(30 * 86400.0)	/* s */

/* s: what external receivers, and a hub of one's own, are meant to get; docs/configuration.md */
enum { INTERVAL_SERVICES = 60, INTERVAL_FULL = 10 };

/* ---- sinks ---- */

/* Those that there could be, where none is configured. */
static size_t usual_sinks(const struct config *config, struct hadal_sink_config *sinks)
{
	static const struct hadal_sink_config usual[] = {
		{ .name = "otlp", .kind = "otlp", .ship.endpoint = "" },
		{ .name = "otlp-increments", .kind = "otlp", .delta = true, .ship.endpoint = "" },
		{ .name = "remote-write", .kind = "remote_write" },
		{ .name = "json-lines", .kind = "json_lines" },
	};
	const size_t count = sizeof(usual) / sizeof(usual[0]);

	for (size_t i = 0; i < count; i++) {
		sinks[i] = usual[i];
		sinks[i].ship.signal_off[HADAL_SIGNAL_LOGS] = config->logs == CONFIG_LOGS_OFF;
	}
	return count;
}

static int open_sinks(struct estimate *estimate, const struct hadal_sink_config *sinks, size_t count)
{
	estimate->sinks = calloc(count, sizeof(*estimate->sinks));
	if (!estimate->sinks)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const int result = estimate_sink_open(&estimate->sinks[estimate->sink_count], &sinks[i]);

		if (result == -ENOENT)
			continue;
		if (result)
			return result;
		estimate->sink_count++;
	}
	return 0;
}

int estimate_open(struct estimate *estimate, const struct config *config)
{
	struct hadal_sink_config sinks[HADAL_SINKS_MAX];
	size_t count = config_sinks(config, sinks);
	int result = 0;

	*estimate = (struct estimate){ .points = (unsigned int)config->points };
	if (!count)
		count = usual_sinks(config, sinks);
	for (unsigned int i = 0; i < ESTIMATE_PROFILES && !result; i++) {
		estimate->increments[i] = hadal_series_new(0);
		result = estimate->increments[i] ? 0 : -ENOMEM;
	}
	if (!result)
		result = open_sinks(estimate, sinks, count);
	if (result)
		estimate_close(estimate);
	return result;
}

void estimate_close(struct estimate *estimate)
{
	for (size_t i = 0; i < estimate->sink_count; i++)
		estimate_sink_close(&estimate->sinks[i]);
	free(estimate->sinks);
	estimate->sinks = NULL;
	estimate->sink_count = 0;
	for (unsigned int i = 0; i < ESTIMATE_PROFILES; i++) {
		hadal_series_free(estimate->increments[i]);
		estimate->increments[i] = NULL;
	}
}

/* ---- adding up ---- */

static int add_record(struct estimate *estimate, unsigned int profile, struct hadal_batch *batch)
{
	uint8_t *record;
	size_t size;
	int result;

	hadal_series_increments(estimate->increments[profile], batch);
	result = hadal_spool_pack(batch, &record, &size);
	if (result)
		return result;
	for (size_t i = 0; i < estimate->sink_count && !result; i++)
		result = estimate_sink_add(&estimate->sinks[i], profile, record, size);
	free(record);
	return result;
}

static void estimate_profile(struct estimate *estimate, const struct export_source *source)
{
	struct hadal_batch *batch = export_batch(source);
	const int result = batch ? add_record(estimate, source->full, batch) : -ENOMEM;

	if (result && !estimate->error)
		estimate->error = result;
	hadal_batch_free(batch);
}

/* The shipper's own counts have points too, of each sink. */
static void suppose_shipped(const struct estimate *estimate, struct hadal_ship_stats *shipped)
{
	*shipped = (struct hadal_ship_stats){ .sink_count = estimate->sink_count };
	for (size_t i = 0; i < estimate->sink_count; i++) {
		snprintf(shipped->sink[i].name, sizeof(shipped->sink[i].name), "%s", estimate->sinks[i].name);
		for (int signal = 0; signal < HADAL_SIGNALS; signal++)
			shipped->sink[i].signal[signal].accepted = estimate->sinks[i].takes[signal];
	}
}

void estimate_interval(struct estimate *estimate, const struct export_source *from)
{
	/* What hadald uses has points, and a capture does not know it. */
	static const struct self self = { .usage = { 1, 1, 1 } };
	struct hadal_ship_stats shipped;
	struct export_source source = *from;

	suppose_shipped(estimate, &shipped);
	source.shipped = &shipped;
	if (!source.self)
		source.self = &self;
	source.full = false;
	source.points = estimate->points;
	source.keep_events = true;
	estimate_profile(estimate, &source);
	source.full = true;
	source.points = 0;
	source.keep_events = false;
	estimate_profile(estimate, &source);
}

/* ---- captures ---- */

static void take_host(const struct document_host *from, struct export_host *host)
{
	*host = (struct export_host){ 0 };
	snprintf(host->id, sizeof(host->id), "%s", from->id);
	snprintf(host->name, sizeof(host->name), "%s", from->name);
	snprintf(host->cloud_account, sizeof(host->cloud_account), "%s", from->cloud_account);
	snprintf(host->cloud_region, sizeof(host->cloud_region), "%s", from->cloud_region);
	snprintf(host->cloud_zone, sizeof(host->cloud_zone), "%s", from->cloud_zone);
}

static void replayed_interval(void *context, struct replay *replay, uint64_t wall)
{
	static const struct hadal_stats none;
	struct export_host host;
	struct export_source source = {
		.host = &host, .model = replay->model, .stats = &none, .module_version = HADAL_VERSION,
		.module_state = "loaded", .start_time = replay->begun, .time = wall, .all = true, .now = replay->now,
	};
	struct estimate *estimate = context;

	take_host(&replay->host, &host);
	estimate_interval(estimate, &source);
	if (wall > replay->begun)
		estimate->nanoseconds = wall - replay->begun;
}

static int replay_all(struct estimate *estimate, struct hadal_capture_reader *capture, char *error, size_t error_size)
{
	struct replay *replay;
	int result = replay_new(&replay, hadal_capture_realtime(capture), 0);

	if (result) {
		snprintf(error, error_size, "%s", strerror(-result));
		return result;
	}
	replay->model->config.lifecycle = true;
	replay->interval = replayed_interval;
	replay->context = estimate;
	result = replay_capture(replay, capture);
	if (result)
		snprintf(error, error_size, "%s", *replay->error ? replay->error : strerror(-result));
	replay_free(replay);
	return result;
}

int estimate_capture(struct estimate *estimate, const char *path, char *error, size_t error_size)
{
	struct hadal_capture_reader *capture = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC), result;

	if (fd < 0) {
		result = -errno;
		snprintf(error, error_size, "%s", strerror(-result));
		return result;
	}
	result = hadal_capture_open(&capture, fd);
	if (result)
		snprintf(error, error_size, "%s", capture ? hadal_capture_why(capture) : strerror(-result));
	else
		result = replay_all(estimate, capture, error, error_size);
	hadal_capture_close(capture);
	close(fd);
	return result;
}

/* ---- printing ---- */

enum { NUMBER_WIDTH = 9 };

/* What there is of one signal in one interval. */
struct share {
	double items, samples, requests, raw, sent, apart;
};

/* Three places are enough of what is guessed. */
static void put_number(FILE *out, double value)
{
	static const char units[] = " KMGTP";
	unsigned int unit = 0;
	int places;

	while (value >= 999.5 && units[unit + 1]) {
		value /= 1000;
		unit++;
	}
	if (!unit && value == (double)(long)value)
		places = 0;
	else
		places = value < 9.995 ? 2 : value < 99.95;
	fprintf(out, "%*.*f", NUMBER_WIDTH - (unit > 0), places, value);
	if (unit)
		putc(units[unit], out);
}

static void put_share(FILE *out, const struct estimate_sink *sink, const struct share *share, double times)
{
	put_number(out, share->items * times);
	if (estimate_sink_has_samples(sink))
		put_number(out, share->samples * times);
	put_number(out, share->requests * times);
	put_number(out, share->raw * times);
	if (estimate_sink_has_apart(sink))
		put_number(out, share->apart * times);
	put_number(out, share->sent * times);
}

static void put_line(FILE *out, const struct estimate_sink *sink, const char *profile, uint64_t interval,
		     const char *signal, const struct share *share)
{
	fprintf(out, "%-9s %5" PRIu64 " s  %-7s", profile, interval, signal);
	put_share(out, sink, share, 1);
	fputs("  ", out);
	put_share(out, sink, share, MONTH / (double)interval);
	fputc('\n', out);
}

static struct share share_of(const struct estimate_sum *sum)
{
	return (struct share){
		(double)sum->items, (double)sum->samples, (double)sum->requests, (double)sum->raw, (double)sum->sent,
		(double)sum->apart,
	};
}

/* All series are told each interval; what they are, less often. */
static struct share share_of_metrics(const struct estimate_profile *of, uint64_t interval)
{
	const double part = interval < SINK_REMOTE_WRITE_METADATA ? (double)interval / SINK_REMOTE_WRITE_METADATA : 1;
	struct share share = share_of(&of->metrics);

	share.requests += part * (double)of->metadata.requests;
	share.raw += part * (double)of->metadata.raw;
	share.sent += part * (double)of->metadata.sent;
	return share;
}

/* Of @intervals; what is seen in several of them that were shorter goes in one request, while it has room. */
static struct share share_of_logs(const struct estimate_sink *sink, const struct estimate_sum *sum, double intervals)
{
	struct share share = share_of(sum);
	double most;

	share.items /= intervals;
	share.raw /= intervals;
	share.sent /= intervals;
	share.requests /= intervals;
	most = ceil(share.raw / (double)sink->request_bytes);
	if (share.requests > most)
		share.requests = most;
	share.apart = share.raw;
	return share;
}

static void put_profile(FILE *out, const struct estimate *estimate, const struct estimate_sink *sink,
			unsigned int profile, uint64_t interval)
{
	static const char *const names[ESTIMATE_PROFILES] = {
		[CONFIG_PROFILE_SERVICES] = "services", [CONFIG_PROFILE_FULL] = "full",
	};
	const double intervals = (double)estimate->nanoseconds / SECOND / (double)interval;
	const struct estimate_profile *of = &sink->profiles[profile];
	struct share share = share_of_metrics(of, interval);

	if (sink->takes[HADAL_SIGNAL_METRICS])
		put_line(out, sink, names[profile], interval, "metrics", &share);
	share = share_of_logs(sink, &of->logs, intervals > 0 ? intervals : 1);
	if (sink->takes[HADAL_SIGNAL_LOGS])
		put_line(out, sink, names[profile], interval, "logs", &share);
}

/* Names of columns, as put_share() fills them. */
static void put_columns(FILE *out, const struct estimate_sink *sink)
{
	fprintf(out, "%*s", NUMBER_WIDTH, "items");
	if (estimate_sink_has_samples(sink))
		fprintf(out, "%*s", NUMBER_WIDTH, "samples");
	fprintf(out, "%*s%*s", NUMBER_WIDTH, "requests", NUMBER_WIDTH, "raw");
	if (estimate_sink_has_apart(sink))
		fprintf(out, "%*s", NUMBER_WIDTH, "apart");
	fprintf(out, "%*s", NUMBER_WIDTH, "sent");
}

static void put_sink(FILE *out, const struct estimate *estimate, const struct estimate_sink *sink,
		     const struct config *config)
{
	const int width = NUMBER_WIDTH * (4 + estimate_sink_has_samples(sink) + estimate_sink_has_apart(sink));
	const uint64_t usual = config->profile == CONFIG_PROFILE_FULL ? INTERVAL_FULL : INTERVAL_SERVICES;
	char form[64];

	estimate_sink_form(sink, form, sizeof(form));
	fprintf(out, "\n%s (%s)\n%-26s%*s  %*s\n", sink->name, form, "", width, "an interval", width, "a month");
	fprintf(out, "%-9s %7s  %-7s", "profile", "every", "signal");
	put_columns(out, sink);
	fputs("  ", out);
	put_columns(out, sink);
	fputc('\n', out);
	put_profile(out, estimate, sink, CONFIG_PROFILE_SERVICES, INTERVAL_SERVICES);
	put_profile(out, estimate, sink, CONFIG_PROFILE_FULL, INTERVAL_FULL);
	if (config->interval == usual)
		return;
	fputs("as configured:\n", out);
	put_profile(out, estimate, sink, config->profile, config->interval);
}

void estimate_print(const struct estimate *estimate, const struct config *config, FILE *out)
{
	fprintf(out, "Seen in %.0f s. Points, log records and bytes of request bodies; a month has 30 days.\n",
		(double)estimate->nanoseconds / SECOND);
	for (size_t i = 0; i < estimate->sink_count; i++)
		put_sink(out, estimate, &estimate->sinks[i], config);
}
