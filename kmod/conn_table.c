// SPDX-License-Identifier: GPL-2.0-only
#include "conn_table.h"

#ifdef __KERNEL__
#include <linux/atomic.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#endif

#define CACHE_BATCH	16U
#define MAX_LIMIT	(1U << 22)
#define TOMBSTONE_SHARE	16	/* at most this part of the table */

static unsigned int connections_max = 65536;
module_param(connections_max, uint, 0444);
MODULE_PARM_DESC(connections_max, "entries in the table of live connections and listeners");

struct bucket {
	raw_spinlock_t lock;
	struct hlist_head head;
};

/* Free entries of one CPU; interrupts are off where it is touched. */
struct cache {
	struct hlist_head free;
	unsigned int count;
	long live;
};

static struct bucket *buckets;
static unsigned int bucket_bits;
static struct hadal_conn *entries;
static DEFINE_PER_CPU(struct cache, caches);
static HLIST_HEAD(pool);
static DEFINE_RAW_SPINLOCK(pool_lock);
static bool armed;
static atomic64_t next_id;
static atomic64_t overflow;
static atomic_t tombstones;

unsigned int hadal_conn_table_max(void)
{
	return clamp(connections_max, 64U, MAX_LIMIT);
}

unsigned int hadal_conn_table_buckets(void)
{
	return 1U << bucket_bits;
}

/* Entries in use, tombstones included. */
unsigned long hadal_conn_table_live(void)
{
	long live = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		live += READ_ONCE(per_cpu(caches, cpu).live);
	return live > 0 ? live : 0;
}

/* Connections that found no free entry, since the module was loaded. */
u64 hadal_conn_table_overflow(void)
{
	return atomic64_read(&overflow);
}

u64 hadal_conn_new_id(void)
{
	return atomic64_inc_return(&next_id);
}

/* Nothing is inserted before true, or after false and a grace period. */
void hadal_conn_table_arm(bool value)
{
	WRITE_ONCE(armed, value);
}

static void fill_pool(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		hlist_add_head(&entries[i].node, &pool);
}

static void init_buckets(void)
{
	unsigned int i;

	for (i = 0; i < hadal_conn_table_buckets(); i++) {
		raw_spin_lock_init(&buckets[i].lock);
		INIT_HLIST_HEAD(&buckets[i].head);
	}
}

/**
 * hadal_conn_table_create() - make the table, empty and not armed
 *
 * Return: 0 or -ENOMEM.
 */
int hadal_conn_table_create(void)
{
	unsigned int count = hadal_conn_table_max();

	bucket_bits = order_base_2(count);
	buckets = kvcalloc(hadal_conn_table_buckets(), sizeof(*buckets), GFP_KERNEL);
	entries = kvcalloc(count, sizeof(*entries), GFP_KERNEL);
	if (!buckets || !entries) {
		hadal_conn_table_destroy();
		return -ENOMEM;
	}
	init_buckets();
	fill_pool(count);
	return 0;
}

/* No probe may run any more. */
void hadal_conn_table_destroy(void)
{
	int cpu;

	INIT_HLIST_HEAD(&pool);
	for_each_possible_cpu(cpu)
		per_cpu(caches, cpu) = (struct cache) { };
	atomic_set(&tombstones, 0);
	kvfree(entries);
	kvfree(buckets);
	entries = NULL;
	buckets = NULL;
}

/* ---- free entries: a cache per CPU in front of a common pool ---- */

static void move_entries(struct hlist_head *from, struct hlist_head *to, unsigned int *moved)
{
	struct hlist_node *node;

	for (*moved = 0; *moved < CACHE_BATCH && !hlist_empty(from); (*moved)++) {
		node = from->first;
		__hlist_del(node);
		hlist_add_head(node, to);
	}
}

static void refill(struct cache *cache)
{
	unsigned int moved;

	raw_spin_lock(&pool_lock);
	move_entries(&pool, &cache->free, &moved);
	raw_spin_unlock(&pool_lock);
	cache->count += moved;
}

