// SPDX-License-Identifier: MIT
/*
 * Arguments, with a NUL between: the first byte says whether the last was cut. There
 * are as many afterwards, without secrets of the plainest forms.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "redact.h"

enum { ARGUMENTS = 64 };

/* No user and password in a URL, no key. */
static void check(const char *text)
{
	const char *url = strstr(text, "://");
	size_t length = url ? strcspn(url, "@ \t\n\v\f\r\"'<>") : 0;

	if (url && url[length] == '@')
		assert(memmem(url, length, REDACTED, strlen(REDACTED)));
	assert(!strstr(text, "-----BEGIN PRIVATE KEY"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct redactor *redactor;
	char *list[ARGUMENTS], *copy, *at;
	size_t count = 0;

	if (!size || size > 4096 || (!redactor && redactor_new(NULL, &redactor)))
		return 0;
	copy = fuzz_text(data + 1, size - 1);
	for (at = copy; at < copy + size && count < ARGUMENTS; at += strlen(at) + 1)
		list[count++] = strdup(at);
	assert(redact_arguments(redactor, list, count, data[0] & 1) == 0);
	while (count) {
		check(list[--count]);
		free(list[count]);
	}
	free(copy);
	return 0;
}
