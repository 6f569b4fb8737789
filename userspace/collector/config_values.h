/* SPDX-License-Identifier: MIT */
/* What values of the configuration are made of: numbers, lists, strings. */
#ifndef HADALD_CONFIG_VALUES_H
#define HADALD_CONFIG_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB	1024ULL
#define MIB	(1024 * KIB)

/* A key that is there and has no value sets nothing. */
static inline const char *unless_empty(const char *text)
{
	return text && *text ? text : NULL;
}

/* Puts a copy of @value in place of *@string, which is freed; false: no memory, and *@string stays. */
bool config_replace(char **string, const char *value);

/* @with_suffix: K, M or G (of 1024) may stand behind it. Returns 0 or -EINVAL. */
int config_number(const char *value, bool with_suffix, uint64_t *number);

/* -1: it is none. */
int config_hex_digit(char c);

/* Cuts off blanks in place; returns where the rest begins. */
char *config_trim(char *text);

/* Returns NULL, or what is wrong with @item: static text. */
typedef const char *(*config_item_fn)(void *context, const char *item);

/* Gives @take each item of a list with commas between, up to the first that is wrong; returns what it does. */
const char *config_each_item(const char *value, config_item_fn take, void *context);

#endif
