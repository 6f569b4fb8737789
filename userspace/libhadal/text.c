/* SPDX-License-Identifier: MIT */
/*
 * Texts of events: UTF-8, addresses, names of numbers.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <hadal/event.h>
#include <hadal/names.h>

HADAL_API bool hadal_texts_next(struct hadal_text *texts, struct hadal_text *text)
{
	const char *end;

	if (!texts->length)
		return false;
	end = memchr(texts->data, 0, texts->length);
	text->data = texts->data;
	text->length = end ? (size_t)(end - texts->data) : texts->length;
	texts->data += text->length + (end != NULL);
	texts->length -= text->length + (end != NULL);
	return true;
}

/* What may follow a lead byte: Unicode 15, table 3-7. */
struct utf8_form {
	uint8_t first, last;	/* the lead byte */
	uint8_t low, high;	/* the second byte */
	uint8_t length;		/* bytes of the sequence */
};

static const struct utf8_form utf8_forms[] = {
	{ 0x01, 0x7f, 0x00, 0x00, 1 },
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static const struct utf8_form *utf8_form_of(uint8_t lead)
{
	size_t i;

	for (i = 0; i < sizeof(utf8_forms) / sizeof(utf8_forms[0]); i++)
		if (lead >= utf8_forms[i].first && lead <= utf8_forms[i].last)
			return &utf8_forms[i];
	return NULL;
}

/* Bytes of the valid sequence that text begins with; 0: none. */
static size_t utf8_sequence(const uint8_t *text, size_t length)
{
	const struct utf8_form *form = utf8_form_of(text[0]);
	size_t i;

	if (!form || form->length > length)
		return 0;
	if (form->length > 1 && (text[1] < form->low || text[1] > form->high))
		return 0;
	for (i = 2; i < form->length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return form->length;
}

HADAL_API size_t hadal_utf8(struct hadal_text text, char *out)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const uint8_t *in = (const uint8_t *)text.data;
	size_t at = 0, written = 0, length;

	while (at < text.length) {
		length = utf8_sequence(in + at, text.length - at);
		if (length) {
			memcpy(out + written, in + at, length);
			written += length;
			at += length;
		} else {
			memcpy(out + written, replacement, 3);
			written += 3;
			at++;
		}
	}
	out[written] = 0;
	return written;
}

HADAL_API const char *hadal_error_type(uint32_t error)
{
	const char *name = error && error < 4096 ? strerrorname_np((int)error) : NULL;

	return name ? name : HADAL_VALUE_ERROR_OTHER;
}

HADAL_API const char *hadal_tcp_state_name(uint32_t state)
{
	/* The kernel's numbers, include/net/tcp_states.h; SYN_RECV and NEW_SYN_RECV are one. */
	static const char *const names[] = {
		[1] = "established", [2] = "syn_sent", [3] = "syn_received",
		[4] = "fin_wait_1", [5] = "fin_wait_2", [6] = "time_wait",
		[7] = "closed", [8] = "close_wait", [9] = "last_ack",
		[10] = "listen", [11] = "closing", [12] = "syn_received",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : NULL;
}

HADAL_API const char *hadal_tcp_ending_name(uint32_t ending)
{
	static const char *const names[] = {
		[HADAL_TCP_ENDING_LOCAL_CLOSE] = HADAL_VALUE_ENDING_LOCAL_CLOSE,
		[HADAL_TCP_ENDING_PEER_CLOSE] = HADAL_VALUE_ENDING_PEER_CLOSE,
		[HADAL_TCP_ENDING_BOTH_CLOSE] = HADAL_VALUE_ENDING_BOTH_CLOSE,
		[HADAL_TCP_ENDING_RESET] = HADAL_VALUE_ENDING_RESET,
		[HADAL_TCP_ENDING_RESET_AFTER_CLOSE] = HADAL_VALUE_ENDING_RESET_AFTER_CLOSE,
		[HADAL_TCP_ENDING_TIMED_OUT] = HADAL_VALUE_ENDING_TIMED_OUT,
		[HADAL_TCP_ENDING_UNREACHABLE] = HADAL_VALUE_ENDING_UNREACHABLE,
		[HADAL_TCP_ENDING_ABORTED_UNREAD] = HADAL_VALUE_ENDING_ABORTED_UNREAD,
		[HADAL_TCP_ENDING_ABORTED_LINGER] = HADAL_VALUE_ENDING_ABORTED_LINGER,
		[HADAL_TCP_ENDING_DISCONNECTED] = HADAL_VALUE_ENDING_DISCONNECTED,
		[HADAL_TCP_ENDING_NOT_ACCEPTED] = HADAL_VALUE_ENDING_NOT_ACCEPTED,
		[HADAL_TCP_ENDING_DESTROYED] = HADAL_VALUE_ENDING_DESTROYED,
		[HADAL_TCP_ENDING_KERNEL] = HADAL_VALUE_ENDING_KERNEL,
	};

	return ending < sizeof(names) / sizeof(names[0]) ? names[ending] : NULL;
}

HADAL_API void hadal_address_text(uint16_t family, const uint8_t address[16], char text[HADAL_ADDRESS_SIZE])
{
	_Static_assert(HADAL_ADDRESS_SIZE == INET6_ADDRSTRLEN, "the longest address");

	if (!inet_ntop(family, address, text, HADAL_ADDRESS_SIZE))
		text[0] = 0;
}
