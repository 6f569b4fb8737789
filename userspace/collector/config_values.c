// SPDX-License-Identifier: MIT
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_values.h"

bool config_replace(char **string, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return false;
	free(*string);
	*string = copy;
	return true;
}

int config_number(const char *value, bool with_suffix, uint64_t *number)
{
	unsigned long long parsed, unit = 1;
	char *end;

	if (!isdigit((unsigned char)value[0]))
		return -EINVAL;
	errno = 0;
	parsed = strtoull(value, &end, 10);
	if (errno)
		return -EINVAL;
	if (with_suffix && *end) {
		switch (*end++) {
		case 'K':
			unit = KIB;
			break;
		case 'M':
			unit = MIB;
			break;
		case 'G':
			unit = 1024 * MIB;
			break;
		default:
			return -EINVAL;
		}
	}
	if (*end || __builtin_mul_overflow(parsed, unit, &parsed))
		return -EINVAL;
	*number = parsed;
	return 0;
}

int config_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *config_trim(char *text)
{
	char *end;

	while (*text == ' ' || *text == '\t')
		text++;
	end = text + strlen(text);
	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	return text;
}

/* Gives @take each item of a list with commas between, up to the first that is wrong. */
const char *config_each_item(const char *value, config_item_fn take, void *context)
{
	char *copy = strdup(value), *rest = copy, *item;
	const char *fault = copy ? NULL : "no memory";

	while (!fault && (item = strsep(&rest, ","))) {
		item = config_trim(item);
		if (*item)
			fault = take(context, item);
	}
	free(copy);
	return fault;
}
