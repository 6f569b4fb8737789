/* SPDX-License-Identifier: MIT */
/*
 * System calls as functions that return -errno and leave errno alone.
 */
#ifndef LIBHADAL_DEVICE_H
#define LIBHADAL_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include <hadal/uapi.h>

/* Returns the descriptor or -errno. */
int device_open(const char *path);
void device_close(int fd);

int device_ioctl(int fd, unsigned long request, void *argument);

/* 1: readable, 0: timeout (milliseconds; -1: none) is over, or -errno. */
int device_poll(int fd, int timeout);

/* *memory is length bytes of the ring part until device_unmap(). */
int device_map(int fd, uint32_t cpu, uint32_t lane, enum hadal_ring_part part, size_t length,
	       void **memory);
void device_unmap(void *memory, size_t length);

/* CLOCK_MONOTONIC, ns. */
uint64_t monotonic_now(void);

/* Sleeps for that many ns; -EINTR. */
int sleep_for(uint64_t duration);

#endif
