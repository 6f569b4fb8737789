// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's table of live connections in user space: what an entry goes
 * through, its bounds, and the rule that lets a walker follow a socket's
 * pointer. A socket here is memory that its thread writes over as soon as the
 * entry is gone, without a lock: under ThreadSanitizer a walker that could still
 * get there is a data race.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conn_table.h"

struct sock {
	u64 id;		/* of the connection in it; plain memory on purpose */
	pthread_mutex_t lock;
};

#define LEAST		64U	/* entries of the smallest table */
#define SOCKETS		200U
#define NOW		1000U

__thread unsigned int shim_cpu;

unsigned int *shim_connections_max(void);

static struct sock sockets[SOCKETS];
static int allocations_left;

void *kvcalloc(size_t count, size_t size, int flags)
{
	(void)flags;
	return allocations_left-- > 0 ? calloc(count, size) : NULL;
}

void kvfree(void *memory)
{
	free(memory);
}

static void make_table(unsigned int entries)
{
	*shim_connections_max() = entries;
	allocations_left = INT_MAX;
	shim_cpu = 0;
	assert_int_equal(0, hadal_conn_table_create());
	hadal_conn_table_arm(true);
}

static void drop_table(void)
{
	hadal_conn_table_arm(false);
	hadal_conn_table_destroy();
}

static int setup(void **state)
{
	(void)state;
	make_table(LEAST);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drop_table();
	return 0;
}

static struct hadal_conn *insert(const struct sock *sk, u8 state)
{
	struct hadal_conn *conn = hadal_conn_new(sk, HADAL_TCP_SERVER, state);

	if (conn)
		hadal_conn_insert(conn);
	return conn;
}

/* As the probe has it: whether there was an entry that lived, and what it was. */
static bool close_at(const struct sock *sk, struct hadal_conn *copy, u64 now)
{
	struct hadal_conn *conn = hadal_conn_close(sk);

	if (!conn)
		return false;
	/* Its place in the table is the table's. */
	memcpy(&copy->sk, &conn->sk, sizeof(*conn) - offsetof(struct hadal_conn, sk));
	if (conn->state == HADAL_CONN_UNACCEPTED)
		hadal_conn_bury(conn, now);
	else
		hadal_conn_free(conn);
	return true;
}

/* A live entry goes; whether a tombstone stays in its place. */
static bool close_buries(const struct sock *sk, struct hadal_conn *copy)
{
	unsigned long before = hadal_conn_table_live();

	assert_true(close_at(sk, copy, NOW));
	return hadal_conn_table_live() == before;
}

/* ---- one entry ---- */

static void what_is_inserted_is_found_until_removed(void **state)
{
	struct hadal_conn *conn, copy;
	u64 id;

	(void)state;
	conn = insert(&sockets[0], HADAL_CONN_OPEN);
	assert_non_null(conn);
	id = conn->id;
	assert_ptr_equal(conn, hadal_conn_find(&sockets[0]));
	assert_null(hadal_conn_find(&sockets[1]));
	assert_int_equal(1, hadal_conn_table_live());
	assert_false(hadal_conn_remove(&sockets[1], &copy));
	assert_true(hadal_conn_remove(&sockets[0], &copy));
	assert_int_equal(id, copy.id);
	assert_null(hadal_conn_find(&sockets[0]));
	assert_false(hadal_conn_remove(&sockets[0], &copy));
	assert_int_equal(0, hadal_conn_table_live());
}

static void nothing_is_inserted_unarmed(void **state)
{
	u64 before = hadal_conn_table_overflow();

	(void)state;
	hadal_conn_table_arm(false);
	assert_null(insert(&sockets[0], HADAL_CONN_OPEN));
	assert_int_equal(before, hadal_conn_table_overflow());
	assert_null(hadal_conn_find(&sockets[0]));
}

static void ids_are_never_given_twice(void **state)
{
	u64 first = hadal_conn_new_id();

	(void)state;
	assert_int_not_equal(0, first);
	assert_int_equal(first + 1, hadal_conn_new_id());
}

