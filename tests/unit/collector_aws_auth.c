/* SPDX-License-Identifier: MIT */
/*
 * Which region and service a host's name tells, what refusals are about, and that the
 * credentials that are kept are good: renewed before they end, replaced when they are
 * refused, gone when they have ended.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "auth_sigv4.h"
#include "web_server.h"

#define PATH		"/v2/credentials/1"
#define SOON		10000	/* ms */

/* ---- names of hosts ---- */

static void scopes(void **state)
{
	static const struct {
		const char *host, *region, *service;
	} hosts[] = {
		{ "monitoring.eu-west-1.amazonaws.com", "eu-west-1", "monitoring" },
		{ "Logs.US-East-2.amazonaws.com", "us-east-2", "logs" },
		{ "monitoring-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", "monitoring" },
		{ "monitoring.cn-north-1.amazonaws.com.cn", "cn-north-1", "monitoring" },
		{ "logs.ap-southeast-4.api.aws", "ap-southeast-4", "logs" },
		{ "monitoring.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "monitoring" },
		{ "aps-workspaces.eu-central-1.amazonaws.com", "eu-central-1", "aps" },
		{ "xray.eu-west-3.amazonaws.com", "eu-west-3", "xray" },
		{ "vpce-0a1b2c3d-4e5f.monitoring.eu-west-1.vpce.amazonaws.com", "eu-west-1", "monitoring" },
		{ "vpce-0a1b-eu-west-1a.logs.eu-west-1.vpce.amazonaws.com", "eu-west-1", "logs" },
		{ "pipe-abc.eu-west-1.osis.amazonaws.com", "eu-west-1", "osis" },
		{ "eu-west-1.amazonaws.com", "eu-west-1", "" },
		/* not AWS's */
		{ "monitoring.eu-west-1.amazonaws.com.example", "", "" },
		{ "monitoring.eu-west-1.example.com", "", "" },
		{ "amazonaws.com", "", "" },
		{ ".amazonaws.com", "", "" },
		{ "iam.amazonaws.com", "", "" },
		{ "127.0.0.1", "", "" },
		{ "[::1]", "", "" },
		{ "", "", "" },
		{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.monitoring.eu-west-1.amazonaws.com", "", "" },
		{ "so/me.eu-west-1.amazonaws.com", "eu-west-1", "" },
	};
	char longest[512];
	struct aws_scope scope;

	(void)state;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		aws_scope_of_host(hosts[i].host, &scope);
		assert_string_equal(scope.region, hosts[i].region);
		assert_string_equal(scope.service, hosts[i].service);
	}
	memset(longest, 'a', sizeof(longest));
	strcpy(longest + sizeof(longest) - 40, ".monitoring.eu-west-1.amazonaws.com");
	aws_scope_of_host(longest, &scope);
	assert_string_equal(scope.region, "");
}

static void regions_are_of_the_environment(void **state)
{
	(void)state;
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	assert_null(aws_region_of_environment());
	setenv("AWS_DEFAULT_REGION", "eu-west-2", 1);
	assert_string_equal(aws_region_of_environment(), "eu-west-2");
	setenv("AWS_REGION", "", 1);
	assert_string_equal(aws_region_of_environment(), "eu-west-2");
	setenv("AWS_REGION", "eu-west-1", 1);
	assert_string_equal(aws_region_of_environment(), "eu-west-1");
	unsetenv("AWS_REGION");
	unsetenv("AWS_DEFAULT_REGION");
	assert_true(aws_is_region("us-iso-east-1"));
	assert_false(aws_is_region("eu-west"));
	assert_false(aws_is_region("eu-west-1/aws4_request"));
	assert_false(aws_is_region("127-0-0-1"));
	assert_false(aws_is_region(""));
	assert_false(aws_is_service("a/b"));
	assert_false(aws_is_service(""));
}

/* ---- refusals ---- */

static void what_refusals_are_about(void **state)
{
	static const struct {
		long status;
		const char *type, *body;
		enum aws_refusal refusal;
	} cases[] = {
		{ 403, "ExpiredTokenException", "", AWS_REFUSAL_ENDED },
		{ 400, "", "{\"__type\":\"ExpiredTokenException\",\"message\":\"The security token included is expired\"}",
		  AWS_REFUSAL_ENDED },
		{ 403, "", "<Error><Code>ExpiredToken</Code></Error>", AWS_REFUSAL_ENDED },
		{ 403, "UnrecognizedClientException", "", AWS_REFUSAL_ENDED },
		{ 403, "", "\x08\x10\x12\x40Signature expired: 20261129T050000Z is now earlier than 20261129T051000Z",
		  AWS_REFUSAL_CLOCK },
		{ 403, "InvalidSignatureException", "{\"message\":\"Signature not yet current: ...\"}", AWS_REFUSAL_CLOCK },
		{ 403, "", "RequestTimeTooSkewed", AWS_REFUSAL_CLOCK },
		{ 403, "InvalidSignatureException", "{\"message\":\"The request signature we calculated does not match\"}",
		  AWS_REFUSAL_SIGNATURE },
		{ 403, "AccessDeniedException", "", AWS_REFUSAL_DENIED },
		{ 403, "", "", AWS_REFUSAL_DENIED },
		{ 401, "", "", AWS_REFUSAL_DENIED },
		{ 400, "ValidationException", "a label is too long", AWS_REFUSAL_OTHER },
		{ 413, "", "ExpiredToken", AWS_REFUSAL_OTHER },
		{ 500, "ExpiredTokenException", "", AWS_REFUSAL_OTHER },
	};
	const char *name;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct hadal_ship_refusal refusal = {
			.status = cases[i].status, .date = "", .type = cases[i].type, .body = cases[i].body,
			.size = strlen(cases[i].body),
		};

		assert_int_equal(aws_refusal_of(&refusal, &name), cases[i].refusal);
	}
}

