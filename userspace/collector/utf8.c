// SPDX-License-Identifier: MIT
#include "utf8.h"

#include <stdint.h>
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

/* Bytes of plain ASCII that @from begins with, at most @limit. */
static size_t ascii_run(const char *from, size_t limit)
{
	size_t length = 0;

	while (length < limit && (unsigned char)(from[length] - 1) < 0x7f)
		length++;
	return length;
}

size_t hadal_utf8_sane(char *to, const char *from, size_t limit, bool *cut)
{
	/* Nearly always that is all. */
	size_t written = ascii_run(from, limit);

	if (to)
		memcpy(to, from, written);
	from += written;
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

/* Whether none of eight bytes is 0 or above 0x7f. */
static bool plain_word(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;

	return !((word | (word - ones)) & tops);
}

bool hadal_utf8_valid(const char *string, size_t size)
{
	const char *end = string + size;
	bool valid = true;
	uint64_t word;

	for (; (size_t)(end - string) >= sizeof(word); string += sizeof(word)) {
		memcpy(&word, string, sizeof(word));
		if (!plain_word(word))
			break;
	}
	while (valid && string < end && *string)
		string += next_part(string, &valid);
	return valid && string == end;
}
