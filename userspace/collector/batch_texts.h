/* SPDX-License-Identifier: MIT */
/*
 * The strings of a batch, each there once, however often it is used: equal
 * strings are one pointer, and have a number, by which the spool names them.
 */
#ifndef HADAL_BATCH_TEXTS_H
#define HADAL_BATCH_TEXTS_H

#include <stddef.h>
#include <stdint.h>

struct hadal_batch;

struct hadal_batch_text {
	struct hadal_batch_text *next;	/* in the order of their numbers */
	uint32_t hash;
	uint32_t number;		/* from 0 on */
	uint32_t size;			/* bytes, NUL not counted */
	uint32_t key_of;		/* the newest set in the making that has it as a key: batch_sets.c */
	char bytes[];
};

struct hadal_batch_given;

/* Open addressing: at most half of the slots are taken. */
struct hadal_batch_texts {
	struct hadal_batch_text **slots;
	uint32_t slot_count;		/* a power of 2, or 0 */
	uint32_t count;
	struct hadal_batch_text *first, *last;
	struct hadal_batch_given *given;	/* of a batch that is made; NULL: nothing was given yet */
};

/**
 * hadal_batch_text() - the batch's string that is as @from is
 *
 * What is no UTF-8 is made it, what is longer than HADAL_STRING_MAX is cut.
 *
 * Return: it lives as long as the batch; NULL when there is no memory, and the
 * batch has the error then.
 */
const char *hadal_batch_text(struct hadal_batch *batch, const char *from);

/**
 * hadal_batch_text_read() - add a string that was read
 *
 * Return: the same; NULL also, without an error of the batch, when the batch
 * has the string already, and when it is none that hadal_batch_text() makes.
 */
const char *hadal_batch_text_read(struct hadal_batch *batch, const void *bytes, size_t size);

/** hadal_batch_text_of() - of a string that one of the two has returned. */
static inline const struct hadal_batch_text *hadal_batch_text_of(const char *string)
{
	return (const struct hadal_batch_text *)(const void *)(string - offsetof(struct hadal_batch_text, bytes));
}

#endif
