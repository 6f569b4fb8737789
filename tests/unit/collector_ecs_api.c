/* SPDX-License-Identifier: MIT */
/*
 * The ECS API: that what is asked is signed and by whose credentials, when it is
 * asked, and what becomes of answers and refusals.
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
#include "ecs_api.h"
#include "ecs_describe.h"
#include "identity.h"
#include "web_server.h"

#define WEB_TASK	"0f0e0d0c0b0a09080706050403020100"
#define RUN_TASK	"ffffffffffffffffffffffffffffffff"
#define GONE_TASK	"00000000000000000000000000000000"
#define CONTAINER	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ARN		"arn:aws:ecs:eu-west-1:123456789012:task/prod/"
#define REGION		"eu-west-1"

#define ROLES		"/latest/meta-data/iam/security-credentials/"
#define SECRET		"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

enum { START = 1000000 };

static const char described[] =
	"{\"failures\":[{\"arn\":\"" ARN GONE_TASK "\",\"reason\":\"MISSING\"}],\"tasks\":["
	"{\"availabilityZone\":\"eu-west-1b\",\"clusterArn\":\"arn:aws:ecs:eu-west-1:123456789012:cluster/prod\","
	"\"group\":\"service:web\",\"taskArn\":\"" ARN WEB_TASK "\","
	"\"taskDefinitionArn\":\"arn:aws:ecs:eu-west-1:123456789012:task-definition/web-family:7\"},"
	"{\"clusterArn\":\"arn:aws:ecs:eu-west-1:123456789012:cluster/prod\","
	"\"group\":\"family:batch\",\"taskArn\":\"" ARN RUN_TASK "\","
	"\"taskDefinitionArn\":\"arn:aws:ecs:eu-west-1:123456789012:task-definition/batch:12\"}]}";

static const char throttled[] = "{\"__type\":\"ThrottlingException\",\"message\":\"Rate exceeded\"}";

static char role_document[1024];	/* ends in an hour */

static const char inspected[] =
	"{\"Id\":\"" CONTAINER "\",\"Name\":\"/x\",\"Config\":{\"Image\":\"x\",\"Labels\":{"
	"\"com.amazonaws.ecs.cluster\":\"prod\",\"com.amazonaws.ecs.task-arn\":\"" ARN WEB_TASK "\","
	"\"com.amazonaws.ecs.task-definition-family\":\"web-family\"}}}";

struct service {
	struct web_page pages[8];
	struct web_server *server;
	struct ecs_api *api;
	struct ecs_api_config config;
};

enum { PAGE_API, PAGE_TOKEN, PAGE_ROLES, PAGE_ROLE, PAGE_INSPECT, PAGE_METADATA };

static void make_document(time_t expires)
{
	char text[32];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime(&expires));
	snprintf(role_document, sizeof(role_document),
		 "{\"Code\":\"Success\",\"Type\":\"AWS-HMAC\",\"AccessKeyId\":\"ASIAEXAMPLE\","
		 "\"SecretAccessKey\":\"" SECRET "\",\"Token\":\"IQoJb3JpZ2lu/+==\",\"Expiration\":\"%s\"}", text);
}

static int up(void **state)
{
	struct service *service = calloc(1, sizeof(*service));

	if (!service)
		return -1;
	make_document(time(NULL) + 3600);
	service->pages[PAGE_API] = (struct web_page){ "POST /", 200, described, WEB_ANSWER };
	service->pages[PAGE_TOKEN] = (struct web_page){ "PUT /latest/api/token", 200, WEB_TOKEN, WEB_TOKENS };
	service->pages[PAGE_ROLES] = (struct web_page){ ROLES, 200, "ecsInstanceRole", WEB_GUARDED };
	service->pages[PAGE_ROLE] = (struct web_page){ ROLES "ecsInstanceRole", 200, role_document, WEB_GUARDED };
	service->pages[PAGE_INSPECT] = (struct web_page){ "/containers/" CONTAINER "/json", 200, inspected, WEB_ANSWER };
	service->pages[PAGE_METADATA] = (struct web_page){
		"/v1/metadata", 200, "{\"Cluster\":\"prod\",\"ContainerInstanceArn\":"
		"\"arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/0f0e\"}", WEB_ANSWER };
	service->server = web_start(service->pages);
	service->config = (struct ecs_api_config){
		.on = true, .endpoint = web_url(service->server),
		.credentials = { .ec2_metadata = web_url(service->server) },
	};
	service->api = ecs_api_new(&service->config, NULL);
	*state = service;
	return service->api ? 0 : -1;
}

