// SPDX-License-Identifier: GPL-2.0-only
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/spinlock.h>

#include "udp_table.h"

#define MAX_LIMIT	(1U << 20)

static unsigned int udp_flows_max = 16384;
module_param(udp_flows_max, uint, 0444);
MODULE_PARM_DESC(udp_flows_max, "entries in the table of UDP flows");

/**
 * struct hadal_udp_socket - a socket that has flows in the table
 * @node: in a bucket of sockets or in the pool
 * @sk: a number
 * @flows: of it, by their sibling
 */
struct hadal_udp_socket {
	struct hlist_node node;
	const struct sock *sk;
	struct hlist_head flows;
};

struct bucket {
	raw_spinlock_t lock;
	struct hlist_head head;
};

DEFINE_PER_CPU(struct hadal_udp_slots, hadal_udp_slots);

/* Stands in each slot that has no flow: of no socket, so that none is it. */
static struct hadal_udp_flow nobody = { .sk = HADAL_UDP_NO_SOCKET };

static struct hadal_udp_flow *flows;
static struct hadal_udp_socket *sockets;
static struct bucket *flow_buckets;
static struct bucket *socket_buckets;
static unsigned int bucket_bits;
static u32 seed;

/* Unused entries. A flow needs them twice in its life: one pool is enough. */
static DEFINE_RAW_SPINLOCK(pool_lock);
static HLIST_HEAD(flow_pool);
static HLIST_HEAD(socket_pool);
static unsigned int live;

unsigned int hadal_udp_table_max(void)
{
	return clamp(udp_flows_max, 16U, MAX_LIMIT);
}

/* Entries in use. */
unsigned int hadal_udp_table_live(void)
{
	return READ_ONCE(live);
}

/* 0: there is no table. Starts and stops of sessions are excluded, or one that needs it runs. */
unsigned int hadal_udp_table_buckets(void)
{
	return flow_buckets ? 1U << bucket_bits : 0;
}

/* ---- the table, made and freed ---- */

static struct bucket *make_buckets(void)
{
	struct bucket *buckets = kvcalloc(1U << bucket_bits, sizeof(*buckets), GFP_KERNEL);
	unsigned int i;

	for (i = 0; buckets && i < 1U << bucket_bits; i++) {
		raw_spin_lock_init(&buckets[i].lock);
		INIT_HLIST_HEAD(&buckets[i].head);
	}
	return buckets;
}

static void fill_pools(unsigned int flow_count, unsigned int socket_count)
{
	unsigned int i;

	for (i = 0; i < flow_count; i++)
		hlist_add_head(&flows[i].node, &flow_pool);
	for (i = 0; i < socket_count; i++)
		hlist_add_head(&sockets[i].node, &socket_pool);
}

static void clear_slots(void)
{
	/* It is made of nothing but slots. */
	struct hadal_udp_flow **slots;
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		slots = (struct hadal_udp_flow **)per_cpu_ptr(&hadal_udp_slots, cpu);
		for (i = 0; i < sizeof(struct hadal_udp_slots) / sizeof(*slots); i++)
			slots[i] = &nobody;
	}
}

/**
 * hadal_udp_table_create() - make the table, empty
 *
 * Return: 0 or -ENOMEM.
 */
int hadal_udp_table_create(void)
{
	unsigned int flow_count = hadal_udp_table_max();
	/* Each CPU may hold one for a moment that it turns out not to need. */
	unsigned int socket_count = flow_count + num_possible_cpus();

	bucket_bits = order_base_2(flow_count);
	seed = get_random_u32();
	flows = kvcalloc(flow_count, sizeof(*flows), GFP_KERNEL);
	sockets = kvcalloc(socket_count, sizeof(*sockets), GFP_KERNEL);
	flow_buckets = make_buckets();
	socket_buckets = make_buckets();
	if (!flows || !sockets || !flow_buckets || !socket_buckets) {
		hadal_udp_table_destroy();
		return -ENOMEM;
	}
	fill_pools(flow_count, socket_count);
	clear_slots();
	return 0;
}

