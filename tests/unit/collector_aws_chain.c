/* SPDX-License-Identifier: MIT */
/*
 * Whose credentials are taken, in which order, whom a token is shown to, and
 * documents that are none.
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

#include "aws_chain.h"
#include "web_server.h"

#define ROLES	"/latest/meta-data/iam/security-credentials/"

struct world {
	struct web_page pages[6];
	struct web_server *server;
	struct http *http;
	struct aws_credential_sources sources;
	struct aws_credentials found;
	char error[AWS_ERROR_SIZE];
	char path[64];		/* of a file with a token */
};

enum { PAGE_TOKEN, PAGE_ROLES, PAGE_ROLE, PAGE_TASK, PAGE_POD };

static const char *const variables[] = {
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
};

#define DOCUMENT(key) \
	"{\"Code\":\"Success\",\"AccessKeyId\":\"" key "\",\"SecretAccessKey\":\"s/e+c\",\"Token\":\"t+/==\"," \
	"\"Expiration\":\"2026-11-29T12:00:00Z\"}"

static void unset_variables(void)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
}

static int up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	unset_variables();
	world->pages[PAGE_TOKEN] = (struct web_page){ "PUT /latest/api/token", 200, WEB_TOKEN, WEB_TOKENS };
	world->pages[PAGE_ROLES] = (struct web_page){ ROLES, 200, "aRole", WEB_GUARDED };
	world->pages[PAGE_ROLE] = (struct web_page){ ROLES "aRole", 200, DOCUMENT("INSTANCE"), WEB_GUARDED };
	world->pages[PAGE_TASK] = (struct web_page){ "/v2/credentials/1", 200, DOCUMENT("TASK"), WEB_ANSWER };
	world->pages[PAGE_POD] = (struct web_page){ "/v1/credentials", 200, DOCUMENT("POD"), WEB_ANSWER };
	world->server = web_start(world->pages);
	world->sources = (struct aws_credential_sources){
		.ec2_metadata = web_url(world->server), .task = web_url(world->server),
	};
	world->http = http_new(NULL);
	snprintf(world->path, sizeof(world->path), "/tmp/hadald-token.%d", (int)getpid());
	*state = world;
	return world->http ? 0 : -1;
}

static int down(void **state)
{
	struct world *world = *state;

	unset_variables();
	unlink(world->path);
	http_free(world->http);
	web_stop(world->server);
	free(world);
	return 0;
}

/* The key that is found; "": none, and @error says why. */
static const char *key_of(struct world *world)
{
	int result = aws_get_credentials(world->http, &world->sources, &world->found, world->error);

	assert_true(result == 0 || result == -ENOENT);
	assert_true((result == 0) == (world->found.key[0] != '\0'));
	return world->found.key;
}

static void assert_none(struct world *world, const char *why)
{
	world->error[0] = '\0';
	assert_string_equal(key_of(world), "");
	if (!strstr(world->error, why))
		fail_msg("'%s' instead of '%s'", world->error, why);
}

static void set_full(struct world *world)
{
	char url[128];

	snprintf(url, sizeof(url), "%s/v1/credentials", web_url(world->server));
	setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
}

static void write_token(struct world *world, const char *token)
{
	FILE *file = fopen(world->path, "w");

	assert_non_null(file);
	fputs(token, file);
	assert_int_equal(fclose(file), 0);
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", world->path, 1);
}

