// SPDX-License-Identifier: MIT
#include "otlp_response.h"

#include <errno.h>
#include <string.h>

#include "proto/otlp.pb-c.h"

/* It goes to the log: one line, no control characters, ASCII. */
static void copy_printable(char *to, size_t size, const char *from, size_t length)
{
	size_t written = 0;

	for (size_t i = 0; i < length && written + 1 < size; i++) {
		const char c = from[i];

		if (c >= ' ' && c <= '~')
			to[written++] = c;
		else if (written && to[written - 1] != ' ')
			to[written++] = ' ';
	}
	while (written && to[written - 1] == ' ')
		written--;
	to[written] = '\0';
}

int hadal_otlp_response_parse(const uint8_t *body, size_t size, struct hadal_otlp_response *response)
{
	Otlp__ExportResponse *message = otlp__export_response__unpack(NULL, size, body);
	const Otlp__PartialSuccess *partial;

	*response = (struct hadal_otlp_response){ 0 };
	if (!message)
		return -EBADMSG;
	partial = message->partial_success;
	if (partial) {
		if (partial->has_rejected && partial->rejected > 0)
			response->rejected = (uint64_t)partial->rejected;
		if (partial->error_message)
			copy_printable(response->message, sizeof(response->message), partial->error_message,
				       strlen(partial->error_message));
	}
	otlp__export_response__free_unpacked(message, NULL);
	return 0;
}

static int status_text(const uint8_t *body, size_t size, char *text, size_t text_size)
{
	Otlp__Status *status = otlp__status__unpack(NULL, size, body);

	if (!status)
		return -EBADMSG;
	if (status->message)
		copy_printable(text, text_size, status->message, strlen(status->message));
	otlp__status__free_unpacked(status, NULL);
	return 0;
}

void hadal_otlp_error_text(const uint8_t *body, size_t size, int protobuf, char *text, size_t text_size)
{
	text[0] = '\0';
	if (protobuf && !status_text(body, size, text, text_size))
		return;
	copy_printable(text, text_size, (const char *)body, size);
}
