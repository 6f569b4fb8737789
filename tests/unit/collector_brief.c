/* SPDX-License-Identifier: MIT */
/*
 * Containers that are gone before anybody was asked about them: what can still be known of them, that it is
 * not asked for again when no more will be known, and that they do not keep others waiting.
 */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "container.h"
#include "identity.h"
#include "places.h"

#define ID	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NEXT	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define TASK	"0f0e0d0c0b0a09080706050403020100"
#define SECOND	1000000000ULL

static const char introspected[] =
	"{\"Arn\":\"arn:aws:ecs:eu-west-1:123456789012:task/prod/" TASK "\",\"KnownStatus\":\"STOPPED\","
	"\"Family\":\"batch\",\"Version\":\"7\",\"Containers\":[{\"DockerId\":\"" ID "\",\"DockerName\":\"x\"}]}";

/* Docker has forgotten the container, the agent has not. */
static int host_up(void **state)
{
	static const struct web_page pages[] = {
		{ "/containers/" ID "/json", 404, "{}", WEB_ANSWER },
		{ "/v1/tasks?dockerid=" ID, 200, introspected, WEB_ANSWER },
		{ "/containers/" NEXT "/json", 404, "{}", WEB_ANSWER },
	};

	return places_up(state, pages, sizeof(pages) / sizeof(pages[0]));
}

/* A process that was: no other has its id yet. */
static int pid_of_the_dead(void)
{
	int pid = fork();

	if (!pid)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static struct identity_answer look_up(struct places *host, int pid)
{
	struct identity_request request = { .container_id = ID, .pid = pid, .in_task = true };
	struct identity_answer answer;

	lookup(host->http, &host->list, &request, &answer);
	assert_int_equal(answer.container, IDENTITY_FOUND);
	assert_string_equal(answer.facts.task.family, "batch");
	return answer;
}

static void what_is_gone_tells_no_more(void **state)
{
	assert_int_equal(look_up(*state, pid_of_the_dead()).task, IDENTITY_NOT_FOUND);
}

/* Its environment may yet be read, or Docker know it the next time. */
static void what_may_live_is_asked_for_again(void **state)
{
	struct places *host = *state;

	assert_int_equal(look_up(host, getpid()).task, IDENTITY_UNAVAILABLE);
	assert_int_equal(look_up(host, 0).task, IDENTITY_UNAVAILABLE);
	host->pages[0].status = 500;
	assert_int_equal(look_up(host, pid_of_the_dead()).task, IDENTITY_UNAVAILABLE);
}

/* Its family is its name then, at once: nothing waits for a service that will not come. */
static void the_family_is_its_name_at_once(void **state)
{
	struct places *host = *state;
	struct counts counts = { 0 };
	struct containers containers;
	struct container *container;
	struct identity_request request;
	struct identity_answer answer;

	containers_init(&containers, 8, 30 * SECOND, &counts);
	container = container_get(&containers, ID, 0);
	container_in_task(&containers, container, TASK);
	container->references++;
	container->pid = pid_of_the_dead();
	assert_true(containers_next_request(&containers, 0, &request));
	assert_false(request.again);
	assert_true(container_pending(container, SECOND));
	lookup(host->http, &host->list, &request, &answer);
	containers_answer(&containers, &answer, SECOND);
	assert_false(container_pending(container, SECOND));
	assert_string_equal(container->task->facts.family, "batch");
	assert_false(containers_next_request(&containers, 1000 * SECOND, &request));
	container->references--;
	containers_free(&containers);
}

static void who_was_asked_in_vain_comes_again(void **state)
{
	struct identity_answer nothing = { .container_id = ID, .container = IDENTITY_UNAVAILABLE,
					   .task = IDENTITY_UNAVAILABLE };
	struct counts counts = { 0 };
	struct containers containers;
	struct identity_request request;

	(void)state;
	containers_init(&containers, 8, 30 * SECOND, &counts);
	container_get(&containers, ID, 0)->references++;
	assert_true(containers_next_request(&containers, 0, &request));
	containers_answer(&containers, &nothing, 0);
	assert_true(containers_next_request(&containers, 2 * SECOND, &request));
	assert_true(request.again);
	container_find(&containers, ID)->references--;
	containers_free(&containers);
}

/* Asks for @old and @new so often, and returns how many of @old were answered when the first, or last, of @new was. */
static unsigned int answered_before(struct places *host, unsigned int old_count, unsigned int new_count, bool last)
{
	const struct identity_request old = { .container_id = ID, .in_task = true, .again = true };
	const struct identity_request new = { .container_id = NEXT };
	struct identity_answer answer;
	struct identity *identity;
	struct pollfd fd = { .events = POLLIN };
	unsigned int old_taken = 0, new_taken = 0;

	assert_int_equal(identity_start(&host->list, &identity), 0);
	fd.fd = identity_fd(identity);
	for (unsigned int i = 0; i < old_count; i++)
		assert_int_equal(identity_ask(identity, &old), 0);
	for (unsigned int i = 0; i < new_count; i++)
		assert_int_equal(identity_ask(identity, &new), 0);
	while (new_taken < (last ? new_count : 1)) {
		assert_int_equal(poll(&fd, 1, 60000), 1);
		while (new_taken < (last ? new_count : 1) && identity_take(identity, &answer)) {
			if (strcmp(answer.container_id, NEXT))
				old_taken++;
			else
				new_taken++;
		}
	}
	identity_stop(identity);
	return old_taken;
}

/* However many are asked again, who is new is soon the next; some may be under way before it has asked. */
static void new_containers_are_asked_for_first(void **state)
{
	assert_in_range(answered_before(*state, 20, 1, false), 0, 10);
}

/* And however many are new, whom a source has failed has a turn. */
static void new_containers_do_not_starve_others(void **state)
{
	assert_in_range(answered_before(*state, 20, 16, true), 4, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_gone_tells_no_more, host_up, places_down),
		cmocka_unit_test_setup_teardown(what_may_live_is_asked_for_again, host_up, places_down),
		cmocka_unit_test_setup_teardown(the_family_is_its_name_at_once, host_up, places_down),
		cmocka_unit_test(who_was_asked_in_vain_comes_again),
		cmocka_unit_test_setup_teardown(new_containers_are_asked_for_first, host_up, places_down),
		cmocka_unit_test_setup_teardown(new_containers_do_not_starve_others, host_up, places_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
