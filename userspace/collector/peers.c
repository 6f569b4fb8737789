/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "peers.h"

struct container_address {
	UT_hash_handle hh;
	struct address address;
	const struct container *container;	/* NULL: several claim it */
	bool ended;				/* as they all have */
};

/* Addresses that AWS answers at on every instance, and what is there. */
static const struct {
	const char *address;
	const char *name;
} aws_addresses[] = {
	{ "169.254.169.254", "instance-metadata" },
	{ "fd00:ec2::254", "instance-metadata" },
	{ "169.254.170.2", "ecs-task-metadata" },
	{ "169.254.169.253", "dns" },
	{ "fd00:ec2::253", "dns" },
	{ "169.254.169.123", "time" },
	{ "fd00:ec2::123", "time" },
};

static const char *const well_known_networks[] = {
	"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16",
	"fc00::/7", "fe80::/10",
};

enum { WELL_KNOWN = sizeof(well_known_networks) / sizeof(well_known_networks[0]) };

const char *peer_kind_name(enum peer_kind kind)
{
	static const char *const names[] = {
		[PEER_WORKLOAD] = "workload", [PEER_AWS] = "aws", [PEER_INTERNET] = "internet",
		[PEER_PRIVATE] = "private", [PEER_OTHER] = "other", [PEER_NONE] = "none",
	};

	return names[kind];
}

void peers_init(struct peers *peers, const struct containers *containers, const struct listener_table *listeners,
		const struct network *networks, unsigned int network_count)
{
	memset(peers, 0, sizeof(*peers));
	peers->containers = containers;
	peers->listeners = listeners;
	if (network_count > PEERS_NETWORKS - WELL_KNOWN)
		network_count = PEERS_NETWORKS - WELL_KNOWN;
	if (network_count)
		memcpy(peers->networks, networks, network_count * sizeof(*networks));
	for (unsigned int i = 0; i < WELL_KNOWN; i++)
		network_parse(well_known_networks[i], &peers->networks[network_count++]);
	peers->network_count = network_count;
}

void peers_set_host(struct peers *peers, const struct address *list, unsigned int count, uint32_t net_ns)
{
	if (count > PEERS_HOST_ADDRESSES)
		count = PEERS_HOST_ADDRESSES;
	if (count)
		memcpy(peers->host, list, count * sizeof(*list));
	peers->host_count = count;
	peers->host_net_ns = net_ns;
}

bool peers_is_host(const struct peers *peers, const struct address *address)
{
	for (unsigned int i = 0; i < peers->host_count; i++) {
		if (address_equal(&peers->host[i], address))
			return true;
	}
	return false;
}

/* A site may give its own name to a public block: those are then not the internet. */
static const struct network *network_of(const struct peers *peers, const struct address *address)
{
	for (unsigned int i = 0; i < peers->network_count; i++) {
		if (network_contains(&peers->networks[i], address))
			return &peers->networks[i];
	}
	return NULL;
}

static bool is_container(const struct peers *peers, const struct address *address)
{
	struct container_address *found;

	HASH_FIND(hh, peers->by_address, address, sizeof(*address), found);
	return found;
}

bool peers_is_internet(const struct peers *peers, const struct address *address)
{
	return address_scope(address) == ADDRESS_GLOBAL && !peers_is_host(peers, address) &&
	       !network_of(peers, address) && !is_container(peers, address);
}

static void index_clear(struct peers *peers)
{
	struct container_address *entry, *next;

	HASH_ITER(hh, peers->by_address, entry, next) {
		HASH_DEL(peers->by_address, entry);
		free(entry);
	}
}

static bool has_ended(const struct container *container)
{
	return container->references == container->removed;
}

