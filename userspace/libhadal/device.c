/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC	1000000000ULL

/* The result of a call that says failure by -1, with errno put back. */
static int result_of(int result, int saved_errno)
{
	int error = errno;

	errno = saved_errno;
	return result < 0 ? -error : result;
}

int device_open(const char *path)
{
	int saved = errno;

	return result_of(open(path, O_RDWR | O_CLOEXEC), saved);
}

void device_close(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

int device_ioctl(int fd, unsigned long request, void *argument)
{
	int saved = errno;

	return result_of(ioctl(fd, request, argument), saved);
}

int device_poll(int fd, int timeout)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int saved = errno;

	return result_of(poll(&poll_fd, 1, timeout), saved);
}

int device_map(int fd, uint32_t cpu, uint32_t lane, enum hadal_ring_part part, size_t length,
	       void **memory)
{
	int protection = part == HADAL_RING_CONSUMER ? PROT_READ | PROT_WRITE : PROT_READ;
	int saved = errno;

	*memory = mmap(NULL, length, protection, MAP_SHARED, fd,
		       (off_t)HADAL_RING_OFFSET(cpu, lane, part));
	if (*memory != MAP_FAILED)
		return 0;
	*memory = NULL;
	return result_of(-1, saved);
}

void device_unmap(void *memory, size_t length)
{
	int saved = errno;

	if (memory)
		munmap(memory, length);
	errno = saved;
}

uint64_t monotonic_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

int sleep_for(uint64_t duration)
{
	struct timespec time = {
		.tv_sec = (time_t)(duration / NSEC_PER_SEC),
		.tv_nsec = (long)(duration % NSEC_PER_SEC),
	};

	return -clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}
