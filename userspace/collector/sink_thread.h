/* SPDX-License-Identifier: MIT */
/*
 * A sink at work: its thread takes record after record from the spool, makes
 * requests of it and sends each until it is settled. See sink.h.
 */
#ifndef HADAL_SINK_THREAD_H
#define HADAL_SINK_THREAD_H

#include "sink.h"
#include "spool.h"

struct hadal_sink;

/* What all sinks of a shipper share. */
struct hadal_sink_host {
	struct hadal_spool *spool;
	void (*log)(void *context, enum hadal_ship_log_level level, const char *message);
	void *log_context;
	/* A sink's position moved. From its thread, without a lock. */
	void (*moved)(void *context);
	void *context;
};

/**
 * hadal_sink_check() - look at a configuration
 * @part: set where a part of config->ship is wrong; else HADAL_SHIP_PARTS
 *
 * Return: 0, or -errno and @error.
 */
int hadal_sink_check(const struct hadal_sink_config *config, enum hadal_ship_part *part, char *error,
		     size_t error_size);

/** hadal_sink_new() - open a sink; its thread is yet to start. 0, for hadal_sink_free(); or -errno and @error. */
int hadal_sink_new(const struct hadal_sink_config *config, const struct hadal_sink_host *host,
		   struct hadal_sink **sink, char *error, size_t error_size);

/** hadal_sink_free() - free a sink whose thread is not running. */
void hadal_sink_free(struct hadal_sink *sink);

/**
 * hadal_sink_find_position() - go on from where the sink was in an earlier run
 *
 * One that is new begins with what comes next, and its thread writes that down.
 */
void hadal_sink_find_position(struct hadal_sink *sink);

/**
 * hadal_sink_inherit() - go on from where another sink object of the same name is
 * @from: was joined; can but be freed afterwards
 */
void hadal_sink_inherit(struct hadal_sink *sink, struct hadal_sink *from);

/** hadal_sink_start() - start the thread, once; 0 or -errno. No record may be appended meanwhile. */
int hadal_sink_start(struct hadal_sink *sink);

const char *hadal_sink_name(const struct hadal_sink *sink);

/** hadal_sink_position() - the number of the first record that it still needs, after a restart too. */
uint64_t hadal_sink_position(struct hadal_sink *sink);

/** hadal_sink_produced() - so many points and records are about to be appended to the spool. */
void hadal_sink_produced(struct hadal_sink *sink, const uint64_t *items);

/* Why what was produced did not come into the spool. */
enum hadal_sink_miss {
	HADAL_SINK_MISS_FULL,		/* dropped before it was its turn */
	HADAL_SINK_MISS_OVERSIZE,
	HADAL_SINK_MISS_FAILED,		/* no memory */
	HADAL_SINK_MISS_SERIES,		/* points, of series beyond the bound of their number */
	HADAL_SINK_MISS_STOP,
};

/** hadal_sink_missed() - so many of what was announced as produced will not come. */
void hadal_sink_missed(struct hadal_sink *sink, const uint64_t *items, enum hadal_sink_miss why);

/** hadal_sink_arrived() - the record of that number is there to be read. */
void hadal_sink_arrived(struct hadal_sink *sink, uint64_t sequence);

/** hadal_sink_lost() - the spool is about to drop a record. */
void hadal_sink_lost(struct hadal_sink *sink, const struct hadal_spool_entry *entry, enum hadal_spool_loss why);

/** hadal_sink_flush() - have it try at once, unless the receiver asked to be left alone. */
void hadal_sink_flush(struct hadal_sink *sink);

/** hadal_sink_reopen() - SIGHUP. */
void hadal_sink_reopen(struct hadal_sink *sink);

void hadal_sink_stats(struct hadal_sink *sink, struct hadal_sink_stats *stats);

/** hadal_sink_stop() - begin to end: it has until @deadline_ms (CLOCK_MONOTONIC). */
void hadal_sink_stop(struct hadal_sink *sink, uint64_t deadline_ms);

/**
 * hadal_sink_give_way() - begin to end, as another is to go on from there
 * @deadline_ms: CLOCK_MONOTONIC; until then the answer to a request under way is waited
 *               for: without it that would be sent again, and with another nothing is begun
 */
void hadal_sink_give_way(struct hadal_sink *sink, uint64_t deadline_ms);

/** hadal_sink_join() - wait for the end of a thread that was told to stop, and write the position down. */
void hadal_sink_join(struct hadal_sink *sink);

/**
 * hadal_sink_settle() - count what ends with the process
 * @stats: gets the final counters
 *
 * Return: whether that is nothing.
 */
bool hadal_sink_settle(struct hadal_sink *sink, struct hadal_sink_stats *stats);

#endif