static void the_owner_is_set_by_accept_and_never_by_a_later_holder(void **state)
{
	const struct hadal_owner holder = { .tgid = 1, .kind = HADAL_TCP_OWNER_HOLDER };
	const struct hadal_owner acceptor = { .tgid = 2, .kind = HADAL_TCP_OWNER_CALLER };

	(void)state;
	assert_null(hadal_conn_own(&sockets[0], &acceptor));
	hadal_conn_claim(&sockets[0], 0, &holder);
	insert(&sockets[0], HADAL_CONN_OPEN);
	hadal_conn_claim(&sockets[0], 0, &holder);
	assert_int_equal(1, hadal_conn_find(&sockets[0])->owner.tgid);
	assert_ptr_equal(hadal_conn_find(&sockets[0]),
			 hadal_conn_own(&sockets[0], &acceptor));
	hadal_conn_claim(&sockets[0], 0, &holder);
	assert_int_equal(2, hadal_conn_find(&sockets[0])->owner.tgid);
}

static void a_claim_for_an_earlier_life_of_a_socket_is_void(void **state)
{
	const struct hadal_owner acceptor = { .tgid = 2, .kind = HADAL_TCP_OWNER_CALLER };
	struct hadal_conn copy;
	u64 id;

	(void)state;
	id = insert(&sockets[0], HADAL_CONN_OPEN)->id;
	assert_true(hadal_conn_remove(&sockets[0], &copy));
	hadal_conn_claim(&sockets[0], id, &acceptor);
	insert(&sockets[0], HADAL_CONN_OPEN);
	hadal_conn_claim(&sockets[0], id, &acceptor);
	assert_int_equal(0, hadal_conn_find(&sockets[0])->owner.tgid);
	hadal_conn_claim(&sockets[0], hadal_conn_find(&sockets[0])->id, &acceptor);
	assert_int_equal(2, hadal_conn_find(&sockets[0])->owner.tgid);
}

/* ---- tombstones ---- */

static void only_what_waits_for_accept_is_buried(void **state)
{
	struct hadal_conn copy;

	(void)state;
	assert_false(close_at(&sockets[0], &copy, NOW));
	insert(&sockets[0], HADAL_CONN_OPEN);
	insert(&sockets[1], HADAL_CONN_CONNECTING);
	insert(&sockets[2], HADAL_CONN_LISTENING);
	insert(&sockets[3], HADAL_CONN_PENDING);
	assert_false(close_buries(&sockets[0], &copy));
	assert_int_equal(HADAL_CONN_OPEN, copy.state);
	assert_false(close_buries(&sockets[1], &copy));
	assert_false(close_buries(&sockets[2], &copy));
	assert_true(close_buries(&sockets[3], &copy));
	assert_int_equal(HADAL_CONN_UNACCEPTED, copy.state);
	assert_true(hadal_conn_remove(&sockets[3], &copy));
	assert_int_equal(HADAL_CONN_TOMBSTONE, copy.state);
	assert_int_equal(NOW, copy.time);
	assert_int_equal(0, hadal_conn_table_live());
}

/* A socket that passes to CLOSE once more: nothing of it may stay. */
static void a_tombstone_goes_when_its_socket_closes(void **state)
{
	struct hadal_conn copy;

	(void)state;
	insert(&sockets[0], HADAL_CONN_PENDING);
	assert_true(close_buries(&sockets[0], &copy));
	assert_false(close_at(&sockets[0], &copy, NOW));
	assert_int_equal(0, hadal_conn_table_live());
	assert_false(hadal_conn_remove(&sockets[0], &copy));
}

/* Its record is being written meanwhile. */
static void what_closes_before_accept_is_nobody_s(void **state)
{
	const struct hadal_owner owner = { .tgid = 1, .kind = HADAL_TCP_OWNER_HOLDER };
	struct hadal_conn *conn;

	(void)state;
	insert(&sockets[0], HADAL_CONN_PENDING);
	conn = hadal_conn_close(&sockets[0]);
	assert_non_null(conn);
	assert_null(hadal_conn_find(&sockets[0]));
	hadal_conn_claim(&sockets[0], 0, &owner);
	hadal_conn_add_flags(&sockets[0], HADAL_TCP_RESET_SENT);
	assert_int_equal(0, conn->owner.kind);
	assert_int_equal(0, conn->flags);
	hadal_conn_bury(conn, NOW);
	assert_int_equal(1, hadal_conn_table_live());
}

