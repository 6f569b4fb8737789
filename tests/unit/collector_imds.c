/* SPDX-License-Identifier: MIT */
/*
 * What EC2's instance metadata service says, and who is no such service.
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

#include "config.h"
#include "identity.h"
#include "imds.h"
#include "places.h"

#define TOKEN_PATH	"PUT /latest/api/token"
#define DOCUMENT_PATH	"/latest/dynamic/instance-identity/document"

static const char document[] =
	"{\n  \"accountId\" : \"123456789012\",\n  \"architecture\" : \"arm64\",\n"
	"  \"availabilityZone\" : \"eu-west-1b\",\n  \"billingProducts\" : null,\n"
	"  \"devpayProductCodes\" : null,\n  \"marketplaceProductCodes\" : null,\n"
	"  \"imageId\" : \"ami-0a1b2c3d4e5f60718\",\n  \"instanceId\" : \"i-0123456789abcdef0\",\n"
	"  \"instanceType\" : \"c7g.large\",\n  \"kernelId\" : null,\n"
	"  \"pendingTime\" : \"2026-01-14T09:20:00Z\",\n  \"privateIp\" : \"10.0.3.4\",\n"
	"  \"ramdiskId\" : null,\n  \"region\" : \"eu-west-1\",\n  \"version\" : \"2017-09-30\"\n}";

static const char agent[] =
	"{\"Cluster\":\"prod\",\"ContainerInstanceArn\":"
	"\"arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/0f0e\"}";

enum { PAGE_TOKEN, PAGE_DOCUMENT, PAGE_AGENT };

static int up(void **state)
{
	static const struct web_page pages[] = {
		[PAGE_TOKEN] = { TOKEN_PATH, 200, WEB_TOKEN, WEB_TOKENS },
		[PAGE_DOCUMENT] = { DOCUMENT_PATH, 200, document, WEB_GUARDED },
		[PAGE_AGENT] = { "/v1/metadata", 200, agent, WEB_ANSWER },
	};

	return places_up(state, pages, sizeof(pages) / sizeof(pages[0]));
}

static void expect_all(const struct instance_facts *facts)
{
	assert_string_equal(facts->instance, "i-0123456789abcdef0");
	assert_string_equal(facts->account, "123456789012");
	assert_string_equal(facts->region, "eu-west-1");
	assert_string_equal(facts->zone, "eu-west-1b");
	assert_string_equal(facts->type, "c7g.large");
	assert_string_equal(facts->image, "ami-0a1b2c3d4e5f60718");
}

static void an_instance_tells_all(void **state)
{
	struct places *service = *state;
	struct instance_facts facts;
	struct http_body body;

	assert_int_equal(imds_instance(service->http, web_url(service->server), &facts), IDENTITY_FOUND);
	expect_all(&facts);
	assert_string_equal(facts.cluster, "");
	assert_int_equal(web_requests(service->server, TOKEN_PATH), 1);
	assert_int_equal(web_requests(service->server, DOCUMENT_PATH), 1);

	/* what was set for it is not sent to others */
	assert_int_equal(http_send(service->http, &(struct http_request){ .url = web_url(service->server) }, &body), 404);
	http_body_free(&body);
	assert_int_equal(web_requests(service->server, "/"), 1);
}

/* Of version 1 alone, of another cloud, switched off: nothing is asked without a token. */
static void no_version_1(void **state)
{
	static const int statuses[] = { 403, 404, 405 };
	struct places *service = *state;
	struct instance_facts facts;

	service->pages[PAGE_DOCUMENT].behaviour = WEB_ANSWER;
	for (size_t i = 0; i < 3; i++) {
		service->pages[PAGE_TOKEN] = (struct web_page){ TOKEN_PATH, statuses[i], "", WEB_ANSWER };
		assert_int_equal(imds_instance(service->http, web_url(service->server), &facts), IDENTITY_NOT_FOUND);
	}
	assert_int_equal(web_requests(service->server, DOCUMENT_PATH), 0);
}

/* The server of these tests is as strict as the real one. */
static void without_a_token_there_is_nothing(void **state)
{
	struct places *service = *state;
	struct http_body body;
	char url[256];

	snprintf(url, sizeof(url), "%s" DOCUMENT_PATH, web_url(service->server));
	assert_int_equal(http_get(service->http, NULL, url, &body), 401);
	http_body_free(&body);
	snprintf(url, sizeof(url), "%s/latest/api/token", web_url(service->server));
	assert_int_equal(http_get(service->http, NULL, url, &body), 404);
	http_body_free(&body);
	assert_int_equal(http_send(service->http, &(struct http_request){ .url = url, .put = true }, &body), 401);
	http_body_free(&body);
}

