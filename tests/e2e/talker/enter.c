// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "talker.h"

static _Noreturn void give_up(const char *what)
{
	perror(what);
	exit(126);
}

static void join_cgroup(const char *directory)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		give_up(path);
	close(fd);
}

static void join_network(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		give_up(path);
	close(fd);
}

/* As a runtime does: only what runs in the container was ever in its cgroup. */
static _Noreturn void execute(const char *directory, const char *network, char **command)
{
	join_cgroup(directory);
	if (network)
		join_network(network);
	execv(command[0], command);
	give_up(command[0]);
}

/* Waits until the other end is closed, which exec does. */
static void wait_for_exec(int fd)
{
	char byte;

	if (read(fd, &byte, 1))
		give_up("exec");
	close(fd);
}

int enter(const char *directory, const char *network, unsigned int life_ms, char **command)
{
	const struct timespec life = { .tv_sec = life_ms / 1000, .tv_nsec = life_ms % 1000 * 1000000L };
	uint64_t began;
	int executed[2];
	pid_t child;

	if (pipe2(executed, O_CLOEXEC) || unshare(CLONE_NEWPID))
		give_up("unshare");
	child = fork();
	if (child < 0)
		give_up("fork");
	if (!child)
		execute(directory, network, command);
	close(executed[1]);
	wait_for_exec(executed[0]);
	began = talker_now();
	nanosleep(&life, NULL);
	kill(child, SIGKILL);
	if (waitpid(child, NULL, 0) != child)
		give_up("waitpid");
	printf("%" PRIu64 "\n", talker_now() - began);
	return 0;
}
