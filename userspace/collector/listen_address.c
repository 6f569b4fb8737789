/* SPDX-License-Identifier: MIT */
#include "listen_address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 16 };

static int refuse(const char *text, const char *why, char *error, size_t error_size)
{
	snprintf(error, error_size, "\"%s\" is not ADDRESS:PORT: %s", text, why);
	return -EINVAL;
}

/* The address and the port apart; false: brackets are where none may be, or not where they must. */
static bool split(const char *text, const char *colon, char *address, size_t size)
{
	const bool brackets = text[0] == '[';
	const int length = (int)(colon - text) - 2 * brackets;

	if (length <= 0 || length >= (int)size || (brackets && colon[-1] != ']'))
		return false;
	if (!brackets && memchr(text, ':', (size_t)length))
		return false;
	snprintf(address, size, "%.*s", length, text + brackets);
	return true;
}

/* getaddrinfo() takes any number, and of it what 16 bits hold; and no digits for none. */
static bool is_port(const char *text)
{
	enum { DIGITS_MAX = 5 };
	const size_t digits = strspn(text, "0123456789");

	return digits && digits <= DIGITS_MAX && !text[digits] && strtoul(text, NULL, 10) <= UINT16_MAX;
}

int listen_address_parse(const char *text, struct listen_address *address, char *error, size_t error_size)
{
	const struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
	};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	char host[64];
	int ret;

	if (!colon)
		return refuse(text, "there is no port", error, error_size);
	if (!split(text, colon, host, sizeof(host)))
		return refuse(text, "IPv6 stands in brackets", error, error_size);
	if (!is_port(colon + 1))
		return refuse(text, "the port is no number up to 65535", error, error_size);
	ret = getaddrinfo(host, colon + 1, &hints, &found);
	if (ret)
		return refuse(text, gai_strerror(ret), error, error_size);
	memcpy(&address->socket, found->ai_addr, found->ai_addrlen);
	address->size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

int listen_address_open(const struct listen_address *address)
{
	const int fd = socket(address->socket.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	const int on = 1;
	int ret;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, (const struct sockaddr *)&address->socket, address->size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

unsigned int listen_address_port(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} address = { 0 };
	socklen_t size = sizeof(address);

	if (getsockname(fd, &address.any, &size) < 0)
		return 0;
	return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