static uint64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void failing_services(void **state)
{
	static const struct {
		struct web_page token, document;
		enum identity_result result;
	} failures[] = {
		{ { TOKEN_PATH, 429, "", WEB_ANSWER }, { DOCUMENT_PATH, 200, document, WEB_GUARDED },
		  IDENTITY_UNAVAILABLE },
		{ { TOKEN_PATH, 503, "", WEB_ANSWER }, { DOCUMENT_PATH, 200, document, WEB_GUARDED },
		  IDENTITY_UNAVAILABLE },
		{ { TOKEN_PATH, 200, "", WEB_GARBAGE }, { DOCUMENT_PATH, 200, document, WEB_GUARDED },
		  IDENTITY_UNAVAILABLE },
		{ { TOKEN_PATH, 200, "", WEB_ENDLESS }, { DOCUMENT_PATH, 200, document, WEB_GUARDED },
		  IDENTITY_UNAVAILABLE },
		{ { TOKEN_PATH, 200, "", WEB_SILENCE }, { DOCUMENT_PATH, 200, document, WEB_GUARDED },
		  IDENTITY_NOT_FOUND },
		{ { TOKEN_PATH, 200, "a\r\nHost: other", WEB_TOKENS }, { DOCUMENT_PATH, 200, document, WEB_ANSWER },
		  IDENTITY_UNAVAILABLE },
		{ { TOKEN_PATH, 200, "", WEB_TOKENS }, { DOCUMENT_PATH, 200, document, WEB_ANSWER },
		  IDENTITY_UNAVAILABLE },
		{ { TOKEN_PATH, 200, "other", WEB_TOKENS }, { DOCUMENT_PATH, 200, document, WEB_GUARDED },
		  IDENTITY_UNAVAILABLE },
		{ { TOKEN_PATH, 200, WEB_TOKEN, WEB_TOKENS }, { DOCUMENT_PATH, 200, document, WEB_CUT },
		  IDENTITY_UNAVAILABLE },
		{ { TOKEN_PATH, 200, WEB_TOKEN, WEB_TOKENS }, { DOCUMENT_PATH, 200, "<html>", WEB_GUARDED },
		  IDENTITY_UNAVAILABLE },
		{ { TOKEN_PATH, 200, WEB_TOKEN, WEB_TOKENS }, { DOCUMENT_PATH, 200, document, WEB_SILENCE },
		  IDENTITY_UNAVAILABLE },
	};
	struct places *service = *state;
	struct instance_facts facts;

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct web_server *server;
		struct web_page pages[3] = { failures[i].token, failures[i].document };
		enum identity_result result;
		uint64_t since = milliseconds();

		server = web_start(pages);
		result = imds_instance(service->http, web_url(server), &facts);
		/* Of what has no end, either its bound or the time is reached first. */
		if (result != failures[i].result &&
		    (failures[i].token.behaviour != WEB_ENDLESS || result == IDENTITY_FOUND))
			fail_msg("failure %zu", i);
		assert_true(milliseconds() - since < 10 * IMDS_TIMEOUT);
		web_stop(server);
	}
	assert_int_equal(imds_instance(service->http, "http://127.0.0.1:1", &facts), IDENTITY_NOT_FOUND);
}

static void documents_of_others(void **state)
{
	static const char *const documents[] = {
		"", "{}", "[]", "{\"instanceId\":\"i-0123456789abcdef0\"}",
		"{\"instanceId\":\"i-0123456789abcdef0\",\"accountId\":\"1234\",\"region\":\"r\"}",
		"{\"instanceId\":\"mi-0123456789abcdef0\",\"accountId\":\"123456789012\",\"region\":\"r\"}",
		"{\"instanceId\":\"i-00000XYZ\",\"accountId\":\"123456789012\",\"region\":\"r\"}",
		"{\"instanceId\":\"i-0123456789abcdef0\",\"accountId\":\"123456789012\",\"region\":\"\"}",
	};
	struct instance_facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		assert_int_equal(imds_parse_document(documents[i], strlen(documents[i]), &facts), -EINVAL);
		assert_string_equal(facts.instance, "");
		assert_string_equal(facts.region, "");
	}
	assert_int_equal(imds_parse_document(document, strlen(document), &facts), 0);
	expect_all(&facts);
}

static void tokens(void **state)
{
	char token[IMDS_TOKEN_SIZE], longest[IMDS_TOKEN_SIZE];

	(void)state;
	memset(longest, 'a', sizeof(longest));
	assert_int_equal(imds_parse_token(longest, sizeof(longest), token), -EINVAL);
	assert_int_equal(imds_parse_token(longest, sizeof(longest) - 1, token), 0);
	assert_int_equal(imds_parse_token("", 0, token), -EINVAL);
	assert_int_equal(imds_parse_token("a b", 3, token), -EINVAL);
	assert_int_equal(imds_parse_token("a\n", 2, token), -EINVAL);
	assert_int_equal(imds_parse_token("a=", 2, token), 0);
	assert_string_equal(token, "a=");
}

