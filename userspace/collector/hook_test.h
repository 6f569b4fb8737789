/* SPDX-License-Identifier: MIT */
/*
 * Whether the module's hooks of UDP are passed on this kernel. A compiler may
 * put a function into who calls it: its entry, and the module's hook there, are
 * then never passed, and nothing else tells it. So a datagram of one's own is
 * sent over loopback, and looked for in what the module counts.
 */
#ifndef HADALD_HOOK_TEST_H
#define HADALD_HOOK_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hadal/uapi.h>

/* The two sockets between which a datagram went. */
struct hook_test_ends {
	uint16_t family;	/* AF_INET, AF_INET6 */
	uint16_t from, to;	/* ports, host byte order */
};

/* What the module has told of them. */
struct hook_test_seen {
	bool sent, received;		/* the datagram, at that end */
	bool ended[2];			/* the flow of that end: nothing more comes */
};

/* What a hook test finds to be missed, by family. */
enum hook_test_missed {
	HOOK_TEST_SEND_IPV4 = 1 << 0,
	HOOK_TEST_RECEIVE_IPV4 = 1 << 1,
	HOOK_TEST_SEND_IPV6 = 1 << 2,
	HOOK_TEST_RECEIVE_IPV6 = 1 << 3,
};

/* Takes what a record of the flow of either end says; others are left alone. */
void hook_test_take(const struct hook_test_ends *ends, const struct hadal_record *record,
		    struct hook_test_seen *seen);

/**
 * hook_test_udp() - a datagram over loopback, by IPv4 and IPv6, seen by a session of its own
 * @device: of the module
 *
 * Takes some milliseconds, and not more than half a second. Other sessions that
 * ask for UDP meanwhile see the datagrams.
 *
 * Return: HOOK_TEST_* of what was not seen; 0 also of what could not be tried:
 * no address of that family, a datagram that did not arrive, no session, or
 * something lost meanwhile, for want of room.
 */
unsigned int hook_test_udp(const char *device);

/* "datagrams received over IPv4, ..." into @text, which is "" if nothing is missed. */
void hook_test_describe(unsigned int missed, char *text, size_t size);

#endif
