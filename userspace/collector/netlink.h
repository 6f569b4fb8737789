/* SPDX-License-Identifier: MIT */
/*
 * What libmnl leaves to who reads a message.
 */
#ifndef HADALD_NETLINK_H
#define HADALD_NETLINK_H

#include <stdbool.h>
#include <stddef.h>

#include <libmnl/libmnl.h>

/*
 * Whether @length bytes at @header begin with a whole message. mnl_nlmsg_ok() takes
 * its length for signed, so one above 2 GiB passes; and mnl_attr_parse() reads up to
 * the padding behind the last attribute, so that has to be there too.
 */
static inline bool netlink_is_whole(const struct nlmsghdr *header, size_t length)
{
	return length >= sizeof(*header) && header->nlmsg_len >= sizeof(*header) &&
	       header->nlmsg_len <= length - length % MNL_ALIGNTO;
}

#endif