static void give_back(struct cache *cache)
{
	unsigned int moved;

	raw_spin_lock(&pool_lock);
	move_entries(&cache->free, &pool, &moved);
	raw_spin_unlock(&pool_lock);
	cache->count -= moved;
}

/* Interrupts are off, no bucket is locked. */
static struct hadal_conn *take_entry(void)
{
	struct cache *cache = this_cpu_ptr(&caches);
	struct hlist_node *node;

	if (!cache->count)
		refill(cache);
	if (!cache->count)
		return NULL;
	node = cache->free.first;
	__hlist_del(node);
	cache->count--;
	WRITE_ONCE(cache->live, cache->live + 1);
	return hlist_entry(node, struct hadal_conn, node);
}

/* Interrupts are off, no bucket is locked. */
static void put_entry(struct hadal_conn *conn)
{
	struct cache *cache = this_cpu_ptr(&caches);

	hlist_add_head(&conn->node, &cache->free);
	cache->count++;
	WRITE_ONCE(cache->live, cache->live - 1);
	if (cache->count > 2 * CACHE_BATCH)
		give_back(cache);
}

/* ---- the table ---- */

static struct bucket *bucket_of(const struct sock *sk)
{
	return &buckets[hash_ptr(sk, bucket_bits)];
}

static struct hadal_conn *find_in(struct bucket *bucket, const struct sock *sk)
{
	struct hadal_conn *conn;

	hlist_for_each_entry(conn, &bucket->head, node)
		if (conn->sk == sk)
			return conn;
	return NULL;
}

/* What a socket that is not in CLOSE finds of a tombstone is of its memory's earlier life. */
static struct hadal_conn *find_live_in(struct bucket *bucket, const struct sock *sk)
{
	struct hadal_conn *conn = find_in(bucket, sk);

	/* Who claims for another socket may find it changing. */
	return conn && READ_ONCE(conn->state) != HADAL_CONN_TOMBSTONE ? conn : NULL;
}

static void fill_entry(struct hadal_conn *conn, const struct hadal_conn *image)
{
	struct hlist_node node = conn->node;

	*conn = *image;
	conn->node = node;
}

static void note_tombstone_gone(const struct hadal_conn *conn)
{
	if (conn->state == HADAL_CONN_TOMBSTONE)
		atomic_dec(&tombstones);
}

/* Either the entry that was there, made anew if need be, or a spare one. */
static struct hadal_conn *occupy(struct bucket *bucket, const struct hadal_conn *image,
				 bool keep_live, struct hadal_conn **spare)
{
	struct hadal_conn *conn = find_in(bucket, image->sk);

	if (conn) {
		if (keep_live && conn->state != HADAL_CONN_TOMBSTONE)
			return conn;
		note_tombstone_gone(conn);
		fill_entry(conn, image);
		return conn;
	}
	conn = *spare;
	*spare = NULL;
	if (conn) {
		*conn = *image;
		hlist_add_head(&conn->node, &bucket->head);
	}
	return conn;
}

static __always_inline struct hadal_conn *insert(const struct hadal_conn *image, bool keep_live)
{
	struct bucket *bucket = bucket_of(image->sk);
	struct hadal_conn *conn, *spare;
	unsigned long flags;

	if (!READ_ONCE(armed))
		return NULL;
	local_irq_save(flags);
	spare = take_entry();
	raw_spin_lock(&bucket->lock);
	conn = occupy(bucket, image, keep_live, &spare);
	raw_spin_unlock(&bucket->lock);
	if (spare)
		put_entry(spare);
	local_irq_restore(flags);
	if (!conn)
		atomic64_inc(&overflow);
	return conn;
}

/**
 * hadal_conn_insert() - make an entry for @image->sk
 * @image: what the entry holds
 *
 * An entry of the same socket, a tombstone of an earlier life, is replaced.
 * The socket's events, or the lock of the hash that holds it, keep it from
 * passing to CLOSE meanwhile.
 *
 * Return: the entry; NULL where the table is full (counted) or not armed.
 */
struct hadal_conn *hadal_conn_insert(const struct hadal_conn *image)
{
	return insert(image, false);
}

