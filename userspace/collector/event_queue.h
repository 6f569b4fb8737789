/* SPDX-License-Identifier: MIT */
/*
 * Lifecycle events that wait to be shipped as log records.
 */
#ifndef HADALD_EVENT_QUEUE_H
#define HADALD_EVENT_QUEUE_H

#include <hadal/hadal.h>
#include <stdbool.h>
#include <stdint.h>

#include "process_table.h"
#include "redact.h"

enum { EVENT_ATTRIBUTES = 48 };

enum event_value {
	EVENT_TEXT,
	EVENT_TEXTS,
	EVENT_INTEGER,
	EVENT_REAL,
	EVENT_BOOLEAN,
};

struct event_attribute {
	const char *key;	/* static */
	enum event_value type;
	union {
		const char *text;	/* in the event's own memory */
		struct {
			char **list;
			size_t count;
		} texts;
		int64_t integer;
		double real;
		bool boolean;
	};
};

struct event {
	const char *name;	/* static */
	uint64_t time;		/* ns since the epoch */
	bool abnormal;		/* ended by a signal that dumps core, or chosen by the OOM killer */
	struct owner *owner;
	struct program *program;	/* what the process runs, or ran; NULL: not known */
	struct event *prev, *next;
	unsigned int attribute_count;
	struct event_attribute attributes[];	/* and their texts behind them: when it is told, what it says is in no cache */
};

struct event_queue {
	struct event *events;
	unsigned int length, limit;
	const struct redactor *redactor;	/* of process.command_args; NULL: without them */
	struct owners *owners;
	struct programs *programs;
	struct counts *counts;
};

/* @redactor: borrowed. */
void event_queue_init(struct event_queue *queue, unsigned int limit, const struct redactor *redactor,
		      struct owners *owners, struct programs *programs, struct counts *counts);
void event_queue_free(struct event_queue *queue);

/* Queues @record as an event of @process; beyond the bound it is dropped and counted. */
void event_queue_add(struct event_queue *queue, const struct hadal_record *record, const struct hadal_clock *clock,
		     const struct process *process, bool abnormal);

/* Takes @event off the queue and frees it. */
void event_queue_remove(struct event_queue *queue, struct event *event);

#endif
