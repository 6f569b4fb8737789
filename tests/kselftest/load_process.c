// SPDX-License-Identifier: MIT
#include "load_process.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "load.h"

#define HELPER_NAME	"kselftest-helper"
#define MANY_THREADS	50

/* Of the process that plays one of the kinds. */
static atomic_uint arrived;
static unsigned int party;
static int exit_code;

const char *helper_path(void)
{
	static char path[PATH_MAX];
	ssize_t length;
	char *slash;

	if (path[0])
		return path;
	length = MUST(readlink("/proc/self/exe", path, sizeof(path) - 1));
	path[length] = '\0';
	slash = strrchr(path, '/');
	ASSERT_TRUE(slash && (size_t)(slash + 1 - path) + sizeof(HELPER_NAME) <= sizeof(path));
	memcpy(slash + 1, HELPER_NAME, sizeof(HELPER_NAME));
	return path;
}

static void exec_helper(int code)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", code);
	execl(helper_path(), "helper", "exit", text, (char *)NULL);
	_exit(127);
}

/* Spins until all threads of the party are here, so that they go on at once. */
static void meet(void)
{
	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&arrived) < party)
		sched_yield();
}

static void start_thread(void *(*body)(void *), pthread_t *thread)
{
	if (pthread_create(thread, NULL, body, NULL) != 0)
		_exit(126);
}

static void *meet_and_end_thread(void *unused)
{
	(void)unused;
	meet();
	syscall(SYS_exit, exit_code);
	return NULL;
}

/* The last thread to end ends the process; whose code counts depends on the kernel. */
static void end_two_threads(void)
{
	pthread_t thread;

	party = 2;
	start_thread(meet_and_end_thread, &thread);
	meet();
	syscall(SYS_exit, exit_code);
}

static void *meet_and_wait(void *unused)
{
	(void)unused;
	meet();
	for (;;)
		pause();
	return NULL;
}

static void *meet_and_exit_group(void *unused)
{
	(void)unused;
	meet();
	_exit(exit_code);
	return NULL;
}

static void end_eight_threads(void *(*body)(void *))
{
	pthread_t thread;
	int i;

	party = 8;
	for (i = 1; i < 8; i++)
		start_thread(body, &thread);
	meet_and_exit_group(NULL);
}

static void *end_at_once(void *unused)
{
	return unused;
}

static void end_after_many_threads(void)
{
	pthread_t threads[MANY_THREADS];
	int i;

	for (i = 0; i < MANY_THREADS; i++)
		start_thread(end_at_once, &threads[i]);
	for (i = 0; i < MANY_THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(exit_code);
}

static void *exec_in_thread(void *unused)
{
	exec_helper(exit_code);
	return unused;
}

static void exec_from_thread(void)
{
	pthread_t thread;

	start_thread(exec_in_thread, &thread);
	for (;;)
		pause();
}

static void kill_self(int number)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(number, SIG_DFL);
	kill(getpid(), number);
	pause();
}

static void play(const struct process_done *process)
{
	exit_code = process->code;
	switch (process->kind) {
	case PROCESS_EXITS:
		_exit(exit_code);
	case PROCESS_EXECS:
	case PROCESS_VFORK_EXECS:
		exec_helper(exit_code);
		break;
	case PROCESS_TWO_THREADS:
		end_two_threads();
		break;
	case PROCESS_EIGHT_THREADS:
		end_eight_threads(meet_and_wait);
		break;
	case PROCESS_EIGHT_THREADS_RACE:
		end_eight_threads(meet_and_exit_group);
		break;
	case PROCESS_MANY_THREADS:
		end_after_many_threads();
		break;
	case PROCESS_EXECS_IN_THREAD:
		exec_from_thread();
		break;
	case PROCESS_KILLED:
		kill_self(process->code);
		break;
	}
	_exit(125);
}

static pid_t start_by_vfork(int code)
{
	pid_t pid;
	char text[16];
	const char *path = helper_path();

	snprintf(text, sizeof(text), "%d", code);
	pid = vfork();
	if (pid == 0) {
		execl(path, "helper", "exit", text, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void check_status(const struct process_done *process)
{
	int expected = process->kind == PROCESS_KILLED ? process->code : process->code << 8;

	ASSERT_EQ(expected, process->status);
}

void process_run(struct process_done *process)
{
	pid_t pid;

	/* Where *process is shared memory, only the parent may write to it. */
	pid = process->kind == PROCESS_VFORK_EXECS ? start_by_vfork(process->code) : fork();
	if (pid == 0)
		play(process);
	process->pid = MUST(pid);
	MUST(wait4(process->pid, &process->status, 0, &process->usage));
	check_status(process);
}

void processes_run(struct process_done *processes, size_t count, enum process_kind kind)
{
	size_t i;

	for (i = 0; i < count; i++) {
		processes[i] = (struct process_done){ .kind = kind, .code = (int)(i % 120) };
		process_run(&processes[i]);
		load_step();
	}
}
