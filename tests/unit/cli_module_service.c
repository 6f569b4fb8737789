/* SPDX-License-Identifier: MIT */
/*
 * How systemctl is run: one that the test has written, since a systemd that runs is made
 * up, by the linker's --wrap (build.mk).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "module.h"

int __wrap_access(const char *path, int mode);

int __wrap_access(const char *path, int mode)
{
	(void)mode;
	assert_string_equal(path, "/run/systemd/system");
	return 0;
}

static char directory[] = "/tmp/hadal-service-XXXXXX";

/* In front of the path: a systemctl that is well where @script is. */
static void put_systemctl(const char *script)
{
	char path[sizeof(directory) + 16];
	FILE *file;

	snprintf(path, sizeof(path), "%s/systemctl", directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	assert_int_equal(chmod(path, 0700), 0);
}

static int up(void **state)
{
	char path[4096];

	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s:%s", directory, getenv("PATH"));
	return setenv("PATH", path, 1);
}

static int down(void **state)
{
	char path[sizeof(directory) + 16];

	(void)state;
	snprintf(path, sizeof(path), "%s/systemctl", directory);
	unlink(path);
	return rmdir(directory);
}

static void it_says_how_it_went(void **state)
{
	(void)state;
	put_systemctl("[ \"$1 $2\" = 'start hadald.service' ]");
	assert_true(service_do("start", COLLECTOR_UNIT));
	assert_false(service_do("stop", COLLECTOR_UNIT));
}

/* Keys at the terminal don't reach it, and what its caller holds back it does not. */
static void it_is_not_interrupted_by_keys(void **state)
{
	sigset_t held, before;

	(void)state;
	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigprocmask(SIG_BLOCK, &held, &before);
	put_systemctl("read -r pid name state parent group session rest </proc/$$/stat; [ \"$session\" = $$ ]");
	assert_true(service_do("start", COLLECTOR_UNIT));
	/* In the shell's own place: while that starts a program it holds signals back itself. */
	put_systemctl("exec grep -q '^SigBlk:[[:space:]]*0*$' /proc/self/status");
	assert_true(service_do("start", COLLECTOR_UNIT));
	sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_how_it_went),
		cmocka_unit_test(it_is_not_interrupted_by_keys),
	};

	return cmocka_run_group_tests_name("service", tests, up, down);
}
