/* SPDX-License-Identifier: MIT */
/*
 * The thread that asks Docker, the ECS agent and the ECS API who containers are. Its
 * sources may be slow; the rest of the collector never waits for them.
 */
#ifndef HADALD_IDENTITY_H
#define HADALD_IDENTITY_H

#include "ecs.h"
#include "lookup.h"

enum { IDENTITY_QUEUE = 1024 };

struct identity;

/*
 * Starts the thread. The strings of @sources must outlive it. Returns 0;
 * -ENOMEM; -EAGAIN: no thread; -EMFILE and its like: no eventfd.
 */
int identity_start(const struct lookup_sources *sources, struct identity **identity);

/* Ends a look-up under way and the thread. @identity may be NULL. */
void identity_stop(struct identity *identity);

/* Readable when there are answers. */
int identity_fd(const struct identity *identity);

/* Returns 0, or -ENOBUFS: IDENTITY_QUEUE requests or answers wait. */
int identity_ask(struct identity *identity, const struct identity_request *request);

/* Takes the next answer; false when there is none now. */
bool identity_take(struct identity *identity, struct identity_answer *answer);

/* What is known of this instance; false until the agent or EC2 has told. */
bool identity_instance(struct identity *identity, struct instance_facts *facts);

/* Whether one is there that may tell more soon: it is slow or busy, or the agent has not registered yet. */
bool identity_instance_pending(struct identity *identity);

#endif
