/* SPDX-License-Identifier: MIT */
/*
 * What processes use: what /proc/PID/stat says, their environment, and the sampling of processes
 * that are there, are others by now, or have ended.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "model_fixture.h"
#include "process_stat.h"
#include "process_usage.h"
#include "procfs.h"
#include "whole_file.h"

#define UP_TO_USER	" S 1 2 3 4 5 6 7 8 9 10"
#define UP_TO_START	" 15 16 17 18 19 0"

static int parse(const char *text, struct process_stat *stat)
{
	size_t length = strlen(text);
	char *copy = malloc(length ? length : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, length);
	result = process_stat_parse(copy, length, stat);
	free(copy);
	return result;
}

static void a_line_is_understood(void **state)
{
	struct process_stat stat;

	(void)state;
	memset(&stat, 0xff, sizeof(stat));
	assert_int_equal(parse("7 (a) S 1) (b" ")" UP_TO_USER " 700 80" UP_TO_START " 4711 1000 25 rest\n", &stat), 0);
	/* To its end, as records have it. */
	assert_memory_equal(stat.name, "a) S 1) (b\0\0\0\0\0", sizeof(stat.name));
	assert_int_equal(stat.state, 'S');
	assert_int_equal(stat.parent, 1);
	assert_int_equal(stat.flags, 6);
	assert_int_equal(stat.threads, 19);
	assert_int_equal(stat.user, 700);
	assert_int_equal(stat.system, 80);
	assert_int_equal(stat.started, 4711);
	assert_int_equal(stat.pages, 25);
}

static void what_is_no_line_is_refused(void **state)
{
	static const char *const wrong[] = {
		"", "7", "7 a)" UP_TO_USER " 700 80" UP_TO_START " 4711 1000 25 rest\n", "7 (a", "7 (a)", "7 (a)" UP_TO_USER " 1 2",
		"7 (a)" UP_TO_USER " 700 80" UP_TO_START " 4711 1000",
		"7 (a)" UP_TO_USER " -700 80" UP_TO_START " 4711 1000 25 rest\n",
		"7 (a)" UP_TO_USER " 700 80" UP_TO_START " x 1000 25 rest\n",
		"7 (a)" UP_TO_USER " 18446744073709551616 80" UP_TO_START " 1 1000 25 rest\n",
	};
	struct process_stat stat;

	(void)state;
	assert_int_equal(parse("7 (0123456789abcdefgh)" UP_TO_USER " 700 80" UP_TO_START " 4711 1000 25 rest\n", &stat), 0);
	assert_string_equal(stat.name, "0123456789abcde");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parse(wrong[i], &stat) != -EBADMSG)
			fail_msg("taken: %s", wrong[i]);
	}
}

#define UP_TO_ENVIRONMENT	UP_TO_USER " 700 80" UP_TO_START " 4711 1000 25" \
				" 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49"

static int environment_of(const char *text, uint64_t *start, uint64_t *end)
{
	return process_stat_environment(text, strlen(text), start, end);
}

static void a_line_tells_where_the_environment_is(void **state)
{
	uint64_t start, end;

	(void)state;
	assert_int_equal(environment_of("7 (a)" UP_TO_ENVIRONMENT " 140728898420736 140728898424832 0\n", &start, &end), 0);
	assert_int_equal(start, 140728898420736);
	assert_int_equal(end, 140728898424832);
	/* So it is told to who may not look, of a kernel thread, and of who has set them so. */
	assert_int_equal(environment_of("7 (a)" UP_TO_ENVIRONMENT " 0 0 0\n", &start, &end), -EACCES);
	assert_int_equal(environment_of("7 (a)" UP_TO_ENVIRONMENT " 20 10 0\n", &start, &end), -EACCES);
	assert_int_equal(environment_of("7 (a)" UP_TO_ENVIRONMENT " 20\n", &start, &end), -EBADMSG);
	assert_int_equal(environment_of("7 (a)" UP_TO_ENVIRONMENT " x 20 0\n", &start, &end), -EBADMSG);
	assert_int_equal(environment_of("", &start, &end), -EBADMSG);
}

