/* SPDX-License-Identifier: MIT */
/* The table of keys: which there are, of what type each is, and what it sets. */
#ifndef HADALD_CONFIG_KEYS_H
#define HADALD_CONFIG_KEYS_H

#include "config.h"

struct config_option;

/* The key @name of [@section]; NULL: there is none. */
const struct config_option *config_find(const char *section, const char *name);

/* The key of that number, as config_key(); NULL behind the last. */
const struct config_option *config_option_at(size_t index);

/* Sets it, or tells what is wrong with @value. @origin: "FILE:LINE", or what else it comes from. */
void config_set(struct config *config, const char *origin, const struct config_option *option, const char *value);

/* Frees what keys have set by their types, and where that came from. */
void config_keys_free(struct config *config);

/* Where "section.name" was set; "default". */
const char *config_origin(const struct config *config, const char *key);

/* Tells what is wrong, and counts it. @key: NULL where it is of none. */
__attribute__((format(printf, 4, 5)))
void config_wrong(struct config *config, const char *origin, const char *key, const char *format, ...);

#endif
