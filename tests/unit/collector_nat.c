/* SPDX-License-Identifier: MIT */
/*
 * NAT: what is asked of connection tracking and what its answers mean; what the
 * model makes of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "model_fixture.h"
#include "nat.h"

/* ---- the protocol ---- */

enum { SEQUENCE = 77, MESSAGE_SIZE = 1024 };

static struct nat_view view_of(const char *local, uint16_t local_port, const char *peer, uint16_t peer_port)
{
	struct nat_view view = { .local_port = local_port, .peer_port = peer_port };

	assert_int_equal(address_parse(local, &view.local), 0);
	assert_int_equal(address_parse(peer, &view.peer), 0);
	return view;
}

static void put_address(struct nlmsghdr *header, uint16_t type, const struct address *address)
{
	bool v4 = address_family(address) == AF_INET;

	mnl_attr_put(header, v4 ? type : type + 2, v4 ? 4 : 16, address->bytes + (v4 ? 12 : 0));
}

/* From @view's local to its peer. */
static void put_direction(struct nlmsghdr *header, uint16_t type, const struct nat_view *view)
{
	struct nlattr *tuple = mnl_attr_nest_start(header, type), *nest;

	nest = mnl_attr_nest_start(header, CTA_TUPLE_IP);
	put_address(header, CTA_IP_V4_SRC, &view->local);
	put_address(header, CTA_IP_V4_DST, &view->peer);
	mnl_attr_nest_end(header, nest);
	nest = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(header, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(view->local_port));
	mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(view->peer_port));
	mnl_attr_nest_end(header, nest);
	mnl_attr_nest_end(header, tuple);
}

/* The kernel's answer for one entry. */
static size_t entry_of(void *buffer, const struct nat_view *original, const struct nat_view *reply)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *general;

	header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	header->nlmsg_seq = SEQUENCE;
	general = mnl_nlmsg_put_extra_header(header, sizeof(*general));
	general->nfgen_family = AF_INET;
	put_direction(header, CTA_TUPLE_ORIG, original);
	put_direction(header, CTA_TUPLE_REPLY, reply);
	mnl_attr_put_u32(header, CTA_STATUS, 0);
	return header->nlmsg_len;
}

static size_t error_of(void *buffer, int error)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nlmsgerr *body;

	header->nlmsg_type = NLMSG_ERROR;
	header->nlmsg_seq = SEQUENCE;
	body = mnl_nlmsg_put_extra_header(header, sizeof(*body));
	body->error = error;
	return header->nlmsg_len;
}

static void assert_view(const struct nat_view *view, const struct nat_view *want)
{
	assert_true(address_equal(&view->local, &want->local));
	assert_true(address_equal(&view->peer, &want->peer));
	assert_int_equal(view->local_port, want->local_port);
	assert_int_equal(view->peer_port, want->peer_port);
}

/* A request names one direction in full: the kernel finds the entry by either. */
static void asks_for_one_direction(void **state)
{
	static const uint8_t v4[] = { 172, 17, 0, 2 };
	struct nat_view seen = view_of("172.17.0.2", 40000, "10.0.0.9", 80);
	struct nat_view mixed = view_of("172.17.0.2", 40000, "2001:db8::1", 80);
	_Alignas(struct nlmsghdr) char buffer[NAT_REQUEST_SIZE], v6[NAT_REQUEST_SIZE];
	const struct nlmsghdr *header = (const void *)buffer;
	const struct nfgenmsg *general = mnl_nlmsg_get_payload(header);
	size_t length = nat_request(buffer, SEQUENCE, true, &seen), size_v6;

	(void)state;
	assert_int_equal(length, header->nlmsg_len);
	assert_int_equal(header->nlmsg_type, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET);
	assert_int_equal(header->nlmsg_flags, NLM_F_REQUEST);
	assert_int_equal(header->nlmsg_seq, SEQUENCE);
	assert_int_equal(general->nfgen_family, AF_INET);
	assert_non_null(memmem(buffer, length, v4, sizeof(v4)));

	seen = view_of("2001:db8::2", 40000, "2001:db8::1", 80);
	size_v6 = nat_request(v6, SEQUENCE, false, &seen);
	assert_int_equal(size_v6, length + 2 * 12);
	assert_int_equal(((const struct nfgenmsg *)mnl_nlmsg_get_payload((const void *)v6))->nfgen_family, AF_INET6);
	assert_non_null(memmem(v6, size_v6, seen.peer.bytes, 16));

	assert_int_equal(nat_request(buffer, SEQUENCE, true, &mixed), 0);
}

