/* SPDX-License-Identifier: MIT */
/*
 * Who containers are: Docker and the ECS agent as they answer, as they fail
 * to, and as they should not.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector_parts.h"
#include "docker.h"
#include "ecs.h"
#include "identity.h"
#include "model.h"
#include "places.h"
#include "procfs.h"

#define ID	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TASK	"0f0e0d0c0b0a09080706050403020100"
#define ARN	"arn:aws:ecs:eu-west-1:123456789012:task/prod/" TASK

#define INSPECT	"/containers/" ID "/json"
#define TASKS	"/v1/tasks?dockerid=" ID
#define V4	"/v4/11112222-3333/task"

static const char inspected[] =
	"{\"Id\":\"" ID "\",\"Created\":\"2026-01-01T00:00:00.1Z\",\"Name\":\"/ecs-web-7-web-d0c0\","
	"\"State\":{\"Status\":\"running\",\"Pid\":4242},\"Image\":\"sha256:00\","
	"\"HostConfig\":{\"NetworkMode\":\"default\"},"
	"\"Config\":{\"Hostname\":\"h\",\"Env\":[\"PATH=/bin\",5,"
	"\"ECS_CONTAINER_METADATA_URI=http://169.254.170.2/v3/other\","
	"\"ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/11112222-3333\"],\"Image\":\"shop/web:7\","
	"\"Labels\":{\"com.amazonaws.ecs.cluster\":\"prod\",\"com.amazonaws.ecs.container-name\":\"web\","
	"\"com.amazonaws.ecs.task-arn\":\"" ARN "\",\"com.amazonaws.ecs.task-definition-family\":\"web-family\","
	"\"com.amazonaws.ecs.task-definition-version\":\"7\"}},"
	"\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8080\"},"
	"{\"HostIp\":\"::\",\"HostPort\":\"8080\"}],\"53/udp\":[{\"HostIp\":\"\",\"HostPort\":\"53\"}],"
	"\"443/tcp\":null},"
	"\"Networks\":{\"bridge\":{\"IPAddress\":\"172.17.0.2\",\"GlobalIPv6Address\":\"\"},"
	"\"own\":{\"IPAddress\":\"10.9.0.2\",\"GlobalIPv6Address\":\"fd00::2\"}}}}";

static const char plain[] =
	"{\"Id\":\"" ID "\",\"Name\":\"/redis\",\"Config\":{\"Image\":\"redis\",\"Env\":null,\"Labels\":{}},"
	"\"HostConfig\":{\"NetworkMode\":\"host\"},\"NetworkSettings\":{\"Ports\":{},\"Networks\":"
	"{\"host\":{\"IPAddress\":\"\"}}}}";

static const char introspected[] =
	"{\"Arn\":\"" ARN "\",\"DesiredStatus\":\"RUNNING\",\"KnownStatus\":\"RUNNING\",\"Family\":\"web-family\","
	"\"Version\":\"7\",\"Containers\":[{\"DockerId\":\"other\",\"DockerName\":\"x\"},{\"DockerId\":\"" ID "\","
	"\"DockerName\":\"ecs-web-7-web-d0c0\",\"Name\":\"web\",\"Image\":\"shop/web:7\","
	"\"Networks\":[{\"NetworkMode\":\"awsvpc\",\"IPv4Addresses\":[\"10.0.3.4\"]}]}]}";

static const char described[] =
	"{\"Cluster\":\"arn:aws:ecs:eu-west-1:123456789012:cluster/prod\",\"TaskARN\":\"" ARN "\","
	"\"Family\":\"web-family\",\"Revision\":\"7\",\"ServiceName\":\"web\",\"DesiredStatus\":\"RUNNING\","
	"\"AvailabilityZone\":\"eu-west-1b\",\"LaunchType\":\"EC2\",\"Limits\":{\"CPU\":0.5},"
	"\"Containers\":[{\"DockerId\":\"\"},{\"DockerId\":\"" ID "\",\"Name\":\"web\"}]}";

static const char metadata[] =
	"{\"Cluster\":\"prod\",\"ContainerInstanceArn\":"
	"\"arn:aws:ecs:eu-west-1:123456789012:container-instance/prod/0f0e\",\"Version\":\"Amazon ECS Agent\"}";

/* ---- readers of answers ---- */

