/* SPDX-License-Identifier: MIT */
/*
 * By what series, and sets of attributes, are known: a hash of 128 bits (XXH3).
 * With a fixed seed, since what is written with it outlives the process.
 */
#ifndef HADAL_ATTRIBUTE_KEY_H
#define HADAL_ATTRIBUTE_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "telemetry.h"

struct hadal_key {
	uint64_t low, high;
};

struct hadal_key hadal_key_of_bytes(const void *bytes, size_t size, uint64_t seed);

/** hadal_key_of_attributes() - of a set, in whatever order its attributes are; of none it is 0. */
struct hadal_key hadal_key_of_attributes(const struct hadal_telemetry_attribute *list, size_t count);

#endif
