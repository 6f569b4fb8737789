// SPDX-License-Identifier: MIT
/* Without the module: the records that are made of what sock_diag says of sockets. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "degraded_sockets.h"
#include "queued_record.h"

enum { NS = 4026531840U, CGROUP = 77, STATE_ESTABLISHED = 1, STATE_CLOSE = 7, STATE_CLOSE_WAIT = 8, STATE_LISTEN = 10 };

struct sockets_world {
	struct config config;
	struct counts counts;
	struct record_queue queue;
	struct degraded_sockets sockets;
	struct net_space space;
};

static void sockets_open(struct sockets_world *world)
{
	*world = (struct sockets_world){
		.config = { .filter_loopback = true },
		.space = { .net_ns = NS, .polled = 1000, .read_once = true },
	};
	record_queue_init(&world->queue, 1 << 20);
	degraded_sockets_init(&world->sockets, &world->config, 64, &world->queue, &world->counts);
	world->sockets.poll = 1;
}

static void sockets_close(struct sockets_world *world)
{
	degraded_sockets_free(&world->sockets);
	record_queue_free(&world->queue);
}

static struct diag_socket socket_of(uint64_t cookie, uint8_t state, uint16_t local_port, uint16_t peer_port)
{
	return (struct diag_socket){
		.cookie = cookie, .state = state, .family = AF_INET, .local_port = local_port, .peer_port = peer_port,
		.local = { 10, 0, 0, 1 }, .peer = { 10, 0, 0, 2 }, .inode = 100 + (uint32_t)cookie, .counted = true,
		.cgroup_id = CGROUP, .info = { .tcpi_segs_out = 2 },
	};
}

static void listen_at(struct sockets_world *world, uint64_t cookie, uint16_t port)
{
	struct diag_socket listener = socket_of(cookie, STATE_LISTEN, port, 0);

	degraded_sockets_seen(&world->sockets, &world->space, &listener, 1500);
}

static const struct hadal_tcp *expect(struct sockets_world *world, uint16_t type)
{
	const struct hadal_record *record = take(&world->queue);

	assert_non_null(record);
	assert_int_equal(record->type, type);
	assert_true(hadal_record_tcp(record)->flags & HADAL_TCP_INDIRECT);
	return hadal_record_tcp(record);
}

static struct hadal_tcp_counters expect_closed(struct sockets_world *world, uint8_t role, bool reset)
{
	const struct hadal_record_tcp_closed *record = (const void *)take(&world->queue);

	assert_non_null(record);
	assert_int_equal(record->header.type, HADAL_RECORD_TCP_CLOSED);
	assert_int_equal(record->tcp.role, role);
	assert_int_equal(record->ending, HADAL_TCP_ENDING_UNKNOWN);
	assert_int_equal(record->old_state, reset ? STATE_ESTABLISHED : STATE_CLOSE);
	return record->counters;
}

/* SYN, 100 bytes and FIN acknowledged; 50 bytes and FIN received. */
static void end_properly(struct diag_socket *socket)
{
	socket->state = STATE_CLOSE;
	socket->info.tcpi_bytes_sent = 130;
	socket->info.tcpi_bytes_retrans = 30;
	socket->info.tcpi_bytes_acked = 102;
	socket->info.tcpi_bytes_received = 51;
}

static void a_long_connection_has_all_its_records(void **state)
{
	struct diag_socket socket = socket_of(5, STATE_ESTABLISHED, 40000, 80);
	struct hadal_process holder = { .tgid = 9, .start_boottime = 90, .cgroup_id = CGROUP };
	struct sockets_world world;
	struct hadal_tcp_counters counters;
	const struct hadal_tcp *tcp;

	(void)state;
	sockets_open(&world);
	socket.info.tcpi_bytes_sent = 10;
	socket.info.tcpi_bytes_acked = 11;
	degraded_sockets_seen(&world.sockets, &world.space, &socket, 2000);
	assert_true(degraded_sockets_want(&world.sockets, CGROUP));
	assert_false(degraded_sockets_want(&world.sockets, CGROUP + 1));
	degraded_sockets_hold(&world.sockets, socket.inode + 1, &holder);
	degraded_sockets_hold(&world.sockets, socket.inode, &holder);
	assert_false(degraded_sockets_want(&world.sockets, CGROUP));
	assert_null(take(&world.queue));
	degraded_sockets_polled(&world.sockets, true, 2100);
	tcp = expect(&world, HADAL_RECORD_TCP_ESTABLISHED);
	assert_int_equal(tcp->role, HADAL_TCP_CLIENT);
	assert_int_equal(tcp->owner, HADAL_TCP_OWNER_HOLDER);
	assert_int_equal(tcp->owner_tgid, 9);
	assert_int_equal(tcp->socket_cgroup_id, CGROUP);
	assert_int_equal(tcp->start_time, 1000);
	assert_int_equal(degraded_sockets_tell_all(&world.sockets, 2200), 1);
	assert_int_equal(hadal_record_tcp_counters((const struct hadal_record *)(const void *)
		((const char *)expect(&world, HADAL_RECORD_TCP_SNAPSHOT) -
		 offsetof(struct hadal_record_tcp_snapshot, tcp)))->acked, 10);
	end_properly(&socket);
	degraded_sockets_destroyed(&world.sockets, &world.space, &socket, 3000);
	counters = expect_closed(&world, HADAL_TCP_CLIENT, false);
	assert_int_equal(counters.sent, 100);
	assert_int_equal(counters.acked, 100);
	assert_int_equal(counters.received, 50);
	/* A poll that had begun before finds it once more. */
	socket.state = STATE_ESTABLISHED;
	degraded_sockets_seen(&world.sockets, &world.space, &socket, 3100);
	degraded_sockets_polled(&world.sockets, true, 3200);
	assert_int_equal(degraded_sockets_tell_all(&world.sockets, 3300), 0);
	assert_null(take(&world.queue));
	sockets_close(&world);
}

