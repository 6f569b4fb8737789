// SPDX-License-Identifier: MIT
/*
 * URLs are taken apart by libcurl's own parser, so that what is checked is what
 * is connected to.
 */
#include "ship_endpoint.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const signal_path[HADAL_SIGNALS] = {
	[HADAL_SIGNAL_METRICS] = "v1/metrics",
	[HADAL_SIGNAL_LOGS] = "v1/logs",
};

static const char *const signal_name[HADAL_SIGNALS] = {
	[HADAL_SIGNAL_METRICS] = "metrics",
	[HADAL_SIGNAL_LOGS] = "logs",
};

static char *part(CURLU *parsed, CURLUPart what)
{
	char *value = NULL;

	return curl_url_get(parsed, what, &value, 0) == CURLUE_OK ? value : NULL;
}

static bool has_part(CURLU *parsed, CURLUPart what)
{
	char *value = part(parsed, what);
	const bool has = value && *value;

	curl_free(value);
	return has;
}

bool hadal_is_loopback_host(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char address[INET6_ADDRSTRLEN];

	if (!strcasecmp(host, "localhost"))	/* libcurl resolves it to loopback itself */
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (host[0] != '[' || sscanf(host, "[%45[^]]]", address) != 1 || inet_pton(AF_INET6, address, &v6) != 1)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6);
}

static void judge(struct hadal_endpoint *endpoint, CURLU *parsed)
{
	char *scheme = part(parsed, CURLUPART_SCHEME);
	char *host = part(parsed, CURLUPART_HOST);

	endpoint->loopback = host && hadal_is_loopback_host(host);
	endpoint->plain = !endpoint->loopback && (!scheme || strcmp(scheme, "https"));
	endpoint->has_userinfo = has_part(parsed, CURLUPART_USER) || has_part(parsed, CURLUPART_PASSWORD);
	curl_free(scheme);
	curl_free(host);
}

static bool is_http(CURLU *parsed)
{
	char *scheme = part(parsed, CURLUPART_SCHEME);
	const bool is = scheme && (!strcmp(scheme, "http") || !strcmp(scheme, "https"));

	curl_free(scheme);
	return is;
}

/* Base URLs get the signal's path behind their own. */
static int append_path(CURLU *parsed, enum hadal_signal signal)
{
	char *path = part(parsed, CURLUPART_PATH);
	const size_t length = path ? strlen(path) : 0;
	const char *slash = length && path[length - 1] == '/' ? "" : "/";
	char *whole = NULL;
	int ret = -ENOMEM;

	if (path && asprintf(&whole, "%s%s%s", path, slash, signal_path[signal]) >= 0) {
		ret = curl_url_set(parsed, CURLUPART_PATH, whole, 0) == CURLUE_OK ? 0 : -ENOMEM;
		free(whole);
	}
	curl_free(path);
	return ret;
}

static char *take_url(CURLU *parsed)
{
	char *url = part(parsed, CURLUPART_URL);
	char *copy = url ? strdup(url) : NULL;

	curl_free(url);
	return copy;
}

static int keep(struct hadal_endpoint *endpoint, CURLU *parsed)
{
	judge(endpoint, parsed);
	endpoint->url = take_url(parsed);
	curl_url_set(parsed, CURLUPART_USER, NULL, 0);
	curl_url_set(parsed, CURLUPART_PASSWORD, NULL, 0);
	curl_url_set(parsed, CURLUPART_QUERY, NULL, 0);
	curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
	endpoint->shown = take_url(parsed);
	return endpoint->url && endpoint->shown ? 0 : -ENOMEM;
}

static int parse(CURLU *parsed, struct hadal_endpoint *endpoint, const char *own, const char *base,
		 enum hadal_signal signal, char *error, size_t error_size)
{
	const CURLUcode code = curl_url_set(parsed, CURLUPART_URL, own ? own : base, 0);
	int ret;

	/* The URL itself may hold a credential and is not repeated. */
	if (code == CURLUE_OUT_OF_MEMORY)
		return -ENOMEM;
	if (code != CURLUE_OK || !is_http(parsed)) {
		snprintf(error, error_size, "endpoint of %s: not an http:// or https:// URL%s%s", signal_name[signal],
			 code == CURLUE_OK ? "" : ": ", code == CURLUE_OK ? "" : curl_url_strerror(code));
		return -EINVAL;
	}
	if (!own) {
		ret = append_path(parsed, signal);
		if (ret)
			return ret;
	}
	return keep(endpoint, parsed);
}

int hadal_endpoint_init(struct hadal_endpoint *endpoint, const struct hadal_ship_config *config,
			enum hadal_signal signal, char *error, size_t error_size)
{
	const char *own = config->signal_endpoint[signal];
	CURLU *parsed;
	int ret;

	*endpoint = (struct hadal_endpoint){ 0 };
	if (config->signal_off[signal])
		return 0;
	if (!own && !config->endpoint) {
		snprintf(error, error_size, "no endpoint for %s", signal_name[signal]);
		return -EINVAL;
	}
	parsed = curl_url();
	if (!parsed)
		return -ENOMEM;
	ret = parse(parsed, endpoint, own, config->endpoint, signal, error, error_size);
	curl_url_cleanup(parsed);
	if (ret)
		hadal_endpoint_free(endpoint);
	return ret;
}

void hadal_endpoint_free(struct hadal_endpoint *endpoint)
{
	free(endpoint->url);
	free(endpoint->shown);
	*endpoint = (struct hadal_endpoint){ 0 };
}

/* Headers */

static bool listed(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (!strcasecmp(name, *list))
			return true;
	return false;
}

bool hadal_is_header_name(const char *name)
{
	static const char allowed[] = "!#$%&'*+-.^_`|~0123456789"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

	return *name && !name[strspn(name, allowed)];
}

bool hadal_is_header_value(const char *value)
{
	for (; *value; value++)
		if (((unsigned char)*value < ' ' && *value != '\t') || *value == 0x7f)
			return false;
	return true;
}

int hadal_header_check(const struct hadal_ship_header *header, char *error, size_t error_size)
{
	static const char *const own[] = {
		"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect",
		"Hadal-Batch-Id", "Host", "Transfer-Encoding", "User-Agent", NULL,
	};

	if (!header->name || !header->value || !hadal_is_header_name(header->name)) {
		snprintf(error, error_size, "a header's name is empty or holds a character that no name may have");
		return -EINVAL;
	}
	if (!hadal_is_header_value(header->value)) {
		snprintf(error, error_size, "header %.64s: its value holds a control character", header->name);
		return -EINVAL;
	}
	if (listed(header->name, own)) {
		snprintf(error, error_size, "header %.64s cannot be configured: hadald sets it", header->name);
		return -EINVAL;
	}
	return 0;
}

static bool ends_with(const char *name, const char *end)
{
	const size_t length = strlen(name), end_length = strlen(end);

	return length >= end_length && !strcasecmp(name + length - end_length, end);
}

bool hadal_header_is_credential(const char *name)
{
	static const char *const known[] = { "Authorization", "Proxy-Authorization", "Cookie", NULL };

	return listed(name, known) || ends_with(name, "key") || ends_with(name, "token") ||
	       ends_with(name, "secret");
}
