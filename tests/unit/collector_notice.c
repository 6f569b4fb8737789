/* SPDX-License-Identifier: MIT */
/*
 * Notice of an instance's end: what is one, that each is told once, and that nobody is
 * asked often who is not there.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector_parts.h"
#include "notice.h"
#include "web_server.h"

#define TOKEN_PATH	"PUT /latest/api/token"
#define SPOT		"/latest/meta-data/spot/instance-action"
#define LIFECYCLE	"/latest/meta-data/autoscaling/target-lifecycle-state"

static const char terminate[] = "{\"action\": \"terminate\", \"time\": \"2026-11-29T12:00:00Z\"}";
static const char stop[] = "{\"action\":\"stop\",\"time\":\"2026-11-29T12:00:00Z\"}";

static void spot_documents(void **state)
{
	static const struct {
		const char *text, *action;
		time_t time;
	} cases[] = {
		{ terminate, "terminate", 1795953600 },
		{ stop, "stop", 1795953600 },
		{ "{\"action\":\"hibernate\"}", "hibernate", 0 },
		{ "{\"action\":\"hibernate\",\"time\":\"soon\"}", "hibernate", 0 },
		{ "{\"action\":\"noop\",\"time\":\"2026-11-29T12:00:00Z\"}", "", 0 },
		{ "{\"action\":\"terminate\\u0000\"}", "", 0 },
		{ "{\"action\":[\"terminate\"]}", "", 0 },
		{ "{\"time\":\"2026-11-29T12:00:00Z\"}", "", 0 },
		{ "<html>404</html>", "", 0 },
		{ "[]", "", 0 },
		{ "", "", 0 },
	};
	struct notice notice;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(notice_parse_spot(cases[i].text, strlen(cases[i].text), &notice),
				 *cases[i].action ? 0 : -EINVAL);
		assert_string_equal(notice.action, cases[i].action);
		assert_int_equal(notice.time, cases[i].time);
		assert_int_equal(notice.source, NOTICE_SPOT);
	}
}

static void lifecycle_states(void **state)
{
	static const struct {
		const char *text, *action;
	} cases[] = {
		{ "Terminated", "terminate" }, { "Terminated\n", "terminate" }, { "Warmed:Terminated", "terminate" },
		{ "Warmed:Stopped", "stop" }, { "Warmed:Hibernated", "hibernate" }, { "InService", "" }, { "Standby", "" },
		{ "Detached", "" }, { "Warmed:Running", "" }, { "Terminated and more", "" }, { "terminated", "" }, { "", "" },
	};
	struct notice notice;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(notice_parse_lifecycle(cases[i].text, strlen(cases[i].text), &notice),
				 *cases[i].action ? 0 : -EINVAL);
		assert_string_equal(notice.action, cases[i].action);
		assert_int_equal(notice.source, NOTICE_AUTO_SCALING);
	}
}

/* ---- looking ---- */

struct world {
	struct web_page pages[4];
	struct web_server *server;
	struct notices *notices;
};

enum { PAGE_TOKEN, PAGE_SPOT, PAGE_LIFECYCLE };

static int up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	world->pages[PAGE_TOKEN] = (struct web_page){ TOKEN_PATH, 200, WEB_TOKEN, WEB_TOKENS };
	world->pages[PAGE_SPOT] = (struct web_page){ SPOT, 404, "", WEB_GUARDED };
	world->pages[PAGE_LIFECYCLE] = (struct web_page){ LIFECYCLE, 200, "InService", WEB_GUARDED };
	world->server = web_start(world->pages);
	*state = world;
	return 0;
}

static int down(void **state)
{
	struct world *world = *state;

	notices_stop(world->notices);
	web_stop(world->server);
	free(world);
	return 0;
}

/* Waits for looks at the spot market's notice, @count in all. */
static void wait_for_looks(struct world *world, unsigned int count)
{
	while (web_requests(world->server, SPOT) < count)
		usleep(10000);
}

static bool has_notice(struct world *world, int timeout)
{
	struct pollfd fd = { .fd = notices_fd(world->notices), .events = POLLIN };

	return poll(&fd, 1, timeout) == 1;
}