/* All that is known of one that no poll has met is its end. */
static void a_short_connection_has_its_end(void **state)
{
	struct diag_socket client = socket_of(5, STATE_CLOSE, 40000, 80), server = socket_of(6, STATE_CLOSE, 80, 40000);
	struct sockets_world world;
	struct hadal_tcp_counters counters;
	uint64_t key;

	(void)state;
	sockets_open(&world);
	memcpy(server.local, client.peer, sizeof(server.local));
	memcpy(server.peer, client.local, sizeof(server.peer));
	world.space.cgroup_id = CGROUP;
	end_properly(&client);
	degraded_sockets_destroyed(&world.sockets, &world.space, &client, 3000);
	key = ((const struct hadal_record_tcp_closed *)(const void *)(world.queue.bytes + world.queue.head))->tcp.key;
	counters = expect_closed(&world, HADAL_TCP_CLIENT, false);
	assert_int_equal(counters.acked, 100);
	/* It has no SYN to be taken off. */
	end_properly(&server);
	server.info.tcpi_bytes_acked = 101;
	degraded_sockets_destroyed(&world.sockets, &world.space, &server, 3000);
	assert_int_equal(((const struct hadal_record_tcp_closed *)(const void *)(world.queue.bytes + world.queue.head))->tcp.key, key);
	counters = expect_closed(&world, HADAL_TCP_SERVER, false);
	assert_int_equal(counters.acked, 100);
	assert_int_equal(counters.received, 50);
	/* Twice the same is one. */
	degraded_sockets_destroyed(&world.sockets, &world.space, &server, 3100);
	assert_null(take(&world.queue));
	sockets_close(&world);
}

static void ends_are_told_apart(void **state)
{
	struct diag_socket refused = socket_of(1, STATE_CLOSE, 40000, 81), aborted = socket_of(2, STATE_CLOSE, 40001, 80),
			   unused = socket_of(3, STATE_CLOSE, 40002, 0), cleared = socket_of(4, STATE_CLOSE, 40003, 80);
	const struct hadal_record_tcp_failed *failed;
	struct sockets_world world;

	(void)state;
	sockets_open(&world);
	refused.info.tcpi_segs_in = 1;
	degraded_sockets_destroyed(&world.sockets, &world.space, &refused, 2000);
	failed = (const void *)take(&world.queue);
	assert_int_equal(failed->header.type, HADAL_RECORD_TCP_FAILED);
	assert_int_equal(failed->error, ECONNREFUSED);
	aborted.info.tcpi_bytes_sent = 100;
	aborted.info.tcpi_bytes_acked = 51;
	degraded_sockets_destroyed(&world.sockets, &world.space, &aborted, 2000);
	assert_int_equal(expect_closed(&world, HADAL_TCP_CLIENT, true).acked, 50);
	/* Never connected; nothing left of what it was. */
	degraded_sockets_destroyed(&world.sockets, &world.space, &unused, 2000);
	cleared.info = (struct tcp_info){ 0 };
	degraded_sockets_destroyed(&world.sockets, &world.space, &cleared, 2000);
	assert_null(take(&world.queue));
	sockets_close(&world);
}

/* SO_LINGER 0 clears the counters before the end: what was polled stands. */
static void cleared_counters_do_not_fall(void **state)
{
	struct diag_socket socket = socket_of(5, STATE_CLOSE_WAIT, 40000, 80);
	struct sockets_world world;
	struct hadal_tcp_counters counters;

	(void)state;
	sockets_open(&world);
	end_properly(&socket);
	socket.state = STATE_CLOSE_WAIT;
	degraded_sockets_seen(&world.sockets, &world.space, &socket, 2000);
	degraded_sockets_polled(&world.sockets, true, 2100);
	expect(&world, HADAL_RECORD_TCP_ESTABLISHED);
	socket.state = STATE_CLOSE;
	socket.info = (struct tcp_info){ 0 };
	degraded_sockets_destroyed(&world.sockets, &world.space, &socket, 3000);
	counters = expect_closed(&world, HADAL_TCP_CLIENT, true);
	assert_int_equal(counters.acked, 100);
	assert_int_equal(counters.received, 50);
	sockets_close(&world);
}

