/* SPDX-License-Identifier: MIT */
/*
 * What an answer of DNS says: its question, and the records that answer it. All of
 * it is from the network and vouched for by nobody; what breaks a rule of the
 * format is refused, whatever else it has.
 */
#ifndef HADAL_DNS_H
#define HADAL_DNS_H

#include <hadal/hadal.h>

#define HADAL_DNS_NAME_SIZE	1025	/* a name as text with its NUL, each byte of it escaped */

/*
 * A message under way: set by hadal_dns_parse(), taken on by hadal_dns_next(). It
 * refers to the bytes that it is of.
 */
struct hadal_dns_message {
	char question[HADAL_DNS_NAME_SIZE];	/* "example.org", "." for the root; "": has none */
	uint16_t question_type;			/* 1 A, 28 AAAA, ... */
	uint16_t id;
	uint8_t response_code;			/* 0 NOERROR, 3 NXDOMAIN, ... */
	bool server_truncated;			/* TC: the server says that there is more */
	bool is_cut;				/* ends within: only its first bytes are there */
	uint16_t left;				/* answers that hadal_dns_next() has not looked at */
	const uint8_t *bytes;
	size_t size;
	size_t position;
};

/* A, AAAA and CNAME alone. */
struct hadal_dns_resource {
	char name[HADAL_DNS_NAME_SIZE];		/* of which it says something */
	char target[HADAL_DNS_NAME_SIZE];	/* CNAME: the name to look at instead */
	uint16_t type;				/* 1 A, 5 CNAME, 28 AAAA */
	uint16_t family;			/* AF_INET, AF_INET6; CNAME: 0 */
	uint32_t ttl;				/* seconds */
	uint8_t address[16];
};

/*
 * Reads header and question of a message of which size bytes are there, of length.
 * Returns 0, or -EBADMSG: it is no answer to a query, or not sound.
 */
HADAL_API int hadal_dns_parse(struct hadal_dns_message *message, const void *bytes, size_t size,
			      size_t length);

/*
 * The next answer of a type that is known; others are stepped over. Returns 1; 0 at
 * the end, or where the bytes are cut (is_cut then); -EBADMSG.
 */
HADAL_API int hadal_dns_next(struct hadal_dns_message *message,
			     struct hadal_dns_resource *resource);

/* "A" for 1; NULL where the number has no name here. Static. */
HADAL_API const char *hadal_dns_type_name(uint16_t type);

/* "NXDOMAIN" for 3; NULL where the number has no name. Static. */
HADAL_API const char *hadal_dns_response_code_name(uint8_t code);

#endif
