/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "proxies.h"

int proxy_kind_parse(const char *pattern, struct proxy_kind *kind)
{
	size_t length = strlen(pattern), via = strcspn(pattern, "*?[\\");

	while (via && strchr("-_", pattern[via - 1]))
		via--;
	if (!via || length >= sizeof(kind->pattern))
		return -EINVAL;
	*kind = (struct proxy_kind){ 0 };
	memcpy(kind->pattern, pattern, length);
	memcpy(kind->via, pattern, via);
	return 0;
}

static unsigned int take_kinds(struct proxy_kind *to, const struct proxy_kind *from, unsigned int count)
{
	if (count > PROXY_KINDS)
		count = PROXY_KINDS;
	if (count)
		memcpy(to, from, count * sizeof(*from));
	return count;
}

void proxies_init(struct proxies *proxies, struct containers *containers, const struct peers *peers,
		  const struct proxy_kind *names, unsigned int name_count,
		  const struct proxy_kind *executables, unsigned int executable_count)
{
	*proxies = (struct proxies){ .containers = containers, .peers = peers };
	proxies_set_kinds(proxies, names, name_count, executables, executable_count);
}

void proxies_set_kinds(struct proxies *proxies, const struct proxy_kind *names, unsigned int name_count,
		       const struct proxy_kind *executables, unsigned int executable_count)
{
	proxies->name_count = take_kinds(proxies->names, names, name_count);
	proxies->executable_count = take_kinds(proxies->executables, executables, executable_count);
}

/* ---- which are proxies ---- */

static const char *find_via(const struct proxy_kind *kinds, unsigned int count, const char *via)
{
	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(kinds[i].via, via) == 0)
			return kinds[i].via;
	}
	return NULL;
}

/* Edges are told apart by where the name is: what is called alike is the first so called. */
static const char *via_of(const struct proxies *proxies, const struct proxy_kind *kind)
{
	const char *via = find_via(proxies->names, proxies->name_count, kind->via);

	return via ? via : find_via(proxies->executables, proxies->executable_count, kind->via);
}

void proxies_note(const struct proxies *proxies, struct container *container, const char *executable)
{
	for (unsigned int i = 0; i < proxies->executable_count && !container->proxy; i++) {
		if (strcmp(proxies->executables[i].pattern, executable) == 0)
			container->proxy = via_of(proxies, &proxies->executables[i]);
	}
}

static bool is_named(const struct container *container, const char *pattern)
{
	const struct container_facts *facts = &container->facts;

	return (facts->name_in_task[0] && fnmatch(pattern, facts->name_in_task, 0) == 0) ||
	       (facts->name[0] && fnmatch(pattern, facts->name, 0) == 0);
}

static void note_name(const struct proxies *proxies, struct container *container)
{
	for (unsigned int i = 0; i < proxies->name_count && !container->proxy; i++) {
		if (is_named(container, proxies->names[i].pattern))
			container->proxy = via_of(proxies, &proxies->names[i]);
	}
}

/*
 * What is of one task stands together in whatever network mode; else what shares a network namespace. In the host's own
 * all would stand beside each other.
 */
static bool stand_together(const struct proxies *proxies, const struct container *a, const struct container *b)
{
	if (a->task && a->task == b->task)
		return true;
	return a->net_ns && a->net_ns == b->net_ns && a->net_ns != proxies->peers->host_net_ns;
}

static bool stands_beside(const struct proxies *proxies, const struct container *other, const struct container *proxy)
{
	return other != proxy && other->references && !other->proxy && !container_is_pause(other) &&
	       stand_together(proxies, other, proxy);
}

/* Those of one task are one workload. NULL: there is none, or several that are not one. */
static struct container *application_of(const struct proxies *proxies, const struct container *proxy, bool ended)
{
	struct container *other, *found = NULL;

	for (other = proxies->containers->table; other; other = other->hh.next) {
		if (!stands_beside(proxies, other, proxy) || container_has_ended(other) != ended)
			continue;
		if (found && !(found->task && found->task == other->task))
			return NULL;
		found = other;
	}
	return found;
}

static struct container *find_application(const struct proxies *proxies, const struct container *proxy)
{
	struct container *living;

