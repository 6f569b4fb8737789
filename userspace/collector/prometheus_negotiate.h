/* SPDX-License-Identifier: MIT */
/*
 * What somebody who scrapes wants, by the headers of the request.
 * Source: RFC 9110, 12.5.1 "Accept" and 12.5.3 "Accept-Encoding".
 */
#ifndef HADALD_PROMETHEUS_NEGOTIATE_H
#define HADALD_PROMETHEUS_NEGOTIATE_H

#include <stdbool.h>

#include "prometheus_text.h"

/**
 * prometheus_negotiate_format() - the format that is preferred
 * @accept: the header's value; NULL: there is none
 *
 * The older one where nothing that can be had is asked for: it is what a person
 * or a plain client expects.
 */
enum prometheus_format prometheus_negotiate_format(const char *accept);

/**
 * prometheus_negotiate_gzip() - whether gzip is asked for
 * @accept_encoding: the header's value; NULL: there is none
 */
bool prometheus_negotiate_gzip(const char *accept_encoding);

#endif
