/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "procfs.h"

enum { STAT_START_TIME = 22 };	/* field of /proc/PID/stat, from 1; see proc(5) */

/* Field @number of a stat line, from 3 on; they follow the last ')', as a name may hold anything. */
static const char *stat_field(const char *line, int number)
{
	const char *field = strrchr(line, ')');

	for (int at = 2; field && at < number; at++) {
		field = strchr(field + 1, ' ');
	}
	return field ? field + 1 : NULL;
}

/* In clock ticks since boot; 0: no such process. */
static uint64_t start_ticks(int pid)
{
	char path[64], line[4096];
	const char *field = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fgets(line, sizeof(line), file))
		field = stat_field(line, STAT_START_TIME);
	fclose(file);
	return field ? strtoull(field, NULL, 10) : 0;
}

/* The kernel's mark of a file that has no name any more. */
static void strip_deleted(char *path)
{
	static const char mark[] = " (deleted)";
	size_t length = strlen(path);

	if (length >= sizeof(mark) && strcmp(path + length - (sizeof(mark) - 1), mark) == 0)
		path[length - (sizeof(mark) - 1)] = '\0';
}

int procfs_executable(int pid, uint64_t start_boottime, char *path, size_t size)
{
	uint64_t tick = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	length = readlink(link, path, size);
	if (length < 0)
		return -errno;
	if ((size_t)length == size)
		return -ENAMETOOLONG;
	path[length] = '\0';
	strip_deleted(path);
	return start_ticks(pid) == start_boottime / tick ? 0 : -ESRCH;
}

void procfs_ephemeral_ports(uint16_t *low, uint16_t *high)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	uint16_t first, last;

	if (!file)
		return;
	if (fscanf(file, "%" SCNu16 " %" SCNu16, &first, &last) == 2 && first <= last) {
		*low = first;
		*high = last;
	}
	fclose(file);
}

uint32_t procfs_net_ns(void)
{
	struct stat status;

	return stat("/proc/self/ns/net", &status) ? 0 : (uint32_t)status.st_ino;
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
	id[strspn(id, "0123456789abcdef")] = '\0';
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
