/* SPDX-License-Identifier: MIT */
/*
 * A thread for what may take its time and is to be done again and again: asking
 * others, mostly, so that nobody who works has to wait for them.
 */
#ifndef HADALD_ERRAND_H
#define HADALD_ERRAND_H

#include <stdatomic.h>
#include <stdint.h>

enum { ERRAND_NEVER = -1 };

struct errand;

/*
 * Does it once. @stop: when it becomes true it is to return soon, as http_new()'s
 * requests do. Returns after how many ms it is due again; ERRAND_NEVER: when asked for.
 */
typedef int64_t (*errand_fn)(void *context, const atomic_bool *stop);

/**
 * errand_start() - do something at once, and then whenever it is due
 * @name: of the thread, at most 15 characters
 *
 * Return: 0 and @errand for errand_stop(); -ENOMEM; -EAGAIN: no thread.
 */
int errand_start(const char *name, errand_fn run, void *context, struct errand **errand);

/* Has it done now, and once more if it is being done. Any thread may, and @run too. */
void errand_ask(struct errand *errand);

/* Waits for @run's end. @errand may be NULL. */
void errand_stop(struct errand *errand);

/* A number from @least to @most at random, so that hosts of a fleet do not do the same at once. */
uint64_t errand_between(uint64_t least, uint64_t most);

/*
 * ms to wait after @failures, 1 or more of them in a row: @first, doubling up to @most,
 * and of that from half to all at random.
 */
int64_t errand_back_off(unsigned int failures, uint64_t first, uint64_t most);

#endif
