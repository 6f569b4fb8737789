/* SPDX-License-Identifier: MIT */
/*
 * The parts of a session's filter, from the texts in which people give them.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hadal/hadal.h>

/* A port at *text, which is moved past it and the blanks behind. */
static bool take_port(const char **text, uint16_t *port)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	value = strtoul(*text, &end, 10);
	if (value < 1 || value > UINT16_MAX)
		return false;
	*port = (uint16_t)value;
	*text = end + strspn(end, " \t");
	return true;
}

static bool take_range(const char **text, struct hadal_port_range *range)
{
	*text += strspn(*text, " \t");
	if (!take_port(text, &range->first))
		return false;
	range->last = range->first;
	if (**text != '-')
		return true;
	*text += 1 + strspn(*text + 1, " \t");
	return take_port(text, &range->last) && range->first <= range->last;
}

HADAL_API int hadal_port_ranges(const char *text, struct hadal_port_range ranges[HADAL_FILTER_PORTS],
				uint32_t *count)
{
	struct hadal_port_range range;

	memset(ranges, 0, HADAL_FILTER_PORTS * sizeof(ranges[0]));
	*count = 0;
	for (;; text++) {
		if (!take_range(&text, &range) || (*text && *text != ','))
			return -EINVAL;
		if (*count == HADAL_FILTER_PORTS)
			return -E2BIG;
		ranges[(*count)++] = range;
		if (!*text)
			return 0;
	}
}