static void docker_tells_all(void **state)
{
	struct container_facts facts;
	struct address address;

	(void)state;
	assert_int_equal(docker_parse_container(inspected, strlen(inspected), ID, &facts), 0);
	assert_string_equal(facts.name, "ecs-web-7-web-d0c0");
	assert_string_equal(facts.name_in_task, "web");
	assert_string_equal(facts.image, "shop/web:7");
	assert_string_equal(facts.endpoint, "11112222-3333");
	assert_string_equal(facts.task.arn, ARN);
	assert_string_equal(facts.task.family, "web-family");
	assert_string_equal(facts.task.revision, "7");
	assert_string_equal(facts.task.cluster, "prod");
	assert_string_equal(facts.task.service, "");
	assert_int_equal(facts.address_count, 3);
	address_parse("fd00::2", &address);
	assert_true(address_equal(&facts.addresses[2], &address));
	assert_int_equal(facts.port_count, 3);
	assert_int_equal(facts.ports[0].host_port, 8080);
	assert_int_equal(facts.ports[0].port, 80);
	assert_true(address_unspecified(&facts.ports[0].host));
	assert_true(address_unspecified(&facts.ports[1].host));
	assert_false(facts.ports[1].udp);
	assert_true(facts.ports[2].udp);
	assert_int_equal(facts.ports[2].host_port, 53);
	assert_false(facts.host_network);

	assert_int_equal(docker_parse_container(plain, strlen(plain), ID, &facts), 0);
	assert_string_equal(facts.name, "redis");
	assert_string_equal(facts.task.arn, "");
	assert_string_equal(facts.endpoint, "");
	assert_int_equal(facts.address_count, 0);
	assert_true(facts.host_network);
}

/* A new configuration has others asked, and those of before do not answer any more. */
static void who_was_asked_about_in_vain_is_asked_about_again(void **state)
{
	struct identity_answer answer = {
		.container_id = ID, .container = IDENTITY_NOT_FOUND, .task = IDENTITY_NOT_FOUND,
	};
	struct identity_request request;
	struct containers containers;
	struct counts counts = { 0 };

	(void)state;
	containers_init(&containers, 2, 0, &counts);
	assert_non_null(container_get(&containers, ID, 1));
	assert_true(containers_next_request(&containers, 1, &request));
	assert_false(containers_next_request(&containers, UINT64_MAX, &request));
	containers_unanswered(&containers, 5);
	assert_false(containers_next_request(&containers, 4, &request));
	assert_true(containers_next_request(&containers, 5, &request));
	assert_string_equal(request.container_id, ID);
	/* Who is to wait before he is asked about again waits on. */
	containers_answer(&containers, &answer, 6);
	containers_unanswered(&containers, 7);
	assert_false(containers_next_request(&containers, 7, &request));
	containers_free(&containers);
}

/* A new configuration's thread may not start; the run ends then, which it does in order. */
static void without_the_thread_there_is_still_a_host(void **state)
{
	struct model *model = calloc(1, sizeof(*model));
	struct collector collector = { .model = model, .host_deadline = UINT64_MAX };
	struct export_host host;

	(void)state;
	assert_non_null(model);
	collector.config.host_id = collector.config.host_name = "h";
	collector.config.cloud_account = collector.config.cloud_region = "";
	collector.config.cloud_zone = "";
	collector_pump_identity(&collector);
	assert_false(collector_host_pending(&collector, 0));
	collector_describe_host(&collector, &host);
	assert_string_equal(host.id, "h");
	free(model);
}

