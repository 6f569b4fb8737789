/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "module.h"

extern char **environ;

static bool manager_runs(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

/*
 * What is pressed at the terminal is not for systemctl, in a session of its own: halfway through it would leave
 * open what became of the unit. Signals are as usual there, whatever is held here.
 */
static int spawn(pid_t *child, char **arguments, const posix_spawn_file_actions_t *actions)
{
	posix_spawnattr_t attributes;
	sigset_t none, all;
	int failure = posix_spawnattr_init(&attributes);

	if (failure)
		return failure;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	failure = posix_spawnp(child, arguments[0], actions, &attributes, arguments, environ);
	posix_spawnattr_destroy(&attributes);
	return failure;
}

/* Runs systemctl; what it says goes to @output, a descriptor. Its exit status; -1: it did not run. */
static int systemctl(const char *verb, const char *unit, int output, int errors)
{
	char program[] = "systemctl", *arguments[] = { program, (char *)verb, (char *)unit, NULL };
	posix_spawn_file_actions_t actions;
	int status, failure;
	pid_t child;

	if (!manager_runs() || posix_spawn_file_actions_init(&actions))
		return -1;
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
	failure = spawn(&child, arguments, &actions);
	posix_spawn_file_actions_destroy(&actions);
	if (failure)
		return -1;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int quietly(const char *verb, const char *unit)
{
	int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC), status;

	if (nothing < 0)
		return -1;
	status = systemctl(verb, unit, nothing, nothing);
	close(nothing);
	return status;
}

bool service_is_known(const char *unit)
{
	return quietly("cat", unit) == 0;
}

bool service_is_active(const char *unit)
{
	return quietly("is-active", unit) == 0;
}

bool service_do(const char *verb, const char *unit)
{
	return systemctl(verb, unit, STDERR_FILENO, STDERR_FILENO) == 0;
}

bool host_is_stopping(void)
{
	char state[32] = "";
	int ends[2];
	ssize_t length;

	if (!manager_runs() || pipe2(ends, O_CLOEXEC))
		return false;
	/* A word: the pipe has room for it before anybody reads. */
	systemctl("is-system-running", NULL, ends[1], STDERR_FILENO);
	close(ends[1]);
	length = read(ends[0], state, sizeof(state) - 1);
	close(ends[0]);
	state[length > 0 ? length : 0] = '\0';
	return strncmp(state, "stopping", 8) == 0;
}
