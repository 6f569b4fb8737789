/* SPDX-License-Identifier: MIT */
/*
 * Brings a file to the disk while it is written: by a thread, since that may take long and
 * rings fill up meanwhile.
 */
#ifndef HADAL_CLI_RECORD_SYNC_H
#define HADAL_CLI_RECORD_SYNC_H

struct record_sync;

/* @fd stays the caller's. *@sync is NULL where there is nothing to do, as for a pipe. Returns 0 or -errno. */
int record_sync_new(struct record_sync **sync, int fd);

/* What was written up to now is to go there. Waits for nothing; returns 0, or -errno of one that failed before. */
int record_sync_want(struct record_sync *sync);

/* Once more, which is waited for; frees it. NULL is allowed. */
int record_sync_end(struct record_sync *sync);

#endif
