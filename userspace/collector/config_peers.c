// SPDX-License-Identifier: MIT
#include "config_parts.h"
#include "config_values.h"

struct network_list {
	struct network *list;
	unsigned int *count;
};

static const char *add_network(void *context, const char *item)
{
	struct network_list *to = context;

	if (*to->count == CONFIG_NETWORKS)
		return "more than 48 networks";
	if (network_parse(item, &to->list[*to->count]))
		return "not a list of networks such as 10.1.0.0/16, 2001:db8::/32";
	++*to->count;
	return NULL;
}

static const char *parse_networks(const char *value, struct network *list, unsigned int *count)
{
	struct network_list to = { list, count };

	*count = 0;
	return config_each_item(value, add_network, &to);
}

const char *config_set_networks(struct config *config, const char *value)
{
	return parse_networks(value, config->networks, &config->network_count);
}

const char *config_set_balancers(struct config *config, const char *value)
{
	return parse_networks(value, config->balancers, &config->balancer_count);
}

struct kind_list {
	struct proxy_kind *list;
	unsigned int *count;
};

static const char *add_kind(void *context, const char *item)
{
	struct kind_list *to = context;

	if (*to->count == PROXY_KINDS)
		return "more than 16 names";
	if (proxy_kind_parse(item, &to->list[*to->count]))
		return "not a list of names of up to 63 characters, none with a wildcard in front, such as envoy, edge-*";
	++*to->count;
	return NULL;
}

static const char *parse_kinds(const char *value, struct proxy_kind *list, unsigned int *count)
{
	struct kind_list to = { list, count };

	*count = 0;
	return config_each_item(value, add_kind, &to);
}

const char *config_set_proxies(struct config *config, const char *value)
{
	return parse_kinds(value, config->proxies, &config->proxy_count);
}

const char *config_set_proxy_executables(struct config *config, const char *value)
{
	return parse_kinds(value, config->proxy_executables, &config->proxy_executable_count);
}
