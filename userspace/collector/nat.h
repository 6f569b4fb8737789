/* SPDX-License-Identifier: MIT */
/*
 * What the host's NAT makes of a connection: asked of the kernel's connection
 * tracking (ctnetlink), of one connection at a time, in the network namespace
 * that hadald is in. docs/collector.md says why so.
 */
#ifndef HADALD_NAT_H
#define HADALD_NAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"

enum { NAT_LOOKUPS = 10000 };	/* in a second, at most */

/* A connection as one of its ends sees it. */
struct nat_view {
	struct address local, peer;
	uint16_t local_port, peer_port;
};

/*
 * Asks what the end at the other side of NAT sees of the connection that an end
 * sees as @seen. Returns 1 and fills @real: @real->peer is where the other end
 * really is, @real->local what it takes this one for. 0: no NAT is between that
 * is known here. -EBUSY: more were asked in this second than may be. Another
 * -errno: the kernel did not answer. It waits for nobody.
 */
typedef int (*nat_fn)(void *context, bool udp, const struct nat_view *seen, struct nat_view *real);

enum nat_state {
	NAT_OFF,	/* by configuration */
	NAT_ABSENT,	/* the kernel's module is not loaded */
	NAT_DENIED,	/* CAP_NET_ADMIN is missing */
	NAT_FAILED,	/* there is no socket to ask by */
	NAT_READY,
};

/* "off", "absent", ...: as `hadal status` has them. Static. */
const char *nat_state_name(enum nat_state state);

struct nat_stats {
	enum nat_state state;
	uint64_t lookups;
	uint64_t translated;	/* of these, what NAT had changed */
};

struct nat;

/* Returns it, for nat_close(); NULL: no memory. */
struct nat *nat_open(void);
void nat_close(struct nat *nat);		/* may be NULL */

/* A nat_fn; @nat is a struct nat. */
int nat_lookup(void *nat, bool udp, const struct nat_view *seen, struct nat_view *real);

/* How it is now; @nat may be NULL: NAT_OFF. Looks whether the kernel's module has come or gone. */
void nat_stats(struct nat *nat, struct nat_stats *stats);

/* ---- the protocol, apart from the socket ---- */

enum { NAT_REQUEST_SIZE = 256 };

/* Writes the request for the entry of which @seen is one direction. Returns its length; 0: the addresses differ in family. */
size_t nat_request(void *buffer, uint32_t sequence, bool udp, const struct nat_view *seen);

/*
 * Reads the answer to the request of that @sequence, as nat_fn does. -ESTALE:
 * it is of another request; -EBADMSG: it is none.
 */
int nat_answer(const void *buffer, size_t length, uint32_t sequence, const struct nat_view *seen,
	       struct nat_view *real);

#endif