static void the_agent_tells_all(void **state)
{
	struct container_facts facts;
	struct instance_facts instance;
	struct task_facts task;

	(void)state;
	assert_int_equal(ecs_parse_introspected(introspected, strlen(introspected), ID, &facts), 0);
	assert_string_equal(facts.name, "ecs-web-7-web-d0c0");
	assert_string_equal(facts.name_in_task, "web");
	assert_string_equal(facts.task.arn, ARN);
	assert_string_equal(facts.task.cluster, "prod");
	assert_int_equal(facts.address_count, 0);
	assert_int_equal(facts.task.address_count, 1);

	assert_int_equal(ecs_parse_task(described, strlen(described), ID, &task), 0);
	assert_string_equal(task.arn, ARN);
	assert_string_equal(task.service, "web");
	assert_string_equal(task.cluster, "prod");
	assert_string_equal(task.zone, "eu-west-1b");

	assert_int_equal(ecs_parse_metadata(metadata, strlen(metadata), &instance), 0);
	assert_string_equal(instance.cluster, "prod");
	assert_string_equal(instance.region, "eu-west-1");
	assert_string_equal(instance.account, "123456789012");
}

/* Agents that name the service only in Group. */
static void services_by_group(void **state)
{
	static const char text[] =
		"{\"TaskARN\":\"" ARN "\",\"Group\":\"service:api\",\"Containers\":[{\"DockerId\":\"" ID "\"}]}";
	static const char family[] =
		"{\"TaskARN\":\"" ARN "\",\"Group\":\"family:api\",\"Containers\":[{\"DockerId\":\"" ID "\"}]}";
	struct task_facts task;

	(void)state;
	assert_int_equal(ecs_parse_task(text, strlen(text), ID, &task), 0);
	assert_string_equal(task.service, "api");
	assert_int_equal(ecs_parse_task(family, strlen(family), ID, &task), 0);
	assert_string_equal(task.service, "");
}

/* An agent that has not registered knows no instance. */
static void instances_before_registration(void **state)
{
	static const char text[] = "{\"Cluster\":\"\",\"ContainerInstanceArn\":null,\"Version\":\"x\"}";
	static const char half[] = "{\"Cluster\":\"c\",\"ContainerInstanceArn\":null,\"Version\":\"x\"}";
	struct instance_facts facts;

	(void)state;
	assert_int_equal(ecs_parse_metadata(text, strlen(text), &facts), -EINVAL);
	assert_int_equal(ecs_parse_metadata(half, strlen(half), &facts), 0);
	assert_string_equal(facts.region, "");
}

/* Every answer cut at every byte, on the heap so that a read beyond it shows. */
static void cut_answers_are_none(void **state)
{
	static const char *const texts[] = { inspected, plain, introspected, described, metadata };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t length = 0; length < strlen(texts[i]); length++) {
			char *cut = strndup(texts[i], length);
			struct container_facts facts;
			struct instance_facts instance;
			struct task_facts task;

			assert_int_equal(docker_parse_container(cut, length, ID, &facts), -EINVAL);
			assert_int_equal(ecs_parse_introspected(cut, length, ID, &facts), -EINVAL);
			assert_int_equal(ecs_parse_task(cut, length, ID, &task), -EINVAL);
			assert_int_equal(ecs_parse_metadata(cut, length, &instance), -EINVAL);
			free(cut);
		}
	}
}

static void odd_answers_are_none(void **state)
{
	static const char *const texts[] = {
		"", "null", "[]", "0", "\"x\"", "{", "{}", "{}{}", "{\"Id\":7}", "{\"Id\":\"" ID "\"} x",
		"{\"Id\":\"other\"}", "{\"TaskARN\":[],\"Containers\":{}}", "{\"Cluster\":{}}",
		"{\"Containers\":[{\"DockerId\":\"" ID "\"}]}", "{\"Arn\":\"" ARN "\",\"Containers\":null}",
		"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
		"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t length = strlen(texts[i]);
		struct container_facts facts;
		struct instance_facts instance;
		struct task_facts task;

		assert_int_equal(docker_parse_container(texts[i], length, ID, &facts), -EINVAL);
		assert_int_equal(ecs_parse_introspected(texts[i], length, ID, &facts), -EINVAL);
		assert_int_equal(ecs_parse_task(texts[i], length, ID, &task), -EINVAL);
		assert_int_equal(ecs_parse_metadata(texts[i], length, &instance), -EINVAL);
	}
}