static void a_new_entry_is_made_unless_one_lives(void **state)
{
	struct hadal_conn *conn = hadal_conn_new(&sockets[0], HADAL_TCP_SERVER, HADAL_CONN_PENDING);
	struct hadal_conn *again = hadal_conn_new(&sockets[0], HADAL_TCP_SERVER, HADAL_CONN_PENDING);
	struct hadal_conn copy;
	u64 id = conn->id;

	(void)state;
	assert_int_not_equal(id, again->id);
	assert_ptr_equal(conn, hadal_conn_insert_new(conn));
	assert_ptr_equal(conn, hadal_conn_insert_new(again));
	assert_int_equal(id, conn->id);
	assert_int_equal(1, hadal_conn_table_live());
	assert_true(close_buries(&sockets[0], &copy));
	again = hadal_conn_new(&sockets[0], HADAL_TCP_SERVER, HADAL_CONN_PENDING);
	assert_ptr_equal(again, hadal_conn_insert_new(again));
	assert_ptr_equal(again, hadal_conn_find(&sockets[0]));
	assert_int_equal(1, hadal_conn_table_live());
}

static void a_new_entry_has_nothing_of_an_earlier_life(void **state)
{
	const struct hadal_owner owner = { 1, 2, 3, 4, 5, HADAL_TCP_OWNER_CALLER };
	const struct hadal_owner none = { 0 };
	struct hadal_conn *conn, *again, copy;

	(void)state;
	conn = insert(&sockets[0], HADAL_CONN_OPEN);
	conn->time = NOW;
	conn->key.session = 1;
	hadal_conn_own(&sockets[0], &owner);
	hadal_conn_add_flags(&sockets[0], HADAL_TCP_RESET_SENT);
	assert_false(close_buries(&sockets[0], &copy));
	again = hadal_conn_new(&sockets[1], HADAL_TCP_CLIENT, HADAL_CONN_CONNECTING);
	assert_ptr_equal(conn, again);
	assert_ptr_equal(&sockets[1], again->sk);
	assert_int_equal(HADAL_TCP_CLIENT, again->role);
	assert_int_equal(HADAL_CONN_CONNECTING, again->state);
	assert_int_equal(0, again->time);
	assert_int_equal(0, again->key.session);
	assert_int_equal(0, again->flags);
	assert_memory_equal(&none, &again->owner, sizeof(none));
	hadal_conn_insert(again);
}

/* The socket's memory may be another's by now. */
static void a_tombstone_is_nobody_s_but_accept_s(void **state)
{
	const struct hadal_owner owner = { .tgid = 1, .kind = HADAL_TCP_OWNER_HOLDER };
	struct hadal_conn copy;

	(void)state;
	insert(&sockets[0], HADAL_CONN_PENDING);
	assert_true(close_buries(&sockets[0], &copy));
	assert_null(hadal_conn_find(&sockets[0]));
	assert_null(hadal_conn_own(&sockets[0], &owner));
	hadal_conn_claim(&sockets[0], 0, &owner);
	assert_true(hadal_conn_remove(&sockets[0], &copy));
	assert_int_equal(0, copy.owner.kind);
}

static unsigned int bury_all(unsigned int first, unsigned int count)
{
	struct hadal_conn copy;
	unsigned int i, buried = 0;

	for (i = first; i < first + count; i++) {
		insert(&sockets[i], HADAL_CONN_PENDING);
		buried += close_buries(&sockets[i], &copy);
	}
	return buried;
}

static void expire_all(u64 before)
{
	unsigned int bucket, i;

	for (i = 0; i < LEAST; i++)
		for (bucket = 0; bucket < hadal_conn_table_buckets(); bucket++)
			hadal_conn_expire_bucket(bucket, before);
}

