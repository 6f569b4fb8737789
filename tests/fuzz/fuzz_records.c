// SPDX-License-Identifier: MIT
/*
 * Records from outside: bytes, record behind record as a ring holds them. What
 * hadal_record_validate() lets pass is decoded and printed, from memory that ends
 * where the record does.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include <hadal/event.h>
#include <hadal/hadal.h>

#include "event_output.h"
#include "fuzz.h"

static const struct container container = { .container_id = "0123456789ab", .task_id = "fedcba" };

typedef int (*event_printer)(FILE *to, const struct hadal_record *record,
			     const struct hadal_clock *clock, const struct container *container);

static char *printed_by(event_printer print, const struct hadal_record *record,
			const struct hadal_clock *clock)
{
	size_t size;
	char *text;
	FILE *to = open_memstream(&text, &size);

	assert(to);
	assert(print(to, record, clock, record->sequence % 2 ? &container : NULL) == 0);
	fclose(to);
	/* One line, and nothing in it that ends it early. */
	assert(size > 0 && strlen(text) == size && strchr(text, '\n') == text + size - 1);
	return text;
}

/* What is written is one JSON object, of valid UTF-8. */
static void check_json(const struct hadal_record *record, const struct hadal_clock *clock)
{
	char *text = printed_by(event_json, record, clock);
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)strlen(text));
	assert(json_tokener_get_error(tokener) == json_tokener_success);
	assert(json_object_is_type(object, json_type_object));
	json_object_put(object);
	json_tokener_free(tokener);
	free(text);
}

/* Orders to a terminal must not get through. */
static void check_line(const struct hadal_record *record, const struct hadal_clock *clock)
{
	char *text = printed_by(event_line, record, clock), *at;

	for (at = text; at[1]; at++)
		assert((unsigned char)*at >= 0x20 && *at != 0x7f);
	free(text);
}

static void use(const struct hadal_record *record, struct hadal_clock *clock)
{
	hadal_clock_update(clock, record);
	if (!hadal_event_name(record))
		return;
	check_json(record, clock);
	check_line(record, clock);
}

/* Returns the record's bytes; 0: what is there is none. */
static size_t use_one(const uint8_t *data, size_t size, struct hadal_clock *clock)
{
	struct hadal_record *record = fuzz_copy(data, size);
	const char *reason = NULL;
	size_t length = 0;

	if (hadal_record_validate(record, size, &reason) == 0) {
		length = record->size;
		free(record);
		record = fuzz_copy(data, length);
		use(record, clock);
	} else {
		assert(reason);
	}
	free(record);
	return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hadal_clock clock = { 0 };
	size_t done = 0, length;

	while (done < size && (length = use_one(data + done, size - done, &clock)))
		done += length;
	return 0;
}
