/* SPDX-License-Identifier: MIT */
/*
 * A buffer that grows, and what is written to it: numbers as protobuf has them
 * and messages of protobuf. A failure of memory is kept, and all that is
 * written after it is nothing; so there is one place to look, at the end.
 */
#ifndef HADAL_WIRE_H
#define HADAL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hadal_wire {
	uint8_t *bytes;		/* from malloc; the owner's to free */
	size_t size, room;
	int error;		/* -ENOMEM */
};

enum {
	HADAL_VARINT_BYTES = 10,	/* of a number of 64 bits, at most */

	/* The low three bits of a tag. Source: protobuf's "Encoding", Message Structure. */
	HADAL_WIRE_VARINT = 0,
	HADAL_WIRE_FIXED64 = 1,
	HADAL_WIRE_LENGTH = 2,
};

/* Of a field whose number takes one byte: 1 to 15. */
#define HADAL_WIRE_TAG(field, type)	((uint8_t)((field) << 3 | (type)))

/** hadal_wire_grow() - room for @more bytes; use hadal_wire_reserve(). */
bool hadal_wire_grow(struct hadal_wire *wire, size_t more);

static inline bool hadal_wire_reserve(struct hadal_wire *wire, size_t more)
{
	return wire->room - wire->size >= more || hadal_wire_grow(wire, more);
}

/* What a signed number is as an unsigned one: small where it is near 0. Source: protobuf's "Encoding", sint64. */
static inline uint64_t hadal_wire_zigzag(int64_t value)
{
	return (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
}

static inline int64_t hadal_wire_unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

static inline size_t hadal_varint_size(uint64_t value)
{
	return 1 + (size_t)(63 - __builtin_clzll(value | 1)) / 7;
}

/* To where there is room for HADAL_VARINT_BYTES. Returns the end. */
static inline uint8_t *hadal_varint_put(uint8_t *to, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to++ = (uint8_t)value;
	return to;
}

static inline void hadal_wire_varint(struct hadal_wire *wire, uint64_t value)
{
	if (hadal_wire_reserve(wire, HADAL_VARINT_BYTES))
		wire->size = (size_t)(hadal_varint_put(wire->bytes + wire->size, value) - wire->bytes);
}

static inline void hadal_wire_bytes(struct hadal_wire *wire, const void *bytes, size_t size)
{
	if (size && hadal_wire_reserve(wire, size)) {
		memcpy(wire->bytes + wire->size, bytes, size);
		wire->size += size;
	}
}

static inline void hadal_wire_byte(struct hadal_wire *wire, uint8_t byte)
{
	if (hadal_wire_reserve(wire, 1))
		wire->bytes[wire->size++] = byte;
}

/* In the order of bytes that protobuf has: the least first. Returns the end. */
static inline uint8_t *hadal_fixed64_put(uint8_t *to, uint64_t value)
{
	const uint64_t little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? value : __builtin_bswap64(value);

	memcpy(to, &little, sizeof(little));
	return to + sizeof(little);
}

static inline uint8_t *hadal_double_put(uint8_t *to, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return hadal_fixed64_put(to, bits);
}

static inline void hadal_wire_fixed64(struct hadal_wire *wire, uint64_t value)
{
	if (hadal_wire_reserve(wire, sizeof(value)))
		wire->size = (size_t)(hadal_fixed64_put(wire->bytes + wire->size, value) - wire->bytes);
}

static inline void hadal_wire_double(struct hadal_wire *wire, double value)
{
	if (hadal_wire_reserve(wire, sizeof(value)))
		wire->size = (size_t)(hadal_double_put(wire->bytes + wire->size, value) - wire->bytes);
}

/* ---- fields of protobuf; @tag as HADAL_WIRE_TAG() makes it ---- */

static inline void hadal_wire_put_varint(struct hadal_wire *wire, unsigned int field, uint64_t value)
{
	hadal_wire_byte(wire, HADAL_WIRE_TAG(field, HADAL_WIRE_VARINT));
	hadal_wire_varint(wire, value);
}

static inline void hadal_wire_put_fixed64(struct hadal_wire *wire, unsigned int field, uint64_t value)
{
	hadal_wire_byte(wire, HADAL_WIRE_TAG(field, HADAL_WIRE_FIXED64));
	hadal_wire_fixed64(wire, value);
}

static inline void hadal_wire_put_double(struct hadal_wire *wire, unsigned int field, double value)
{
	hadal_wire_byte(wire, HADAL_WIRE_TAG(field, HADAL_WIRE_FIXED64));
	hadal_wire_double(wire, value);
}

static inline void hadal_wire_put_bytes(struct hadal_wire *wire, unsigned int field, const void *bytes, size_t size)
{
	hadal_wire_byte(wire, HADAL_WIRE_TAG(field, HADAL_WIRE_LENGTH));
	hadal_wire_varint(wire, size);
	hadal_wire_bytes(wire, bytes, size);
}

/** hadal_wire_put_string() - NULL is left out. */
static inline void hadal_wire_put_string(struct hadal_wire *wire, unsigned int field, const char *string)
{
	if (string)
		hadal_wire_put_bytes(wire, field, string, strlen(string));
}

/**
 * hadal_wire_open() - begin a message within the one under way
 *
 * Return: what hadal_wire_close() needs.
 */
static inline size_t hadal_wire_open(struct hadal_wire *wire, unsigned int field)
{
	/* Most are of 128 to 16,383 bytes: their length takes two, for which room is left. */
	hadal_wire_byte(wire, HADAL_WIRE_TAG(field, HADAL_WIRE_LENGTH));
	hadal_wire_bytes(wire, "\0", 2);
	return wire->size;
}

/** hadal_wire_close() - end it: its length is known now, and put before it. */
void hadal_wire_close(struct hadal_wire *wire, size_t opened);

#endif
