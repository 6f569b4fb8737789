// SPDX-License-Identifier: MIT
#include "netns.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <net/route.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "host.h"

static void loopback_up(int fd)
{
	struct ifreq request = { .ifr_name = "lo" };

	MUST(ioctl(fd, SIOCGIFFLAGS, &request));
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
	MUST(ioctl(fd, SIOCSIFFLAGS, &request));
}

static void set_address(struct sockaddr *address, const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	ASSERT_EQ(1, inet_pton(AF_INET, text, &in.sin_addr));
	memcpy(address, &in, sizeof(in));
}

/* Loopback is asked to carry it and delivers only what is local. */
static void route_to_nowhere(int fd)
{
	char device[] = "lo";
	struct rtentry route = { .rt_flags = RTF_UP | RTF_HOST, .rt_dev = device };

	set_address(&route.rt_dst, NETNS_SILENT_ADDRESS);
	set_address(&route.rt_genmask, "255.255.255.255");
	MUST(ioctl(fd, SIOCADDRT, &route));
}

uint32_t netns_enter(void)
{
	int fd;

	MUST(unshare(CLONE_NEWNET));
	fd = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	loopback_up(fd);
	route_to_nowhere(fd);
	close(fd);
	return namespace_of(getpid(), "net");
}

void netns_sysctl(const char *name, const char *value)
{
	char path[128];
	int err;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	err = file_write(path, value);
	if (err)
		harness_fail_at(__FILE__, __LINE__, true, "%s: %s", path, strerror(-err));
}

static unsigned int count_sockets(const char *path, const char *label)
{
	char text[1024], *line;
	unsigned int used = 0;

	file_read(path, text, sizeof(text));
	line = strstr(text, label);
	ASSERT_TRUE(line != NULL);
	ASSERT_EQ(1, sscanf(line + strlen(label), " %u", &used));
	return used;
}

unsigned int netns_tcp_sockets(void)
{
	return count_sockets("/proc/net/sockstat", "TCP: inuse") +
	       count_sockets("/proc/net/sockstat6", "TCP6: inuse");
}
