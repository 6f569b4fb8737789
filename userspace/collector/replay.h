/* SPDX-License-Identifier: MIT */
/*
 * The collector's model on what a capture holds, and on nothing else: no clock,
 * no /proc, no Docker of the machine that replays. Time is the records'.
 */
#ifndef HADALD_REPLAY_H
#define HADALD_REPLAY_H

#include <hadal/capture.h>

#include "document.h"
#include "model.h"

/* Intervals end after a dump of connections, as in the collector, or this late. ns */
#define REPLAY_INTERVAL		10000000000ULL

enum { REPLAY_ERROR_SIZE = DOCUMENT_ERROR_SIZE + 64 };

struct replay_fact;

struct replay {
	struct model *model;
	struct document_host host;	/* as the capture told last */
	struct replay_fact *facts;	/* answers that the model has not asked for yet */
	uint64_t now;			/* ns, CLOCK_MONOTONIC of the records: the newest */
	uint64_t begun;			/* ns since 1970: the capture's beginning */
	uint64_t next_tick, interval_since;	/* ns, as now */
	uint64_t records, documents;
	uint64_t documents_unknown;	/* of a later version: passed over */
	bool configured;	/* by a document */
	uint64_t lost[HADAL_CLASS_SLOTS];	/* records, as LOST records tell */
	/* Called when an interval has ended and before what is idle is dropped; may be NULL. */
	void (*interval)(void *context, struct replay *replay, uint64_t wall);
	void *context;
	char error[REPLAY_ERROR_SIZE];	/* what was wrong with a document */
};

/*
 * @begun: ns since 1970, for what is before the first CLOCK_SYNC. @idle_age: as in struct
 * model_config; UINT64_MAX keeps all edges to the end. Returns 0, for replay_free(); -ENOMEM.
 */
int replay_new(struct replay **replay, uint64_t begun, uint64_t idle_age);
void replay_free(struct replay *replay);

/* The next record of the capture, validated. */
void replay_record(struct replay *replay, const struct hadal_record *record);

/* The next document. Returns 0; -EINVAL: it is none, and replay->error says why. */
int replay_document(struct replay *replay, struct hadal_text text);

/* The last interval: all is counted, with the names at hand. */
void replay_finish(struct replay *replay);

/*
 * All of @capture, replay_finish() included, up to its last whole block:
 * hadal_capture_ending() says whether that is all. Returns 0; -EINVAL, as
 * above; -errno of read().
 */
int replay_capture(struct replay *replay, struct hadal_capture_reader *capture);

#endif