/* From the last to the first. */
static void the_first_that_is_named_decides(void **state)
{
	struct world *world = *state;

	assert_string_equal(key_of(world), "INSTANCE");
	assert_string_equal(world->found.secret, "s/e+c");
	assert_string_equal(world->found.token, "t+/==");
	assert_int_equal(world->found.expires, 1795953600);
	set_full(world);
	assert_string_equal(key_of(world), "POD");
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1", 1);
	assert_string_equal(key_of(world), "TASK");
	setenv("AWS_ACCESS_KEY_ID", "USER", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
	assert_string_equal(key_of(world), "USER");
	assert_string_equal(world->found.token, "");
	assert_int_equal(world->found.expires, 0);
	setenv("AWS_SESSION_TOKEN", "session", 1);
	assert_string_equal(key_of(world), "USER");
	assert_string_equal(world->found.token, "session");
}

/* Who has a role of his own, and does not get it, does not act by another. */
static void none_stands_in_for_another(void **state)
{
	struct world *world = *state;

	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/other", 1);
	assert_none(world, "the container's credentials: HTTP status 404");
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "v2/credentials/1", 1);
	assert_none(world, "does not begin with /");
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1", 1);
	world->pages[PAGE_TASK].body = "{}";
	assert_none(world, "an answer without any");
	setenv("AWS_ACCESS_KEY_ID", "USER", 1);
	assert_none(world, "AWS_SECRET_ACCESS_KEY");
	setenv("AWS_SECRET_ACCESS_KEY", "a b", 1);
	assert_none(world, "one is missing, too long, or not of characters");
	assert_int_equal(web_requests(world->server, ROLES), 0);
}

static void variables_that_are_empty_are_not_set(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		setenv(variables[i], "", 1);
	assert_string_equal(key_of(world), "INSTANCE");
}

static void instances_without_a_role(void **state)
{
	struct world *world = *state;

	world->pages[PAGE_ROLES].status = 404;
	assert_none(world, "the instance has no role");
	world->pages[PAGE_ROLES].status = 200;
	world->pages[PAGE_ROLES].body = "../../user-data";
	assert_none(world, "the instance has no role");
	world->pages[PAGE_ROLES].body = "aRole\nanother";
	assert_string_equal(key_of(world), "INSTANCE");
	world->pages[PAGE_ROLE].body = "{\"Code\":\"Failed\"}";
	assert_none(world, "no credentials for its role aRole");
	world->sources.ec2_metadata = NULL;
	assert_none(world, "no instance that may be asked");
	world->sources.ec2_metadata_ipv6 = web_url(world->server);
	world->pages[PAGE_ROLE].body = DOCUMENT("INSTANCE");
	assert_string_equal(key_of(world), "INSTANCE");
}

static void assert_shown(struct world *world, const char *line)
{
	char request[16384], expected[256];

	assert_string_equal(key_of(world), "POD");
	web_last(world->server, request, sizeof(request));
	snprintf(expected, sizeof(expected), "\r\n%s\r\n", line);
	assert_non_null(strstr(request, expected));
}

/* What the stack has is not 0 by chance. */
__attribute__((noinline))
static void soil_the_stack(void)
{
	volatile char waste[1 << 17];

	for (size_t i = 0; i < sizeof(waste); i++)
		waste[i] = 'x';
}

static void tokens_of_pods(void **state)
{
	struct world *world = *state;
	char long_token[AWS_TOKEN_SIZE + 1], request[16384];

	set_full(world);
	assert_string_equal(key_of(world), "POD");
	web_last(world->server, request, sizeof(request));
	assert_null(strcasestr(request, "authorization"));
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Basic abc", 1);
	assert_shown(world, "Authorization: Basic abc");
	/* the file, each time anew */
	write_token(world, "eyJ.first\n");
	assert_shown(world, "Authorization: eyJ.first");
	write_token(world, "eyJ.second");
	soil_the_stack();
	assert_shown(world, "Authorization: eyJ.second");
	write_token(world, "");
	assert_none(world, "AUTHORIZATION_TOKEN_FILE is empty");
	write_token(world, "a\x01");
	assert_none(world, "a character that no header may have");
	memset(long_token, 'x', AWS_TOKEN_SIZE);
	long_token[AWS_TOKEN_SIZE] = '\0';
	write_token(world, long_token);
	assert_none(world, "File too large");
	unlink(world->path);
	assert_none(world, "No such file");
	unsetenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\r\nX-Other: b", 1);
	assert_none(world, "a character that no header may have");
	setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", long_token, 1);
	assert_none(world, "too long");
}

