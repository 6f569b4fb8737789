/* SPDX-License-Identifier: MIT */
/*
 * The socket that programs on this host ask hadald by. No client makes the event
 * loop wait: each has so much time and room, and there are so many of them.
 */
#ifndef HADALD_QUERY_SERVER_H
#define HADALD_QUERY_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "counts.h"

enum {
	QUERY_CLIENTS = 16,
	QUERY_REQUEST_SIZE = 128,	/* bytes, with its newline */
};

#define QUERY_REQUEST_TIME	5000000000ULL	/* ns from connecting to the request's end */
#define QUERY_ANSWER_TIME	10000000000ULL	/* ns to take the answer */

/*
 * Returns the answer to a request, a line without its newline: to be freed by the
 * server. NULL: it is to be asked again when the model is fresh (@fresh); then NULL
 * means no memory.
 */
typedef char *(*query_answer_fn)(void *context, const char *request, bool fresh);

struct query_server;

/**
 * query_server_open() - listen on a socket
 * @path: of the socket; its directory is made, if only that is missing
 * @group: whose members may connect, besides this process' user; where there
 *	is no such group, or it may not be given, the process' own may
 * @answer: called with @context
 * @counts: what had no room or took too long is counted there
 * @error: what is wrong, in words
 *
 * Return: 0 and *@server, for query_server_close(); -EADDRINUSE: another process
 * serves that socket; -EINVAL: the path is too long; -errno of a system call.
 */
int query_server_open(const char *path, const char *group, query_answer_fn answer, void *context,
		      struct counts *counts, struct query_server **server, char *error, size_t error_size);

/* Removes the socket; @server may be NULL. */
void query_server_close(struct query_server *server);

/* For epoll and its like: readable when query_server_turn() has something to do. */
int query_server_fd(const struct query_server *server);

/* Takes and sends what can be without waiting. @now: ns, CLOCK_MONOTONIC. */
void query_server_turn(struct query_server *server, uint64_t now);

/* Whether a request waits for the model to be fresh. */
bool query_server_waits(const struct query_server *server);

/* Answers those. */
void query_server_fresh(struct query_server *server, uint64_t now);

#endif
