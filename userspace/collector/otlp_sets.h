/* SPDX-License-Identifier: MIT */
/* Sets of attributes as OTLP has them: made once, however many points have the set. */
#ifndef HADAL_OTLP_SETS_H
#define HADAL_OTLP_SETS_H

#include "batch.h"
#include "wire.h"

/**
 * hadal_otlp_put_set() - write a set's attributes, each as the field @field of the message under way
 * @batch: keeps the bytes in its scratch arena
 * @set: NULL for none
 *
 * Without memory, @wire has the error.
 */
void hadal_otlp_put_set(struct hadal_wire *wire, struct hadal_batch *batch, const struct hadal_attributes *set,
			unsigned int field);

/** hadal_otlp_put_set_once() - the same of a set that hardly comes again, as those of log records: nothing is kept */
void hadal_otlp_put_set_once(struct hadal_wire *wire, const struct hadal_attributes *set, unsigned int field);

#endif
