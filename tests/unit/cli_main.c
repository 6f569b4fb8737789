/* SPDX-License-Identifier: MIT */
/*
 * How hadal ends when its output goes nowhere. It is the one two directories above this program.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

static void find_program(char path[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - 1);

	assert_true(length > 0);
	path[length] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(path, '/') = '\0';
	assert_true(strlen(path) + sizeof("/hadal") <= PATH_MAX);
	strcat(path, "/hadal");
}

/* The exit status of hadal @argument with its output into @output, which is closed. */
static int run(const char *argument, int output)
{
	char path[PATH_MAX];
	int status;
	pid_t child;

	find_program(path);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		signal(SIGPIPE, SIG_IGN);
		dup2(output, STDOUT_FILENO);
		execl(path, "hadal", argument, NULL);
		_exit(127);
	}
	close(output);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void lost_output_is_no_success(void **state)
{
	(void)state;
	assert_int_equal(run("--version", open("/dev/null", O_WRONLY | O_CLOEXEC)), EXIT_WELL);
	assert_int_equal(run("--version", open("/dev/full", O_WRONLY | O_CLOEXEC)), EXIT_FAILED);
	assert_int_equal(run("--help", open("/dev/full", O_WRONLY | O_CLOEXEC)), EXIT_FAILED);
}

static void who_has_read_enough_is_no_failure(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	assert_int_equal(run("--help", ends[1]), EXIT_WELL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_output_is_no_success),
		cmocka_unit_test(who_has_read_enough_is_no_failure),
	};

	return cmocka_run_group_tests_name("main", tests, NULL, NULL);
}
