// SPDX-License-Identifier: MIT
/*
 * Many of one kind, each as short as it can be, by one worker for each CPU:
 *
 *     load processes|connections SECONDS [RATE]
 *
 * RATE a second in all; without it as many as the machine makes. A process is forked
 * and ends; a connection is one over loopback that is accepted and reset, so that no
 * port stays taken. Prints how many were made, and in how many ms.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND	1000000000ULL

enum { WORKERS_MAX = 64 };

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* ---- one ---- */

static void one_process(void)
{
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0)
		_exit(0);
	if (waitpid(child, NULL, 0) != child)
		die("waitpid");
}

static int listener;
static struct sockaddr_in server;

static void open_listener(void)
{
	socklen_t size = sizeof(server);

	server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&server, sizeof(server)) || listen(listener, 128) ||
	    getsockname(listener, (struct sockaddr *)&server, &size))
		die("a listener");
}

static void reset(int fd)
{
	static const struct linger at_once = { .l_onoff = 1 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) || close(fd))
		die("close");
}

static void one_connection(void)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), accepted;

	if (client < 0 || connect(client, (struct sockaddr *)&server, sizeof(server)))
		die("connect");
	accepted = accept(listener, NULL, NULL);
	if (accepted < 0)
		die("accept");
	reset(client);
	reset(accepted);
}

/* ---- many ---- */

static void wait_until(uint64_t time)
{
	struct timespec at = { .tv_sec = (time_t)(time / SECOND), .tv_nsec = (long)(time % SECOND) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

/* @gap: ns from one to the next; 0: none. */
static uint64_t work(void (*one)(void), uint64_t end, uint64_t gap)
{
	uint64_t made = 0, due = now_ns();

	while (now_ns() < end) {
		one();
		made++;
		due += gap;
		if (gap && due > now_ns())
			wait_until(due);
	}
	return made;
}

static uint64_t work_all(void (*one)(void), unsigned int workers, uint64_t seconds, uint64_t rate)
{
	uint64_t *made = mmap(NULL, WORKERS_MAX * sizeof(*made), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	uint64_t end = now_ns() + seconds * SECOND, sum = 0;

	if (made == MAP_FAILED)
		die("memory");
	for (unsigned int i = 0; i < workers; i++) {
		pid_t worker = fork();

		if (worker < 0)
			die("fork");
		if (worker == 0) {
			if (one == one_connection)
				open_listener();
			made[i] = work(one, end, rate ? SECOND * workers / rate : 0);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < workers; i++) {
		int status;

		if (wait(&status) < 0 || status)
			exit(EXIT_FAILURE);
	}
	for (unsigned int i = 0; i < workers; i++)
		sum += made[i];
	return sum;
}

int main(int argc, char **argv)
{
	bool processes = argc >= 3 && !strcmp(argv[1], "processes");
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t begun = now_ns(), made;

	if (argc < 3 || (!processes && strcmp(argv[1], "connections"))) {
		fprintf(stderr, "usage: load processes|connections SECONDS [RATE]\n");
		return 2;
	}
	made = work_all(processes ? one_process : one_connection, cpus < WORKERS_MAX ? (unsigned int)cpus : WORKERS_MAX,
			strtoull(argv[2], NULL, 10), argc > 3 ? strtoull(argv[3], NULL, 10) : 0);
	printf("%" PRIu64 " %" PRIu64 "\n", made, (now_ns() - begun) / 1000000);
	return EXIT_SUCCESS;
}
