/* SPDX-License-Identifier: MIT */
/*
 * AWS's signature, against the vectors that AWS publishes (aws-sig-v4-test-suite), and
 * what cannot be signed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "aws_sigv4.h"

#define HOST		"https://example.amazonaws.com"
#define TIME_OF_VECTORS	1440938160	/* 2015-08-30T12:36:00Z */
#define STS_TOKEN \
	"AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflf" \
	"KD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd" \
	"8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3i" \
	"SIlTJabIQwj2ICCR/oLxBA=="

static struct aws_credentials credentials = {
	.key = "AKIDEXAMPLE", .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

static struct aws_signing signing_of(const char *method, const char *url)
{
	return (struct aws_signing){
		.method = method, .url = url, .region = "us-east-1", .service = "service",
		.credentials = &credentials, .now = TIME_OF_VECTORS,
	};
}

static struct curl_slist *make_list(const char *const *lines)
{
	struct curl_slist *list = NULL;

	for (; lines && *lines; lines++) {
		list = curl_slist_append(list, *lines);
		assert_non_null(list);
	}
	return list;
}

/* The value of the one header of that name; NULL: none. */
static const char *value_of(const struct curl_slist *list, const char *name)
{
	const char *found = NULL;

	for (; list; list = list->next) {
		if (strncasecmp(list->data, name, strlen(name)) || list->data[strlen(name)] != ':')
			continue;
		assert_null(found);
		found = list->data + strlen(name) + 2;
	}
	return found;
}

static void assert_signed(const struct aws_signing *signing, const char *const *lines, const char *names,
			  const char *signature)
{
	struct curl_slist *list = make_list(lines);
	char expected[512];

	assert_int_equal(aws_sign(signing, &list), 0);
	snprintf(expected, sizeof(expected), "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
		 "aws4_request, SignedHeaders=%s, Signature=%s", names, signature);
	assert_string_equal(value_of(list, "Authorization"), expected);
	assert_string_equal(value_of(list, "X-Amz-Date"), "20150830T123600Z");
	assert_string_equal(value_of(list, "Host"), "example.amazonaws.com");
	curl_slist_free_all(list);
}

static void vectors(void **state)
{
	static const char *const twice[] = { "My-Header1:value2", "My-Header1:value2", "My-Header1:value1", NULL };
	static const char *const blanks[] = { "My-Header1: value1", "My-Header2: \"a   b   c\"", NULL };
	static const char *const sorted[] = { "My-Header1: value1", NULL };
	static const char *const form[] = { "Content-Type: application/x-www-form-urlencoded", NULL };
	struct aws_signing signing = signing_of("GET", HOST "/");

	(void)state;
	assert_signed(&signing, NULL, "host;x-amz-date",
		      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
	assert_signed(&signing, twice, "host;my-header1;x-amz-date",
		      "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea");
	assert_signed(&signing, blanks, "host;my-header1;my-header2;x-amz-date",
		      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736");
	signing = signing_of("GET", HOST "//");
	assert_signed(&signing, NULL, "host;x-amz-date",
		      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
	signing = signing_of("POST", HOST "/");
	assert_signed(&signing, NULL, "host;x-amz-date",
		      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
	assert_signed(&signing, sorted, "host;my-header1;x-amz-date",
		      "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c");
	signing.body = "Param1=value1";
	signing.size = strlen(signing.body);
	assert_signed(&signing, form, "content-type;host;x-amz-date",
		      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
}

static void tokens_of_roles_are_signed(void **state)
{
	struct aws_signing signing = signing_of("POST", HOST "/");

	(void)state;
	strcpy(credentials.token, STS_TOKEN);
	assert_signed(&signing, NULL, "host;x-amz-date;x-amz-security-token",
		      "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead");
	credentials.token[0] = '\0';
}

/* As a service's name is in its path: what is encoded there is encoded again where it is signed. */
static void paths(void **state)
{
	struct aws_signing signing = signing_of("GET", HOST "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						"abcdefghijklmnopqrstuvwxyz");

	(void)state;
	assert_signed(&signing, NULL, "host;x-amz-date",
		      "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f");
	signing = signing_of("GET", HOST "/example/..");
	assert_signed(&signing, NULL, "host;x-amz-date",
		      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
}

static void what_is_not_sent_is_not_signed(void **state)
{
	static const char *const lines[] = { "Expect:", "X-Empty;", NULL };
	struct aws_signing signing = signing_of("POST", "http://127.0.0.1:8080/v1/metrics");
	struct curl_slist *list = make_list(lines);

	(void)state;
	assert_int_equal(aws_sign(&signing, &list), 0);
	assert_string_equal(value_of(list, "Host"), "127.0.0.1:8080");
	assert_non_null(strstr(value_of(list, "Authorization"), "SignedHeaders=host;x-amz-date;x-empty,"));
	curl_slist_free_all(list);
}

static void assert_refused(const char *url, const char *line)
{
	struct aws_signing signing = signing_of("POST", url);
	const char *const lines[] = { line, NULL };
	struct curl_slist *list = make_list(lines);

	assert_int_equal(aws_sign(&signing, &list), -EINVAL);
	assert_null(value_of(list, "Authorization: AWS4"));
	curl_slist_free_all(list);
}

static void what_cannot_be_signed(void **state)
{
	(void)state;
	assert_refused("nonsense://", NULL);
	assert_refused(HOST "/?query", NULL);
	assert_refused("https://user:password@example.amazonaws.com/", NULL);
	assert_refused(HOST "/\x80", NULL);
	assert_refused(HOST "/", "no header");
	assert_refused(HOST "/", ": no name");
	assert_refused(HOST "/", "a\rb: a name with a line feed");
	assert_refused(HOST "/", "a: a value\r\nb: with another header");
	assert_refused(HOST "/", "authorization: another");
	assert_refused(HOST "/", "HOST: another");
	assert_refused(HOST "/", "X-Amz-Date: 20150830T123600Z");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(tokens_of_roles_are_signed),
		cmocka_unit_test(paths),
		cmocka_unit_test(what_is_not_sent_is_not_signed),
		cmocka_unit_test(what_cannot_be_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
