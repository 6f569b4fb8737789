/* SPDX-License-Identifier: MIT */
/*
 * names.h and docs/events.md name the same things, and docs/abi.md explains what
 * hadal.h lists. Run from the root of the
 * tree.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_file.h"

#define HEADER	"userspace/libhadal/include/hadal/names.h"
#define PAGE	"docs/events.md"
#define ABI	"include/uapi/hadal.h"
#define ABI_PAGE	"docs/abi.md"

/* Names in the first column of the page that are values of hadal.*.flags. */
static const char *const flags[] = {
	"dumped", "no_open_seen", "not_accepted", "accepted_after_close", "fastopen", "v4mapped",
	"kernel_socket", "mptcp", "port_unknown", "reset_sent", "reset_received", "indirect",
	"ended", "idle", "other", "cut", "not_all", "truncated_by_server", "unsound",
};

static bool is_flag(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(flags[i], name))
			return true;
	return false;
}

static void each_name_of_the_header_is_explained(void **state)
{
	char *header = read_file(HEADER), *page = read_file(PAGE);
	char *line, *save = NULL, name[128];
	unsigned int count = 0;

	(void)state;
	for (line = strtok_r(header, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "#define HADAL_%*s \"%127[^\"]\"", name) != 1)
			continue;
		if (!is_quoted(page, name, '`'))
			fail_msg("%s is not in %s", name, PAGE);
		count++;
	}
	assert_true(count > 80);
	free(header);
	free(page);
}

static void each_row_of_the_page_is_in_the_header(void **state)
{
	char *header = read_file(HEADER), *page = read_file(PAGE);
	char *line, *save = NULL, name[128];
	unsigned int count = 0;

	(void)state;
	for (line = strtok_r(page, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "| `%127[^`]` |", name) != 1 || is_flag(name))
			continue;
		if (!is_quoted(header, name, '"'))
			fail_msg("%s is not in %s", name, HEADER);
		count++;
	}
	assert_true(count > 80);
	free(header);
	free(page);
}

/* Names of an enum in the ABI, with what stands in front of each taken off. */
static void each_of_the_abi_is_explained(const char *prefix, unsigned int least)
{
	char *header = read_file(ABI), *page = read_file(ABI_PAGE);
	char *at, name[128];
	unsigned int count = 0;

	for (at = header; (at = strstr(at, prefix)); count++) {
		at += strlen(prefix);
		assert_int_equal(sscanf(at, "%127[A-Z_0-9]", name), 1);
		if (!is_quoted(page, name, '`'))
			fail_msg("%s%s is not in %s", prefix, name, ABI_PAGE);
	}
	assert_true(count >= least);
	free(header);
	free(page);
}

static void each_ending_is_explained(void **state)
{
	(void)state;
	each_of_the_abi_is_explained("HADAL_TCP_ENDING_", 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_name_of_the_header_is_explained),
		cmocka_unit_test(each_row_of_the_page_is_in_the_header),
		cmocka_unit_test(each_ending_is_explained),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