/* A client of 10.0.0.9:80, which leads to 10.2.0.7:8080; it leaves with the address of the host. */
static void each_end_learns_what_the_other_sees(void **state)
{
	struct nat_view original = view_of("172.17.0.2", 40000, "10.0.0.9", 80);
	struct nat_view reply = view_of("10.2.0.7", 8080, "10.0.0.5", 61000);
	struct nat_view client = view_of("10.0.0.5", 61000, "10.2.0.7", 8080);
	struct nat_view server = view_of("10.0.0.9", 80, "172.17.0.2", 40000), real;
	_Alignas(struct nlmsghdr) char buffer[MESSAGE_SIZE];
	size_t length = entry_of(buffer, &original, &reply);

	(void)state;
	assert_int_equal(nat_answer(buffer, length, SEQUENCE, &original, &real), 1);
	assert_view(&real, &client);
	assert_int_equal(nat_answer(buffer, length, SEQUENCE, &reply, &real), 1);
	assert_view(&real, &server);
}

static void without_nat_nothing_is_changed(void **state)
{
	struct nat_view seen = view_of("2001:db8::2", 40000, "2001:db8::1", 80);
	struct nat_view reply = view_of("2001:db8::1", 80, "2001:db8::2", 40000), real;
	_Alignas(struct nlmsghdr) char buffer[MESSAGE_SIZE];
	size_t length = entry_of(buffer, &seen, &reply);

	(void)state;
	assert_int_equal(nat_answer(buffer, length, SEQUENCE, &seen, &real), 0);
	length = error_of(buffer, -ENOENT);
	assert_int_equal(nat_answer(buffer, length, SEQUENCE, &seen, &real), 0);
	length = error_of(buffer, -EPERM);
	assert_int_equal(nat_answer(buffer, length, SEQUENCE, &seen, &real), -EPERM);
}

/* Whatever is missing or cut: an answer that is none changes nothing, and is never read past its end. */
static void no_answer_is_made_up(void **state)
{
	struct nat_view original = view_of("172.17.0.2", 40000, "10.0.0.9", 80);
	struct nat_view reply = view_of("10.2.0.7", 8080, "10.0.0.5", 61000);
	struct nat_view stranger = view_of("172.17.0.3", 40000, "10.0.0.9", 80), real;
	_Alignas(struct nlmsghdr) char buffer[MESSAGE_SIZE];
	size_t length = entry_of(buffer, &original, &reply);

	(void)state;
	assert_int_equal(nat_answer(buffer, length, SEQUENCE, &stranger, &real), -EBADMSG);
	assert_int_equal(nat_answer(buffer, length, SEQUENCE + 1, &original, &real), -ESTALE);
	/* up to the padding of the last port and the status behind it */
	for (size_t cut = 0; cut < length - 2 - 8; cut++) {
		struct nlmsghdr *copy = malloc(cut + 1);

		memcpy(copy, buffer, cut);
		if (cut >= sizeof(*copy))
			copy->nlmsg_len = (uint32_t)cut;
		assert_int_equal(nat_answer(copy, cut, SEQUENCE, &original, &real), -EBADMSG);
		free(copy);
	}
	/* each byte of it another: whatever it is then, it is in bounds */
	for (size_t at = sizeof(struct nlmsghdr); at < length; at++) {
		char *copy = malloc(length);

		memcpy(copy, buffer, length);
		copy[at] = (char)~copy[at];
		assert_true(nat_answer(copy, length, SEQUENCE, &original, &real) <= 1);
		free(copy);
	}
}

/* ---- the model ---- */

/* What tracking knows: one entry, and how often it was asked. */
struct tracking {
	struct nat_view seen, real;
	unsigned int asked, udp;
	int refuses;	/* -errno; 0: it answers */
};

static int track(void *context, bool udp, const struct nat_view *seen, struct nat_view *real)
{
	struct tracking *tracking = context;

	tracking->asked++;
	tracking->udp += udp;
	if (tracking->refuses)
		return tracking->refuses;
	if (memcmp(seen, &tracking->seen, sizeof(*seen)))
		return 0;
	*real = tracking->real;
	return 1;
}

static void open_with(struct world *world, struct tracking *tracking)
{
	struct model_config config = { .nat = track, .nat_context = tracking };

	world_open_named(world, &config);
}

/* 10.0.0.9:80, which this host leads to 192.168.7.7:8080. */
static struct tracking to_another_host(void)
{
	return (struct tracking){
		.seen = view_of("172.17.0.2", 40000, "10.0.0.9", 80),
		.real = view_of("10.0.0.5", 61000, "192.168.7.7", 8080),
	};
}

static void a_client_is_told_what_it_really_reached(void **state)
{
	struct tracking tracking = to_another_host();
	struct world world;
	struct end end;

	(void)state;
	open_with(&world, &tracking);
	end = end_of(1, 5, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "10.0.0.9:80");
	record_established(&world.recorder, &end, 0);
	record_failed(&world.recorder, &end, ECONNREFUSED);
	end.counters.acked = 10;
	record_snapshot(&world.recorder, &end);
	interval(&world);
	end.counters.acked = 17;
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "192.168.0.0/16", 8080), 1, 17, 0);
	assert_int_equal(the_edge(&world, "web", HADAL_TCP_CLIENT, "192.168.0.0/16", 8080)->values.failed.kinds, 1);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 1);
	/* once for the connection, once for the attempt */
	assert_int_equal(tracking.asked, 2);
	world_close(&world);
}

