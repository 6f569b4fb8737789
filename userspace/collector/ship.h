/* SPDX-License-Identifier: MIT */
/*
 * Ships batches: a thread takes each as it is submitted, makes increments of
 * what it tells and appends it to the spool (spool.h), from which any number of
 * sinks (sink.h) take it, each with a thread of its own.
 *
 * What is submitted is settled for each sink by itself: accepted, rejected, or
 * dropped for one of the reasons that are counted. A request is repeated, with
 * the same bytes and the same Hadal-Batch-Id, while the receiver cannot be
 * reached or says that it may be repeated; every other answer settles it.
 */
#ifndef HADAL_SHIP_H
#define HADAL_SHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "telemetry.h"

enum { HADAL_REQUEST_BYTES = 4 << 20 };	/* default bound of a request, before compression */

enum hadal_signal {
	HADAL_SIGNAL_METRICS,
	HADAL_SIGNAL_LOGS,
	HADAL_SIGNALS,
};

enum hadal_ship_log_level {
	HADAL_SHIP_ERROR,
	HADAL_SHIP_WARNING,
	HADAL_SHIP_INFO,
};

struct hadal_ship_auth;

struct hadal_ship_header {
	const char *name;
	const char *value;
	unsigned int signals;	/* 1 << enum hadal_signal, several; before those of 0, which are for all */
};

/* Copied by hadal_shipper_new(). Zero or NULL means the default named. */
struct hadal_ship_config {
	const char *endpoint;		/* base: /v1/metrics and /v1/logs are appended to its path */
	const char *signal_endpoint[HADAL_SIGNALS];	/* used as is, instead of the base */
	bool signal_off[HADAL_SIGNALS];	/* do not ship this signal */

	const char *token;		/* sent as Authorization: Bearer */
	struct hadal_ship_auth *auth;	/* ship_auth.h: a copy has a share; instead of @token */
	const char *auth_name;		/* what it shows, NULL: "the token"; also where @auth is yet to come */
	bool is_signed;			/* @auth signs: the URL is as plain as can be, and HTTP of version 1.1 */
	const struct hadal_ship_header *headers;
	size_t header_count;
	bool no_compression;
	const char *content_type;	/* application/x-protobuf */
	const char *content_encoding;	/* gzip, unless no_compression; what a kind of sink sets, it does itself */

	const char *ca_certificate;	/* PEM files; NULL: the system's, none, none */
	const char *client_certificate;
	const char *client_key;

	size_t request_bytes;		/* 4 MiB, before compression; from 256 to 64 MiB */
	unsigned int timeout_ms;	/* 10 s for one request */
	unsigned int backoff_first_ms;	/* 1 s before the first repeat, then doubling */
	unsigned int backoff_max_ms;	/* 30 s */
	unsigned int retry_after_max_ms; /* 300 s: a receiver's Retry-After is cut to it */
};

struct hadal_shipper;
struct hadal_sink_config;

/* Copied by hadal_shipper_new(). Zero or NULL means the default named. */
struct hadal_shipper_config {
	const struct hadal_sink_config *sinks;
	size_t sink_count;		/* up to HADAL_SINKS_MAX; 0: what is submitted is dropped */
	const char *spool_directory;	/* NULL: what waits does so in memory alone */
	uint64_t spool_bytes;		/* 256 MiB */
	uint64_t spool_age_ms;		/* 6 h */
	size_t queue_bytes;		/* 64 MiB: in memory; half of it for batches, half for records that are not on disk */
	size_t queue_batches;		/* 1024, likewise */
	size_t series;			/* 131,072, whose increments are known */
	unsigned int spool_sync_ms, spool_retry_ms;	/* as in struct hadal_spool_config */

	/*
	 * Called from threads of the shipper, at most once a minute for one kind
	 * of trouble; @message holds no credential.
	 */
	void (*log)(void *context, enum hadal_ship_log_level level, const char *message);
	void *log_context;
};

/* submitted = accepted + rejected + dropped + waiting, of points or records, for one sink */
struct hadal_ship_signal_stats {
	uint64_t submitted;		/* with what an earlier run of hadald had left in the spool */
	uint64_t recovered;		/* of these, that */
	uint64_t accepted;		/* the receiver took them */
	uint64_t rejected;		/* the receiver refused them for good */
	uint64_t dropped_full;		/* the spool was full: the oldest went */
	uint64_t dropped_old;		/* they waited longer than the spool's age */
	uint64_t dropped_damaged;	/* the spool's files no longer hold what was written */
	uint64_t dropped_oversize;	/* one alone exceeds a request or the queue */
	uint64_t dropped_failed;	/* no memory to encode them, or the answer exceeded its bound */
	uint64_t dropped_series;	/* more series than are kept account of */
	uint64_t dropped_stop;		/* not delivered when the shipper stopped */
	uint64_t dropped_off;		/* the signal is switched off */
	uint64_t waiting;
};

/* What is dropped, for whatever reason. */
static inline uint64_t hadal_ship_dropped(const struct hadal_ship_signal_stats *stats)
{
	return stats->dropped_full + stats->dropped_old + stats->dropped_damaged + stats->dropped_oversize +
	       stats->dropped_failed + stats->dropped_series + stats->dropped_stop + stats->dropped_off;
}

enum {
	HADAL_SINKS_MAX = 8,
	HADAL_SINK_NAME_SIZE = 32,
};

