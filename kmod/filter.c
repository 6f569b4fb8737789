// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>
#include <linux/cgroup.h>
#include <linux/err.h>
#include <linux/in.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "conn_table.h"
#include "filter.h"
#include "udp_table.h"

#define SLOTS		16	/* bits of struct hadal_owner.filters */
#define KNOWN_FLAGS	(HADAL_CONFIG_NO_LOOPBACK | HADAL_CONFIG_EXCLUDE_PORTS)
#define ROOT_ID		1	/* of the unified hierarchy's root */

/* Slots that configured sessions hold. */
static unsigned long taken_slots;
static DEFINE_MUTEX(slots_lock);

/* Slots that hooks look at, and whose they are: of running sessions. */
unsigned long hadal_filter_slots;
static const struct hadal_filter *published[SLOTS];

/* ---- made when a session is configured ---- */

static bool good_range(const struct hadal_port_range *range)
{
	return range->first && range->first <= range->last;
}

static bool good_ports(const struct hadal_config *config)
{
	unsigned int i;

	if (config->port_count > HADAL_FILTER_PORTS)
		return false;
	for (i = 0; i < HADAL_FILTER_PORTS; i++) {
		if (i < config->port_count ? !good_range(&config->ports[i]) :
					     config->ports[i].first || config->ports[i].last)
			return false;
	}
	return config->port_count || !(config->flags & HADAL_CONFIG_EXCLUDE_PORTS);
}

static bool good_cgroups(const struct hadal_config *config)
{
	unsigned int i;

	if (config->cgroup_count > HADAL_FILTER_CGROUPS)
		return false;
	for (i = 0; i < HADAL_FILTER_CGROUPS; i++)
		if (!config->cgroups[i] != (i >= config->cgroup_count))
			return false;
	return true;
}

static bool is_empty(const struct hadal_config *config)
{
	return !config->flags && !config->cgroup_count && !config->port_count &&
	       !config->min_duration;
}

static int take_slot(struct hadal_filter *filter)
{
	int error = 0;

	mutex_lock(&slots_lock);
	filter->slot = find_first_zero_bit(&taken_slots, SLOTS);
	if (filter->slot < SLOTS)
		__set_bit(filter->slot, &taken_slots);
	else
		error = -EUSERS;
	mutex_unlock(&slots_lock);
	return error;
}

static void give_slot(const struct hadal_filter *filter)
{
	mutex_lock(&slots_lock);
	__clear_bit(filter->slot, &taken_slots);
	mutex_unlock(&slots_lock);
}

static void put_cgroups(struct hadal_filter *filter)
{
	while (filter->cgroup_count)
		cgroup_put(filter->cgroups[--filter->cgroup_count]);
}

static int get_cgroups(struct hadal_filter *filter, const struct hadal_config *config)
{
	struct cgroup *cgroup;
	unsigned int i;

	for (i = 0; i < config->cgroup_count; i++) {
		cgroup = cgroup_get_from_id(config->cgroups[i]);
		if (IS_ERR(cgroup)) {
			put_cgroups(filter);
			return -ENOENT;
		}
		filter->cgroups[filter->cgroup_count++] = cgroup;
	}
	return 0;
}

static int fill_filter(struct hadal_filter *filter, const struct hadal_config *config)
{
	int error;

	filter->min_duration = config->min_duration;
	filter->flags = config->flags;
	filter->port_count = config->port_count;
	memcpy(filter->ports, config->ports, sizeof(filter->ports));
	if (!config->cgroup_count)
		return 0;
	error = get_cgroups(filter, config);
	if (error)
		return error;
	error = take_slot(filter);
	if (error)
		put_cgroups(filter);
	return error;
}

/**
 * hadal_filter_create() - the filter that a configuration asks for
 * @config: a whole one
 *
 * May sleep.
 *
 * Return: the filter, for hadal_filter_destroy(); NULL where everything passes;
 * ERR_PTR(): -EINVAL, -ENOMEM; -ENOENT: no such cgroup; -EUSERS: too many
 * sessions with a list of cgroups.
 */
struct hadal_filter *hadal_filter_create(const struct hadal_config *config)
{
	struct hadal_filter *filter;
	int error;

