/* SPDX-License-Identifier: MIT */
/*
 * What a session says where there is no module, and the default configuration.
 * With the module it is tested in guests.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include <hadal/hadal.h>

static void opening_says_what_is_wrong(void **state)
{
	struct hadal_session *session = (void *)1;

	(void)state;
	errno = 0;
	assert_int_equal(hadal_session_open(&session, "/nowhere/hadal"), -ENOENT);
	assert_null(session);
	assert_int_equal(hadal_session_open(&session, "/dev/null"), -ENOTTY);
	assert_null(session);
	assert_int_equal(errno, 0);
	hadal_session_close(NULL);
}

static struct hadal_query query_of(uint32_t ring_min, uint32_t ring_max, uint32_t argv_limit)
{
	struct hadal_query query = {
		.size = sizeof(query), .abi_version = HADAL_ABI_VERSION, .classes = 0xff,
		.ring_size_min = ring_min, .ring_size_max = ring_max, .argv_limit = argv_limit,
	};

	return query;
}

static void defaults_suit_the_module(void **state)
{
	struct hadal_query query = query_of(4096, 1u << 30, 65536);
	struct hadal_config config;

	(void)state;
	hadal_config_default(&config, &query);
	assert_int_equal(config.size, sizeof(config));
	assert_int_equal(config.abi_version, HADAL_ABI_VERSION);
	assert_int_equal(config.classes, HADAL_CLASS_BIT(HADAL_CLASS_PROCESS) |
					 HADAL_CLASS_BIT(HADAL_CLASS_TCP));
	assert_int_equal(config.lifecycle_ring_size, 256 << 10);
	assert_int_equal(config.flow_ring_size, 1 << 20);
	assert_int_equal(config.argv_max, 256);
}

static void defaults_keep_to_the_limits(void **state)
{
	struct hadal_query query = query_of(512, 512, 65536);
	struct hadal_config config;

	(void)state;
	hadal_config_default(&config, &query);
	assert_int_equal(config.lifecycle_ring_size, 512);
	assert_int_equal(config.flow_ring_size, 512);
	assert_int_equal(config.argv_max, 128);
	query = query_of(4u << 20, 1u << 30, 64);
	query.classes = HADAL_CLASS_BIT(HADAL_CLASS_TCP);
	hadal_config_default(&config, &query);
	assert_int_equal(config.lifecycle_ring_size, 4 << 20);
	assert_int_equal(config.flow_ring_size, 4 << 20);
	assert_int_equal(config.argv_max, 64);
	assert_int_equal(config.classes, HADAL_CLASS_BIT(HADAL_CLASS_TCP));
}

static void expect_ports(const char *text, uint32_t count, uint16_t first, uint16_t last)
{
	struct hadal_port_range ranges[HADAL_FILTER_PORTS];
	uint32_t found = 99, i;

	assert_int_equal(hadal_port_ranges(text, ranges, &found), 0);
	assert_int_equal(found, count);
	assert_int_equal(ranges[count - 1].first, first);
	assert_int_equal(ranges[count - 1].last, last);
	for (i = count; i < HADAL_FILTER_PORTS; i++)
		assert_int_equal(ranges[i].first + ranges[i].last, 0);
}

static void ports_of_a_text(void **state)
{
	static const char *const bad[] = {
		"", " ", ",", "80,", ",80", "80,,81", "0", "0-9", "65536", "9-8", "80-", "-80", "80 81",
		"80-90-99", "+80", "0x50", "http", "99999999999999999999", "80;81",
	};
	struct hadal_port_range ranges[HADAL_FILTER_PORTS];
	uint32_t count;
	size_t i;

	(void)state;
	expect_ports("80", 1, 80, 80);
	expect_ports("80,443", 2, 443, 443);
	expect_ports(" 80 , 8000 - 8099 ", 2, 8000, 8099);
	expect_ports("1-65535", 1, 1, 65535);
	expect_ports("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16-16", 16, 16, 16);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hadal_port_ranges(bad[i], ranges, &count), -EINVAL);
	assert_int_equal(hadal_port_ranges("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", ranges, &count), -E2BIG);
}

static void the_version_is_that_of_the_tree(void **state)
{
	(void)state;
	assert_string_equal(hadal_version(), HADAL_VERSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening_says_what_is_wrong),
		cmocka_unit_test(defaults_suit_the_module),
		cmocka_unit_test(defaults_keep_to_the_limits),
		cmocka_unit_test(ports_of_a_text),
		cmocka_unit_test(the_version_is_that_of_the_tree),
	};

	return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
