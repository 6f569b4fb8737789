/* SPDX-License-Identifier: MIT */
/*
 * DescribeTasks of the ECS API, as JSON: what is sent, what comes back.
 */
#ifndef HADALD_ECS_DESCRIBE_H
#define HADALD_ECS_DESCRIBE_H

#include <stdbool.h>

#include "container.h"

enum {
	ECS_DESCRIBE_TASKS = 100,	/* in one question, by the API */
	ECS_REGION_SIZE = 32,
	ECS_ERROR_SIZE = 64,
};

/* Whether @region may become part of a host's name: the role's session token goes to that host. */
bool ecs_is_region(const char *region);

/* The service's address in @region, which is one. */
void ecs_api_url(const char *region, char *url, size_t size);

/**
 * ecs_describe_request() - the body for the tasks of one cluster
 * @ids: of tasks, the last part of their ARNs
 * @count: at most ECS_DESCRIBE_TASKS
 *
 * Return: text, for free(); NULL: no memory.
 */
char *ecs_describe_request(const char *cluster, const char *const *ids, unsigned int count);

/**
 * ecs_describe_parse() - read an answer
 * @cluster: that was asked of: tasks of another are not taken
 * @found: is told each task that has its ARN. Of what is not there, "failures" says why, which makes no difference
 *
 * Return: 0; -EINVAL: it is no answer.
 */
int ecs_describe_parse(const char *text, size_t length, const char *cluster,
		       void (*found)(void *context, const char *id, const struct task_facts *facts), void *context);

/* The name of the error in an answer with another status than 200, such as "ThrottlingException"; "": it has none. */
void ecs_error_parse(const char *text, size_t length, char error[ECS_ERROR_SIZE]);

#endif
