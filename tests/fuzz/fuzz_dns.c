// SPDX-License-Identifier: MIT
/*
 * Answers of DNS: two bytes say how much longer the message was than what is there,
 * the rest is its bytes, in memory that ends where they do.
 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <hadal/dns.h>

#include "fuzz.h"

/* Text of printable characters, with its NUL. */
static void check_name(const char *name)
{
	const void *end = memchr(name, '\0', HADAL_DNS_NAME_SIZE);

	assert(end);
	for (; name != end; name++)
		assert(*name > 0x20 && *name < 0x7f);
}

static void check_resource(const struct hadal_dns_resource *resource)
{
	check_name(resource->name);
	check_name(resource->target);
	assert(resource->name[0] && resource->ttl <= INT32_MAX);
	switch (resource->type) {
	case 1:
		assert(resource->family == AF_INET && !resource->target[0]);
		break;
	case 5:
		assert(!resource->family && resource->target[0]);
		break;
	default:
		assert(resource->type == 28 && resource->family == AF_INET6 && !resource->target[0]);
	}
}

static void check_answers(struct hadal_dns_message *message)
{
	struct hadal_dns_resource resource;
	unsigned int answers = 0, most = message->left;
	size_t before = message->position;
	int result;

	while ((result = hadal_dns_next(message, &resource)) > 0) {
		check_resource(&resource);
		assert(message->position > before && message->position <= message->size);
		before = message->position;
		answers++;
	}
	assert(answers <= most && (result == 0 || result == -EBADMSG));
	assert(!message->left && hadal_dns_next(message, &resource) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hadal_dns_message message;
	size_t more, length;
	uint8_t *bytes;

	if (size < 2)
		return 0;
	more = (size_t)data[0] << 8 | data[1];
	length = size - 2;
	bytes = fuzz_copy(data + 2, length);
	if (hadal_dns_parse(&message, bytes, length, length + more) == 0) {
		assert(message.is_cut == (more > 0) && message.response_code < 16);
		check_name(message.question);
		check_answers(&message);
	}
	free(bytes);
	return 0;
}
