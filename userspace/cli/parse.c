/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hadal/hadal.h>

#include "cli.h"

struct unit {
	const char *name;
	uint64_t factor;
};

/* A whole number and one of the units. */
static bool parse_with_unit(const char *text, const struct unit *units, size_t count, uint64_t *value)
{
	char *end;
	size_t i;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	if (errno)
		return false;
	for (i = 0; i < count; i++)
		if (!strcmp(end, units[i].name))
			return !__builtin_mul_overflow(*value, units[i].factor, value);
	return false;
}

bool parse_duration(const char *text, uint64_t *duration)
{
	static const struct unit units[] = {
		{ "", 1000000000 }, { "s", 1000000000 }, { "ms", 1000000 },
		{ "m", 60000000000 }, { "h", 3600000000000 },
	};

	return parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), duration);
}

bool parse_size(const char *text, uint32_t *size)
{
	static const struct unit units[] = {
		{ "", 1 }, { "K", 1024 }, { "KiB", 1024 }, { "M", 1 << 20 }, { "MiB", 1 << 20 },
	};
	uint64_t bytes;

	if (!parse_with_unit(text, units, sizeof(units) / sizeof(units[0]), &bytes) ||
	    bytes > UINT32_MAX)
		return false;
	*size = (uint32_t)bytes;
	return true;
}

bool parse_count(const char *text, uint64_t *count)
{
	static const struct unit units[] = { { "", 1 } };

	return parse_with_unit(text, units, 1, count) && *count > 0;
}

static bool find_class(const char *name, size_t length, uint32_t *classes)
{
	const char *known;
	unsigned int i;

	for (i = HADAL_CLASS_PROCESS; i < HADAL_CLASS_SLOTS; i++) {
		known = hadal_class_name(i);
		if (!known || strlen(known) != length || memcmp(known, name, length))
			continue;
		*classes |= HADAL_CLASS_BIT(i);
		return true;
	}
	return false;
}

bool parse_classes(const char *text, uint32_t *classes, char **unknown)
{
	size_t length;

	*classes = 0;
	for (;;) {
		length = strcspn(text, ",");
		if (!find_class(text, length, classes)) {
			*unknown = strndup(text, length);
			return false;
		}
		if (!text[length])
			return true;
		text += length + 1;
	}
}
