/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "docker.h"
#include "ecs.h"
#include "ecs_describe.h"
#include "lookup.h"
#include "procfs.h"

enum { ENVIRONMENT_MAX = 256 << 10 };

/* The endpoint id that process @pid was given; an answer for it is checked against the container. */
static void endpoint_of_process(int pid, char endpoint[FACT_SIZE])
{
	char text[ENVIRONMENT_MAX];
	ssize_t length = procfs_environment(pid, text, sizeof(text));

	if (length <= 0)
		return;
	ecs_endpoint_of_environment(text, (size_t)length, endpoint);
	explicit_bzero(text, (size_t)length);
}

/* What is gone has no environment any more, neither by Docker nor by its process. */
static bool is_gone(const struct identity_request *request, enum identity_result docker)
{
	char path[64];

	if (docker != IDENTITY_NOT_FOUND || request->pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d", request->pid);
	return access(path, F_OK) < 0;
}

/* Returns what Docker and, where that does not suffice, the agent say; @gone: whether the container is no more. */
static enum identity_result find_container(struct http *http, const struct lookup_sources *sources,
					   const struct identity_request *request, struct container_facts *facts,
					   bool *gone)
{
	enum identity_result docker = IDENTITY_UNAVAILABLE, agent = IDENTITY_UNAVAILABLE;
	struct container_facts introspected;

	if (*sources->docker_socket)
		docker = docker_container(http, sources->docker_socket, request->container_id, facts);
	*gone = is_gone(request, docker);
	if (docker == IDENTITY_FOUND && (facts->task.arn[0] || !request->in_task))
		return IDENTITY_FOUND;
	if (*sources->ecs_introspection)
		agent = ecs_introspect(http, sources->ecs_introspection, request->container_id, &introspected);
	if (docker == IDENTITY_FOUND) {
		if (agent == IDENTITY_FOUND)
			facts->task = introspected.task;
		return IDENTITY_FOUND;
	}
	if (agent == IDENTITY_FOUND)
		*facts = introspected;
	return agent == IDENTITY_UNAVAILABLE ? docker : agent;
}

static enum identity_result find_task(struct http *http, const struct lookup_sources *sources,
				      const struct identity_request *request, struct container_facts *facts,
				      bool gone)
{
	unsigned int addresses = facts->address_count;
	struct task_facts task;

	if (!facts->endpoint[0] && request->pid > 0)
		endpoint_of_process(request->pid, facts->endpoint);
	if (!facts->endpoint[0])
		return !gone && (facts->task.arn[0] || request->in_task) ? IDENTITY_UNAVAILABLE : IDENTITY_NOT_FOUND;
	if (!*sources->ecs_task_metadata ||
	    ecs_task(http, sources->ecs_task_metadata, facts->endpoint, request->container_id, &task, facts))
		return IDENTITY_UNAVAILABLE;
	if (facts->task.arn[0] && strcmp(facts->task.arn, task.arn)) {
		facts->address_count = addresses;
		return IDENTITY_UNAVAILABLE;
	}
	facts->task = task;
	return IDENTITY_FOUND;
}

void lookup(struct http *http, const struct lookup_sources *sources, const struct identity_request *request,
	    struct identity_answer *answer)
{
	bool gone;

	memset(answer, 0, sizeof(*answer));
	strcpy(answer->container_id, request->container_id);
	answer->task = IDENTITY_UNAVAILABLE;
	answer->container = find_container(http, sources, request, &answer->facts, &gone);
	if (request->task_known)
		return;
	if (answer->container == IDENTITY_FOUND || request->in_task)
		answer->task = find_task(http, sources, request, &answer->facts, gone);
}

/* A task that was asked about in vain once may yet be told by the agent at the next time; one that is gone never. */
static bool is_for_api(const struct identity_request *request, const struct identity_answer *answer)
{
	return !request->task_known && answer->task != IDENTITY_FOUND &&
	       (answer->task == IDENTITY_NOT_FOUND || request->again);
}

void lookup_by_api(struct ecs_api *api, const struct instance_facts *instance, const struct identity_request *request,
		   uint64_t now, struct identity_answer *answer)
{
	struct task_facts *task = &answer->facts.task, told;
	const char *cluster = task->cluster[0] ? task->cluster : instance->cluster;
	char id[HADAL_TASK_ID_SIZE], region[ECS_REGION_SIZE];

	task_id_of_arn(task->arn, id);
	if (!id[0])
		strcpy(id, request->task_id);
	ecs_arn_field(task->arn, 3, region, sizeof(region));
	if (!region[0])
		strcpy(region, instance->region);
	if (!id[0] || !region[0] || !cluster[0] || !is_for_api(request, answer))
		return;
	answer->task = ecs_api_task(api, region, cluster, id, now, &told, &answer->full);
	if (answer->task == IDENTITY_FOUND)
		task_learn(task, &told);
}
