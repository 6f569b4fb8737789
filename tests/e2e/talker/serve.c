// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "talker.h"

enum { BACKLOG = 1024 };

struct visit {
	int fd;
	char from[INET6_ADDRSTRLEN];
	unsigned int port;
};

/*
 * A client's first line, byte by byte: what is behind it belongs to the rest.
 * Returns its length with the newline, 0 if there is none.
 */
static size_t read_line(int fd, char line[TALKER_LINE])
{
	for (size_t length = 0; length < TALKER_LINE - 1; length++) {
		if (read(fd, line + length, 1) != 1)
			return 0;
		if (line[length] == '\n') {
			line[length + 1] = '\0';
			return length + 1;
		}
	}
	return 0;
}

static void *serve_visit(void *context)
{
	struct visit *visit = context;
	char line[TALKER_LINE], client[TALKER_NAME];
	uint64_t send_count, want, received, sent;
	unsigned int port;

	received = read_line(visit->fd, line);
	if (received && sscanf(line, "%63s %u %" SCNu64 " %" SCNu64, client, &port, &send_count, &want) == 4) {
		ledger("hello %s %u\n", client, port);
		received += read_bytes(visit->fd, send_count);
		sent = send_bytes(visit->fd, want);
		shutdown(visit->fd, SHUT_WR);
		received += read_bytes(visit->fd, UINT64_MAX);
		ledger("served %s %u %" PRIu64 " %" PRIu64 "\n", client, port, received, sent);
	}
	close(visit->fd);
	free(visit);
	return NULL;
}

static void begin_visit(int fd, const struct sockaddr_in6 *from)
{
	struct visit *visit = malloc(sizeof(*visit));
	pthread_t thread;

	if (!visit) {
		perror("a visit");
		exit(1);
	}
	visit->fd = fd;
	visit->port = ntohs(from->sin6_port);
	inet_ntop(AF_INET6, &from->sin6_addr, visit->from, sizeof(visit->from));
	ledger("accepted %s %u %" PRIu64 "\n", visit->from, visit->port, talker_now());
	errno = pthread_create(&thread, NULL, serve_visit, visit);
	if (errno) {
		perror("a thread");
		exit(1);
	}
	pthread_detach(thread);
}

static int listen_at(const char *port)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), off = 0, on = 1;

	address.sin6_port = htons((uint16_t)strtoul(port, NULL, 10));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, BACKLOG)) {
		perror("listen");
		exit(1);
	}
	return fd;
}

int serve(const char *port)
{
	int listener = listen_at(port);

	ledger("listening %s %" PRIu64 "\n", port, talker_now());
	for (;;) {
		struct sockaddr_in6 from;
		socklen_t size = sizeof(from);
		int fd = accept4(listener, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);

		if (fd >= 0)
			begin_visit(fd, &from);
		else if (errno != EINTR && errno != ECONNABORTED)
			break;
	}
	perror("accept");
	return 1;
}
