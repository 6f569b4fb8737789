// SPDX-License-Identifier: MIT
#include "attribute_key.h"

#include <string.h>
#include <xxhash.h>

static struct hadal_key key_of(XXH128_hash_t hash)
{
	return (struct hadal_key){ hash.low64, hash.high64 };
}

struct hadal_key hadal_key_of_bytes(const void *bytes, size_t size, uint64_t seed)
{
	return key_of(XXH3_128bits_withSeed(bytes, size, seed));
}

static struct hadal_key hash_strings(const struct hadal_telemetry_attribute *attribute, uint64_t seed)
{
	struct hadal_key key = { seed, attribute->strings.count };

	for (size_t i = 0; i < attribute->strings.count; i++) {
		const char *string = attribute->strings.list[i];

		key = hadal_key_of_bytes(string, strlen(string), key.low ^ key.high);
	}
	return key;
}

static struct hadal_key hash_attribute(const struct hadal_telemetry_attribute *attribute)
{
	const uint64_t seed = XXH3_64bits_withSeed(attribute->key, strlen(attribute->key), attribute->type);

	switch (attribute->type) {
	case HADAL_VALUE_STRINGS:
		return hash_strings(attribute, seed);
	case HADAL_VALUE_INT:
		return hadal_key_of_bytes(&attribute->integer, sizeof(attribute->integer), seed);
	case HADAL_VALUE_DOUBLE:
		return hadal_key_of_bytes(&attribute->real, sizeof(attribute->real), seed);
	case HADAL_VALUE_BOOL:
		return hadal_key_of_bytes(&attribute->boolean, sizeof(attribute->boolean), seed);
	case HADAL_VALUE_STRING:
		break;
	}
	return hadal_key_of_bytes(attribute->string, strlen(attribute->string), seed);
}

/* A sum, which no order changes. */
struct hadal_key hadal_key_of_attributes(const struct hadal_telemetry_attribute *list, size_t count)
{
	struct hadal_key sum = { 0 };

	for (size_t i = 0; i < count; i++) {
		const struct hadal_key one = hash_attribute(&list[i]);

		sum.low += one.low;
		sum.high += one.high;
	}
	return sum;
}
