/* SPDX-License-Identifier: MIT */
/* What /proc and /sys say, as the tests compare it with records. */
#ifndef KSELFTEST_HOST_H
#define KSELFTEST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HADAL_SYS	"/sys/class/misc/hadal/"
#define CPU1_ONLINE	"/sys/devices/system/cpu/cpu1/online"	/* "0", "1": CPU 1 goes, comes */

#define TRACING		"/sys/kernel/tracing/"

bool file_exists(const char *path);

/* The first size - 1 bytes; asserts that the file can be read. Returns how many. */
size_t file_read(const char *path, char *text, size_t size);

/* The number that a file holds; asserts that it holds one. */
uint64_t file_number(const char *path);
bool file_has_number(const char *path, uint64_t *number);

/* Writes and says whether the kernel took it: 0 or -errno. */
int file_write(const char *path, const char *text);

/* A file below HADAL_SYS. */
uint64_t hadal_sys(const char *name);

/* Waits until a file below HADAL_SYS holds that number; asserts that it comes. */
void hadal_sys_wait(const char *name, uint64_t number);

/* Inode number of /proc/PID/ns/NAME. */
uint32_t namespace_of(pid_t pid, const char *name);

/* Field 22 of /proc/PID/stat, in ticks of sysconf(_SC_CLK_TCK) since boot. */
uint64_t start_ticks(pid_t pid);

/* The same unit from a record's start_boottime, rounded down as the kernel does. */
uint64_t ticks_of(uint64_t start_boottime);

/* Whether the kernel is built with PREEMPT_RT. */
bool is_realtime(void);

/* Has TRACING's files there. */
void tracing_mount(void);

/* Whether ftrace calls somebody at this function's entry. */
bool is_hooked(const char *function);

/* A kernel module's reference count, or -1 when it is not loaded. */
long module_references(const char *name);

#endif
