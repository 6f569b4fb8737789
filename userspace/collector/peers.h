/* SPDX-License-Identifier: MIT */
/*
 * Who is behind an address, as far as this host can tell.
 */
#ifndef HADALD_PEERS_H
#define HADALD_PEERS_H

#include "address.h"
#include "container.h"
#include "flow_table.h"
#include "listener_table.h"

enum {
	PEERS_HOST_ADDRESSES = 1024,
	PEERS_NETWORKS = 64,
	PEERS_BALANCERS = 48,
};

enum peer_kind {
	PEER_WORKLOAD,
	PEER_AWS,
	PEER_LB,
	PEER_INTERNET,
	PEER_PRIVATE,
	PEER_OTHER,
	PEER_NONE,		/* not shipped as an edge */
};

/* "workload", "aws", ...: values of hadal.peer.kind. Static. */
const char *peer_kind_name(enum peer_kind kind);

/* At most one of owner and container is set, and only for PEER_WORKLOAD. */
struct peer {
	enum peer_kind kind;
	const struct owner *owner;
	struct container *container;
	const char *name;	/* of the others; NULL for none; lives as long as struct peers, or as dns */
	struct dns_name *dns;	/* whose text name is, no reference; NULL: it is from elsewhere */
	enum peer_kind plain_kind;	/* with dns: kind and name by the address alone */
	const char *plain_name;
	const char *via;	/* what stands between, folded away; NULL for nothing; static */
	uint16_t port;		/* the server's own, behind a published one */
};

struct claimed_address;

struct peers {
	const struct containers *containers;
	const struct listener_table *listeners;
	struct address host[PEERS_HOST_ADDRESSES];
	unsigned int host_count;
	uint32_t host_net_ns;	/* inode number; 0: not known */
	struct network networks[PEERS_NETWORKS];	/* the first that fits names a peer */
	unsigned int network_count;
	struct network balancers[PEERS_BALANCERS];	/* where load balancers have their addresses */
	unsigned int balancer_count;
	struct claimed_address *by_address;
	bool containers_pending;
};

/* @networks: of the site's own choice; the well-known private ones come behind. */
void peers_init(struct peers *peers, const struct containers *containers, const struct listener_table *listeners,
		const struct network *networks, unsigned int network_count);
void peers_free(struct peers *peers);

/* Takes over other networks of the site's own choice; before any peer is named. What exceeds the bound is left out. */
void peers_set_networks(struct peers *peers, const struct network *networks, unsigned int count);

/* Takes over the addresses of this host's interfaces; what exceeds the bound is left out. */
void peers_set_host(struct peers *peers, const struct address *list, unsigned int count, uint32_t net_ns);

/* Takes over the networks of load balancers; what exceeds the bound is left out. */
void peers_set_balancers(struct peers *peers, const struct network *networks, unsigned int count);
bool peers_is_balancer(const struct peers *peers, const struct address *address);

bool peers_is_host(const struct peers *peers, const struct address *address);

/* Whether the other end can only be outside this host. */
bool peers_is_internet(const struct peers *peers, const struct address *address);

/* Indexes the addresses of containers and tasks as they are now; before peers_resolve(). */
void peers_index(struct peers *peers, uint64_t now);

/*
 * The container that publishes a port as @port of the host, or, if none does, did lately,
 * and which port of its own that is; NULL: none, or several on different addresses.
 */
struct container *peers_published(const struct peers *peers, bool udp, uint16_t port, uint16_t *inner);

/* Whether @container publishes its port @inner. */
bool container_publishes(const struct container *container, bool udp, uint16_t inner);

/* Names the peer of a flow whose key has FLOW_PEER_INTERNET. */
void peers_internet(const struct flow_key *key, struct peer *peer);

/*
 * Names the peer of a flow whose key has FLOW_PEER_ADDRESS. Returns false when
 * the answer may still come: a container whose addresses are not known yet.
 */
bool peers_resolve(const struct peers *peers, const struct flow_key *key, struct peer *peer);

#endif