/* Fields of other types, of absurd lengths and numbers: left out, the rest is taken. */
static void odd_fields_are_left_out(void **state)
{
	struct container_facts facts;
	char text[8192], many[4096] = "";

	(void)state;
	for (int i = 0; i < 100; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s{\"HostPort\":\"%d\"}", i ? "," : "",
			 1000 + i);
	snprintf(text, sizeof(text),
		 "{\"Id\":\"" ID "\",\"Name\":7,\"Config\":{\"Image\":\"%0*d\",\"Env\":{\"a\":1},\"Labels\":[]},"
		 "\"NetworkSettings\":{\"Ports\":{\"80/tcp\":[%s],\"x/tcp\":[{\"HostPort\":\"1\"}],\"99999/tcp\":[],"
		 "\"81/tcp\":[7,{\"HostPort\":\"70000\"},{\"HostPort\":\"-1\"},{\"HostPort\":\"1x\"},"
		 "{\"HostIp\":\"x\",\"HostPort\":\"5\"}]},"
		 "\"Networks\":{\"a\":null,\"b\":{\"IPAddress\":\"300.1.1.1\"},\"c\":{\"IPAddress\":\"10.1.1.1\"}}}}",
		 300, 0, many);
	assert_int_equal(docker_parse_container(text, strlen(text), ID, &facts), 0);
	assert_string_equal(facts.name, "");
	assert_string_equal(facts.image, "");
	assert_int_equal(facts.address_count, 1);
	assert_int_equal(facts.port_count, CONTAINER_PORTS);
}

static void expect_task(const char *arn, const char *expected)
{
	char id[HADAL_TASK_ID_SIZE];

	task_id_of_arn(arn, id);
	assert_string_equal(id, expected);
}

static void tasks_have_ids_of_digits(void **state)
{
	(void)state;
	expect_task(ARN, TASK);
	expect_task("arn:aws:ecs:eu-west-1:1:task/01234567-89ab-cdef-0123-456789abcdef", "01234567-89ab-cdef-0123-456789abcdef");
	expect_task("arn:aws:ecs:eu-west-1:1:task/01234567-89ab-cdef-0123-456789abcdef0", "");
	expect_task("arn:aws:ecs:eu-west-1:1:task/prod/\x1b[2J", "");
	expect_task("arn:aws:ecs:eu-west-1:1:task/prod/", "");
	expect_task("0123", "");
}

static void endpoints_in_environments(void **state)
{
	static const char text[] = "A=b\0ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/abc-1\0C=d";
	static const char odd[] = "ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/..%2f..\0";
	char endpoint[FACT_SIZE] = "";

	(void)state;
	ecs_endpoint_of_environment(text, sizeof(text), endpoint);
	assert_string_equal(endpoint, "abc-1");
	endpoint[0] = '\0';
	ecs_endpoint_of_environment(odd, sizeof(odd), endpoint);
	assert_string_equal(endpoint, "");
	/* without its NUL it may be cut */
	ecs_endpoint_of_environment(text, 40, endpoint);
	assert_string_equal(endpoint, "");
}

/* ---- look-ups ---- */

enum { PAGE_INSPECT, PAGE_TASKS, PAGE_V4, PAGE_METADATA };

static int sources_up(void **state)
{
	static const struct web_page pages[] = {
		[PAGE_INSPECT] = { INSPECT, 200, inspected, WEB_ANSWER },
		[PAGE_TASKS] = { TASKS, 200, introspected, WEB_ANSWER },
		[PAGE_V4] = { V4, 200, described, WEB_ANSWER },
		[PAGE_METADATA] = { "/v1/metadata", 200, metadata, WEB_ANSWER },
	};

	return places_up(state, pages, sizeof(pages) / sizeof(pages[0]));
}

static struct identity_answer look_up(struct places *sources, const struct identity_request *request)
{
	struct identity_answer answer;

	lookup(sources->http, &sources->list, request, &answer);
	assert_string_equal(answer.container_id, ID);
	return answer;
}

static const struct identity_request request = { .container_id = ID };
static const struct identity_request request_in_task = { .container_id = ID, .in_task = true };

static void docker_and_agent_name_the_service(void **state)
{
	struct places *sources = *state;
	struct identity_answer answer = look_up(sources, &request_in_task);

	assert_int_equal(answer.container, IDENTITY_FOUND);
	assert_int_equal(answer.task, IDENTITY_FOUND);
	assert_string_equal(answer.facts.task.service, "web");
	assert_string_equal(answer.facts.name, "ecs-web-7-web-d0c0");
	assert_int_equal(web_requests(sources->server, TASKS), 0);
}

static void known_tasks_are_not_asked_for(void **state)
{
	struct places *sources = *state;
	struct identity_request known = { .container_id = ID, .in_task = true, .task_known = true };

	assert_int_equal(look_up(sources, &known).container, IDENTITY_FOUND);
	assert_int_equal(web_requests(sources->server, V4), 0);
}

static void containers_of_no_task(void **state)
{
	struct places *sources = *state;
	struct identity_answer answer;

	sources->pages[PAGE_INSPECT].body = plain;
	answer = look_up(sources, &request);
	assert_int_equal(answer.container, IDENTITY_FOUND);
	assert_int_equal(answer.task, IDENTITY_NOT_FOUND);
	assert_int_equal(web_requests(sources->server, TASKS), 0);
}

/* Docker's socket may not be opened: the agent's introspection stands in. */
static void without_docker(void **state)
{
	struct places *sources = *state;
	struct identity_answer answer;

	sources->list.docker_socket = "/nonexistent/docker.sock";
	answer = look_up(sources, &request_in_task);
	assert_int_equal(answer.container, IDENTITY_FOUND);
	assert_string_equal(answer.facts.task.family, "web-family");
	/* without the endpoint's id the service stays open, to be asked for again */
	assert_int_equal(answer.task, IDENTITY_UNAVAILABLE);
	assert_string_equal(answer.facts.task.service, "");
}

/* The endpoint's id is then in the environment of the container's process. */
static void endpoint_of_a_process(void **state)
{
	struct places *sources = *state;
	struct identity_request with_pid = request_in_task;
	struct identity_answer answer;
	int ready[2], hold[2];
	char byte;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(hold), 0);
	with_pid.pid = fork();
	if (with_pid.pid == 0) {
		char *const environment[] = { "ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/11112222-3333", NULL };
		char *const arguments[] = { "sh", "-c", "echo; read line", NULL };

		dup2(ready[1], 1);
		dup2(hold[0], 0);
		close(hold[1]);
		execve("/bin/sh", arguments, environment);
		_exit(127);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	sources->list.docker_socket = "";
	answer = look_up(sources, &with_pid);
	close(hold[1]);
	assert_int_equal(waitpid(with_pid.pid, NULL, 0), with_pid.pid);
	assert_int_equal(answer.task, IDENTITY_FOUND);
	assert_string_equal(answer.facts.task.service, "web");
	close(hold[0]);
	close(ready[0]);
	close(ready[1]);
}

static void no_source_at_all(void **state)
{
	struct places *sources = *state;
	struct identity_answer answer;

	sources->list = (struct lookup_sources){
		.docker_socket = "", .ecs_introspection = "", .ecs_task_metadata = "",
	};
	answer = look_up(sources, &request);
	assert_int_equal(answer.container, IDENTITY_UNAVAILABLE);
	sources->list = (struct lookup_sources){
		.docker_socket = "/nonexistent", .ecs_introspection = "http://127.0.0.1:1",
		.ecs_task_metadata = "http://127.0.0.1:1",
	};
	answer = look_up(sources, &request);
	assert_int_equal(answer.container, IDENTITY_UNAVAILABLE);
}

static void unknown_to_all(void **state)
{
	struct places *sources = *state;

	sources->pages[PAGE_INSPECT].status = 404;
	sources->pages[PAGE_TASKS].status = 404;
	assert_int_equal(look_up(sources, &request).container, IDENTITY_NOT_FOUND);
}

/* Failing sources leave the service open; nothing false is said. */
static void failing_sources(void **state)
{
	static const struct web_page failures[] = {
		{ NULL, 500, "{}", WEB_ANSWER }, { NULL, 200, "", WEB_ANSWER }, { NULL, 200, "[1]", WEB_ANSWER },
		{ NULL, 404, "\"V4 container metadata handler: unable to get container ID\"", WEB_ANSWER },
		{ NULL, 200, described, WEB_CUT }, { NULL, 200, described, WEB_GARBAGE },
		{ NULL, 200, described, WEB_ENDLESS }, { NULL, 200, described, WEB_SILENCE },
	};
	struct places *sources = *state;

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		struct identity_answer answer;

		sources->pages[PAGE_V4] = failures[i];
		sources->pages[PAGE_V4].path = V4;
		answer = look_up(sources, &request_in_task);
		assert_int_equal(answer.container, IDENTITY_FOUND);
		assert_int_equal(answer.task, IDENTITY_UNAVAILABLE);
		assert_string_equal(answer.facts.task.service, "");
		assert_string_equal(answer.facts.task.family, "web-family");
	}
}

