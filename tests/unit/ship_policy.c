// SPDX-License-Identifier: MIT
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <stdio.h>

#include "ship_policy.h"

static void test_status(void **state)
{
	(void)state;
	for (long status = 0; status < 1000; status++) {
		const enum hadal_ship_verdict verdict = hadal_ship_verdict_of_status(status);

		if (status >= 200 && status < 300)
			assert_int_equal(verdict, HADAL_SHIP_DELIVERED);
		else if (status == 429 || status == 502 || status == 503 || status == 504)
			assert_int_equal(verdict, HADAL_SHIP_REPEAT);
		else
			assert_int_equal(verdict, HADAL_SHIP_REFUSED);
	}
}

static void test_transfer(void **state)
{
	static const int repeated[] = {
		CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING,
		CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION,
		CURLE_PARTIAL_FILE, CURLE_HTTP2, CURLE_OUT_OF_MEMORY,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(repeated) / sizeof(repeated[0]); i++)
		assert_int_equal(hadal_ship_verdict_of_transfer(repeated[i]), HADAL_SHIP_REPEAT);
	assert_int_equal(hadal_ship_verdict_of_transfer(CURLE_WRITE_ERROR), HADAL_SHIP_REFUSED);
	assert_int_equal(hadal_ship_verdict_of_transfer(CURLE_URL_MALFORMAT), HADAL_SHIP_REFUSED);
}

enum { MAX_MS = 300000 };

static void test_retry_after_seconds(void **state)
{
	(void)state;
	assert_int_equal(hadal_retry_after_ms("0", 0, MAX_MS), 0);
	assert_int_equal(hadal_retry_after_ms("1", 0, MAX_MS), 1000);
	assert_int_equal(hadal_retry_after_ms("120", 0, MAX_MS), 120000);
	assert_int_equal(hadal_retry_after_ms(" \t120 ", 0, MAX_MS), 120000);
	assert_int_equal(hadal_retry_after_ms("007", 0, MAX_MS), 7000);
	assert_int_equal(hadal_retry_after_ms("300", 0, MAX_MS), MAX_MS);
	assert_int_equal(hadal_retry_after_ms("301", 0, MAX_MS), MAX_MS);
	assert_int_equal(hadal_retry_after_ms("2147483648", 0, MAX_MS), MAX_MS);
	assert_int_equal(hadal_retry_after_ms("18446744073709551617", 0, MAX_MS), MAX_MS);
	assert_int_equal(hadal_retry_after_ms("1", 0, 700), 700);
}

static void test_retry_after_date(void **state)
{
	const time_t now = 784111777;	/* Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's example */

	(void)state;
	assert_int_equal(hadal_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", now, MAX_MS), 0);
	assert_int_equal(hadal_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", now - 5, MAX_MS), 5000);
	assert_int_equal(hadal_retry_after_ms("Sunday, 06-Nov-94 08:49:37 GMT", now - 5, MAX_MS), 5000);
	assert_int_equal(hadal_retry_after_ms("Sun Nov  6 08:49:37 1994", now - 5, MAX_MS), 5000);
	assert_int_equal(hadal_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", now + 5, MAX_MS), 0);
	assert_int_equal(hadal_retry_after_ms("Fri, 31 Dec 2099 23:59:59 GMT", now, MAX_MS), MAX_MS);
}

static void test_retry_after_nonsense(void **state)
{
	static const char *const values[] = {
		"", " ", "soon", "-1", "1.5", "1 hour", "0x10", "+3", "Sun", "Sun, 99 Nov 1994 08:49:37 GMT", ";1", "\x80",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (hadal_retry_after_ms(values[i], 0, MAX_MS) != -1)
			fail_msg("\"%s\" was taken for a wait", values[i]);
}

static void test_backoff(void **state)
{
	(void)state;
	assert_int_equal(hadal_backoff_ms(1000, 30000, 1, 0), 1000);
	assert_int_equal(hadal_backoff_ms(1000, 30000, 1, UINT32_MAX), 501);
	assert_int_equal(hadal_backoff_ms(1000, 30000, 2, 0), 2000);
	assert_int_equal(hadal_backoff_ms(1000, 30000, 5, 0), 16000);
	assert_int_equal(hadal_backoff_ms(1000, 30000, 6, 0), 30000);
	assert_int_equal(hadal_backoff_ms(1000, 30000, UINT32_MAX, 0), 30000);
	assert_int_equal(hadal_backoff_ms(1000, 30000, UINT32_MAX, UINT32_MAX), 15001);
	assert_int_equal(hadal_backoff_ms(UINT32_MAX, UINT32_MAX, 9, 0), UINT32_MAX);
	assert_int_equal(hadal_backoff_ms(1, 1, 1, UINT32_MAX), 1);
}

static void test_backoff_range(void **state)
{
	(void)state;
	for (unsigned int failures = 1; failures < 40; failures++)
		for (uint64_t random = 0; random <= UINT32_MAX; random += UINT32_MAX / 7) {
			const unsigned int wait = hadal_backoff_ms(100, 9000, failures, (uint32_t)random);
			const unsigned int step = failures < 8 ? 100u << (failures - 1) : 9000;

			assert_in_range(wait, (step < 9000 ? step : 9000) / 2, step < 9000 ? step : 9000);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_retry_after_seconds),
		cmocka_unit_test(test_retry_after_date),
		cmocka_unit_test(test_retry_after_nonsense),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_backoff_range),
	};

	return cmocka_run_group_tests_name("ship_policy", tests, NULL, NULL);
}
