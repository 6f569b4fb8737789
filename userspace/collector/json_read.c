/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <string.h>

#include "json_read.h"

enum { JSON_DEPTH = 32 };

struct json_object *json_parse_object(const char *text, size_t length)
{
	struct json_tokener *tokener;
	struct json_object *object;

	if (!text || length > INT_MAX)
		return NULL;
	tokener = json_tokener_new_ex(JSON_DEPTH);
	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS);
	object = json_tokener_parse_ex(tokener, text, (int)length);
	if (object && (!json_object_is_type(object, json_type_object) ||
		       text[json_tokener_get_parse_end(tokener) + strspn(text + json_tokener_get_parse_end(tokener),
									 " \t\r\n")])) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

struct json_object *json_member(struct json_object *object, const char *key, enum json_type type)
{
	struct json_object *member;

	if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, key, &member) ||
	    !json_object_is_type(member, type))
		return NULL;
	return member;
}

const char *json_text(struct json_object *object, const char *key)
{
	struct json_object *member = json_member(object, key, json_type_string);
	const char *text = member ? json_object_get_string(member) : "";

	/* In front of a NUL is part of it, and part of a name is another name. */
	return member && strlen(text) != (size_t)json_object_get_string_len(member) ? "" : text;
}

void json_copy(struct json_object *object, const char *key, char *to, size_t size)
{
	const char *text = json_text(object, key);

	if (strlen(text) < size)
		strcpy(to, text);
}

time_t json_time(struct json_object *object, const char *key)
{
	struct tm fields = { 0 };
	const char *end = strptime(json_text(object, key), "%Y-%m-%dT%H:%M:%S", &fields);

	return end && strcmp(end, "Z") == 0 ? timegm(&fields) : 0;
}