/* An answer that is of another task, or does not list the container, is not believed. */
static void wrong_sources(void **state)
{
	static const char other_task[] =
		"{\"TaskARN\":\"arn:aws:ecs:eu-west-1:1:task/prod/ffff\",\"ServiceName\":\"wrong\","
		"\"Containers\":[{\"DockerId\":\"" ID "\"}]}";
	static const char other_container[] =
		"{\"TaskARN\":\"" ARN "\",\"ServiceName\":\"wrong\",\"Containers\":[{\"DockerId\":\"ff\"}]}";
	static const char *const bodies[] = { other_task, other_container };
	struct places *sources = *state;

	for (int i = 0; i < 2; i++) {
		struct identity_answer answer;

		sources->pages[PAGE_V4].body = bodies[i];
		answer = look_up(sources, &request_in_task);
		assert_int_equal(answer.task, IDENTITY_UNAVAILABLE);
		assert_string_equal(answer.facts.task.service, "");
	}
}

/* ---- the thread ---- */

static void answers_come_by_the_thread(void **state)
{
	struct places *sources = *state;
	struct instance_facts instance;
	struct identity *identity;
	struct identity_answer answer;
	struct pollfd fd;

	assert_int_equal(identity_start(&sources->list, &identity), 0);
	assert_false(identity_take(identity, &answer));
	assert_int_equal(identity_ask(identity, &request), 0);
	fd = (struct pollfd){ .fd = identity_fd(identity), .events = POLLIN };
	assert_int_equal(poll(&fd, 1, 60000), 1);
	assert_true(identity_take(identity, &answer));
	assert_string_equal(answer.facts.task.service, "web");
	assert_true(identity_instance(identity, &instance));
	assert_string_equal(instance.region, "eu-west-1");
	assert_false(identity_take(identity, &answer));
	assert_int_equal(poll(&fd, 1, 0), 0);
	identity_stop(identity);
}