static void tombstones_take_a_part_of_the_table_and_no_more(void **state)
{
	struct hadal_conn copy;

	(void)state;
	assert_int_equal(LEAST / 16, bury_all(0, 10));
	assert_int_equal(LEAST / 16, hadal_conn_table_live());
	/* Each way that one goes makes room for one. */
	assert_true(hadal_conn_remove(&sockets[0], &copy));
	assert_int_equal(1, bury_all(20, 5));
	insert(&sockets[1], HADAL_CONN_OPEN);
	assert_int_equal(1, bury_all(30, 5));
	expire_all(NOW + 1);
	assert_int_equal(1, hadal_conn_table_live());
	assert_int_equal(LEAST / 16, bury_all(40, 10));
}

static void tombstones_expire_by_their_age(void **state)
{
	(void)state;
	bury_all(0, 2);
	insert(&sockets[5], HADAL_CONN_OPEN);
	expire_all(NOW);
	assert_int_equal(3, hadal_conn_table_live());
	expire_all(NOW + 1);
	assert_int_equal(1, hadal_conn_table_live());
	assert_non_null(hadal_conn_find(&sockets[5]));
}

static void the_socket_of_a_tombstone_is_used_again(void **state)
{
	struct hadal_conn *conn;

	(void)state;
	bury_all(0, 1);
	conn = insert(&sockets[0], HADAL_CONN_OPEN);
	assert_non_null(conn);
	assert_ptr_equal(conn, hadal_conn_find(&sockets[0]));
	assert_int_equal(HADAL_CONN_OPEN, conn->state);
	assert_int_equal(1, hadal_conn_table_live());
}

/* ---- bounds ---- */

static void a_full_table_is_counted_and_gives_room_again(void **state)
{
	u64 before = hadal_conn_table_overflow();
	struct hadal_conn copy;
	unsigned int i, round;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < LEAST; i++)
			assert_non_null(insert(&sockets[i], HADAL_CONN_OPEN));
		assert_null(insert(&sockets[i], HADAL_CONN_OPEN));
		/* A socket that has one does not lack it. */
		assert_null(insert(&sockets[3], HADAL_CONN_OPEN));
		assert_int_equal(LEAST, hadal_conn_table_live());
		for (i = 0; i < LEAST; i++)
			assert_true(hadal_conn_remove(&sockets[i], &copy));
		assert_int_equal(0, hadal_conn_table_live());
	}
	assert_int_equal(before + 3, hadal_conn_table_overflow());
}

static void a_tombstone_serves_its_socket_in_a_full_table(void **state)
{
	u64 before = hadal_conn_table_overflow();
	struct hadal_conn copy;
	unsigned int i;

	(void)state;
	for (i = 0; i < LEAST; i++)
		insert(&sockets[i], HADAL_CONN_PENDING);
	assert_true(close_buries(&sockets[0], &copy));
	assert_non_null(insert(&sockets[0], HADAL_CONN_OPEN));
	assert_int_equal(HADAL_CONN_OPEN, hadal_conn_find(&sockets[0])->state);
	assert_int_equal(LEAST, hadal_conn_table_live());
	assert_int_equal(before, hadal_conn_table_overflow());
	assert_int_equal(LEAST / 16, bury_all(1, 10));
}

/* Entries freed on one CPU serve another, but for what its cache may keep. */
static void entries_pass_from_cpu_to_cpu(void **state)
{
	const unsigned int kept = 2 * 16;
	struct hadal_conn copy;
	unsigned int i, got = 0;

	(void)state;
	for (i = 0; i < LEAST; i++)
		insert(&sockets[i], HADAL_CONN_OPEN);
	shim_cpu = 1;
	for (i = 0; i < LEAST; i++)
		hadal_conn_remove(&sockets[i], &copy);
	assert_int_equal(0, hadal_conn_table_live());
	shim_cpu = 2;
	for (i = 0; i < LEAST; i++)
		got += insert(&sockets[i], HADAL_CONN_OPEN) != NULL;
	assert_in_range(got, LEAST - kept, LEAST);
	assert_int_equal(got, hadal_conn_table_live());
}

