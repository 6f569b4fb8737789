/* SPDX-License-Identifier: MIT */
/*
 * Which container a cgroup is, by what records say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "containers.h"
#include "records.h"

#define ID	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

enum { CGROUP = 101 };

static void take(void *context, const struct hadal_record *record)
{
	containers_learn(context, record);
}

static const struct container *of_process(struct containers *containers, uint64_t cgroup)
{
	const struct hadal_record_process process = {
		.header = { .size = sizeof(process), .type = HADAL_RECORD_PROCESS_FORK,
			    .record_class = HADAL_CLASS_PROCESS },
		.process = { .tgid = 5, .cgroup_id = cgroup },
	};

	return containers_find(containers, &process.header);
}

static void a_cgroup_says_which_container_it_is(void **state)
{
	struct containers *containers = containers_create(false);
	struct recorder recorder = { .sink = take, .context = containers };

	(void)state;
	assert_non_null(containers);
	record_cgroup(&recorder, HADAL_RECORD_CGROUP_MKDIR, 0, CGROUP, "/docker/" ID, 0);
	assert_string_equal(of_process(containers, CGROUP)->container_id, ID);
	assert_null(of_process(containers, CGROUP + 1));
	containers_destroy(containers);
}

/* Captures may hold any: a later module's, or one that somebody made to be read past its end. */
static void a_type_that_is_not_known_says_nothing(void **state)
{
	struct containers *containers = containers_create(false);
	struct hadal_record *record = calloc(1, sizeof(*record));

	(void)state;
	assert_non_null(containers);
	assert_non_null(record);
	*record = (struct hadal_record){ .size = sizeof(*record), .type = 99, .record_class = HADAL_CLASS_CGROUP };
	assert_int_equal(hadal_record_validate(record, sizeof(*record), NULL), 0);
	containers_learn(containers, record);
	free(record);
	containers_destroy(containers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cgroup_says_which_container_it_is),
		cmocka_unit_test(a_type_that_is_not_known_says_nothing),
	};

	return cmocka_run_group_tests_name("containers", tests, NULL, NULL);
}
