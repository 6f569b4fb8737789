/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "process_stat.h"
#include "procfs.h"
#include "whole_file.h"

/* In clock ticks since boot; 0: no such process. */
static uint64_t start_ticks(int directory)
{
	char line[PROCESS_STAT_SIZE];
	ssize_t length = small_file_at(directory, "stat", line, sizeof(line));
	struct process_stat stat;

	if (length < 0 || process_stat_parse(line, (size_t)length, &stat))
		return 0;
	return stat.started;
}

int procfs_started(int directory, uint64_t start_boottime)
{
	uint64_t tick = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);

	return start_ticks(directory) == start_boottime / tick ? 0 : -ESRCH;
}

void procfs_strip_deleted(char *path)
{
	static const char mark[] = " (deleted)";
	size_t length = strlen(path);

	if (length >= sizeof(mark) && strcmp(path + length - (sizeof(mark) - 1), mark) == 0)
		path[length - (sizeof(mark) - 1)] = '\0';
}

static int executable_path(int directory, char *path, size_t size)
{
	ssize_t length = readlinkat(directory, "exe", path, size);

	if (length < 0)
		return -errno;
	if ((size_t)length == size)
		return -ENAMETOOLONG;
	path[length] = '\0';
	procfs_strip_deleted(path);
	return 0;
}

int procfs_root(void)
{
	static const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	int fd = open("/proc", flags);

	return fd < 0 ? -errno : fd;
}

int procfs_open(int pid)
{
	static const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

int procfs_executable(int pid, uint64_t start_boottime, char *path, size_t size)
{
	int directory = procfs_open(pid), result;

	if (directory < 0)
		return directory;
	result = executable_path(directory, path, size);
	if (!result)
		result = procfs_started(directory, start_boottime);
	close(directory);
	return result;
}

static int find_environment(int pid, uint64_t *start, uint64_t *end)
{
	int directory = procfs_open(pid);
	char line[PROCESS_STAT_SIZE];
	ssize_t length;

	if (directory < 0)
		return directory;
	length = small_file_at(directory, "stat", line, sizeof(line));
	close(directory);
	return length < 0 ? (int)length : process_stat_environment(line, (size_t)length, start, end);
}

ssize_t procfs_environment(int pid, char *text, size_t size)
{
	struct iovec here = { .iov_base = text }, there;
	uint64_t start, end;
	int result = find_environment(pid, &start, &end);
	ssize_t length;

	if (result)
		return result;
	here.iov_len = end - start < size ? (size_t)(end - start) : size;
	there = (struct iovec){ .iov_base = (void *)(uintptr_t)start, .iov_len = here.iov_len };
	length = process_vm_readv(pid, &here, 1, &there, 1, 0);
	return length < 0 ? -errno : length;
}

void procfs_parse_ports(const char *line, uint16_t *low, uint16_t *high)
{
	unsigned long first, last;
	char *end;

	first = strtoul(line, &end, 10);
	if (end == line)
		return;
	line = end;
	last = strtoul(line, &end, 10);
	if (end == line || first > last || last > UINT16_MAX)
		return;
	*low = (uint16_t)first;
	*high = (uint16_t)last;
}

void procfs_ephemeral_ports(uint16_t *low, uint16_t *high)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	char line[64];

	if (!file)
		return;
	if (fgets(line, sizeof(line), file))
		procfs_parse_ports(line, low, high);
	fclose(file);
}

uint32_t procfs_net_ns(void)
{
	struct stat status;

	return stat("/proc/self/ns/net", &status) ? 0 : (uint32_t)status.st_ino;
}

void machine_id_clean(char *id)
{
	id[strspn(id, "0123456789abcdef")] = '\0';
}

void machine_id(char id[33])
{
	FILE *file = fopen("/etc/machine-id", "re");

	id[0] = '\0';
	if (!file)
		return;
	if (!fgets(id, 33, file))
		id[0] = '\0';
	fclose(file);
	machine_id_clean(id);
}

static bool take_interface(const struct ifaddrs *interface, struct address *address)
{
	const struct sockaddr *socket_address = interface->ifa_addr;

	if (!socket_address)
		return false;
	if (socket_address->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)socket_address;

		*address = address_from_bytes(AF_INET, (const uint8_t *)&v4->sin_addr);
		return true;
	}
	if (socket_address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)socket_address;

		*address = address_from_bytes(AF_INET6, (const uint8_t *)&v6->sin6_addr);
		return true;
	}
	return false;
}

unsigned int interface_addresses(struct address *list, unsigned int size)
{
	struct ifaddrs *interfaces, *interface;
	unsigned int count = 0;

	if (getifaddrs(&interfaces))
		return 0;
	for (interface = interfaces; interface && count < size; interface = interface->ifa_next) {
		if (take_interface(interface, &list[count]) && address_scope(&list[count]) != ADDRESS_LOOPBACK)
			count++;
	}
	freeifaddrs(interfaces);
	return count;
}
