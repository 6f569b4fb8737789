/* SPDX-License-Identifier: MIT */
/* Reads what a receiver answers to an export request. */
#ifndef HADAL_OTLP_RESPONSE_H
#define HADAL_OTLP_RESPONSE_H

#include <stddef.h>
#include <stdint.h>

struct hadal_otlp_response {
	uint64_t rejected;	/* points or records that the receiver did not take */
	char message[160];	/* its reason or warning, printable; may be empty */
};

/**
 * hadal_otlp_response_parse() - read the body of an answer of status 200
 *
 * An empty body is a full success.
 *
 * Return: 0; -EBADMSG: not an export response.
 */
int hadal_otlp_response_parse(const uint8_t *body, size_t size, struct hadal_otlp_response *response);

/**
 * hadal_otlp_error_text() - the message in the body of an answer that is an error
 * @protobuf: the body is a Status message, as OTLP wants it; else it is text
 * @text: gets the message, printable and cut to @text_size; may become empty
 */
void hadal_otlp_error_text(const uint8_t *body, size_t size, int protobuf, char *text, size_t text_size);

#endif
