/* SPDX-License-Identifier: MIT */
/*
 * Records as events: a name and attributes in the vocabulary of
 * hadal/names.h, the same for JSON lines and OTLP log records.
 */
#ifndef HADAL_EVENT_H
#define HADAL_EVENT_H

#include <hadal/hadal.h>

/* HADAL_EVENT_*; NULL for records that are no events (clocks, dump marks). Static. */
HADAL_API const char *hadal_event_name(const struct hadal_record *record);

enum hadal_attribute_type {
	HADAL_ATTRIBUTE_TEXT,
	HADAL_ATTRIBUTE_TEXTS,	/* several, each behind the other with its NUL; the last may lack it */
	HADAL_ATTRIBUTE_INTEGER,
	HADAL_ATTRIBUTE_REAL,
	HADAL_ATTRIBUTE_BOOLEAN,
};

/* Text is bytes as the kernel has them: hadal_utf8() makes them fit to be sent. */
struct hadal_attribute {
	const char *name;	/* HADAL_ATTR_* */
	enum hadal_attribute_type type;
	union {
		struct hadal_text text;	/* TEXT and TEXTS; valid during the call only */
		int64_t integer;
		double real;
		bool boolean;
	};
};

/* Returns 0 to go on; anything else ends the walk. */
typedef int (*hadal_attribute_fn)(void *context, const struct hadal_attribute *attribute);

/*
 * Calls visit for each attribute of a validated record, in a fixed order;
 * what is not known is left out. clock turns the times in it into wall-clock
 * time; where it was never synchronised those are left out. container.id and
 * aws.ecs.task.id are the caller's to add. Returns 0 or what visit returned.
 */
HADAL_API int hadal_event_attributes(const struct hadal_record *record, const struct hadal_clock *clock,
				     hadal_attribute_fn visit, void *context);

/*
 * Steps through TEXTS: takes the first text off *texts. Returns false when
 * none is left.
 */
HADAL_API bool hadal_texts_next(struct hadal_text *texts, struct hadal_text *text);

/* Bytes that hadal_utf8() needs at most for a text of length bytes. */
#define HADAL_UTF8_SIZE(length)	(3 * (length) + 1)

/*
 * Writes text as valid UTF-8 and NUL to out, which has room for
 * HADAL_UTF8_SIZE(text.length): each byte that is part of no valid sequence, and each NUL,
 * becomes U+FFFD. Returns the bytes written, without the NUL.
 */
HADAL_API size_t hadal_utf8(struct hadal_text text, char *out);

/* "ECONNREFUSED" for ECONNREFUSED; "_OTHER" for a number without a name. Static. */
HADAL_API const char *hadal_error_type(uint32_t error);

/* The kernel's TCP state in OpenTelemetry's words, "established"; NULL if unknown. Static. */
HADAL_API const char *hadal_tcp_state_name(uint32_t state);

/* enum hadal_tcp_ending as a word, "peer_close"; NULL if unknown. Static. */
HADAL_API const char *hadal_tcp_ending_name(uint32_t ending);

#define HADAL_ADDRESS_SIZE	46	/* INET6_ADDRSTRLEN */

/* Address (first 4 bytes for AF_INET) as text, IPv6 as RFC 5952 has it. */
HADAL_API void hadal_address_text(uint16_t family, const uint8_t address[16], char text[HADAL_ADDRESS_SIZE]);

#endif
