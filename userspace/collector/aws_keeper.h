/* SPDX-License-Identifier: MIT */
/*
 * Keeps credentials of AWS that are good now, for any thread: gets others before they
 * end, and when they are refused. And AWS's clock, by which they end and by which
 * requests are signed.
 */
#ifndef HADALD_AWS_KEEPER_H
#define HADALD_AWS_KEEPER_H

#include <stdint.h>

#include "aws_chain.h"

enum {
	AWS_RENEW_BEFORE = 300,		/* s before they end, and */
	AWS_RENEW_SPREAD = 60,		/* up to so much more, at random; but not in the first half of their time */
	AWS_KEEP_UNKNOWN = 900,		/* s, where their end is not told */
	AWS_RENEW_SPACING = 30000,	/* ms: refused ones are not replaced more often */
	AWS_RETRY_FIRST = 1000,		/* ms, after there were none; it doubles */
	AWS_RETRY_MAX = 60000,
};

struct aws_keeper;

/**
 * aws_keeper_start() - begin to keep credentials, with a thread of its own
 *
 * Return: 0; -ENOMEM; -EAGAIN: no thread.
 */
int aws_keeper_start(const struct aws_credential_sources *sources, struct aws_keeper **keeper);

/* Wipes them. @keeper may be NULL. */
void aws_keeper_stop(struct aws_keeper *keeper);

/**
 * aws_keeper_get() - the credentials that are good now; asks nobody
 * @credentials: for aws_wipe_credentials()
 * @error: gets why there are none
 *
 * Return: their number, from 1, for aws_keeper_refused(); 0: there are none now.
 */
uint64_t aws_keeper_get(struct aws_keeper *keeper, struct aws_credentials *credentials, char error[AWS_ERROR_SIZE]);

/* Those of that number are said to be no good: others are got, if they are still those that are kept. */
void aws_keeper_refused(struct aws_keeper *keeper, uint64_t number);

/* Now, as AWS has it: s since 1970. */
time_t aws_keeper_now(struct aws_keeper *keeper);

/**
 * aws_keeper_set_clock() - take over what AWS says of now
 * @date: s since 1970
 *
 * Return: whether it is another time than aws_keeper_now(), by more than some seconds.
 */
bool aws_keeper_set_clock(struct aws_keeper *keeper, time_t date);

#endif
