/* SPDX-License-Identifier: MIT */
/*
 * What the ECS agent's endpoints say of tasks and of this instance.
 */
#ifndef HADALD_ECS_H
#define HADALD_ECS_H

#include "container.h"
#include "http.h"

/* What is said of this instance; "" where nothing is. */
struct instance_facts {
	char cluster[FACT_SIZE];	/* by the agent; it tells account and region too */
	char account[16];
	char region[32];
	char instance[32];		/* this and the rest by EC2 itself */
	char zone[64];
	char type[64];
	char image[64];
};

/*
 * Takes the endpoint id out of "ECS_CONTAINER_METADATA_URI_V4=URL"; leaves
 * @endpoint alone if @variable is another.
 */
void ecs_endpoint_of_variable(const char *variable, char endpoint[FACT_SIZE]);

/* The same out of an environment, variables with a NUL each, @length bytes. */
void ecs_endpoint_of_environment(const char *text, size_t length, char endpoint[FACT_SIZE]);

/* Field @index of an ARN, from 0: arn:partition:service:region:account:resource; "": it is none, or does not fit. */
void ecs_arn_field(const char *arn, unsigned int index, char *to, size_t size);

/*
 * Readers of answers: GET /v1/metadata; /v1/tasks?dockerid=ID; /v4/EID/task of
 * the task metadata endpoint. Return 0; -EINVAL: it is not that, or it is of a
 * task without container @id.
 */
int ecs_parse_metadata(const char *text, size_t length, struct instance_facts *facts);
int ecs_parse_introspected(const char *text, size_t length, const char *id, struct container_facts *facts);
int ecs_parse_task(const char *text, size_t length, const char *id, struct task_facts *facts);

/* Adds the addresses that /v4/EID/task tells of container @id alone; none where it is not that. */
void ecs_parse_addresses(const char *text, size_t length, const char *id, struct container_facts *facts);

/* The same, asked of the agent. @base: such as http://127.0.0.1:51678. Of metadata NOT_FOUND: no agent is there. */
enum identity_result ecs_metadata(struct http *http, const char *base, struct instance_facts *facts);
enum identity_result ecs_introspect(struct http *http, const char *base, const char *id,
				    struct container_facts *facts);

/*
 * Asks for the task of container @id. Where none of @container's addresses is known they come from there too;
 * those of the task's own interface, in mode awsvpc, are the task's.
 */
enum identity_result ecs_task(struct http *http, const char *base, const char *endpoint, const char *id,
			      struct task_facts *task, struct container_facts *container);

#endif