static void index_add(struct peers *peers, const struct address *address, const struct container *container)
{
	struct container_address *entry;

	HASH_FIND(hh, peers->by_address, address, sizeof(*address), entry);
	if (entry) {
		if (entry->container != container && entry->ended == has_ended(container))
			entry->container = NULL;
		return;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return;
	entry->address = *address;
	entry->container = container;
	entry->ended = has_ended(container);
	HASH_ADD(hh, peers->by_address, address, sizeof(entry->address), entry);
	if (!TABLE_INSERTED(entry, hh))
		free(entry);
}

static void index_all(struct peers *peers, bool ended)
{
	const struct container *container;

	for (container = peers->containers->table; container; container = container->hh.next) {
		if (!container->references || has_ended(container) != ended)
			continue;
		for (unsigned int i = 0; i < container->facts.address_count; i++)
			index_add(peers, &container->facts.addresses[i], container);
	}
}

/* An address is soon given anew: those who live come first. */
void peers_index(struct peers *peers, uint64_t now)
{
	const struct container *container;

	index_clear(peers);
	peers->containers_pending = false;
	for (container = peers->containers->table; container; container = container->hh.next) {
		if (!container->named && container_pending(container, now))
			peers->containers_pending = true;
	}
	index_all(peers, false);
	index_all(peers, true);
}

void peers_free(struct peers *peers)
{
	index_clear(peers);
}

static bool same_task(const struct container *a, const struct container *b)
{
	return a->task && a->task == b->task;
}

/* Whether an address of @container may be that of another workload as well. */
static bool shares_network(const struct peers *peers, const struct container *container)
{
	const struct container *other;

	if (!container->net_ns)
		return false;
	for (other = peers->containers->table; other; other = other->hh.next) {
		if (other != container && other->references && other->net_ns == container->net_ns &&
		    !same_task(other, container))
			return true;
	}
	return false;
}

static const struct container *container_at(const struct peers *peers, const struct address *address)
{
	struct container_address *found;

	HASH_FIND(hh, peers->by_address, address, sizeof(*address), found);
	return found ? found->container : NULL;
}

static bool found_owner(struct peer *peer, const struct owner *owner)
{
	if (!owner)
		return false;
	peer->kind = PEER_WORKLOAD;
	peer->owner = owner;
	return true;
}

static bool found_container(const struct peers *peers, struct peer *peer, const struct container *container)
{
	if (!container || shares_network(peers, container))
		return false;
	peer->kind = PEER_WORKLOAD;
	peer->container = container;
	return true;
}

static bool publishes(const struct container *container, const struct flow_key *key, uint16_t *inner)
{
	for (unsigned int i = 0; i < container->facts.port_count; i++) {
		const struct published_port *published = &container->facts.ports[i];

		if (published->host_port == key->server_port && published->udp == (key->transport == FLOW_UDP) &&
		    (address_unspecified(&published->host) || address_equal(&published->host, &key->peer))) {
			*inner = published->port;
			return true;
		}
	}
	return false;
}

const struct container *peers_published(const struct peers *peers, bool udp, uint16_t port, uint16_t *inner)
{
	const struct container *container, *found = NULL;

	for (container = peers->containers->table; container; container = container->hh.next) {
		for (unsigned int i = 0; i < container->facts.port_count && container->references; i++) {
			if (container->facts.ports[i].host_port != port || container->facts.ports[i].udp != udp)
				continue;
			if (found && found != container)
				return NULL;
			found = container;
			*inner = container->facts.ports[i].port;
		}
	}
	return found;
}

bool container_publishes(const struct container *container, bool udp, uint16_t inner)
{
	for (unsigned int i = 0; i < container->facts.port_count; i++) {
		if (container->facts.ports[i].port == inner && container->facts.ports[i].udp == udp)
			return true;
	}
	return false;
}

static bool found_published(const struct peers *peers, const struct flow_key *key, struct peer *peer)
{
	const struct container *container;
	bool loopback = address_scope(&key->peer) == ADDRESS_LOOPBACK && key->net_ns == peers->host_net_ns;
	uint16_t inner;

	if (!loopback && !peers_is_host(peers, &key->peer))
		return false;
	for (container = peers->containers->table; container; container = container->hh.next) {
		if (!container->references || !publishes(container, key, &inner))
			continue;
		peer->kind = PEER_WORKLOAD;
		peer->container = container;
		peer->port = inner;
		return true;
	}
	return false;
}

/* Who listens in that network namespace; nobody does over UDP. */
static bool found_listener(const struct peers *peers, const struct flow_key *key, uint32_t net_ns, struct peer *peer)
{
	if (key->transport == FLOW_UDP)
		return false;
	return found_owner(peer, listener_owner(peers->listeners, net_ns, &key->peer, key->server_port));
}

static bool found_server(const struct peers *peers, const struct flow_key *key, struct peer *peer)
{
	const struct container *container = container_at(peers, &key->peer);

	if (container)
		return found_listener(peers, key, container->net_ns, peer) ||
		       found_container(peers, peer, container);
	if (found_published(peers, key, peer))
		return true;
	if (address_scope(&key->peer) == ADDRESS_LOOPBACK)
		return found_listener(peers, key, key->net_ns, peer);
	if (peers_is_host(peers, &key->peer))
		return found_listener(peers, key, peers->host_net_ns, peer);
	return false;
}

static bool found_client(const struct peers *peers, const struct flow_key *key, struct peer *peer)
{
	return found_container(peers, peer, container_at(peers, &key->peer));
}

static const char *aws_name(const struct address *address)
{
	struct address known;

	for (size_t i = 0; i < sizeof(aws_addresses) / sizeof(aws_addresses[0]); i++) {
		if (!address_parse(aws_addresses[i].address, &known) && address_equal(&known, address))
			return aws_addresses[i].name;
	}
	return NULL;
}

static void describe(const struct peers *peers, const struct address *address, struct peer *peer)
{
	const struct network *network = network_of(peers, address);
	const char *aws = aws_name(address);

	if (aws) {
		peer->kind = PEER_AWS;
		peer->name = aws;
	} else if (network) {
		peer->kind = PEER_PRIVATE;
		peer->name = network->name;
	} else if (address_scope(address) == ADDRESS_GLOBAL && !peers_is_host(peers, address)) {
		peer->kind = PEER_INTERNET;
		peer->name = NULL;
	}
}

bool peers_resolve(const struct peers *peers, const struct flow_key *key, struct peer *peer)
{
	bool client = key->role == HADAL_TCP_CLIENT;

	*peer = (struct peer){ .kind = PEER_OTHER, .port = key->server_port };
	if (client ? found_server(peers, key, peer) : found_client(peers, key, peer))
		return true;
	describe(peers, &key->peer, peer);
	return peer->kind == PEER_AWS || peer->kind == PEER_INTERNET || !peers->containers_pending;
}