static void each_is_told_once(void **state)
{
	struct world *world = *state;
	struct notice notice;

	assert_int_equal(notices_start(web_url(world->server), NULL, &world->notices), 0);
	wait_for_looks(world, 1);
	assert_false(has_notice(world, 100));
	assert_false(notices_take(world->notices, &notice));
	world->pages[PAGE_SPOT].body = terminate;
	world->pages[PAGE_SPOT].status = 200;
	world->pages[PAGE_LIFECYCLE].body = "Terminated";
	assert_true(has_notice(world, NOTICE_POLL + 2000));
	usleep(200000);
	assert_true(notices_take(world->notices, &notice));
	assert_int_equal(notice.source, NOTICE_SPOT);
	assert_string_equal(notice.action, "terminate");
	assert_true(notices_take(world->notices, &notice));
	assert_int_equal(notice.source, NOTICE_AUTO_SCALING);
	assert_false(notices_take(world->notices, &notice));
	assert_false(has_notice(world, 0));
	wait_for_looks(world, 3);
	assert_false(has_notice(world, 200));
	assert_false(notices_take(world->notices, &notice));
	/* one token does for all */
	assert_int_equal(web_requests(world->server, TOKEN_PATH), 1);
}

static void by_the_second_where_nobody_is_at_the_first(void **state)
{
	struct world *world = *state;
	struct notice notice;

	world->pages[PAGE_SPOT] = (struct web_page){ SPOT, 200, stop, WEB_GUARDED };
	assert_int_equal(notices_start("http://127.0.0.1:1", web_url(world->server), &world->notices), 0);
	assert_true(has_notice(world, 5000));
	assert_true(notices_take(world->notices, &notice));
	assert_string_equal(notice.action, "stop");
}

static void who_is_not_there_is_left_alone(void **state)
{
	struct world *world = *state;
	struct notice notice;

	world->pages[PAGE_TOKEN].status = 404;
	world->pages[PAGE_TOKEN].behaviour = WEB_ANSWER;
	assert_int_equal(notices_start(web_url(world->server), "", &world->notices), 0);
	usleep((NOTICE_POLL + 1000) * 1000);
	assert_int_equal(web_requests(world->server, TOKEN_PATH), 1);
	assert_false(notices_take(world->notices, &notice));
	assert_false(notices_take(NULL, &notice));
}

/* It was there: its silence of a second is none that it is left alone for. */
static void who_was_there_is_asked_on(void **state)
{
	struct world *world = *state;
	struct notice notice;

	assert_int_equal(notices_start(web_url(world->server), NULL, &world->notices), 0);
	wait_for_looks(world, 1);
	world->pages[PAGE_SPOT].behaviour = world->pages[PAGE_TOKEN].behaviour = WEB_SILENCE;
	while (web_requests(world->server, TOKEN_PATH) < 2)
		usleep(10000);
	world->pages[PAGE_TOKEN].behaviour = WEB_TOKENS;
	world->pages[PAGE_SPOT] = (struct web_page){ SPOT, 200, terminate, WEB_GUARDED };
	assert_true(has_notice(world, NOTICE_POLL + 5000));
	assert_true(notices_take(world->notices, &notice));
	assert_string_equal(notice.action, "terminate");
}

/* On SIGHUP others look, and find what was told already. */
static void a_new_configuration_tells_none_again(void **state)
{
	struct world *world = *state;
	struct collector collector = { .notices = NULL };

	world->pages[PAGE_SPOT] = (struct web_page){ SPOT, 200, terminate, WEB_GUARDED };
	for (int i = 0; i < 3; i++) {
		if (i == 2)
			world->pages[PAGE_SPOT].body = stop;
		assert_int_equal(notices_start(web_url(world->server), NULL, &world->notices), 0);
		assert_true(has_notice(world, 5000));
		collector.notices = world->notices;
		collector.notice_count = 0;
		collector.flush = false;
		collector_take_notices(&collector);
		assert_int_equal(collector.notice_count, i != 1);
		assert_int_equal(collector.flush, i != 1);
		collector_stop_notices(&collector);
		world->notices = NULL;
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, up, down)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(spot_documents),
		cmocka_unit_test(lifecycle_states),
		TEST(each_is_told_once),
		TEST(by_the_second_where_nobody_is_at_the_first),
		TEST(who_is_not_there_is_left_alone),
		TEST(who_was_there_is_asked_on),
		TEST(a_new_configuration_tells_none_again),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
