/* SPDX-License-Identifier: MIT */
/*
 * Systems made below a directory, for tests of what looks at them.
 */
#ifndef HOST_FIXTURE_H
#define HOST_FIXTURE_H

#include "checks.h"

struct fixture {
	char root[64];
	struct host host;
};

/* For cmocka. */
int host_setup(void **state);
int host_teardown(void **state);

/* Writes content to path below the root, making its directories; mode 0755. */
void put(struct fixture *fixture, const char *path, const char *content);
void put_bytes(struct fixture *fixture, const char *path, const void *content, size_t size);

/* What the one check of that name finds, of its first sink, as of a system that does not run. */
struct finding look(struct fixture *fixture, const char *release, const char *name);

/* The same as if the system below the root were the one that runs. */
struct finding look_running(struct fixture *fixture, const char *release, const char *name);

#endif
