/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the configuration call of each other. A key with a form of its own
 * has a function here that sets it: it returns NULL, or what is wrong with the value:
 * static text. The checks are of what keys say together; they tell what is wrong.
 */
#ifndef HADALD_CONFIG_PARTS_H
#define HADALD_CONFIG_PARTS_H

#include "config.h"

/* ---- config_otlp.c: [otlp], and what sinks take of it ---- */

const char *config_set_headers(struct config *config, const char *value);
const char *config_set_metrics_headers(struct config *config, const char *value);
const char *config_set_logs_headers(struct config *config, const char *value);
const char *config_set_compression(struct config *config, const char *value);
const char *config_set_timeout(struct config *config, const char *value);
const char *config_set_temporality(struct config *config, const char *value);
void config_headers_free(struct config *config);

/* ---- config_module.c: [module] ---- */

const char *config_set_connection_key(struct config *config, const char *value);
void config_check_rings(struct config *config);

/* ---- config_filter.c: [filter] ---- */

const char *config_set_cgroups(struct config *config, const char *value);
const char *config_set_ports(struct config *config, const char *value);
const char *config_set_not_ports(struct config *config, const char *value);
const char *config_set_min_duration(struct config *config, const char *value);
void config_check_ports(struct config *config);
void config_cgroups_free(struct config *config);

/* ---- config_peers.c: [peers], [proxies] ---- */

const char *config_set_networks(struct config *config, const char *value);
const char *config_set_balancers(struct config *config, const char *value);
const char *config_set_proxies(struct config *config, const char *value);
const char *config_set_proxy_executables(struct config *config, const char *value);

/* ---- config_addresses.c: [ec2], and each URL, socket and directory ---- */

const char *config_set_ec2_metadata(struct config *config, const char *value);
void config_check_addresses(struct config *config);
void config_check_api_endpoint(struct config *config, const char *key, const char *url);

/* ---- config_environment.c ---- */

void config_read_environment(struct config *config);

/* ---- config_token.c: the token of [otlp] or of a sink ---- */

/* The environment's, else that of the file that is named, else of the systemd credential. */
void config_find_token(struct config *config);

/* ---- config_receivers.c: where is shipped to ---- */

/* Whether [otlp] is a sink. */
bool config_has_otlp(const struct config *config);
void config_fill_otlp(const struct config *config, struct hadal_sink_config *sink);
void config_fill_sink(const struct config_sink *sink, struct hadal_sink_config *to);

/* Gives @own, of a sink, what of @config its credentials may come from. */
void config_share_host(struct config *config, struct config *own);

/* ---- config_ship.c: whether it can be shipped with ---- */

void config_check_shipping(struct config *config);

#endif
