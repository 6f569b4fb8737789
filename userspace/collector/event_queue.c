/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <hadal/event.h>
#include <hadal/names.h>
#include <stdlib.h>
#include <string.h>

#include "event_queue.h"

enum { EVENT_TEXTS_MAX = 256 };	/* arguments of one process */

/* An event in the making: how much it says is known at its end. */
struct draft {
	struct event_attribute attributes[EVENT_ATTRIBUTES];
	size_t texts_at[EVENT_ATTRIBUTES];	/* of those that have one: where it is in texts */
	unsigned int count;
	char *texts;
	size_t size, room;
	const struct redactor *redactor;
	bool cut;	/* the arguments are */
};

void event_queue_init(struct event_queue *queue, unsigned int limit, const struct redactor *redactor,
		      struct owners *owners, struct programs *programs, struct counts *counts)
{
	*queue = (struct event_queue){ .limit = limit, .redactor = redactor, .owners = owners,
				       .programs = programs, .counts = counts };
}

static char *copy_text(struct hadal_text text)
{
	char *copy = malloc(HADAL_UTF8_SIZE(text.length));

	if (copy)
		hadal_utf8(text, copy);
	return copy;
}

/* Adds it to the draft's texts. */
static int add_text(struct draft *draft, struct hadal_text text)
{
	const size_t most = draft->size + HADAL_UTF8_SIZE(text.length);
	char *texts = draft->texts;

	if (most > draft->room) {
		texts = realloc(texts, 2 * most);
		if (!texts)
			return -ENOMEM;
		draft->texts = texts;
		draft->room = 2 * most;
	}
	hadal_utf8(text, texts + draft->size);
	draft->texts_at[draft->count] = draft->size;
	draft->size += strlen(texts + draft->size) + 1;
	return 0;
}

static void free_texts(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

static int copy_texts(struct event_attribute *to, struct hadal_text texts)
{
	char **list = calloc(EVENT_TEXTS_MAX, sizeof(*list));
	struct hadal_text text;
	size_t count = 0;

	if (!list)
		return -ENOMEM;
	while (count < EVENT_TEXTS_MAX && hadal_texts_next(&texts, &text)) {
		list[count] = copy_text(text);
		if (!list[count]) {
			free_texts(list, count);
			return -ENOMEM;
		}
		count++;
	}
	to->type = EVENT_TEXTS;
	to->texts.list = list;
	to->texts.count = count;
	return 0;
}

static int copy_value(struct draft *draft, struct event_attribute *to, const struct hadal_attribute *from)
{
	switch (from->type) {
	case HADAL_ATTRIBUTE_TEXT:
		to->type = EVENT_TEXT;
		return add_text(draft, from->text);
	case HADAL_ATTRIBUTE_TEXTS:
		return copy_texts(to, from->text);
	case HADAL_ATTRIBUTE_INTEGER:
		to->type = EVENT_INTEGER;
		to->integer = from->integer;
		return 0;
	case HADAL_ATTRIBUTE_REAL:
		to->type = EVENT_REAL;
		to->real = from->real;
		return 0;
	case HADAL_ATTRIBUTE_BOOLEAN:
		to->type = EVENT_BOOLEAN;
		to->boolean = from->boolean;
		return 0;
	}
	return -EINVAL;
}

/* Nobody is to see them as they were, so they are redacted before they wait. */
static int copy_arguments(const struct draft *draft, struct event_attribute *to, struct hadal_text texts)
{
	int result = copy_texts(to, texts);

	if (result)
		return result;
	result = redact_arguments(draft->redactor, to->texts.list, to->texts.count, draft->cut);
	if (result)
		free_texts(to->texts.list, to->texts.count);
	return result;
}

static int collect_attribute(void *context, const struct hadal_attribute *attribute)
{
	struct draft *draft = context;
	bool arguments = strcmp(attribute->name, HADAL_ATTR_PROCESS_COMMAND_ARGS) == 0;
	struct event_attribute *to;
	int result;

	if (arguments && !draft->redactor)
		return 0;
	if (draft->count == EVENT_ATTRIBUTES)
		return -E2BIG;
	to = &draft->attributes[draft->count];
	to->key = attribute->name;
	result = arguments ? copy_arguments(draft, to, attribute->text) : copy_value(draft, to, attribute);
	if (!result)
		draft->count++;
	return result;
}

static void free_lists(struct event_attribute *attributes, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (attributes[i].type == EVENT_TEXTS)
			free_texts(attributes[i].texts.list, attributes[i].texts.count);
}

/* Its attributes and texts move in. NULL: no memory. */
static struct event *event_of(const struct draft *draft)
{
	const size_t attributes_size = draft->count * sizeof(draft->attributes[0]);
	struct event *event = malloc(sizeof(*event) + attributes_size + draft->size);
	char *texts;

	if (!event)
		return NULL;
	*event = (struct event){ .attribute_count = draft->count };
	memcpy(event->attributes, draft->attributes, attributes_size);
	texts = (char *)event->attributes + attributes_size;
	if (draft->size)
		memcpy(texts, draft->texts, draft->size);
	for (unsigned int i = 0; i < draft->count; i++)
		if (event->attributes[i].type == EVENT_TEXT)
			event->attributes[i].text = texts + draft->texts_at[i];
	return event;
}

static void event_free(struct event_queue *queue, struct event *event)
{
	free_lists(event->attributes, event->attribute_count);
	owner_put(queue->owners, event->owner);
	program_put(queue->programs, event->program);
	free(event);
}

static bool arguments_cut(const struct hadal_record *record)
{
	const struct hadal_record_process_exec *exec = (const void *)record;

	return record->type == HADAL_RECORD_PROCESS_EXEC && exec->flags & HADAL_EXEC_ARGV_TRUNCATED;
}

/* What @record says; NULL: no memory, or it says too much. */
static struct event *event_new(const struct event_queue *queue, const struct hadal_record *record,
			       const struct hadal_clock *clock)
{
	struct draft draft;
	struct event *event = NULL;

	/* Its lists are not zeroed: an event says a third of what it may. */
	draft.count = 0;
	draft.texts = NULL;
	draft.size = draft.room = 0;
	draft.redactor = queue->redactor;
	draft.cut = arguments_cut(record);
	if (!hadal_event_attributes(record, clock, collect_attribute, &draft))
		event = event_of(&draft);
	if (!event)
		free_lists(draft.attributes, draft.count);
	free(draft.texts);
	return event;
}

void event_queue_add(struct event_queue *queue, const struct hadal_record *record, const struct hadal_clock *clock,
		     const struct process *process, bool abnormal)
{
	const char *name = hadal_event_name(record);
	struct event *event = name && queue->length < queue->limit ? event_new(queue, record, clock) : NULL;

	if (!event) {
		count(queue->counts, COUNT_EVENTS_FULL);
		return;
	}
	event->name = name;
	event->time = hadal_clock_from_monotonic(clock, record->time);
	event->abnormal = abnormal;
	event->owner = owner_ref(process->owner);
	event->program = process->program ? program_ref(process->program) : NULL;
	DL_APPEND(queue->events, event);
	queue->length++;
}

void event_queue_remove(struct event_queue *queue, struct event *event)
{
	DL_DELETE(queue->events, event);
	queue->length--;
	event_free(queue, event);
}

void event_queue_free(struct event_queue *queue)
{
	while (queue->events)
		event_queue_remove(queue, queue->events);
}