/* No probe may run any more. */
void hadal_udp_table_destroy(void)
{
	INIT_HLIST_HEAD(&flow_pool);
	INIT_HLIST_HEAD(&socket_pool);
	WRITE_ONCE(live, 0);
	kvfree(socket_buckets);
	kvfree(flow_buckets);
	kvfree(sockets);
	kvfree(flows);
	socket_buckets = NULL;
	flow_buckets = NULL;
	sockets = NULL;
	flows = NULL;
}

/* ---- pools ---- */

static struct hlist_node *take_node(struct hlist_head *pool)
{
	struct hlist_node *node = pool->first;

	if (node)
		hlist_del_init(node);
	return node;
}

/* Both that a new flow may need; NULL: there is none left. */
static void take_entries(struct hadal_udp_flow **flow, struct hadal_udp_socket **socket)
{
	struct hlist_node *node;

	raw_spin_lock(&pool_lock);
	node = take_node(&flow_pool);
	*flow = hlist_entry_safe(node, struct hadal_udp_flow, node);
	node = node ? take_node(&socket_pool) : NULL;
	*socket = hlist_entry_safe(node, struct hadal_udp_socket, node);
	WRITE_ONCE(live, live + !!*flow);
	raw_spin_unlock(&pool_lock);
}

/* Either may be NULL. */
static void put_entries(struct hadal_udp_flow *flow, struct hadal_udp_socket *socket)
{
	if (!flow && !socket)
		return;
	raw_spin_lock(&pool_lock);
	if (flow) {
		hlist_add_head(&flow->node, &flow_pool);
		WRITE_ONCE(live, live - 1);
	}
	if (socket)
		hlist_add_head(&socket->node, &socket_pool);
	raw_spin_unlock(&pool_lock);
}

/* ---- sockets ---- */

static struct bucket *socket_bucket_of(const struct sock *sk)
{
	return &socket_buckets[hash_ptr(sk, bucket_bits)];
}

static struct hadal_udp_socket *find_socket_in(struct bucket *bucket, const struct sock *sk)
{
	struct hadal_udp_socket *socket;

	hlist_for_each_entry(socket, &bucket->head, node)
		if (socket->sk == sk)
			return socket;
	return NULL;
}

/* A new flow is put to its socket's. Returns @spare if it was not needed. */
static struct hadal_udp_socket *link_to_socket(struct hadal_udp_flow *flow,
					       struct hadal_udp_socket *spare)
{
	struct bucket *bucket = socket_bucket_of(flow->number);
	struct hadal_udp_socket *socket;

	raw_spin_lock(&bucket->lock);
	socket = find_socket_in(bucket, flow->number);
	if (!socket) {
		socket = spare;
		spare = NULL;
		socket->sk = flow->number;
		INIT_HLIST_HEAD(&socket->flows);
		hlist_add_head(&socket->node, &bucket->head);
	}
	flow->socket = socket;
	hlist_add_head(&flow->sibling, &socket->flows);
	raw_spin_unlock(&bucket->lock);
	return spare;
}

/* The bucket is locked. Returns the socket, out of its bucket, if this was its last flow. */
static struct hadal_udp_socket *unlink_in_bucket(struct hadal_udp_flow *flow)
{
	struct hadal_udp_socket *socket = flow->socket;

	hlist_del_init(&flow->sibling);
	if (!hlist_empty(&socket->flows))
		return NULL;
	hlist_del_init(&socket->node);
	return socket;
}

static struct hadal_udp_socket *unlink_from_socket(struct hadal_udp_flow *flow)
{
	struct bucket *bucket = socket_bucket_of(flow->number);
	struct hadal_udp_socket *socket = NULL;

	raw_spin_lock(&bucket->lock);
	/* Else the socket has ended meanwhile. */
	if (!hlist_unhashed(&flow->sibling))
		socket = unlink_in_bucket(flow);
	raw_spin_unlock(&bucket->lock);
	return socket;
}

/*
 * One flow of a socket's, no longer linked to it. An idle one that a dump has
 * taken out may be another socket's as soon as the bucket is unlocked: *@is_in
 * is false then. One that a dump takes out only now waits for who calls this.
 */
static struct hadal_udp_flow *unlink_any(const struct sock *sk, bool *is_in,
					 struct hadal_udp_socket **socket)
{
	struct bucket *bucket = socket_bucket_of(sk);
	struct hadal_udp_flow *flow = NULL;

