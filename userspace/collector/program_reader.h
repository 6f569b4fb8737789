/* SPDX-License-Identifier: MIT */
/*
 * The thread that looks at the files that processes run. A file may be on a
 * network's file system and take long; nothing else waits for it.
 */
#ifndef HADALD_PROGRAM_READER_H
#define HADALD_PROGRAM_READER_H

#include <sys/types.h>
#include <time.h>

#include "program.h"

enum { PROGRAM_FILES = 4096 };	/* remembered, those looked at last */

struct program_reader;

/* Returns 0; -ENOMEM; -EAGAIN: no thread; -EMFILE and its like: no sockets. */
int program_reader_start(struct program_reader **reader);

/*
 * Ends it, within a second or so: a thread that hangs in a file is left behind,
 * with what it holds. Answers that were not taken are lost. @reader may be NULL.
 */
void program_reader_stop(struct program_reader *reader);

/* Returns 0, or -EAGAIN: not now. */
int program_reader_ask(struct program_reader *reader, const struct program_question *question);

/* Takes the next answer; false when there is none now. */
bool program_reader_take(struct program_reader *reader, struct program_answer *answer);

/* Which file, and in which state. */
struct file_key {
	uint64_t device, inode, size;
	uint64_t changed;	/* ns since the epoch: change time */
};

/*
 * Finds the file @name, from directory @directory; a link is followed, for
 * /proc/PID/exe is one to the file itself. Returns a descriptor that nothing
 * was opened for (O_PATH), and its key; -ENOENT and its like; -EACCES: it is
 * no regular file.
 */
int program_find(int directory, const char *name, struct file_key *key);

/*
 * Reads the build of the file behind @path_fd, which program_find() gave.
 * Returns 0; -ESTALE: it is no longer what @key says; or an error of open() or
 * build_read().
 */
int program_read(int path_fd, const struct file_key *key, struct build_facts *facts);

#endif
