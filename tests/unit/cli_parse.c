/* SPDX-License-Identifier: MIT */
/*
 * Values of options.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include <hadal/hadal.h>

#include "cli.h"

static void durations(void **state)
{
	static const char *const bad[] = {
		"", "s", "-1s", "+1s", " 1s", "1.5s", "1d", "1 s", "1s ", "99999999999999999999",
		"18446744073709551615s",
	};
	uint64_t duration;
	size_t i;

	(void)state;
	assert_true(parse_duration("10s", &duration) && duration == 10000000000);
	assert_true(parse_duration("10", &duration) && duration == 10000000000);
	assert_true(parse_duration("500ms", &duration) && duration == 500000000);
	assert_true(parse_duration("2m", &duration) && duration == 120000000000);
	assert_true(parse_duration("1h", &duration) && duration == 3600000000000);
	assert_true(parse_duration("0", &duration) && duration == 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(parse_duration(bad[i], &duration));
}

static void sizes(void **state)
{
	uint32_t size;

	(void)state;
	assert_true(parse_size("4096", &size) && size == 4096);
	assert_true(parse_size("64K", &size) && size == 65536);
	assert_true(parse_size("1M", &size) && size == 1 << 20);
	assert_true(parse_size("2MiB", &size) && size == 2 << 20);
	assert_false(parse_size("4096M", &size));
	assert_false(parse_size("1G", &size));
	assert_false(parse_size("K", &size));
	assert_false(parse_size("0x10", &size));
}

static void counts(void **state)
{
	uint64_t count;

	(void)state;
	assert_true(parse_count("1", &count) && count == 1);
	assert_true(parse_count("18446744073709551615", &count) && count == UINT64_MAX);
	assert_false(parse_count("0", &count));
	assert_false(parse_count("18446744073709551616", &count));
	assert_false(parse_count("-1", &count));
	assert_false(parse_count("3x", &count));
}

static void expect_unknown(const char *list, const char *name)
{
	char *unknown = NULL;
	uint32_t classes;

	assert_false(parse_classes(list, &classes, &unknown));
	assert_non_null(unknown);
	assert_string_equal(unknown, name);
	free(unknown);
}

static void classes(void **state)
{
	char *unknown = NULL;
	uint32_t bits;

	(void)state;
	assert_true(parse_classes("tcp", &bits, &unknown));
	assert_int_equal(bits, HADAL_CLASS_BIT(HADAL_CLASS_TCP));
	assert_true(parse_classes("tcp,process", &bits, &unknown));
	assert_int_equal(bits, HADAL_CLASS_BIT(HADAL_CLASS_TCP) | HADAL_CLASS_BIT(HADAL_CLASS_PROCESS));
	expect_unknown("", "");
	expect_unknown("tcp,", "");
	expect_unknown("tcp,files", "files");
	expect_unknown("proc", "proc");
	expect_unknown("control", "control");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes),
		cmocka_unit_test(counts),
		cmocka_unit_test(classes),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