/**
 * hadal_conn_insert_new() - make an entry for @image->sk unless it has one that lives
 * @image: what the entry holds
 *
 * Return: the entry, of which the id tells whether it is the one that was there;
 * NULL as hadal_conn_insert().
 */
struct hadal_conn *hadal_conn_insert_new(const struct hadal_conn *image)
{
	return insert(image, true);
}

/* The live entry of the socket at hand, or NULL; see the rule in conn_table.h. */
struct hadal_conn *hadal_conn_find(const struct sock *sk)
{
	struct bucket *bucket = bucket_of(sk);
	struct hadal_conn *conn;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	conn = find_live_in(bucket, sk);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return conn;
}

/* After this a walker shows the entry as what it has become. */
void hadal_conn_set_state(struct hadal_conn *conn, enum hadal_conn_state state)
{
	smp_store_release(&conn->state, state);
}

/**
 * hadal_conn_remove() - take the entry of a socket out
 * @sk: the socket
 * @copy: what it was
 *
 * Return: whether there was one.
 */
bool hadal_conn_remove(const struct sock *sk, struct hadal_conn *copy)
{
	struct bucket *bucket = bucket_of(sk);
	struct hadal_conn *conn;
	unsigned long flags;

	local_irq_save(flags);
	raw_spin_lock(&bucket->lock);
	conn = find_in(bucket, sk);
	if (conn) {
		*copy = *conn;
		hlist_del(&conn->node);
	}
	raw_spin_unlock(&bucket->lock);
	if (conn) {
		note_tombstone_gone(conn);
		put_entry(conn);
	}
	local_irq_restore(flags);
	return conn;
}

static bool may_bury(void)
{
	unsigned int limit = hadal_conn_table_max() / TOMBSTONE_SHARE;

	if ((unsigned int)atomic_inc_return(&tombstones) <= limit)
		return true;
	atomic_dec(&tombstones);
	return false;
}

/**
 * hadal_conn_close() - the entry of a socket that closes goes
 * @sk: the socket
 * @copy: what it was
 * @now: ns, CLOCK_MONOTONIC
 *
 * Of one that waits for accept(), which may return it yet, a tombstone stays
 * where there is room for that.
 *
 * Return: whether there was one that lived.
 */
bool hadal_conn_close(const struct sock *sk, struct hadal_conn *copy, u64 now)
{
	struct bucket *bucket = bucket_of(sk);
	struct hadal_conn *conn;
	unsigned long flags;
	bool buried = false;

	local_irq_save(flags);
	raw_spin_lock(&bucket->lock);
	conn = find_in(bucket, sk);
	if (conn) {
		*copy = *conn;
		buried = copy->state == HADAL_CONN_PENDING && may_bury();
		if (buried) {
			conn->state = HADAL_CONN_TOMBSTONE;
			conn->time = now;
		} else {
			hlist_del(&conn->node);
		}
	}
	raw_spin_unlock(&bucket->lock);
	if (conn && !buried) {
		note_tombstone_gone(copy);
		put_entry(conn);
	}
	local_irq_restore(flags);
	return conn && copy->state != HADAL_CONN_TOMBSTONE;
}

/**
 * hadal_conn_own() - the socket at hand gets its owner
 * @sk: the socket
 * @owner: its owner from now on
 * @copy: the entry as it is then
 *
 * Return: the live entry, or NULL.
 */