/* What is denied waits, and is given up; it waits again when something was taken in between. */
static void permissions(void **state)
{
	struct aws_denial denial = { .since = 0 };
	uint64_t now = 1000;

	(void)state;
	for (unsigned int round = 0; round < 2; round++) {
		aws_denial_sent(&denial);
		assert_true(aws_denial_waits(&denial, now));
		aws_denial_sent(&denial);
		assert_true(aws_denial_waits(&denial, now + AWS_DENIED_WAIT - 1));
		aws_denial_sent(&denial);
		assert_false(aws_denial_waits(&denial, now + AWS_DENIED_WAIT));
		now += 10 * AWS_DENIED_WAIT;
		aws_denial_sent(&denial);
		assert_false(aws_denial_waits(&denial, now));
		/* one that is taken */
		aws_denial_sent(&denial);
	}
}

/* ---- what is kept ---- */

struct world {
	struct web_page pages[2];
	struct web_server *server;
	struct aws_keeper *keeper;
	struct aws_credential_sources sources;
	char documents[8][512];
};

static const char *make_document(struct world *world, unsigned int place, const char *key, time_t expires)
{
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&expires));
	snprintf(world->documents[place], sizeof(world->documents[place]),
		 "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"secret\",\"Token\":\"token\",\"Expiration\":\"%s\"}", key,
		 text);
	return world->documents[place];
}

static int up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", PATH, 1);
	world->pages[0] = (struct web_page){ PATH, 200, make_document(world, 0, "FIRST", time(NULL) + 3600), WEB_ANSWER };
	world->server = web_start(world->pages);
	world->sources.task = web_url(world->server);
	*state = world;
	return 0;
}

static int down(void **state)
{
	struct world *world = *state;

	aws_keeper_stop(world->keeper);
	web_stop(world->server);
	unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	free(world);
	return 0;
}

static void start(struct world *world)
{
	assert_int_equal(aws_keeper_start(&world->sources, &world->keeper), 0);
}

/* Waits until the key is kept; returns its number. */
static uint64_t wait_for(struct world *world, const char *key)
{
	struct aws_credentials found;
	char error[AWS_ERROR_SIZE];
	uint64_t number;

	for (unsigned int waited = 0; waited < SOON; waited += 5) {
		number = aws_keeper_get(world->keeper, &found, error);
		if (number ? strcmp(found.key, key) == 0 : !*key)
			return number;
		usleep(5000);
	}
	fail_msg("'%s' is not kept", key);
	return 0;
}

