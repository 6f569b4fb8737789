/* SPDX-License-Identifier: MIT */
/* What comes out of a queue of records, for tests of what puts it there. To be included behind cmocka.h. */
#ifndef QUEUED_RECORD_H
#define QUEUED_RECORD_H

#include <hadal/hadal.h>

#include "record_queue.h"

/* The next record, which asserts that it is valid; NULL: there is none. It stays until the next is taken. */
static inline const struct hadal_record *take(struct record_queue *queue)
{
	const struct hadal_record *record = record_queue_take(queue);
	const char *reason = "";

	if (record && hadal_record_validate(record, record->size, &reason))
		fail_msg("a record of type %u: %s", record->type, reason);
	return record;
}

#endif
