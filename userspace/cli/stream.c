/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "clock.h"
#include "stream.h"

#define NSEC_PER_MSEC	1000000ULL
#define SNAPSHOT_TIME	(5000 * NSEC_PER_MSEC)	/* the end waits no longer for it */

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void catch_signals(void)
{
	/* A second one ends without ado. */
	struct sigaction action = { .sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- the session ---- */

static int complain_of_open(int error)
{
	switch (error) {
	case -ENOENT:
		complain("the module is not loaded: there is no %s; 'hadal module load' loads it, "
			 "'hadal doctor' says what is missing", HADAL_DEVICE_PATH);
		break;
	case -EACCES:
	case -EPERM:
		complain("%s: %s; be root or in the group hadal", HADAL_DEVICE_PATH, strerror(-error));
		break;
	default:
		complain("%s: %s", HADAL_DEVICE_PATH, strerror(-error));
	}
	return EXIT_FAILED;
}

/* A small ring takes less of argv: the module wants room for four. */
static void set_argv(struct hadal_config *config, const struct stream_options *options)
{
	uint32_t room = config->lifecycle_ring_size / 4;

	if (options->has_argv_max)
		config->argv_max = options->argv_max;
	if (config->argv_max > room)
		config->argv_max = room;
}

static void set_filter(struct hadal_config *config, const struct hadal_config *filter)
{
	config->flags = filter->flags;
	config->cgroup_count = filter->cgroup_count;
	memcpy(config->cgroups, filter->cgroups, sizeof(config->cgroups));
	config->port_count = filter->port_count;
	memcpy(config->ports, filter->ports, sizeof(config->ports));
	config->min_duration = filter->min_duration;
}

static int configure(struct stream *stream)
{
	const struct stream_options *options = stream->options;
	struct hadal_config config;
	struct hadal_query query;

	hadal_session_query(stream->session, &query);
	hadal_config_default(&config, &query);
	if (options->classes)
		config.classes = options->classes;
	if (options->flow_ring_size)
		config.flow_ring_size = options->flow_ring_size;
	if (options->lifecycle_ring_size)
		config.lifecycle_ring_size = options->lifecycle_ring_size;
	set_argv(&config, options);
	set_filter(&config, &options->filter);
	return hadal_session_configure(stream->session, &config);
}

static bool has_class(const struct stream_options *options, enum hadal_class wanted)
{
	return options->classes & HADAL_CLASS_BIT(wanted);
}

/* Connections and flows: what has counters. */
static uint32_t living(const struct stream_options *options)
{
	uint32_t what = 0;

	if (!options->classes || has_class(options, HADAL_CLASS_TCP))
		what |= HADAL_DUMP_CONNECTIONS;
	if (has_class(options, HADAL_CLASS_UDP))
		what |= HADAL_DUMP_UDP;
	return what;
}

static int request_dump(struct stream *stream, uint32_t what)
{
	int error = hadal_session_request_dump(stream->session, what);

	stream->dumps += error == 0;
	return error;
}

static int begin(struct stream *stream)
{
	const struct stream_options *options = stream->options;
	uint32_t existing = living(options);
	int error = configure(stream);

	if (error == 0)
		error = hadal_session_start(stream->session);
	if (!options->classes || has_class(options, HADAL_CLASS_PROCESS))
		existing |= HADAL_DUMP_PROCESSES;
	if (has_class(options, HADAL_CLASS_CGROUP))
		existing |= HADAL_DUMP_CGROUPS;
	if (error == 0 && options->dump)
		error = request_dump(stream, existing);
	stream->end = options->duration ? now_ns() + options->duration : UINT64_MAX;
	stream->next_snapshot = options->snapshot && living(options) ? now_ns() + options->snapshot : UINT64_MAX;
	return error;
}

/* ---- the stream ---- */

static bool is_over(const struct stream *stream)
{
	return interrupted || now_ns() >= stream->end;
}

static bool has_enough(const struct stream *stream)
{
	return stream->is_enough && stream->is_enough(stream->context);
}

static int rest(const struct stream *stream)
{
	return stream->rest ? stream->rest(stream->context) : 0;
}

static int take_snapshot(struct stream *stream)
{
	uint32_t what = living(stream->options);
	int error;

	if (now_ns() < stream->next_snapshot)
		return 0;
	error = request_dump(stream, what);
	/* The one before is still being written: this one is left out. */
	if (error < 0 && error != -EBUSY)
		return error;
	stream->next_snapshot += stream->options->snapshot;
	return 0;
}

static int milliseconds_to(uint64_t time)
{
	uint64_t at = now_ns();

	if (time <= at)
		return 0;
	return time - at < HADAL_READ_INTERVAL * NSEC_PER_MSEC ?
		(int)((time - at) / NSEC_PER_MSEC) + 1 : HADAL_READ_INTERVAL;
}

static int next_record(struct stream *stream, const struct hadal_record **record)
{
	uint64_t wake = stream->end < stream->next_snapshot ? stream->end : stream->next_snapshot;
	int result = hadal_session_next(stream->session, record, 0);

	if (result == 0)
		result = rest(stream);
	if (result != 0)
		return result;
	return hadal_session_next(stream->session, record, milliseconds_to(wake));
}

static int follow(struct stream *stream)
{
	const struct hadal_record *record;
	int result = 0;

	while (result >= 0 && !is_over(stream) && !has_enough(stream)) {
		result = take_snapshot(stream);
		if (result == 0)
			result = next_record(stream, &record);
		if (result > 0)
			result = stream->take(stream->context, record);
		if (result == -EINTR)
			result = 0;
	}
	return result;
}

/* The end of an earlier dump may be read when the next was asked for already. */
static bool ends_last_dump(const struct stream *stream, const struct hadal_record *record)
{
	return record->type == HADAL_RECORD_DUMP_END &&
	       ((const struct hadal_record_dump *)record)->dump == stream->dumps;
}

/* One record more, if one comes soon. @ended: the last dump has ended with it. */
static int take_next(struct stream *stream, bool *ended)
{
	const struct hadal_record *record;
	int result = hadal_session_next(stream->session, &record, HADAL_READ_INTERVAL);

	*ended = result > 0 && ends_last_dump(stream, record);
	if (result > 0)
		result = stream->take(stream->context, record);
	return result == -EINTR ? 0 : result;
}

/* What lives has counted since the snapshot before. One that is under way comes to its end first. */
static int snapshot_at_end(struct stream *stream)
{
	uint64_t limit = now_ns() + SNAPSHOT_TIME;
	bool requested = false, ended = true;
	int result = 0;

	while (result >= 0 && now_ns() < limit && !(requested && ended)) {
		if (!requested) {
			result = request_dump(stream, living(stream->options));
			requested = result == 0;
		}
		if (result == 0 || result == -EBUSY)
			result = take_next(stream, &ended);
	}
	return result < 0 ? result : 0;
}

/* What was recorded up to now. */
static int drain(struct stream *stream)
{
	const struct hadal_record *record;
	int result = hadal_session_stop(stream->session);

	while (result == 0 && !has_enough(stream)) {
		result = hadal_session_next(stream->session, &record, HADAL_READ_INTERVAL);
		if (result == 0)
			return 0;
		if (result > 0)
			result = stream->take(stream->context, record);
		if (result == -EINTR)
			result = 0;
	}
	return result;
}

int stream_open(struct stream *stream)
{
	int error = hadal_session_open(&stream->session, NULL);

	if (error < 0)
		return complain_of_open(error);
	catch_signals();
	return EXIT_WELL;
}

int stream_run(struct stream *stream)
{
	int error = begin(stream), ended;

	if (error == 0)
		error = follow(stream);
	if (error >= 0 && stream->snapshot_at_end && living(stream->options))
		error = snapshot_at_end(stream);
	if (error >= 0)
		error = drain(stream);
	ended = rest(stream);
	return error < 0 ? error : ended;
}

void stream_complain(const struct stream *stream, int error)
{
	const char *detail = hadal_session_error(stream->session);

	complain("%s", *detail ? detail : strerror(-error));
}

void stream_report(struct stream *stream, const char *what, uint64_t count)
{
	struct hadal_totals totals;
	struct hadal_stats stats;
	uint64_t lost = 0, filtered = 0;
	unsigned int i;

	hadal_reader_totals(hadal_session_reader(stream->session), &totals);
	if (hadal_session_stats(stream->session, HADAL_CPU_ALL, &stats) < 0) {
		complain("%s", hadal_session_error(stream->session));
		return;
	}
	for (i = 0; i < HADAL_CLASS_SLOTS; i++) {
		lost += stats.class_stats[i].lost;
		filtered += stats.filtered[i];
	}
	fprintf(stderr, "hadal: %llu %s, %llu records lost", (unsigned long long)count, what,
		(unsigned long long)lost);
	for (i = 0; i < HADAL_CLASS_SLOTS; i++)
		if (stats.class_stats[i].lost && hadal_class_name(i))
			fprintf(stderr, ", %s %llu of %llu", hadal_class_name(i),
				(unsigned long long)stats.class_stats[i].lost,
				(unsigned long long)stats.class_stats[i].produced);
	if (filtered)
		fprintf(stderr, ", %llu filtered", (unsigned long long)filtered);
	fputc('\n', stderr);
	if (totals.lost_unexplained)
		complain("%llu LOST records disagree with the gaps before them",
			 (unsigned long long)totals.lost_unexplained);
}

void stream_close(struct stream *stream)
{
	hadal_session_close(stream->session);
}
