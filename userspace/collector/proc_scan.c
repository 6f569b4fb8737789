/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proc_scan.h"
#include "process_stat.h"
#include "procfs.h"

#define PF_KTHREAD	0x00200000	/* the kernel's: include/linux/sched.h */

/* Files of /proc are read in one go: what is longer is cut. Returns bytes, or -errno. */
static ssize_t read_file(int directory, const char *name, char *buffer, size_t size)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, buffer, size - 1);
	if (length < 0)
		length = -errno;
	close(fd);
	buffer[length > 0 ? length : 0] = '\0';
	return length;
}

/* ---- stat ---- */

static int take_stat(const char *text, size_t length, struct proc_found *found)
{
	uint64_t tick = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
	struct process_stat stat;

	if (process_stat_parse(text, length, &stat))
		return -ESRCH;
	memcpy(found->process.comm, stat.name, sizeof(stat.name));
	found->zombie = stat.state == 'Z' || stat.state == 'X';
	found->threads = (unsigned int)stat.threads;
	found->process.parent_tgid = (uint32_t)stat.parent;
	found->process.start_boottime = stat.started * tick;
	if (stat.flags & PF_KTHREAD)
		found->process.flags |= HADAL_PROCESS_KERNEL;
	return 0;
}

/* ---- cgroup ---- */

/* The unified hierarchy's line begins with "0::". */
static void take_cgroup(char *lines, struct proc_found *found)
{
	char *line = strncmp(lines, "0::", 3) == 0 ? lines : strstr(lines, "\n0::");
	uint64_t id;

	if (!line)
		return;
	line = strstr(line, "0::") + 3;
	line[strcspn(line, "\n")] = '\0';
	if (strlen(line) >= sizeof(found->cgroup_path) || hadal_cgroup_id(line, &id))
		return;
	memcpy(found->cgroup_path, line, strlen(line) + 1);
	found->process.cgroup_id = id;
}

/* ---- status and namespaces ---- */

static const char *line_of(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? line + strlen(key) : NULL;
}

/* NSpid has the id in each namespace, the innermost last. */
static uint32_t last_number(const char *line)
{
	uint32_t number = 0;
	char *end;

	for (; *line && *line != '\n'; line = end) {
		unsigned long value = strtoul(line, &end, 10);

		if (end == line)
			break;
		number = (uint32_t)value;
	}
	return number;
}

static void take_status(const char *text, struct hadal_process *process)
{
	const char *line = line_of(text, "\nUid:");

	if (line)
		process->uid = (uint32_t)strtoul(line, NULL, 10);
	line = line_of(text, "\nGid:");
	if (line)
		process->gid = (uint32_t)strtoul(line, NULL, 10);
	line = line_of(text, "\nNStgid:");
	if (line)
		process->ns_tgid = last_number(line);
}

static uint32_t namespace_of(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, 0) ? 0 : (uint32_t)status.st_ino;
}

static void scan_all(int directory, struct proc_found *found)
{
	char text[8192];

	if (read_file(directory, "status", text, sizeof(text)) > 0)
		take_status(text, &found->process);
	found->process.net_ns = namespace_of(directory, "ns/net");
	found->process.pid_ns = namespace_of(directory, "ns/pid");
}

static int scan(int directory, enum proc_scan_depth depth, struct proc_found *found)
{
	char text[HADAL_CGROUP_PATH_MAX + 4096];
	ssize_t length = read_file(directory, "stat", text, sizeof(text));

	if (length <= 0 || take_stat(text, (size_t)length, found))
		return -ESRCH;
	if (read_file(directory, "cgroup", text, sizeof(text)) > 0)
		take_cgroup(text, found);
	if (depth == PROC_SCAN_ALL)
		scan_all(directory, found);
	return 0;
}

int proc_scan(int pid, enum proc_scan_depth depth, struct proc_found *found)
{
	int directory = procfs_open(pid), result;

	found->process = (struct hadal_process){ .tgid = (uint32_t)pid };
	found->cgroup_path[0] = '\0';
	found->threads = 0;
	found->zombie = false;
	if (directory < 0)
		return -ESRCH;
	result = scan(directory, depth, found);
	close(directory);
	return result;
}

void proc_scan_program(int pid, char *path, size_t path_size, size_t *path_length, char *arguments, size_t size,
		       size_t *length)
{
	int directory = procfs_open(pid);
	ssize_t found;

	*path_length = *length = 0;
	if (directory < 0)
		return;
	found = readlinkat(directory, "exe", path, path_size);
	if (found > 0 && (size_t)found < path_size) {
		path[found] = '\0';
		procfs_strip_deleted(path);
		*path_length = strlen(path);
	}
	if (size > 1) {
		found = read_file(directory, "cmdline", arguments, size);
		*length = found > 0 ? (size_t)found : 0;
	}
	close(directory);
}

int proc_scan_next(void *proc)
{
	const struct dirent *entry;

	while ((entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			return atoi(entry->d_name);
	}
	return 0;
}