static void await(struct identity *identity, bool (*done)(const struct instance_facts *facts),
		  struct instance_facts *facts)
{
	for (int i = 0; i < 20000; i++) {
		if (identity_instance(identity, facts) && done(facts))
			return;
		usleep(1000);
	}
	fail_msg("it was never told");
}

static bool has_both(const struct instance_facts *facts)
{
	return facts->cluster[0] && facts->instance[0];
}

static bool has_instance(const struct instance_facts *facts)
{
	return facts->instance[0];
}

/* The thread asks both; where nobody is at the first address, at the second. */
static void the_thread_asks_agent_and_ec2(void **state)
{
	struct places *service = *state;
	struct lookup_sources sources = {
		.docker_socket = "", .ecs_introspection = web_url(service->server), .ecs_task_metadata = "",
		.ec2_metadata = "http://127.0.0.1:1", .ec2_metadata_ipv6 = web_url(service->server),
	};
	struct instance_facts facts;
	struct identity *identity;

	assert_int_equal(identity_start(&sources, &identity), 0);
	await(identity, has_both, &facts);
	expect_all(&facts);
	assert_string_equal(facts.cluster, "prod");
	assert_false(identity_instance_pending(identity));
	identity_stop(identity);
}

/* Busy at first: it is waited for and asked again. On a host of no cloud nothing is. */
static void busy_is_asked_again(void **state)
{
	struct places *service = *state;
	struct web_page good = service->pages[PAGE_TOKEN];
	struct lookup_sources sources = {
		.docker_socket = "", .ecs_introspection = "", .ecs_task_metadata = "",
		.ec2_metadata = web_url(service->server),
	};
	struct instance_facts facts;
	struct identity *identity;

	service->pages[PAGE_TOKEN] = (struct web_page){ TOKEN_PATH, 429, "", WEB_ANSWER };
	assert_int_equal(identity_start(&sources, &identity), 0);
	while (!web_requests(service->server, TOKEN_PATH))
		usleep(1000);
	assert_true(identity_instance_pending(identity));
	assert_false(identity_instance(identity, &facts));
	service->pages[PAGE_TOKEN] = good;
	await(identity, has_instance, &facts);
	assert_false(identity_instance_pending(identity));
	identity_stop(identity);

	sources.ec2_metadata = sources.ec2_metadata_ipv6 = "http://127.0.0.1:1";
	assert_int_equal(identity_start(&sources, &identity), 0);
	for (int i = 0; identity_instance_pending(identity) && i < 20000; i++)
		usleep(1000);
	assert_false(identity_instance_pending(identity));
	assert_false(identity_instance(identity, &facts));
	identity_stop(identity);
}

/* As SDKs have it. */
static void endpoints_by_environment(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(config_load(&config, "packaging/hadald.conf", stderr), 0);
	assert_string_equal(config.ec2_metadata, IMDS_IPV4);
	assert_string_equal(config.ec2_metadata_ipv6, IMDS_IPV6);
	config_free(&config);
	setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://[fd00:ec2::254]/", 1);
	assert_int_equal(config_load(&config, "packaging/hadald.conf", stderr), 0);
	assert_string_equal(config.ec2_metadata, "http://[fd00:ec2::254]");
	assert_string_equal(config.ec2_metadata_ipv6, "");
	config_free(&config);
	setenv("AWS_EC2_METADATA_DISABLED", "True", 1);
	assert_int_equal(config_load(&config, "packaging/hadald.conf", stderr), 0);
	assert_string_equal(config.ec2_metadata, "");
	assert_string_equal(config.ec2_metadata_ipv6, "");
	config_free(&config);
	unsetenv("AWS_EC2_METADATA_DISABLED");
	unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_instance_tells_all, up, places_down),
		cmocka_unit_test_setup_teardown(no_version_1, up, places_down),
		cmocka_unit_test_setup_teardown(without_a_token_there_is_nothing, up, places_down),
		cmocka_unit_test_setup_teardown(failing_services, up, places_down),
		cmocka_unit_test(documents_of_others),
		cmocka_unit_test(tokens),
		cmocka_unit_test_setup_teardown(the_thread_asks_agent_and_ec2, up, places_down),
		cmocka_unit_test_setup_teardown(busy_is_asked_again, up, places_down),
		cmocka_unit_test(endpoints_by_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
