/* SPDX-License-Identifier: MIT */
/*
 * uthash, set up so that a failed allocation is an error of one insertion and
 * not the end of the process.
 */
#ifndef HADALD_TABLE_H
#define HADALD_TABLE_H

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((void)(element))

#include <uthash.h>
#include <utlist.h>

/* Whether the insertion of @element through @handle took place. */
#define TABLE_INSERTED(element, handle) ((element)->handle.tbl != NULL)

#endif
