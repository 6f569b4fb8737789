/* SPDX-License-Identifier: MIT */
#include "prometheus_negotiate.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { Q_ONE = 1000 };	/* weights in thousandths, all that there are */

/* Part of a header's value. */
struct span {
	const char *at;
	size_t length;
};

struct choice {
	struct span name;	/* what is chosen */
	struct span version;	/* empty: there is none */
	unsigned int q;
};

static struct span trimmed(struct span span)
{
	while (span.length && isspace((unsigned char)*span.at)) {
		span.at++;
		span.length--;
	}
	while (span.length && isspace((unsigned char)span.at[span.length - 1]))
		span.length--;
	return span;
}

static bool is(struct span span, const char *text)
{
	return span.length == strlen(text) && strncasecmp(span.at, text, span.length) == 0;
}

/* Up to the next @end that is not between quotes; @rest goes on behind it. */
static struct span take_until(const char **rest, char end)
{
	const char *at = *rest;
	struct span span = { .at = at };
	bool quoted = false;

	for (; *at && (quoted || *at != end); at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '\\' && quoted && at[1])
			at++;
	}
	span.length = (size_t)(at - span.at);
	*rest = *at ? at + 1 : at;
	return trimmed(span);
}

/* "0.75" is 750; what is no weight counts as none wanted. */
static unsigned int weight(struct span text)
{
	unsigned int q, unit = Q_ONE / 10;

	if (!text.length || text.length > strlen("0.123") || (text.at[0] != '0' && text.at[0] != '1'))
		return 0;
	q = text.at[0] == '1' ? Q_ONE : 0;
	if (text.length > 1 && text.at[1] != '.')
		return 0;
	for (size_t i = 2; i < text.length; i++, unit /= 10) {
		if (!isdigit((unsigned char)text.at[i]))
			return 0;
		q += (unsigned int)(text.at[i] - '0') * unit;
	}
	return q < Q_ONE ? q : Q_ONE;
}

static struct span without_quotes(struct span span)
{
	if (span.length >= 2 && span.at[0] == '"' && span.at[span.length - 1] == '"')
		return (struct span){ span.at + 1, span.length - 2 };
	return span;
}

static void take_parameter(struct choice *choice, struct span parameter)
{
	const char *equals = memchr(parameter.at, '=', parameter.length);
	struct span name, value;

	if (!equals)
		return;
	name = trimmed((struct span){ parameter.at, (size_t)(equals - parameter.at) });
	value = trimmed((struct span){ equals + 1, parameter.length - (size_t)(equals + 1 - parameter.at) });
	if (is(name, "q"))
		choice->q = weight(value);
	else if (is(name, "version"))
		choice->version = without_quotes(value);
}

/* The next one of a list; false: there is none. */
static bool next_choice(const char **rest, struct choice *choice)
{
	struct span element;
	const char *end;

	if (!**rest)
		return false;
	element = take_until(rest, ',');
	end = element.at + element.length;
	*choice = (struct choice){ .q = Q_ONE };
	for (const char *at = element.at; at < end;) {
		struct span part = take_until(&at, ';');

		if (part.at + part.length > end)
			part.length = (size_t)(end - part.at);
		if (choice->name.at)
			take_parameter(choice, part);
		else
			choice->name = part;
	}
	return true;
}

static bool of_version(const struct choice *choice, const char *version)
{
	return !choice->version.length || is(choice->version, version);
}

enum prometheus_format prometheus_negotiate_format(const char *accept)
{
	unsigned int openmetrics = 0, text = 0;
	struct choice choice;

	while (accept && next_choice(&accept, &choice)) {
		unsigned int *q = NULL;

		if (is(choice.name, "application/openmetrics-text") && of_version(&choice, "1.0.0"))
			q = &openmetrics;
		else if ((is(choice.name, "text/plain") && of_version(&choice, "0.0.4")) ||
			 is(choice.name, "text/*") || is(choice.name, "*/*"))
			q = &text;
		if (q && choice.q > *q)
			*q = choice.q;
	}
	return openmetrics && openmetrics >= text ? PROMETHEUS_FORMAT_OPENMETRICS : PROMETHEUS_FORMAT_TEXT;
}

bool prometheus_negotiate_gzip(const char *accept_encoding)
{
	struct choice choice;
	bool any = false;

	while (accept_encoding && next_choice(&accept_encoding, &choice)) {
		if (is(choice.name, "gzip") || is(choice.name, "x-gzip"))
			return choice.q > 0;
		if (is(choice.name, "*"))
			any = choice.q > 0;
	}
	return any;
}
