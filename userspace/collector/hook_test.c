/* SPDX-License-Identifier: MIT */
#include "hook_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hadal/hadal.h>

#include "clock.h"
#include "whole_file.h"

#define OVERFLOW_FILE	"/sys/class/misc/hadal/udp_overflow"
#define PATIENCE	100	/* ms for what loopback and the rings do at once */
#define READ_TIME	1000000000ULL	/* ns for all that others do at the same time */

/* ---- what is told ---- */

void hook_test_take(const struct hook_test_ends *ends, const struct hadal_record *record,
		    struct hook_test_seen *seen)
{
	const struct hadal_udp *udp = hadal_record_udp(record);
	bool ended = udp && udp->flags & HADAL_UDP_ENDED;

	if (!udp || udp->family != ends->family)
		return;
	if (udp->local_port == ends->from && udp->peer_port == ends->to) {
		seen->sent |= udp->sent_datagrams > 0;
		seen->ended[0] |= ended;
	} else if (udp->local_port == ends->to && udp->peer_port == ends->from) {
		seen->received |= udp->received_datagrams > 0;
		seen->ended[1] |= ended;
	}
}

void hook_test_describe(unsigned int missed, char *text, size_t size)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} kinds[] = {
		{ HOOK_TEST_SEND_IPV4, "datagrams sent over IPv4" },
		{ HOOK_TEST_RECEIVE_IPV4, "datagrams received over IPv4" },
		{ HOOK_TEST_SEND_IPV6, "datagrams sent over IPv6" },
		{ HOOK_TEST_RECEIVE_IPV6, "datagrams received over IPv6" },
	};
	size_t length = 0;

	*text = '\0';
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && length < size; i++)
		if (missed & kinds[i].bit)
			length += (size_t)snprintf(text + length, size - length, "%s%s", length ? ", " : "",
						   kinds[i].name);
}

/* ---- a datagram ---- */

static int loopback_socket(int family, struct sockaddr_storage *address, socklen_t *length)
{
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*length = family == AF_INET ? sizeof(in) : sizeof(in6);
	memcpy(address, family == AF_INET ? (const void *)&in : (const void *)&in6, *length);
	if (fd >= 0 && !bind(fd, (const void *)address, *length) && !getsockname(fd, (void *)address, length))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static uint16_t port_of(const struct sockaddr_storage *address)
{
	return ntohs(address->ss_family == AF_INET ? ((const struct sockaddr_in *)address)->sin_port
						   : ((const struct sockaddr_in6 *)address)->sin6_port);
}

static bool pass_one(int from, int to, const struct sockaddr_storage *address, socklen_t length)
{
	struct pollfd readable = { .fd = to, .events = POLLIN };
	char byte = 0;

	return sendto(from, &byte, 1, MSG_DONTWAIT, (const void *)address, length) == 1 &&
	       poll(&readable, 1, PATIENCE) == 1 && recv(to, &byte, 1, MSG_DONTWAIT) == 1;
}

/* Whether a datagram went from one socket to another; both are gone then. */
static bool pass_datagram(int family, struct hook_test_ends *ends)
{
	struct sockaddr_storage from_address, to_address;
	socklen_t from_length, to_length;
	int from = loopback_socket(family, &from_address, &from_length);
	int to = loopback_socket(family, &to_address, &to_length);
	bool passed = from >= 0 && to >= 0 && pass_one(from, to, &to_address, to_length);

	if (passed)
		*ends = (struct hook_test_ends){ (uint16_t)family, port_of(&from_address), port_of(&to_address) };
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return passed;
}

/* ---- a session ---- */

static struct hadal_session *open_session(const char *device)
{
	struct hadal_session *session;
	struct hadal_config config;
	struct hadal_query query;

	if (hadal_session_open(&session, device))
		return NULL;
	hadal_session_query(session, &query);
	hadal_config_default(&config, &query);
	config.classes = HADAL_CLASS_BIT(HADAL_CLASS_UDP);
	config.lifecycle_ring_size = config.flow_ring_size = query.ring_size_min;
	if (!hadal_session_configure(session, &config) && !hadal_session_start(session))
		return session;
	hadal_session_close(session);
	return NULL;
}

/* Whether both flows have ended, or nothing more comes; not so where what others have to tell does not end in time. */
static bool read_flows(struct hadal_session *session, const struct hook_test_ends *ends, struct hook_test_seen *seen)
{
	const uint64_t end = now_ns() + READ_TIME;
	const struct hadal_record *record;
	int result;

	while (now_ns() < end) {
		if (seen->ended[0] && seen->ended[1])
			return true;
		result = hadal_session_next(session, &record, PATIENCE);
		if (result <= 0)
			return result == 0;
		hook_test_take(ends, record, seen);
	}
	return false;
}

/* Datagrams that found no room for their flow, and records that found none in the rings: they may be those. */
static bool read_losses(struct hadal_session *session, uint64_t *losses)
{
	struct hadal_stats stats = { 0 };
	char text[32];
	ssize_t length = small_file_at(AT_FDCWD, OVERFLOW_FILE, text, sizeof(text) - 1);

	if (length <= 0 || hadal_session_stats(session, HADAL_CPU_ALL, &stats))
		return false;
	text[length] = '\0';
	*losses = strtoull(text, NULL, 10) + stats.class_stats[HADAL_CLASS_UDP].lost;
	return true;
}

static unsigned int missed_of(struct hadal_session *session, int family, unsigned int send, unsigned int receive)
{
	struct hook_test_seen seen = { 0 };
	struct hook_test_ends ends;
	uint64_t before, after;

	if (!read_losses(session, &before) || !pass_datagram(family, &ends) || !read_flows(session, &ends, &seen) ||
	    !read_losses(session, &after) || after != before)
		return 0;
	return (seen.sent ? 0 : send) | (seen.received ? 0 : receive);
}

unsigned int hook_test_udp(const char *device)
{
	struct hadal_session *session = open_session(device);
	unsigned int missed;

	if (!session)
		return 0;
	missed = missed_of(session, AF_INET, HOOK_TEST_SEND_IPV4, HOOK_TEST_RECEIVE_IPV4) |
		 missed_of(session, AF_INET6, HOOK_TEST_SEND_IPV6, HOOK_TEST_RECEIVE_IPV6);
	hadal_session_close(session);
	return missed;
}
