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

static void put_text(struct hadal_wire *wire, unsigned int field, const char *text)
{
	hadal_wire_put_bytes(wire, field, text, hadal_batch_text_of(text)->size);
}

static void put_array(struct hadal_wire *wire, const struct hadal_telemetry_attribute *attribute)
{
	const size_t array = hadal_wire_open(wire, VALUE_ARRAY);

	for (size_t i = 0; i < attribute->strings.count; i++) {
		const size_t value = hadal_wire_open(wire, ARRAY_VALUES);

		put_text(wire, VALUE_STRING, attribute->strings.list[i]);
		hadal_wire_close(wire, value);
	}
	hadal_wire_close(wire, array);
}

static void put_value(struct hadal_wire *wire, const struct hadal_telemetry_attribute *attribute)
{
	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		put_text(wire, VALUE_STRING, attribute->string);
		break;
	case HADAL_VALUE_INT:
		hadal_wire_put_varint(wire, VALUE_INT, (uint64_t)attribute->integer);
		break;
	case HADAL_VALUE_DOUBLE:
		hadal_wire_put_double(wire, VALUE_DOUBLE, attribute->real);
		break;
	case HADAL_VALUE_BOOL:
		hadal_wire_put_varint(wire, VALUE_BOOL, attribute->boolean);
		break;
	case HADAL_VALUE_STRINGS:
		put_array(wire, attribute);
		break;
	}
}

/* The bytes that put_value() writes; 0: they are not known before. */
static size_t value_size(const struct hadal_telemetry_attribute *attribute)
{
	size_t size;

	switch (attribute->type) {
	case HADAL_VALUE_STRING:
		size = hadal_batch_text_of(attribute->string)->size;
		return 1 + hadal_varint_size(size) + size;
	case HADAL_VALUE_INT:
		return 1 + hadal_varint_size((uint64_t)attribute->integer);
	case HADAL_VALUE_DOUBLE:
		return 1 + sizeof(double);
	case HADAL_VALUE_BOOL:
		return 2;
	case HADAL_VALUE_STRINGS:
		break;
	}
	return 0;
}

/* Of a value that takes @value bytes: no length is put before what was written. */
static void put_sized(struct hadal_wire *wire, const struct hadal_telemetry_attribute *attribute, unsigned int field,
		      size_t value)
{
	const size_t key = hadal_batch_text_of(attribute->key)->size;

	hadal_wire_byte(wire, HADAL_WIRE_TAG(field, HADAL_WIRE_LENGTH));
	hadal_wire_varint(wire, 1 + hadal_varint_size(key) + key + 1 + hadal_varint_size(value) + value);
	hadal_wire_put_bytes(wire, PAIR_KEY, attribute->key, key);
	hadal_wire_byte(wire, HADAL_WIRE_TAG(PAIR_VALUE, HADAL_WIRE_LENGTH));
	hadal_wire_varint(wire, value);
	put_value(wire, attribute);
}

static void put_attribute(struct hadal_wire *wire, const struct hadal_telemetry_attribute *attribute, unsigned int field)
{
	const size_t size = value_size(attribute);
	size_t pair, value;

	if (size) {
		put_sized(wire, attribute, field, size);
		return;
	}
	pair = hadal_wire_open(wire, field);
	put_text(wire, PAIR_KEY, attribute->key);
	value = hadal_wire_open(wire, PAIR_VALUE);
	put_value(wire, attribute);
	hadal_wire_close(wire, value);
	hadal_wire_close(wire, pair);
}

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

	for (size_t i = 0; i < set->count; i++)
		put_attribute(wire, &set->list[i], field);
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
