/* SPDX-License-Identifier: MIT */
/*
 * What processes use, out of /proc/PID/stat: sampled while somebody asks.
 */
#ifndef HADALD_PROCESS_USAGE_H
#define HADALD_PROCESS_USAGE_H

#include "process_table.h"

/*
 * Samples the living processes of @table, the kernel's own left out, @limit of
 * them at most. @proc: a descriptor of /proc. One whose id is another's by now is passed over.
 */
void process_usage_sample(struct process_table *table, int proc, unsigned int limit);

#endif
