// SPDX-License-Identifier: MIT
#include "datagrams.h"

#include <arpa/inet.h>

#include "harness.h"

union address loopback(int family, uint16_t port)
{
	union address address = { .v4 = { 0 } };

	if (family == AF_INET6) {
		address.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port),
						    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	} else {
		address.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
						   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	}
	return address;
}

struct end end_open_at(int family, uint16_t port)
{
	struct end end = { .address = loopback(family, port) };

	end.length = family == AF_INET6 ? sizeof(end.address.v6) : sizeof(end.address.v4);
	end.fd = MUST(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	MUST(bind(end.fd, &end.address.any, end.length));
	MUST(getsockname(end.fd, &end.address.any, &end.length));
	end.port = ntohs(family == AF_INET6 ? end.address.v6.sin6_port : end.address.v4.sin_port);
	return end;
}

struct end end_open(int family)
{
	return end_open_at(family, 0);
}

/* Bound to no address: that of the datagrams is what counts. */
struct end end_open_mapped_at(uint16_t port)
{
	struct end end = { .length = sizeof(end.address.v6) };

	end.fd = MUST(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	end.address.v6.sin6_family = AF_INET6;
	end.address.v6.sin6_port = htons(port);
	MUST(bind(end.fd, &end.address.any, end.length));
	MUST(getsockname(end.fd, &end.address.any, &end.length));
	end.port = ntohs(end.address.v6.sin6_port);
	MUST(inet_pton(AF_INET6, "::ffff:127.0.0.1", &end.address.v6.sin6_addr));
	return end;
}

struct end end_open_mapped(void)
{
	return end_open_mapped_at(0);
}

void end_connect(const struct end *end, const struct end *peer)
{
	MUST(connect(end->fd, &peer->address.any, peer->length));
}
