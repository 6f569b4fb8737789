// SPDX-License-Identifier: MIT
/*
 * Documents of captures. What is read of one is written and read again: it must
 * come out as it was.
 */
#include <assert.h>
#include <string.h>

#include "document.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct document document, again;
	char error[DOCUMENT_ERROR_SIZE], *text;
	char *copy = malloc(size + 1);

	assert(copy);
	memcpy(copy, data, size);
	copy[size] = '\0';
	if (document_read(copy, size, &document, error)) {
		assert(*error);
	} else if (document.kind != DOCUMENT_UNKNOWN) {
		text = document_write(&document);
		assert(text);
		assert(document_read(text, strlen(text), &again, error) == 0);
		assert(memcmp(&document, &again, sizeof(document)) == 0);
		free(text);
	}
	free(copy);
	return 0;
}