struct hadal_conn *hadal_conn_own(const struct sock *sk, const struct hadal_owner *owner,
				  struct hadal_conn *copy)
{
	struct bucket *bucket = bucket_of(sk);
	struct hadal_conn *conn;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	conn = find_live_in(bucket, sk);
	if (conn) {
		conn->owner = *owner;
		*copy = *conn;
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return conn;
}

/* Something befell the socket at hand, which may not be locked. */
void hadal_conn_add_flags(const struct sock *sk, u32 add)
{
	struct bucket *bucket = bucket_of(sk);
	struct hadal_conn *conn;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	conn = find_live_in(bucket, sk);
	if (conn)
		WRITE_ONCE(conn->flags, conn->flags | add);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

/**
 * hadal_conn_claim() - who may be the owner of a socket was found
 * @sk: a number: the socket may be gone
 * @id: of the connection that is meant; 0: the one that there is
 * @owner: its owner, if none is known
 */
void hadal_conn_claim(const struct sock *sk, u64 id, const struct hadal_owner *owner)
{
	struct bucket *bucket = bucket_of(sk);
	struct hadal_conn *conn;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	conn = find_live_in(bucket, sk);
	if (conn && !conn->owner.kind && (!id || conn->id == id))
		conn->owner = *owner;
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

static unsigned int count_entries(const struct bucket *bucket)
{
	struct hadal_conn *conn;
	unsigned int count = 0;

	hlist_for_each_entry(conn, &bucket->head, node)
		count++;
	return count;
}

/**
 * hadal_conn_walk_bucket() - visit open connections and listeners of one bucket
 * @index: of the bucket, below hadal_conn_table_buckets()
 * @walk: what to do with each
 * @may: asked, under the lock, with how many there may be; false: visit none
 *
 * Under the lock the sockets can't be freed. Preemption must be disabled.
 *
 * Return: how many of the visits counted; UINT_MAX if @may said no.
 */
unsigned int hadal_conn_walk_bucket(unsigned int index, const struct hadal_conn_walk *walk,
				    bool (*may)(unsigned int entries, void *context))
{
	struct bucket *bucket = &buckets[index];
	struct hadal_conn *conn;
	unsigned int count = 0;
	unsigned long flags;
	u8 state;

	if (hlist_empty(&bucket->head))
		return 0;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	if (!may(count_entries(bucket), walk->context)) {
		raw_spin_unlock_irqrestore(&bucket->lock, flags);
		return UINT_MAX;
	}
	hlist_for_each_entry(conn, &bucket->head, node) {
		/* Pairs with the release of hadal_conn_set_state(). */
		state = smp_load_acquire(&conn->state);
		if (state != HADAL_CONN_OPEN && state != HADAL_CONN_LISTENING)
			continue;
		count += walk->visit(conn, walk->context);
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return count;
}

/**
 * hadal_conn_visit_owners() - visit the owners in one bucket, to change them
 * @index: of the bucket, below hadal_conn_table_buckets()
 * @visit: called under the lock for each entry that has an owner; false: no more
 * @context: for @visit
 *
 * Return: whether all were visited.
 */
bool hadal_conn_visit_owners(unsigned int index,
			     bool (*visit)(struct hadal_owner *owner, void *context), void *context)
{
	struct bucket *bucket = &buckets[index];
	struct hadal_conn *conn;
	unsigned long flags;
	bool all = true;

	if (hlist_empty(&bucket->head))
		return true;
	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_for_each_entry(conn, &bucket->head, node) {
		all = !conn->owner.kind || visit(&conn->owner, context);
		if (!all)
			break;
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return all;
}

static struct hadal_conn *old_tombstone(struct bucket *bucket, u64 before)
{
	struct hadal_conn *conn;

	/* The state of others may be changing; to and from TOMBSTONE under the lock alone. */
	hlist_for_each_entry(conn, &bucket->head, node)
		if (READ_ONCE(conn->state) == HADAL_CONN_TOMBSTONE && conn->time < before)
			return conn;
	return NULL;
}

/* Drop one tombstone of a bucket that is older than @before, in ns. */
void hadal_conn_expire_bucket(unsigned int index, u64 before)
{
	struct bucket *bucket = &buckets[index];
	struct hadal_conn *conn;
	unsigned long flags;

	if (!atomic_read(&tombstones) || hlist_empty(&bucket->head))
		return;
	local_irq_save(flags);
	raw_spin_lock(&bucket->lock);
	conn = old_tombstone(bucket, before);
	if (conn)
		hlist_del(&conn->node);
	raw_spin_unlock(&bucket->lock);
	if (conn) {
		atomic_dec(&tombstones);
		put_entry(conn);
	}
	local_irq_restore(flags);
}
