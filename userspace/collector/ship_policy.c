// SPDX-License-Identifier: MIT
#include "ship_policy.h"

#include <ctype.h>
#include <curl/curl.h>

enum hadal_ship_verdict hadal_ship_verdict_of_status(long status)
{
	switch (status) {
	case 200 ... 299:
		return HADAL_SHIP_DELIVERED;
	case 429:
	case 502:
	case 503:
	case 504:
		return HADAL_SHIP_REPEAT;
	default:
		return HADAL_SHIP_REFUSED;
	}
}

enum hadal_ship_verdict hadal_ship_verdict_of_transfer(int curl_code)
{
	switch (curl_code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_NOT_BUILT_IN:
	case CURLE_BAD_FUNCTION_ARGUMENT:
	case CURLE_WRITE_ERROR:		/* the answer exceeded its bound */
		return HADAL_SHIP_REFUSED;
	default:
		return HADAL_SHIP_REPEAT;
	}
}

static int64_t bounded_ms(int64_t seconds, unsigned int max_ms)
{
	if (seconds <= 0)
		return 0;
	return seconds > max_ms / 1000 ? max_ms : seconds * 1000;
}

/* Digits alone; a number too large to hold is as good as the largest. */
static int64_t parse_seconds(const char *value, const char **end)
{
	int64_t seconds = 0;

	for (*end = value; isdigit((unsigned char)**end); (*end)++)
		if (seconds < INT32_MAX)
			seconds = seconds * 10 + (**end - '0');
	return seconds;
}

int64_t hadal_retry_after_ms(const char *value, time_t now, unsigned int max_ms)
{
	const char *end;
	int64_t seconds;
	time_t date;

	while (*value == ' ' || *value == '\t')
		value++;
	if (isdigit((unsigned char)*value)) {
		seconds = parse_seconds(value, &end);
		while (isspace((unsigned char)*end))
			end++;
		return *end ? -1 : bounded_ms(seconds, max_ms);
	}
	/* All three forms of an HTTP-date begin with a weekday; libcurl knows them, and more. */
	if (!isalpha((unsigned char)*value))
		return -1;
	date = curl_getdate(value, NULL);
	return date < 0 ? -1 : bounded_ms(date - now, max_ms);
}

unsigned int hadal_backoff_ms(unsigned int first_ms, unsigned int max_ms, unsigned int failures,
			      uint32_t random)
{
	uint64_t step = first_ms;

	for (unsigned int i = 1; i < failures && step < max_ms; i++)
		step *= 2;
	if (step > max_ms)
		step = max_ms;
	return (unsigned int)(step - ((step / 2 * random) >> 32));
}