/* What is refused is refused before anybody is asked; of what is allowed nobody is there. */
static void hosts_that_are_told_a_token(void **state)
{
	static const char *const refused[] = {
		"http://192.0.2.1/", "http://169.254.170.3/", "http://169.254.169.254/", "http://[2001:db8::1]/",
		"http://localhost.invalid/", "http://127.0.0.1.invalid/", "http://127.0.0.1@192.0.2.1/", "ftp://127.0.0.1/",
		"file:///etc/passwd", "127.0.0.1", "http://", "x",
	};
	static const char *const allowed[] = {
		"http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "http://127.9.8.7:1/", "https://127.0.0.1:1/",
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", refused[i], 1);
		assert_none(world, "neither of https nor an address of this host");
	}
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", allowed[i], 1);
		assert_none(world, "the container's credentials: No route to host");
	}
}

static void hostile_documents(void **state)
{
	static const char *const documents[] = {
		"", "null", "[]", "{", "\"AccessKeyId\"", "{\"AccessKeyId\":\"a\"}",
		"{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\"}",
		"{\"AccessKeyId\":1,\"SecretAccessKey\":\"b\",\"Token\":\"c\"}",
		"{\"AccessKeyId\":\"a\\r\\nb\",\"SecretAccessKey\":\"b\",\"Token\":\"c\"}",
		"{\"AccessKeyId\":\"a\\u0000b\",\"SecretAccessKey\":\"b\",\"Token\":\"c\"}",
		"{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c d\"}",
		"{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"\\u00e9\",\"Token\":\"c\"}",
	};
	char text[AWS_TOKEN_SIZE + 128], token[AWS_TOKEN_SIZE + 1];
	struct aws_credentials found, none = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		memset(&found, 0xff, sizeof(found));
		assert_int_equal(aws_parse_credentials(documents[i], strlen(documents[i]), &found), -EINVAL);
		assert_memory_equal(&found, &none, sizeof(found));
	}
	for (size_t length = AWS_TOKEN_SIZE - 1; length <= AWS_TOKEN_SIZE; length++) {
		memset(token, 'x', length);
		token[length] = '\0';
		snprintf(text, sizeof(text), "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"%s\"}", token);
		assert_int_equal(aws_parse_credentials(text, strlen(text), &found),
				 length < AWS_TOKEN_SIZE ? 0 : -EINVAL);
	}
}

/* The time is what AWS writes, or not known: then they are renewed as if it were soon. */
static void ends(void **state)
{
	static const struct {
		const char *text;
		time_t expires;
	} times[] = {
		{ "2026-11-29T12:00:00Z", 1795953600 }, { "1970-01-01T00:00:00Z", 0 }, { "2026-11-29T12:00:00+02:00", 0 },
		{ "2026-13-29T12:00:00Z", 0 }, { "tomorrow", 0 }, { "", 0 },
	};
	struct aws_credentials found;
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		snprintf(text, sizeof(text), "{\"AccessKeyId\":\"a\",\"SecretAccessKey\":\"b\",\"Token\":\"c\","
			 "\"Expiration\":\"%s\"}", times[i].text);
		assert_int_equal(aws_parse_credentials(text, strlen(text), &found), 0);
		assert_int_equal(found.expires, times[i].expires);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	static const struct CMUnitTest tests[] = {
		TEST(the_first_that_is_named_decides),
		TEST(none_stands_in_for_another),
		TEST(variables_that_are_empty_are_not_set),
		TEST(instances_without_a_role),
		TEST(tokens_of_pods),
		TEST(hosts_that_are_told_a_token),
		cmocka_unit_test(hostile_documents),
		cmocka_unit_test(ends),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
