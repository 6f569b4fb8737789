/* SPDX-License-Identifier: MIT */
/* What becomes of a request, and when it is sent again. */
#ifndef HADAL_SHIP_POLICY_H
#define HADAL_SHIP_POLICY_H

#include <stdint.h>
#include <time.h>

enum hadal_ship_verdict {
	HADAL_SHIP_DELIVERED,
	HADAL_SHIP_REPEAT,
	HADAL_SHIP_REFUSED,
};

/**
 * hadal_ship_verdict_of_status() - by the HTTP status
 *
 * Source: OTLP specification, "Retryable Response Codes". A redirection is a
 * refusal: a credential must not follow it.
 */
enum hadal_ship_verdict hadal_ship_verdict_of_status(long status);

/**
 * hadal_ship_verdict_of_transfer() - by libcurl's result, when there was no whole answer
 * @curl_code: a CURLcode other than CURLE_OK
 *
 * A receiver that is not there, not yet there, gone amid the answer or not to
 * be trusted may be there next time, the data being sound. Only what lies in
 * the request itself, or an answer larger than allowed, is final.
 */
enum hadal_ship_verdict hadal_ship_verdict_of_transfer(int curl_code);

/**
 * hadal_retry_after_ms() - how long a Retry-After header asks to wait
 * @value: the header's value: seconds, or an HTTP-date (RFC 9110, 10.2.3)
 * @now: when it was said, by the receiver's clock if that is known, seconds since the epoch
 * @max_ms: what a longer wait is cut to
 *
 * Return: milliseconds, 0 for a date that has passed; -1 when @value is neither.
 */
int64_t hadal_retry_after_ms(const char *value, time_t now, unsigned int max_ms);

/**
 * hadal_backoff_ms() - how long to wait before a repeat
 * @failures: how many attempts in a row have failed, from 1
 * @random: uniform over all values; spreads the hosts of a fleet
 *
 * Return: milliseconds, from half of the step to the whole of it; the step
 * doubles from @first_ms on, up to @max_ms.
 */
unsigned int hadal_backoff_ms(unsigned int first_ms, unsigned int max_ms, unsigned int failures,
			      uint32_t random);

#endif