static void sizes_are_clamped(void **state)
{
	(void)state;
	*shim_connections_max() = 0;
	assert_int_equal(LEAST, hadal_conn_table_max());
	*shim_connections_max() = UINT_MAX;
	assert_int_equal(1U << 22, hadal_conn_table_max());
	*shim_connections_max() = 100;
	assert_int_equal(100, hadal_conn_table_max());
}

static void without_memory_there_is_no_table(void **state)
{
	int enough;

	(void)state;
	*shim_connections_max() = LEAST;
	for (enough = 0; enough < 2; enough++) {
		allocations_left = enough;
		assert_int_equal(-ENOMEM, hadal_conn_table_create());
	}
	make_table(LEAST);
	assert_non_null(insert(&sockets[0], HADAL_CONN_OPEN));
	drop_table();
}

static void a_table_made_anew_is_empty(void **state)
{
	(void)state;
	insert(&sockets[0], HADAL_CONN_OPEN);
	bury_all(1, 3);
	drop_table();
	make_table(LEAST);
	assert_int_equal(0, hadal_conn_table_live());
	assert_null(hadal_conn_find(&sockets[0]));
	assert_int_equal(LEAST / 16, bury_all(1, 10));
}

/* ---- walking ---- */

struct visits {
	unsigned int count;
	unsigned int asked;	/* entries of the fullest bucket */
	bool refuse;
};

static bool visit(struct hadal_conn *conn, void *context)
{
	struct visits *visits = context;

	assert_true(conn->state == HADAL_CONN_OPEN || conn->state == HADAL_CONN_LISTENING);
	visits->count++;
	return true;
}

static bool may(unsigned int entries, void *context)
{
	struct visits *visits = context;

	visits->asked = max(visits->asked, entries);
	return !visits->refuse;
}

static unsigned int walk_all(struct visits *visits)
{
	const struct hadal_conn_walk walk = { .visit = visit, .context = visits };
	unsigned int bucket, sum = 0, visited;

	for (bucket = 0; bucket < hadal_conn_table_buckets(); bucket++) {
		visited = hadal_conn_walk_bucket(bucket, &walk, may);
		if (visited != UINT_MAX)
			sum += visited;
	}
	return sum;
}

static void a_walk_shows_what_is_open_or_listening(void **state)
{
	struct visits visits = { 0 };
	struct hadal_conn *pending;

	(void)state;
	insert(&sockets[0], HADAL_CONN_OPEN);
	insert(&sockets[1], HADAL_CONN_LISTENING);
	insert(&sockets[2], HADAL_CONN_CONNECTING);
	pending = insert(&sockets[3], HADAL_CONN_PENDING);
	bury_all(4, 1);
	assert_int_equal(2, walk_all(&visits));
	assert_int_equal(2, visits.count);
	assert_in_range(visits.asked, 1, 5);
	hadal_conn_set_state(pending, HADAL_CONN_OPEN);
	assert_int_equal(3, walk_all(&visits));
}

/* Stops at the last of *@context. */
static bool mark_owner(struct hadal_owner *owner, void *context)
{
	unsigned int *left = context;

	owner->filters = 1;
	return --*left;
}

static unsigned int visit_owners(unsigned int stop_at)
{
	unsigned int bucket, left = stop_at;

	for (bucket = 0; left && bucket < hadal_conn_table_buckets(); bucket++) {
		bool all = hadal_conn_visit_owners(bucket, mark_owner, &left);

		assert_int_equal(all, left > 0);
	}
	return stop_at - left;
}

