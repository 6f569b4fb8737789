/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The path of a file that is executed.
 */
#ifndef HADAL_EXEC_PATH_H
#define HADAL_EXEC_PATH_H

#include <linux/types.h>

struct path;

void hadal_exec_path_prepare_cpu(unsigned int cpu);
void hadal_exec_path_free(void);

const char *hadal_exec_path(const struct path *file, size_t *length);

#endif /* HADAL_EXEC_PATH_H */
