/* SPDX-License-Identifier: MIT */
/*
 * Tokens that AWS keeps: what is asked, signed, of whom; answers that are none; and a
 * token that is asked for again when it is refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth_bearer.h"
#include "aws_secret.h"
#include "web_server.h"

#define ARN	"arn:aws:secretsmanager:eu-west-2:123456789012:secret:hadal-AbCdEf"
#define REGION	"/latest/meta-data/placement/region"

struct world {
	struct web_page pages[4];
	struct web_server *server;
	struct http *http;
	struct aws_secret secret;
	char token[TOKEN_SIZE], error[AWS_ERROR_SIZE];
};

enum { PAGE_API, PAGE_TOKEN, PAGE_REGION };

static const char parameter[] = "{\"Parameter\":{\"Name\":\"/hadal/token\",\"Type\":\"SecureString\",\"Value\":\"s3cret\"}}";
static const char secret[] = "{\"Name\":\"hadal\",\"SecretString\":\"{\\\"token\\\":\\\"from-json\\\",\\\"n\\\":1}\"}";

static int up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	world->pages[PAGE_API] = (struct web_page){ "POST /", 200, parameter, WEB_ANSWER };
	world->pages[PAGE_TOKEN] = (struct web_page){ "PUT /latest/api/token", 200, WEB_TOKEN, WEB_TOKENS };
	world->pages[PAGE_REGION] = (struct web_page){ REGION, 200, "eu-central-1", WEB_GUARDED };
	world->server = web_start(world->pages);
	world->http = http_new(NULL);
	world->secret = (struct aws_secret){
		.kind = AWS_SECRET_PARAMETER, .name = "/hadal/token", .endpoint = web_url(world->server),
		.sources = { .ec2_metadata = web_url(world->server) },
	};
	*state = world;
	return world->http ? 0 : -1;
}

static int down(void **state)
{
	struct world *world = *state;

	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	http_free(world->http);
	web_stop(world->server);
	free(world);
	return 0;
}

static void assert_asked(struct world *world, const char *text)
{
	char request[16384];

	web_posted(world->server, request, sizeof(request));
	if (!strstr(request, text))
		fail_msg("'%s' is not in '%s'", text, request);
}

static int ask(struct world *world)
{
	world->error[0] = '\0';
	return aws_secret_get(world->http, &world->secret, world->token, world->error);
}

static void parameters(void **state)
{
	struct world *world = *state;

	assert_int_equal(ask(world), 0);
	assert_string_equal(world->token, "s3cret");
	assert_asked(world, "\r\nX-Amz-Target: AmazonSSM.GetParameter\r\n");
	assert_asked(world, "\r\n\r\n{\"Name\":\"/hadal/token\",\"WithDecryption\":true}");
	assert_asked(world, "/eu-central-1/ssm/aws4_request");
	world->secret.region = "eu-west-1";
	assert_int_equal(ask(world), 0);
	assert_asked(world, "/eu-west-1/ssm/aws4_request");
}

static void secrets(void **state)
{
	struct world *world = *state;

	world->secret.kind = AWS_SECRET_SECRET;
	world->secret.name = ARN;
	world->secret.region = "eu-west-1";
	world->secret.field = "token";
	world->pages[PAGE_API].body = secret;
	assert_int_equal(ask(world), 0);
	assert_string_equal(world->token, "from-json");
	assert_asked(world, "\r\nX-Amz-Target: secretsmanager.GetSecretValue\r\n");
	assert_asked(world, "\r\n\r\n{\"SecretId\":\"" ARN "\"}");
	assert_asked(world, "/eu-west-2/secretsmanager/aws4_request");
	assert_int_equal(web_requests(world->server, REGION), 0);
	world->secret.field = "n";
	assert_int_equal(ask(world), -EAGAIN);
	assert_string_equal(world->error, "no text in JSON of the field that is configured");
}

static void assert_fails(struct world *world, const char *why)
{
	assert_int_equal(ask(world), -EAGAIN);
	assert_string_equal(world->token, "");
	if (!strstr(world->error, why))
		fail_msg("'%s' instead of '%s'", world->error, why);
}

static void refusals(void **state)
{
	struct world *world = *state;

	world->pages[PAGE_API].status = 400;
	world->pages[PAGE_API].body = "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}";
	assert_fails(world, "AccessDeniedException: the role needs ssm:GetParameter, and kms:Decrypt of its key");
	world->pages[PAGE_API].body = "{\"__type\":\"ParameterNotFound\"}";
	assert_fails(world, "status 400, ParameterNotFound");
	world->pages[PAGE_API].status = 500;
	world->pages[PAGE_API].body = "s3cret";
	assert_fails(world, "status 500");
	assert_null(strstr(world->error, "s3cret"));
	world->pages[PAGE_API].status = 200;
	world->pages[PAGE_API].body = "{\"Parameter\":{\"Value\":\"\"}}";
	assert_fails(world, "no text");
	world->pages[PAGE_API].behaviour = WEB_GARBAGE;
	assert_fails(world, "rotocol error");
	world->secret.endpoint = "http://127.0.0.1:1/";
	assert_fails(world, "no connection");
	world->pages[PAGE_REGION].status = 404;
	assert_fails(world, "of which region it is is said neither");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	world->secret.region = "eu-west-1";
	assert_fails(world, "AWS_SECRET_ACCESS_KEY");
}

static void assert_value(enum aws_secret_kind kind, const char *text, const char *field, int result, const char *value)
{
	char token[TOKEN_SIZE];

	assert_int_equal(aws_secret_parse(kind, text, strlen(text), field, token), result);
	if (!result)
		assert_string_equal(token, value);
}

static void answers(void **state)
{
	char value[TOKEN_MAX + 2], text[TOKEN_MAX + 64];
	const enum aws_secret_kind p = AWS_SECRET_PARAMETER, s = AWS_SECRET_SECRET;

	(void)state;
	assert_value(p, "{\"Parameter\":{\"Value\":\"a\\nb\"}}", NULL, 0, "a");
	assert_value(p, "{\"Parameter\":{\"Value\":\"{\\\"x\\\":\\\"y\\\"}\"}}", "x", 0, "y");
	assert_value(p, "{\"Parameter\":{\"Value\":\"\\ny\"}}", NULL, -EINVAL, NULL);
	assert_value(p, "{\"Parameter\":{\"Value\":1}}", NULL, -EINVAL, NULL);
	assert_value(p, "{\"Parameter\":[\"Value\"]}", NULL, -EINVAL, NULL);
	assert_value(p, "{\"Parameter\":{\"Value\":\"a\\u0000b\"}}", NULL, -EINVAL, NULL);
	assert_value(p, "{\"SecretString\":\"a\"}", NULL, -EINVAL, NULL);
	assert_value(p, "", NULL, -EINVAL, NULL);
	assert_value(p, "[", NULL, -EINVAL, NULL);
	assert_value(s, "{\"SecretString\":\"a\"}", NULL, 0, "a");
	assert_value(s, "{\"SecretString\":\"a\"}", "x", -EINVAL, NULL);
	assert_value(s, "{\"SecretBinary\":\"YQ==\"}", NULL, -EINVAL, NULL);
	for (size_t length = TOKEN_MAX; length <= TOKEN_MAX + 1; length++) {
		memset(value, 'x', length);
		value[length] = '\0';
		snprintf(text, sizeof(text), "{\"SecretString\":\"%s\"}", value);
		assert_value(s, text, NULL, length > TOKEN_MAX ? -EFBIG : 0, value);
	}
}

static void names(void **state)
{
	char region[AWS_REGION_SIZE], longest[AWS_SECRET_NAME_MAX + 2];

	(void)state;
	aws_secret_region(ARN, region);
	assert_string_equal(region, "eu-west-2");
	aws_secret_region("arn:aws:ssm", region);
	assert_string_equal(region, "");
	aws_secret_region("arn:aws:ssm:", region);
	assert_string_equal(region, "");
	aws_secret_region("arn:aws:ssm:not a region:1", region);
	assert_string_equal(region, "");
	aws_secret_region("/hadal/token", region);
	assert_string_equal(region, "");
	assert_true(aws_secret_is_name(ARN));
	assert_true(aws_secret_is_name("/hadal/token"));
	assert_false(aws_secret_is_name(""));
	assert_false(aws_secret_is_name("a b"));
	assert_false(aws_secret_is_name("a\n"));
	memset(longest, 'x', sizeof(longest));
	longest[AWS_SECRET_NAME_MAX] = '\0';
	assert_true(aws_secret_is_name(longest));
	longest[AWS_SECRET_NAME_MAX] = 'x';
	longest[AWS_SECRET_NAME_MAX + 1] = '\0';
	assert_false(aws_secret_is_name(longest));
}

/* ---- as it is sent ---- */

