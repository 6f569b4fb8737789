/* SPDX-License-Identifier: MIT */
#include "prometheus_labels.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "decimal.h"
#include "prometheus_names.h"

static const char name_key[] = "service.name", namespace_key[] = "service.namespace",
		  instance_key[] = "service.instance.id";

/* ---- values ---- */

static char *copy(struct hadal_arena *arena, const char *text, int *error)
{
	char *to = hadal_arena_alloc(arena, strlen(text) + 1, error);

	return to ? strcpy(to, text) : NULL;
}

static struct json_object *array_of(const struct hadal_telemetry_attribute *attribute)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; array && i < attribute->strings.count; i++) {
		struct json_object *text = json_object_new_string(attribute->strings.list[i]);

		if (text && json_object_array_add(array, text) == 0)
			continue;
		json_object_put(text);
		json_object_put(array);
		return NULL;
	}
	return array;
}

/* As JSON: OpenTelemetry's form of what is not a string. Source: specification, "Attribute Collections". */
static const char *array_text(struct hadal_arena *arena, const struct hadal_telemetry_attribute *attribute, int *error)
{
	struct json_object *array = array_of(attribute);
	const char *text =
		array ? json_object_to_json_string_ext(array, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) :
			NULL;

	if (text)
		text = copy(arena, text, error);
	else
		*error = -ENOMEM;
	json_object_put(array);
	return text;
}

static const char *value_text(struct hadal_arena *arena, const struct hadal_telemetry_attribute *attribute, int *error)
{
	char text[DECIMAL_SIZE];

	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		return attribute->string;
	case HADAL_VALUE_INT:
		snprintf(text, sizeof(text), "%" PRId64, attribute->integer);
		break;
	case HADAL_VALUE_DOUBLE:
		decimal(attribute->real, text);
		break;
	case HADAL_VALUE_BOOL:
		return attribute->boolean ? "true" : "false";
	case HADAL_VALUE_STRINGS:
		return array_text(arena, attribute, error);
	}
	return copy(arena, text, error);
}

/* ---- identity ---- */

static const char *string_of(const struct hadal_attributes *set, const char *key)
{
	for (size_t i = 0; set && i < set->count; i++)
		if (set->list[i].type == HADAL_VALUE_STRING && strcmp(set->list[i].key, key) == 0)
			return set->list[i].string;
	return "";
}

int prometheus_identity(struct hadal_arena *arena, const struct hadal_attributes *resource,
			struct prometheus_identity *identity, int *error)
{
	const char *name = string_of(resource, name_key), *namespace = string_of(resource, namespace_key);
	const size_t size = strlen(namespace) + strlen(name) + sizeof("/");
	char *job;

	identity->job = name;
	identity->instance = string_of(resource, instance_key);
	if (!*name || !*namespace)
		return 0;
	job = hadal_arena_alloc(arena, size, error);
	if (!job)
		return *error;
	snprintf(job, size, "%s/%s", namespace, name);
	identity->job = job;
	return 0;
}

static bool is_identity(const char *key)
{
	return strcmp(key, name_key) == 0 || strcmp(key, namespace_key) == 0 || strcmp(key, instance_key) == 0;
}

/* ---- sets ---- */

/* A label in the making, with the key that it is ordered by among those of its name. */
struct draft {
	struct prometheus_label label;
	const char *key;
};

struct drafts {
	struct draft list[HADAL_ATTRIBUTES_MAX + 2];
	size_t count;
};

static int compare(const struct draft *a, const struct draft *b)
{
	const int names = strcmp(a->label.name, b->label.name);

	return names ? names : strcmp(a->key, b->key);
}

/* Few, and mostly in order already. */
static void add(struct drafts *drafts, struct draft draft)
{
	size_t at = drafts->count++;

	for (; at && compare(&drafts->list[at - 1], &draft) > 0; at--)
		drafts->list[at] = drafts->list[at - 1];
	drafts->list[at] = draft;
}

static void add_identity(struct drafts *drafts, const struct prometheus_identity *identity)
{
	if (*identity->job)
		add(drafts, (struct draft){ { "job", identity->job }, "" });
	if (*identity->instance)
		add(drafts, (struct draft){ { "instance", identity->instance }, "" });
}

static const char *name_of(struct hadal_arena *arena, struct prometheus_label_names *names, const char *key, int *error)
{
	const size_t places = sizeof(names->list) / sizeof(names->list[0]);
	const size_t place = XXH3_64bits(key, strlen(key)) % places;
	char name[PROMETHEUS_NAME_SIZE];

	if (names->list[place].key && strcmp(names->list[place].key, key) == 0)
		return names->list[place].name;
	prometheus_label_name(key, name, sizeof(name));
	names->list[place].name = copy(arena, name, error);
	names->list[place].key = names->list[place].name ? key : NULL;
	return names->list[place].name;
}

static int add_attribute(struct hadal_arena *arena, struct prometheus_label_names *names, struct drafts *drafts,
			 const struct hadal_telemetry_attribute *attribute, int *error)
{
	struct draft draft = { .key = attribute->key };

	draft.label.value = value_text(arena, attribute, error);
	if (!draft.label.value)
		return *error;
	if (!*draft.label.value)
		return 0;
	draft.label.name = name_of(arena, names, attribute->key, error);
	if (!draft.label.name)
		return *error;
	add(drafts, draft);
	return 0;
}

static int append_value(struct hadal_arena *arena, struct prometheus_label *label, const char *more, int *error)
{
	const size_t size = strlen(label->value) + strlen(more) + sizeof(";");
	char *both = hadal_arena_alloc(arena, size, error);

	if (!both)
		return *error;
	snprintf(both, size, "%s;%s", label->value, more);
	label->value = both;
	return 0;
}

static const struct prometheus_labels *finish(struct hadal_arena *arena, const struct drafts *drafts, int *error)
{
	struct prometheus_labels *labels =
		hadal_arena_alloc(arena, sizeof(*labels) + drafts->count * sizeof(labels->list[0]), error);

	for (size_t i = 0; labels && i < drafts->count; i++) {
		const struct prometheus_label *label = &drafts->list[i].label;
		struct prometheus_label *last = labels->count ? &labels->list[labels->count - 1] : NULL;

		if (!last || strcmp(last->name, label->name) != 0)
			labels->list[labels->count++] = *label;
		else if (append_value(arena, last, label->value, error))
			return NULL;
	}
	return labels;
}

const struct prometheus_labels *prometheus_labels(struct hadal_arena *arena, struct prometheus_label_names *names,
						  const struct prometheus_identity *identity,
						  const struct hadal_attributes *attributes, bool target, int *error)
{
	struct drafts drafts;

	drafts.count = 0;
	add_identity(&drafts, identity);
	for (size_t i = 0; attributes && i < attributes->count; i++) {
		if (target && is_identity(attributes->list[i].key))
			continue;
		if (add_attribute(arena, names, &drafts, &attributes->list[i], error))
			return NULL;
	}
	return finish(arena, &drafts, error);
}

/* ---- comparing ---- */

bool prometheus_labels_same(const struct prometheus_labels *a, const struct prometheus_labels *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->list[i].name, b->list[i].name) != 0 || strcmp(a->list[i].value, b->list[i].value) != 0)
			return false;
	return true;
}

uint64_t prometheus_labels_hash(const struct prometheus_labels *labels)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < labels->count; i++) {
		hash = XXH3_64bits_withSeed(labels->list[i].name, strlen(labels->list[i].name), hash);
		hash = XXH3_64bits_withSeed(labels->list[i].value, strlen(labels->list[i].value), hash);
	}
	return hash;
}