static int down(void **state)
{
	struct service *service = *state;

	ecs_api_free(service->api);
	web_stop(service->server);
	free(service);
	return 0;
}

static enum identity_result task_at(struct service *service, const char *id, uint64_t now, struct task_facts *facts)
{
	enum identity_result result;
	bool full;

	result = ecs_api_task(service->api, REGION, "prod", id, now, facts, &full);
	assert_false(full);
	return result;
}

static unsigned int questions(struct service *service)
{
	return web_requests(service->server, "POST /");
}

/* Does what is due next, and returns when that was. */
static uint64_t turn(struct service *service)
{
	uint64_t due = ecs_api_due(service->api);

	assert_true(due != UINT64_MAX);
	ecs_api_turn(service->api, due - 1);
	ecs_api_turn(service->api, due);
	return due;
}

/* Wants @id, gets credentials and asks. */
static uint64_t want(struct service *service, const char *id)
{
	struct task_facts facts;

	assert_int_equal(task_at(service, id, START, &facts), IDENTITY_UNAVAILABLE);
	turn(service);
	return turn(service);
}

/* ---- what is asked ---- */

/* Python's hmac and hashlib sign what came anew. */
static int check_signature(struct service *service, const char *names)
{
	char request[16384], command[512];
	FILE *pipe;

	snprintf(command, sizeof(command), "python3 tests/unit/check_signature.py %s %s ecs %s >&2", SECRET, REGION, names);
	web_posted(service->server, request, sizeof(request));
	pipe = popen(command, "w");
	assert_non_null(pipe);
	fputs(request, pipe);
	return pclose(pipe);
}

static void a_question_is_signed(void **state)
{
	struct service *service = *state;
	char request[16384];

	want(service, WEB_TASK);
	assert_int_equal(check_signature(service, "x-amz-security-token x-amz-target content-type"), 0);
	assert_int_not_equal(check_signature(service, "user-agent"), 0);
	web_posted(service->server, request, sizeof(request));
	assert_non_null(strstr(request, "\r\nX-Amz-Target: AmazonEC2ContainerServiceV20141113.DescribeTasks\r\n"));
	assert_non_null(strstr(request, "\r\nContent-Type: application/x-amz-json-1.1\r\n"));
	assert_non_null(strstr(request, "\r\nX-Amz-Security-Token: IQoJb3JpZ2lu/+==\r\n"));
	assert_non_null(strstr(request, "Credential=ASIAEXAMPLE/"));
	assert_string_equal(strstr(request, "\r\n\r\n") + 4, "{\"cluster\":\"prod\",\"tasks\":[\"" WEB_TASK "\"]}");
}

/* With those of the environment, which have no token if they are a user's; nobody else is asked for any. */
static void credentials_of_the_environment(void **state)
{
	struct service *service = *state;
	struct task_facts facts;
	char request[16384];

	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
	want(service, WEB_TASK);
	unsetenv("AWS_ACCESS_KEY_ID");
	unsetenv("AWS_SECRET_ACCESS_KEY");
	assert_int_equal(web_requests(service->server, ROLES), 0);
	assert_int_equal(check_signature(service, "x-amz-target"), 0);
	web_posted(service->server, request, sizeof(request));
	assert_non_null(strstr(request, "Credential=AKIDEXAMPLE/"));
	assert_null(strcasestr(request, "security-token"));
	assert_int_equal(task_at(service, WEB_TASK, START, &facts), IDENTITY_FOUND);
}

static void credentials_of_a_task(void **state)
{
	struct service *service = *state;

	ecs_api_free(service->api);
	service->config.credentials = (struct aws_credential_sources){ .task = web_url(service->server) };
	service->api = ecs_api_new(&service->config, NULL);
	service->pages[PAGE_ROLE] = (struct web_page){ "/v2/credentials/1", 200, role_document, WEB_ANSWER };
	setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/1", 1);
	want(service, WEB_TASK);
	unsetenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	assert_int_equal(questions(service), 1);
	assert_int_equal(check_signature(service, "x-amz-security-token"), 0);
}

/* ---- what comes of it ---- */

