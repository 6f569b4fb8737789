/* SPDX-License-Identifier: MIT */
/*
 * How a request shows who sends it, where that is more than a header that stays as
 * it is: a signature, a token that is changed now and then.
 */
#ifndef HADAL_SHIP_AUTH_H
#define HADAL_SHIP_AUTH_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ship.h"

/* What is to be sent. */
struct hadal_ship_unsent {
	enum hadal_signal signal;
	const char *url;
	const void *body;
	size_t size;		/* bytes */
};

/* An answer's part that may be about who sent the request. Strings are "" where there are none. */
struct hadal_ship_refusal {
	uint64_t number;	/* as authorize() gave it */
	enum hadal_signal signal;
	long status;
	const char *date;	/* its header Date */
	const char *type;	/* its header X-Amzn-ErrorType */
	const void *body;
	size_t size;		/* bytes */
};

/* Begins the struct of who implements it. Of both functions any thread may call, several at once. */
struct hadal_ship_auth {
	/*
	 * Appends to @headers what shows who sends @unsent; all that is in it
	 * already is sent too. @number: set, for refused(). Does not wait for others.
	 *
	 * Return: 0; -EAGAIN: that cannot be shown now; -ENOMEM. @error then has why, without a secret.
	 */
	int (*authorize)(struct hadal_ship_auth *auth, const struct hadal_ship_unsent *unsent,
			 struct curl_slist **headers, uint64_t *number, char *error, size_t error_size);
	/*
	 * Looks at a status from 400 on. Does not wait for others.
	 *
	 * Return: whether it is for what authorize() appended, and the next attempt may
	 * show something else: @error then has what was wrong. Else the status holds.
	 */
	bool (*refused)(struct hadal_ship_auth *auth, const struct hadal_ship_refusal *refusal, char *error,
			size_t error_size);
	/* By who lets go of it last. */
	void (*close)(struct hadal_ship_auth *auth);
	unsigned int shares;	/* beyond that of who made it */
};

/* NULL is allowed. */
static inline void hadal_ship_auth_share(struct hadal_ship_auth *auth)
{
	if (auth)
		__atomic_add_fetch(&auth->shares, 1, __ATOMIC_RELAXED);
}

/* NULL is allowed. */
static inline void hadal_ship_auth_release(struct hadal_ship_auth *auth)
{
	if (auth && __atomic_fetch_sub(&auth->shares, 1, __ATOMIC_ACQ_REL) == 0)
		auth->close(auth);
}

#endif