static void owners_are_visited_and_can_be_changed(void **state)
{
	const struct hadal_owner owner = { .kind = HADAL_TCP_OWNER_CALLER, .tgid = 7 }, none = { 0 };
	struct hadal_conn copy;

	(void)state;
	insert(&sockets[0], HADAL_CONN_OPEN);
	insert(&sockets[1], HADAL_CONN_PENDING);
	insert(&sockets[2], HADAL_CONN_OPEN);
	assert_non_null(hadal_conn_own(&sockets[0], &owner));
	assert_non_null(hadal_conn_own(&sockets[1], &owner));
	assert_non_null(hadal_conn_own(&sockets[2], &none));
	assert_int_equal(1, visit_owners(1));
	assert_int_equal(2, visit_owners(100));
	assert_true(hadal_conn_remove(&sockets[0], &copy));
	assert_int_equal(1, copy.owner.filters);
	assert_true(hadal_conn_remove(&sockets[2], &copy));
	assert_int_equal(0, copy.owner.filters);
}

static void a_walk_that_may_not_shows_nothing(void **state)
{
	struct visits visits = { .refuse = true };

	(void)state;
	insert(&sockets[0], HADAL_CONN_OPEN);
	assert_int_equal(0, walk_all(&visits));
	assert_int_equal(0, visits.count);
	assert_int_equal(1, visits.asked);
}

/* ---- debug builds: which connection it is ---- */

static void another_connection_in_the_socket_is_counted(void **state)
{
	struct hadal_tcp tcp = { .net_ns = 1, .local_port = 2, .peer_port = 3 }, other;
	struct hadal_conn_identity identity = { 0 };
	u64 compared = atomic64_read(&hadal_debug_compared);

	(void)state;
	hadal_conn_compare(&identity, &tcp, 0);		/* learnt */
	hadal_conn_compare(&identity, &tcp, 77);	/* the rest of it, too */
	hadal_conn_compare(&identity, &tcp, 77);
	hadal_conn_compare(&identity, &tcp, 0);
	assert_int_equal(compared + 3, atomic64_read(&hadal_debug_compared));
	assert_int_equal(0, atomic64_read(&hadal_debug_mistaken));
	hadal_conn_compare(&identity, &tcp, 78);
	assert_int_equal(1, atomic64_read(&hadal_debug_mistaken));
	other = tcp;
	other.net_ns++;
	hadal_conn_compare(&identity, &other, 77);
	other = tcp;
	other.local_port++;
	hadal_conn_compare(&identity, &other, 77);
	other = tcp;
	other.peer_port++;
	hadal_conn_compare(&identity, &other, 77);
	other = tcp;
	other.local_address[15]++;
	hadal_conn_compare(&identity, &other, 77);
	other = tcp;
	other.peer_address[15]++;
	hadal_conn_compare(&identity, &other, 77);
	assert_int_equal(6, atomic64_read(&hadal_debug_mistaken));
	hadal_conn_identify(&identity, &other, 0);
	hadal_conn_compare(&identity, &other, 79);
	assert_int_equal(6, atomic64_read(&hadal_debug_mistaken));
}

/* ---- against a model, at random ---- */

enum { ABSENT = -1 };

static void open_or_close(int *model, unsigned int at, unsigned int *seed)
{
	struct hadal_conn copy;
	bool buried;

	if (model[at] == ABSENT || model[at] == HADAL_CONN_TOMBSTONE) {
		u8 fresh = rand_r(seed) % 2 ? HADAL_CONN_OPEN : HADAL_CONN_PENDING;

		if (insert(&sockets[at], fresh))
			model[at] = fresh;
		return;
	}
	buried = close_buries(&sockets[at], &copy);
	assert_int_equal(model[at] == HADAL_CONN_PENDING ? HADAL_CONN_UNACCEPTED : model[at], copy.state);
	assert_true(!buried || copy.state == HADAL_CONN_UNACCEPTED);
	model[at] = buried ? HADAL_CONN_TOMBSTONE : ABSENT;
}

static void check_model(const int *model)
{
	unsigned int at, live = 0, open = 0;
	struct visits visits = { 0 };

	for (at = 0; at < SOCKETS; at++) {
		const struct hadal_conn *conn = hadal_conn_find(&sockets[at]);

		assert_int_equal(model[at], conn ? (int)conn->state :
				 model[at] == HADAL_CONN_TOMBSTONE ? HADAL_CONN_TOMBSTONE : ABSENT);
		live += model[at] != ABSENT;
		open += model[at] == HADAL_CONN_OPEN;
	}
	assert_int_equal(live, hadal_conn_table_live());
	assert_int_equal(open, walk_all(&visits));
}

