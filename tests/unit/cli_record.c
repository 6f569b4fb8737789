/* SPDX-License-Identifier: MIT */
/*
 * hadal record where it can't begin: over a device and a disk that a test makes up, by the
 * linker's --wrap (build.mk).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <hadal/capture.h>
#include <hadal/hadal.h>

#include "cli.h"

int __wrap_hadal_session_open(struct hadal_session **session, const char *path);
void __wrap_hadal_session_close(struct hadal_session *session);
int __wrap_hadal_capture_create(struct hadal_capture_writer **writer, int fd, const char *description,
				uint64_t realtime);

int __wrap_hadal_session_open(struct hadal_session **session, const char *path)
{
	(void)path;
	*session = NULL;
	return 0;
}

void __wrap_hadal_session_close(struct hadal_session *session)
{
	(void)session;
}

int __wrap_hadal_capture_create(struct hadal_capture_writer **writer, int fd, const char *description,
				uint64_t realtime)
{
	(void)writer;
	(void)fd;
	(void)description;
	(void)realtime;
	return -ENOSPC;
}

static int record(const char *path)
{
	char name[] = "record", file[64], *arguments[] = { name, file, NULL };

	snprintf(file, sizeof(file), "%s", path);
	optind = 0;
	return command_record(2, arguments);
}

/* It would be in the way of the next try. */
static void no_file_is_left_where_it_cannot_begin(void **state)
{
	char directory[] = "/tmp/hadal-record-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/capture", directory);
	assert_int_equal(record(path), EXIT_FAILED);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(directory), 0);
}

static void a_file_of_others_stays(void **state)
{
	char path[] = "/tmp/hadal-record-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(record(path), EXIT_FAILED);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_file_is_left_where_it_cannot_begin),
		cmocka_unit_test(a_file_of_others_stays),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