static void who_listens_is_the_server(void **state)
{
	struct diag_socket server = socket_of(6, STATE_ESTABLISHED, 50000, 40000), listener = socket_of(5, STATE_CLOSE, 50000, 0);
	struct sockets_world world;

	(void)state;
	sockets_open(&world);
	listen_at(&world, 5, 50000);	/* of the ephemeral range, as the peer's */
	degraded_sockets_seen(&world.sockets, &world.space, &server, 2000);
	degraded_sockets_polled(&world.sockets, true, 2100);
	assert_int_equal(expect(&world, HADAL_RECORD_TCP_LISTENING)->role, HADAL_TCP_LISTENER);
	assert_int_equal(expect(&world, HADAL_RECORD_TCP_ACCEPTED)->role, HADAL_TCP_SERVER);
	degraded_sockets_destroyed(&world.sockets, &world.space, &listener, 2200);
	expect(&world, HADAL_RECORD_TCP_LISTENER_CLOSED);
	/* It is remembered for those that close after it. */
	server.cookie = 7;
	end_properly(&server);
	degraded_sockets_destroyed(&world.sockets, &world.space, &server, 2300);
	expect_closed(&world, HADAL_TCP_SERVER, false);
	assert_null(take(&world.queue));
	sockets_close(&world);
}

static void what_was_there_before_is_a_baseline(void **state)
{
	struct diag_socket socket = socket_of(5, STATE_ESTABLISHED, 40000, 80);
	struct sockets_world world;

	(void)state;
	sockets_open(&world);
	world.space.existed = true;
	world.space.read_once = false;
	degraded_sockets_seen(&world.sockets, &world.space, &socket, 2000);
	degraded_sockets_polled(&world.sockets, true, 2100);
	assert_null(take(&world.queue));
	assert_int_equal(degraded_sockets_tell_all(&world.sockets, 2200), 1);
	assert_true(expect(&world, HADAL_RECORD_TCP_SNAPSHOT)->flags & HADAL_TCP_DUMPED);
	sockets_close(&world);
}

static void filters_hold(void **state)
{
	struct diag_socket shown = socket_of(5, STATE_ESTABLISHED, 40000, 80), hidden = socket_of(6, STATE_ESTABLISHED, 40001, 22);
	struct sockets_world world;

	(void)state;
	sockets_open(&world);
	world.config.filter_not_ports[0] = (struct hadal_port_range){ 22, 22 };
	world.config.filter_not_port_count = 1;
	degraded_sockets_seen(&world.sockets, &world.space, &shown, 2000);
	degraded_sockets_seen(&world.sockets, &world.space, &hidden, 2000);
	degraded_sockets_polled(&world.sockets, true, 2100);
	assert_int_equal(expect(&world, HADAL_RECORD_TCP_ESTABLISHED)->peer_port, 80);
	assert_null(take(&world.queue));
	assert_int_equal(degraded_sockets_tell_all(&world.sockets, 2200), 1);
	expect(&world, HADAL_RECORD_TCP_SNAPSHOT);
	assert_int_equal(world.queue.stats.filtered[HADAL_CLASS_TCP], 1);
	sockets_close(&world);
}

static void the_table_is_bounded(void **state)
{
	struct diag_socket socket;
	struct sockets_world world;

	(void)state;
	sockets_open(&world);
	for (uint64_t i = 1; i <= 70; i++) {
		socket = socket_of(i, STATE_ESTABLISHED, 40000, 80);
		degraded_sockets_seen(&world.sockets, &world.space, &socket, 2000);
	}
	assert_int_equal(world.counts.value[COUNT_SOCKETS_FULL], 6);
	degraded_sockets_polled(&world.sockets, true, 2100);
	assert_int_equal(degraded_sockets_tell_all(&world.sockets, 2200), 64);
	/* What two polls have not found is forgotten, unless they could not read all. */
	world.sockets.poll += 2;
	degraded_sockets_polled(&world.sockets, false, 2250);
	assert_int_equal(degraded_sockets_tell_all(&world.sockets, 2260), 64);
	world.sockets.poll += 2;
	degraded_sockets_polled(&world.sockets, true, 2300);
	assert_int_equal(degraded_sockets_tell_all(&world.sockets, 2400), 0);
	sockets_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_connection_has_all_its_records),
		cmocka_unit_test(a_short_connection_has_its_end),
		cmocka_unit_test(ends_are_told_apart),
		cmocka_unit_test(cleared_counters_do_not_fall),
		cmocka_unit_test(who_listens_is_the_server),
		cmocka_unit_test(what_was_there_before_is_a_baseline),
		cmocka_unit_test(filters_hold),
		cmocka_unit_test(the_table_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
