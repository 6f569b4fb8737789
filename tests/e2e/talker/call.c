// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "talker.h"

/* Payloads of no packet, of one, around a segment's size, and of many. */
static const uint64_t sizes[] = { 0, 1, 13, 512, 1448, 1449, 4096, 20000, 70000 };

enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

union any_address {
	struct sockaddr any;
	struct sockaddr_in ip4;
	struct sockaddr_in6 ip6;
};

/* Fills @to; returns its size. */
static socklen_t address_of(const struct target *target, union any_address *to)
{
	uint16_t port = htons((uint16_t)strtoul(target->port, NULL, 10));

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, target->host, &to->ip4.sin_addr) == 1) {
		to->ip4.sin_family = AF_INET;
		to->ip4.sin_port = port;
		return sizeof(to->ip4);
	}
	if (inet_pton(AF_INET6, target->host, &to->ip6.sin6_addr) != 1) {
		fprintf(stderr, "talker: '%s' is no address\n", target->host);
		exit(1);
	}
	to->ip6.sin6_family = AF_INET6;
	to->ip6.sin6_port = port;
	return sizeof(to->ip6);
}

/* A socket with a port of its own, which the ledger is to know before there is a connection. */
static int bound_socket(int family, unsigned int *port)
{
	union any_address local = { .any.sa_family = (sa_family_t)family };
	socklen_t size = family == AF_INET6 ? sizeof(local.ip6) : sizeof(local.ip4);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, &local.any, size) || getsockname(fd, &local.any, &size)) {
		perror("bind");
		exit(1);
	}
	*port = ntohs(family == AF_INET6 ? local.ip6.sin6_port : local.ip4.sin_port);
	return fd;
}

static void converse(int fd, const char *name, const struct target *target, unsigned int port, uint64_t number)
{
	uint64_t send_count = sizes[number % SIZES], want = sizes[number / SIZES % SIZES], sent, received;
	char line[TALKER_LINE];
	int length = snprintf(line, sizeof(line), "%s %u %" PRIu64 " %" PRIu64 "\n", name, port, send_count, want);

	sent = send(fd, line, (size_t)length, MSG_NOSIGNAL) == length ? (uint64_t)length : 0;
	if (sent)
		sent += send_bytes(fd, send_count);
	received = read_bytes(fd, UINT64_MAX);
	if (received != want) {
		fprintf(stderr, "%s sent %" PRIu64 " bytes of %" PRIu64 "\n", target->name, received, want);
		exit(1);
	}
	ledger("called %s %u %" PRIu64 " %" PRIu64 "\n", target->name, port, sent, received);
}

static void call_one(const char *name, const struct target *target, uint64_t number)
{
	union any_address to;
	socklen_t size = address_of(target, &to);
	unsigned int port;
	int fd = bound_socket(to.any.sa_family, &port);

	ledger("try %s %u %" PRIu64 "\n", target->name, port, talker_now());
	if (connect(fd, &to.any, size)) {
		ledger("failed %s %u %s\n", target->name, port, strerrorname_np(errno));
	} else {
		ledger("open %s %u\n", target->name, port);
		converse(fd, name, target, port, number);
	}
	close(fd);
}

int call(const char *name, struct target *targets, unsigned int count, uint64_t rounds, unsigned int pause_ms)
{
	const struct timespec pause = { .tv_sec = pause_ms / 1000, .tv_nsec = pause_ms % 1000 * 1000000L };

	ledger("began %" PRIu64 "\n", talker_now());
	for (uint64_t round = 0; !rounds || round < rounds; round++) {
		for (unsigned int i = 0; i < count; i++) {
			call_one(name, &targets[i], round);
			nanosleep(&pause, NULL);
		}
	}
	ledger("done\n");
	return 0;
}
