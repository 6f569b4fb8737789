/* SPDX-License-Identifier: MIT */
/*
 * Proxies beside an application: a container of the application's task, or in
 * its network namespace, that takes what comes for it and passes on what it sends, as
 * the Envoy of ECS Service Connect does, or an HAProxy or nginx. Edges go from
 * application to application; docs/collector.md has the rule and its limits.
 */
#ifndef HADALD_PROXIES_H
#define HADALD_PROXIES_H

#include <stdbool.h>
#include <stdint.h>

#include "container.h"
#include "flow_table.h"
#include "peers.h"

enum {
	PROXY_KINDS = 16,	/* of containers and of executables, each */
	PROXY_TEXT_SIZE = 64,
};

/* What makes a container a proxy. */
struct proxy_kind {
	char pattern[PROXY_TEXT_SIZE];	/* of containers' names, as in fnmatch(3); or an executable's name */
	char via[PROXY_TEXT_SIZE];	/* what it is called where it was folded away */
};

struct proxies {
	struct containers *containers;
	const struct peers *peers;
	struct proxy_kind names[PROXY_KINDS];
	unsigned int name_count;
	struct proxy_kind executables[PROXY_KINDS];
	unsigned int executable_count;
};

/*
 * Fills @kind from a pattern; it is called by what stands before the first
 * character that matches more than itself, without a "-" or "_" at the end.
 * Returns 0, or -EINVAL: it is too long, or nothing would be left to call it by.
 */
int proxy_kind_parse(const char *pattern, struct proxy_kind *kind);

/* Copies the kinds; what exceeds the bound is left out. */
void proxies_init(struct proxies *proxies, struct containers *containers, const struct peers *peers,
		  const struct proxy_kind *names, unsigned int name_count,
		  const struct proxy_kind *executables, unsigned int executable_count);

/* Other kinds, likewise; before any container is known. */
void proxies_set_kinds(struct proxies *proxies, const struct proxy_kind *names, unsigned int name_count,
		       const struct proxy_kind *executables, unsigned int executable_count);

/* A process in @container runs @executable now. */
void proxies_note(const struct proxies *proxies, struct container *container, const char *executable);

/* Finds who stands beside whom, as it is now; before the next three. */
void proxies_index(struct proxies *proxies);

/* Whether the owner of the flow is a proxy that stands beside an application. */
bool proxies_carry(const struct flow *flow);

/* Learns from the flow of a proxy, whose peer is @peer, at which port its application serves. */
void proxies_learn(const struct proxies *proxies, const struct flow *flow, const struct peer *peer);

/*
 * Whether the flow is a hop between a proxy and what stands beside it: it is told by the edges of the application. What of it failed is
 * nowhere else, and told as what it is: then only that is left in it.
 */
bool proxies_hide(const struct proxies *proxies, struct flow *flow, const struct peer *peer);

/*
 * Puts applications in the place of their proxies: the peer's in @peer, with the
 * port that it serves at. Returns the container whose the flow is, if its owner
 * is a proxy, else NULL. @ready is cleared while the port or the
 * application's name may still come.
 */
const struct container *proxies_fold(const struct proxies *proxies, const struct flow *flow, struct peer *peer,
				     uint64_t now, bool *ready);

#endif
