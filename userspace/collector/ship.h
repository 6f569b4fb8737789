/* SPDX-License-Identifier: MIT */
/*
 * Ships batches by OTLP/HTTP: protobuf, gzip, POST, with a thread of its own.
 *
 * Submitted batches wait in a queue that is bounded in bytes and in number;
 * when it is full the oldest go, and are counted. A batch becomes one or more
 * requests. A request is repeated, with the same bytes and the same
 * Hadal-Batch-Id, while the receiver cannot be reached or says that it may be
 * repeated (429, 502, 503, 504); every other answer settles it. As all values
 * are cumulative, a repeat does no harm.
 *
 * Sources: OTLP specification, "OTLP/HTTP"; OpenTelemetry protocol exporter
 * specification, "Endpoint URLs for OTLP/HTTP".
 */
#ifndef HADAL_SHIP_H
#define HADAL_SHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "telemetry.h"

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

struct hadal_ship_header {
	const char *name;
	const char *value;
};

/* Copied by hadal_shipper_new(). Zero or NULL means the default named. */
struct hadal_ship_config {
	const char *endpoint;		/* base: /v1/metrics and /v1/logs are appended to its path */
	const char *signal_endpoint[HADAL_SIGNALS];	/* used as is, instead of the base */
	bool signal_off[HADAL_SIGNALS];	/* do not ship this signal */

	const char *token;		/* sent as Authorization: Bearer */
	const struct hadal_ship_header *headers;
	size_t header_count;
	bool no_compression;

	const char *ca_certificate;	/* PEM files; NULL: the system's, none, none */
	const char *client_certificate;
	const char *client_key;

	size_t queue_bytes;		/* 64 MiB */
	size_t queue_batches;		/* 1024, batches and requests made of them */
	size_t request_bytes;		/* 4 MiB, before compression; from 256 to 64 MiB */
	unsigned int timeout_ms;	/* 10 s for one request */
	unsigned int backoff_first_ms;	/* 1 s before the first repeat, then doubling */
	unsigned int backoff_max_ms;	/* 30 s */
	unsigned int retry_after_max_ms; /* 300 s: a receiver's Retry-After is cut to it */

	/*
	 * Called from the shipping thread, at most once a minute for one kind of
	 * trouble; @message holds no credential.
	 */
	void (*log)(void *context, enum hadal_ship_log_level level, const char *message);
	void *log_context;
};

struct hadal_shipper;

/* submitted = accepted + rejected + dropped + waiting, of points or records */
struct hadal_ship_signal_stats {
	uint64_t submitted;
	uint64_t accepted;		/* the receiver took them */
	uint64_t rejected;		/* the receiver refused them for good */
	uint64_t dropped_full;		/* the queue was full: the oldest went */
	uint64_t dropped_oversize;	/* one alone exceeds a request or the queue */
	uint64_t dropped_failed;	/* no memory to encode them, or the answer exceeded its bound */
	uint64_t dropped_stop;		/* not delivered when the shipper stopped */
	uint64_t dropped_off;		/* the signal is switched off */
	uint64_t waiting;
};

struct hadal_ship_stats {
	struct hadal_ship_signal_stats signal[HADAL_SIGNALS];
	uint64_t batches;		/* submitted */
	uint64_t refused;		/* points and records that batches had refused */
	uint64_t truncated;		/* strings that batches had cut */
	uint64_t requests;		/* HTTP requests, repeats included */
	uint64_t retries;		/* of these, repeats */
	uint64_t bytes_raw;		/* of requests encoded, before compression */
	uint64_t bytes_sent;		/* of request bodies given to the network, repeats included */
	uint64_t partial;		/* answers that told of a partial success or a warning */
	size_t queue_bytes;
	size_t queue_batches;
	uint64_t last_success_time;	/* ns since the epoch; 0: never */
	uint64_t last_error_time;	/* ns since the epoch; 0: never */
	char last_error[256];
};

/**
 * hadal_shipper_new() - start a shipper and its thread
 * @config: copied
 * @shipper: set to the shipper, for hadal_shipper_stop()
 * @error: gets a message that names what is wrong, when something is
 * @error_size: its size in bytes
 *
 * Return: 0; -EINVAL: an endpoint, token, header or bound that cannot be;
 * -EACCES: a token, or a header or an address with a credential in it, that
 * would go over plain http to another host; -ENOENT or another -errno: a certificate file
 * that cannot be read; -ENOMEM; -EAGAIN: no thread.
 */
int hadal_shipper_new(const struct hadal_ship_config *config, struct hadal_shipper **shipper,
		      char *error, size_t error_size);

/* A part of a configuration that can be wrong. */
enum hadal_ship_part {
	HADAL_SHIP_PART_BOUNDS,
	HADAL_SHIP_PART_TOKEN,
	HADAL_SHIP_PART_HEADERS,
	HADAL_SHIP_PART_CA_CERTIFICATE,
	HADAL_SHIP_PART_CLIENT_CERTIFICATE,
	HADAL_SHIP_PART_CLIENT_KEY,
	HADAL_SHIP_PART_ENDPOINT,	/* of metrics; behind it those of the other signals */
};

/**
 * hadal_shipper_check() - look at a configuration as hadal_shipper_new() would, and start nothing
 * @part: set to what is wrong, when something is
 */
int hadal_shipper_check(const struct hadal_ship_config *config, enum hadal_ship_part *part, char *error,
			size_t error_size);

/**
 * hadal_shipper_submit() - hand over a batch; never waits for the network
 * @batch: belongs to the shipper from here on, whatever is returned
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
 * hadal_shipper_stop() - deliver what waits, end the thread and free the shipper
 * @shipper: may be NULL
 * @deadline_ms: how long delivery may take; 0 drops what waits
 * @stats: gets the final counters, unless NULL
 *
 * Return: 0: everything was settled; -ETIMEDOUT: something was dropped.
 */
int hadal_shipper_stop(struct hadal_shipper *shipper, unsigned int deadline_ms,
		       struct hadal_ship_stats *stats);

#endif
