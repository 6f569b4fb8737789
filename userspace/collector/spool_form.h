/* SPDX-License-Identifier: MIT */
/*
 * A batch in the spool's form: a string and a set of attributes are there once
 * and are named by their number from then on, so reading it is one pass that
 * makes what the batch holds and nothing besides. Numbers are varints as protobuf
 * has them ("n" below), signed ones in zigzag ("s"), doubles eight bytes, the
 * least first ("d").
 *
 *	batch    = temporality:byte texts sets resources
 *	texts    = count:n (size:n bytes)*
 *	sets     = count:n (count:n attribute*)*
 *	attribute = key:text type:byte value
 *	value    = string: text | int: s | double: d | bool: byte | strings: count:n text*
 *	resources = count:n (set metrics logs)*
 *	set      = n: 0 for none, else the set's number and 1
 *	metrics  = count:n (name:text unit:maybe description:maybe kind:byte count:n point*)*
 *	point    = flags:byte set start:s time:s value, none behind an end
 *	value    = int: s | double: d | histogram | exponential
 *	histogram = extremes bounds:n d* counts:n* sum:d, one count more than bounds
 *	exponential = extremes scale:s offset:s counts:n n* zero_count:n sum:d zero_threshold:d
 *	extremes = d for each that the flags have
 *	logs     = count:n (name:text body:maybe set time:s observed:s severity:n)*
 *	text     = n: its number
 *	maybe    = n: 0 for none, else the text's number and 1
 *
 * Times are told by what they differ from those of the point or record before;
 * bounds and a threshold are left out where they are those of the histogram of
 * that kind before.
 */
#ifndef HADAL_SPOOL_FORM_H
#define HADAL_SPOOL_FORM_H

#include "telemetry.h"
#include "wire.h"

enum { HADAL_SPOOL_BATCH_BYTES = 256 << 20 };	/* memory of a batch that is read back, at most */

/* A point's flags. */
enum {
	HADAL_SPOOL_TYPE = 3,			/* bits of enum in struct hadal_batch_point */
	HADAL_SPOOL_END = 1 << 2,		/* it has no recorded value */
	HADAL_SPOOL_MIN = 1 << 3,
	HADAL_SPOOL_MAX = 1 << 4,
	HADAL_SPOOL_SAME_BOUNDS = 1 << 5,	/* or threshold */
	HADAL_SPOOL_FLAGS = (1 << 6) - 1,
};

/**
 * hadal_spool_form_write() - add a batch in this form to @wire
 *
 * Return: 0; -ENOMEM.
 */
int hadal_spool_form_write(const struct hadal_batch *batch, struct hadal_wire *wire);

/**
 * hadal_spool_form_read() - make a batch of what was written
 * @batch: set to it, for hadal_batch_free(); of @bytes it needs nothing
 * @wrong: set to what is wrong, in words, when there is an error
 *
 * Return: 0; -EBADMSG: it is not what hadal_spool_form_write() makes; -ENOMEM.
 */
int hadal_spool_form_read(const uint8_t *bytes, size_t size, struct hadal_batch **batch, const char **wrong);

#endif
