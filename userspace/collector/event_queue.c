/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <hadal/event.h>
#include <hadal/names.h>
#include <stdlib.h>
#include <string.h>

#include "event_queue.h"

enum { EVENT_TEXTS_MAX = 256 };	/* arguments of one process */

struct collect {
	struct event *event;
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

static int copy_value(struct event_attribute *to, const struct hadal_attribute *from)
{
	switch (from->type) {
	case HADAL_ATTRIBUTE_TEXT:
		to->type = EVENT_TEXT;
		to->text = copy_text(from->text);
		return to->text ? 0 : -ENOMEM;
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
static int copy_arguments(const struct collect *collect, struct event_attribute *to, struct hadal_text texts)
{
	int result = copy_texts(to, texts);

	if (result)
		return result;
	result = redact_arguments(collect->redactor, to->texts.list, to->texts.count, collect->cut);
	if (result)
		free_texts(to->texts.list, to->texts.count);
	return result;
}

static int collect_attribute(void *context, const struct hadal_attribute *attribute)
{
	struct collect *collect = context;
	bool arguments = strcmp(attribute->name, HADAL_ATTR_PROCESS_COMMAND_ARGS) == 0;
	struct event *event = collect->event;
	struct event_attribute *to;
	int result;

	if (arguments && !collect->redactor)
		return 0;
	if (event->attribute_count == EVENT_ATTRIBUTES)
		return -E2BIG;
	to = &event->attributes[event->attribute_count];
	to->key = attribute->name;
	result = arguments ? copy_arguments(collect, to, attribute->text) : copy_value(to, attribute);
	if (!result)
		event->attribute_count++;
	return result;
}

static void event_free(struct event_queue *queue, struct event *event)
{
	for (unsigned int i = 0; i < event->attribute_count; i++) {
		struct event_attribute *attribute = &event->attributes[i];

		if (attribute->type == EVENT_TEXT)
			free(attribute->text);
		else if (attribute->type == EVENT_TEXTS)
			free_texts(attribute->texts.list, attribute->texts.count);
	}
	owner_put(queue->owners, event->owner);
	program_put(queue->programs, event->program);
	free(event);
}

static bool arguments_cut(const struct hadal_record *record)
{
	const struct hadal_record_process_exec *exec = (const void *)record;

	return record->type == HADAL_RECORD_PROCESS_EXEC && exec->flags & HADAL_EXEC_ARGV_TRUNCATED;
}

void event_queue_add(struct event_queue *queue, const struct hadal_record *record, const struct hadal_clock *clock,
		     const struct process *process, bool abnormal)
{
	struct event *event = queue->length < queue->limit ? calloc(1, sizeof(*event)) : NULL;
	struct collect collect = { .event = event, .redactor = queue->redactor, .cut = arguments_cut(record) };

	if (!event) {
		count(queue->counts, COUNT_EVENTS_FULL);
		return;
	}
	event->name = hadal_event_name(record);
	event->time = hadal_clock_from_monotonic(clock, record->time);
	event->abnormal = abnormal;
	event->owner = owner_ref(process->owner);
	event->program = process->program ? program_ref(process->program) : NULL;
	if (!event->name || hadal_event_attributes(record, clock, collect_attribute, &collect)) {
		count(queue->counts, COUNT_EVENTS_FULL);
		event_free(queue, event);
		return;
	}
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