	raw_spin_lock(&bucket->lock);
	*socket = find_socket_in(bucket, sk);
	if (*socket) {
		flow = hlist_entry((*socket)->flows.first, struct hadal_udp_flow, sibling);
		*is_in = READ_ONCE(flow->sk) != HADAL_UDP_NO_SOCKET;
		*socket = unlink_in_bucket(flow);
	}
	raw_spin_unlock(&bucket->lock);
	return flow;
}

/* ---- flows ---- */

static struct bucket *bucket_of(const struct sock *sk, const struct hadal_udp_key *key)
{
	/* Peers choose their addresses: without the seed they could choose a bucket, too. */
	u32 hash = jhash2((const u32 *)key, sizeof(*key) / sizeof(u32),
			  seed ^ (u32)hash_ptr(sk, 32));

	return &flow_buckets[hash & ((1U << bucket_bits) - 1)];
}

static struct hadal_udp_flow *find_in(struct bucket *bucket, const struct sock *sk,
				      const struct hadal_udp_key *key)
{
	struct hadal_udp_flow *flow;

	hlist_for_each_entry(flow, &bucket->head, node)
		if (flow->sk == sk && !memcmp(&flow->key, key, sizeof(*key)))
			return flow;
	return NULL;
}

/* The flow of the socket at hand, or NULL; see above for how long it is good. */
struct hadal_udp_flow *hadal_udp_find(const struct sock *sk, const struct hadal_udp_key *key)
{
	struct bucket *bucket = bucket_of(sk, key);
	struct hadal_udp_flow *flow;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	flow = find_in(bucket, sk, key);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return flow;
}

/*
 * A CPU that has the entry in a slot may look at it meanwhile, even for this very
 * socket, and would count in what is overwritten here: so it is of no socket
 * before, as after.
 */
static void fill_flow(struct hadal_udp_flow *flow, const struct hadal_udp_flow *image)
{
	*flow = *image;
	INIT_HLIST_NODE(&flow->node);
	INIT_HLIST_NODE(&flow->sibling);
}

/* Another CPU may have made it meanwhile. */
static struct hadal_udp_flow *find_or_add(const struct sock *sk, struct hadal_udp_flow *spare)
{
	struct bucket *bucket = bucket_of(sk, &spare->key);
	struct hadal_udp_flow *flow;

	raw_spin_lock(&bucket->lock);
	flow = find_in(bucket, sk, &spare->key);
	if (!flow) {
		flow = spare;
		hlist_add_head(&flow->node, &bucket->head);
		/* Pairs with the acquire of those who find it in a slot of their CPU. */
		smp_store_release(&flow->sk, sk);
	}
	raw_spin_unlock(&bucket->lock);
	return flow;
}

static struct hadal_udp_flow *insert(const struct hadal_udp_flow *image)
{
	struct hadal_udp_flow *flow, *spare;
	struct hadal_udp_socket *socket;

	take_entries(&spare, &socket);
	if (!spare)
		return NULL;
	fill_flow(spare, image);
	flow = find_or_add(image->number, spare);
	if (flow == spare) {
		spare = NULL;
		socket = link_to_socket(flow, socket);
	}
	put_entries(spare, socket);
	return flow;
}

/**
 * hadal_udp_insert() - make a flow
 * @image: what it is, nothing counted: @sk is HADAL_UDP_NO_SOCKET, @number the socket
 *
 * Preemption is disabled.
 *
 * Return: the flow, also where it is there already; NULL where the table is full.
 */
struct hadal_udp_flow *hadal_udp_insert(const struct hadal_udp_flow *image)
{
	struct hadal_udp_flow *flow;
	unsigned long flags;

	local_irq_save(flags);
	flow = insert(image);
	local_irq_restore(flags);
	return flow;
}

/* Whether it was still in; then it is the caller's. */
static bool take_out(struct hadal_udp_flow *flow)
{
	struct bucket *bucket = bucket_of(flow->number, &flow->key);
	bool was_in;

	raw_spin_lock(&bucket->lock);
	was_in = flow->sk != HADAL_UDP_NO_SOCKET;
	if (was_in) {
		WRITE_ONCE(flow->sk, HADAL_UDP_NO_SOCKET);
		hlist_del_init(&flow->node);
	}
	raw_spin_unlock(&bucket->lock);
	return was_in;
}

