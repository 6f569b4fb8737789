/* SPDX-License-Identifier: MIT */
/*
 * What a hook test makes of the flows that the module tells. That the module
 * tells them is for guests to show (tests/collector/guest).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include <hadal/hadal.h>

#include "hook_test.h"

#define SECOND	1000000000ULL

static const struct hook_test_ends ends = { .family = AF_INET6, .from = 40001, .to = 40002 };

static struct hadal_record_udp_flow flow_of(uint16_t family, uint16_t local_port, uint16_t peer_port)
{
	return (struct hadal_record_udp_flow){
		.header = { .size = sizeof(struct hadal_record_udp_flow), .type = HADAL_RECORD_UDP_FLOW },
		.udp = { .family = family, .local_port = local_port, .peer_port = peer_port },
	};
}

static void each_end_tells_its_own(void **state)
{
	struct hadal_record_udp_flow from = flow_of(AF_INET6, 40001, 40002), to = flow_of(AF_INET6, 40002, 40001);
	struct hook_test_seen seen = { 0 };

	(void)state;
	from.udp.sent_datagrams = 1;
	hook_test_take(&ends, &from.header, &seen);
	assert_true(seen.sent);
	assert_false(seen.received || seen.ended[0] || seen.ended[1]);
	from.udp.flags = HADAL_UDP_ENDED;
	hook_test_take(&ends, &from.header, &seen);
	assert_true(seen.ended[0]);
	to.udp.received_datagrams = 1;
	to.udp.flags = HADAL_UDP_ENDED;
	hook_test_take(&ends, &to.header, &seen);
	assert_true(seen.received && seen.ended[1]);
}

/* What the other direction counted, and flows of others, say nothing. */
static void others_say_nothing(void **state)
{
	struct hadal_record_udp_flow flows[] = {
		flow_of(AF_INET, 40001, 40002), flow_of(AF_INET6, 40001, 40003), flow_of(AF_INET6, 40003, 40002),
		flow_of(AF_INET6, 40001, 40002), flow_of(AF_INET6, 40002, 40001), flow_of(AF_INET6, 40001, 40002),
	};
	struct hook_test_seen seen = { 0 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		flows[i].udp.sent_datagrams = flows[i].udp.received_datagrams = 1;
		flows[i].udp.flags = HADAL_UDP_ENDED;
	}
	flows[3].udp.received_datagrams = flows[4].udp.sent_datagrams = 1;
	flows[5].header.type = HADAL_RECORD_TCP_CLOSED;
	flows[5].udp.sent_datagrams = 1;
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++)
		hook_test_take(&ends, &flows[i].header, &seen);
	assert_false(seen.sent || seen.received || seen.ended[0] || seen.ended[1]);
}

static void what_is_missed_has_a_name(void **state)
{
	char text[160], little[8];

	(void)state;
	hook_test_describe(0, text, sizeof(text));
	assert_string_equal(text, "");
	hook_test_describe(HOOK_TEST_RECEIVE_IPV4, text, sizeof(text));
	assert_string_equal(text, "datagrams received over IPv4");
	hook_test_describe(HOOK_TEST_SEND_IPV4 | HOOK_TEST_RECEIVE_IPV4 | HOOK_TEST_SEND_IPV6 | HOOK_TEST_RECEIVE_IPV6,
			   text, sizeof(text));
	assert_string_equal(text, "datagrams sent over IPv4, datagrams received over IPv4, "
				  "datagrams sent over IPv6, datagrams received over IPv6");
	hook_test_describe(~0U, little, sizeof(little));
	assert_string_equal(little, "datagra");
}

/* ---- a module, by the linker's --wrap (collector.mk), that tells of others without end ---- */

static struct {
	bool is_there;
	uint64_t time;	/* ns */
	unsigned int told;
} module;

int __real_hadal_session_open(struct hadal_session **session, const char *device);
int __real_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_hadal_session_open(struct hadal_session **session, const char *device);
void __wrap_hadal_session_query(const struct hadal_session *session, struct hadal_query *query);
int __wrap_hadal_session_configure(struct hadal_session *session, const struct hadal_config *config);
int __wrap_hadal_session_start(struct hadal_session *session);
int __wrap_hadal_session_next(struct hadal_session *session, const struct hadal_record **record, int timeout);
int __wrap_hadal_session_stats(struct hadal_session *session, uint32_t cpu, struct hadal_stats *stats);
void __wrap_hadal_session_close(struct hadal_session *session);
ssize_t __wrap_small_file_at(int directory, const char *name, char *content, size_t size);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_hadal_session_open(struct hadal_session **session, const char *device)
{
	*session = (struct hadal_session *)&module;	/* looked into by nobody */
	return module.is_there ? 0 : __real_hadal_session_open(session, device);
}

void __wrap_hadal_session_query(const struct hadal_session *session, struct hadal_query *query)
{
	(void)session;
	*query = (struct hadal_query){ .size = sizeof(*query) };
}

int __wrap_hadal_session_configure(struct hadal_session *session, const struct hadal_config *config)
{
	(void)session;
	(void)config;
	return 0;
}

int __wrap_hadal_session_start(struct hadal_session *session)
{
	(void)session;
	return 0;
}

int __wrap_hadal_session_next(struct hadal_session *session, const struct hadal_record **record, int timeout)
{
	static struct hadal_record_udp_flow other;

	(void)session;
	other = flow_of(AF_INET, 1, 2);
	*record = &other.header;
	module.time += (uint64_t)timeout * 900000;
	module.told++;
	return 1;
}

int __wrap_hadal_session_stats(struct hadal_session *session, uint32_t cpu, struct hadal_stats *stats)
{
	(void)session;
	(void)cpu;
	(void)stats;
	return 0;
}

void __wrap_hadal_session_close(struct hadal_session *session)
{
	(void)session;
}

ssize_t __wrap_small_file_at(int directory, const char *name, char *content, size_t size)
{
	(void)directory;
	(void)name;
	(void)size;
	*content = '0';
	return 1;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!module.is_there)
		return __real_clock_gettime(clock, now);
	*now = (struct timespec){ (time_t)(module.time / SECOND), (long)(module.time % SECOND) };
	return 0;
}

/* hadald waits for it: 12 records of 90 ms each for IPv4, as many for IPv6 where there is that. */
static void others_without_end_are_not_waited_for(void **state)
{
	(void)state;
	module.is_there = true;
	assert_int_equal(hook_test_udp("/nonexistent"), 0);
	module.is_there = false;
	assert_in_range(module.told, 12, 24);
}

/* Without a module nothing is known, and nothing complained of. */
static void without_a_module_nothing_is_missed(void **state)
{
	(void)state;
	assert_int_equal(hook_test_udp("/nonexistent"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_end_tells_its_own),
		cmocka_unit_test(others_say_nothing),
		cmocka_unit_test(what_is_missed_has_a_name),
		cmocka_unit_test(others_without_end_are_not_waited_for),
		cmocka_unit_test(without_a_module_nothing_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
