// SPDX-License-Identifier: MIT
/* What sock_diag says of TCP sockets, in the kernel's bytes and in broken ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "inet_diag.h"

enum { CGROUP = 77, STATE_ESTABLISHED = 1 };

struct diag_bytes {
	_Alignas(uint32_t) unsigned char bytes[1024];
	size_t length;
};

static void put_attribute(struct diag_bytes *to, uint16_t type, const void *data, size_t size)
{
	struct nlattr head = { .nla_len = (uint16_t)(sizeof(head) + size), .nla_type = type };
	uint32_t length;

	memcpy(to->bytes + to->length, &head, sizeof(head));
	memcpy(to->bytes + to->length + sizeof(head), data, size);
	to->length += NLMSG_ALIGN(sizeof(head) + size);
	length = (uint32_t)to->length;
	memcpy(to->bytes, &length, sizeof(length));
}

static void set_ends(struct inet_diag_msg *message, int family, const char *local, uint16_t local_port,
		     const char *peer, uint16_t peer_port)
{
	message->idiag_family = (uint8_t)family;
	assert_int_equal(inet_pton(family, local, message->id.idiag_src), 1);
	assert_int_equal(inet_pton(family, peer, message->id.idiag_dst), 1);
	message->id.idiag_sport = htons(local_port);
	message->id.idiag_dport = htons(peer_port);
}

/* @sequence: 1 of a dump, 0 of a notification. */
static struct diag_bytes diag_bytes(const struct inet_diag_msg *message, uint32_t sequence,
				    const struct tcp_info *info, uint64_t cgroup_id)
{
	struct diag_bytes made = { .length = NLMSG_LENGTH(sizeof(*message)) };
	struct nlmsghdr header = {
		.nlmsg_len = (uint32_t)made.length, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_seq = sequence,
	};

	memcpy(made.bytes, &header, sizeof(header));
	memcpy(made.bytes + NLMSG_HDRLEN, message, sizeof(*message));
	if (info)
		put_attribute(&made, INET_DIAG_INFO, info, sizeof(*info));
	if (cgroup_id)
		put_attribute(&made, INET_DIAG_CGROUP_ID, &cgroup_id, sizeof(cgroup_id));
	return made;
}

static struct diag_message parse_diag(const struct diag_bytes *from)
{
	struct diag_message message;

	assert_int_equal(inet_diag_parse(from->bytes, from->length, &message), from->length);
	return message;
}

static void diag_reads_a_socket(void **state)
{
	struct inet_diag_msg raw = { .idiag_state = STATE_ESTABLISHED, .idiag_inode = 4711, .idiag_rqueue = 5,
				     .id = { .idiag_cookie = { 2, 1 } } };
	struct tcp_info info = { .tcpi_bytes_acked = 100, .tcpi_bytes_received = 200 };
	struct diag_bytes bytes;
	struct diag_message message;

	(void)state;
	set_ends(&raw, AF_INET, "10.0.0.1", 40000, "10.0.0.2", 80);
	bytes = diag_bytes(&raw, 1, &info, CGROUP);
	message = parse_diag(&bytes);
	assert_int_equal(message.kind, DIAG_SOCKET);
	assert_int_equal(message.socket.cookie, 1ULL << 32 | 2);
	assert_int_equal(message.socket.cgroup_id, CGROUP);
	assert_int_equal(message.socket.inode, 4711);
	assert_int_equal(message.socket.local_port, 40000);
	assert_int_equal(message.socket.peer_port, 80);
	assert_int_equal(message.socket.waiting, 5);
	assert_true(message.socket.counted);
	assert_int_equal(message.socket.info.tcpi_bytes_acked, 100);
	assert_memory_equal(message.socket.local, ((uint8_t[]){ 10, 0, 0, 1 }), 4);
	bytes = diag_bytes(&raw, 0, NULL, 0);
	message = parse_diag(&bytes);
	assert_int_equal(message.kind, DIAG_DESTROYED);
	assert_false(message.socket.counted);
}

static void diag_shows_mapped_addresses_as_ipv4(void **state)
{
	struct inet_diag_msg raw = { .idiag_state = STATE_ESTABLISHED };
	struct diag_bytes bytes;
	struct diag_message message;

	(void)state;
	set_ends(&raw, AF_INET6, "::ffff:10.0.0.1", 80, "::ffff:10.0.0.2", 40000);
	bytes = diag_bytes(&raw, 1, NULL, 0);
	message = parse_diag(&bytes);
	assert_true(message.socket.mapped);
	assert_int_equal(message.socket.family, AF_INET);
	assert_memory_equal(message.socket.peer, ((uint8_t[]){ 10, 0, 0, 2 }), 4);
	set_ends(&raw, AF_INET6, "2001:db8::1", 80, "2001:db8::2", 40000);
	bytes = diag_bytes(&raw, 1, NULL, 0);
	message = parse_diag(&bytes);
	assert_false(message.socket.mapped);
	assert_int_equal(message.socket.family, AF_INET6);
	assert_memory_equal(message.socket.peer, raw.id.idiag_dst, 16);
}

static void diag_reads_the_end_and_errors(void **state)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
	} raw = { .header = { .nlmsg_len = sizeof(raw), .nlmsg_type = NLMSG_ERROR }, .error = { .error = -ENOENT } };
	struct diag_message message;

	(void)state;
	assert_int_equal(inet_diag_parse(&raw, sizeof(raw), &message), sizeof(raw));
	assert_int_equal(message.kind, DIAG_REFUSED);
	assert_int_equal(message.error, -ENOENT);
	raw.header.nlmsg_type = NLMSG_DONE;
	assert_int_equal(inet_diag_parse(&raw, sizeof(raw), &message), sizeof(raw));
	assert_int_equal(message.kind, DIAG_END);
	raw.header.nlmsg_type = NLMSG_ERROR;
	raw.header.nlmsg_len = sizeof(raw.header);
	assert_int_equal(inet_diag_parse(&raw, sizeof(raw), &message), -EBADMSG);
}

/* Whatever lengths the message and its attributes claim, nothing beyond its memory is read. */
static void diag_survives_hostile_lengths(void **state)
{
	struct inet_diag_msg raw = { .idiag_state = STATE_ESTABLISHED };
	struct tcp_info info = { 0 };
	struct diag_message message;
	struct diag_bytes whole;
	unsigned char *bytes;

	(void)state;
	set_ends(&raw, AF_INET, "10.0.0.1", 40000, "10.0.0.2", 80);
	whole = diag_bytes(&raw, 1, &info, CGROUP);
	for (size_t length = 0; length <= whole.length; length++) {
		bytes = malloc(length ? length : 1);
		memcpy(bytes, whole.bytes, length);
		assert_true(inet_diag_parse(bytes, length, &message) == (length == whole.length ? (long)length : -EBADMSG));
		free(bytes);
	}
	bytes = malloc(whole.length);
	for (size_t at = 0; at + 2 <= whole.length; at += 2) {
		for (uint32_t value = 0; value <= UINT16_MAX; value += 257) {
			memcpy(bytes, whole.bytes, whole.length);
			memcpy(bytes + at, &(uint16_t){ (uint16_t)value }, 2);
			assert_true(inet_diag_parse(bytes, whole.length, &message) <= (long)whole.length);
		}
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(diag_reads_a_socket),
		cmocka_unit_test(diag_shows_mapped_addresses_as_ipv4),
		cmocka_unit_test(diag_reads_the_end_and_errors),
		cmocka_unit_test(diag_survives_hostile_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
