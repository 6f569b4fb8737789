/* SPDX-License-Identifier: MIT */
/*
 * Lifecycle events that wait to be shipped as log records.
 */
#ifndef HADALD_EVENT_QUEUE_H
#define HADALD_EVENT_QUEUE_H

#include <hadal/hadal.h>
#include <stdbool.h>
#include <stdint.h>

#include "owner.h"

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
		char *text;
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
	struct event_attribute attributes[EVENT_ATTRIBUTES];
	unsigned int attribute_count;
	struct event *prev, *next;
};

struct event_queue {
	struct event *events;
	unsigned int length, limit;
	bool arguments;		/* keep process.command_args */
	struct owners *owners;
	struct counts *counts;
};

void event_queue_init(struct event_queue *queue, unsigned int limit, bool arguments, struct owners *owners,
		      struct counts *counts);
void event_queue_free(struct event_queue *queue);

/* Queues @record as an event of @owner; beyond the bound it is dropped and counted. */
void event_queue_add(struct event_queue *queue, const struct hadal_record *record, const struct hadal_clock *clock,
		     struct owner *owner, bool abnormal);

/* Takes @event off the queue and frees it. */
void event_queue_remove(struct event_queue *queue, struct event *event);

#endif
