/* SPDX-License-Identifier: MIT */
/*
 * The ECS API, DescribeTasks, as the last source of a task's service: asked
 * for what is wanted, by many at once, rarely. Of one thread. Times are ms of
 * CLOCK_MONOTONIC.
 */
#ifndef HADALD_ECS_API_H
#define HADALD_ECS_API_H

#include <stdatomic.h>

#include "aws_chain.h"
#include "container.h"

enum {
	ECS_API_TASKS = 256,		/* that are wanted, or whose answers are kept */
	ECS_API_TIMEOUT = 2000,		/* for one question */
	ECS_API_SPACING = 1000,		/* between two */
	ECS_API_FIRST_MIN = 1000,	/* from the first that is wanted to the question */
	ECS_API_FIRST_MAX = 5000,
	ECS_API_WAIT_FIRST = 2000,	/* after a failure; it doubles */
	ECS_API_WAIT_MAX = 600000,
	ECS_API_STALE = 600000,		/* who was not asked about for so long is not wanted any more */
};

/* Strings are borrowed. */
struct ecs_api_config {
	bool on;
	const char *endpoint;	/* NULL or "": the region's own */
	struct aws_credential_sources credentials;
};

struct ecs_api;

/* @stop: when it becomes true a question under way ends; may be NULL. NULL: no memory. */
struct ecs_api *ecs_api_new(const struct ecs_api_config *config, const atomic_bool *stop);

/* Credentials are wiped. @api may be NULL. */
void ecs_api_free(struct ecs_api *api);

/**
 * ecs_api_task() - what is known of a task
 * @cluster: its name
 * @id: the last part of its ARN
 * @facts: set when it is found; without a service if it has none
 * @full: set to whether it could not be noted, as ECS_API_TASKS wait
 *
 * Asks nobody, but notes what is to be asked for.
 *
 * Return: NOT_FOUND: the API knows no such task, or that is no task's name;
 * UNAVAILABLE: it was not asked yet.
 */
enum identity_result ecs_api_task(struct ecs_api *api, const char *region, const char *cluster, const char *id,
				  uint64_t now, struct task_facts *facts, bool *full);

/* When ecs_api_turn() has something to do; UINT64_MAX: never, as it stands. */
uint64_t ecs_api_due(const struct ecs_api *api);

/* Gets credentials or asks, one of both, if that is due. */
void ecs_api_turn(struct ecs_api *api, uint64_t now);

#endif
