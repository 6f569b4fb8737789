/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "peers.h"

/* Whose an address is: a container's; a task's; or, with neither, nobody's, since several claim it. */
struct claim {
	struct container *container;	/* NULL: all containers of the task have it */
	const struct task *task;
};

struct claimed_address {
	UT_hash_handle hh;
	struct address address;
	struct claim claim;
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
		[PEER_WORKLOAD] = "workload", [PEER_AWS] = "aws", [PEER_LB] = "lb",
		[PEER_INTERNET] = "internet",
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
	peers_set_networks(peers, networks, network_count);
}

void peers_set_networks(struct peers *peers, const struct network *networks, unsigned int count)
{
	if (count > PEERS_NETWORKS - WELL_KNOWN)
		count = PEERS_NETWORKS - WELL_KNOWN;
	if (count)
		memcpy(peers->networks, networks, count * sizeof(*networks));
	for (unsigned int i = 0; i < WELL_KNOWN; i++)
		network_parse(well_known_networks[i], &peers->networks[count++]);
	peers->network_count = count;
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

void peers_set_balancers(struct peers *peers, const struct network *networks, unsigned int count)
{
	peers->balancer_count = count < PEERS_BALANCERS ? count : PEERS_BALANCERS;
	if (peers->balancer_count)
		memcpy(peers->balancers, networks, peers->balancer_count * sizeof(*networks));
}

bool peers_is_balancer(const struct peers *peers, const struct address *address)
{
	for (unsigned int i = 0; i < peers->balancer_count; i++) {
		if (network_contains(&peers->balancers[i], address))
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
	struct claimed_address *found;

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
	struct claimed_address *entry, *next;

	HASH_ITER(hh, peers->by_address, entry, next) {
		HASH_DEL(peers->by_address, entry);
		free(entry);
	}
}

/*
 * The containers of a task have one name; where they share a network, one of them may hold it for the others,
 * and the address is the task's.
 */
static void claim_add(struct claim *claim, const struct claim *other)
{
	if (claim->task && claim->task == other->task) {
		if (claim->container != other->container)
			claim->container = NULL;
	} else if (claim->task != other->task || claim->container != other->container) {
		*claim = (struct claim){ 0 };
	}
}

static void index_add(struct peers *peers, const struct address *address, const struct claim *claim, bool ended)
{
	struct claimed_address *entry;

	HASH_FIND(hh, peers->by_address, address, sizeof(*address), entry);
	if (entry) {
		if (entry->ended == ended)
			claim_add(&entry->claim, claim);
		return;
	}
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return;
	entry->address = *address;
	entry->claim = *claim;
	entry->ended = ended;
	HASH_ADD(hh, peers->by_address, address, sizeof(entry->address), entry);
	if (!TABLE_INSERTED(entry, hh))
		free(entry);
}

static void index_container(struct peers *peers, struct container *container, bool ended)
{
	struct claim its = { .container = container, .task = container->task };
	struct claim of_task = { .task = container->task };

	for (unsigned int i = 0; i < container->facts.address_count; i++)
		index_add(peers, &container->facts.addresses[i], &its, ended);
	for (unsigned int i = 0; container->task && i < container->task->facts.address_count; i++)
		index_add(peers, &container->task->facts.addresses[i], &of_task, ended);
}

/* A task's addresses are those of the living while one of its containers lives. */
static void index_all(struct peers *peers, bool ended)
{
	struct container *container;

	for (container = peers->containers->table; container; container = container->hh.next) {
		if (container->references && container_has_ended(container) == ended)
			index_container(peers, container, ended);
	}
}

/* Of a task in mode awsvpc the runtime tells no address; the agent may yet. */
static bool addresses_pending(const struct container *container, uint64_t now)
{
	const struct task *task = container->task;

	if (!container_pending(container, now))
		return false;
	return !container->named ||
	       (task && !task->facts.address_count && !container->facts.address_count &&
		!container->facts.host_network);
}

/* An address is soon given anew: those who live come first. */
void peers_index(struct peers *peers, uint64_t now)
{
	const struct container *container;

	index_clear(peers);
	peers->containers_pending = false;
	for (container = peers->containers->table; container; container = container->hh.next) {
		if (addresses_pending(container, now))
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

/*
 * Whether an address of @container may be that of another workload as well. What has ended has none,
 * and the number of its network may be another's by now.
 */
static bool shares_network(const struct peers *peers, const struct container *container)
{
	const struct container *other;

	if (!container->net_ns)
		return false;
	for (other = peers->containers->table; other; other = other->hh.next) {
		if (other != container && other->references && other->net_ns == container->net_ns &&
		    !same_task(other, container) && (!container_has_ended(other) || container_has_ended(container)))
			return true;
	}
	return false;
}

static const struct claim *claim_at(const struct peers *peers, const struct address *address)
{
	static const struct claim nobodys;
	struct claimed_address *found;

	HASH_FIND(hh, peers->by_address, address, sizeof(*address), found);
	return found ? &found->claim : &nobodys;
}

static bool speaks_for_task(const struct container *container)
{
	return !container->proxy && !container_is_pause(container);
}

/* Whether @a says more of who is behind its task's address than @b does: what lives, what is the application. */
static bool is_nearer(const struct container *a, const struct container *b)
{
	if (container_has_ended(a) != container_has_ended(b))
		return !container_has_ended(a);
	return speaks_for_task(a) && !speaks_for_task(b);
}

static bool is_in_task(const struct container *container, const struct task *task)
{
	return container->references && container->task == task;
}

/* A container that stands for all of the task. */
static struct container *container_of_task(const struct peers *peers, const struct task *task)
{
	struct container *container, *found = NULL;

	for (container = peers->containers->table; container; container = container->hh.next) {
		if (is_in_task(container, task) && (!found || is_nearer(container, found)))
			found = container;
	}
	return found;
}

static bool found_owner(struct peer *peer, const struct owner *owner)
{
	if (!owner)
		return false;
	peer->kind = PEER_WORKLOAD;
	peer->owner = owner;
	return true;
}

static bool found_container(const struct peers *peers, struct peer *peer, struct container *container)
{
	if (!container || shares_network(peers, container))
		return false;
	peer->kind = PEER_WORKLOAD;
	peer->container = container;
	return true;
}

/* What is published: by a port of the host. */
struct published_at {
	const struct address *address;	/* NULL: any of the host's */
	uint16_t port;
	bool udp;
};

static bool publishes(const struct container *container, const struct published_at *at, uint16_t *inner)
{
	for (unsigned int i = 0; i < container->facts.port_count; i++) {
		const struct published_port *published = &container->facts.ports[i];

		if (published->host_port == at->port && published->udp == at->udp &&
		    (!at->address || address_unspecified(&published->host) ||
		     address_equal(&published->host, at->address))) {
			*inner = published->port;
			return true;
		}
	}
	return false;
}

/* From @container on the first, of those that have ended or of those that live. */
static struct container *next_publisher(struct container *container, const struct published_at *at, bool ended,
					uint16_t *inner)
{
	for (; container; container = container->hh.next) {
		if (container->references && container_has_ended(container) == ended && publishes(container, at, inner))
			return container;
	}
	return NULL;
}

/* A port is soon published anew: those who live come first. */
static struct container *first_publisher(const struct peers *peers, const struct published_at *at, uint16_t *inner)
{
	struct container *living = next_publisher(peers->containers->table, at, false, inner);

	return living ? living : next_publisher(peers->containers->table, at, true, inner);
}

struct container *peers_published(const struct peers *peers, bool udp, uint16_t port, uint16_t *inner)
{
	const struct published_at at = { .port = port, .udp = udp };
	struct container *found = first_publisher(peers, &at, inner);
	uint16_t others;

	if (found && next_publisher(found->hh.next, &at, container_has_ended(found), &others))
		return NULL;
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
	const struct published_at at = { &key->peer, key->server_port, key->transport == FLOW_UDP };
	bool loopback = address_scope(&key->peer) == ADDRESS_LOOPBACK && key->net_ns == peers->host_net_ns;
	struct container *container;
	uint16_t inner;

	if (!loopback && !peers_is_host(peers, &key->peer))
		return false;
	container = first_publisher(peers, &at, &inner);
	if (!container)
		return false;
	peer->kind = PEER_WORKLOAD;
	peer->container = container;
	peer->port = inner;
	return true;
}

/* Who listens in that network namespace; nobody does over UDP. */
static bool found_listener(const struct peers *peers, const struct flow_key *key, uint32_t net_ns, struct peer *peer)
{
	if (key->transport == FLOW_UDP)
		return false;
	return found_owner(peer, listener_owner(peers->listeners, net_ns, &key->peer, key->server_port));
}

/* Which of a task's containers it is tells who listens in the namespace that they share. */
static bool found_task_listener(const struct peers *peers, const struct flow_key *key, const struct task *task,
				struct peer *peer)
{
	const struct container *container;

	for (container = peers->containers->table; container; container = container->hh.next) {
		if (is_in_task(container, task) && container->net_ns &&
		    found_listener(peers, key, container->net_ns, peer))
			return true;
	}
	return false;
}

static bool found_claimed_server(const struct peers *peers, const struct flow_key *key, const struct claim *claim,
				 struct peer *peer)
{
	if (claim->container)
		return found_listener(peers, key, claim->container->net_ns, peer) ||
		       found_container(peers, peer, claim->container);
	return found_task_listener(peers, key, claim->task, peer) ||
	       found_container(peers, peer, container_of_task(peers, claim->task));
}

static bool found_server(const struct peers *peers, const struct flow_key *key, struct peer *peer)
{
	const struct claim *claim = claim_at(peers, &key->peer);

	if (claim->container || claim->task)
		return found_claimed_server(peers, key, claim, peer);
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
	const struct claim *claim = claim_at(peers, &key->peer);
	struct container *container = claim->container;

	if (!container && claim->task)
		container = container_of_task(peers, claim->task);
	return found_container(peers, peer, container);
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

/* By what the client calls it; where it is then is still told by its kind, unless that is AWS's. */
static void name_peer(struct dns_name *name, struct peer *peer)
{
	if (!name)
		return;
	peer->plain_kind = peer->kind;
	peer->plain_name = peer->name;
	peer->name = name->text;
	peer->dns = name;
	if (name->kind == DNS_NAME_AWS)
		peer->kind = PEER_AWS;
	else if (name->kind == DNS_NAME_BALANCER)
		peer->kind = PEER_LB;
}

void peers_internet(const struct flow_key *key, struct peer *peer)
{
	*peer = (struct peer){ .kind = PEER_INTERNET, .port = key->server_port };
	name_peer(key->name, peer);
}

/* Returns whether no container can have the address. */
static bool describe(const struct peers *peers, const struct flow_key *key, struct peer *peer)
{
	const struct network *network = network_of(peers, &key->peer);
	const char *aws = aws_name(&key->peer);

	if (aws) {
		peer->kind = PEER_AWS;
		peer->name = aws;
		return true;
	}
	if (network) {
		peer->kind = PEER_PRIVATE;
		peer->name = network->name;
		name_peer(key->name, peer);
		return false;
	}
	if (address_scope(&key->peer) != ADDRESS_GLOBAL || peers_is_host(peers, &key->peer))
		return false;
	peers_internet(key, peer);
	return true;
}

bool peers_resolve(const struct peers *peers, const struct flow_key *key, struct peer *peer)
{
	bool client = key->role == HADAL_TCP_CLIENT;

	*peer = (struct peer){ .kind = PEER_OTHER, .port = key->server_port };
	if (client ? found_server(peers, key, peer) : found_client(peers, key, peer))
		return true;
	return describe(peers, key, peer) || !peers->containers_pending;
}