/**
 * hadal_udp_take() - take a flow of a socket that ends out of the table
 * @sk: the socket, which nobody uses any more
 *
 * Return: one that nobody counts in any more, for hadal_udp_put_taken(); NULL:
 * there is none left, except those that a dump has taken out.
 */
struct hadal_udp_flow *hadal_udp_take(const struct sock *sk)
{
	struct hadal_udp_socket *socket;
	struct hadal_udp_flow *flow;
	unsigned long flags;
	bool is_in;

	/* Only its own use could have made it a member. */
	if (hlist_empty(&socket_bucket_of(sk)->head))
		return NULL;
	local_irq_save(flags);
	do {
		flow = unlink_any(sk, &is_in, &socket);
		put_entries(NULL, socket);
	} while (flow && !(is_in && take_out(flow)));
	local_irq_restore(flags);
	return flow;
}

void hadal_udp_put_taken(struct hadal_udp_flow *flow)
{
	unsigned long flags;

	local_irq_save(flags);
	put_entries(flow, NULL);
	local_irq_restore(flags);
}

/**
 * hadal_udp_take_idle() - take a flow without recent datagrams out of the table
 * @index: of a bucket, below hadal_udp_table_buckets()
 * @before: jiffies: its last datagram was before
 *
 * Return: one in which hooks may count until a grace period is over, for
 * hadal_udp_put_idle() then; NULL: there is none.
 */
struct hadal_udp_flow *hadal_udp_take_idle(unsigned int index, unsigned long before)
{
	struct bucket *bucket = &flow_buckets[index];
	struct hadal_udp_flow *flow, *found = NULL;
	unsigned long flags;

	if (hlist_empty(&bucket->head))
		return NULL;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(flow, &bucket->head, node) {
		if (!time_before(READ_ONCE(flow->last), before))
			continue;
		WRITE_ONCE(flow->sk, HADAL_UDP_NO_SOCKET);
		hlist_del_init(&flow->node);
		found = flow;
		break;
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return found;
}

void hadal_udp_put_idle(struct hadal_udp_flow *flow)
{
	struct hadal_udp_socket *socket;
	unsigned long flags;

	local_irq_save(flags);
	socket = unlink_from_socket(flow);
	put_entries(flow, socket);
	local_irq_restore(flags);
}

/* ---- walks ---- */

static unsigned int count_flows(const struct bucket *bucket)
{
	struct hlist_node *node;
	unsigned int count = 0;

	hlist_for_each(node, &bucket->head)
		count++;
	return count;
}

/**
 * hadal_udp_walk_bucket() - visit the flows of one bucket
 * @index: of the bucket, below hadal_udp_table_buckets()
 * @walk: what to do with each; its may() is asked first, under the lock, with
 *	how many there are; false: visit none
 *
 * Preemption must be disabled.
 *
 * Return: how many of the visits counted; UINT_MAX if may() said no.
 */
unsigned int hadal_udp_walk_bucket(unsigned int index, const struct hadal_udp_walk *walk)
{
	struct bucket *bucket = &flow_buckets[index];
	struct hadal_udp_flow *flow;
	unsigned int count = 0;
	unsigned long flags;

	if (hlist_empty(&bucket->head))
		return 0;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	if (!walk->may(count_flows(bucket), walk->context)) {
		raw_spin_unlock_irqrestore(&bucket->lock, flags);
		return UINT_MAX;
	}
	hlist_for_each_entry(flow, &bucket->head, node)
		count += walk->visit(flow, walk->context);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return count;
}

/* As hadal_conn_visit_owners(), of the flows in one bucket. */
bool hadal_udp_visit_owners(unsigned int index,
			    bool (*visit)(struct hadal_owner *owner, void *context), void *context)
{
	struct bucket *bucket = &flow_buckets[index];
	struct hadal_udp_flow *flow;
	unsigned long flags;
	bool all = true;

	if (hlist_empty(&bucket->head))
		return true;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(flow, &bucket->head, node) {
		all = !flow->owner.kind || visit(&flow->owner, context);
		if (!all)
			break;
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return all;
}
