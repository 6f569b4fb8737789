/* SPDX-License-Identifier: MIT */
/*
 * What receivers of OTLP and of remote write answer: bodies that say what was wrong, or
 * how much was not taken, and how long to wait. What is told of them is text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "otlp_response.h"
#include "ship_policy.h"

enum { LONGEST_WAIT_MS = 300000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_text(const char *text, size_t size)
{
	if (strnlen(text, size) == size)
		abort();
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			abort();
}

static void take_wait(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	const int64_t wait = hadal_retry_after_ms(text, 1700000000, LONGEST_WAIT_MS);

	if (wait < -1 || wait > LONGEST_WAIT_MS)
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hadal_otlp_response response = { 0 };
	char text[160];

	for (int protobuf = 0; protobuf < 2; protobuf++) {
		hadal_otlp_error_text(data, size, protobuf, text, sizeof(text));
		is_text(text, sizeof(text));
	}
	if (hadal_otlp_response_parse(data, size, &response) == 0)
		is_text(response.message, sizeof(response.message));
	take_wait(data, size);
	return 0;
}
