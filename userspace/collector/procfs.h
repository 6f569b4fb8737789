/* SPDX-License-Identifier: MIT */
/*
 * What /proc and the interfaces tell of this host.
 */
#ifndef HADALD_PROCFS_H
#define HADALD_PROCFS_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"

/*
 * The path of the file that process @pid runs, if it is the one that began at
 * @start_boottime (ns): as executable_path_fn.
 */
int procfs_executable(int pid, uint64_t start_boottime, char *path, size_t size);

/* The range of ports that the kernel gives out by itself; what is not known stays as it was. */
void procfs_ephemeral_ports(uint16_t *low, uint16_t *high);

/* The network namespace of the calling process, an inode number; 0: not known. */
uint32_t procfs_net_ns(void);

/* Text of /etc/machine-id, 32 digits; "" if there is none. */
void machine_id(char id[33]);

/* Addresses of the interfaces; returns how many of them were written, at most @size. */
unsigned int interface_addresses(struct address *list, unsigned int size);

#endif