static void one_question_for_all(void **state)
{
	struct service *service = *state;
	struct task_facts facts;

	assert_int_equal(task_at(service, RUN_TASK, START, &facts), IDENTITY_UNAVAILABLE);
	assert_int_equal(task_at(service, GONE_TASK, START, &facts), IDENTITY_UNAVAILABLE);
	want(service, WEB_TASK);
	assert_int_equal(questions(service), 1);

	assert_int_equal(task_at(service, WEB_TASK, START, &facts), IDENTITY_FOUND);
	assert_string_equal(facts.service, "web");
	assert_string_equal(facts.family, "web-family");
	assert_string_equal(facts.revision, "7");
	assert_string_equal(facts.cluster, "prod");
	assert_string_equal(facts.zone, "eu-west-1b");
	assert_string_equal(facts.arn, ARN WEB_TASK);
	assert_int_equal(task_at(service, RUN_TASK, START, &facts), IDENTITY_FOUND);
	assert_string_equal(facts.service, "");
	assert_string_equal(facts.family, "batch");
	assert_int_equal(task_at(service, GONE_TASK, START, &facts), IDENTITY_NOT_FOUND);

	/* and no other is to come */
	assert_true(ecs_api_due(service->api) == UINT64_MAX);
	ecs_api_turn(service->api, START + 1000000000);
	assert_int_equal(questions(service), 1);
}

static void nothing_is_asked_before_its_time(void **state)
{
	struct service *service = *state;
	struct task_facts facts;
	uint64_t first, least = UINT64_MAX, most = 0, due;

	assert_true(ecs_api_due(service->api) == UINT64_MAX);
	first = want(service, WEB_TASK);
	/* hosts that have the same trouble at once do not ask at once */
	for (unsigned int i = 0; i < 200; i++) {
		struct ecs_api *api = ecs_api_new(&service->config, NULL);
		bool full;

		ecs_api_task(api, REGION, "prod", RUN_TASK, START, &facts, &full);
		due = ecs_api_due(api);
		assert_in_range(due, START + ECS_API_FIRST_MIN, START + ECS_API_FIRST_MAX);
		least = due < least ? due : least;
		most = due > most ? due : most;
		ecs_api_free(api);
	}
	assert_true(most - least > (ECS_API_FIRST_MAX - ECS_API_FIRST_MIN) / 2);
	/* one that is wanted right after an answer waits too */
	task_at(service, RUN_TASK, first, &facts);
	assert_true(ecs_api_due(service->api) >= first + ECS_API_SPACING);
}

static void refusals_are_backed_off_from(void **state)
{
	static const struct web_page refusals[] = {
		{ "POST /", 400, throttled, WEB_ANSWER },
		{ "POST /", 429, "", WEB_ANSWER },
		{ "POST /", 503, "<html>", WEB_ANSWER },
		{ "POST /", 200, "<html>", WEB_ANSWER },
		{ "POST /", 200, "", WEB_GARBAGE },
		{ "POST /", 200, described, WEB_CUT },
		{ "POST /", 500, "{\"__type\":\"com.amazonaws.ecs#ServerException\"}", WEB_ANSWER },
	};
	struct service *service = *state;
	struct task_facts facts;
	uint64_t wait = ECS_API_WAIT_FIRST, due;

	service->pages[PAGE_API] = refusals[0];
	due = want(service, WEB_TASK);
	for (unsigned int i = 1; i < 14; i++) {
		assert_in_range(ecs_api_due(service->api) - due, wait / 2, wait);
		wait = 2 * wait < ECS_API_WAIT_MAX ? 2 * wait : ECS_API_WAIT_MAX;
		service->pages[PAGE_API] = refusals[i % (sizeof(refusals) / sizeof(refusals[0]))];
		due = turn(service);
		assert_int_equal(task_at(service, WEB_TASK, due, &facts), IDENTITY_UNAVAILABLE);
		/* by then, credentials have been renewed in between */
		if (questions(service) == i)
			due = turn(service);
		assert_int_equal(questions(service), i + 1);
	}
	assert_int_equal(wait, ECS_API_WAIT_MAX);
	service->pages[PAGE_API] = (struct web_page){ "POST /", 200, described, WEB_ANSWER };
	due = turn(service);
	if (task_at(service, WEB_TASK, due, &facts) != IDENTITY_FOUND)
		turn(service);
	assert_int_equal(task_at(service, WEB_TASK, due, &facts), IDENTITY_FOUND);
}

/* Nobody answers: it takes no longer than its time. */
static void silence(void **state)
{
	struct service *service = *state;
	time_t before = time(NULL);

	service->pages[PAGE_API].behaviour = WEB_SILENCE;
	want(service, WEB_TASK);
	assert_in_range(time(NULL) - before, 1, 4);
	assert_int_equal(questions(service), 1);
	assert_true(ecs_api_due(service->api) != UINT64_MAX);
}

