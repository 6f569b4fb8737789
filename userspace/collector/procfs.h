/* SPDX-License-Identifier: MIT */
/*
 * What /proc and the interfaces tell of this host.
 */
#ifndef HADALD_PROCFS_H
#define HADALD_PROCFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "address.h"

/* A descriptor of /proc itself, or -errno. */
int procfs_root(void);

/*
 * /proc/PID, without a right to read it (O_PATH): it stays that process's,
 * whoever is given its id later. Returns a descriptor, or -errno.
 */
int procfs_open(int pid);

/*
 * Whether the process of @directory, from procfs_open(), began at
 * @start_boottime (ns): 0; -ESRCH: it did not, or is gone.
 */
int procfs_started(int directory, uint64_t start_boottime);

/*
 * The path of the file that process @pid runs, if it is the one that began at
 * @start_boottime (ns): as executable_path_fn.
 */
int procfs_executable(int pid, uint64_t start_boottime, char *path, size_t size);

/*
 * What the environment of process @pid has in memory, at most @size bytes into @text: strings that end with 0. By
 * CAP_SYS_PTRACE alone: /proc/PID/environ is there for the process's own user, and asks for more. Returns the length,
 * or -errno.
 */
ssize_t procfs_environment(int pid, char *text, size_t size);

/* Cuts off the kernel's mark of a file that has no name any more. */
void procfs_strip_deleted(char *path);

/* The range of ports that the kernel gives out by itself; what is not known stays as it was. */
void procfs_ephemeral_ports(uint16_t *low, uint16_t *high);

/* The same of a line that has the two numbers. */
void procfs_parse_ports(const char *line, uint16_t *low, uint16_t *high);

/* The network namespace of the calling process, an inode number; 0: not known. */
uint32_t procfs_net_ns(void);

/* Text of /etc/machine-id, 32 digits; "" if there is none. */
void machine_id(char id[33]);

/* Cuts what is no digit, and what follows. */
void machine_id_clean(char *id);

/* Addresses of the interfaces; returns how many of them were written, at most @size. */
unsigned int interface_addresses(struct address *list, unsigned int size);

#endif
