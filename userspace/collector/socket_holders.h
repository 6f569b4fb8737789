/* SPDX-License-Identifier: MIT */
/*
 * Which process holds a descriptor of a socket, by /proc/PID/fd: of every
 * process that may be it, so it is looked for when there is something to find.
 */
#ifndef HADALD_SOCKET_HOLDERS_H
#define HADALD_SOCKET_HOLDERS_H

#include "degraded_sockets.h"

struct socket_holders {
	uint32_t *list;		/* processes that are still to be looked at */
	size_t count;
	bool refused;		/* some may not be: other users' want CAP_DAC_READ_SEARCH */
};

/* For the sockets whose holder is not known. */
void socket_holders_begin(struct socket_holders *holders, const struct degraded_processes *processes,
			  const struct degraded_sockets *sockets);

/* Looks at up to @count processes, and tells @sockets. Returns whether there are more. */
bool socket_holders_step(struct socket_holders *holders, const struct degraded_processes *processes,
			 struct degraded_sockets *sockets, unsigned int count);

void socket_holders_free(struct socket_holders *holders);

#endif
