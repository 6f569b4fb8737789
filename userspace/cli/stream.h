/* SPDX-License-Identifier: MIT */
/*
 * Records as they happen: a session from its opening to the last record, and what
 * was lost.
 */
#ifndef HADAL_CLI_STREAM_H
#define HADAL_CLI_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "stream_options.h"

/**
 * struct stream - set up with what is in the first part
 * @take: gets each record, in time order; -errno ends the stream
 * @rest: called before each wait, and when the stream is over; -errno ends it; may be NULL
 * @snapshot_at_end: the stream ends with a last dump of what has counters
 * @is_enough: whether the stream is to end; may be NULL
 */
struct stream {
	const struct stream_options *options;
	int (*take)(void *context, const struct hadal_record *record);
	int (*rest)(void *context);
	bool (*is_enough)(void *context);
	bool snapshot_at_end;
	void *context;

	struct hadal_session *session;
	uint64_t end;		/* CLOCK_MONOTONIC, ns */
	uint64_t next_snapshot;
	uint32_t dumps;		/* asked for: the number of the last */
};

/* Opens the device, or complains. Returns an exit status. */
int stream_open(struct stream *stream);

/*
 * Until its duration is over, a signal says so, or it is enough; then what was
 * recorded up to there. Returns 0, what take() or rest() answered, or -errno.
 */
int stream_run(struct stream *stream);

/* Complains of what stream_run() returned, if it was the session's. */
void stream_complain(const struct stream *stream, int error);

/* On standard error: @count of @what ("events"), what was lost and what filtered. */
void stream_report(struct stream *stream, const char *what, uint64_t count);

void stream_close(struct stream *stream);

#endif