static void got_at_once(void **state)
{
	struct world *world = *state;

	start(world);
	assert_int_equal(wait_for(world, "FIRST"), 1);
	usleep(300000);
	assert_int_equal(web_requests(world->server, PATH), 1);
}

static void renewed_before_they_end(void **state)
{
	struct world *world = *state;
	uint64_t number;

	world->pages[0].body = make_document(world, 1, "SHORT", time(NULL) + 4);
	start(world);
	number = wait_for(world, "SHORT");
	world->pages[0].body = make_document(world, 2, "NEXT", time(NULL) + 3600);
	assert_true(wait_for(world, "NEXT") > number);
	assert_in_range(web_requests(world->server, PATH), 2, 3);
}

static void gone_when_they_have_ended(void **state)
{
	struct world *world = *state;
	struct aws_credentials found;
	char error[AWS_ERROR_SIZE] = "";

	world->pages[0].body = make_document(world, 1, "SHORT", time(NULL) + 3);
	start(world);
	wait_for(world, "SHORT");
	world->pages[0].status = 503;
	assert_int_equal(wait_for(world, ""), 0);
	assert_int_equal(aws_keeper_get(world->keeper, &found, error), 0);
	assert_string_equal(error, "the container's credentials: HTTP status 503");
	world->pages[0].body = make_document(world, 2, "BACK", time(NULL) + 3600);
	world->pages[0].status = 200;
	wait_for(world, "BACK");
}

/* Once at once; and not again and again, where others are no better. */
static void replaced_when_refused(void **state)
{
	struct world *world = *state;
	uint64_t first, second;

	start(world);
	first = wait_for(world, "FIRST");
	world->pages[0].body = make_document(world, 1, "SECOND", time(NULL) + 3600);
	aws_keeper_refused(world->keeper, first);
	aws_keeper_refused(world->keeper, first);
	second = wait_for(world, "SECOND");
	assert_int_equal(web_requests(world->server, PATH), 2);
	aws_keeper_refused(world->keeper, first);
	aws_keeper_refused(world->keeper, second);
	usleep(300000);
	assert_int_equal(web_requests(world->server, PATH), 2);
}

/* A host whose clock is hours ahead has none that have not ended; AWS may take them all the same. */
static void clocks(void **state)
{
	struct world *world = *state;
	struct aws_credentials found;
	char error[AWS_ERROR_SIZE];
	time_t now;

	world->pages[0].body = make_document(world, 1, "ENDED", time(NULL) - 7200);
	start(world);
	wait_for(world, "ENDED");
	usleep(300000);
	assert_int_equal(web_requests(world->server, PATH), 1);
	now = aws_keeper_now(world->keeper);
	assert_in_range(now, time(NULL) - 1, time(NULL) + 1);
	assert_false(aws_keeper_set_clock(world->keeper, time(NULL) + 2));
	assert_true(aws_keeper_set_clock(world->keeper, time(NULL) - 10800));
	assert_false(aws_keeper_set_clock(world->keeper, time(NULL) - 10800));
	now = aws_keeper_now(world->keeper);
	assert_in_range(now, time(NULL) - 10801, time(NULL) - 10799);
	assert_true(aws_keeper_get(world->keeper, &found, error));
	assert_true(aws_keeper_set_clock(world->keeper, time(NULL)));
}

/* An end while somebody is asked who does not answer is no long one. */
static void ends_while_it_asks(void **state)
{
	struct world *world = *state;
	struct timespec before, after;

	world->pages[0].behaviour = WEB_SILENCE;
	start(world);
	usleep(100000);
	clock_gettime(CLOCK_MONOTONIC, &before);
	aws_keeper_stop(world->keeper);
	world->keeper = NULL;
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_in_range(after.tv_sec - before.tv_sec, 0, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes),
		cmocka_unit_test(regions_are_of_the_environment),
		cmocka_unit_test(what_refusals_are_about),
		cmocka_unit_test(permissions),
		TEST(got_at_once),
		TEST(renewed_before_they_end),
		TEST(gone_when_they_have_ended),
		TEST(replaced_when_refused),
		TEST(clocks),
		TEST(ends_while_it_asks),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
