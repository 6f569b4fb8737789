/* SPDX-License-Identifier: MIT */
/* Requests of the shipper, signed as AWS wants it. */
#ifndef HADALD_AUTH_SIGV4_H
#define HADALD_AUTH_SIGV4_H

#include "aws_keeper.h"
#include "aws_scope.h"
#include "ship_auth.h"

enum {
	AWS_CLOCK_OFF = 240,		/* s from which on a wrong signature is one of a wrong time: AWS allows 300 */
	AWS_DENIED_WAIT = 300000,	/* ms that a permission is waited for */
};

/* What AWS finds wrong with a request. */
enum aws_refusal {
	AWS_REFUSAL_OTHER,	/* nothing that is about who sends it */
	AWS_REFUSAL_CLOCK,	/* when it was signed */
	AWS_REFUSAL_SIGNATURE,	/* that, or by which key */
	AWS_REFUSAL_ENDED,	/* the credentials are no more */
	AWS_REFUSAL_DENIED,	/* they may not do this */
};

/**
 * aws_refusal_of() - what an answer from 400 on is about
 * @name: set to the error's name, static; "" for OTHER and DENIED without one
 *
 * The name is looked for in the header and in the first part of the body, whatever
 * form that has: services answer in JSON, XML and protobuf.
 */
enum aws_refusal aws_refusal_of(const struct hadal_ship_refusal *refusal, const char **name);

/*
 * Whether a permission is lacking, by signal. It may yet be given, so what is denied
 * waits; but not for ever, as what is behind it would wait too.
 */
struct aws_denial {
	uint64_t since;		/* ms, CLOCK_MONOTONIC: of the first that was denied; 0: none was */
	bool under_way;		/* one was sent, and has not been denied yet */
};

/* A request is sent: the one before it, unless it was denied, was not. */
void aws_denial_sent(struct aws_denial *denial);

/* It is denied. @now: ms, CLOCK_MONOTONIC, not 0. Returns whether it is to wait. */
bool aws_denial_waits(struct aws_denial *denial, uint64_t now);

/**
 * auth_sigv4_new() - sign with credentials of one's own keeper
 * @scopes: by signal; of those that are not shipped, anything
 *
 * Return: 0 and @auth, for its close(); -ENOMEM; -EAGAIN: no thread.
 */
int auth_sigv4_new(const struct aws_credential_sources *sources, const struct aws_scope scopes[HADAL_SIGNALS],
		   struct hadal_ship_auth **auth);

#endif