	if (config->flags & ~KNOWN_FLAGS || !good_ports(config) || !good_cgroups(config))
		return ERR_PTR(-EINVAL);
	if (is_empty(config))
		return NULL;
	filter = kzalloc(sizeof(*filter), GFP_KERNEL_ACCOUNT);
	if (!filter)
		return ERR_PTR(-ENOMEM);
	error = fill_filter(filter, config);
	if (error) {
		kfree(filter);
		return ERR_PTR(error);
	}
	return filter;
}

/* Withdrawn, and a grace period ago. NULL is allowed. */
void hadal_filter_destroy(struct hadal_filter *filter)
{
	if (!filter)
		return;
	if (filter->cgroup_count)
		give_slot(filter);
	put_cgroups(filter);
	kfree(filter);
}

/* ---- cgroups ---- */

static bool is_below(const struct hadal_filter *filter, struct cgroup *cgroup)
{
	unsigned int i;

	for (i = 0; i < filter->cgroup_count; i++)
		if (cgroup_is_descendant(cgroup, filter->cgroups[i]))
			return true;
	return false;
}

static bool has_task(const struct hadal_filter *filter, struct task_struct *task)
{
	bool has;

	rcu_read_lock();
	has = is_below(filter, task_dfl_cgroup(task));
	rcu_read_unlock();
	return has;
}

/* Preemption is disabled, or starts and stops of sessions are excluded. */
u16 hadal_filter_bits_of(struct task_struct *task)
{
	unsigned long slots = READ_ONCE(hadal_filter_slots);
	const struct hadal_filter *filter;
	unsigned int slot;
	u16 bits = 0;

	for_each_set_bit(slot, &slots, SLOTS) {
		/* Pairs with the release of publish(). */
		filter = smp_load_acquire(&published[slot]);
		if (filter && has_task(filter, task))
			bits |= BIT(slot);
	}
	return bits;
}

static void publish(const struct hadal_filter *filter)
{
	/* Pairs with the acquire of hadal_filter_bits_of(). */
	smp_store_release(&published[filter->slot], filter);
	WRITE_ONCE(hadal_filter_slots, hadal_filter_slots | BIT(filter->slot));
}

/**
 * hadal_filter_withdraw() - a session stops
 * @filter: may be NULL
 *
 * No new owner gets this filter's bit after a grace period.
 */
void hadal_filter_withdraw(const struct hadal_filter *filter)
{
	if (!filter || !filter->cgroup_count)
		return;
	WRITE_ONCE(hadal_filter_slots, hadal_filter_slots & ~BIT(filter->slot));
	WRITE_ONCE(published[filter->slot], NULL);
}

/* ---- owners from before ---- */

/* Answers by cgroup id. GONE: removed meanwhile, nobody can tell any more. */
enum answer {
	NO,
	YES,
	GONE,
};

/**
 * struct marking - owners in the table get a filter's bit
 * @filter: whose
 * @known: answers by cgroup id
 * @missing: a cgroup id for which @known has none
 */
struct marking {
	const struct hadal_filter *filter;
	struct xarray known;
	u64 missing;
};

static void set_bit_of(struct hadal_owner *owner, const struct hadal_filter *filter, bool set)
{
	u16 bit = BIT(filter->slot);

	/* Hooks look at the bits of other filters meanwhile. */
	WRITE_ONCE(owner->filters, set ? owner->filters | bit : owner->filters & ~bit);
}

/* A filter that had the slot before may have left its bit. */
static bool clear_owner(struct hadal_owner *owner, void *context)
{
	set_bit_of(owner, context, false);
	return true;
}

/* One whose cgroup is gone keeps what a hook has set since the filter was published. */
static bool mark_owner(struct hadal_owner *owner, void *context)
{
	struct marking *marking = context;
	/* Outside of v2 a task is in its root. */
	u64 id = owner->cgroup_hierarchy ? ROOT_ID : owner->cgroup_id;
	void *answer = xa_load(&marking->known, id);

	if (!answer) {
		marking->missing = id;
		return false;
	}
	if (xa_to_value(answer) != GONE)
		set_bit_of(owner, marking->filter, xa_to_value(answer) == YES);
	return true;
}

static int find_answer(struct marking *marking)
{
	struct cgroup *cgroup = cgroup_get_from_id(marking->missing);
	enum answer answer = GONE;

	if (!IS_ERR(cgroup)) {
		answer = is_below(marking->filter, cgroup) ? YES : NO;
		cgroup_put(cgroup);
	}
	return xa_err(xa_store(&marking->known, marking->missing, xa_mk_value(answer), GFP_KERNEL));
}