/* A program with just this environment, that has begun: it gives back what it is sent by @line, until that is closed. */
static pid_t start_with(const char *variable, int *line)
{
	char *const arguments[] = { "/bin/cat", NULL }, *const environment[] = { (char *)(uintptr_t)variable, NULL };
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(ends[1], STDIN_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		execve(arguments[0], arguments, environment);
		_exit(127);
	}
	close(ends[1]);
	*line = ends[0];
	assert_int_equal(write(*line, "x", 1), 1);
	assert_int_equal(read(*line, &byte, 1), 1);
	return pid;
}

static void an_environment_is_read(void **state)
{
	static const char variable[] = "ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/0123456789abcdef";
	char text[256];
	int line;
	pid_t pid = start_with(variable, &line);

	(void)state;
	assert_int_equal(procfs_environment(pid, text, sizeof(text)), sizeof(variable));
	assert_memory_equal(text, variable, sizeof(variable));
	assert_int_equal(procfs_environment(pid, text, 8), 8);
	close(line);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(procfs_environment(pid, text, sizeof(text)) < 0);
}

/* This process, as the module would tell of it. */
static struct actor self_at(int proc)
{
	struct process_stat stat;
	char name[32], text[PROCESS_STAT_SIZE];
	ssize_t length;

	snprintf(name, sizeof(name), "%d/stat", (int)getpid());
	length = small_file_at(proc, name, text, sizeof(text));
	assert_true(length > 0);
	assert_int_equal(process_stat_parse(text, (size_t)length, &stat), 0);
	return (struct actor){
		.tgid = (uint32_t)getpid(), .parent = 1, .ns_tgid = (uint32_t)getpid(), .path = "/usr/bin/self",
		/* The module tells of nanoseconds, which are within the tick. */
		.start = stat.started * (SECOND / (uint64_t)sysconf(_SC_CLK_TCK)) + 4711,
	};
}

static void burn(uint64_t least)
{
	struct timespec now;

	do {
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while ((uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec < least);
}

static void the_living_are_sampled(void **state)
{
	int proc = procfs_root();
	struct actor self = self_at(proc);
	const struct process *process;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	record_existing(&world.recorder, &self);
	process = process_find_living(&world.model->processes, self.tgid);
	assert_false(process->sampled);
	burn(200 * MILLISECOND);
	process_usage_sample(&world.model->processes, proc, 10);
	assert_true(process->sampled);
	assert_true(process->cpu_time >= 180 * MILLISECOND && process->cpu_time < 60 * SECOND);
	assert_true(process->memory > 1 << 20);
	close(proc);
	world_close(&world);
}

static void who_has_the_id_of_another_is_not(void **state)
{
	int proc = procfs_root();
	struct actor other = self_at(proc);
	struct world world;

	(void)state;
	other.start -= SECOND;
	world_open(&world, NULL);
	record_existing(&world.recorder, &other);
	process_usage_sample(&world.model->processes, proc, 10);
	assert_false(process_find_living(&world.model->processes, other.tgid)->sampled);
	close(proc);
	world_close(&world);
}

static void there_is_a_bound(void **state)
{
	int proc = procfs_root();
	struct actor self = self_at(proc);
	struct world world;

	(void)state;
	world_open(&world, NULL);
	record_existing(&world.recorder, &self);
	process_usage_sample(&world.model->processes, proc, 0);
	assert_false(process_find_living(&world.model->processes, self.tgid)->sampled);
	assert_int_equal(counted(&world, COUNT_SAMPLES_FULL), 1);
	process_usage_sample(&world.model->processes, proc, 1);
	assert_int_equal(counted(&world, COUNT_SAMPLES_FULL), 1);
	close(proc);
	world_close(&world);
}

static void an_end_tells_all_that_was_used(void **state)
{
	const struct process *process;
	struct world world;

	(void)state;
	world_open(&world, NULL);
	record_fork(&world.recorder, &web);
	record_exit_used(&world.recorder, &web, 3 * SECOND, SECOND);
	process = process_find(&world.model->processes, web.tgid, web.start);
	assert_true(process->sampled);
	assert_int_equal(process->cpu_time, 4 * SECOND);
	assert_int_equal(process->memory, 0);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_understood),
		cmocka_unit_test(what_is_no_line_is_refused),
		cmocka_unit_test(a_line_tells_where_the_environment_is),
		cmocka_unit_test(an_environment_is_read),
		cmocka_unit_test(the_living_are_sampled),
		cmocka_unit_test(who_has_the_id_of_another_is_not),
		cmocka_unit_test(there_is_a_bound),
		cmocka_unit_test(an_end_tells_all_that_was_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
