/* SPDX-License-Identifier: MIT */
/*
 * Reading JSON that others sent: what is missing or of another type than
 * expected is as if it were not there.
 */
#ifndef HADALD_JSON_READ_H
#define HADALD_JSON_READ_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* The object that @text holds, for json_object_put(); NULL: it holds none, or more than one. */
struct json_object *json_parse_object(const char *text, size_t length);

/* Member @key of @object if it is of @type; NULL otherwise. Borrowed. @object may be NULL. */
struct json_object *json_member(struct json_object *object, const char *key, enum json_type type);

/* The text of member @key; "" if there is none. Borrowed. */
const char *json_text(struct json_object *object, const char *key);

/* Copies that text; one that does not fit is left out: part of a name is another name. */
void json_copy(struct json_object *object, const char *key, char *to, size_t size);

/* The moment that member @key tells as AWS writes it, 2026-11-29T12:00:00Z, in s since 1970; 0: it tells none. */
time_t json_time(struct json_object *object, const char *key);

#endif
