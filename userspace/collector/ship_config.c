// SPDX-License-Identifier: MIT
#include "ship_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	REQUEST_BYTES_MIN = 256,
	REQUEST_BYTES_MAX = 64 << 20,	/* what OTLP recommends a receiver to take at most */
	TIMEOUT_MS = 10 * 1000,
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_MAX_MS = 30 * 1000,
	RETRY_AFTER_MAX_MS = 300 * 1000,
};

static void set_defaults(struct hadal_ship_config *config)
{
	config->request_bytes = config->request_bytes ?: HADAL_REQUEST_BYTES;
	config->timeout_ms = config->timeout_ms ?: TIMEOUT_MS;
	config->backoff_first_ms = config->backoff_first_ms ?: BACKOFF_FIRST_MS;
	config->backoff_max_ms = config->backoff_max_ms ?: BACKOFF_MAX_MS;
	config->retry_after_max_ms = config->retry_after_max_ms ?: RETRY_AFTER_MAX_MS;
}

static int check_bounds(const struct hadal_ship_config *config, char *error, size_t error_size)
{
	if (config->request_bytes < REQUEST_BYTES_MIN || config->request_bytes > REQUEST_BYTES_MAX) {
		snprintf(error, error_size, "a request's bound is %zu bytes: it must be from %d to %d",
			 config->request_bytes, REQUEST_BYTES_MIN, REQUEST_BYTES_MAX);
		return -EINVAL;
	}
	if (config->backoff_first_ms > config->backoff_max_ms) {
		snprintf(error, error_size, "the first back-off (%u ms) is longer than the longest (%u ms)",
			 config->backoff_first_ms, config->backoff_max_ms);
		return -EINVAL;
	}
	return 0;
}

static int check_token(const struct hadal_ship_config *config, char *error, size_t error_size)
{
	if (!config->token)
		return 0;
	/* RFC 6750, 2.1: what a bearer token is made of; a line feed at its end is the usual mistake. */
	for (const char *c = config->token; *c; c++) {
		if (*c > ' ' && *c <= '~')
			continue;
		snprintf(error, error_size, "the token holds a space, a line feed or another character that no token may have");
		return -EINVAL;
	}
	if (!*config->token) {
		snprintf(error, error_size, "the token is empty");
		return -EINVAL;
	}
	return 0;
}

static int check_headers(const struct hadal_ship_config *config, char *error, size_t error_size)
{
	for (size_t i = 0; i < config->header_count; i++) {
		const struct hadal_ship_header *header = &config->headers[i];
		const int ret = hadal_header_check(header, error, error_size);

		if (ret)
			return ret;
		if ((config->token || config->auth || config->auth_name) && !strcasecmp(header->name, "Authorization")) {
			snprintf(error, error_size, "both %s and a header Authorization are configured",
				 config->auth_name ? config->auth_name : "a token");
			return -EINVAL;
		}
		if (config->is_signed && !strncasecmp(header->name, "X-Amz-", strlen("X-Amz-"))) {
			snprintf(error, error_size, "header %.64s cannot be configured: it is the signature's", header->name);
			return -EINVAL;
		}
	}
	return 0;
}

static const char *credential(const struct hadal_ship_config *config, const struct hadal_endpoint *endpoint)
{
	if (config->auth_name)
		return config->auth_name;
	if (config->token || config->auth)
		return "the token";
	if (endpoint->has_userinfo)
		return "the user and password in the address";
	for (size_t i = 0; i < config->header_count; i++)
		if (hadal_header_is_credential(config->headers[i].name))
			return config->headers[i].name;
	return NULL;
}

static int check_signable(const struct hadal_ship_config *config, const struct hadal_endpoint *endpoint,
			  char *error, size_t error_size)
{
	if (!config->is_signed || !endpoint->url || (!endpoint->has_userinfo && !strchr(endpoint->url, '?')))
		return 0;
	snprintf(error, error_size, "%s: what is signed has no user, no password and no query in its address",
		 endpoint->shown);
	return -EINVAL;
}

static int check_secrecy(const struct hadal_ship_config *config, const struct hadal_endpoint *endpoint,
			 char *error, size_t error_size)
{
	const char *secret = endpoint->url && endpoint->plain ? credential(config, endpoint) : NULL;

	if (!secret)
		return 0;
	snprintf(error, error_size, "%.64s is not sent over plain http to another host (%s): use https",
		 secret, endpoint->shown);
	return -EACCES;
}

static int check_file(const char *what, const char *path, char *error, size_t error_size)
{
	int fd;

	if (!path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		const int ret = -errno;

		snprintf(error, error_size, "%s %s: %s", what, path, strerror(-ret));
		return ret;
	}
	close(fd);
	return 0;
}

static int check_tls(const struct hadal_ship_config *config, enum hadal_ship_part *part, char *error,
		     size_t error_size)
{
	int ret;

	*part = HADAL_SHIP_PART_CA_CERTIFICATE;
	ret = check_file("CA certificate", config->ca_certificate, error, error_size);
	if (ret)
		return ret;
	*part = HADAL_SHIP_PART_CLIENT_CERTIFICATE;
	ret = check_file("client certificate", config->client_certificate, error, error_size);
	if (ret)
		return ret;
	*part = HADAL_SHIP_PART_CLIENT_KEY;
	ret = check_file("client key", config->client_key, error, error_size);
	if (!ret && config->client_key && !config->client_certificate) {
		snprintf(error, error_size, "a client key is configured without a client certificate");
		ret = -EINVAL;
	}
	return ret;
}

static int resolve_endpoints(const struct hadal_ship_config *config, struct hadal_endpoint *endpoints,
			     enum hadal_ship_part *part, char *error, size_t error_size)
{
	for (int signal = 0; signal < HADAL_SIGNALS; signal++) {
		int ret = hadal_endpoint_init(&endpoints[signal], config, (enum hadal_signal)signal,
					      error, error_size);

		if (!ret)
			ret = check_secrecy(config, &endpoints[signal], error, error_size);
		if (!ret)
			ret = check_signable(config, &endpoints[signal], error, error_size);
		if (!ret)
			continue;
		*part = (enum hadal_ship_part)(HADAL_SHIP_PART_ENDPOINT + signal);
		for (; signal >= 0; signal--)
			hadal_endpoint_free(&endpoints[signal]);
		return ret;
	}
	return 0;
}

int hadal_ship_config_resolve(const struct hadal_ship_config *config, struct hadal_ship_config *resolved,
			      struct hadal_endpoint *endpoints, enum hadal_ship_part *part, char *error,
			      size_t error_size)
{
	int ret;

	*resolved = *config;
	set_defaults(resolved);
	*part = HADAL_SHIP_PART_BOUNDS;
	ret = check_bounds(resolved, error, error_size);
	if (ret)
		return ret;
	*part = HADAL_SHIP_PART_TOKEN;
	ret = check_token(resolved, error, error_size);
	if (ret)
		return ret;
	*part = HADAL_SHIP_PART_HEADERS;
	ret = check_headers(resolved, error, error_size);
	if (!ret)
		ret = check_tls(resolved, part, error, error_size);
	if (!ret)
		ret = resolve_endpoints(resolved, endpoints, part, error, error_size);
	return ret;
}
