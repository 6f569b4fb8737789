// SPDX-License-Identifier: MIT
#include "wire.h"

#include <errno.h>
#include <stdlib.h>

enum {
	ROOM_MIN = 4096,
	LENGTH_ROOM = 2,	/* that hadal_wire_open() leaves */
};

bool hadal_wire_grow(struct hadal_wire *wire, size_t more)
{
	size_t room = wire->room < ROOM_MIN ? ROOM_MIN : wire->room;
	uint8_t *bytes;

	if (wire->error)
		return false;
	while (room - wire->size < more && room <= SIZE_MAX / 4)
		room *= 2;
	bytes = room - wire->size < more ? NULL : realloc(wire->bytes, room);
	if (!bytes) {
		/* From now on nothing fits. */
		wire->error = -ENOMEM;
		wire->room = wire->size;
		return false;
	}
	wire->bytes = bytes;
	wire->room = room;
	return true;
}

void hadal_wire_close(struct hadal_wire *wire, size_t opened)
{
	const size_t size = wire->size - opened;
	uint8_t length[HADAL_VARINT_BYTES];
	const size_t length_size = (size_t)(hadal_varint_put(length, size) - length);

	if (wire->error || !hadal_wire_reserve(wire, HADAL_VARINT_BYTES))
		return;
	if (length_size != LENGTH_ROOM)
		memmove(wire->bytes + opened - LENGTH_ROOM + length_size, wire->bytes + opened, size);
	memcpy(wire->bytes + opened - LENGTH_ROOM, length, length_size);
	wire->size = opened - LENGTH_ROOM + length_size + size;
}