static void it_does_as_a_model_does(void **state)
{
	unsigned int seed = 3, step, at;
	int model[SOCKETS];

	(void)state;
	for (at = 0; at < SOCKETS; at++)
		model[at] = ABSENT;
	for (step = 0; step < 100000; step++) {
		shim_cpu = (unsigned int)rand_r(&seed) % SHIM_CPUS;
		at = (unsigned int)rand_r(&seed) % SOCKETS;
		open_or_close(model, at, &seed);
		if (step % 1000 == 0)
			check_model(model);
	}
	check_model(model);
}

/* ---- CPUs beside each other ---- */

#define WORKERS		4U
#define WALKERS		2U
#define LIVES		20000U	/* of each worker, at least */
#define VISITS		1000U	/* of the walkers, for which the workers wait */
#define SHARED		64U	/* few, so that they meet */
#define CACHED		32U	/* entries that a CPU may keep free for itself */

struct worker {
	pthread_t thread;
	unsigned int cpu;
	u64 seen;	/* visits of a walker */
	u64 wrong;
	u64 overflow;
};

static bool storm_over;
static int64_t visits_left;	/* by both walkers */

/* A life of the socket at hand, under its lock: as the probes have it. */
static void live(struct sock *sk, struct worker *worker, unsigned int *seed)
{
	const struct hadal_owner owner = { .tgid = worker->cpu, .kind = HADAL_TCP_OWNER_CALLER };
	struct hadal_conn *conn = hadal_conn_new(sk, HADAL_TCP_SERVER, HADAL_CONN_PENDING), copy;

	if (!conn) {
		worker->overflow++;
		return;
	}
	sk->id = conn->id;
	hadal_conn_insert(conn);
	if (rand_r(seed) % 4) {
		worker->wrong += hadal_conn_own(sk, &owner) != conn || conn->id != sk->id ||
				 conn->owner.tgid != worker->cpu;
		hadal_conn_set_state(conn, HADAL_CONN_OPEN);
	}
	if (rand_r(seed) % 64 == 0)
		sched_yield();
	worker->wrong += !close_at(sk, &copy, hadal_conn_new_id()) || copy.id != sk->id;
	sk->id = 0;	/* freed: whoever looks now is wrong, and races */
}

static void *live_on(void *argument)
{
	struct worker *worker = argument;
	unsigned int seed = worker->cpu, i;
	struct sock *sk;

	shim_cpu = worker->cpu;
	for (i = 0; i < LIVES || READ_ONCE(visits_left) > 0; i++) {
		sk = &sockets[(unsigned int)rand_r(&seed) % SHARED];
		pthread_mutex_lock(&sk->lock);
		live(sk, worker, &seed);
		pthread_mutex_unlock(&sk->lock);
	}
	return NULL;
}

static bool look(struct hadal_conn *conn, void *context)
{
	struct worker *worker = context;

	worker->seen++;
	__atomic_fetch_sub(&visits_left, 1, __ATOMIC_RELAXED);
	worker->wrong += conn->sk->id != conn->id || !conn->owner.kind;
	return true;
}

static bool always(unsigned int entries, void *context)
{
	(void)context;
	return entries <= SHARED;
}

static void *walk_on(void *argument)
{
	struct worker *worker = argument;
	const struct hadal_conn_walk walk = { .visit = look, .context = worker };
	const struct hadal_owner holder = { .tgid = 99, .kind = HADAL_TCP_OWNER_HOLDER };
	unsigned int bucket;

	shim_cpu = worker->cpu;
	while (!__atomic_load_n(&storm_over, __ATOMIC_RELAXED)) {
		for (bucket = 0; bucket < hadal_conn_table_buckets(); bucket++) {
			worker->wrong += hadal_conn_walk_bucket(bucket, &walk, always) == UINT_MAX;
			hadal_conn_expire_bucket(bucket, hadal_conn_new_id());
		}
		hadal_conn_claim(&sockets[bucket % SHARED], 0, &holder);
		worker->wrong += hadal_conn_table_live() > hadal_conn_table_max();
	}
	return NULL;
}