/* Waits until a token is sent; returns its number. */
static uint64_t wait_for(struct hadal_ship_auth *auth, const char *token)
{
	const struct hadal_ship_unsent unsent = { .url = "https://a.example/v1/metrics" };
	char error[512] = "", expected[128];

	snprintf(expected, sizeof(expected), "Authorization: Bearer %s", token);
	for (unsigned int waited = 0; waited < 10000; waited += 10) {
		struct curl_slist *headers = NULL;
		uint64_t number;
		bool sent = !auth->authorize(auth, &unsent, &headers, &number, error, sizeof(error)) &&
			    strcmp(headers->data, expected) == 0;

		curl_slist_free_all(headers);
		if (sent)
			return number;
		usleep(10000);
	}
	fail_msg("'%s' is not sent: %s", token, error);
	return 0;
}

static bool is_sent_again(struct hadal_ship_auth *auth, uint64_t number)
{
	const struct hadal_ship_refusal refusal = { .number = number, .status = 401, .date = "", .type = "" };
	char error[256];

	return auth->refused(auth, &refusal, error, sizeof(error));
}

static void asked_for_again_when_refused(void **state)
{
	struct world *world = *state;
	struct hadal_ship_auth *auth;
	uint64_t first, second;

	assert_int_equal(auth_bearer_secret(&world->secret, &auth), 0);
	first = wait_for(auth, "s3cret");
	usleep(200000);
	assert_int_equal(web_requests(world->server, "POST /"), 1);
	world->pages[PAGE_API].body = "{\"Parameter\":{\"Value\":\"changed\"}}";
	assert_true(is_sent_again(auth, first));
	second = wait_for(auth, "changed");
	assert_true(is_sent_again(auth, first));
	/* it is the newest: within a minute AWS is not asked once more */
	assert_false(is_sent_again(auth, second));
	assert_int_equal(web_requests(world->server, "POST /"), 2);
	auth->close(auth);
}

static void asked_for_until_it_is_told(void **state)
{
	struct world *world = *state;
	struct hadal_ship_auth *auth;

	world->pages[PAGE_API].status = 503;
	assert_int_equal(auth_bearer_secret(&world->secret, &auth), 0);
	while (!web_requests(world->server, "POST /"))
		usleep(10000);
	world->pages[PAGE_API].status = 200;
	wait_for(auth, "s3cret");
	auth->close(auth);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	static const struct CMUnitTest tests[] = {
		TEST(parameters),
		TEST(secrets),
		TEST(refusals),
		cmocka_unit_test(answers),
		cmocka_unit_test(names),
		TEST(asked_for_again_when_refused),
		TEST(asked_for_until_it_is_told),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