struct hadal_sink_stats {
	char name[HADAL_SINK_NAME_SIZE];
	const char *kind;		/* static */
	struct hadal_ship_signal_stats signal[HADAL_SIGNALS];
	uint64_t requests;		/* sent, repeats included */
	uint64_t retries;		/* of these, repeats */
	uint64_t bytes_raw;		/* of requests encoded, before compression */
	uint64_t bytes_sent;		/* of request bodies given to the network, repeats included */
	uint64_t partial;		/* answers that told of a partial success or a warning */
	uint64_t encode_time;		/* ns: making requests of batches */
	uint64_t send_time;		/* ns: requests under way, their answers waited for */
	uint64_t series;		/* that it adds up */
	uint64_t clients_served;	/* of an address that is scraped */
	uint64_t clients_refused;	/* likewise: no such path or method, or nothing to serve */
	uint64_t clients_cut;		/* likewise: their time was up */
	uint64_t rotations;		/* of a file */
	uint64_t last_success_time;	/* ns since the epoch; 0: never */
	uint64_t last_error_time;	/* ns since the epoch; 0: never */
	char last_error[256];
};

struct hadal_ship_stats {
	struct hadal_sink_stats sink[HADAL_SINKS_MAX];
	size_t sink_count;
	uint64_t batches;		/* submitted */
	uint64_t refused;		/* points and records that batches had refused */
	uint64_t truncated;		/* strings that batches had cut */
	uint64_t queue_bytes;		/* in memory, on their way to the spool or to stay there */
	uint64_t queue_batches;
	uint64_t disk_bytes, disk_batches;
	uint64_t oldest_ms;		/* age of the oldest that waits; 0: none does */
	uint64_t spool_failures;	/* how often the directory could not be written */
	bool on_disk;			/* what is submitted now goes to disk */
	char spool_trouble[128];	/* why not; "": no directory is configured */
};

/* ns, of all sinks together. */
static inline uint64_t hadal_ship_encode_time(const struct hadal_ship_stats *stats)
{
	uint64_t time = 0;

	for (size_t i = 0; i < stats->sink_count; i++)
		time += stats->sink[i].encode_time;
	return time;
}

static inline uint64_t hadal_ship_send_time(const struct hadal_ship_stats *stats)
{
	uint64_t time = 0;

	for (size_t i = 0; i < stats->sink_count; i++)
		time += stats->sink[i].send_time;
	return time;
}

/**
 * hadal_shipper_new() - start a shipper and its threads
 * @config: copied
 * @shipper: set to the shipper, for hadal_shipper_stop()
 * @error: gets a message that names what is wrong, when something is
 * @error_size: its size in bytes
 *
 * A spool that cannot be used is no error: it is said, and tried again.
 *
 * Return: 0; -EINVAL: an endpoint, token, header or bound that cannot be;
 * -EACCES: a token, or a header or an address with a credential in it, that
 * would go over plain http to another host; -ENOENT or another -errno: a certificate file
 * that cannot be read; -ENOMEM; -EAGAIN: no thread.
 */
int hadal_shipper_new(const struct hadal_shipper_config *config, struct hadal_shipper **shipper,
		      char *error, size_t error_size);

/**
 * hadal_shipper_set_sinks() - other sinks from now on; the spool stays
 *
 * One that has a name of before goes on from where that was. What a sink that
 * is no more had waiting is dropped for it.
 *
 * Return: 0; as hadal_shipper_new(), the sinks being those of before.
 */
int hadal_shipper_set_sinks(struct hadal_shipper *shipper, const struct hadal_sink_config *sinks, size_t count,
			    char *error, size_t error_size);

/**
 * hadal_shipper_flush() - have all sinks try at once what waits, whatever back-off they are in
 *
 * For when the host is about to end. A receiver that asked to be left alone is.
 */
void hadal_shipper_flush(struct hadal_shipper *shipper);

/* A part of a configuration that can be wrong. */
enum hadal_ship_part {
	HADAL_SHIP_PART_BOUNDS,
	HADAL_SHIP_PART_TOKEN,
	HADAL_SHIP_PART_HEADERS,
	HADAL_SHIP_PART_CA_CERTIFICATE,
	HADAL_SHIP_PART_CLIENT_CERTIFICATE,
	HADAL_SHIP_PART_CLIENT_KEY,
	HADAL_SHIP_PART_ENDPOINT,	/* of metrics; behind it those of the other signals */
	HADAL_SHIP_PARTS = HADAL_SHIP_PART_ENDPOINT + HADAL_SIGNALS,
};

/**
 * hadal_shipper_submit() - hand over a batch; waits neither for the network nor for a disk
 * @batch: of totals; belongs to the shipper from here on, whatever is returned
 *
 * Return: 0; -ENOBUFS: the batch alone exceeds the queue, and is dropped and
 * counted; -ENOMEM; -ESHUTDOWN: hadal_shipper_stop() was called.
 */
int hadal_shipper_submit(struct hadal_shipper *shipper, struct hadal_batch *batch);

/**
 * hadal_shipper_stats() - the counters at one moment; any thread may ask
 */
void hadal_shipper_stats(struct hadal_shipper *shipper, struct hadal_ship_stats *stats);

/**
 * hadal_shipper_stop() - deliver what waits, end the threads and free the shipper
 * @shipper: may be NULL
 * @deadline_ms: how long delivery may take
 * @stats: gets the final counters, unless NULL
 *
 * What is on disk stays there for the next run, and counts as waiting.
 *
 * Return: 0; -ETIMEDOUT: something was dropped.
 */
int hadal_shipper_stop(struct hadal_shipper *shipper, unsigned int deadline_ms,
		       struct hadal_ship_stats *stats);

#endif
