/* SPDX-License-Identifier: MIT */
/* "ADDRESS:PORT", as configurations have it, to listen at over TCP. */
#ifndef HADALD_LISTEN_ADDRESS_H
#define HADALD_LISTEN_ADDRESS_H

#include <stddef.h>
#include <sys/socket.h>

struct listen_address {
	struct sockaddr_storage socket;
	socklen_t size;
};

/**
 * listen_address_parse() - read "127.0.0.1:9464" or "[::1]:9464"; no names
 * @error: gets what is wrong, with @text
 *
 * Return: 0; -EINVAL.
 */
int listen_address_parse(const char *text, struct listen_address *address, char *error, size_t error_size);

/** listen_address_open() - listen there, without waiting for anybody; the socket, or -errno */
int listen_address_open(const struct listen_address *address);

/* The port that a socket is bound to, where port 0 let the kernel choose; 0: it can't be told. */
unsigned int listen_address_port(int fd);

#endif