static int mark_owners(const struct hadal_filter *filter)
{
	struct marking marking = { .filter = filter };
	unsigned int bucket;
	int error = 0;

	xa_init(&marking.known);
	for (bucket = 0; !error && bucket < hadal_conn_table_buckets(); bucket++) {
		while (!error && !hadal_conn_visit_owners(bucket, mark_owner, &marking))
			error = find_answer(&marking);
		cond_resched();
	}
	for (bucket = 0; !error && bucket < hadal_udp_table_buckets(); bucket++) {
		while (!error && !hadal_udp_visit_owners(bucket, mark_owner, &marking))
			error = find_answer(&marking);
		cond_resched();
	}
	xa_destroy(&marking.known);
	return error;
}

static void clear_owners(const struct hadal_filter *filter)
{
	unsigned int bucket;

	for (bucket = 0; bucket < hadal_conn_table_buckets(); bucket++) {
		hadal_conn_visit_owners(bucket, clear_owner, (void *)filter);
		cond_resched();
	}
	for (bucket = 0; bucket < hadal_udp_table_buckets(); bucket++) {
		hadal_udp_visit_owners(bucket, clear_owner, (void *)filter);
		cond_resched();
	}
}

/**
 * hadal_filter_publish() - a session starts: owners get its filter's bit
 * @filter: may be NULL
 * @has_tables: the tables of connections and flows are there, or may be, and in use
 *
 * Starts and stops of sessions are serialized. May sleep.
 *
 * Return: 0 or -ENOMEM: it is not published.
 */
int hadal_filter_publish(const struct hadal_filter *filter, bool has_tables)
{
	int error;

	if (!filter || !filter->cgroup_count)
		return 0;
	if (has_tables)
		clear_owners(filter);
	publish(filter);
	if (!has_tables)
		return 0;
	/* A hook that did not see it published has ended. */
	synchronize_rcu();
	error = mark_owners(filter);
	if (error) {
		hadal_filter_withdraw(filter);
		synchronize_rcu();
	}
	return error;
}

/* ---- asked for each record ---- */

/**
 * hadal_filter_passes_task() - does a session want this process now?
 * @filter: the session's
 * @task: a thread of the process
 */
bool hadal_filter_passes_task(const struct hadal_filter *filter, struct task_struct *task)
{
	return !filter->cgroup_count || has_task(filter, task);
}

/**
 * hadal_filter_passes_cgroup() - does a session want what befalls this cgroup?
 * @filter: the session's
 * @cgroup: of any hierarchy
 */
bool hadal_filter_passes_cgroup(const struct hadal_filter *filter, struct cgroup *cgroup)
{
	return !filter->cgroup_count || is_below(filter, cgroup);
}

/* Nobody owns it yet, or nobody is known to: the cgroup of who called socket() stands in. */
static bool passes_cgroups(const struct hadal_filter *filter, const struct sock *sk,
			   const struct hadal_owner *owner)
{
	struct cgroup *cgroup;

	if (!filter->cgroup_count)
		return true;
	if (owner->kind)
		return READ_ONCE(owner->filters) & BIT(filter->slot);
	cgroup = READ_ONCE(sk->sk_cgrp_data.cgroup);
	return cgroup && is_below(filter, cgroup);
}

static bool has_port(const struct hadal_filter *filter, u16 port)
{
	unsigned int i;

	for (i = 0; i < filter->port_count; i++)
		if (port >= filter->ports[i].first && port <= filter->ports[i].last)
			return true;
	return false;
}

static bool passes_ports(const struct hadal_filter *filter, u16 local, u16 peer)
{
	bool has;

	if (!filter->port_count)
		return true;
	has = has_port(filter, local) || has_port(filter, peer);
	return has == !(filter->flags & HADAL_CONFIG_EXCLUDE_PORTS);
}

static bool is_loopback4(__be32 local, __be32 peer)
{
	return ipv4_is_loopback(local) || ipv4_is_loopback(peer) || (peer && peer == local);
}

