// SPDX-License-Identifier: MIT
#include "harness.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Failures shown a test; the rest are counted. A wrong count may repeat by thousands. */
#define FAILURES_SHOWN	20
#define TIME_TOLD	5	/* s that a test takes, to be told */

enum { STATUS_PASS = 0, STATUS_FAIL = 1, STATUS_SKIP = 4 };

static struct harness_test *first_test;
static struct harness_test **last_link = &first_test;

/* Of the process that runs one test. */
static sigjmp_buf test_end;
static int end_status;
static bool may_jump;
static unsigned int failures;
static char *skip_reason;	/* shared with the parent */
#define SKIP_REASON_SIZE	256

void harness_add(struct harness_test *test)
{
	*last_link = test;
	last_link = &test->next;
}

/* 1 unless the environment says more. */
static unsigned int factor(const char *name)
{
	const char *text = getenv(name);
	int number = text ? atoi(text) : 1;

	return number > 1 ? (unsigned int)number : 1;
}

unsigned int harness_slowness(void)
{
	return factor("HADAL_TEST_SLOWNESS");
}

unsigned int harness_share(unsigned int count)
{
	unsigned int share = count / factor("HADAL_TEST_SHARE");

	return share ? share : 1;
}

unsigned int harness_rounds(unsigned int count)
{
	if (factor("HADAL_TEST_SHARE") == 1)
		return count;
	return count / 3 > 2 ? count / 3 : 2;
}

bool harness_failed(void)
{
	return failures > 0;
}

bool harness_same_string(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

void harness_in_child(void)
{
	may_jump = false;
	failures = 0;
}

/* One write a line: lines of several processes must not mix. */
static void print_line(const char *prefix, const char *format, va_list args)
{
	char line[1024];
	int at = snprintf(line, sizeof(line), "# %s", prefix);

	vsnprintf(line + at, sizeof(line) - (size_t)at, format, args);
	printf("%s\n", line);
	fflush(stdout);
}

void harness_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line("", format, args);
	va_end(args);
}

static void __attribute__((noreturn)) end_test(int status)
{
	end_status = status;
	if (may_jump)
		siglongjmp(test_end, 1);
	_exit(status);
}

void harness_fail_at(const char *file, int line, bool fatal, const char *format, ...)
{
	char prefix[128];
	va_list args;

	if (++failures <= FAILURES_SHOWN || fatal) {
		snprintf(prefix, sizeof(prefix), "%s:%d: %s: ", file, line,
			 fatal ? "assert" : "expect");
		va_start(args, format);
		print_line(prefix, format, args);
		va_end(args);
	}
	if (fatal)
		end_test(STATUS_FAIL);
}

void harness_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(skip_reason, SKIP_REASON_SIZE, format, args);
	va_end(args);
	end_test(STATUS_SKIP);
}

static int run_part(void (*part)(void *), void *self)
{
	end_status = STATUS_PASS;
	if (part && sigsetjmp(test_end, 1) == 0)
		part(self);
	return end_status;
}

static void __attribute__((noreturn)) run_in_child(const struct harness_test *test)
{
	void *self = calloc(1, test->fixture_size + 1);
	int ended;

	setpgid(0, 0);
	may_jump = true;
	ended = run_part(test->setup, self);
	if (!ended) {
		ended = run_part(test->body, self);
		run_part(test->teardown, self);
	}
	free(self);
	if (failures > FAILURES_SHOWN)
		harness_note("%u checks failed", failures);
	fflush(stdout);
	_exit(failures ? STATUS_FAIL : ended);
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits for pid; kills its group past the timeout. */
static int wait_bounded(pid_t pid, const struct harness_test *test)
{
	unsigned int timeout = test->timeout * harness_slowness();
	double deadline = seconds_now() + timeout;
	const struct timespec pause = { .tv_nsec = 5000000 };
	bool killed = false;
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (!killed && seconds_now() > deadline) {
			harness_note("%s: not done after %u s", test->name, timeout);
			kill(-pid, SIGKILL);
			killed = true;
		}
		nanosleep(&pause, NULL);
	}
	kill(-pid, SIGKILL);	/* what the test has left behind */
	return killed ? STATUS_FAIL << 8 : status;
}

static int run_test(const struct harness_test *test)
{
	pid_t pid;
	int status;

	skip_reason[0] = '\0';
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_in_child(test);
	if (pid < 0)
		return STATUS_FAIL;
	setpgid(pid, pid);
	status = wait_bounded(pid, test);
	if (WIFSIGNALED(status)) {
		harness_note("%s: ended by signal %d", test->name, WTERMSIG(status));
		return STATUS_FAIL;
	}
	return WEXITSTATUS(status);
}

static bool is_wanted(const struct harness_test *test, int names, char **name)
{
	int i;

	for (i = 0; i < names; i++) {
		if (strcmp(name[i], test->name) == 0)
			return true;
	}
	return names == 0;
}

static void print_result(int status, unsigned int number, const char *name)
{
	switch (status) {
	case STATUS_PASS:
		printf("ok %u %s\n", number, name);
		break;
	case STATUS_SKIP:
		printf("ok %u %s # SKIP %s\n", number, name, skip_reason);
		break;
	default:
		printf("not ok %u %s\n", number, name);
	}
	fflush(stdout);
}

static unsigned int count_wanted(int names, char **name)
{
	const struct harness_test *test;
	unsigned int count = 0;

	for (test = first_test; test; test = test->next)
		count += is_wanted(test, names, name);
	return count;
}

static void list_tests(void)
{
	const struct harness_test *test;

	for (test = first_test; test; test = test->next)
		puts(test->name);
}

/* Where the time of a run goes. */
static int run_timed(const struct harness_test *test)
{
	double began = seconds_now(), taken;
	int status = run_test(test);

	taken = seconds_now() - began;
	if (taken >= TIME_TOLD)
		harness_note("%s: %.0f s", test->name, taken);
	return status;
}

static int run_all(int names, char **name)
{
	const struct harness_test *test;
	unsigned int number = 0, failed = 0;
	int status;

	printf("TAP version 13\n1..%u\n", count_wanted(names, name));
	for (test = first_test; test; test = test->next) {
		if (!is_wanted(test, names, name))
			continue;
		status = run_timed(test);
		print_result(status, ++number, test->name);
		failed += status != STATUS_PASS && status != STATUS_SKIP;
	}
	return failed || !number ? EXIT_FAILURE : EXIT_SUCCESS;
}

int harness_main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	skip_reason = mmap(NULL, SKIP_REASON_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (skip_reason == MAP_FAILED) {
		perror("mmap");
		return EXIT_FAILURE;
	}
	if (argc == 2 && strcmp(argv[1], "-l") == 0) {
		list_tests();
		return EXIT_SUCCESS;
	}
	return run_all(argc - 1, argv + 1);
}
