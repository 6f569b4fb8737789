/* SPDX-License-Identifier: MIT */
#include "event_output.h"

#include <errno.h>
#include <stdlib.h>

#include <json-c/json.h>

#include <hadal/event.h>
#include <hadal/names.h>

/* Takes over value; NULL is one that there was no memory for. */
static int add(struct json_object *object, const char *name, struct json_object *value)
{
	if (!value)
		return -ENOMEM;
	if (json_object_object_add(object, name, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static struct json_object *text_value(struct hadal_text text)
{
	char *utf8 = malloc(HADAL_UTF8_SIZE(text.length));
	struct json_object *value;

	if (!utf8)
		return NULL;
	value = json_object_new_string_len(utf8, (int)hadal_utf8(text, utf8));
	free(utf8);
	return value;
}

static struct json_object *texts_value(struct hadal_text texts)
{
	struct json_object *array = json_object_new_array(), *value;
	struct hadal_text text;

	while (array && hadal_texts_next(&texts, &text)) {
		value = text_value(text);
		if (value && json_object_array_add(array, value) == 0)
			continue;
		json_object_put(value);
		json_object_put(array);
		return NULL;
	}
	return array;
}

static struct json_object *attribute_value(const struct hadal_attribute *attribute)
{
	switch (attribute->type) {
	case HADAL_ATTRIBUTE_TEXT:
		return text_value(attribute->text);
	case HADAL_ATTRIBUTE_TEXTS:
		return texts_value(attribute->text);
	case HADAL_ATTRIBUTE_INTEGER:
		return json_object_new_int64(attribute->integer);
	case HADAL_ATTRIBUTE_REAL:
		return json_object_new_double(attribute->real);
	case HADAL_ATTRIBUTE_BOOLEAN:
		return json_object_new_boolean(attribute->boolean);
	}
	return NULL;
}

static int add_attribute(void *context, const struct hadal_attribute *attribute)
{
	return add(context, attribute->name, attribute_value(attribute));
}

static int add_timestamp(struct json_object *object, const struct hadal_record *record,
			 const struct hadal_clock *clock)
{
	uint64_t realtime = hadal_clock_from_monotonic(clock, record->time);
	char text[HADAL_TIMESTAMP_SIZE];

	if (!realtime)
		return 0;
	hadal_timestamp(realtime, text);
	return add(object, HADAL_KEY_TIMESTAMP, json_object_new_string(text));
}

static int add_container(struct json_object *object, const struct container *container)
{
	int error;

	if (!container)
		return 0;
	error = add(object, HADAL_ATTR_CONTAINER_ID, json_object_new_string(container->container_id));
	if (error < 0 || !container->task_id[0])
		return error;
	return add(object, HADAL_ATTR_AWS_ECS_TASK_ID, json_object_new_string(container->task_id));
}

static int add_all(struct json_object *object, const struct hadal_record *record,
		   const struct hadal_clock *clock, const struct container *container)
{
	int error = add_timestamp(object, record, clock);

	if (error == 0)
		error = add(object, HADAL_KEY_EVENT_NAME,
			    json_object_new_string(hadal_event_name(record)));
	if (error == 0)
		error = hadal_event_attributes(record, clock, add_attribute, object);
	if (error == 0)
		error = add_container(object, container);
	return error;
}

int event_json(FILE *to, const struct hadal_record *record, const struct hadal_clock *clock,
	       const struct container *container)
{
	const int form = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE |
			 JSON_C_TO_STRING_NOZERO;
	struct json_object *object = json_object_new_object();
	int error;

	if (!object)
		return -ENOMEM;
	/* To the nanosecond, which is what the records have. */
	json_c_set_serialization_double_format("%.9f", JSON_C_OPTION_THREAD);
	error = add_all(object, record, clock, container);
	if (error == 0)
		fprintf(to, "%s\n", json_object_to_json_string_ext(object, form));
	json_object_put(object);
	return error;
}
