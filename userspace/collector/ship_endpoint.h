/* SPDX-License-Identifier: MIT */
/* Where a signal goes, and whether a credential may go there. */
#ifndef HADAL_SHIP_ENDPOINT_H
#define HADAL_SHIP_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include "ship.h"

struct hadal_endpoint {
	char *url;		/* NULL: the signal is not shipped */
	char *shown;		/* for messages: without user, password and query */
	bool plain;		/* http to another host: no credential may go there */
	bool loopback;		/* this host: never through a proxy */
	bool has_userinfo;
};

/**
 * hadal_endpoint_init() - work out where @signal goes
 * @error: gets what is wrong
 *
 * Return: 0; -EINVAL: not an http or https URL, or none at all; -ENOMEM.
 */
int hadal_endpoint_init(struct hadal_endpoint *endpoint, const struct hadal_ship_config *config,
			enum hadal_signal signal, char *error, size_t error_size);

void hadal_endpoint_free(struct hadal_endpoint *endpoint);

/** hadal_is_loopback_host() - whether a URL's host, IPv6 in brackets, is this host */
bool hadal_is_loopback_host(const char *host);

/**
 * hadal_header_check() - whether a configured header can be sent
 *
 * Return: 0; -EINVAL: not a header by RFC 9110, or one that the shipper sets.
 */
int hadal_header_check(const struct hadal_ship_header *header, char *error, size_t error_size);

/** hadal_is_header_name() - whether it is one by RFC 9110, 5.1 */
bool hadal_is_header_name(const char *name);

/** hadal_is_header_value() - whether it has no control character but tabs */
bool hadal_is_header_value(const char *value);

/** hadal_header_is_credential() - whether @name is one that holds a secret */
bool hadal_header_is_credential(const char *name);

#endif