static bool is_known(struct identity *identity, unsigned int milliseconds)
{
	struct instance_facts instance;

	for (; !identity_instance(identity, &instance) && milliseconds; milliseconds--)
		usleep(1000);
	return milliseconds;
}

/* The agent may be slow, or not have registered yet: it is asked again, soon. */
static void instances_are_asked_for_again(void **state)
{
	static const char early[] = "{\"Cluster\":\"prod\",\"ContainerInstanceArn\":null,\"Version\":\"v\"}";
	struct places *sources = *state;
	struct web_page good = sources->pages[PAGE_METADATA];
	struct identity *identity;

	sources->pages[PAGE_METADATA].behaviour = WEB_GARBAGE;
	assert_int_equal(identity_start(&sources->list, &identity), 0);
	assert_true(identity_instance_pending(identity));
	assert_false(is_known(identity, 200));
	assert_true(identity_instance_pending(identity));
	sources->pages[PAGE_METADATA] = (struct web_page){ good.path, 200, early, WEB_ANSWER };
	assert_false(is_known(identity, 2000));
	assert_true(identity_instance_pending(identity));
	sources->pages[PAGE_METADATA] = good;
	assert_true(is_known(identity, 20000));
	assert_false(identity_instance_pending(identity));
	identity_stop(identity);

	/* where no agent is, none is waited for */
	sources->list.ecs_introspection = "http://127.0.0.1:1";
	assert_int_equal(identity_start(&sources->list, &identity), 0);
	for (int i = 0; identity_instance_pending(identity) && i < 20000; i++)
		usleep(1000);
	assert_false(identity_instance_pending(identity));
	identity_stop(identity);
}

