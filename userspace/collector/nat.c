/* SPDX-License-Identifier: MIT */
/*
 * Source of the protocol: the kernel's nf_conntrack_netlink.c and
 * linux/netfilter/nfnetlink_conntrack.h. A request for one entry is answered
 * before sendmsg() returns, out of a hash table: so asking waits for nobody,
 * and at most one answer is ever outstanding.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "nat.h"
#include "netlink.h"

/* There while the kernel's module is loaded. */
#define MODULE		"/sys/module/nf_conntrack_netlink"

enum {
	ANSWER_SIZE = 4096,
	ANSWERS = 16,		/* read for one request, should old ones be in the way */
};

struct nat {
	struct mnl_socket *socket;	/* NULL: not open */
	struct nat_stats stats;
	bool told;			/* why it can't be asked has been logged */
	time_t second;			/* when the module was last looked for */
	unsigned int asked;		/* since */
	uint32_t sequence;
};

const char *nat_state_name(enum nat_state state)
{
	static const char *const names[] = {
		[NAT_OFF] = "off", [NAT_ABSENT] = "absent", [NAT_DENIED] = "denied", [NAT_FAILED] = "failed",
		[NAT_READY] = "ready",
	};

	return names[state];
}

/* ---- requests ---- */

static void put_tuple(struct nlmsghdr *header, unsigned int family, bool udp, const struct nat_view *seen)
{
	bool v4 = family == AF_INET;
	size_t skip = v4 ? 12 : 0, size = v4 ? 4 : 16;
	struct nlattr *tuple, *nest;

	tuple = mnl_attr_nest_start(header, CTA_TUPLE_ORIG);
	nest = mnl_attr_nest_start(header, CTA_TUPLE_IP);
	mnl_attr_put(header, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, size, seen->local.bytes + skip);
	mnl_attr_put(header, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, size, seen->peer.bytes + skip);
	mnl_attr_nest_end(header, nest);
	nest = mnl_attr_nest_start(header, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(header, CTA_PROTO_NUM, udp ? IPPROTO_UDP : IPPROTO_TCP);
	mnl_attr_put_u16(header, CTA_PROTO_SRC_PORT, htons(seen->local_port));
	mnl_attr_put_u16(header, CTA_PROTO_DST_PORT, htons(seen->peer_port));
	mnl_attr_nest_end(header, nest);
	mnl_attr_nest_end(header, tuple);
}

size_t nat_request(void *buffer, uint32_t sequence, bool udp, const struct nat_view *seen)
{
	unsigned int family = address_family(&seen->local);
	struct nlmsghdr *header;
	struct nfgenmsg *general;

	if (family != address_family(&seen->peer))
		return 0;
	header = mnl_nlmsg_put_header(buffer);
	header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = sequence;
	general = mnl_nlmsg_put_extra_header(header, sizeof(*general));
	general->nfgen_family = (uint8_t)family;
	general->version = NFNETLINK_V0;
	put_tuple(header, family, udp, seen);
	return header->nlmsg_len;
}

/* ---- answers ---- */

struct tuple {
	struct address from, to;
	uint16_t from_port, to_port;
};

static int read_address(const struct nlattr *attribute, unsigned int family, struct address *address)
{
	if (mnl_attr_get_payload_len(attribute) != (family == AF_INET ? 4 : 16))
		return MNL_CB_ERROR;
	*address = address_from_bytes(family, mnl_attr_get_payload(attribute));
	return MNL_CB_OK;
}

static int read_port(const struct nlattr *attribute, uint16_t *port)
{
	if (mnl_attr_get_payload_len(attribute) != sizeof(*port))
		return MNL_CB_ERROR;
	*port = ntohs(mnl_attr_get_u16(attribute));
	return MNL_CB_OK;
}

static int read_addresses(const struct nlattr *attribute, void *data)
{
	struct tuple *tuple = data;

	switch (mnl_attr_get_type(attribute)) {
	case CTA_IP_V4_SRC:
		return read_address(attribute, AF_INET, &tuple->from);
	case CTA_IP_V4_DST:
		return read_address(attribute, AF_INET, &tuple->to);
	case CTA_IP_V6_SRC:
		return read_address(attribute, AF_INET6, &tuple->from);
	case CTA_IP_V6_DST:
		return read_address(attribute, AF_INET6, &tuple->to);
	default:
		return MNL_CB_OK;
	}
}

static int read_ports(const struct nlattr *attribute, void *data)
{
	struct tuple *tuple = data;

	switch (mnl_attr_get_type(attribute)) {
	case CTA_PROTO_SRC_PORT:
		return read_port(attribute, &tuple->from_port);
	case CTA_PROTO_DST_PORT:
		return read_port(attribute, &tuple->to_port);
	default:
		return MNL_CB_OK;
	}
}

static int read_tuple(const struct nlattr *attribute, void *data)
{
	switch (mnl_attr_get_type(attribute)) {
	case CTA_TUPLE_IP:
		return mnl_attr_parse_nested(attribute, read_addresses, data);
	case CTA_TUPLE_PROTO:
		return mnl_attr_parse_nested(attribute, read_ports, data);
	default:
		return MNL_CB_OK;
	}
}

struct entry {
	struct tuple original, reply;
};

static int read_directions(const struct nlattr *attribute, void *data)
{
	struct entry *entry = data;

	switch (mnl_attr_get_type(attribute)) {
	case CTA_TUPLE_ORIG:
		return mnl_attr_parse_nested(attribute, read_tuple, &entry->original);
	case CTA_TUPLE_REPLY:
		return mnl_attr_parse_nested(attribute, read_tuple, &entry->reply);
	default:
		return MNL_CB_OK;
	}
}

static bool is_view(const struct tuple *tuple, const struct nat_view *seen)
{
	return address_equal(&tuple->from, &seen->local) && address_equal(&tuple->to, &seen->peer) &&
	       tuple->from_port == seen->local_port && tuple->to_port == seen->peer_port;
}

/* What one end sends is what the other, turned round, takes itself to answer: unless NAT is between. */
static int other_view(const struct tuple *one, const struct tuple *other, const struct nat_view *seen,
		      struct nat_view *real)
{
	const struct tuple *back = is_view(one, seen) ? other : one;

	if (!is_view(one, seen) && !is_view(other, seen))
		return -EBADMSG;
	*real = (struct nat_view){ .local = back->to, .peer = back->from,
				   .local_port = back->to_port, .peer_port = back->from_port };
	return !address_equal(&real->local, &seen->local) || !address_equal(&real->peer, &seen->peer) ||
	       real->local_port != seen->local_port || real->peer_port != seen->peer_port;
}

static bool is_whole(const struct tuple *tuple)
{
	return !address_unspecified(&tuple->from) && !address_unspecified(&tuple->to);
}

static int read_entry(const struct nlmsghdr *header, const struct nat_view *seen, struct nat_view *real)
{
	struct entry entry = { 0 };

	if (header->nlmsg_len < mnl_nlmsg_size(sizeof(struct nfgenmsg)) ||
	    mnl_attr_parse(header, sizeof(struct nfgenmsg), read_directions, &entry) != MNL_CB_OK ||
	    !is_whole(&entry.original) || !is_whole(&entry.reply))
		return -EBADMSG;
	return other_view(&entry.original, &entry.reply, seen, real);
}

static int read_error(const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

	if (header->nlmsg_len < mnl_nlmsg_size(sizeof(*error)) || error->error >= 0)
		return -EBADMSG;
	return error->error == -ENOENT ? 0 : error->error;
}

int nat_answer(const void *buffer, size_t length, uint32_t sequence, const struct nat_view *seen,
	       struct nat_view *real)
{
	const struct nlmsghdr *header = buffer;

	if (!netlink_is_whole(header, length))
		return -EBADMSG;
	if (header->nlmsg_seq != sequence)
		return -ESTALE;
	if (header->nlmsg_type == NLMSG_ERROR)
		return read_error(header);
	if (header->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
		return -EBADMSG;
	return read_entry(header, seen, real);
}

/* ---- the socket ---- */

static void set_state(struct nat *nat, enum nat_state state, int error)
{
	nat->stats.state = state;
	if (nat->told || state < NAT_DENIED || state == NAT_READY)
		return;
	nat->told = true;
	if (state == NAT_DENIED)
		log_line(LOG_PRIORITY_INFO, "connection tracking may not be asked without CAP_NET_ADMIN: "
			 "peers behind the host's NAT go by the address that their clients used");
	else
		log_line(LOG_PRIORITY_WARNING, "connection tracking cannot be asked: %s", strerror(error));
}

static void close_socket(struct nat *nat)
{
	if (nat->socket)
		mnl_socket_close(nat->socket);
	nat->socket = NULL;
}

static int read_answer(struct nat *nat, const struct nat_view *seen, struct nat_view *real)
{
	_Alignas(struct nlmsghdr) char buffer[ANSWER_SIZE];
	int result = -EAGAIN;
	ssize_t length;

	for (unsigned int i = 0; i < ANSWERS; i++) {
		length = recv(mnl_socket_get_fd(nat->socket), buffer, sizeof(buffer), MSG_DONTWAIT);
		if (length < 0)
			return -errno;
		result = nat_answer(buffer, (size_t)length, nat->sequence, seen, real);
		if (result != -ESTALE)
			break;
	}
	return result;
}

static int ask(struct nat *nat, bool udp, const struct nat_view *seen, struct nat_view *real)
{
	_Alignas(struct nlmsghdr) char buffer[NAT_REQUEST_SIZE];
	size_t length = nat_request(buffer, ++nat->sequence, udp, seen);

	if (!length)
		return 0;
	if (mnl_socket_sendto(nat->socket, buffer, length) < 0)
		return -errno;
	return read_answer(nat, seen, real);
}

static void deny(struct nat *nat)
{
	close_socket(nat);
	set_state(nat, NAT_DENIED, EPERM);
}

/* Asks for what cannot be, so that whether one may ask is known before there is anything to ask for. */
static void open_socket(struct nat *nat)
{
	static const struct nat_view nobody;
	struct nat_view real;

	nat->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nat->socket || mnl_socket_bind(nat->socket, 0, MNL_SOCKET_AUTOPID)) {
		set_state(nat, NAT_FAILED, errno);
		close_socket(nat);
	} else if (ask(nat, false, &nobody, &real) == -EPERM) {
		deny(nat);
	} else {
		set_state(nat, NAT_READY, 0);
	}
}

/*
 * The kernel would load the module for who sends to it, and for a socket of this
 * protocol: tracking is the host's own decision, so there is none unless it is there.
 */
static void look_for_module(struct nat *nat)
{
	if (nat->stats.state == NAT_DENIED)
		return;
	if (access(MODULE, F_OK)) {
		close_socket(nat);
		set_state(nat, NAT_ABSENT, 0);
	} else if (!nat->socket) {
		open_socket(nat);
	}
}

/* Once a second: whether the module is there, and how many may be asked. */
static void begin_second(struct nat *nat)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (now.tv_sec == nat->second)
		return;
	nat->second = now.tv_sec;
	nat->asked = 0;
	look_for_module(nat);
}

struct nat *nat_open(void)
{
	struct nat *nat = calloc(1, sizeof(*nat));

	if (!nat)
		return NULL;
	nat->second = -1;
	nat->stats.state = NAT_ABSENT;
	begin_second(nat);
	return nat;
}

void nat_close(struct nat *nat)
{
	if (!nat)
		return;
	close_socket(nat);
	free(nat);
}

int nat_lookup(void *context, bool udp, const struct nat_view *seen, struct nat_view *real)
{
	struct nat *nat = context;
	int result;

	begin_second(nat);
	if (!nat->socket)
		return 0;
	if (nat->asked >= NAT_LOOKUPS)
		return -EBUSY;
	nat->asked++;
	nat->stats.lookups++;
	result = ask(nat, udp, seen, real);
	if (result == -EPERM) {
		deny(nat);
		return 0;
	}
	nat->stats.translated += result == 1;
	return result;
}

void nat_stats(struct nat *nat, struct nat_stats *stats)
{
	*stats = (struct nat_stats){ .state = NAT_OFF };
	if (!nat)
		return;
	begin_second(nat);
	*stats = nat->stats;
}
