/* SPDX-License-Identifier: MIT */
/*
 * IP addresses in one form: 16 bytes, IPv4 as IPv4-mapped IPv6.
 */
#ifndef HADALD_ADDRESS_H
#define HADALD_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address {
	uint8_t bytes[16];
};

/* A CIDR block. Bits count from the start of the 16 bytes. */
struct network {
	struct address address;
	unsigned int bits;
	char name[64];		/* as it was written */
};

enum address_scope {
	ADDRESS_UNSPECIFIED,
	ADDRESS_LOOPBACK,
	ADDRESS_LINK_LOCAL,
	ADDRESS_PRIVATE,	/* RFC 1918, RFC 6598, RFC 4193 */
	ADDRESS_GROUP,		/* multicast, and IPv4's broadcast */
	ADDRESS_GLOBAL,
};

/* @family: AF_INET (4 bytes are used) or AF_INET6; another gives unspecified. */
struct address address_from_bytes(unsigned int family, const uint8_t *bytes);

/* Returns 0, or -EINVAL: @text is no IPv4 or IPv6 address. */
int address_parse(const char *text, struct address *address);

/* "ADDRESS/BITS". Returns 0, or -EINVAL. */
int network_parse(const char *text, struct network *network);

bool network_contains(const struct network *network, const struct address *address);
bool address_equal(const struct address *a, const struct address *b);
bool address_unspecified(const struct address *address);

/* AF_INET or AF_INET6. */
unsigned int address_family(const struct address *address);
enum address_scope address_scope(const struct address *address);

#endif