static bool is_loopback6(const struct in6_addr *local, const struct in6_addr *peer)
{
	return ipv6_addr_loopback(local) || ipv6_addr_loopback(peer) ||
	       (!ipv6_addr_any(peer) && ipv6_addr_equal(peer, local));
}

/* What stays on the host: over loopback, or from an address to itself. */
static bool is_loopback(const struct sock *sk)
{
	if (sk->sk_family == AF_INET6 && !ipv6_addr_v4mapped(&sk->sk_v6_daddr) &&
	    !ipv6_addr_v4mapped(&sk->sk_v6_rcv_saddr))
		return is_loopback6(&sk->sk_v6_rcv_saddr, &sk->sk_v6_daddr);
	return is_loopback4(inet_sk(sk)->inet_rcv_saddr, inet_sk(sk)->inet_daddr);
}

/*
 * How long it will last is not known when it opens: that record is left out, and
 * CLOSED tells all. A connect that failed, and a listener, is no connection. One
 * whose start is not known is not known to be short.
 */
static bool passes_duration(const struct hadal_filter *filter, const struct hadal_conn *conn,
			    u16 type)
{
	switch (type) {
	case HADAL_RECORD_TCP_ESTABLISHED:
	case HADAL_RECORD_TCP_ACCEPTED:
		return false;
	case HADAL_RECORD_TCP_FAILED:
	case HADAL_RECORD_TCP_LISTENING:
	case HADAL_RECORD_TCP_LISTENER_CLOSED:
		return true;
	default:
		return !conn->time || ktime_get_ns() - conn->time >= filter->min_duration;
	}
}

/**
 * hadal_filter_passes_tcp() - does a session want this record?
 * @filter: the session's
 * @sk: the socket
 * @conn: what the table has of it, or would
 * @type: enum hadal_record_type
 *
 * Asked again later for the same record it does not turn from true to false.
 */
bool hadal_filter_passes_tcp(const struct hadal_filter *filter, const struct sock *sk,
			     const struct hadal_conn *conn, u16 type)
{
	const struct inet_sock *inet = inet_sk(sk);

	if (!passes_cgroups(filter, sk, &conn->owner) ||
	    !passes_ports(filter, ntohs(inet->inet_sport), ntohs(inet->inet_dport)))
		return false;
	if (filter->flags & HADAL_CONFIG_NO_LOOPBACK && is_loopback(sk))
		return false;
	return !filter->min_duration || passes_duration(filter, conn, type);
}

/* As they stand in records. */
static bool are_loopback(u16 family, const u8 local_address[16], const u8 peer_address[16])
{
	struct in6_addr local, peer;

	memcpy(&local, local_address, sizeof(local));
	memcpy(&peer, peer_address, sizeof(peer));
	if (family == AF_INET6)
		return is_loopback6(&local, &peer);
	return is_loopback4(local.s6_addr32[0], peer.s6_addr32[0]);
}

static bool passes_slots(const struct hadal_filter *filter, u16 slots)
{
	return !filter->cgroup_count || slots & BIT(filter->slot);
}

/**
 * hadal_filter_passes_udp() - does a session want this flow?
 * @filter: the session's
 * @udp: as it would be told
 * @slots: of the filters by cgroup that its owner passes
 *
 * What found no room in the table is of nobody and has no ends: it passes.
 */
bool hadal_filter_passes_udp(const struct hadal_filter *filter, const struct hadal_udp *udp,
			     u16 slots)
{
	if (udp->flags & HADAL_UDP_OTHER)
		return true;
	return passes_slots(filter, slots) &&
	       passes_ports(filter, udp->local_port, udp->peer_port) &&
	       !(filter->flags & HADAL_CONFIG_NO_LOOPBACK &&
		 are_loopback(udp->family, udp->local_address, udp->peer_address));
}

/**
 * hadal_filter_passes_dns() - does a session want this answer?
 * @filter: the session's
 * @dns: as it would be told
 * @slots: of the filters by cgroup that its receiver passes
 */
bool hadal_filter_passes_dns(const struct hadal_filter *filter, const struct hadal_dns *dns,
			     u16 slots)
{
	return passes_slots(filter, slots) &&
	       passes_ports(filter, dns->local_port, dns->peer_port) &&
	       !(filter->flags & HADAL_CONFIG_NO_LOOPBACK &&
		 are_loopback(dns->family, dns->local_address, dns->peer_address));
}