static void who_may_not_asks_rarely(void **state)
{
	struct service *service = *state;
	uint64_t due;

	service->pages[PAGE_API] = (struct web_page){ "POST /", 400, "{\"__type\":\"AccessDeniedException\"}", WEB_ANSWER };
	due = want(service, WEB_TASK);
	assert_in_range(ecs_api_due(service->api) - due, ECS_API_WAIT_MAX / 2, ECS_API_WAIT_MAX);
}

/* One that the API takes offence at is found out, and the others get their answer. */
static void one_does_not_spoil_others(void **state)
{
	struct service *service = *state;
	struct task_facts facts;

	task_at(service, GONE_TASK, START, &facts);
	service->pages[PAGE_API] = (struct web_page){
		"POST /", 400, "{\"__type\":\"InvalidParameterException\"}", WEB_ANSWER };
	want(service, WEB_TASK);
	assert_int_equal(task_at(service, GONE_TASK, START, &facts), IDENTITY_UNAVAILABLE);
	turn(service);
	assert_int_equal(task_at(service, GONE_TASK, START, &facts), IDENTITY_NOT_FOUND);
	service->pages[PAGE_API] = (struct web_page){ "POST /", 200, described, WEB_ANSWER };
	turn(service);
	assert_int_equal(task_at(service, WEB_TASK, START, &facts), IDENTITY_FOUND);
	assert_int_equal(questions(service), 3);
}

/* ---- credentials ---- */

static void credentials_are_renewed(void **state)
{
	struct service *service = *state;
	struct task_facts facts;
	uint64_t due = want(service, WEB_TASK);

	task_at(service, RUN_TASK, due, &facts);
	turn(service);
	assert_int_equal(questions(service), 2);
	assert_int_equal(web_requests(service->server, ROLES), 1);
	/* 5 minutes before they end */
	task_at(service, GONE_TASK, START + 3310 * 1000, &facts);
	turn(service);
	assert_int_equal(web_requests(service->server, ROLES), 2);
	assert_int_equal(questions(service), 2);
	turn(service);
	assert_int_equal(questions(service), 3);
}

/* As when a role is taken away, or this clock is wrong. */
static void refused_credentials_are_got_anew(void **state)
{
	struct service *service = *state;
	struct task_facts facts;

	service->pages[PAGE_API] = (struct web_page){ "POST /", 400, "{\"__type\":\"ExpiredTokenException\"}", WEB_ANSWER };
	want(service, WEB_TASK);
	service->pages[PAGE_API] = (struct web_page){ "POST /", 200, described, WEB_ANSWER };
	turn(service);
	assert_int_equal(web_requests(service->server, ROLES), 2);
	turn(service);
	assert_int_equal(task_at(service, WEB_TASK, START, &facts), IDENTITY_FOUND);
}

static void without_credentials_nobody_is_asked(void **state)
{
	struct service *service = *state;
	uint64_t due;

	service->pages[PAGE_ROLES].status = 404;
	due = want(service, WEB_TASK);
	assert_true(ecs_api_due(service->api) > due);
	service->pages[PAGE_ROLES] = (struct web_page){ ROLES, 200, "../../x", WEB_GUARDED };
	turn(service);
	service->pages[PAGE_ROLES] = (struct web_page){ ROLES, 200, "ecsInstanceRole", WEB_GUARDED };
	service->pages[PAGE_ROLE].body = "{\"Code\":\"Failed\"}";
	turn(service);
	assert_int_equal(questions(service), 0);
}

static void documents(void **state)
{
	static const char *const none[] = {
		"", "{}", "[]", "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Token\":\"a\\r\\nHost: b\"}",
		"{\"AccessKeyId\":\"A\",\"SecretAccessKey\":7,\"Token\":\"c\"}",
		"{\"AccessKeyId\":\"A b\",\"SecretAccessKey\":\"B\",\"Token\":\"c\"}",
	};
	static const char role[] = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"B\",\"Token\":\"c\","
				   "\"Expiration\":\"2026-01-01T00:00:00Z\"}";
	static const char zero[sizeof(struct aws_credentials)];
	struct aws_credentials credentials;
	char name[AWS_ROLE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(aws_parse_credentials(none[i], strlen(none[i]), &credentials), -EINVAL);
		assert_memory_equal(&credentials, zero, sizeof(zero));
	}
	assert_int_equal(aws_parse_credentials(role, strlen(role), &credentials), 0);
	assert_int_equal(credentials.expires, 1767225600);
	assert_int_equal(aws_parse_role("a+b=c,d.e@f-g_h\nother", 21, name), 0);
	assert_string_equal(name, "a+b=c,d.e@f-g_h");
	assert_int_equal(aws_parse_role("a/b", 3, name), -EINVAL);
	assert_int_equal(aws_parse_role("", 0, name), -EINVAL);
	assert_int_equal(aws_parse_role("..", 2, name), -EINVAL);
}

