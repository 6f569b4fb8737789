/* SPDX-License-Identifier: MIT */
/*
 * uthash, set up with a hash for short keys, and so that a failed allocation is
 * an error of one insertion and not the end of the process.
 */
#ifndef HADALD_TABLE_H
#define HADALD_TABLE_H

#include <stdint.h>
#include <string.h>

/*
 * Keys are numbers and short names. Source: wyhash's step, the two halves of a
 * product of 64 bits. uthash's own goes byte by byte.
 */
static inline uint64_t table_hash_step(uint64_t hash, uint64_t word)
{
	unsigned __int128 product = (unsigned __int128)(hash ^ word) * 0x9e3779b97f4a7c15u;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline unsigned int table_hash(const void *key, size_t size)
{
	uint64_t hash = 0xa0761d6478bd642fu ^ size, word;
	const char *at = key;

	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = table_hash_step(hash, word);
	}
	if (size) {
		word = 0;
		memcpy(&word, at, size);
		hash = table_hash_step(hash, word);
	}
	return (unsigned int)(hash ^ hash >> 32);
}

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((void)(element))
#define HASH_FUNCTION(key, size, hash) ((hash) = table_hash(key, size))

#include <uthash.h>
#include <utlist.h>

/*
 * The longest chain of a bucket before there are twice as many. uthash's 10 means three
 * entries in most; each is a cache miss. With 5 there is about one.
 */
enum { TABLE_CHAIN = 5 };

/*
 * But not beyond two buckets for each entry. Where entries come and go some chain
 * reaches any length in the end, and what has been doubled never shrinks: a table of
 * 65,536 entries had 2 million buckets after 12 million had passed through it.
 */
static inline unsigned int table_chain_limit(unsigned int buckets, unsigned int entries)
{
	return buckets / 2 < entries ? TABLE_CHAIN : 1U << 16;
}

/* Names what uthash has at hand where it asks: the bucket that has just got its newest entry. */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH \
	table_chain_limit(_ha_head->hh_head->tbl->num_buckets, _ha_head->hh_head->tbl->num_items)

/* Whether the insertion of @element through @handle took place. */
#define TABLE_INSERTED(element, handle) ((element)->handle.tbl != NULL)

#endif
