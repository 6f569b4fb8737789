/* SPDX-License-Identifier: MIT */
/*
 * A program that talks over TCP and keeps a ledger of it: the known traffic of
 * tests/e2e/modes and tests/e2e/chaos. Each line of a ledger is written before
 * anything else happens, by one write(), so that it outlives a SIGKILL.
 *
 * A client begins with a line `NAME PORT SEND WANT`: its name, its own port, how
 * many bytes follow, and how many it wants back. It closes after the server has.
 */
#ifndef HADAL_TEST_TALKER_H
#define HADAL_TEST_TALKER_H

#include <stdint.h>

enum {
	TALKER_NAME = 64,	/* bytes of a name, its 0 too */
	TALKER_LINE = 192,	/* of a client's first line */
	TALKER_CHUNK = 16384,	/* bytes that are sent or read at once */
};

struct target {
	char name[TALKER_NAME];
	char host[TALKER_NAME];		/* an address */
	char port[8];			/* where it is reached */
};

/* Opens the ledger at @path, to append; a path of "-" is standard output. Ends the program if it can't. */
void ledger_open(const char *path);

/* Adds a line: @format's text. Ends the program if it can't. */
void ledger(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* CLOCK_MONOTONIC, in nanoseconds. */
uint64_t talker_now(void);

/* Sends @count bytes of no meaning. Returns how many were taken: fewer if the connection broke. */
uint64_t send_bytes(int fd, uint64_t count);

/* Reads up to @count bytes, or the end. Returns how many came. */
uint64_t read_bytes(int fd, uint64_t count);

/* Serves at @port of all addresses, of both families, until it is killed. */
int serve(const char *port);

/*
 * Calls each of @count @targets in turn as @name, @rounds times (0: until it is
 * killed), @pause_ms between calls.
 */
int call(const char *name, struct target *targets, unsigned int count, uint64_t rounds, unsigned int pause_ms);

/*
 * Runs @command as the first process of a new pid namespace, in cgroup @directory
 * and the network namespace at @network (NULL: its own), and kills it @life_ms
 * after it was executed. Prints how many nanoseconds it lived then. Returns 0.
 */
int enter(const char *directory, const char *network, unsigned int life_ms, char **command);

#endif
