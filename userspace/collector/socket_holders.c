/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "socket_holders.h"

void socket_holders_begin(struct socket_holders *holders, const struct degraded_processes *processes,
			  const struct degraded_sockets *sockets)
{
	size_t room = HASH_COUNT(processes->table);
	const struct known_process *known;
	uint32_t *list;

	holders->count = 0;
	if (!sockets->unowned || !room)
		return;
	list = reallocarray(holders->list, room, sizeof(*list));
	if (!list)
		return;
	holders->list = list;
	for (known = processes->table; known; known = known->hh.next) {
		if (!(known->process.flags & HADAL_PROCESS_KERNEL))
			list[holders->count++] = known->tgid;
	}
}

/* "socket:[INODE]" */
static void look_at(struct degraded_sockets *sockets, int directory, const char *name,
		    const struct hadal_process *process)
{
	char target[64];
	ssize_t length = readlinkat(directory, name, target, sizeof(target) - 1);
	unsigned int inode;

	if (length <= 0)
		return;
	target[length] = '\0';
	if (sscanf(target, "socket:[%u]", &inode) == 1)
		degraded_sockets_hold(sockets, inode, process);
}

static void look_into(struct socket_holders *holders, struct degraded_sockets *sockets,
		      const struct hadal_process *process)
{
	const struct dirent *entry;
	char path[64];
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%u/fd", process->tgid);
	directory = opendir(path);
	if (!directory) {
		holders->refused |= errno == EACCES || errno == EPERM;
		return;
	}
	while (sockets->unowned && (entry = readdir(directory)))
		look_at(sockets, dirfd(directory), entry->d_name, process);
	closedir(directory);
}

bool socket_holders_step(struct socket_holders *holders, const struct degraded_processes *processes,
			 struct degraded_sockets *sockets, unsigned int count)
{
	const struct known_process *known;

	while (count-- && holders->count && sockets->unowned) {
		known = degraded_processes_find(processes, holders->list[--holders->count]);
		if (known && degraded_sockets_want(sockets, known->process.cgroup_id))
			look_into(holders, sockets, &known->process);
	}
	return holders->count && sockets->unowned;
}

void socket_holders_free(struct socket_holders *holders)
{
	free(holders->list);
	*holders = (struct socket_holders){ 0 };
}
