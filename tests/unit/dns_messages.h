/* SPDX-License-Identifier: MIT */
/* Messages of DNS, built part by part. */
#ifndef DNS_MESSAGES_H
#define DNS_MESSAGES_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DNS_ANSWERED	0x8180	/* flags: an answer, recursion asked for and available */
#define DNS_QUESTION_AT	12	/* where the name of the question stands */

struct dns_builder {
	uint8_t bytes[4096];
	size_t size;
};

static inline void dns_put(struct dns_builder *message, const void *bytes, size_t size)
{
	assert(size <= sizeof(message->bytes) - message->size);
	memcpy(message->bytes + message->size, bytes, size);
	message->size += size;
}

static inline void dns_put16(struct dns_builder *message, unsigned int value)
{
	dns_put(message, (const uint8_t[]){ (uint8_t)(value >> 8), (uint8_t)value }, 2);
}

/* "www.example.org"; "" is the root. */
static inline void dns_put_name(struct dns_builder *message, const char *name)
{
	size_t length;

	for (; *name; name += length + (name[length] == '.')) {
		length = strcspn(name, ".");
		dns_put(message, (const uint8_t[]){ (uint8_t)length }, 1);
		dns_put(message, name, length);
	}
	dns_put(message, "", 1);
}

static inline void dns_put_pointer(struct dns_builder *message, size_t to)
{
	dns_put16(message, 0xc000 | (unsigned int)to);
}

static inline void dns_begin(struct dns_builder *message, unsigned int flags, unsigned int questions,
			     unsigned int answers)
{
	message->size = 0;
	dns_put16(message, 0x1234);
	dns_put16(message, flags);
	dns_put16(message, questions);
	dns_put16(message, answers);
	dns_put16(message, 0);
	dns_put16(message, 0);
}

static inline void dns_put_question(struct dns_builder *message, const char *name, unsigned int type)
{
	dns_put_name(message, name);
	dns_put16(message, type);
	dns_put16(message, 1);
}

/* What follows a record's name, up to its data. */
static inline void dns_put_fixed(struct dns_builder *message, unsigned int type, uint32_t ttl,
				 size_t length)
{
	dns_put16(message, type);
	dns_put16(message, 1);
	dns_put16(message, ttl >> 16);
	dns_put16(message, ttl & 0xffff);
	dns_put16(message, (unsigned int)length);
}

static inline void dns_put_address(struct dns_builder *message, size_t name, uint32_t ttl,
				   const void *address, size_t length)
{
	dns_put_pointer(message, name);
	dns_put_fixed(message, length == 4 ? 1 : 28, ttl, length);
	dns_put(message, address, length);
}

/* Returns where the target stands. */
static inline size_t dns_put_alias(struct dns_builder *message, size_t name, uint32_t ttl,
				   const char *target)
{
	size_t length = strlen(target) + 2, at;

	dns_put_pointer(message, name);
	dns_put_fixed(message, 5, ttl, length);
	at = message->size;
	dns_put_name(message, target);
	return at;
}

/* www.example.org is an alias of web.example.net, which has an address of each family. */
static inline void dns_build_usual(struct dns_builder *message)
{
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	size_t target;

	dns_begin(message, DNS_ANSWERED, 1, 3);
	dns_put_question(message, "www.example.org", 1);
	target = dns_put_alias(message, DNS_QUESTION_AT, 300, "web.example.net");
	dns_put_address(message, target, 60, (const uint8_t[]){ 192, 0, 2, 7 }, 4);
	dns_put_address(message, target, 3600, v6, sizeof(v6));
}

#endif
