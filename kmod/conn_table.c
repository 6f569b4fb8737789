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
	struct hlist_node *free;
	unsigned int count;
};

static struct bucket *buckets;
static unsigned int bucket_bits;
static struct hadal_conn *entries;
static unsigned int entry_count;
static DEFINE_PER_CPU(struct cache, caches);
static struct cache pool;
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

/* Entries in use, tombstones included: all that are not free. */
unsigned long hadal_conn_table_live(void)
{
	long live = READ_ONCE(entry_count);
	int cpu;

	live -= READ_ONCE(pool.count);
	for_each_possible_cpu(cpu)
		live -= READ_ONCE(per_cpu(caches, cpu).count);
	/* Some may be on their way from one to the other. */
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

/* Of the free ones alone the next matters: a stack. */
static __always_inline void push_free(struct cache *cache, struct hlist_node *node)
{
	node->next = cache->free;
	cache->free = node;
	WRITE_ONCE(cache->count, cache->count + 1);
}

static __always_inline struct hlist_node *pop_free(struct cache *cache)
{
	struct hlist_node *node = cache->free;

	cache->free = node->next;
	WRITE_ONCE(cache->count, cache->count - 1);
	return node;
}

static void fill_pool(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		push_free(&pool, &entries[i].node);
	WRITE_ONCE(entry_count, count);
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

	WRITE_ONCE(entry_count, 0);
	pool = (struct cache) { };
	for_each_possible_cpu(cpu)
		per_cpu(caches, cpu) = (struct cache) { };
	atomic_set(&tombstones, 0);
	kvfree(entries);
	kvfree(buckets);
	entries = NULL;
	buckets = NULL;
}

/* ---- free entries: a cache per CPU in front of a common pool ---- */

static void move_entries(struct cache *from, struct cache *to)
{
	unsigned int moved;

	for (moved = 0; moved < CACHE_BATCH && from->count; moved++)
		push_free(to, pop_free(from));
}

static noinline void refill(struct cache *cache)
{
	raw_spin_lock(&pool_lock);
	move_entries(&pool, cache);
	raw_spin_unlock(&pool_lock);
}

static noinline void give_back(struct cache *cache)
{
	raw_spin_lock(&pool_lock);
	move_entries(cache, &pool);
	raw_spin_unlock(&pool_lock);
}

/* Interrupts are off, no bucket is locked. */
static struct hadal_conn *take_entry(void)
{
	struct cache *cache = this_cpu_ptr(&caches);

	if (unlikely(!cache->count))
		refill(cache);
	if (unlikely(!cache->count))
		return NULL;
	return hlist_entry(pop_free(cache), struct hadal_conn, node);
}

/* Interrupts are off, no bucket is locked. */
static __always_inline void put_entry(struct hadal_conn *conn)
{
	struct cache *cache = this_cpu_ptr(&caches);

	push_free(cache, &conn->node);
	if (unlikely(cache->count > 2 * CACHE_BATCH))
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
	return conn && READ_ONCE(conn->state) < HADAL_CONN_UNACCEPTED ? conn : NULL;
}

static void note_tombstone_gone(const struct hadal_conn *conn)
{
	if (conn->state == HADAL_CONN_TOMBSTONE)
		atomic_dec(&tombstones);
}

/* Of a socket whose memory had an earlier life: its tombstone serves once more. */
static noinline struct hadal_conn *take_tombstone(const struct sock *sk)
{
	struct bucket *bucket = bucket_of(sk);
	struct hadal_conn *conn;
	bool is_live = false;

	raw_spin_lock(&bucket->lock);
	conn = find_in(bucket, sk);
	if (conn) {
		is_live = conn->state != HADAL_CONN_TOMBSTONE;
		if (!is_live)
			hlist_del(&conn->node);
	}
	raw_spin_unlock(&bucket->lock);
	if (is_live)
		return NULL;
	if (conn)
		atomic_dec(&tombstones);
	else
		atomic64_inc(&overflow);
	return conn;
}

/**
 * hadal_conn_new() - an entry for a socket, which is not in the table yet
 * @sk: the socket
 * @role: enum hadal_tcp_role
 * @state: enum hadal_conn_state
 *
 * With an id of its own, the rest zero, for the caller to fill in before
 * hadal_conn_insert() or hadal_conn_insert_new(), one of which must follow.
 *
 * Return: NULL where the table is full (counted, unless @sk has an entry that
 * lives) or not armed.
 */
struct hadal_conn *hadal_conn_new(const struct sock *sk, u8 role, u8 state)
{
	struct hadal_conn *conn;
	unsigned long flags;

	if (unlikely(!READ_ONCE(armed)))
		return NULL;
	local_irq_save(flags);
	conn = take_entry();
	if (unlikely(!conn))
		conn = take_tombstone(sk);
	local_irq_restore(flags);
	if (unlikely(!conn))
		return NULL;
	conn->sk = sk;
	conn->id = hadal_conn_new_id();
	conn->time = 0;
	conn->owner = (struct hadal_owner) { };
	conn->flags = 0;
	conn->role = role;
	conn->state = state;
	conn->key.session = 0;
	conn->identity = (struct hadal_conn_identity) { };
	return conn;
}

/* Interrupts are off, no bucket is locked. */
static void put_replaced(struct hadal_conn *conn)
{
	note_tombstone_gone(conn);
	put_entry(conn);
}

static __always_inline struct hadal_conn *insert(struct hadal_conn *conn, bool keep_live)
{
	struct bucket *bucket = bucket_of(conn->sk);
	struct hadal_conn *there, *over = NULL;
	unsigned long flags;

	local_irq_save(flags);
	raw_spin_lock(&bucket->lock);
	there = find_in(bucket, conn->sk);
	if (unlikely(there)) {
		over = keep_live && there->state != HADAL_CONN_TOMBSTONE ? conn : there;
		if (over == there)
			hlist_del(&there->node);
	}
	if (likely(over != conn))
		hlist_add_head(&conn->node, &bucket->head);
	raw_spin_unlock(&bucket->lock);
	if (unlikely(over))
		put_replaced(over);
	local_irq_restore(flags);
	return over == conn ? there : conn;
}

/**
 * hadal_conn_insert() - an entry is in the table from now on
 * @conn: what hadal_conn_new() returned, filled in
 *
 * For the socket's events: an entry of the same socket, a tombstone of an earlier
 * life or one that was only found, is replaced and free. The socket's lock, or that
 * of the hash that holds it, keeps it from passing to CLOSE meanwhile.
 */
void hadal_conn_insert(struct hadal_conn *conn)
{
	insert(conn, false);
}

/**
 * hadal_conn_insert_new() - an entry is in the table, unless its socket has one that lives
 * @conn: what hadal_conn_new() returned, filled in; free again where there was one
 *
 * Also for who only found the socket: what its events hold stays.
 *
 * Return: the one that is in the table.
 */
struct hadal_conn *hadal_conn_insert_new(struct hadal_conn *conn)
{
	return insert(conn, true);
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

/**
 * hadal_conn_close() - the entry of a socket that closes goes
 * @sk: the socket
 *
 * It is the caller's, for hadal_conn_free(). One that waits for accept(), which may
 * return it yet, stays in the table as UNACCEPTED, which nobody looks at but who has
 * the socket, and is for hadal_conn_bury(). One of the two must follow before the
 * socket's lock is left.
 *
 * Return: the entry, if there was one that lived.
 */
struct hadal_conn *hadal_conn_close(const struct sock *sk)
{
	struct bucket *bucket = bucket_of(sk);
	struct hadal_conn *conn;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	conn = find_in(bucket, sk);
	if (conn) {
		if (unlikely(conn->state == HADAL_CONN_PENDING))
			WRITE_ONCE(conn->state, HADAL_CONN_UNACCEPTED);
		else
			__hlist_del(&conn->node);
	}
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	if (conn && unlikely(conn->state == HADAL_CONN_TOMBSTONE)) {
		atomic_dec(&tombstones);
		hadal_conn_free(conn);
		return NULL;
	}
	return conn;
}

/* An entry that is not in the table any more. */
void hadal_conn_free(struct hadal_conn *conn)
{
	unsigned long flags;

	local_irq_save(flags);
	put_entry(conn);
	local_irq_restore(flags);
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
 * hadal_conn_bury() - a socket closed that waits for accept(): a tombstone stays
 * @conn: what hadal_conn_close() returned
 * @now: ns, CLOCK_MONOTONIC
 *
 * Where there is room for that; else the entry is free.
 */
void hadal_conn_bury(struct hadal_conn *conn, u64 now)
{
	struct bucket *bucket = bucket_of(conn->sk);
	bool buried = may_bury();
	unsigned long flags;

	local_irq_save(flags);
	raw_spin_lock(&bucket->lock);
	if (buried) {
		conn->time = now;
		WRITE_ONCE(conn->state, HADAL_CONN_TOMBSTONE);
	} else {
		hlist_del(&conn->node);
	}
	raw_spin_unlock(&bucket->lock);
	if (!buried)
		put_entry(conn);
	local_irq_restore(flags);
}

/**
 * hadal_conn_own() - the socket at hand gets its owner
 * @sk: the socket
 * @owner: its owner from now on
 *
 * Return: the live entry, or NULL.
 */
struct hadal_conn *hadal_conn_own(const struct sock *sk, const struct hadal_owner *owner)
{
	struct bucket *bucket = bucket_of(sk);
	struct hadal_conn *conn;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	conn = find_live_in(bucket, sk);
	if (conn)
		conn->owner = *owner;
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
