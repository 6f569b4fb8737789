// SPDX-License-Identifier: MIT
#include "utf8.h"

#include <string.h>

static const char replacement[] = "\xef\xbf\xbd";

struct lead {
	unsigned int following;		/* bytes after the first */
	unsigned char low, high;	/* range of the second */
};

static struct lead classify(unsigned char c)
{
	if (c < 0x80)
		return (struct lead){ 0, 0, 0 };
	if (c >= 0xc2 && c <= 0xdf)
		return (struct lead){ 1, 0x80, 0xbf };
	if (c >= 0xe0 && c <= 0xef)
		return (struct lead){ 2, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf };
	if (c >= 0xf0 && c <= 0xf4)
		return (struct lead){ 3, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf };
	return (struct lead){ 1, 1, 0 };	/* no byte may follow */
}

/* The length of what begins at @s, and whether it is a character. */
static size_t next_part(const char *s, bool *valid)
{
	const unsigned char *bytes = (const unsigned char *)s;
	struct lead lead = classify(bytes[0]);
	size_t length = 1;

	for (; lead.following; lead.following--, length++) {
		if (bytes[length] < lead.low || bytes[length] > lead.high)
			break;
		lead.low = 0x80;
		lead.high = 0xbf;
	}
	*valid = lead.following == 0;
	return length;
}

size_t hadal_utf8_sane(char *to, const char *from, size_t limit, bool *cut)
{
	size_t written = 0;

	while (*from) {
		bool valid;
		const size_t length = next_part(from, &valid);
		const size_t out = valid ? length : sizeof(replacement) - 1;

		if (out > limit - written) {
			*cut = true;
			break;
		}
		if (to)
			memcpy(to + written, valid ? from : replacement, out);
		written += out;
		from += length;
	}
	if (to)
		to[written] = '\0';
	return written;
}
