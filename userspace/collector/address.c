/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"

enum { MAPPED_BITS = 96 };

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static bool is_v4(const struct address *address)
{
	return memcmp(address->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

struct address address_from_bytes(unsigned int family, const uint8_t *bytes)
{
	struct address address = { 0 };

	if (family == AF_INET) {
		memcpy(address.bytes, mapped_prefix, sizeof(mapped_prefix));
		memcpy(address.bytes + sizeof(mapped_prefix), bytes, 4);
	} else if (family == AF_INET6) {
		memcpy(address.bytes, bytes, sizeof(address.bytes));
	}
	return address;
}

int address_parse(const char *text, struct address *address)
{
	uint8_t bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1)
		*address = address_from_bytes(AF_INET, bytes);
	else if (inet_pton(AF_INET6, text, bytes) == 1)
		*address = address_from_bytes(AF_INET6, bytes);
	else
		return -EINVAL;
	return 0;
}

int network_parse(const char *text, struct network *network)
{
	char host[sizeof(network->name)], *slash, *end;
	unsigned long bits, most;

	if (strlen(text) >= sizeof(host))
		return -EINVAL;
	strcpy(host, text);
	slash = strchr(host, '/');
	if (!slash || slash[1] < '0' || slash[1] > '9')
		return -EINVAL;
	*slash = '\0';
	if (address_parse(host, &network->address))
		return -EINVAL;
	most = strchr(host, ':') ? 128 : 32;
	bits = strtoul(slash + 1, &end, 10);
	if (*end || bits > most)
		return -EINVAL;
	network->bits = (unsigned int)(most == 32 ? bits + MAPPED_BITS : bits);
	strcpy(network->name, text);
	return 0;
}

bool network_contains(const struct network *network, const struct address *address)
{
	unsigned int whole = network->bits / 8, rest = network->bits % 8;
	unsigned int mask = 0xff00U >> rest & 0xff;

	if (memcmp(network->address.bytes, address->bytes, whole))
		return false;
	return !rest || ((network->address.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

bool address_equal(const struct address *a, const struct address *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool address_unspecified(const struct address *address)
{
	return address_scope(address) == ADDRESS_UNSPECIFIED;
}

unsigned int address_family(const struct address *address)
{
	return is_v4(address) ? AF_INET : AF_INET6;
}

static enum address_scope scope_v4(const uint8_t *b)
{
	if (b[0] == 0)
		return ADDRESS_UNSPECIFIED;
	if (b[0] == 127)
		return ADDRESS_LOOPBACK;
	if (b[0] == 169 && b[1] == 254)
		return ADDRESS_LINK_LOCAL;
	if (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
	    (b[0] == 100 && (b[1] & 0xc0) == 64))
		return ADDRESS_PRIVATE;
	if ((b[0] & 0xf0) == 0xe0 || (b[0] & b[1] & b[2] & b[3]) == 0xff)
		return ADDRESS_GROUP;
	return ADDRESS_GLOBAL;
}

enum address_scope address_scope(const struct address *address)
{
	static const struct address unspecified, loopback = { .bytes = { [15] = 1 } };
	const uint8_t *b = address->bytes;

	if (is_v4(address))
		return scope_v4(b + sizeof(mapped_prefix));
	if (address_equal(address, &unspecified))
		return ADDRESS_UNSPECIFIED;
	if (address_equal(address, &loopback))
		return ADDRESS_LOOPBACK;
	if (b[0] == 0xfe && (b[1] & 0xc0) == 0x80)
		return ADDRESS_LINK_LOCAL;
	if ((b[0] & 0xfe) == 0xfc)
		return ADDRESS_PRIVATE;
	if (b[0] == 0xff)
		return ADDRESS_GROUP;
	return ADDRESS_GLOBAL;
}
