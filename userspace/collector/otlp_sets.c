// SPDX-License-Identifier: MIT
#include "otlp_sets.h"

#include <stdlib.h>

/* Of KeyValue, AnyValue and ArrayValue: proto/otlp.proto. */
enum {
	PAIR_KEY = 1,
	PAIR_VALUE = 2,
	VALUE_STRING = 1,
	VALUE_BOOL = 2,
	VALUE_INT = 3,
	VALUE_DOUBLE = 4,
	VALUE_ARRAY = 5,
	ARRAY_VALUES = 1,
};

/* Attributes are another field in each of the messages that have some: of a set that several use there are several. */
struct hadal_otlp_set {
	struct hadal_otlp_set *next;
	unsigned int field;
	size_t size;
	uint8_t bytes[];
};

/* ---- how many bytes ---- */

/* Of a field whose length is told before it. */
static size_t sized(size_t size)
{
	return 1 + hadal_varint_size(size) + size;
}

static size_t text_size(const char *text)
{
	return sized(hadal_batch_text_of(text)->size);
}

static size_t array_size(const struct hadal_telemetry_attribute *attribute)
{
	size_t size = 0;

	for (size_t i = 0; i < attribute->strings.count; i++)
		size += sized(text_size(attribute->strings.list[i]));
	return size;
}

static size_t value_size(const struct hadal_telemetry_attribute *attribute)
{
	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		return text_size(attribute->string);
	case HADAL_VALUE_INT:
		return 1 + hadal_varint_size((uint64_t)attribute->integer);
	case HADAL_VALUE_DOUBLE:
		return 1 + sizeof(double);
	case HADAL_VALUE_BOOL:
		return 2;
	case HADAL_VALUE_STRINGS:
		break;
	}
	return sized(array_size(attribute));
}

/* ---- and which; to where there is room for them ---- */

static uint8_t *put_length(uint8_t *to, unsigned int field, size_t size)
{
	*to++ = HADAL_WIRE_TAG(field, HADAL_WIRE_LENGTH);
	return hadal_varint_put(to, size);
}

static uint8_t *put_text(uint8_t *to, unsigned int field, const char *text)
{
	const size_t size = hadal_batch_text_of(text)->size;

	to = put_length(to, field, size);
	memcpy(to, text, size);
	return to + size;
}

static uint8_t *put_number(uint8_t *to, unsigned int field, uint64_t value)
{
	*to++ = HADAL_WIRE_TAG(field, HADAL_WIRE_VARINT);
	return hadal_varint_put(to, value);
}

static uint8_t *put_array(uint8_t *to, const struct hadal_telemetry_attribute *attribute)
{
	to = put_length(to, VALUE_ARRAY, array_size(attribute));
	for (size_t i = 0; i < attribute->strings.count; i++) {
		to = put_length(to, ARRAY_VALUES, text_size(attribute->strings.list[i]));
		to = put_text(to, VALUE_STRING, attribute->strings.list[i]);
	}
	return to;
}

static uint8_t *put_value(uint8_t *to, const struct hadal_telemetry_attribute *attribute)
{
	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		return put_text(to, VALUE_STRING, attribute->string);
	case HADAL_VALUE_INT:
		return put_number(to, VALUE_INT, (uint64_t)attribute->integer);
	case HADAL_VALUE_DOUBLE:
		*to++ = HADAL_WIRE_TAG(VALUE_DOUBLE, HADAL_WIRE_FIXED64);
		return hadal_double_put(to, attribute->real);
	case HADAL_VALUE_BOOL:
		return put_number(to, VALUE_BOOL, attribute->boolean);
	case HADAL_VALUE_STRINGS:
		break;
	}
	return put_array(to, attribute);
}

static void put_attribute(struct hadal_wire *wire, const struct hadal_telemetry_attribute *attribute, unsigned int field)
{
	const size_t value = value_size(attribute), pair = text_size(attribute->key) + sized(value);
	uint8_t *to;

	if (!hadal_wire_reserve(wire, sized(pair)))
		return;
	to = put_length(wire->bytes + wire->size, field, pair);
	to = put_text(to, PAIR_KEY, attribute->key);
	to = put_length(to, PAIR_VALUE, value);
	wire->size = (size_t)(put_value(to, attribute) - wire->bytes);
}

void hadal_otlp_put_set_once(struct hadal_wire *wire, const struct hadal_attributes *set, unsigned int field)
{
	for (size_t i = 0; set && i < set->count; i++)
		put_attribute(wire, &set->list[i], field);
}

/* ---- sets that come again ---- */

static struct hadal_otlp_set *find(const struct hadal_attributes *set, unsigned int field)
{
	struct hadal_otlp_set *made = set->wire;

	while (made && made->field != field)
		made = made->next;
	return made;
}

/* Written where the point is, and kept from there. */
static void make(struct hadal_wire *wire, struct hadal_batch *batch, struct hadal_attributes *set, unsigned int field)
{
	const size_t begin = wire->size;
	struct hadal_otlp_set *made;

	hadal_otlp_put_set_once(wire, set, field);
	if (wire->error)
		return;
	made = hadal_arena_take(&batch->scratch, sizeof(*made) + wire->size - begin, &wire->error);
	if (!made)
		return;
	made->field = field;
	made->size = wire->size - begin;
	memcpy(made->bytes, wire->bytes + begin, made->size);
	made->next = set->wire;
	set->wire = made;
}

void hadal_otlp_put_set(struct hadal_wire *wire, struct hadal_batch *batch, const struct hadal_attributes *set,
			unsigned int field)
{
	const struct hadal_otlp_set *made;

	if (!set || !set->count)
		return;
	made = find(set, field);
	/* The batch is the encoder's by now, and with it what its sets keep. */
	if (made)
		hadal_wire_bytes(wire, made->bytes, made->size);
	else
		make(wire, batch, (struct hadal_attributes *)(uintptr_t)set, field);
}
