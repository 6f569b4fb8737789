/* SPDX-License-Identifier: MIT */
/*
 * Tasks with a network interface of their own: their containers have no address
 * by Docker, which gave them none. The agent knows it, and it is the task's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ecs.h"
#include "places.h"

#define ID	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ARN	"arn:aws:ecs:eu-west-1:123456789012:task/prod/0f0e0d0c0b0a09080706050403020100"

static const char inspected[] =
	"{\"Id\":\"" ID "\",\"Name\":\"/ecs-web-7-web-d0c0\",\"HostConfig\":{\"NetworkMode\":\"container:f00d\"},"
	"\"Config\":{\"Env\":[\"ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/1111-2222\"],"
	"\"Labels\":{\"com.amazonaws.ecs.task-arn\":\"" ARN "\"}},"
	"\"NetworkSettings\":{\"Ports\":{},\"Networks\":{}}}";

static const char inspected_in_bridge[] =
	"{\"Id\":\"" ID "\",\"Name\":\"/ecs-web-7-web-d0c0\",\"HostConfig\":{\"NetworkMode\":\"bridge\"},"
	"\"Config\":{\"Env\":[\"ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/1111-2222\"],"
	"\"Labels\":{\"com.amazonaws.ecs.task-arn\":\"" ARN "\"}},"
	"\"NetworkSettings\":{\"Ports\":{},\"Networks\":{\"bridge\":{\"IPAddress\":\"172.17.0.9\"}}}}";

#define TASK(arn)                                                                                         \
	"{\"Cluster\":\"prod\",\"TaskARN\":\"" arn "\",\"Family\":\"web\",\"ServiceName\":\"web\",\"Containers\":["    \
	"{\"DockerId\":\"other\",\"Networks\":[{\"NetworkMode\":\"awsvpc\",\"IPv4Addresses\":[\"10.0.3.4\"]},"         \
	"{\"NetworkMode\":\"bridge\",\"IPv4Addresses\":[\"172.17.0.8\"]}]},"                                     \
	"{\"DockerId\":\"" ID "\",\"Networks\":[{\"NetworkMode\":\"awsvpc\",\"IPv4Addresses\":[\"10.0.3.4\",7,\"x\"]," \
	"\"IPv6Addresses\":[\"2600:1f14::7\"],\"IPv6SubnetCIDRBlock\":\"2600:1f14::/64\"},8]}]}"

#define MANY_ADDRESSES(mode)                                                                                      \
	"{\"TaskARN\":\"" ARN "\",\"Containers\":[{\"DockerId\":\"" ID "\",\"Networks\":[{" mode                    \
	"\"IPv4Addresses\":[\"10.0.0.1\",\"10.0.0.2\",\"10.0.0.3\",\"10.0.0.4\",\"10.0.0.5\",\"10.0.0.6\","      \
	"\"10.0.0.7\"],\"IPv6Addresses\":[\"fd00::1\",\"fd00::2\",\"fd00::3\"]}]}]}"

static int agent_up(void **state)
{
	static const struct web_page pages[] = {
		{ "/containers/" ID "/json", 200, inspected, WEB_ANSWER },
		{ "/v4/1111-2222/task", 200, TASK(ARN), WEB_ANSWER },
	};

	return places_up(state, pages, sizeof(pages) / sizeof(pages[0]));
}

static struct container_facts look_up(struct places *agent, enum identity_result task)
{
	static const struct identity_request request = { .container_id = ID, .in_task = true };
	struct identity_answer answer;

	lookup(agent->http, &agent->list, &request, &answer);
	assert_int_equal(answer.container, IDENTITY_FOUND);
	assert_int_equal(answer.task, task);
	return answer.facts;
}

static void assert_address(const struct address *found, const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	assert_true(address_equal(found, &address));
}

static void the_agent_knows_the_interface(void **state)
{
	struct container_facts facts = look_up(*state, IDENTITY_FOUND);

	assert_int_equal(facts.address_count, 0);
	assert_int_equal(facts.task.address_count, 2);
	assert_address(&facts.task.addresses[0], "10.0.3.4");
	assert_address(&facts.task.addresses[1], "2600:1f14::7");
}

/* What Docker knows counts, and is not told twice. */
static void docker_knows_its_own(void **state)
{
	struct places *agent = *state;
	struct container_facts facts;

	agent->pages[0].body = inspected_in_bridge;
	facts = look_up(agent, IDENTITY_FOUND);
	assert_int_equal(facts.address_count, 1);
	assert_address(&facts.addresses[0], "172.17.0.9");
}

/* An answer that is of another task than Docker's label says nothing, of addresses neither. */
static void no_address_of_another_task(void **state)
{
	struct places *agent = *state;
	struct container_facts facts;

	agent->pages[1].body = TASK("arn:aws:ecs:eu-west-1:123456789012:task/prod/ffff");
	facts = look_up(agent, IDENTITY_UNAVAILABLE);
	assert_int_equal(facts.address_count, 0);
	assert_int_equal(facts.task.address_count, 0);
}

static void no_more_addresses_than_there_is_room_for(void **state)
{
	static const char text[] = MANY_ADDRESSES(""), of_task[] = MANY_ADDRESSES("\"NetworkMode\":\"awsvpc\",");
	struct container_facts facts = { 0 };
	struct task_facts task;

	(void)state;
	ecs_parse_addresses(text, strlen(text), ID, &facts);
	assert_int_equal(facts.address_count, CONTAINER_ADDRESSES);
	facts.address_count = 0;
	ecs_parse_addresses(text, strlen(text) - 1, ID, &facts);
	ecs_parse_addresses(text, strlen(text), "another", &facts);
	assert_int_equal(facts.address_count, 0);
	assert_int_equal(ecs_parse_task(of_task, strlen(of_task), ID, &task), 0);
	assert_int_equal(task.address_count, CONTAINER_ADDRESSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_agent_knows_the_interface, agent_up, places_down),
		cmocka_unit_test_setup_teardown(docker_knows_its_own, agent_up, places_down),
		cmocka_unit_test_setup_teardown(no_address_of_another_task, agent_up, places_down),
		cmocka_unit_test(no_more_addresses_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