	if (!proxy->proxy)
		return NULL;
	living = application_of(proxies, proxy, false);
	return living ? living : application_of(proxies, proxy, true);
}

void proxies_index(struct proxies *proxies)
{
	struct container *container;

	for (container = proxies->containers->table; container; container = container->hh.next)
		note_name(proxies, container);
	for (container = proxies->containers->table; container; container = container->hh.next)
		container->application = find_application(proxies, container);
}

/* ---- what they carry ---- */

static struct container *peer_container(const struct peer *peer)
{
	return peer->container ? peer->container : owner_container(peer->owner);
}

static bool is_proxy(const struct container *container)
{
	return container && container->application;
}

bool proxies_carry(const struct flow *flow)
{
	return is_proxy(owner_container(flow->key.owner));
}

/* A hop between those that stand together, of which a proxy is an end. */
static bool is_inner_hop(const struct proxies *proxies, const struct flow *flow, const struct peer *peer)
{
	const struct container *local = owner_container(flow->key.owner), *other = peer_container(peer);

	return local && other && (is_proxy(local) || is_proxy(other)) && stand_together(proxies, local, other);
}

void proxies_learn(const struct proxies *proxies, const struct flow *flow, const struct peer *peer)
{
	struct container *proxy = owner_container(flow->key.owner);

	if (!proxies_carry(flow) || flow->key.role != HADAL_TCP_CLIENT || flow->key.transport != FLOW_TCP ||
	    !is_inner_hop(proxies, flow, peer) || is_proxy(peer_container(peer)))
		return;
	if (proxy->served_port && proxy->served_port != peer->port)
		proxy->serves_ports = true;
	proxy->served_port = peer->port;
}

bool proxies_hide(const struct proxies *proxies, struct flow *flow, const struct peer *peer)
{
	struct errors failed;

	if (peer->kind == PEER_NONE || !is_inner_hop(proxies, flow, peer))
		return false;
	failed = flow->values.failed;
	if (!failed.kinds && !failed.other)
		return true;
	values_clear(&flow->values);
	flow->values.failed = failed;
	flow->active = 0;
	flow->rtt = (struct live_rtt){ 0 };
	return false;
}

/*
 * The port that the application serves at. The one in front stays where that is not known, or not the only one. It is
 * waited for from the first connection on that needs it: a proxy may have stood idle for long before.
 */
static void put_port_behind(const struct proxies *proxies, struct container *proxy, struct peer *peer, uint64_t now,
			    bool *ready)
{
	if (!proxy->port_deadline)
		proxy->port_deadline = now + proxies->containers->wait;
	if (proxy->served_port && !proxy->serves_ports)
		peer->port = proxy->served_port;
	else if (!proxy->served_port && now < proxy->port_deadline)
		*ready = false;
}

/* @local, @other: the proxies at the ends; NULL: that end is none. */
static void put_applications(const struct container *local, const struct container *other, struct peer *peer)
{
	if (local && !peer->via)
		peer->via = local->proxy;
	if (!other)
		return;
	peer->owner = NULL;
	peer->container = other->application;
	if (!peer->via)
		peer->via = other->proxy;
}

static struct container *proxy_or_none(struct container *container)
{
	return is_proxy(container) ? container : NULL;
}

const struct container *proxies_fold(const struct proxies *proxies, const struct flow *flow, struct peer *peer,
				     uint64_t now, bool *ready)
{
	struct container *local = proxy_or_none(owner_container(flow->key.owner));
	struct container *other = proxy_or_none(peer_container(peer));
	struct container *server = flow->key.role == HADAL_TCP_SERVER ? local : other;

	/* What concerns the proxy's listener alone keeps the listener's port; over UDP none is learnt. */
	if (peer->kind != PEER_NONE && !is_inner_hop(proxies, flow, peer)) {
		if (server && flow->key.transport == FLOW_TCP)
			put_port_behind(proxies, server, peer, now, ready);
		put_applications(local, other, peer);
	}
	if ((local && container_pending(local->application, now)) ||
	    (other && container_pending(other->application, now)))
		*ready = false;
	return local ? local->application : NULL;
}
