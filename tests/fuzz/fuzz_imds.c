// SPDX-License-Identifier: MIT
/*
 * EC2's metadata service: when the first byte is odd the rest is a token, which is to
 * be a header's value, else a document.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "fuzz_container.h"
#include "imds.h"

static void read_token(const char *text, size_t size)
{
	char token[IMDS_TOKEN_SIZE];

	if (imds_parse_token(text, size, token))
		return;
	assert(strlen(token) == size && token[0]);
	for (const char *at = token; *at; at++)
		assert(*at > ' ' && *at <= '~');
}

static void read_document(const char *text, size_t size)
{
	struct instance_facts facts;
	int result = imds_parse_document(text, size, &facts);

	FUZZ_CHECK_TEXT(facts.instance);
	FUZZ_CHECK_TEXT(facts.account);
	FUZZ_CHECK_TEXT(facts.region);
	FUZZ_CHECK_TEXT(facts.zone);
	FUZZ_CHECK_TEXT(facts.type);
	FUZZ_CHECK_TEXT(facts.image);
	assert(!result == !!facts.instance[0]);
	assert(result || (strlen(facts.account) == 12 && facts.region[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy;

	if (!size)
		return 0;
	copy = fuzz_text(data + 1, size - 1);
	if (data[0] & 1)
		read_token(copy, size - 1);
	else
		read_document(copy, size - 1);
	free(copy);
	return 0;
}