/* A silent source does not keep the thread from ending, and the queue has an end. */
static void requests_are_bounded(void **state)
{
	struct places *sources = *state;
	struct identity *identity;
	unsigned int taken = 0;

	sources->pages[PAGE_INSPECT].behaviour = WEB_SILENCE;
	assert_int_equal(identity_start(&sources->list, &identity), 0);
	while (identity_ask(identity, &request) == 0 && taken < 2 * IDENTITY_QUEUE)
		taken++;
	assert_int_equal(taken, IDENTITY_QUEUE);
	identity_stop(identity);
}

/* ---- the host ---- */

static void a_process_by_its_start(void **state)
{
	char path[256], expected[256];
	ssize_t length = readlink("/proc/self/exe", expected, sizeof(expected) - 1);

	(void)state;
	assert_true(length > 0);
	expected[length] = '\0';
	assert_int_equal(procfs_executable(getpid(), 1, path, sizeof(path)), -ESRCH);
	assert_string_equal(path, expected);
	assert_int_equal(procfs_executable(getpid(), 1, path, 3), -ENAMETOOLONG);
	assert_true(procfs_net_ns() > 0);
}

int main(void)
{
#define WITH_SOURCES(function) cmocka_unit_test_setup_teardown(function, sources_up, places_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(docker_tells_all),
		cmocka_unit_test(who_was_asked_about_in_vain_is_asked_about_again),
		cmocka_unit_test(without_the_thread_there_is_still_a_host),
		cmocka_unit_test(the_agent_tells_all),
		cmocka_unit_test(services_by_group),
		cmocka_unit_test(instances_before_registration),
		cmocka_unit_test(cut_answers_are_none),
		cmocka_unit_test(odd_answers_are_none),
		cmocka_unit_test(odd_fields_are_left_out),
		cmocka_unit_test(tasks_have_ids_of_digits),
		cmocka_unit_test(endpoints_in_environments),
		WITH_SOURCES(docker_and_agent_name_the_service),
		WITH_SOURCES(known_tasks_are_not_asked_for),
		WITH_SOURCES(containers_of_no_task),
		WITH_SOURCES(without_docker),
		WITH_SOURCES(endpoint_of_a_process),
		WITH_SOURCES(no_source_at_all),
		WITH_SOURCES(unknown_to_all),
		WITH_SOURCES(failing_sources),
		WITH_SOURCES(wrong_sources),
		WITH_SOURCES(answers_come_by_the_thread),
		WITH_SOURCES(instances_are_asked_for_again),
		WITH_SOURCES(requests_are_bounded),
		cmocka_unit_test(a_process_by_its_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