/* ---- names and bounds ---- */

/* The role's session token goes to the host of that name. */
static void regions(void **state)
{
	static const char *const none[] = { "", "a.b", "EU", "x/", "x@", "-x", "x-", "a b",
					    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	char url[128];

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(ecs_is_region(none[i]));
	assert_true(ecs_is_region("us-gov-west-1"));
	ecs_api_url("eu-west-1", url, sizeof(url));
	assert_string_equal(url, "https://ecs.eu-west-1.amazonaws.com/");
	ecs_api_url("cn-north-1", url, sizeof(url));
	assert_string_equal(url, "https://ecs.cn-north-1.amazonaws.com.cn/");
}

static void what_is_no_name_is_not_asked_for(void **state)
{
	struct service *service = *state;
	struct task_facts facts;
	bool full;

	assert_int_equal(ecs_api_task(service->api, "a.b", "c", WEB_TASK, START, &facts, &full), IDENTITY_NOT_FOUND);
	assert_int_equal(ecs_api_task(service->api, REGION, "", WEB_TASK, START, &facts, &full), IDENTITY_NOT_FOUND);
	assert_int_equal(ecs_api_task(service->api, REGION, "c", "x\"y", START, &facts, &full), IDENTITY_NOT_FOUND);
	assert_int_equal(ecs_api_task(service->api, REGION, "c", "", START, &facts, &full), IDENTITY_NOT_FOUND);
	assert_true(ecs_api_due(service->api) == UINT64_MAX);
}

static void tasks_of_other_clusters_are_not_taken(void **state)
{
	struct service *service = *state;
	struct task_facts facts;
	bool full;

	ecs_api_task(service->api, REGION, "stage", WEB_TASK, START, &facts, &full);
	turn(service);
	turn(service);
	assert_int_equal(ecs_api_task(service->api, REGION, "stage", WEB_TASK, START, &facts, &full),
			 IDENTITY_NOT_FOUND);
}

/* A hundred in a question; beyond the bound it is said; who is not asked about any more makes room. */
static void more_than_there_is_room_for(void **state)
{
	struct service *service = *state;
	struct task_facts facts;
	char id[HADAL_TASK_ID_SIZE];
	bool full;

	for (unsigned int i = 0; i < ECS_API_TASKS; i++) {
		snprintf(id, sizeof(id), "%032x", i + 1);
		task_at(service, id, START, &facts);
	}
	assert_int_equal(ecs_api_task(service->api, REGION, "prod", WEB_TASK, START, &facts, &full),
			 IDENTITY_UNAVAILABLE);
	assert_true(full);
	for (unsigned int i = 0; ecs_api_due(service->api) != UINT64_MAX; i++) {
		assert_in_range(i, 0, 4);
		turn(service);
	}
	assert_int_equal(questions(service), 3);
	assert_int_equal(task_at(service, WEB_TASK, START + ECS_API_STALE, &facts), IDENTITY_UNAVAILABLE);

	for (unsigned int i = 0; i < ECS_API_TASKS; i++) {
		snprintf(id, sizeof(id), "%032x", i + 1000);
		ecs_api_task(service->api, REGION, "prod", id, START + ECS_API_STALE, &facts, &full);
	}
	assert_true(full);
	ecs_api_task(service->api, REGION, "prod", id, START + 3 * ECS_API_STALE, &facts, &full);
	assert_false(full);
}

/* ---- as the last to be asked ---- */

static enum identity_result by_api(struct service *service, const struct identity_request *request,
				   enum identity_result by_others)
{
	static const struct instance_facts instance = { .cluster = "prod", .region = REGION };
	struct identity_answer answer = { .container = by_others, .task = by_others };

	lookup_by_api(service->api, &instance, request, START, &answer);
	return answer.task;
}

static void others_come_first(void **state)
{
	struct service *service = *state;
	struct identity_request request = { .container_id = CONTAINER, .in_task = true, .task_id = WEB_TASK };

	/* who is asked may answer the next time */
	assert_int_equal(by_api(service, &request, IDENTITY_UNAVAILABLE), IDENTITY_UNAVAILABLE);
	request.again = true;
	assert_int_equal(by_api(service, &request, IDENTITY_FOUND), IDENTITY_FOUND);
	request.task_known = true;
	assert_int_equal(by_api(service, &request, IDENTITY_UNAVAILABLE), IDENTITY_UNAVAILABLE);
	request = (struct identity_request){ .container_id = CONTAINER, .again = true };
	assert_int_equal(by_api(service, &request, IDENTITY_NOT_FOUND), IDENTITY_NOT_FOUND);
	assert_true(ecs_api_due(service->api) == UINT64_MAX);

	/* what is gone is not told by others any more */
	request = (struct identity_request){ .container_id = CONTAINER, .in_task = true, .task_id = WEB_TASK };
	assert_int_equal(by_api(service, &request, IDENTITY_NOT_FOUND), IDENTITY_UNAVAILABLE);
	turn(service);
	turn(service);
	assert_int_equal(by_api(service, &request, IDENTITY_NOT_FOUND), IDENTITY_FOUND);
}

static void await_service(struct identity *identity, struct identity_request *request)
{
	struct identity_answer answer;

	for (unsigned int i = 0; i < 200; i++) {
		assert_int_equal(identity_ask(identity, request), 0);
		while (!identity_take(identity, &answer))
			usleep(10000);
		request->again = true;
		if (answer.task == IDENTITY_FOUND) {
			assert_string_equal(answer.facts.task.service, "web");
			return;
		}
		assert_int_equal(answer.task, IDENTITY_UNAVAILABLE);
	}
	fail_msg("the service was never told");
}

/* Docker names the task; or nobody does, and the cgroup and the instance's cluster do. */
static void the_last_to_be_asked(void **state)
{
	struct service *service = *state;
	struct lookup_sources sources = {
		.docker_socket = web_socket(service->server), .ecs_introspection = web_url(service->server),
		.ecs_task_metadata = web_url(service->server), .ecs_api = service->config,
	};
	struct identity_request request = { .container_id = CONTAINER, .in_task = true, .task_id = WEB_TASK };
	struct identity *identity;

	for (unsigned int i = 0; i < 2; i++) {
		request.again = false;
		assert_int_equal(identity_start(&sources, &identity), 0);
		await_service(identity, &request);
		identity_stop(identity);
		assert_int_equal(questions(service), i + 1);
		service->pages[PAGE_INSPECT].status = 500;
	}
	/* off, as it is by default */
	sources.ecs_api = (struct ecs_api_config){ .endpoint = web_url(service->server) };
	assert_int_equal(identity_start(&sources, &identity), 0);
	assert_int_equal(identity_ask(identity, &request), 0);
	usleep(200000);
	identity_stop(identity);
	assert_int_equal(questions(service), 2);
}

static void off_by_default(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(config_load(&config, "packaging/hadald.conf", stderr), 0);
	assert_false(config.ecs_api);
	config_free(&config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_question_is_signed, up, down),
		cmocka_unit_test_setup_teardown(credentials_of_the_environment, up, down),
		cmocka_unit_test_setup_teardown(credentials_of_a_task, up, down),
		cmocka_unit_test_setup_teardown(one_question_for_all, up, down),
		cmocka_unit_test_setup_teardown(nothing_is_asked_before_its_time, up, down),
		cmocka_unit_test_setup_teardown(refusals_are_backed_off_from, up, down),
		cmocka_unit_test_setup_teardown(silence, up, down),
		cmocka_unit_test_setup_teardown(who_may_not_asks_rarely, up, down),
		cmocka_unit_test_setup_teardown(one_does_not_spoil_others, up, down),
		cmocka_unit_test_setup_teardown(credentials_are_renewed, up, down),
		cmocka_unit_test_setup_teardown(refused_credentials_are_got_anew, up, down),
		cmocka_unit_test_setup_teardown(without_credentials_nobody_is_asked, up, down),
		cmocka_unit_test(documents),
		cmocka_unit_test(regions),
		cmocka_unit_test_setup_teardown(what_is_no_name_is_not_asked_for, up, down),
		cmocka_unit_test_setup_teardown(tasks_of_other_clusters_are_not_taken, up, down),
		cmocka_unit_test_setup_teardown(more_than_there_is_room_for, up, down),
		cmocka_unit_test_setup_teardown(others_come_first, up, down),
		cmocka_unit_test_setup_teardown(the_last_to_be_asked, up, down),
		cmocka_unit_test(off_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
