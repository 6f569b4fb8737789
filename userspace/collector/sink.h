/* SPDX-License-Identifier: MIT */
/*
 * What is shipped goes to sinks. A sink is one receiver: a name, a kind (its
 * protocol) and settings. Each has a thread of its own and its own position in
 * the spool (spool.h), so none waits for another.
 *
 * What the thread of a sink does with each record of the spool:
 *
 *	batch = the record, decoded; cumulative unless the sink wants deltas
 *	kind->encode(sink, batch, signal, ...)	makes requests of it
 *	kind->send(sink, request, ...)		once for each, until it is settled
 *
 * and the position moves behind the record when all its requests are settled.
 * Waiting, repeating, counting and logging are the thread's; a kind only makes
 * requests and tells what came of one. A kind that has no requests of its own
 * (a table that is asked for, say) lets encode() take what it needs and emit
 * nothing: what was not emitted, and is not counted in the result as lost,
 * is accepted.
 *
 * In a batch of deltas (temporality, in batch.h) counters and histograms hold
 * what they rose by; up-down counters and gauges are values in both. A batch
 * that encode() gets is of the temporality that the sink asked for.
 *
 * A new kind is a struct hadal_sink_kind, named in sink_kinds.c.
 */
#ifndef HADAL_SINK_H
#define HADAL_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ship.h"
#include "ship_policy.h"
#include "telemetry.h"

enum {
	HADAL_SINK_SETTINGS_MAX = 16,	/* keys of one sink beyond those that all have */
	HADAL_SINK_ID_SIZE = 112,
};

/* A key of a sink's section that only its kind knows. */
struct hadal_sink_setting {
	const char *key;
	const char *value;
};

/* Copied when the sink is made, strings too. */
struct hadal_sink_config {
	const char *name;		/* [A-Za-z0-9_-], up to HADAL_SINK_NAME_SIZE - 1 of them; also of its state file */
	const char *kind;		/* "otlp", ... */
	bool delta;			/* counters and histograms as increments; else cumulative */
	unsigned int interval_ms;	/* between two batches; 0: not known */
	struct hadal_ship_config ship;	/* endpoints, credentials, TLS, bounds: what most kinds have */
	struct hadal_sink_setting settings[HADAL_SINK_SETTINGS_MAX];
	size_t setting_count;
};

/* Made by encode(), freed by who called it. */
struct hadal_sink_request {
	struct hadal_sink_request *next;
	enum hadal_signal signal;
	uint64_t first;			/* of the batch's points or records, from 0 */
	uint64_t items;			/* how many; 0: it says something of all, and is the last */
	char id[HADAL_SINK_ID_SIZE];	/* the same for the same data, after a restart too */
	uint8_t *body;			/* from malloc */
	size_t size;
	unsigned int attempts;		/* that failed */
};

/* What came of one request. */
struct hadal_sink_answer {
	enum hadal_ship_verdict verdict;
	bool abandoned;			/* patience ended before there was an answer; the rest is not set */
	bool unsent;			/* REFUSED, and not by the receiver: it could not be sent, or no answer be had */
	bool too_large;			/* REFUSED, for its size: smaller ones may be taken */
	uint64_t rejected;		/* DELIVERED: of its items, those that the receiver did not take */
	int64_t retry_after_ms;		/* REPEAT: as the receiver asks; -1: it does not say */
	char text[256];			/* why, without a credential; "" where all is well */
};

/* Takes a request that encode() made; it belongs to the callee whatever it returns: 0, or -errno that ends encoding. */
typedef int (*hadal_sink_emit)(void *context, struct hadal_sink_request *request);

/* What of a signal was not emitted: points or records. */
struct hadal_sink_encoded {
	uint64_t oversize;		/* one alone exceeds a request */
	uint64_t failed;		/* no memory, or as the error says */
	uint64_t taken;			/* without a request: they are accepted */
	uint64_t bytes_raw;		/* of what was emitted, before compression */
	char text[256];			/* of an error, what its number does not tell; "": nothing */
};

/*
 * The functions of one sink are called by its thread alone, but for wake(). A
 * function that may wait asks @patience again and again how many more
 * milliseconds it may; 0 ends it.
 */
struct hadal_sink_kind {
	const char *name;
	unsigned int signals;		/* 1 << HADAL_SIGNAL_...: others are counted as switched off */
	bool cumulative;		/* always, whatever is configured */
	bool files;			/* it may write files of its own */
	const char *const *keys;	/* of its own settings, NULL behind the last; NULL: none */

	/*
	 * Looks at a configuration, and starts nothing. 0, or -errno with @part
	 * set where it is one of these, and @error naming what is wrong.
	 */
	int (*check)(const struct hadal_sink_config *config, enum hadal_ship_part *part, char *error,
		     size_t error_size);
	/* 0 and the sink, for close(); or -errno and @error. @config lives as long as the sink. */
	int (*open)(const struct hadal_sink_config *config, void **sink, char *error, size_t error_size);
	/* Whether the signal goes anywhere. NULL: each of .signals that is not switched off. */
	bool (*takes)(void *sink, enum hadal_signal signal);
	/*
	 * Requests of @count of the batch's items of one signal, from @first on (in
	 * order of resources, metrics, points; or resources, records). The batch may
	 * be changed (encoders cache in it), not its values. 0; or -errno: what was
	 * not emitted is in @result.
	 */
	int (*encode)(void *sink, struct hadal_batch *batch, enum hadal_signal signal, uint64_t first,
		      uint64_t count, hadal_sink_emit emit, void *context, struct hadal_sink_encoded *result);
	/* NULL: encode() emits nothing. */
	void (*send)(void *sink, const struct hadal_sink_request *request,
		     unsigned int (*patience)(void *context), void *patience_context,
		     struct hadal_sink_answer *answer);
	/* The name of where the signal goes, for messages; without a credential. */
	const char *(*shown)(void *sink, enum hadal_signal signal);
	/* Has a send() that waits ask for its patience; any thread may. NULL: it never waits long. */
	void (*wake)(void *sink);
	/* Fills in what only the kind counts. Any thread may. NULL: nothing. */
	void (*count)(void *sink, struct hadal_sink_stats *stats);
	/* hadald got SIGHUP; files may be opened anew. Called by its thread. NULL: nothing to do. */
	void (*reopen)(void *sink);
	void (*close)(void *sink);	/* NULL is allowed as the sink */
};

/** hadal_sink_kind() - the kind of that name; NULL: there is none. */
const struct hadal_sink_kind *hadal_sink_kind(const char *name);

/** hadal_sink_kind_at() - the kinds by number; NULL behind the last. */
const struct hadal_sink_kind *hadal_sink_kind_at(size_t index);

/** hadal_sink_setting() - the value of a key of the kind's own; NULL: it is not set. */
const char *hadal_sink_setting(const struct hadal_sink_config *config, const char *key);

#endif