static void start(struct worker *worker, unsigned int cpu, void *(*body)(void *))
{
	*worker = (struct worker){ .cpu = cpu };
	assert_int_equal(0, pthread_create(&worker->thread, NULL, body, worker));
}

static void remove_tombstones(void)
{
	struct hadal_conn copy;
	unsigned int i;

	for (i = 0; i < SHARED; i++)
		if (hadal_conn_remove(&sockets[i], &copy))
			assert_int_equal(HADAL_CONN_TOMBSTONE, copy.state);
}

static void storm_of_lives_and_walkers(void **state)
{
	struct worker workers[WORKERS], walkers[WALKERS];
	u64 overflow = hadal_conn_table_overflow(), told = 0, seen = 0;
	unsigned int i;

	(void)state;
	/* Walkers only free: more than they can keep, or there may be none for the workers. */
	drop_table();
	make_table((WORKERS + WALKERS) * CACHED + SHARED);
	for (i = 0; i < SHARED; i++)
		pthread_mutex_init(&sockets[i].lock, NULL);
	__atomic_store_n(&storm_over, false, __ATOMIC_RELAXED);
	visits_left = VISITS;
	for (i = 0; i < WALKERS; i++)
		start(&walkers[i], WORKERS + i, walk_on);
	for (i = 0; i < WORKERS; i++)
		start(&workers[i], i, live_on);
	for (i = 0; i < WORKERS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(0, workers[i].wrong);
		told += workers[i].overflow;
	}
	__atomic_store_n(&storm_over, true, __ATOMIC_RELAXED);
	for (i = 0; i < WALKERS; i++) {
		pthread_join(walkers[i].thread, NULL);
		assert_int_equal(0, walkers[i].wrong);
		seen += walkers[i].seen;
	}
	assert_true(seen >= VISITS);
	assert_int_equal(overflow + told, hadal_conn_table_overflow());
	remove_tombstones();
	assert_int_equal(0, hadal_conn_table_live());
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_inserted_is_found_until_removed),
		TEST(nothing_is_inserted_unarmed),
		TEST(ids_are_never_given_twice),
		TEST(the_owner_is_set_by_accept_and_never_by_a_later_holder),
		TEST(a_claim_for_an_earlier_life_of_a_socket_is_void),
		TEST(only_what_waits_for_accept_is_buried),
		TEST(a_tombstone_is_nobody_s_but_accept_s),
		TEST(a_tombstone_goes_when_its_socket_closes),
		TEST(what_closes_before_accept_is_nobody_s),
		TEST(a_new_entry_is_made_unless_one_lives),
		TEST(a_new_entry_has_nothing_of_an_earlier_life),
		TEST(tombstones_take_a_part_of_the_table_and_no_more),
		TEST(tombstones_expire_by_their_age),
		TEST(the_socket_of_a_tombstone_is_used_again),
		TEST(a_full_table_is_counted_and_gives_room_again),
		TEST(a_tombstone_serves_its_socket_in_a_full_table),
		TEST(entries_pass_from_cpu_to_cpu),
		cmocka_unit_test(sizes_are_clamped),
		cmocka_unit_test(without_memory_there_is_no_table),
		TEST(a_table_made_anew_is_empty),
		TEST(a_walk_shows_what_is_open_or_listening),
		TEST(owners_are_visited_and_can_be_changed),
		TEST(a_walk_that_may_not_shows_nothing),
		cmocka_unit_test(another_connection_in_the_socket_is_counted),
		TEST(it_does_as_a_model_does),
		TEST(storm_of_lives_and_walkers),
	};

	return cmocka_run_group_tests_name("conn_table", tests, NULL, NULL);
}