/* Nothing is asked of whom the key tells, nor of loopback in a container. */
static void only_what_is_not_known_is_asked_for(void **state)
{
	struct tracking tracking = to_another_host();
	struct world world;
	struct end end;

	(void)state;
	open_with(&world, &tracking);
	web_calls_api(&world, 1, 10, 20);
	end = end_of(10, 0, HADAL_TCP_CLIENT, &web, "127.0.0.1:40000", "127.0.0.1:9000");
	record_established(&world.recorder, &end, 0);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	end = end_of(11, 11, HADAL_TCP_SERVER, &api, "172.17.0.3:8080", "10.7.7.7:40000");
	record_accepted(&world.recorder, &end);
	record_closed(&world.recorder, &end, TCP_LAST_ACK, 0);
	interval(&world);
	assert_int_equal(tracking.asked, 0);
	world_close(&world);
}

/* By SNAT to the host's address: the server is told who its client is. */
static void a_server_is_told_who_is_behind_the_host(void **state)
{
	struct tracking tracking = {
		.seen = view_of("172.17.0.3", 8080, "10.0.0.5", 61000),
		.real = view_of("10.0.0.5", 80, "192.168.9.9", 40000),
	};
	struct world world;
	struct end end;

	(void)state;
	open_with(&world, &tracking);
	end = end_of(1, 9, HADAL_TCP_SERVER, &api, "172.17.0.3:8080", "10.0.0.5:61000");
	record_accepted(&world.recorder, &end);
	end.counters.received = 4;
	record_closed(&world.recorder, &end, TCP_LAST_ACK, 0);
	interval(&world);
	expect_traffic(the_edge(&world, "api", HADAL_TCP_SERVER, "192.168.0.0/16", 8080), 1, 0, 4);
	assert_int_equal(tracking.asked, 1);
	world_close(&world);
}

/* What is asked in vain is told by the address that was used, and counted. */
static void without_answers_less_is_said(void **state)
{
	struct tracking tracking = to_another_host();
	struct world world;
	struct end end;

	(void)state;
	open_with(&world, &tracking);
	tracking.refuses = -EBUSY;
	end = end_of(1, 5, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "10.0.0.9:80");
	record_established(&world.recorder, &end, 0);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	interval(&world);
	tracking.refuses = -ENOBUFS;
	end.tcp.id = 2;
	record_established(&world.recorder, &end, 0);
	record_closed(&world.recorder, &end, TCP_FIN_WAIT2, 0);
	interval(&world);
	expect_traffic(the_edge(&world, "web", HADAL_TCP_CLIENT, "10.0.0.0/8", 80), 2, 0, 0);
	assert_int_equal(counted(&world, COUNT_NAT_LOOKUPS_FULL), 1);
	assert_int_equal(counted(&world, COUNT_NAT_UNANSWERED), 1);
	world_close(&world);
}

static void both_ends_of_udp_are_one_behind_nat(void **state)
{
	struct tracking tracking = {
		.seen = view_of("172.17.0.2", 40000, "10.0.0.5", 53),
		.real = view_of("172.17.0.1", 61000, "172.17.0.3", 5353),
	};
	struct world world;
	struct end client, server;

	(void)state;
	open_with(&world, &tracking);
	client = end_of(1, 0, HADAL_TCP_CLIENT, &web, "172.17.0.2:40000", "10.0.0.5:53");
	server = end_of(2, 0, HADAL_TCP_SERVER, &api, "172.17.0.3:5353", "172.17.0.1:61000");
	client.tcp.start_time = server.tcp.start_time = world.recorder.time;
	client.counters.acked = server.counters.received = 100;
	client.counters.received = server.counters.acked = 300;
	record_udp(&world.recorder, &server, HADAL_UDP_ENDED);
	record_udp(&world.recorder, &client, HADAL_UDP_ENDED);
	interval(&world);
	expect_traffic(the_udp_edge(&world, "web", HADAL_TCP_CLIENT, "api", 5353), 0, 100, 300);
	expect_traffic(the_udp_edge(&world, "api", HADAL_TCP_SERVER, "web", 5353), 0, 300, 100);
	assert_int_equal(HASH_COUNT(world.model->edges.table), 2);
	assert_int_equal(tracking.udp, 1);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_for_one_direction),
		cmocka_unit_test(each_end_learns_what_the_other_sees),
		cmocka_unit_test(without_nat_nothing_is_changed),
		cmocka_unit_test(no_answer_is_made_up),
		cmocka_unit_test(a_client_is_told_what_it_really_reached),
		cmocka_unit_test(only_what_is_not_known_is_asked_for),
		cmocka_unit_test(a_server_is_told_who_is_behind_the_host),
		cmocka_unit_test(without_answers_less_is_said),
		cmocka_unit_test(both_ends_of_udp_are_one_behind_nat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
