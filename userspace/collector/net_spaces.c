/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "inet_diag.h"
#include "net_spaces.h"

void net_spaces_init(struct net_spaces *spaces, uint32_t own, int epoll, struct counts *counts)
{
	*spaces = (struct net_spaces){ .own = own, .epoll = epoll, .counts = counts };
}

/* ---- a socket in another namespace ---- */

struct errand {
	uint32_t net_ns;
	int pid;
	int result;	/* descriptor or -errno */
};

static int enter(const struct errand *errand)
{
	struct stat status;
	char path[64];
	int fd, result = 0;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", errand->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* The process may be another by now, or have moved. */
	if (fstat(fd, &status))
		result = -errno;
	else if ((uint32_t)status.st_ino != errand->net_ns)
		result = -ESRCH;
	else if (setns(fd, CLONE_NEWNET))
		result = -errno;
	close(fd);
	return result;
}

static void *open_there(void *argument)
{
	struct errand *errand = argument;

	errand->result = enter(errand);
	if (!errand->result)
		errand->result = inet_diag_open();
	return NULL;
}

/* The thread that enters is never used again: who could not return would go on in the wrong place. */
static int open_by_thread(uint32_t net_ns, int pid)
{
	struct errand errand = { .net_ns = net_ns, .pid = pid };
	pthread_t thread;
	int result = pthread_create(&thread, NULL, open_there, &errand);

	if (result)
		return -result;
	pthread_join(thread, NULL);
	return errand.result;
}

static void open_space(struct net_spaces *spaces, struct net_space *space)
{
	struct epoll_event event = { .events = EPOLLIN };

	space->fd = space->net_ns == spaces->own ? inet_diag_open() : open_by_thread(space->net_ns, space->pid);
	space->failure = space->fd < 0 ? space->fd : 0;
	if (space->failure == -EPERM && space->net_ns != spaces->own)
		spaces->refused = true;
	if (space->fd < 0) {
		space->fd = -1;
		return;
	}
	event.data.ptr = space;
	epoll_ctl(spaces->epoll, EPOLL_CTL_ADD, space->fd, &event);
}

/* Who is refused one is refused all but its own. */
static bool may_open(const struct net_spaces *spaces, const struct net_space *space)
{
	return space->net_ns == spaces->own || !spaces->refused;
}

/* ---- the table ---- */

struct net_space *net_spaces_find(const struct net_spaces *spaces, uint32_t net_ns)
{
	struct net_space *space;

	HASH_FIND(hh, spaces->table, &net_ns, sizeof(net_ns), space);
	return space;
}

static struct net_space *space_new(struct net_spaces *spaces, uint32_t net_ns)
{
	struct net_space *space = NULL;

	if (HASH_COUNT(spaces->table) < NET_SPACES)
		space = calloc(1, sizeof(*space));
	if (!space) {
		count(spaces->counts, COUNT_NAMESPACES_FULL);
		return NULL;
	}
	space->net_ns = net_ns;
	space->fd = -1;
	HASH_ADD(hh, spaces->table, net_ns, sizeof(space->net_ns), space);
	if (TABLE_INSERTED(space, hh))
		return space;
	free(space);
	return NULL;
}

void net_spaces_join(struct net_spaces *spaces, uint32_t net_ns, int pid, bool existed, uint64_t now)
{
	struct net_space *space = net_spaces_find(spaces, net_ns);

	if (!net_ns)
		return;
	if (!space) {
		space = space_new(spaces, net_ns);
		if (!space)
			return;
		space->existed = existed;
		space->polled = now;
	}
	space->pid = pid;
	space->processes++;
	if (space->fd < 0 && may_open(spaces, space))
		open_space(spaces, space);
}

void net_spaces_leave(struct net_spaces *spaces, uint32_t net_ns, uint64_t now)
{
	struct net_space *space = net_spaces_find(spaces, net_ns);

	if (!space || !space->processes || --space->processes)
		return;
	space->emptied = now;
}

static void space_remove(struct net_spaces *spaces, struct net_space *space)
{
	if (space->fd >= 0)
		close(space->fd);
	HASH_DEL(spaces->table, space);
	free(space);
}

void net_spaces_sweep(struct net_spaces *spaces, uint64_t now, uint64_t age)
{
	struct net_space *space, *next;

	HASH_ITER(hh, spaces->table, space, next) {
		if (!space->processes && space->net_ns != spaces->own && now >= space->emptied + age)
			space_remove(spaces, space);
		else if (space->fd < 0 && space->processes && may_open(spaces, space))
			open_space(spaces, space);
	}
}

void net_spaces_free(struct net_spaces *spaces)
{
	struct net_space *space, *next;

	HASH_ITER(hh, spaces->table, space, next)
		space_remove(spaces, space);
}
