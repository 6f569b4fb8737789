/* SPDX-License-Identifier: MIT */
/*
 * By which build a file was made, as far as the file itself tells: the notes
 * of linkers and what Go's writes of itself. Files are those of containers:
 * anybody's, of any content and size.
 */
#ifndef HADALD_BUILD_H
#define HADALD_BUILD_H

#include <stdatomic.h>
#include <stdbool.h>

/* Each is printable ASCII, "" where the file says nothing or more than there is room for. */
struct build_facts {
	char gnu_id[129];		/* hexadecimal digits, of .note.gnu.build-id */
	char go_id[129];		/* as `go tool buildid` prints it */
	char go_version[64];		/* "go1.22.1": of Go's compiler and runtime */
	char module_path[256];		/* of Go's main module */
	char module_version[128];	/* "(devel)" if it was no released one */
};

/* Facts that are shared, between threads too, and do not change. */
struct build {
	atomic_uint references;
	struct build_facts facts;
};

/*
 * Reads what the regular file behind @fd says. It takes at most 256 KiB
 * of it, in at most 2,300 reads, however large it is and whatever it
 * holds. Returns 0, all that was found being in @facts (perhaps nothing);
 * -ENOEXEC: it is no ELF file; -EIO and its like.
 */
int build_read(int fd, struct build_facts *facts);

/* One reference, for build_put(); NULL: no memory. */
struct build *build_new(const struct build_facts *facts);
struct build *build_ref(struct build *build);

/* @build may be NULL. */
void build_put(struct build *build);

#endif
