/* SPDX-License-Identifier: MIT */
/*
 * The sets of attributes of a batch, each there once: most points have the
 * attributes that a point of another metric has. A set has a number, by which
 * the spool names it.
 */
#ifndef HADAL_BATCH_SETS_H
#define HADAL_BATCH_SETS_H

#include "attribute_key.h"
#include "telemetry.h"

struct hadal_otlp_set;

/* Its strings are texts of the batch, those of arrays too: equal ones are one pointer. */
struct hadal_attributes {
	struct hadal_attributes *next;	/* in the order of their numbers */
	struct hadal_telemetry_attribute *list;
	size_t count;
	uint32_t number;		/* from 0 on */
	uint64_t hash;			/* 0: it is not looked for */
	bool has_key;
	struct hadal_key key;		/* once it was asked for */
	struct hadal_otlp_set *wire;	/* the encoder's */
};

/* Open addressing: at most half of the slots are taken. */
struct hadal_batch_sets {
	struct hadal_attributes **slots;
	uint32_t slot_count;		/* a power of 2, or 0 */
	uint32_t taken;			/* of these */
	uint32_t count;
	uint32_t drafts;		/* sets that were begun */
	struct hadal_attributes *first, **last;
};

/**
 * hadal_batch_attributes_read() - add a set that was read
 * @list: each string is a text of the batch, each array in its arena, and no key is empty or there twice
 *
 * Return: the set; NULL: there is no memory, and the batch has the error.
 */
const struct hadal_attributes *hadal_batch_attributes_read(struct hadal_batch *batch,
							   const struct hadal_telemetry_attribute *list, size_t count);

/** hadal_attributes_key() - of a set, computed once; NULL has the key of none. */
struct hadal_key hadal_attributes_key(const struct hadal_attributes *set);

#endif
